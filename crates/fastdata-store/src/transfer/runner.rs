//! A runtime of our own, so that callers need none, and an end to every wait when they cancel.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::copies::{self, Copied, CopyOptions, SyncStep};
use super::download::{Desk, PART_BYTES, UNIT_BYTES};
use super::plan;
use crate::expected::{Check, Expected};
use crate::s3::{Buckets, Diagnosis, OpenUpload, unfinished_uploads};
use crate::{
    ChecksumAlgorithm, Entry, Error, ErrorKind, Location, ObjectMeta, ObjectStat, Result, Scheme,
    Store, StoreConfig,
};

/// Says whether to stop; asked many times a second.
type Cancelled = Arc<dyn Fn() -> bool + Send + Sync>;

/// How often that is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long what was dropped has to notice it.
const NOTICING: Duration = Duration::from_millis(40);

/// How long uploads that were cut short have to be given up, which is as long as a request takes.
const CLEANING_MAX: Duration = Duration::from_millis(1500);

/// Memory that downloads into files may have, for each core.
const MEMORY_PER_CORE_BYTES: u64 = 8 * PART_BYTES;

/// Parts that are fetched ahead of whoever reads a stream.
const AHEAD: usize = 16;

/// How far a transfer is. What is planned is 0 until everything has been listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progressed {
    /// Files that have come to their end.
    pub files_done: u64,
    /// Files that are to be moved.
    pub files_planned: u64,
    /// Bytes that have been moved; those of an upload when it has ended.
    pub bytes_done: u64,
    /// Bytes that are to be moved.
    pub bytes_planned: u64,
}

/// Moves objects; its methods block.
///
/// ```
/// use fastdata_store::{CopyOptions, StoreConfig, Transfers};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let (from, to) = (folder.path().join("a"), folder.path().join("b"));
/// std::fs::write(&from, "hello")?;
/// let transfers = Transfers::new(StoreConfig::default(), || false)?;
/// let from = from.to_str().ok_or("not UTF-8")?.to_owned();
/// let copied = transfers.get(&[from], &to, &CopyOptions::default())?;
/// assert!(copied[0].outcome.is_ok());
/// assert_eq!(std::fs::read(&to)?, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct Transfers {
    desk: Desk,
    config: StoreConfig,
    cancelled: Cancelled,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Transfers {
    /// Over the stores that `config` describes. `cancelled` says whether to stop: then the call
    /// that is running fails with [`ErrorKind::Interrupted`].
    pub fn new(
        config: StoreConfig,
        cancelled: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("transfer")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, "no runtime").with_source(error))?;
        let limit = fastdata_memory::memory_limit_bytes().unwrap_or(8 << 30) / 4;
        let cores = std::thread::available_parallelism().map_or(2, usize::from) as u64;
        // What is on its way needs memory, not what has come: with 90 MB/s a connection, 8 parts a
        // core bring 700 MB/s, more than a core can take. More would be touched for the first time
        // where it could be used again.
        let wanted = (cores * MEMORY_PER_CORE_BYTES).clamp(4 * MEMORY_PER_CORE_BYTES, 2 << 30);
        let memory_bytes = limit.clamp(8 * PART_BYTES, wanted);
        let memory_units = u32::try_from(memory_bytes / UNIT_BYTES).unwrap_or(u32::MAX);
        Ok(Self {
            desk: Desk {
                store: crate::open(config.clone()),
                memory: Arc::new(Semaphore::new(memory_units as usize)),
                memory_units,
                progress: Arc::default(),
                usual_checksum: Arc::new(Mutex::new(ChecksumAlgorithm::Crc64Nvme)),
            },
            config,
            cancelled: Arc::new(cancelled),
            runtime: Some(runtime),
        })
    }

    fn run<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(runtime) = &self.runtime else {
            unreachable!("the runtime goes with the value");
        };
        runtime.block_on(async {
            let cancelled = Arc::clone(&self.cancelled);
            let stopped = async move {
                while !cancelled() {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            let done = tokio::select! {
                biased;
                done = work => Some(done),
                () = stopped => None,
            };
            match done {
                Some(done) => done,
                None => {
                    // What was dropped cleans up behind itself.
                    tokio::time::sleep(NOTICING).await;
                    let deadline = Instant::now() + CLEANING_MAX;
                    while unfinished_uploads() > 0 && Instant::now() < deadline {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                    Err(Error::new(ErrorKind::Interrupted, "interrupted"))
                }
            }
        })
    }

    /// How far things are, for whoever asks from another thread.
    pub fn progress_handle(&self) -> Arc<dyn Fn() -> Progressed + Send + Sync> {
        let counters = Arc::clone(&self.desk.progress);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Arc::new(move || Progressed {
            files_done: read(&counters.files_done),
            files_planned: read(&counters.files_planned),
            bytes_done: read(&counters.bytes_done),
            bytes_planned: read(&counters.bytes_planned),
        })
    }

    /// Brings objects, everything below folders, or what patterns mean, to a file or into a
    /// folder. One that fails does not stop the others.
    ///
    /// # Errors
    /// A source that cannot be listed or names nothing.
    pub fn get(
        &self,
        sources: &[String],
        destination: &Path,
        options: &CopyOptions,
    ) -> Result<Vec<Copied>> {
        self.run(copies::get(&self.desk, sources, destination, options))
    }

    /// Makes objects of local files and of all files below folders.
    ///
    /// # Errors
    /// A source that cannot be read, before anything is written.
    pub fn put(
        &self,
        sources: &[String],
        destination: &Location,
        options: &CopyOptions,
    ) -> Result<Vec<Copied>> {
        self.run(copies::put(&self.desk, sources, destination, options))
    }

    /// The bytes of an object, in order; parts ahead of `write` are fetched meanwhile. `write`
    /// ends it early by `Ok(false)`.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`], behind the last byte, when they have not the checksum that the store says.
    pub fn cat(
        &self,
        object: &Location,
        mut write: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<()> {
        self.run(async {
            let view = self.desk.store.pinned();
            let stat = view.stat(object).await?;
            let mut check = Expected::of(&stat).map(Check::new);
            let parts = (0..stat.size_bytes.div_ceil(PART_BYTES)).map(|index| {
                let range = index * PART_BYTES..stat.size_bytes.min((index + 1) * PART_BYTES);
                let view = Arc::clone(&view);
                async move { view.read_ranges(object, std::slice::from_ref(&range)).await }
            });
            let mut parts = futures::stream::iter(parts).buffered(AHEAD);
            while let Some(part) = parts.next().await {
                for bytes in part? {
                    if let Some(check) = &mut check {
                        check.update(&bytes);
                    }
                    if !write(&bytes)? {
                        return Ok(());
                    }
                }
            }
            match check.map(Check::finish) {
                Some(Err(what)) => Err(Error::damaged(format!("{object} arrived damaged: {what}"))),
                Some(Ok(_)) | None => Ok(()),
            }
        })
    }

    /// Hands every object below a folder to `each`, which ends it early by `Ok(false)`.
    pub fn list(
        &self,
        folder: &Location,
        mut each: impl FnMut(ObjectMeta) -> Result<bool>,
    ) -> Result<()> {
        self.run(async {
            let mut listed = self.desk.store.list(folder);
            while let Some(meta) = listed.try_next().await? {
                if !each(meta)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Hands what lies directly in a folder to `each`, which ends it early by `Ok(false)`.
    pub fn entries(
        &self,
        folder: &Location,
        mut each: impl FnMut(Entry) -> Result<bool>,
    ) -> Result<()> {
        self.run(async {
            let mut entries = self.desk.store.entries(folder);
            while let Some(entry) = entries.try_next().await? {
                if !each(entry)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// What the store knows about an object.
    pub fn stat(&self, object: &Location) -> Result<ObjectStat> {
        self.run(self.desk.store.stat(object))
    }

    /// The objects that a source names: an object, all below a folder, or a pattern.
    pub fn find(&self, source: &str) -> Result<Vec<ObjectMeta>> {
        let found = self.run(plan::find(self.desk.store.as_ref(), source))?;
        Ok(found.items.into_iter().map(|item| item.meta).collect())
    }

    /// Removes objects.
    pub fn remove(&self, objects: Vec<Location>) -> Result<()> {
        self.run(copies::remove(&self.desk, objects))
    }

    /// The steps that make `destination` equal to `source`: what is missing, of another size or
    /// older comes, and with `delete` what the source does not have goes.
    pub fn sync_plan(
        &self,
        source: &Location,
        destination: &Location,
        delete: bool,
    ) -> Result<Vec<SyncStep>> {
        self.run(copies::sync_plan(&self.desk, source, destination, delete))
    }

    /// Does such steps. Nothing is removed unless all copies have succeeded.
    pub fn sync_run(&self, steps: Vec<SyncStep>, options: &CopyOptions) -> Result<Vec<Copied>> {
        self.run(copies::sync_run(&self.desk, steps, options))
    }

    /// What is known about a bucket of S3 and the way to it.
    pub fn diagnose(&self, object: &Location) -> Result<Diagnosis> {
        let buckets = self.buckets_of(object)?;
        self.run(buckets.diagnose(&self.config, object))
    }

    /// Uploads in parts, of an object of S3 or of what lies below a folder, that were begun and
    /// neither finished nor given up: what programs that were killed have left, and what others are
    /// writing now.
    pub fn open_uploads(&self, location: &Location) -> Result<Vec<OpenUpload>> {
        let buckets = self.buckets_of(location)?;
        self.run(buckets.open_uploads(&self.config, location))
    }

    /// Gives uploads up, so that the service removes their parts. Who is still writing one of them
    /// fails.
    pub fn give_up(&self, uploads: &[OpenUpload]) -> Result<()> {
        let Some(first) = uploads.first() else {
            return Ok(());
        };
        // One for all: it has the connections and the credentials.
        let buckets = self.buckets_of(&first.location)?;
        self.run(async {
            for upload in uploads {
                buckets.give_up(&self.config, upload).await?;
            }
            Ok(())
        })
    }

    fn buckets_of(&self, location: &Location) -> Result<Buckets> {
        match location.scheme() {
            Scheme::S3 => Ok(Buckets::new(&self.config)),
            _ => Err(Error::unsupported(format!("{location} is not in S3"))),
        }
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.desk.store
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        // Without waiting for threads that read or write files.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
