//! The trait between everybody who wants bytes and whatever brings them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use crate::{Checksum, Error, Location, Result, Scheme, StoredParts};

/// What a listing says about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes when it was listed.
    pub size_bytes: u64,
    /// When it was written, if the store says so.
    pub modified: Option<SystemTime>,
    /// What identifies this version, if the store says so; quotes included.
    pub etag: Option<String>,
}

/// What lies directly in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An object.
    Object(ObjectMeta),
    /// A folder, with the slash at the end of its key.
    Folder(Location),
}

impl Entry {
    /// Its key.
    pub fn key(&self) -> &str {
        match self {
            Self::Object(object) => object.location.key(),
            Self::Folder(folder) => folder.key(),
        }
    }
}

/// What a store knows about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectStat {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// When it was written, if the store says so.
    pub modified: Option<SystemTime>,
    /// What identifies this version, quotes included: to be handed back in
    /// [`PutCondition::IfMatch`]. `None` where a store has none.
    pub etag: Option<String>,
    /// The media type, where it was given one.
    pub content_type: Option<String>,
    /// The checksum of all of it, where the store has one.
    pub checksum: Option<Checksum>,
    /// The parts that it was written in, where the store has checksums of theirs and none of all.
    pub parts: Option<StoredParts>,
    /// What its writer attached: `x-amz-meta-*` of S3, without the prefix, names in lower case.
    pub metadata: BTreeMap<String, String>,
}

/// Under which condition a write may happen. The store decides, so that of several writers at one
/// time exactly those win that may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// Whatever is there is replaced.
    #[default]
    Always,
    /// Nothing may be there (`If-None-Match: *`).
    IfAbsent,
    /// The version with this ETag has to be there (`If-Match`).
    IfMatch(String),
}

/// How an object is written.
///
/// ```
/// use fastdata_store::{PutCondition, PutOptions};
///
/// let options = PutOptions {
///     condition: PutCondition::IfAbsent,
///     metadata: [("run-id".to_owned(), "17".to_owned())].into(),
///     ..PutOptions::default()
/// };
/// assert!(!options.durable);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// When the write may happen.
    pub condition: PutCondition,
    /// Attached to the object: names of ASCII letters, digits, `-` and `_`, values of printable
    /// ASCII; at most 2 KB together. Local files keep it in extended attributes.
    pub metadata: BTreeMap<String, String>,
    /// The media type. Local files have none.
    pub content_type: Option<String>,
    /// A local file has reached the disk, and its name too, before the call returns. Object stores
    /// always see to that.
    pub durable: bool,
}

/// S3 allows 2 KB of names and values.
const METADATA_BYTES_MAX: usize = 2 << 10;

impl PutOptions {
    /// Refuses metadata that could not be read back as it was written.
    pub(crate) fn check(&self, object: &Location) -> Result<()> {
        let refused = |what: String| Err(Error::invalid(format!("cannot write {object}: {what}")));
        let mut total_bytes = 0;
        for (name, value) in &self.metadata {
            total_bytes += name.len() + value.len();
            let sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || !name.bytes().all(sound) {
                return refused(format!("{name:?} is no name for metadata"));
            }
            let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !printable || value.trim() != value {
                return refused(format!(
                    "the metadata {name:?} is not plain printable ASCII"
                ));
            }
        }
        if total_bytes > METADATA_BYTES_MAX {
            return refused(format!(
                "its metadata is {total_bytes} bytes long, the limit is {METADATA_BYTES_MAX}"
            ));
        }
        Ok(())
    }
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutResult {
    /// The new version, for [`PutCondition::IfMatch`]; `None` where a store has no ETags.
    pub etag: Option<String>,
}

/// What the answer to a read said of the object, as far as a store tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The size of the whole object in bytes.
    pub size_bytes: Option<u64>,
    /// What identifies the version, quotes included.
    pub etag: Option<String>,
    /// The checksum of the whole object: the bytes have been found to have it.
    pub verified: Option<Checksum>,
}

/// Takes bytes in their order, each once. What it fails with ends the reading.
pub type Take<'a> = dyn FnMut(&[u8]) -> Result<()> + Send + 'a;

/// Reads and writes objects.
///
/// # Contract
///
/// Implemented by the stores of this crate and by wrappers around them in tests; called by whoever
/// needs bytes. Every implementation promises:
///
/// - **All or an error.** An `Ok` holds every byte that was asked for. All bytes of one call come
///   from one version of the object; when it changes meanwhile the call fails with
///   [`ErrorKind::Precondition`](crate::ErrorKind::Precondition). Between two calls
///   only a view made by [`Store::pinned`] promises anything.
/// - **Ranges** may come in any order, overlap, repeat and be empty. A range that ends past the
///   object is [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument), and so is one
///   whose start lies behind its end. An empty range is answered without looking at the object.
/// - **Retries** have happened when an error arrives; a caller does not add its own.
/// - **Writes are whole.** Readers see the object as it was or as it is written, never a part. A
///   condition that does not hold is [`ErrorKind::Precondition`](crate::ErrorKind::Precondition),
///   and the object is as it was. When the answer was lost and reading back does not settle what
///   happened, it is [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown).
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

    /// Hands the bytes of one range to `take` as they come, by one request, for whoever has another
    /// place for them than memory, and returns what the answer said of the object.
    ///
    /// When it fails, `take` may have had some of the bytes; when it fails with
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged), all of them.
    async fn read_into<'a>(
        &self,
        object: &Location,
        range: Range<u64>,
        take: &'a mut Take<'a>,
    ) -> Result<Answered> {
        for bytes in self
            .read_ranges(object, std::slice::from_ref(&range))
            .await?
        {
            take(&bytes)?;
        }
        Ok(Answered::default())
    }

    /// The memory that [`Store::read_into`] takes for `bytes` of an object.
    fn read_into_memory_bytes(&self, _object: &Location, bytes: u64) -> u64 {
        bytes
    }

    /// The last `bytes` bytes of an object, all of it when it is shorter, and its size in bytes.
    /// One request.
    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)>;

    /// The size of an object in bytes.
    async fn size(&self, object: &Location) -> Result<u64>;

    /// What the store knows about an object, its metadata included.
    async fn stat(&self, object: &Location) -> Result<ObjectStat>;

    /// Writes a whole object; folders above it come into being.
    async fn put(&self, object: &Location, bytes: Bytes, options: &PutOptions)
    -> Result<PutResult>;

    /// As [`Store::put`], with the bytes of a local file, which is not read into memory as a whole
    /// where the store takes parts. A file that changes meanwhile is
    /// [`ErrorKind::Precondition`](crate::ErrorKind::Precondition).
    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult>;

    /// Removes an object. One that is not there is no error: it is gone either way.
    async fn delete(&self, object: &Location) -> Result<()>;

    /// A whole object, or [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) when it is
    /// longer than `max_bytes`.
    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes>;

    /// A view of this store in which every object keeps the version that its first read through the
    /// view met: later reads bring that version or fail with
    /// [`ErrorKind::Precondition`](crate::ErrorKind::Precondition). For whoever reads an object in
    /// several calls, as a footer and then what it points to.
    fn pinned(&self) -> Arc<dyn Store>;

    /// Every object below a folder, at any depth, ordered by key as bytes.
    ///
    /// Below means: the key starts with the folder's key and a `/`. A folder without objects, or
    /// one that does not exist, has an empty listing, as object stores know no folders; nor is an
    /// object below itself. Objects of size zero may be markers that some tools leave for folders.
    /// An error ends the stream.
    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>>;

    /// The objects and folders directly in a folder, ordered as [`Store::list`] orders what they
    /// are or hold. A store that can tells without looking at what is below.
    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        let key = folder.key();
        let below = match key.strip_suffix('/').unwrap_or(key) {
            "" if folder.scheme() == Scheme::Local => 1,
            "" => 0,
            key => key.len() + 1,
        };
        let mut last = String::new();
        let mut entry_of = move |object: ObjectMeta| {
            let key = object.location.key();
            let relative = key.get(below..).unwrap_or_default();
            let Some(slash) = relative.find('/') else {
                return Some(Ok(Entry::Object(object)));
            };
            let folder = object.location.with_key(&key[..below + slash + 1]);
            let is_new = folder.key() != last;
            folder.key().clone_into(&mut last);
            is_new.then_some(Ok(Entry::Folder(folder)))
        };
        let entries = self.list(folder).filter_map(move |found| {
            std::future::ready(match found {
                Ok(object) => entry_of(object),
                Err(error) => Some(Err(error)),
            })
        });
        entries.boxed()
    }
}
