//! The trait between everybody who wants bytes and whatever brings them.

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::{Location, Result};

/// What a listing says about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes when it was listed.
    pub size_bytes: u64,
}

/// Reads objects.
///
/// # Contract
///
/// Implemented by the stores of this crate and by wrappers around them in tests; called by whoever
/// needs bytes. Every implementation promises:
///
/// - **All or an error.** An `Ok` holds every byte that was asked for. All bytes of one call come
///   from one version of the object; when it changes meanwhile the call fails with
///   [`ErrorKind::Precondition`](crate::ErrorKind::Precondition). Nothing is promised between two
///   calls.
/// - **Ranges** may come in any order, overlap, repeat and be empty. A range that ends past the
///   object is [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument), and so is one
///   whose start lies behind its end. An empty range is answered without looking at the object.
/// - **Retries** have happened when an error arrives; a caller does not add its own.
/// - **Keys are opaque.** Nothing is decoded, encoded or normalised on the way. A key that an
///   implementation cannot express is [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported).
/// - **Dropping** a future or stream stops its work.
/// - **Memory.** A `Bytes` may keep up to 16 MiB of its neighbours in the same call alive, or the
///   whole of the range that it answers. Callers bound what they ask for at one time.
///
/// The futures of object stores need a tokio runtime with I/O and time enabled.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// The bytes of `ranges` of one object: one answer a range, in the order of `ranges`, each
    /// exactly as long as its range.
    ///
    /// To be called with all ranges that are needed: neighbours become one request, large ranges
    /// several that run at the same time.
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>>;

    /// As [`Store::read_ranges`], for a caller on a CPU thread: `Some` when the bytes come without
    /// waiting on a network (the thread reads them itself), else `None`, at once.
    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>>;

    /// The last `bytes` bytes of an object, all of it when it is shorter, and its size in bytes.
    /// One request.
    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)>;

    /// The size of an object in bytes.
    async fn size(&self, object: &Location) -> Result<u64>;

    /// A whole object, or [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) when it is
    /// longer than `max_bytes`.
    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes>;

    /// Every object below a folder, at any depth, ordered by key as bytes.
    ///
    /// Below means: the key starts with the folder's key and a `/`. A folder without objects, or
    /// one that does not exist, has an empty listing, as object stores know no folders; nor is an
    /// object below itself. Objects of size zero may be markers that some tools leave for folders.
    /// An error ends the stream.
    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>>;
}
