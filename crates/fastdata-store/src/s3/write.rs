//! Writing, removing and asking about objects.
//!
//! A conditional write whose answer was lost is not known to have happened: sent again, it would
//! meet its own object. Each carries a mark in its metadata, by which reading back tells whether
//! the object is ours.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use tokio::task::JoinSet;

use super::attributes;
use super::client::{Answer, Client, Effort, Request};
use super::connection::Head;
use super::date;
use super::failure::Failure;
use super::fetch::changed;
use super::part_size::part_bytes;
use super::uploads;
use super::version::{Seen, Version};
use super::whole::{checksum_of, checksum_of_parts};
use super::xml;
use crate::checksum::Digest;
use crate::{
    Checksum, ChecksumAlgorithm, Error, ErrorKind, Location, ObjectStat, PutCondition, PutOptions,
    PutResult, Result,
};

/// Objects that are longer are written in parts: a connection takes about 20 MB/s.
const SPLIT_ABOVE_BYTES: u64 = 16 << 20;

/// The metadata that marks a conditional write.
const MARK: &str = "fastdata-write";

pub(super) async fn stat(client: &Client, object: &Location) -> Result<ObjectStat> {
    Ok(head(client, object, None).await?.0)
}

/// What is known about an object, of `version` if there is one, and the parts that it was written in if
/// their checksums are all that there is.
pub(super) async fn stat_with_parts(
    client: &Client,
    object: &Location,
    version: Option<&Version>,
) -> Result<ObjectStat> {
    let (mut stat, told) = head(client, object, version).await?;
    if let (None, Some(told)) = (&stat.checksum, told) {
        stat.parts = attributes::parts(client, object, &stat, told).await;
    }
    Ok(stat)
}

/// What is known about an object, and the checksum of an upload in parts.
async fn head(
    client: &Client,
    object: &Location,
    version: Option<&Version>,
) -> Result<(ObjectStat, Option<Checksum>)> {
    let mut effort = client.effort();
    let _permit = client.engine.permit(0).await;
    let headers = vec![("x-amz-checksum-mode".to_owned(), "ENABLED".to_owned())];
    let request = Request {
        method: "HEAD",
        key: object.key(),
        headers,
        ..Request::default()
    };
    let mut failure = match client.send(&request, &mut effort).await {
        Ok(answer) => return described(object, answer, version),
        Err(failure) => failure,
    };
    // The answer to HEAD has no body, and so no word on what is wrong. Its GET has.
    let question = Request {
        method: "GET",
        key: object.key(),
        headers: vec![("range".to_owned(), "bytes=0-0".to_owned())],
        ..Request::default()
    };
    if failure.status.is_some() {
        match client.document(&question, &mut effort).await {
            Err(told) => failure = told,
            // Whatever it was, the clock perhaps, is set right.
            Ok(_) => match client.send(&request, &mut effort).await {
                Ok(answer) => return described(object, answer, version),
                Err(again) => failure = again,
            },
        }
    }
    Err(client.error(failure, "find", object, &effort))
}

fn described(
    object: &Location,
    answer: Answer,
    version: Option<&Version>,
) -> Result<(ObjectStat, Option<Checksum>)> {
    let Answer { head, lease } = answer;
    let stat = stat_of(object, &head);
    let told = checksum_of_parts(&head);
    if let (Ok(stat), Some(version)) = (&stat, version)
        && !version.admits(Seen::of(&head, stat.size_bytes))
    {
        return Err(changed(object));
    }
    lease.give_back(&head);
    Ok((stat?, told))
}

fn stat_of(object: &Location, head: &Head) -> Result<ObjectStat> {
    let size_bytes = head
        .header("content-length")
        .and_then(|text| text.parse().ok());
    let Some(size_bytes) = size_bytes else {
        let context = format!("cannot find {object}: the server does not tell its size");
        return Err(Error::new(ErrorKind::Protocol, context));
    };
    let metadata: BTreeMap<String, String> = head
        .headers()
        .filter_map(|(name, value)| {
            let name = name
                .strip_prefix("x-amz-meta-")
                .filter(|name| *name != MARK)?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    Ok(ObjectStat {
        location: object.clone(),
        size_bytes,
        modified: head.header("last-modified").and_then(date::parse_http),
        etag: head.header("etag").map(str::to_owned),
        content_type: head.header("content-type").map(str::to_owned),
        checksum: checksum_of(head),
        parts: None,
        metadata,
    })
}

/// Removes an object; one that is not there is gone already.
pub(super) async fn delete(client: &Client, object: &Location) -> Result<()> {
    let mut effort = client.effort();
    let _permit = client.engine.permit(0).await;
    let request = Request {
        method: "DELETE",
        key: object.key(),
        ..Request::default()
    };
    match client.document(&request, &mut effort).await {
        Ok(_) => Ok(()),
        Err(failure)
            if failure.status == Some(404) && failure.code.as_deref() != Some("NoSuchBucket") =>
        {
            Ok(())
        }
        Err(failure) => Err(client.error(failure, "delete", object, &effort)),
    }
}

pub(super) async fn put(
    client: &Arc<Client>,
    object: &Location,
    bytes: Bytes,
    options: &PutOptions,
) -> Result<PutResult> {
    write(client, object, Source::Bytes(bytes), options).await
}

pub(super) async fn put_file(
    client: &Arc<Client>,
    object: &Location,
    path: &Path,
    options: &PutOptions,
) -> Result<PutResult> {
    write(client, object, Source::open(path)?, options).await
}

async fn write(
    client: &Arc<Client>,
    object: &Location,
    source: Source,
    options: &PutOptions,
) -> Result<PutResult> {
    let len = source.len();
    let Some(part_bytes) = part_bytes(len) else {
        return Err(Error::unsupported(format!(
            "cannot write {object}: {len} bytes are more than S3 takes"
        )));
    };
    let is_in_parts = len > SPLIT_ABOVE_BYTES;
    // Sent twice, a plain PUT does no harm; all other writes have to know their own.
    let is_marked = is_in_parts || options.condition != PutCondition::Always;
    let write = Write {
        client: Arc::clone(client),
        object: object.clone(),
        mark: is_marked.then(mark),
        options: options.clone(),
    };
    match is_in_parts {
        false => write.at_once(source.part(0..len).await?).await,
        true => write.in_parts(source, part_bytes).await,
    }
}

/// Where the bytes of a write come from.
#[derive(Clone)]
enum Source {
    Bytes(Bytes),
    File {
        file: Arc<File>,
        path: Arc<Path>,
        len: u64,
        modified: Option<SystemTime>,
    },
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        let failed = |error| unreadable(path, error);
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            let context = format!("cannot read {}: it is no file", path.display());
            return Err(Error::unsupported(context));
        }
        Ok(Self::File {
            file: Arc::new(file),
            path: path.into(),
            len: meta.len(),
            modified: meta.modified().ok(),
        })
    }

    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// The bytes of a range that lies inside.
    async fn part(&self, range: Range<u64>) -> Result<Bytes> {
        let (file, path) = match self {
            Self::Bytes(bytes) => return Ok(bytes.slice(range.start as usize..range.end as usize)),
            Self::File { file, path, .. } => (Arc::clone(file), Arc::clone(path)),
        };
        let reading = tokio::task::spawn_blocking(move || {
            let mut buffer = PooledBuffer::with_len((range.end - range.start) as usize);
            match file.read_exact_at(buffer.as_mut_slice(), range.start) {
                Ok(()) => Ok(buffer.into_bytes()),
                Err(error) => Err(unreadable(&path, error)),
            }
        });
        match reading.await {
            Ok(bytes) => bytes,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(Error::new(ErrorKind::Network, "the writing was stopped")),
        }
    }

    /// To be asked when all parts have been read.
    fn check_unchanged(&self) -> Result<()> {
        let Self::File {
            file,
            path,
            len,
            modified,
        } = self
        else {
            return Ok(());
        };
        let meta = file.metadata().map_err(|error| unreadable(path, error))?;
        if meta.len() == *len && meta.modified().ok() == *modified {
            return Ok(());
        }
        let context = format!("{} changed while it was read", path.display());
        Err(Error::new(ErrorKind::Precondition, context))
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        // Shorter than it was a moment ago.
        std::io::ErrorKind::UnexpectedEof => ErrorKind::Precondition,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot read {}", path.display())).with_source(error)
}

/// A name for one write that no other has.
fn mark() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let mut random = [0; 8];
    let system = ring::rand::SystemRandom::new();
    // Without randomness time, process and counter still make it one of its kind.
    let _ = ring::rand::SecureRandom::fill(&system, &mut random);
    format!(
        "{:x}-{:x}-{:x}-{:x}",
        now.as_nanos(),
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed),
        u64::from_le_bytes(random)
    )
}

/// One write of a whole object.
#[derive(Clone)]
struct Write {
    client: Arc<Client>,
    object: Location,
    mark: Option<String>,
    options: PutOptions,
}

impl Write {
    fn metadata(&self) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = self
            .options
            .metadata
            .iter()
            .map(|(name, value)| {
                let name = format!("x-amz-meta-{}", name.to_ascii_lowercase());
                (name, value.clone())
            })
            .collect();
        if let Some(mark) = &self.mark {
            headers.push((format!("x-amz-meta-{MARK}"), mark.clone()));
        }
        if let Some(content_type) = &self.options.content_type {
            headers.push(("content-type".to_owned(), content_type.clone()));
        }
        headers
    }

    fn condition(&self) -> Option<(String, String)> {
        match &self.options.condition {
            PutCondition::Always => None,
            PutCondition::IfAbsent => Some(("if-none-match".to_owned(), "*".to_owned())),
            PutCondition::IfMatch(etag) => Some(("if-match".to_owned(), etag.clone())),
        }
    }

    async fn at_once(&self, bytes: Bytes) -> Result<PutResult> {
        let mut effort = self.client.effort();
        let _permit = self.client.engine.permit(bytes.len() as u64).await;
        let mut headers = self.metadata();
        headers.extend(self.condition());
        headers.push(checksum_header(&Checksum::of(
            ChecksumAlgorithm::Crc64Nvme,
            &bytes,
        )));
        let request = Request {
            method: "PUT",
            key: self.object.key(),
            headers,
            body: bytes,
            ..Request::default()
        };
        match self.client.document(&request, &mut effort).await {
            Ok((head, _)) => Ok(PutResult {
                etag: head.header("etag").map(str::to_owned),
            }),
            Err(failure) => self.settle(failure, &effort).await,
        }
    }

    /// The write failed: or did it, and only the answer was lost?
    async fn settle(&self, failure: Failure, effort: &Effort) -> Result<PutResult> {
        let is_open = effort.maybe_done || failure.maybe_done;
        if self.mark.is_none() || !is_open {
            return Err(self.client.error(failure, "write", &self.object, effort));
        }
        let is_refused = failure.status == Some(412);
        match self.read_back().await {
            Ok(Some((mark, etag))) if mark == self.mark => Ok(PutResult { etag }),
            // Somebody else's object stands there. Ours was refused, or has been replaced; but it
            // is not known whether an attempt of ours made it before.
            Ok(Some(_)) if is_refused && self.options.condition == PutCondition::IfAbsent => {
                Err(self.client.error(failure, "write", &self.object, effort))
            }
            read => {
                let error = self.client.error(failure, "write", &self.object, effort);
                let context = format!(
                    "{error}; the answer to an earlier attempt was lost, and whether it was written \
                     cannot be told"
                );
                let unknown = Error::new(ErrorKind::OutcomeUnknown, context);
                Err(match read {
                    Err(why) => unknown.with_source(why),
                    Ok(_) => unknown,
                })
            }
        }
    }

    /// Mark and ETag of what is there now; `None` when nothing is.
    async fn read_back(&self) -> Result<Option<(Option<String>, Option<String>)>> {
        let mut effort = self.client.effort();
        let request = Request {
            method: "HEAD",
            key: self.object.key(),
            ..Request::default()
        };
        match self.client.send(&request, &mut effort).await {
            Ok(answer) => {
                let mark = answer.head.header(&format!("x-amz-meta-{MARK}"));
                let found = (
                    mark.map(str::to_owned),
                    answer.head.header("etag").map(str::to_owned),
                );
                answer.lease.give_back(&answer.head);
                Ok(Some(found))
            }
            Err(failure) if failure.status == Some(404) => Ok(None),
            Err(failure) => Err(self
                .client
                .error(failure, "read back", &self.object, &effort)),
        }
    }

    async fn in_parts(&self, source: Source, part_bytes: u64) -> Result<PutResult> {
        // On a task of its own, which ends also when we are dropped: an upload whose answer nobody
        // waits for would stay open for ever.
        let write = self.clone();
        let upload = match tokio::spawn(async move { write.begin().await }).await {
            Ok(upload) => upload?,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return Err(Error::new(ErrorKind::Network, "the writing was stopped")),
        };
        let mut running = JoinSet::new();
        let parts = source.len().div_ceil(part_bytes) as usize;
        for index in 0..parts {
            let start = index as u64 * part_bytes;
            let range = start..source.len().min(start + part_bytes);
            let (write, id, source) = (self.clone(), upload.id.clone(), source.clone());
            running.spawn(async move { write.part(&id, index, &source, range).await });
        }
        let mut done: Vec<Option<(String, Digest)>> = vec![None; parts];
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(Ok((index, etag, digest))) => done[index] = Some((etag, digest)),
                Ok(Err(error)) => {
                    running.shutdown().await;
                    upload.abort().await;
                    return Err(error);
                }
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return Err(Error::new(ErrorKind::Network, "the writing was stopped")),
            }
        }
        if let Err(error) = source.check_unchanged() {
            upload.abort().await;
            return Err(error);
        }
        self.finish(upload, done.into_iter().flatten().collect())
            .await
    }

    async fn begin(&self) -> Result<Upload> {
        let counted = Counted::new();
        let mut effort = self.client.effort();
        let _permit = self.client.engine.permit(0).await;
        let mut headers = self.metadata();
        headers.push((
            "x-amz-checksum-algorithm".to_owned(),
            "CRC64NVME".to_owned(),
        ));
        headers.push(("x-amz-checksum-type".to_owned(), "FULL_OBJECT".to_owned()));
        let request = Request {
            method: "POST",
            key: self.object.key(),
            query: vec![("uploads", String::new())],
            headers,
            ..Request::default()
        };
        let document = self.client.document(&request, &mut effort).await;
        let failed = |failure| self.client.error(failure, "write", &self.object, &effort);
        let (_, body) = document.map_err(failed)?;
        match xml::text(&String::from_utf8_lossy(&body), "UploadId") {
            Some(id) => Ok(Upload {
                write: self.clone(),
                id,
                is_open: true,
                counted: Some(counted),
            }),
            None => {
                let text = "the server names no upload".to_owned();
                Err(self
                    .client
                    .error(Failure::nonsense(text), "write", &self.object, &effort))
            }
        }
    }

    async fn part(
        &self,
        id: &str,
        index: usize,
        source: &Source,
        range: Range<u64>,
    ) -> Result<(usize, String, Digest)> {
        // Read behind the permit: only parts on their way are in memory.
        let _permit = self.client.engine.permit(range.end - range.start).await;
        let bytes = source.part(range).await?;
        let mut effort = self.client.effort();
        let mut digest = Digest::new(ChecksumAlgorithm::Crc64Nvme);
        digest.update(&bytes);
        let request = Request {
            method: "PUT",
            key: self.object.key(),
            query: vec![
                ("partNumber", (index + 1).to_string()),
                ("uploadId", id.to_owned()),
            ],
            headers: vec![checksum_header(&digest.clone().finish())],
            body: bytes,
        };
        match self.client.document(&request, &mut effort).await {
            Ok((head, _)) => match head.header("etag") {
                Some(etag) => Ok((index, etag.to_owned(), digest)),
                None => {
                    let failure = Failure::nonsense("a part has no ETag".to_owned());
                    Err(self.client.error(failure, "write", &self.object, &effort))
                }
            },
            Err(failure) => Err(self.client.error(failure, "write", &self.object, &effort)),
        }
    }

    async fn finish(&self, mut upload: Upload, parts: Vec<(String, Digest)>) -> Result<PutResult> {
        let mut digest = Digest::new(ChecksumAlgorithm::Crc64Nvme);
        let mut body = String::from("<CompleteMultipartUpload>");
        for (index, (etag, of_part)) in parts.iter().enumerate() {
            let is_appended = digest.append(of_part);
            debug_assert!(is_appended, "CRCs combine");
            let part = of_part.clone().finish().value;
            body.push_str(&format!(
                "<Part><ChecksumCRC64NVME>{part}</ChecksumCRC64NVME><ETag>{}</ETag>\
                 <PartNumber>{}</PartNumber></Part>",
                xml::escape(etag),
                index + 1
            ));
        }
        body.push_str("</CompleteMultipartUpload>");
        let mut headers = vec![checksum_header(&digest.finish())];
        headers.push(("x-amz-checksum-type".to_owned(), "FULL_OBJECT".to_owned()));
        headers.extend(self.condition());
        let mut effort = self.client.effort();
        let _permit = self.client.engine.permit(0).await;
        let request = Request {
            method: "POST",
            key: self.object.key(),
            query: vec![("uploadId", upload.id.clone())],
            headers,
            body: body.into(),
        };
        let failure = match self.client.document(&request, &mut effort).await {
            Ok((_, body)) => {
                upload.is_open = false;
                let etag = xml::text(&String::from_utf8_lossy(&body), "ETag");
                return Ok(PutResult { etag });
            }
            Err(failure) => failure,
        };
        // The first answer was lost and the upload is gone: it became the object, or somebody
        // aborted it.
        if effort.maybe_done && failure.code.as_deref() == Some("NoSuchUpload") {
            upload.is_open = false;
        }
        let settled = self.settle(failure, &effort).await;
        if settled.is_err() && upload.is_open {
            upload.abort().await;
        }
        settled
    }
}

fn checksum_header(checksum: &Checksum) -> (String, String) {
    let name = format!("x-amz-checksum-{}", checksum.algorithm.name());
    (name, checksum.value.clone())
}

/// An upload in parts; one that is dropped open is given up, so that no parts stay behind.
struct Upload {
    write: Write,
    id: String,
    is_open: bool,
    counted: Option<Counted>,
}

/// Uploads of this process that were begun and have not ended, those included that are being given
/// up.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct Counted;

impl Counted {
    fn new() -> Self {
        OPEN.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many uploads in parts this process has begun that are neither finished nor given up: a
/// process that ends now leaves their parts behind.
pub fn unfinished_uploads() -> usize {
    OPEN.load(Ordering::SeqCst)
}

impl Upload {
    async fn abort(mut self) {
        give_up(&self.write, &self.id).await;
        // Not before: who is dropped meanwhile has not given it up.
        self.is_open = false;
    }
}

async fn give_up(write: &Write, id: &str) {
    let mut effort = write.client.effort();
    let request = uploads::giving_up(write.object.key(), id);
    // Nobody is left to tell; a rule of the bucket that expires open uploads does the rest.
    let _ = write.client.document(&request, &mut effort).await;
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (write, id) = (self.write.clone(), std::mem::take(&mut self.id));
            let counted = self.counted.take();
            runtime.spawn(async move {
                give_up(&write, &id).await;
                drop(counted);
            });
        }
    }
}
