//! A datastore in an object store: many requests at one time; folders are what keys share.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use fastdata_store::{Location, PutCondition, PutOptions, Store, StoreConfig, request_threads};
use futures::{Stream, StreamExt, TryStreamExt};

use super::{CONCURRENCY, Entry, FILE_BYTES_MAX, FileStat, ms_of, none_if_missing};
use crate::{Error, Result};

/// A prefix in a bucket.
pub(super) struct Remote {
    pub(super) store: Arc<dyn Store>,
    pub(super) root: Location,
}

impl Remote {
    pub(super) fn new(root: Location, store: &StoreConfig) -> Result<Self> {
        // A machine that has no threads left says so now.
        request_threads()?;
        Ok(Self {
            store: fastdata_store::open(store.clone()),
            root,
        })
    }

    /// Waits for `work` on the threads of this process.
    pub(super) fn block_on<T, E>(
        &self,
        work: impl Future<Output = std::result::Result<T, E>>,
    ) -> Result<T>
    where
        Error: From<E>,
    {
        Ok(request_threads()?.block_on(work)?)
    }

    fn folder(&self, path: &str) -> Location {
        match path {
            "" => self.root.clone(),
            path => self.root.join(path),
        }
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
        self.block_on(reads.try_collect())
    }

    /// All that a listing of a folder brings.
    fn listed<T>(
        &self,
        folder: &Location,
        listing: impl Stream<Item = fastdata_store::Result<T>>,
    ) -> Result<Vec<T>> {
        self.block_on(listing.try_collect())
            .map_err(|error| error.at(format!("cannot list {folder}")))
    }

    /// What lies directly in a folder.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        let folder = self.folder(folder);
        let entries = self.listed(&folder, self.store.entries(&folder))?;
        let prefix = prefix_of(&folder);
        // An object may have the name of a folder: then it is the folder that counts.
        let mut names = BTreeMap::new();
        for entry in entries {
            let is_folder = matches!(entry, fastdata_store::Entry::Folder(_));
            if let Some(name) = entry.key().strip_prefix(&prefix) {
                let name = name.strip_suffix('/').unwrap_or(name);
                *names.entry(name.to_owned()).or_insert(false) |= is_folder;
            }
        }
        let entry = |(name, is_folder)| Entry { name, is_folder };
        Ok(names.into_iter().map(entry).collect())
    }

    /// Every object below a folder.
    pub(super) fn tree(&self, folder: &str) -> Result<Vec<FileStat>> {
        let folder = self.folder(folder);
        let listed = self.listed(&folder, self.store.list(&folder))?;
        let prefix = prefix_of(&folder);
        let files = listed.into_iter().filter_map(|meta| {
            let path = meta.location.key().strip_prefix(&prefix)?;
            Some(FileStat {
                path: path.to_owned(),
                size_bytes: meta.size_bytes,
                modified_ms: meta.modified.and_then(ms_of),
            })
        });
        Ok(files.collect())
    }
}

/// What the keys of everything below a folder begin with.
fn prefix_of(folder: &Location) -> String {
    match folder.key() {
        "" => String::new(),
        key => format!("{}/", key.trim_end_matches('/')),
    }
}
