//! Sizes that metadata or a listing tells may be those of an earlier object.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fastdata_scan::{CancelToken, ErrorKind, Scan};
use fastdata_store::{
    Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Store, StoreConfig,
};
use futures::stream::{BoxStream, StreamExt};

use crate::files::{batch, ids, request, write};

/// Lists every object as so many bytes longer than it is.
#[derive(Debug)]
struct StaleListing(Arc<dyn Store>, i64);

#[async_trait]
impl Store for StaleListing {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.read_ranges(object, ranges).await
    }

    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        self.0.read_ranges_here(object, ranges)
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        self.0.read_tail(object, bytes).await
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
        path: &std::path::Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.0.put_file(object, path, options).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        self.0.delete(object).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        self.0.read(object, max_bytes).await
    }

    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self(self.0.pinned(), self.1))
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        let longer = self.1;
        let list = self.0.list(folder);
        list.map(move |object| {
            let object = object?;
            Ok(ObjectMeta {
                size_bytes: object.size_bytes.saturating_add_signed(longer),
                ..object
            })
        })
        .boxed()
    }
}

#[test]
fn a_size_that_is_no_longer_true_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 3000), 1000);
    let size = i64::try_from(path.metadata().unwrap().len()).unwrap();
    let local = || fastdata_store::open(StoreConfig::default());
    for longer in [-size + 1, -100, -1, 0, 1, 7, 1 << 30] {
        let store = Arc::new(StaleListing(local(), longer));
        let scan = Scan::open_in(request(folder.path()), CancelToken::default(), store);
        let collected = scan.unwrap().collect().unwrap();
        let got: Vec<i64> = collected.batches.iter().flat_map(ids).collect();
        assert_eq!(got, (0..3000).collect::<Vec<_>>(), "{longer}");
    }
    // What is broken at its true size stays broken.
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let store = Arc::new(StaleListing(local(), 1));
    let scan = Scan::open_in(request(folder.path()), CancelToken::default(), store);
    let error = scan.and_then(|scan| scan.collect()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
