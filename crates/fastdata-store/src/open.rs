//! The way in: one store that hands each address to the store it belongs to.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::local::LocalStore;
use crate::remote::{self, RemoteStore};
use crate::s3::{self, Buckets};
use crate::{
    Answered, Entry, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result, Scheme,
    Store, StoreConfig, Take,
};

/// A store for every kind of address. Nothing is looked up or connected before the first use of a
/// bucket, so that a wrong configuration of S3 does not stand in the way of a local file.
pub fn open(config: StoreConfig) -> Arc<dyn Store> {
    Arc::new(AnyStore {
        local: LocalStore::default(),
        shared: Arc::new(Shared::new(config)),
        pins: None,
    })
}

/// What a store and its pinned views have in common.
struct Shared {
    config: StoreConfig,
    buckets: Buckets,
    remote: RemoteStore,
    is_s3_ours: bool,
    process: u32,
    forked: Mutex<Option<&'static Shared>>,
}

impl Shared {
    fn new(config: StoreConfig) -> Self {
        Self {
            buckets: Buckets::new(&config),
            remote: RemoteStore::new(config.clone()),
            is_s3_ours: is_s3_ours(&config),
            config,
            process: std::process::id(),
            forked: Mutex::new(None),
        }
    }

    /// What belongs to this process. A forked child has inherited connections that are its
    /// parent's, and leave for requests that will never be given back: it begins anew.
    fn here(&self) -> &Self {
        let process = std::process::id();
        if self.process == process {
            return self;
        }
        let mut forked = self.forked.lock().unwrap_or_else(PoisonError::into_inner);
        match *forked {
            Some(shared) if shared.process == process => shared,
            _ => {
                let shared: &'static Self = Box::leak(Box::new(Self::new(self.config.clone())));
                *forked = Some(shared);
                shared
            }
        }
    }
}

#[derive(Default)]
struct Pins {
    s3: s3::Pins,
    remote: remote::Pins,
}

struct AnyStore {
    local: LocalStore,
    shared: Arc<Shared>,
    pins: Option<Pins>,
}

impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyStore")
            .field("config", &self.shared.config)
            .field("pinned", &self.pins.is_some())
            .finish_non_exhaustive()
    }
}

/// Whether our own client does what the configuration and the environment ask of S3.
fn is_s3_ours(config: &StoreConfig) -> bool {
    let is_foreign = |name: &str| {
        let name = name.trim_start_matches("aws_");
        ["s3_express", "request_payer"].contains(&name) || name.contains("sse")
    };
    let has_foreign = config
        .options
        .iter()
        .any(|(name, value)| is_foreign(name) && !["", "false"].contains(&value.expose()));
    !has_foreign && !is_proxied(config, |name| std::env::var(name).ok())
}

/// Whether requests to S3 would go through a proxy, by the variables that all tools know.
fn is_proxied(config: &StoreConfig, var: impl Fn(&str) -> Option<String>) -> bool {
    let get = |name: &str| {
        let found = var(&name.to_ascii_uppercase()).or_else(|| var(&name.to_ascii_lowercase()));
        found.filter(|value| !value.is_empty())
    };
    let url = config
        .endpoint_url
        .as_deref()
        .unwrap_or("https://amazonaws.com");
    let name = if url.starts_with("http://") {
        "http_proxy"
    } else {
        "https_proxy"
    };
    if get(name).or_else(|| get("all_proxy")).is_none() {
        return false;
    }
    let host = url.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let spared = get("no_proxy").unwrap_or_default();
    let mut spared = spared
        .split(',')
        .map(|entry| entry.trim().trim_start_matches('.'));
    !spared.any(|entry| {
        let is_below = host
            .strip_suffix(entry)
            .is_some_and(|rest| rest.ends_with('.'));
        entry == "*" || (!entry.is_empty() && (host == entry || is_below))
    })
}

/// Who answers for an address.
enum Of<'a> {
    Local(&'a LocalStore),
    S3(&'a Buckets),
    Remote(&'a RemoteStore),
}

impl AnyStore {
    fn of(&self, location: &Location) -> Of<'_> {
        if location.scheme() == Scheme::Local {
            return Of::Local(&self.local);
        }
        let shared = self.shared.here();
        match location.scheme() {
            Scheme::S3 if shared.is_s3_ours => Of::S3(&shared.buckets),
            _ => Of::Remote(&shared.remote),
        }
    }

    fn config(&self) -> &StoreConfig {
        &self.shared.config
    }

    fn s3_pins(&self) -> Option<&s3::Pins> {
        self.pins.as_ref().map(|pins| &pins.s3)
    }

    fn remote_pins(&self) -> Option<&remote::Pins> {
        self.pins.as_ref().map(|pins| &pins.remote)
    }
}

#[async_trait]
impl Store for AnyStore {
    async fn read_ranges(&self, object: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.of(object) {
            Of::Local(local) => local.read_ranges(object, ranges).await,
            Of::S3(s3) => {
                s3.read_ranges(self.config(), object, ranges, self.s3_pins())
                    .await
            }
            Of::Remote(remote) => remote.read_ranges(object, ranges, self.remote_pins()).await,
        }
    }

    fn read_ranges_here(
        &self,
        object: &Location,
        ranges: &[Range<u64>],
    ) -> Option<Result<Vec<Bytes>>> {
        match self.of(object) {
            Of::Local(local) => local.read_ranges_here(object, ranges),
            Of::S3(_) | Of::Remote(_) => None,
        }
    }

    async fn read_into<'a>(
        &self,
        object: &Location,
        range: Range<u64>,
        take: &'a mut Take<'a>,
    ) -> Result<Answered> {
        if let Of::S3(s3) = self.of(object) {
            let pins = self.s3_pins();
            return s3.read_into(self.config(), object, range, take, pins).await;
        }
        for bytes in self
            .read_ranges(object, std::slice::from_ref(&range))
            .await?
        {
            take(&bytes)?;
        }
        Ok(Answered::default())
    }

    fn read_into_memory_bytes(&self, object: &Location, bytes: u64) -> u64 {
        match self.of(object) {
            Of::S3(_) => bytes.min(s3::STREAM_BYTES as u64),
            Of::Local(_) | Of::Remote(_) => bytes,
        }
    }

    async fn read_tail(&self, object: &Location, bytes: u64) -> Result<(Bytes, u64)> {
        match self.of(object) {
            Of::Local(local) => local.read_tail(object, bytes).await,
            Of::S3(s3) => {
                s3.read_tail(self.config(), object, bytes, self.s3_pins())
                    .await
            }
            Of::Remote(remote) => remote.read_tail(object, bytes, self.remote_pins()).await,
        }
    }

    async fn size(&self, object: &Location) -> Result<u64> {
        match self.of(object) {
            Of::Local(local) => local.size(object).await,
            Of::S3(s3) => {
                let stat = s3.stat(self.config(), object, self.s3_pins()).await?;
                Ok(stat.size_bytes)
            }
            Of::Remote(remote) => remote.size(object).await,
        }
    }

    async fn stat(&self, object: &Location) -> Result<ObjectStat> {
        match self.of(object) {
            Of::Local(local) => local.stat(object).await,
            Of::S3(s3) => s3.stat(self.config(), object, self.s3_pins()).await,
            Of::Remote(remote) => remote.stat(object).await,
        }
    }

    async fn put(
        &self,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        options.check(object)?;
        match self.of(object) {
            Of::Local(local) => local.put(object, bytes, options).await,
            Of::S3(s3) => s3.put(self.config(), object, bytes, options).await,
            Of::Remote(remote) => remote.put(object, bytes, options).await,
        }
    }

    async fn put_file(
        &self,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        options.check(object)?;
        match self.of(object) {
            Of::Local(local) => local.put_file(object, path, options).await,
            Of::S3(s3) => s3.put_file(self.config(), object, path, options).await,
            Of::Remote(remote) => remote.put_file(object, path, options).await,
        }
    }

    async fn delete(&self, object: &Location) -> Result<()> {
        match self.of(object) {
            Of::Local(local) => local.delete(object).await,
            Of::S3(s3) => s3.delete(self.config(), object).await,
            Of::Remote(remote) => remote.delete(object).await,
        }
    }

    async fn read(&self, object: &Location, max_bytes: u64) -> Result<Bytes> {
        match self.of(object) {
            Of::Local(local) => local.read(object, max_bytes).await,
            Of::S3(s3) => {
                s3.read(self.config(), object, max_bytes, self.s3_pins())
                    .await
            }
            Of::Remote(remote) => remote.read(object, max_bytes, self.remote_pins()).await,
        }
    }

    fn pinned(&self) -> Arc<dyn Store> {
        Arc::new(Self {
            local: self.local.pinned(),
            shared: Arc::clone(&self.shared),
            pins: Some(Pins::default()),
        })
    }

    fn list(&self, folder: &Location) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.of(folder) {
            Of::Local(local) => local.list(folder),
            Of::S3(s3) => s3.list(self.config(), folder),
            Of::Remote(remote) => remote.list(folder),
        }
    }

    fn entries(&self, folder: &Location) -> BoxStream<'static, Result<Entry>> {
        match self.of(folder) {
            Of::Local(local) => local.entries(folder),
            Of::S3(s3) => s3.entries(self.config(), folder),
            Of::Remote(remote) => remote.entries(folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_as_other_tools_see_them() {
        let proxied = |endpoint: Option<&str>, vars: &[(&str, &str)]| {
            let config = StoreConfig {
                endpoint_url: endpoint.map(str::to_owned),
                ..StoreConfig::default()
            };
            is_proxied(&config, |name| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let https = ("HTTPS_PROXY", "http://p");
        assert!(proxied(None, &[https]));
        assert!(proxied(None, &[("https_proxy", "http://p")]));
        assert!(proxied(None, &[("ALL_PROXY", "http://p")]));
        assert!(!proxied(
            None,
            &[("HTTP_PROXY", "http://p"), ("HTTPS_PROXY", "")]
        ));
        assert!(!proxied(Some("http://h:1/x"), &[https]));
        assert!(proxied(
            Some("http://h:1/x"),
            &[("http_proxy", "p"), ("NO_PROXY", "x,hh")]
        ));
        assert!(!proxied(
            Some("http://a.h:1"),
            &[("http_proxy", "p"), ("NO_PROXY", "x, .h")]
        ));
        assert!(!proxied(None, &[https, ("no_proxy", "*")]));
    }
}
