//! A content-addressed store of blobs over folders and object stores.
//!
//! A blob lies under `<root>/<kk>/<key>`, where the key is the hash of its content and `kk` the
//! first two digits of that. It is whole or it is not there, and it never changes what it means.
//! The same layout is Metaflow's: with [`WriteAs::MetaflowVanilla`] and its sisters this crate
//! writes what Metaflow reads, and it reads all that Metaflow wrote.
//!
//! ```
//! use fastdata_cas::{Blobs, BlobsOptions};
//!
//! let folder = tempfile::tempdir()?;
//! let blobs = Blobs::open(folder.path().to_str().ok_or("not UTF-8")?, BlobsOptions::default())?;
//! let saved = blobs.save(b"to be kept")?;
//! assert_eq!(&blobs.load(&saved.key)?[..], b"to be kept");
//! assert_eq!(&blobs.open_range(&saved.key, 6..10)?[..], b"kept");
//! assert!(!blobs.save(b"to be kept")?.is_new);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Blobs`], [`BlobsOptions`]: a store; [`Durability`]: what a returned save is worth
//! - [`WriteAs`], [`Form`]: how bodies are stored
//! - [`VerifyReport`], [`GcReport`], [`MigrateReport`]: what the upkeep found and did
//! - [`roots_below`]: the stores of a Metaflow datastore
//! - [`Error`], [`ErrorKind`]: what went wrong and what a caller can do about it

mod backend;
mod blobs;
mod body;
mod crowd;
mod error;
mod form;
mod upkeep;

pub use backend::Durability;
pub use blobs::{BlobStat, Blobs, BlobsOptions, Listed, Saved};
pub use error::{Error, ErrorKind, Result};
pub use fastdata_codec::{Check, Codec, HashAlgorithm, Key, Limits, Mode, Packing};
pub use form::{Form, WriteAs};
pub use upkeep::{GcOptions, GcReport, MigrateOptions, MigrateReport, VerifyReport, roots_below};
