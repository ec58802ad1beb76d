//! A datastore in an object store: many requests at one time, and no folders.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use fastdata_store::{Location, PutCondition, PutOptions, Store, StoreConfig};
use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Runtime;

use super::{CONCURRENCY, FILE_BYTES_MAX, FileStat, none_if_missing};
use crate::{Error, Result};

/// A prefix in a bucket.
pub(super) struct Remote {
    pub(super) store: Arc<dyn Store>,
    pub(super) root: Location,
    pub(super) runtime: Runtime,
}

impl Remote {
    pub(super) fn new(root: Location, store: &StoreConfig) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("fastdata-flow-io")
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start the threads for requests", error))?;
        Ok(Self {
            store: fastdata_store::open(store.clone()),
            root,
            runtime,
        })
    }

    pub(super) async fn put(&self, path: &str, content: Bytes, is_new: bool) -> Result<bool> {
        let condition = match is_new {
            true => PutCondition::IfAbsent,
            false => PutCondition::Always,
        };
        let options = PutOptions {
            condition,
            ..PutOptions::default()
        };
        match self
            .store
            .put(&self.root.join(path), content, &options)
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if is_new && error.kind() == fastdata_store::ErrorKind::Precondition => {
                Ok(false)
            }
            Err(error) => Err(Error::from(error).at(format!("cannot write {path}"))),
        }
    }

    pub(super) fn read_many(&self, paths: &[String]) -> Result<Vec<Option<Bytes>>> {
        let read = |path: &String| {
            let location = self.root.join(path);
            async move {
                let read = self.store.read(&location, FILE_BYTES_MAX).await;
                none_if_missing(
                    read.map_err(|error| Error::from(error).at(format!("cannot read {location}"))),
                )
            }
        };
        let reads = futures::stream::iter(paths.iter().map(read)).buffered(CONCURRENCY);
        self.runtime.block_on(reads.try_collect())
    }

    pub(super) fn tree(&self, folder: &str) -> Result<Vec<FileStat>> {
        let folder = match folder {
            "" => self.root.clone(),
            folder => self.root.join(folder),
        };
        let listed = self.store.list(&folder).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed);
        let listed =
            listed.map_err(|error| Error::from(error).at(format!("cannot list {folder}")))?;
        let prefix = match folder.key() {
            "" => String::new(),
            key => format!("{}/", key.trim_end_matches('/')),
        };
        let files = listed.into_iter().filter_map(|meta| {
            let path = meta.location.key().strip_prefix(&prefix)?;
            let since = meta
                .modified
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            Some(FileStat {
                path: path.to_owned(),
                size_bytes: meta.size_bytes,
                modified_ms: since.and_then(|since| i64::try_from(since.as_millis()).ok()),
            })
        });
        Ok(files.collect())
    }
}
