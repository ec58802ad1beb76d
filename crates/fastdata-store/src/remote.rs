//! Objects through `object_store`: Google Cloud Storage and Azure, and S3 where it is behind a
//! proxy or needs what our own client does not have.
//!
//! `object_store` signs, parses and retries; this module decides which requests are made, where
//! the bytes go, and that they all belong to one version.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::sync::Semaphore;

use crate::local::too_long;
use crate::ranges::{self, Joining};
use crate::{
    Entry, Error, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Scheme,
    StoreConfig,
};

mod client;
mod failure;
mod transfer;
mod write;

pub(crate) use client::{machine, s3_builder};
use failure::Failures;
use transfer::{Transfer, Version, receive};

/// The versions that a pinned view has met.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<Location, Arc<Version>>>);

impl Pins {
    fn of(pins: Option<&Self>, object: &Location) -> Arc<Version> {
        let Some(pins) = pins else {
            return Arc::default();
        };
        let mut pins = pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pins.entry(object.clone()).or_default())
    }
}

/// At 90 MB/s and 25 ms to the first byte, a request costs as much as 2 MB; half of that leaves
/// room for faster lines. Joined reads stay below what one request of a split range fetches.
const JOINING: Joining = Joining {
    gap_bytes_max: 1 << 20,
    joined_bytes_max: 16 << 20,
};

/// Larger files are not written through `object_store`: they would have to lie in memory.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Every object store over the network.
pub(crate) struct RemoteStore {
    config: StoreConfig,
    clients: Mutex<HashMap<ClientKey, Arc<dyn ObjectStore>>>,
    /// One for each request that may run.
    permits: Arc<Semaphore>,
    failures: Arc<Failures>,
}

#[derive(PartialEq, Eq, Hash)]
struct ClientKey {
    scheme: Scheme,
    bucket: String,
    account: Option<String>,
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the clients: what they print about credentials is not ours to promise.
        f.debug_struct("RemoteStore")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl RemoteStore {
    pub(crate) fn new(config: StoreConfig) -> Self {
        Self {
            clients: Mutex::new(HashMap::new()),
            permits: Arc::new(Semaphore::new(config.connections.clamp(1, 4096))),
            failures: Arc::new(Failures::hiding_secrets_of(&config)),
            config,
        }
    }

    /// The client of the object's bucket, and the object's key as the client wants it.
    fn client(&self, object: &Location) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let path = path_of(object, object.key())?;
        let key = ClientKey {
            scheme: object.scheme(),
            bucket: object.bucket().to_owned(),
            account: object.account().map(str::to_owned),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok((Arc::clone(client), path));
        }
        let client = client::build(&self.config, object, &self.failures)?;
        clients.insert(key, Arc::clone(&client));
        Ok((client, path))
    }

    fn transfer(&self, object: &Location) -> Result<Transfer<'_>> {
        let (client, path) = self.client(object)?;
        let object = object.clone();
        Ok(Transfer {
            client,
            path,
            object,
            permits: &self.permits,
            failures: &self.failures,
            patience: self.config.retry_timeout,
        })
    }
}

impl RemoteStore {
    pub(crate) async fn read_ranges(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
        pins: Option<&Pins>,
    ) -> Result<Vec<Bytes>> {
        let reads = ranges::plan(object, ranges, JOINING)?;
        if reads.is_empty() {
            return Ok(vec![Bytes::new(); ranges.len()]);
        }
        let version = Pins::of(pins, object);
        let brought = self.transfer(object)?.fetch(&reads, &version).await?;
        Ok(ranges::answers(ranges, &reads, &brought))
    }

    pub(crate) async fn read_tail(
        &self,
        object: &Location,
        bytes: u64,
        pins: Option<&Pins>,
    ) -> Result<(Bytes, u64)> {
        if bytes == 0 {
            return Ok((Bytes::new(), self.size(object).await?));
        }
        let transfer = self.transfer(object)?;
        let options = GetOptions {
            range: Some(GetRange::Suffix(bytes)),
            ..GetOptions::default()
        };
        let opened = match transfer.open(options).await {
            Ok(opened) => Some(opened),
            Err(error) => transfer.open_tail_by_size(bytes, error).await?,
        };
        let Some(opened) = opened else {
            return Ok((Bytes::new(), 0));
        };
        let size_bytes = opened.result.meta.size;
        if !Pins::of(pins, object).admits(&opened.result.meta) {
            return Err(transfer::changed(object));
        }
        Ok((
            receive(opened, object, &self.failures, bytes).await?,
            size_bytes,
        ))
    }

    pub(crate) async fn size(&self, object: &Location) -> Result<u64> {
        Ok(self.transfer(object)?.head().await?.0)
    }

    pub(crate) async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        write::stat(&self.transfer(object)?).await
    }

    pub(crate) async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        options.check(object)?;
        write::put(&self.transfer(object)?, bytes, options).await
    }

    /// As [`RemoteStore::put`], with a file, which has to fit into memory.
    pub(crate) async fn put_file(
        &self,
        object: &Location,
        path: &std::path::Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        let failed = |error| {
            let context = format!("cannot read {}", path.display());
            Error::new(crate::ErrorKind::Io, context).with_source(error)
        };
        let size_bytes = tokio::fs::metadata(path).await.map_err(failed)?.len();
        if size_bytes > FILE_BYTES_MAX {
            return Err(Error::unsupported(format!(
                "{} is longer than {FILE_BYTES_MAX} bytes, the most that is written to this store",
                path.display()
            )));
        }
        let bytes = tokio::fs::read(path).await.map_err(failed)?;
        self.put(object, bytes.into(), options).await
    }

    pub(crate) async fn delete(&self, object: &Location) -> Result<()> {
        write::delete(&self.transfer(object)?).await
    }

    pub(crate) async fn read(
        &self,
        object: &Location,
        max_bytes: u64,
        pins: Option<&Pins>,
    ) -> Result<Bytes> {
        let opened = self.transfer(object)?.open(GetOptions::default()).await?;
        if !Pins::of(pins, object).admits(&opened.result.meta) {
            return Err(transfer::changed(object));
        }
        let size_bytes = opened.result.meta.size;
        if size_bytes > max_bytes {
            return Err(too_long(object, size_bytes, max_bytes));
        }
        receive(opened, object, &self.failures, max_bytes).await
    }

    pub(crate) fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        let key = folder.key();
        let key = key.strip_suffix('/').unwrap_or(key);
        let found = self.client(&folder.with_key(key));
        let (client, path) = match found {
            Ok(found) => found,
            Err(error) => return stream::once(async { Err(error) }).boxed(),
        };
        let below = if key.is_empty() {
            String::new()
        } else {
            format!("{key}/")
        };
        let (folder, failures) = (folder.clone(), Arc::clone(&self.failures));
        client
            .list(Some(&path))
            .scan(false, move |ended, found| {
                let item = match found {
                    _ if *ended => None,
                    // `object_store` lists the marker of the folder itself as `folder`.
                    Ok(meta) if !meta.location.as_ref().starts_with(&below) => Some(None),
                    Ok(meta) => Some(Some(Ok(ObjectMeta {
                        location: folder.with_key(meta.location.as_ref()),
                        size_bytes: meta.size,
                        modified: Some(meta.last_modified.into()),
                        etag: meta.e_tag,
                    }))),
                    Err(error) => {
                        *ended = true;
                        Some(Some(Err(failures.explain("list", &folder, error))))
                    }
                };
                std::future::ready(item)
            })
            .filter_map(std::future::ready)
            .boxed()
    }

    /// One question, whose answer comes as a whole.
    pub(crate) fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        let key = folder.key();
        let key = key.strip_suffix('/').unwrap_or(key);
        let found = self.client(&folder.with_key(key));
        let (folder, failures) = (folder.clone(), Arc::clone(&self.failures));
        let listed = async move {
            let (client, path) = found?;
            let listed = client.list_with_delimiter(Some(&path)).await;
            let listed = listed.map_err(|error| failures.explain("list", &folder, error))?;
            let folders = listed.common_prefixes.into_iter().map(|path| {
                let key = format!("{}/", path.as_ref());
                Entry::Folder(folder.with_key(&key))
            });
            let mut entries: Vec<Entry> = folders.collect();
            entries.extend(listed.objects.into_iter().map(|meta| {
                Entry::Object(ObjectMeta {
                    location: folder.with_key(meta.location.as_ref()),
                    size_bytes: meta.size,
                    modified: Some(meta.last_modified.into()),
                    etag: meta.e_tag,
                })
            }));
            // `object_store` lists the marker of the folder itself as `folder`.
            entries.retain(|entry| entry.key() != path.as_ref());
            entries.sort_by(|left, right| left.key().cmp(right.key()));
            Ok(stream::iter(entries.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }
}

/// The key as `object_store` wants it, if it can express it.
fn path_of(object: &Location, key: &str) -> Result<Path> {
    let path = Path::parse(key).ok().filter(|path| path.as_ref() == key);
    path.ok_or_else(|| {
        Error::unsupported(format!(
            "cannot address {object}: keys with empty, `.` or `..` segments, a slash at an end or \
             control characters are not supported"
        ))
    })
}

#[cfg(test)]
mod tests;
