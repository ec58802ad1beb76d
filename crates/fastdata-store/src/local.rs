//! Local files: positioned reads into pooled memory.
//!
//! Why not mmap: it is not faster, and a file that somebody shortens while it is mapped ends the
//! process with SIGBUS, where a read returns an error. Measured on a virtual machine with 2 cores
//! (ext4, 1 GiB in the page cache, busy neighbours): milliseconds to bring 1 GiB into reach in
//! pieces and add it up as 64-bit words, which alone takes about 25; median of 7.
//!
//! | piece | read into pooled huge pages | read into a reused `Vec` | mmap a piece | mmap with MAP_POPULATE | mmap the file once |
//! |---|---|---|---|---|---|
//! | 256 KiB | 238 | 311 | 288 | 316 | 254 |
//! | 1 MiB | 220 | 318 | 259 | 294 | 260 |
//! | 4 MiB | 219 | 323 | 247 | 273 | 263 |
//! | 16 MiB | 233 | 463 | 255 | 271 | 251 |
//!
//! Copying out of the page cache costs what faulting it in costs, if the copy's target has no
//! faults of its own.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use futures::stream::{self, BoxStream, StreamExt};

use crate::ranges::{self, Joining};
use crate::{
    Error, ErrorKind, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Store,
};

mod walk;
mod write;

pub(crate) use write::temporary_path;

/// Copying a gap of this size costs about 15 µs, as much as a read of its own from a fast disk.
const JOINING: Joining = Joining {
    gap_bytes_max: 64 << 10,
    joined_bytes_max: 16 << 20,
};

/// How many objects one step of a listing brings.
const LIST_BATCH: usize = 1000;

/// Files of this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalStore {
    /// The versions that a pinned view has met.
    pins: Option<Arc<Mutex<HashMap<Location, Version>>>>,
}

impl LocalStore {
    /// A view that keeps to the versions that it meets.
    pub(crate) fn pinned(&self) -> Self {
        Self {
            pins: Some(Arc::default()),
        }
    }

    fn open(&self, object: &Location) -> Result<OpenFile> {
        let file = OpenFile::open(object)?;
        if let Some(pins) = &self.pins {
            let mut pins = pins.lock().unwrap_or_else(PoisonError::into_inner);
            if *pins.entry(object.clone()).or_insert(file.version) != file.version {
                return Err(changed(object));
            }
        }
        Ok(file)
    }

    fn read_ranges_now(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let reads = ranges::plan(object, ranges, JOINING)?;
        if reads.is_empty() {
            return Ok(vec![Bytes::new(); ranges.len()]);
        }
        let file = self.open(object)?;
        // Before anything is allocated: the ranges may be claims of a broken file.
        if let Some(range) = ranges
            .iter()
            .find(|range| range.end > file.size_bytes && !range.is_empty())
        {
            return Err(ranges::past_end(object, range, file.size_bytes));
        }
        let brought: Vec<Bytes> = reads
            .iter()
            .map(|read| file.read(object, &read.span))
            .collect::<Result<_>>()?;
        file.check_unchanged(object)?;
        Ok(ranges::answers(ranges, &reads, &brought))
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (store, object, ranges) = (self.clone(), object.clone(), ranges.to_vec());
        blocking(move || store.read_ranges_now(&object, &ranges)).await
    }

    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        Some(self.read_ranges_now(object, ranges))
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        let (store, object) = (self.clone(), object.clone());
        blocking(move || {
            let file = store.open(&object)?;
            let start = file.size_bytes.saturating_sub(bytes);
            let tail = file.read(&object, &(start..file.size_bytes))?;
            file.check_unchanged(&object)?;
            Ok((tail, file.size_bytes))
        })
        .await
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        let object = object.clone();
        blocking(move || Ok(OpenFile::open(&object)?.size_bytes)).await
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        let object = object.clone();
        blocking(move || write::stat(&object)).await
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        let (object, options) = (object.clone(), options.clone());
        blocking(move || write::put(&object, &bytes, &options)).await
    }

    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        let (object, path, options) = (object.clone(), path.to_path_buf(), options.clone());
        blocking(move || write::put_file(&object, &path, &options)).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        let object = object.clone();
        blocking(move || write::delete(&object)).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        let (store, object) = (self.clone(), object.clone());
        blocking(move || {
            let file = store.open(&object)?;
            if file.size_bytes > max_bytes {
                return Err(too_long(&object, file.size_bytes, max_bytes));
            }
            let bytes = file.read(&object, &(0..file.size_bytes))?;
            file.check_unchanged(&object)?;
            Ok(bytes)
        })
        .await
    }

    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self::pinned(self))
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        let walk = walk::Walk::below(folder);
        stream::unfold(Some(walk), |walk| async move {
            let mut walk = walk?;
            let (batch, walk) = blocking(move || {
                let batch: Vec<_> = walk.by_ref().take(LIST_BATCH).collect();
                let goes_on = batch.len() == LIST_BATCH && batch.iter().all(Result::is_ok);
                (batch, goes_on.then_some(walk))
            })
            .await;
            Some((stream::iter(batch), walk))
        })
        .flatten()
        .boxed()
    }

    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<crate::Entry>> {
        let folder = folder.clone();
        stream::once(blocking(move || walk::Walk::entries(&folder)))
            .flat_map(stream::iter)
            .boxed()
    }
}

/// The error for an object that is longer than a caller allows.
pub(crate) fn too_long(object: &Location, size_bytes: u64, max_bytes: u64) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("{object} is {size_bytes} bytes long, the limit is {max_bytes}"),
    )
}

/// Runs work that waits for a disk where it does not hold up a runtime's other tasks; in place
/// when there is no runtime to hold up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::runtime::Handle::try_current() {
        Err(_) => work(),
        Ok(runtime) => match runtime.spawn_blocking(work).await {
            Ok(value) => value,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down, and this task is about to be dropped with it.
            Err(_) => futures::future::pending().await,
        },
    }
}

/// A file and what it was when it was opened.
struct OpenFile {
    file: File,
    size_bytes: u64,
    version: Version,
}

/// What changes when somebody writes into a file in place. (One that is replaced by a rename stays
/// whole under an open handle. The time of the last status change would say more, but it moves
/// when a file is renamed or removed too, which does no harm to its reader.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    /// Between two readings a file may be replaced by another.
    ino: u64,
    size_bytes: u64,
    modified: (i64, i64),
}

impl OpenFile {
    fn open(object: &Location) -> Result<Self> {
        let failed = |error| io_error("open", object, error);
        let Some(path) = object.local_path() else {
            return Err(Error::invalid(format!("{object} is not a local file")));
        };
        // Opening a pipe without a writer would wait for ever; regular files ignore the flag.
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if meta.is_dir() {
            let context = format!("cannot read {object}: it is a folder, not a file");
            return Err(Error::new(ErrorKind::NotFound, context));
        }
        if !meta.is_file() {
            let context = format!("cannot read {object}: it is a pipe or device, not a file");
            return Err(Error::unsupported(context));
        }
        Ok(Self {
            file,
            size_bytes: meta.len(),
            version: Version::of(&meta),
        })
    }

    /// `span` lies inside the file.
    fn read(&self, object: &Location, span: &Range<u64>) -> Result<Bytes> {
        let Ok(len) = usize::try_from(span.end - span.start) else {
            return Err(Error::unsupported(format!(
                "{object}: {} bytes at once are more than this machine can address",
                span.end - span.start
            )));
        };
        let mut buffer = PooledBuffer::with_len(len);
        self.file
            .read_exact_at(buffer.as_mut_slice(), span.start)
            .map_err(|error| {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    changed(object)
                } else {
                    io_error("read", object, error)
                }
            })?;
        Ok(buffer.into_bytes())
    }

    /// To be asked after the last read.
    fn check_unchanged(&self, object: &Location) -> Result<()> {
        let meta = self
            .file
            .metadata()
            .map_err(|error| io_error("read", object, error))?;
        if Version::of(&meta) == self.version {
            Ok(())
        } else {
            Err(changed(object))
        }
    }
}

impl Version {
    fn of(meta: &std::fs::Metadata) -> Self {
        Self {
            ino: meta.ino(),
            size_bytes: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// What tells one version of a file from another. Our own writes set the time of the last change
/// to the nanosecond, so that an inode that is used again does not bring an old ETag back.
fn etag(meta: &std::fs::Metadata) -> String {
    let (ino, len) = (meta.ino(), meta.size());
    let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
    format!("\"{ino:x}-{seconds:x}.{nanos:x}-{len:x}\"")
}

fn changed(object: &Location) -> Error {
    Error::new(
        ErrorKind::Precondition,
        format!("{object} changed while it was read"),
    )
}

fn io_error(operation: &str, location: &Location, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot {operation} {location}")).with_source(error)
}

#[cfg(test)]
mod tests;
