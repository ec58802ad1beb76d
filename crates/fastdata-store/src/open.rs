//! The way in: one store that hands each address to the store it belongs to.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::local::LocalStore;
use crate::remote::RemoteStore;
use crate::{
    Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Scheme, Store, StoreConfig,
};

/// A store for every kind of address. Nothing is looked up or connected before the first use of a
/// bucket, so that a wrong configuration of S3 does not stand in the way of a local file.
pub fn open(config: StoreConfig) -> Arc<dyn Store> {
    Arc::new(AnyStore {
        local: LocalStore,
        remote: RemoteStore::new(config),
    })
}

#[derive(Debug)]
struct AnyStore {
    local: LocalStore,
    remote: RemoteStore,
}

impl AnyStore {
    fn of(&self, location: &Location) -> &dyn Store {
        match location.scheme() {
            Scheme::Local => &self.local,
            Scheme::S3 | Scheme::Gcs | Scheme::Azure => &self.remote,
        }
    }
}

#[async_trait]
impl Store for AnyStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.of(object).read_ranges(object, ranges).await
    }

    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        self.of(object).read_ranges_here(object, ranges)
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        self.of(object).read_tail(object, bytes).await
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        self.of(object).size(object).await
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        self.of(object).stat(object).await
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        self.of(object).put(object, bytes, options).await
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        self.of(object).delete(object).await
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        self.of(object).read(object, max_bytes).await
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        self.of(folder).list(folder)
    }
}
