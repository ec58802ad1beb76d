//! Blobs in an object store.
//!
//! A blob is one object, its form in the metadata of the object: both appear together. A write is
//! conditional on nothing being there, so that nobody asks before writing.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fastdata_codec::{Key, Limits};
use fastdata_store::{Location, PutCondition, PutOptions, Store, request_threads};
use futures::{StreamExt, TryStreamExt};

use super::Found;
use crate::form::{Form, has_metadata};
use crate::{Error, ErrorKind, Result};

/// Where Metaflow's S3 datastore keeps the metadata.
const METADATA_NAME: &str = "metaflow-user-attributes";

/// From here on a question costs less than to send what may be there already.
const ASK_FROM_BYTES: u64 = 1 << 20;

/// A store in a bucket.
#[derive(Debug)]
pub(crate) struct Remote {
    store: Arc<dyn Store>,
    root: Location,
    /// A blob that is found to be there already is written again when it is older: objects cannot
    /// be touched, and the collector goes by their age.
    refresh_after: Duration,
}

/// A blob of which ranges can be read.
pub(crate) struct OpenObject<'a> {
    remote: &'a Remote,
    key: Key,
    pub(crate) stored_bytes: u64,
    near: (u64, Bytes),
}

impl Remote {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        root: Location,
        refresh_after: Duration,
    ) -> Result<Self> {
        // A machine that has no threads left says so now.
        request_threads()?;
        Ok(Self {
            store,
            root,
            refresh_after,
        })
    }

    /// Waits for `work` on the threads of this process.
    fn block_on<T>(
        &self,
        work: impl Future<Output = fastdata_store::Result<T>>,
    ) -> fastdata_store::Result<T> {
        request_threads()?.block_on(work)
    }

    fn location(&self, key: &Key) -> Location {
        self.root.join(&key.fan()).join(&key.to_string())
    }

    fn missing(&self, key: &Key, error: fastdata_store::Error) -> Error {
        match error.kind() {
            fastdata_store::ErrorKind::NotFound => Error::new(
                ErrorKind::NotFound,
                format!("no blob {key} in {}", self.root),
            ),
            _ => Error::from(error),
        }
    }

    /// Whether a blob of this length that is to be written need not be, because it is there.
    pub(crate) fn need_not_write(&self, key: &Key, content_bytes: u64) -> Result<bool> {
        match content_bytes < ASK_FROM_BYTES {
            true => Ok(false),
            false => Ok(self.age(key)?.is_some_and(|age| age < self.refresh_after)),
        }
    }

    /// How old the blob is; `None` when there is none.
    fn age(&self, key: &Key) -> Result<Option<Duration>> {
        match self.block_on(self.store.stat(&self.location(key))) {
            Ok(stat) => {
                let modified = stat.modified.unwrap_or(SystemTime::UNIX_EPOCH);
                Ok(Some(modified.elapsed().unwrap_or_default()))
            }
            Err(error) if error.kind() == fastdata_store::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.age(key)?.is_some())
    }

    /// Writes the blob, unless it is there. `false` when it was.
    pub(crate) fn put(&self, key: &Key, form: Form, body: Bytes) -> Result<bool> {
        let again = body.clone();
        match self.put_if(key, form, body, PutCondition::IfAbsent) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == fastdata_store::ErrorKind::Precondition => {
                if self.age(key)?.is_none_or(|age| age >= self.refresh_after) {
                    self.put_if(key, form, again, PutCondition::Always)?;
                }
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Exchanges the object for another; what it was stays until this is whole.
    pub(crate) fn replace(&self, key: &Key, form: Form, body: Bytes) -> Result<()> {
        Ok(self.put_if(key, form, body, PutCondition::Always)?)
    }

    fn put_if(
        &self,
        key: &Key,
        form: Form,
        body: Bytes,
        condition: PutCondition,
    ) -> fastdata_store::Result<()> {
        let mut options = PutOptions {
            condition,
            ..PutOptions::default()
        };
        if has_metadata(key) {
            options
                .metadata
                .insert(METADATA_NAME.to_owned(), form.to_metadata());
        }
        let location = self.location(key);
        let put = self.store.put(&location, body, &options);
        self.block_on(put).map(drop)
    }

    pub(crate) fn open(&self, key: &Key) -> Result<(OpenObject<'_>, Form)> {
        let stat = self.block_on(self.store.stat(&self.location(key)));
        let stat = stat.map_err(|error| self.missing(key, error))?;
        let form = match has_metadata(key) {
            true => Form::of_metadata(stat.metadata.get(METADATA_NAME).map(String::as_str))?,
            false => Form::Blob,
        };
        let object = OpenObject {
            remote: self,
            key: *key,
            stored_bytes: stat.size_bytes,
            near: (0, Bytes::new()),
        };
        Ok((object, form))
    }

    pub(crate) fn read(&self, key: &Key, limits: &Limits) -> Result<(Bytes, Form)> {
        let location = self.location(key);
        let body = self
            .store
            .read(&location, limits.content_bytes_max.saturating_add(1 << 20));
        if !has_metadata(key) {
            let body = self.block_on(body);
            return Ok((body.map_err(|error| self.missing(key, error))?, Form::Blob));
        }
        // Both at a time: the metadata does not come with the bytes.
        let both = async { Ok(tokio::join!(body, self.store.stat(&location))) };
        let (body, stat) = self.block_on(both)?;
        let body = body.map_err(|error| self.missing(key, error))?;
        let stat = stat.map_err(|error| self.missing(key, error))?;
        let form = Form::of_metadata(stat.metadata.get(METADATA_NAME).map(String::as_str))?;
        Ok((body, form))
    }

    pub(crate) fn list(&self) -> Result<Vec<Found>> {
        let listed = self.block_on(self.store.list(&self.root).try_collect::<Vec<_>>())?;
        let prefix = format!("{}/", self.root.key().trim_end_matches('/'));
        let found = listed.into_iter().filter_map(|meta| {
            let below = meta
                .location
                .key()
                .strip_prefix(prefix.trim_start_matches('/'))?
                .to_owned();
            let (fan, name) = below.split_once('/')?;
            let key: Key = name.parse().ok()?;
            (key.fan() == fan).then_some(Found {
                key,
                stored_bytes: meta.size_bytes,
                modified: meta.modified,
            })
        });
        Ok(found.collect())
    }

    /// Every key of an object below the root, as text.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        let list = self
            .store
            .list(&self.root)
            .map(|meta| meta.map(|meta| meta.location.to_string()));
        Ok(self.block_on(list.try_collect::<Vec<_>>())?)
    }

    /// Removes a blob that has not been written since `before`; whether it did.
    pub(crate) fn remove_older(&self, key: &Key, before: SystemTime) -> Result<bool> {
        let location = self.location(key);
        match self.block_on(self.store.stat(&location)) {
            Ok(stat) if stat.modified.is_some_and(|modified| modified < before) => {
                self.block_on(self.store.delete(&location))?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind() == fastdata_store::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl OpenObject<'_> {
    pub(crate) fn prefetch(&mut self, range: Range<u64>) -> Result<()> {
        let location = self.remote.location(&self.key);
        let read = async {
            let read = self
                .remote
                .store
                .read_ranges(&location, std::slice::from_ref(&range));
            read.await
        };
        let mut brought = self.remote.block_on(read)?;
        self.near = (range.start, brought.pop().unwrap_or_default());
        Ok(())
    }

    pub(crate) fn read_at(&self, start: u64, out: &mut [u8]) -> Result<()> {
        let offset = start
            .checked_sub(self.near.0)
            .and_then(|offset| usize::try_from(offset).ok());
        let near = offset.and_then(|offset| self.near.1.get(offset..)?.get(..out.len()));
        match near {
            Some(near) => {
                out.copy_from_slice(near);
                Ok(())
            }
            None => Err(Error::corrupt(format!("blob {} is cut off", self.key))),
        }
    }
}
