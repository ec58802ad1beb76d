//! A store that makes the least of every promise.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use fastdata_store::{
    Answered, Entry, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Store, Take,
};
use futures::stream::BoxStream;

/// Most pieces that one range is read in: a megabyte in single bytes would take minutes.
const PIECES_MAX: u64 = 2000;

/// Reads byte by byte (long ranges in small pieces), each piece by its own request, and hands out
/// bytes that start on an odd address with nothing behind them; never answers on the spot.
///
/// Finds readers that rely on alignment, on what lies behind an answer, or on
/// [`Store::read_ranges_here`].
#[derive(Debug)]
pub struct OneByteStore(Arc<dyn Store>);

impl OneByteStore {
    /// Wraps `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    async fn read_range(&self, object: &Location, range: &Range<u64>) -> Result<Bytes> {
        if range.start >= range.end {
            // Right or wrong, the inner store knows.
            return Ok(self
                .0
                .read_ranges(object, std::slice::from_ref(range))
                .await?
                .swap_remove(0));
        }
        let piece_bytes = (range.end - range.start).div_ceil(PIECES_MAX);
        let mut bytes = BytesMut::new();
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start.saturating_add(piece_bytes));
            let piece = start..end;
            bytes.extend_from_slice(
                &self
                    .0
                    .read_ranges(object, std::slice::from_ref(&piece))
                    .await?[0],
            );
            start = end;
        }
        Ok(at_odd_address(&bytes))
    }
}

/// A copy whose first byte lies on an odd address.
fn at_odd_address(bytes: &[u8]) -> Bytes {
    let mut copy = BytesMut::with_capacity(bytes.len() + 2);
    copy.put_u8(0);
    if copy.as_ptr().addr() % 2 == 1 {
        copy.put_u8(0);
    }
    let start = copy.len();
    copy.put_slice(bytes);
    copy.freeze().slice(start..)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Store for OneByteStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut answers = Vec::with_capacity(ranges.len());
        for range in ranges {
            answers.push(self.read_range(object, range).await?);
        }
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
        for byte in self.read_range(object, &range).await?.chunks(1) {
            take(byte)?;
        }
        Ok(Answered::default())
    }

    fn read_into_memory_bytes(&self, object: &Location, bytes: u64) -> u64 {
        self.0.read_into_memory_bytes(object, bytes)
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        let (tail, size_bytes) = self.0.read_tail(object, bytes).await?;
        Ok((at_odd_address(&tail), size_bytes))
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        self.0.size(object).await
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        self.0.stat(object).await
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.0.put(object, bytes, options).await
    }

    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.0.put_file(object, path, options).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        self.0.delete(object).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        Ok(at_odd_address(&self.0.read(object, max_bytes).await?))
    }

    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self(self.0.pinned()))
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(folder)
    }

    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        self.0.entries(folder)
    }
}
