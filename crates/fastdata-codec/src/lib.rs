//! Blobs: a content of bytes, its key, and the forms in which it is stored.
//!
//! Bytes in, bytes out, no I/O: the caller asks for ranges, brings them, and gets contents. Long
//! contents are packed, unpacked and hashed on all cores. The formats are specified in
//! `docs/formats/blob.md`.
//!
//! ```
//! use fastdata_codec::{Check, EncodeOptions, Limits, Mode};
//!
//! let numbers: Vec<u8> = (0..100_000).flat_map(|n: u32| (n as f32 / 10.0).to_le_bytes()).collect();
//! let (fast, key) = fastdata_codec::encode(&numbers, EncodeOptions::default())?;
//! let (compact, same) = fastdata_codec::encode(&numbers, EncodeOptions::of(Mode::Compact))?;
//! assert_eq!(key, same);
//! assert!(compact.len() < fast.len());
//!
//! let content = fastdata_codec::decode(compact.as_slice(), &Limits::default(), Check::Hash)?;
//! assert_eq!(content.as_slice(), numbers);
//! # Ok::<(), fastdata_codec::Error>(())
//! ```
//!
//! - [`Key`], [`HashAlgorithm`], [`KeyHasher`]: the name of a content
//! - [`Encoder`], [`encode()`]: version 3, our own; [`Mode`], [`Packing`], [`Codec`]: how
//! - [`Layout`]: the head of a version 3 blob, ranges of it; [`decode()`], [`BlobReader`]: all of it
//! - [`encode_gzip`], [`decode_gzip`], [`gzip_member`]: version 1, Metaflow's
//! - [`encode_lz4_frame`], [`decode_lz4_frame`]: version 2, proposed for Metaflow
//! - [`Limits`], [`Check`]: what a reader is willing to do
//! - [`Error`], [`ErrorKind`]: what went wrong and what a caller can do about it

mod codec;
mod decode;
mod encode;
mod error;
mod gzip;
mod key;
mod layout;
mod limits;
mod look;
mod lz4_frame;
mod numeric;
mod tree;
mod workers;

pub use codec::{Codec, Packing};
pub use decode::{BlobReader, decode};
pub use encode::{EncodeOptions, Encoder, encode};
pub use error::{Error, ErrorKind, Result};
pub use gzip::{GzipMember, decode_gzip, encode_gzip, gzip_member};
pub use key::{HashAlgorithm, Key, KeyHasher};
pub use layout::{Check, Head, Layout, MAGIC, VERSION};
pub use limits::{Limits, RATIO_MAX};
pub use look::Mode;
pub use lz4_frame::{decode_lz4_frame, encode_lz4_frame, is_compressible};
