//! A store that fails now and then, the same way each time.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fastdata_store::{
    Answered, Entry, Error, ErrorKind, Location, ObjectMeta, ObjectStat, PutOptions, PutResult,
    Result, Store, Take,
};
use futures::stream::{self, BoxStream, StreamExt};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Fails a share of all calls with [`ErrorKind::Network`], chosen by a seed; never lies.
///
/// A listing fails in its course, behind the objects that came before.
#[derive(Debug)]
pub struct FlakyStore {
    inner: Arc<dyn Store>,
    chance: f64,
    dice: Arc<Mutex<StdRng>>,
    failed: Arc<AtomicU64>,
}

impl FlakyStore {
    /// Wraps `store`; `chance` (0 to 1) is the share of calls that fail.
    pub fn new(store: Arc<dyn Store>, seed: u64, chance: f64) -> Self {
        let dice = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        Self {
            inner: store,
            chance: chance.clamp(0.0, 1.0),
            dice,
            failed: Arc::default(),
        }
    }

    /// How many calls were made to fail: a test that counts none has tested nothing.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    fn dice(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roll(&self, operation: &str, object: &Location) -> Result<()> {
        if !self.dice().random_bool(self.chance) {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::Relaxed);
        Err(failure(operation, object))
    }
}

fn failure(operation: &str, object: &Location) -> Error {
    let context = format!("cannot {operation} {object}: a failure made for a test");
    Error::new(ErrorKind::Network, context)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Store for FlakyStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.roll("read", object)?;
        self.inner.read_ranges(object, ranges).await
    }

    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        let answer = self.inner.read_ranges_here(object, ranges)?;
        Some(self.roll("read", object).and(answer))
    }

    async fn read_into<'a>(
        &self,
        object: &Location,
        range: Range<u64>,
        take: &'a mut Take<'a>,
    ) -> Result<Answered> {
        self.roll("read", object)?;
        self.inner.read_into(object, range, take).await
    }

    fn read_into_memory_bytes(&self, object: &Location, bytes: u64) -> u64 {
        self.inner.read_into_memory_bytes(object, bytes)
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        self.roll("read", object)?;
        self.inner.read_tail(object, bytes).await
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        self.roll("read", object)?;
        self.inner.size(object).await
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        self.roll("read", object)?;
        self.inner.stat(object).await
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.roll("write", object)?;
        self.inner.put(object, bytes, options).await
    }

    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.roll("write", object)?;
        self.inner.put_file(object, path, options).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        self.roll("delete", object)?;
        self.inner.delete(object).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        self.roll("read", object)?;
        self.inner.read(object, max_bytes).await
    }

    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self {
            inner: self.inner.pinned(),
            chance: self.chance,
            dice: Arc::clone(&self.dice),
            failed: Arc::clone(&self.failed),
        })
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        let listing = self.inner.list(folder);
        if self.roll("list", folder).is_ok() {
            return listing;
        }
        let behind = self.dice().random_range(0..3);
        let error = failure("list", folder);
        listing
            .take(behind)
            .chain(stream::once(async { Err(error) }))
            .boxed()
    }

    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        match self.roll("list", folder) {
            Ok(()) => self.inner.entries(folder),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }
}
