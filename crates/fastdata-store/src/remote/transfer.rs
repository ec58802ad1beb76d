//! Requests of one call on one object: bounded in number, all of one version, into pooled memory.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use futures::stream::{FuturesUnordered, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::failure::Failures;
use crate::ranges::{self, Read, Splitting, past_end};
use crate::{Error, ErrorKind, Location, Result};

/// A read that is longer is split, because one connection brings at most 90 MB/s from S3.
const SPLIT_ABOVE_BYTES: u64 = 24 << 20;

/// What the parts of a split read are about: below 8 MiB requests cost more than they bring, above
/// 16 MiB only memory and the wait for the last part grow.
const PART_BYTES: u64 = 16 << 20;

/// A batch that is larger is allocated only when the object has turned out to be that long.
const UNCHECKED_BYTES_MAX: u64 = 64 << 20;

/// The longest pause before a throttled request is sent again.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What a call on one object needs.
pub(super) struct Transfer<'a> {
    pub(super) client: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    pub(super) object: Location,
    pub(super) permits: &'a Semaphore,
    pub(super) failures: &'a Failures,
    /// How long a throttled request is sent again.
    pub(super) patience: Duration,
}

/// A request whose answer has begun; the permit is held until the body has arrived.
pub(super) struct Opened<'a> {
    pub(super) result: GetResult,
    _permit: Option<SemaphorePermit<'a>>,
}

/// Which version of the object the first answer of a batch came from.
#[derive(Debug, Default)]
pub(super) struct Version(Mutex<Option<Seen>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    size_bytes: u64,
    /// The ETag or, where a server has none, the time of the last change.
    mark: String,
    etag: Option<String>,
}

impl<'a> Transfer<'a> {
    /// What each read asks for.
    pub(super) async fn fetch(&self, reads: &[Read], version: &Version) -> Result<Vec<Bytes>> {
        let total_bytes = reads.iter().fold(0_u64, |sum, read| {
            sum.saturating_add(read.span.end - read.span.start)
        });
        let mut first = None;
        if total_bytes > UNCHECKED_BYTES_MAX
            && let Some(read) = reads.first()
        {
            let span = spans(&read.span).next().unwrap_or(read.span.clone());
            let opened = self.open_span(&span, version).await?;
            let size_bytes = opened.result.meta.size;
            if let Some(read) = reads.iter().find(|read| read.span.end > size_bytes) {
                return Err(past_end(&self.object, &read.span, size_bytes));
            }
            first = Some(opened);
        }
        let mut buffers = Vec::with_capacity(reads.len());
        for read in reads {
            let Ok(len) = usize::try_from(read.span.end - read.span.start) else {
                return Err(Error::unsupported(format!(
                    "{}: the range is longer than this machine can address",
                    self.object
                )));
            };
            buffers.push(PooledBuffer::with_len(len));
        }
        // All at once: each part waits for its permit by itself, in this order.
        let mut running = FuturesUnordered::new();
        for (read, buffer) in reads.iter().zip(&mut buffers) {
            let mut rest = buffer.as_mut_slice();
            for span in spans(&read.span) {
                let (into, behind) = rest.split_at_mut((span.end - span.start) as usize);
                rest = behind;
                running.push(self.fetch_part(span, into, first.take(), version));
            }
        }
        while let Some(done) = running.next().await {
            done?;
        }
        drop(running);
        Ok(buffers.into_iter().map(PooledBuffer::into_bytes).collect())
    }

    async fn fetch_part(
        &self,
        span: Range<u64>,
        into: &mut [u8],
        opened: Option<Opened<'a>>,
        version: &Version,
    ) -> Result<()> {
        let opened = match opened {
            Some(opened) => opened,
            None => self.open_span(&span, version).await?,
        };
        fill(opened, into, &self.object, self.failures).await
    }

    /// Begins to read `span`, and sees to it that its bytes belong with the others of the batch.
    async fn open_span(&self, span: &Range<u64>, version: &Version) -> Result<Opened<'a>> {
        let permit = self.permit().await;
        // Asked for after the wait for the permit: by then others may have been answered.
        let options = GetOptions {
            range: Some(GetRange::Bounded(span.clone())),
            if_match: version.etag(),
            ..GetOptions::default()
        };
        let result = self.request(options).await.map_err(|error| {
            if error.kind() == ErrorKind::InvalidArgument {
                let context = format!(
                    "cannot read bytes {}..{} of {}: they lie past its end",
                    span.start, span.end, self.object
                );
                return Error::invalid(context).with_source(error);
            }
            error
        })?;
        if !version.admits(&result.meta) {
            return Err(changed(&self.object));
        }
        if result.range != *span {
            return Err(past_end(&self.object, span, result.meta.size));
        }
        Ok(Opened {
            result,
            _permit: permit,
        })
    }

    /// Begins a request with options of the caller's.
    pub(super) async fn open(&self, options: GetOptions) -> Result<Opened<'a>> {
        let permit = self.permit().await;
        Ok(Opened {
            result: self.request(options).await?,
            _permit: permit,
        })
    }

    /// Begins to read the last `bytes` after a request for just them was refused with `refusal`;
    /// `None` for an empty object.
    ///
    /// Azure has no such requests, S3 refuses them for empty objects, and other servers answer
    /// them for empty objects with status 200, which is no answer to a range.
    pub(super) async fn open_tail_by_size(
        &self,
        bytes: u64,
        refusal: Error,
    ) -> Result<Option<Opened<'a>>> {
        let is_unsupported = match refusal.kind() {
            ErrorKind::Unsupported => true,
            ErrorKind::InvalidArgument | ErrorKind::Protocol => false,
            _ => return Err(refusal),
        };
        let (size_bytes, version) = self.head().await?;
        if size_bytes == 0 {
            return Ok(None);
        }
        if !is_unsupported {
            return Err(refusal);
        }
        let range = GetRange::Bounded(size_bytes.saturating_sub(bytes)..size_bytes);
        let options = GetOptions {
            range: Some(range),
            if_match: version,
            ..GetOptions::default()
        };
        Ok(Some(self.open(options).await?))
    }

    /// The object's size in bytes and its ETag.
    pub(super) async fn head(&self) -> Result<(u64, Option<String>)> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let meta = self.open(options).await?.result.meta;
        Ok((meta.size, meta.e_tag))
    }

    pub(super) async fn permit(&self) -> Option<SemaphorePermit<'a>> {
        // An error means that the semaphore was closed, which nobody does.
        self.permits.acquire().await.ok()
    }

    /// Sends a request; when the service asks to slow down, again after a while. (The retries of
    /// `object_store` are over in seconds, which is right for a server that does not answer but
    /// not for one that is busy.) The caller holds a permit meanwhile, so that fewer requests run.
    async fn request(&self, options: GetOptions) -> Result<GetResult> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(500);
        loop {
            let error = match self.client.get_opts(&self.path, options.clone()).await {
                Ok(result) => return Ok(result),
                Err(error) => self.failures.explain("read", &self.object, error),
            };
            if error.kind() != ErrorKind::Throttled || started.elapsed() + pause > self.patience {
                return Err(error);
            }
            tokio::time::sleep(pause / 2 + jitter(pause / 2)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

impl Version {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn etag(&self) -> Option<String> {
        self.lock().as_ref()?.etag.clone()
    }

    /// Whether an answer comes from the version of the first one.
    pub(super) fn admits(&self, meta: &ObjectMeta) -> bool {
        let etag = meta.e_tag.clone().filter(|etag| !etag.is_empty());
        let seen = Seen {
            size_bytes: meta.size,
            mark: etag
                .clone()
                .unwrap_or_else(|| meta.last_modified.to_rfc3339()),
            // A weak ETag never matches an `If-Match`.
            etag: etag.filter(|etag| !etag.starts_with("W/")),
        };
        *self.lock().get_or_insert_with(|| seen.clone()) == seen
    }
}

/// The requests that a read is made of.
fn spans(read: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let splitting = Splitting {
        above_bytes: SPLIT_ABOVE_BYTES,
        part_bytes: PART_BYTES,
    };
    ranges::parts(read, splitting)
}

/// Reads a body to its end, which has to be the end of `into` too.
async fn fill(
    opened: Opened<'_>,
    into: &mut [u8],
    object: &Location,
    failures: &Failures,
) -> Result<()> {
    let wanted_bytes = into.len();
    let mut filled_bytes = 0;
    let mut chunks = opened.result.into_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| failures.explain("read", object, error))?;
        let Some(slot) = into.get_mut(filled_bytes..filled_bytes + chunk.len()) else {
            return Err(wrong_length(object, "more", wanted_bytes));
        };
        slot.copy_from_slice(&chunk);
        filled_bytes += chunk.len();
    }
    if filled_bytes < wanted_bytes {
        return Err(wrong_length(object, "fewer", wanted_bytes));
    }
    Ok(())
}

/// The whole body of an answer, which has at most `max_bytes`.
pub(super) async fn receive(
    opened: Opened<'_>,
    object: &Location,
    failures: &Failures,
    max_bytes: u64,
) -> Result<Bytes> {
    let range = opened.result.range.clone();
    let len = range.end.saturating_sub(range.start);
    let Some(len) = usize::try_from(len).ok().filter(|_| len <= max_bytes) else {
        return Err(wrong_length(object, "more", max_bytes as usize));
    };
    let mut buffer = PooledBuffer::with_len(len);
    fill(opened, buffer.as_mut_slice(), object, failures).await?;
    Ok(buffer.into_bytes())
}

fn wrong_length(object: &Location, what: &str, wanted_bytes: usize) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!(
            "cannot read {object}: the server sent {what} bytes than the {wanted_bytes} asked for"
        ),
    )
}

pub(super) fn changed(object: &Location) -> Error {
    Error::new(
        ErrorKind::Precondition,
        format!("{object} changed while it was read"),
    )
}

/// A part of `most`, so that clients that were throttled together do not come back together.
fn jitter(most: Duration) -> Duration {
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    most * (nanos.subsec_micros() % 1000) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_reads_are_split_evenly_and_small_ones_are_not() {
        let lens = |len: u64| -> Vec<u64> {
            spans(&(7..7 + len))
                .map(|span| span.end - span.start)
                .collect()
        };
        assert_eq!(lens(1), [1]);
        assert_eq!(lens(SPLIT_ABOVE_BYTES), [SPLIT_ABOVE_BYTES]);
        assert_eq!(lens(SPLIT_ABOVE_BYTES + 1), [(12 << 20) + 1, 12 << 20]);
        let many = lens(1 << 30);
        assert_eq!((many.len(), many.iter().sum::<u64>()), (64, 1 << 30));
        let spans: Vec<_> = spans(&(3..3 + (100 << 20) + 11)).collect();
        assert_eq!(
            (spans[0].start, spans[spans.len() - 1].end),
            (3, 3 + (100 << 20) + 11)
        );
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn a_second_version_is_never_mixed_in() {
        let version = Version::default();
        let meta = |etag: Option<&str>, size| ObjectMeta {
            location: Path::from("x"),
            last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
            size,
            e_tag: etag.map(str::to_owned),
            version: None,
        };
        assert_eq!(version.etag(), None);
        assert!(version.admits(&meta(Some("\"1\""), 10)));
        assert_eq!(version.etag().as_deref(), Some("\"1\""));
        assert!(version.admits(&meta(Some("\"1\""), 10)));
        assert!(!version.admits(&meta(Some("\"2\""), 10)));
        assert!(!version.admits(&meta(Some("\"1\""), 11)));
        assert!(!version.admits(&meta(None, 10)));
        let weak = Version::default();
        assert!(weak.admits(&meta(Some("W/\"1\""), 10)));
        assert_eq!(weak.etag(), None);
        assert!(!weak.admits(&meta(Some("W/\"2\""), 10)));
    }

    #[test]
    fn parts_behind_the_first_answer_ask_for_its_version() {
        let memory = Arc::new(object_store::memory::InMemory::new());
        let path = Path::from("x");
        let put = |content: &'static str| {
            let done = object_store::ObjectStoreExt::put(&*memory, &path, content.into());
            futures::executor::block_on(done).unwrap();
        };
        let failures = Failures::hiding_secrets_of(&crate::StoreConfig::default());
        let permits = Semaphore::new(1);
        let transfer = Transfer {
            client: Arc::clone(&memory) as Arc<dyn ObjectStore>,
            path: path.clone(),
            object: Location::parse("s3://bucket/x").unwrap(),
            permits: &permits,
            failures: &failures,
            patience: Duration::ZERO,
        };
        put("first...");
        let version = Version::default();
        futures::executor::block_on(async {
            drop(transfer.open_span(&(0..4), &version).await.unwrap());
            drop(transfer.open_span(&(4..8), &version).await.unwrap());
            assert!(version.etag().is_some());
        });
        put("second..");
        let error = futures::executor::block_on(transfer.open_span(&(4..8), &version));
        assert_eq!(
            error.err().map(|error| error.kind()),
            Some(ErrorKind::Precondition)
        );
        assert_eq!(permits.available_permits(), 1);
    }
}
