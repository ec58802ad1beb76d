//! Objects wherever they are: addresses, listing and batches of ranged reads, the same for local
//! files, S3 and what speaks its protocol, Google Cloud Storage and Azure. The only crate that
//! opens sockets. It knows no file format.
//!
//! ```
//! use fastdata_store::{Location, StoreConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("hello.txt"), "hello, world")?;
//!
//! let store = fastdata_store::open(StoreConfig::default());
//! let folder = Location::parse(folder.path().to_str().ok_or("not UTF-8")?)?;
//! let hello = folder.join("hello.txt");
//! let runtime = tokio::runtime::Runtime::new()?;
//! let parts = runtime.block_on(store.read_ranges(&hello, &[7..12, 0..5]))?;
//! assert_eq!((&parts[0][..], &parts[1][..]), (&b"world"[..], &b"hello"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! - [`Location`]: an address; [`Store`]: what can be asked about it; [`open()`]: the way in
//! - [`PutOptions`], [`ObjectStat`]: writing and what is known about an object
//! - [`Transfers`]: objects into files and back, many at a time, for callers without a runtime
//! - [`Service`], [`Answer`]: requests to a service that speaks JSON
//! - [`StoreConfig`]: endpoints, credentials, timeouts
//! - [`Error`], [`ErrorKind`]: what went wrong and what a caller can do about it

mod checksum;
mod config;
mod error;
mod expected;
mod local;
mod location;
mod open;
mod pieces;
mod profile;
mod ranges;
mod remote;
mod s3;
mod secrets;
mod store;
mod threads;
mod transfer;

pub use checksum::{Checksum, ChecksumAlgorithm, Digest};
pub use config::{Secret, StoreConfig};
pub use error::{Error, ErrorKind, RequestDetails, Result};
pub use expected::{StoredPart, StoredParts};
pub use location::{Location, Scheme};
pub use open::open;
pub use s3::{Answer, Diagnosis, OpenUpload, Service, unfinished_uploads};
pub use store::{
    Answered, Entry, ObjectMeta, ObjectStat, PutCondition, PutOptions, PutResult, Store, Take,
};
pub use threads::request_threads;
pub use transfer::{
    Copied, CopyOptions, Downloaded, Outcome, Progressed, SyncStep, Transfers, Verification,
    remove_unfinished,
};
