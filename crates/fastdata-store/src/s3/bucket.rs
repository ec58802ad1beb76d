//! The buckets that are in use, and what a store asks of them.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::client::Client;
use super::credentials::Credentials;
use super::diagnose::Diagnosis;
use super::engine::{Engine, locked};
use super::fetch::Reading;
use super::login::LoggedIn;
use super::sign::Keys;
use super::uploads::{self, OpenUpload};
use super::version::Version;
use super::{diagnose, list, write};
use crate::profile::Profile;
use crate::ranges::{self, Joining};
use crate::secrets::Secrets;
use crate::{
    Answered, Entry, ErrorKind, Location, ObjectMeta, ObjectStat, PutOptions, PutResult, Result,
    StoreConfig, Take,
};

/// At 90 MB/s and 25 ms to the first byte, a request costs as much as 2 MB; half of that leaves
/// room for faster lines.
const JOINING: Joining = Joining {
    gap_bytes_max: 1 << 20,
    joined_bytes_max: super::fetch::WHOLE_BYTES,
};

/// How often the reading of a whole object begins anew because the object was replaced.
const RESTARTS: u32 = 2;

/// The versions that a pinned view has met.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<Location, Arc<Version>>>);

/// Clients by bucket, made when they are first needed.
pub(crate) struct Buckets {
    pub(super) engine: Arc<Engine>,
    secrets: Arc<Secrets>,
    clients: Mutex<HashMap<String, Arc<Client>>>,
    credentials: Mutex<Option<Arc<Credentials>>>,
}

impl Buckets {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self {
            engine: Arc::new(Engine::new(config)),
            secrets: Arc::new(Secrets::of(config)),
            clients: Mutex::default(),
            credentials: Mutex::default(),
        }
    }

    fn client(&self, config: &StoreConfig, object: &Location) -> Result<Arc<Client>> {
        let mut clients = locked(&self.clients);
        if let Some(client) = clients.get(object.bucket()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.build(config, object)?);
        clients.insert(object.bucket().to_owned(), Arc::clone(&client));
        Ok(client)
    }

    fn build(&self, config: &StoreConfig, object: &Location) -> Result<Client> {
        config.check()?;
        let profile = Profile::load(config)?;
        let region = config.region.clone().or_else(|| profile.region.clone());
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let url = config
            .endpoint_url
            .clone()
            .or_else(|| profile.endpoint_url.clone());
        let bucket = object.bucket();
        let path_style = config
            .path_style
            .unwrap_or(url.is_some() || bucket.contains('.'));
        let credentials = self.credentials(config, profile, object)?;
        let (engine, secrets) = (Arc::clone(&self.engine), Arc::clone(&self.secrets));
        Client::new(
            engine,
            secrets,
            credentials,
            bucket,
            (url, path_style),
            region,
        )
    }

    /// The same for all buckets: keys that have to be fetched are fetched once.
    fn credentials(
        &self,
        config: &StoreConfig,
        profile: Profile,
        object: &Location,
    ) -> Result<Arc<Credentials>> {
        let mut known = locked(&self.credentials);
        if let Some(known) = known.as_ref() {
            return Ok(Arc::clone(known));
        }
        let keys = Keys::of_config(config).filter(|_| !profile.wants_environment());
        let credentials = if config.anonymous {
            Credentials::Anonymous
        } else if let Some(keys) = keys {
            Credentials::Fixed(Arc::new(keys))
        } else if let Some(login) = LoggedIn::of(config, profile, object)? {
            Credentials::Login(Box::new(login))
        } else {
            Credentials::found(crate::remote::s3_builder(config, object)?)?
        };
        let credentials = Arc::new(credentials);
        *known = Some(Arc::clone(&credentials));
        Ok(credentials)
    }

    fn reading(
        &self,
        config: &StoreConfig,
        object: &Location,
        pins: Option<&Pins>,
    ) -> Result<Reading> {
        let version = match pins {
            None => Arc::default(),
            Some(pins) => Arc::clone(locked(&pins.0).entry(object.clone()).or_default()),
        };
        Ok(Reading {
            client: self.client(config, object)?,
            object: object.clone(),
            version,
        })
    }

    pub(crate) async fn read_ranges(
        &self,
        config: &StoreConfig,
        object: &Location,
        ranges: &[Range<u64>],
        pins: Option<&Pins>,
    ) -> Result<Vec<Bytes>> {
        let reads = ranges::plan(object, ranges, JOINING)?;
        if reads.is_empty() {
            return Ok(vec![Bytes::new(); ranges.len()]);
        }
        let brought = self.reading(config, object, pins)?.fetch(&reads).await?;
        Ok(ranges::answers(ranges, &reads, &brought))
    }

    pub(crate) async fn read_into<'a>(
        &self,
        config: &StoreConfig,
        object: &Location,
        range: Range<u64>,
        take: &'a mut Take<'a>,
        pins: Option<&Pins>,
    ) -> Result<Answered> {
        // Refuses what makes no sense.
        if ranges::plan(object, std::slice::from_ref(&range), JOINING)?.is_empty() {
            return Ok(Answered::default());
        }
        self.reading(config, object, pins)?
            .stream(range, take)
            .await
    }

    pub(crate) async fn read_tail(
        &self,
        config: &StoreConfig,
        object: &Location,
        bytes: u64,
        pins: Option<&Pins>,
    ) -> Result<(Bytes, u64)> {
        if bytes == 0 {
            let stat = self.stat(config, object, pins).await?;
            return Ok((Bytes::new(), stat.size_bytes));
        }
        self.reading(config, object, pins)?.tail(bytes).await
    }

    pub(crate) async fn read(
        &self,
        config: &StoreConfig,
        object: &Location,
        max_bytes: u64,
        pins: Option<&Pins>,
    ) -> Result<Bytes> {
        let mut restarts_left = match pins {
            Some(_) => 0,
            None => RESTARTS,
        };
        loop {
            match self.reading(config, object, pins)?.whole(max_bytes).await {
                // It was replaced while it was read: all of the new one.
                Err(error) if error.kind() == ErrorKind::Precondition && restarts_left > 0 => {
                    restarts_left -= 1;
                }
                done => return done,
            }
        }
    }

    pub(crate) async fn stat(
        &self,
        config: &StoreConfig,
        object: &Location,
        pins: Option<&Pins>,
    ) -> Result<ObjectStat> {
        let reading = self.reading(config, object, pins)?;
        let version = pins.map(|_| &*reading.version);
        write::stat_with_parts(&reading.client, object, version).await
    }

    pub(crate) async fn put(
        &self,
        config: &StoreConfig,
        object: &Location,
        bytes: Bytes,
        options: &PutOptions,
    ) -> Result<PutResult> {
        write::put(&self.client(config, object)?, object, bytes, options).await
    }

    pub(crate) async fn put_file(
        &self,
        config: &StoreConfig,
        object: &Location,
        path: &Path,
        options: &PutOptions,
    ) -> Result<PutResult> {
        write::put_file(&self.client(config, object)?, object, path, options).await
    }

    pub(crate) async fn diagnose(
        &self,
        config: &StoreConfig,
        object: &Location,
    ) -> Result<Diagnosis> {
        diagnose::diagnose(&*self.client(config, object)?, object).await
    }

    pub(crate) async fn open_uploads(
        &self,
        config: &StoreConfig,
        location: &Location,
    ) -> Result<Vec<OpenUpload>> {
        uploads::open(&*self.client(config, location)?, location).await
    }

    pub(crate) async fn give_up(&self, config: &StoreConfig, upload: &OpenUpload) -> Result<()> {
        uploads::give_up(&*self.client(config, &upload.location)?, upload).await
    }

    pub(crate) async fn delete(&self, config: &StoreConfig, object: &Location) -> Result<()> {
        write::delete(&*self.client(config, object)?, object).await
    }

    pub(crate) fn list(
        &self,
        config: &StoreConfig,
        folder: &Location,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.client(config, folder) {
            Ok(client) => list::below(client, folder.clone()),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    pub(crate) fn entries(
        &self,
        config: &StoreConfig,
        folder: &Location,
    ) -> BoxStream<'static, Result<Entry>> {
        match self.client(config, folder) {
            Ok(client) => list::entries(client, folder.clone()),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }
}
