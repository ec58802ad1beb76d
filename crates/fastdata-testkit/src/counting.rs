//! A store like one behind a network, that keeps count of what it was asked for.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use bytes::Bytes;
use fastdata_store::{
    Answered, Entry, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Store, Take,
};
use futures::stream::BoxStream;

/// Passes everything on, except that it never answers on the caller's own thread: whoever reads
/// from it has to fetch, as from an object store.
#[derive(Debug)]
pub struct CountingStore {
    inner: Arc<dyn Store>,
    calls: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl CountingStore {
    /// Counts what `inner` is asked for.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            calls: Arc::default(),
            bytes: Arc::default(),
        }
    }

    /// Calls that read something so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Relaxed)
    }

    /// Bytes that were read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    fn count(&self, bytes: u64) {
        self.calls.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for CountingStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let answers = self.inner.read_ranges(object, ranges).await?;
        self.count(answers.iter().map(|answer| answer.len() as u64).sum());
        Ok(answers)
    }

    fn read_ranges_here(
        &self,
        _object: &Location,
        _ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        None
    }

    async fn read_into<'a>(
        &self,
        object: &Location,
        range: Range<u64>,
        take: &'a mut Take<'a>,
    ) -> Result<Answered> {
        self.count(range.end.saturating_sub(range.start));
        self.inner.read_into(object, range, take).await
    }

    fn read_into_memory_bytes(&self, object: &Location, bytes: u64) -> u64 {
        self.inner.read_into_memory_bytes(object, bytes)
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        let (tail, size) = self.inner.read_tail(object, bytes).await?;
        self.count(tail.len() as u64);
        Ok((tail, size))
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        self.inner.size(object).await
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        self.inner.stat(object).await
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.inner.put(object, bytes, options).await
    }

    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_file(object, path, options).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        self.inner.delete(object).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        let bytes = self.inner.read(object, max_bytes).await?;
        self.count(bytes.len() as u64);
        Ok(bytes)
    }

    /// What is asked through the view counts here too.
    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self {
            inner: self.inner.pinned(),
            calls: Arc::clone(&self.calls),
            bytes: Arc::clone(&self.bytes),
        })
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(folder)
    }

    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        self.inner.entries(folder)
    }
}
