//! S3 and what speaks its protocol: an HTTP/1.1 client of our own, from the signature to the bytes
//! in their place.
//!
//! The decisions (retries, hedges, how many requests at a time, which address, whether a body is
//! dead) are state machines without clocks or sockets, tested in virtual time; the rest does what
//! they say.

mod addresses;
mod attributes;
mod bucket;
mod client;
mod concurrency;
mod connection;
mod credentials;
mod date;
mod diagnose;
mod endpoint;
mod engine;
mod failure;
mod fetch;
mod hedge;
mod list;
mod login;
mod pace;
mod part;
mod part_size;
mod pool;
mod rate;
mod retry;
mod service;
mod sign;
mod trust;
mod uploads;
mod version;
mod whole;
mod write;
mod xml;

pub(crate) use bucket::{Buckets, Pins};
pub use diagnose::Diagnosis;
pub(crate) use login::LoggedIn;
pub(crate) use part::STREAM_BYTES;
pub use service::{Answer, Service};
pub use uploads::OpenUpload;
pub use write::unfinished_uploads;
