//! Bytes of one object: parts over many connections, each straight into its place, all of one
//! version, resumed where they break.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use tokio::task::JoinSet;

use super::client::{Answer, Client, Effort, Request};
use super::connection::{BodyLength, Head};
use super::engine::{Permit, locked};
use super::failure::Failure;
use super::pace::{Pace, Verdict};
use super::retry::Outcome;
use super::version::{Seen, Version};
use crate::checksum::{ALGORITHMS, Digest};
use crate::pieces::{self, Piece, Whole};
use crate::ranges::{self, Read, Splitting, past_end};
use crate::{Checksum, Error, ErrorKind, Location, Result};

/// A read that is longer is split, because one connection brings at most 90 MB/s from S3.
pub(super) const SPLIT_ABOVE_BYTES: u64 = 12 << 20;

/// What the parts of a split read are about: below 8 MiB requests cost more than they bring, above
/// 16 MiB only memory and the wait for the last part grow.
const PART_BYTES: u64 = 8 << 20;

/// A batch that is larger is allocated only when the object has turned out to be that long.
const UNCHECKED_BYTES_MAX: u64 = 64 << 20;

/// A body that broke behind less than this has not got anywhere.
const PROGRESS_BYTES: usize = 256 << 10;

/// The rest of a slow body is asked for elsewhere only if it is worth a request.
const WORTH_BYTES: usize = 512 << 10;

/// A reading of one object.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) client: Arc<Client>,
    pub(super) object: Location,
    pub(super) version: Arc<Version>,
}

/// What one part's request asks for.
struct Part {
    span: Range<u64>,
    piece: Piece,
    filled: usize,
    /// Requests that went elsewhere because the body was slow.
    moved: u32,
}

/// An answer that brings the bytes that were asked for.
struct Opened {
    answer: Answer,
    permit: Permit,
    effort: Effort,
    begun: Instant,
}

impl Reading {
    /// What each read asks for.
    pub(super) async fn fetch(&self, reads: &[Read]) -> Result<Vec<Bytes>> {
        let total_bytes = reads.iter().fold(0_u64, |sum, read| {
            sum.saturating_add(read.span.end - read.span.start)
        });
        let mut first = None;
        if total_bytes > UNCHECKED_BYTES_MAX
            && self.version.size_bytes().is_none()
            && let Some(read) = reads.first()
        {
            let span = spans(&read.span).next().unwrap_or(read.span.clone());
            first = Some(self.open(&span).await?);
        }
        if let Some(size_bytes) = self.version.size_bytes()
            && let Some(read) = reads.iter().find(|read| read.span.end > size_bytes)
        {
            return Err(past_end(&self.object, &read.span, size_bytes));
        }
        let mut running = JoinSet::new();
        let mut wholes = Vec::with_capacity(reads.len());
        for read in reads {
            let Ok(len) = usize::try_from(read.span.end - read.span.start) else {
                return Err(Error::unsupported(format!(
                    "{}: the range is longer than this machine can address",
                    self.object
                )));
            };
            let spans = spans(&read.span).collect();
            wholes.push(self.begin(&mut running, spans, len, &mut first));
        }
        join(&mut running).await?;
        let mut brought = Vec::with_capacity(wholes.len());
        for whole in wholes {
            match whole.join() {
                Some(buffer) => brought.push(buffer.into_bytes()),
                None => unreachable!("every task has ended and dropped its piece"),
            }
        }
        Ok(brought)
    }

    /// Begins to bring `spans`, which follow each other, into one buffer of `len` bytes; `opened` is
    /// the answer to a request for the first of them, if there is one already.
    fn begin(
        &self,
        running: &mut JoinSet<Result<()>>,
        spans: Vec<Range<u64>>,
        len: usize,
        opened: &mut Option<Opened>,
    ) -> Whole {
        let lens: Vec<usize> = spans
            .iter()
            .map(|span| (span.end - span.start) as usize)
            .collect();
        let (whole, parts) = pieces::split(PooledBuffer::with_len(len), &lens);
        for (span, piece) in spans.into_iter().zip(parts) {
            let (reading, opened) = (self.clone(), opened.take());
            let part = Part {
                span,
                piece,
                filled: 0,
                moved: 0,
            };
            // Each waits for its permit by itself, in this order.
            running.spawn(async move { reading.bring(part, opened).await });
        }
        whole
    }

    /// Brings one part.
    async fn bring(&self, mut part: Part, opened: Option<Opened>) -> Result<()> {
        let mut opened = match opened {
            Some(opened) => opened,
            None => self.open(&part.span).await?,
        };
        loop {
            let failure = match self.fill(&mut opened, &mut part).await {
                Ok(()) => {
                    let len = part.span.end - part.span.start;
                    self.client.engine.done(opened.begun.elapsed(), len);
                    let Opened { answer, permit, .. } = opened;
                    answer.lease.give_back(&answer.head);
                    drop(permit);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            // The broken connection goes before another one is made.
            let Opened {
                permit,
                mut effort,
                begun,
                answer,
            } = opened;
            drop(answer);
            if let Err(failure) = self.client.again(failure, &mut effort).await {
                return Err(self.client.error(failure, "read", &self.object, &effort));
            }
            let rest = part.span.start + part.filled as u64..part.span.end;
            let answer = self.ask(&rest, &mut effort).await?;
            opened = Opened {
                answer,
                permit,
                effort,
                begun,
            };
        }
    }

    /// Begins to read `span`.
    async fn open(&self, span: &Range<u64>) -> Result<Opened> {
        let permit = self.client.engine.permit().await;
        let mut effort = self.client.effort();
        let begun = Instant::now();
        let answer = self.ask(span, &mut effort).await?;
        Ok(Opened {
            answer,
            permit,
            effort,
            begun,
        })
    }

    /// An answer that brings exactly `span`, of the right version.
    async fn ask(&self, span: &Range<u64>, effort: &mut Effort) -> Result<Answer> {
        loop {
            // Asked for after the wait for the permit: by then others may have been answered.
            let range = format!("bytes={}-{}", span.start, span.end - 1);
            let request = self.get(Some(range));
            let answer = match self.client.send(&request, effort).await {
                Ok(answer) => answer,
                Err(failure) => return Err(self.refused(failure, span, effort)),
            };
            let failure = match self.check(&answer.head, span) {
                Ok(seen) if self.version.admits(seen.clone()) => return Ok(answer),
                Ok(_) => return Err(changed(&self.object)),
                Err(Mismatch::PastEnd(size_bytes)) => {
                    return Err(past_end(&self.object, span, size_bytes));
                }
                Err(Mismatch::Nonsense(text)) => Failure::nonsense(text),
            };
            // What comes behind this head is not what was asked for.
            drop(answer);
            if let Err(failure) = self.client.again(failure, effort).await {
                return Err(self.client.error(failure, "read", &self.object, effort));
            }
        }
    }

    fn get(&self, range: Option<String>) -> Request<'_> {
        let mut headers = vec![("x-amz-checksum-mode".to_owned(), "ENABLED".to_owned())];
        if let Some(range) = range {
            headers.push(("range".to_owned(), range));
        }
        if let Some(etag) = self.version.etag() {
            headers.push(("if-match".to_owned(), etag));
        }
        Request {
            method: "GET",
            key: self.object.key(),
            headers,
            ..Request::default()
        }
    }

    fn refused(&self, failure: Failure, span: &Range<u64>, effort: &Effort) -> Error {
        let is_known = self.version.size_bytes().is_some();
        match failure.status {
            Some(412) => changed(&self.object),
            // It was there a moment ago.
            Some(404) if is_known => Error::new(
                ErrorKind::NotFound,
                format!("{} vanished while it was read", self.object),
            ),
            Some(416) => Error::invalid(format!(
                "cannot read bytes {}..{} of {}: they lie past its end",
                span.start, span.end, self.object
            )),
            _ => self.client.error(failure, "read", &self.object, effort),
        }
    }

    /// Whether the head of an answer promises `span` and nothing else.
    fn check(&self, head: &Head, span: &Range<u64>) -> std::result::Result<Seen, Mismatch> {
        let wanted_bytes = span.end - span.start;
        let BodyLength::Bytes(body_bytes) = head.body else {
            return Err(Mismatch::Nonsense(
                "the answer does not tell its length".to_owned(),
            ));
        };
        if head.status == 200 {
            // Some servers know no ranges; a whole object is as good as a range of all of it.
            return match *span == (0..body_bytes) {
                true => Ok(Seen::of(head, body_bytes)),
                false if body_bytes < span.end => Err(Mismatch::PastEnd(body_bytes)),
                false => Err(Mismatch::Nonsense("the server ignores ranges".to_owned())),
            };
        }
        let text = head.header("content-range").unwrap_or_default();
        let Some((range, size_bytes)) = content_range(text) else {
            return Err(Mismatch::Nonsense(format!(
                "the range {text:?} makes no sense"
            )));
        };
        if range.start == span.start && range.end < span.end && range.end == size_bytes {
            return Err(Mismatch::PastEnd(size_bytes));
        }
        if range != *span || body_bytes != wanted_bytes {
            return Err(Mismatch::Nonsense(format!(
                "asked for {wanted_bytes} bytes at {}, the server sends {body_bytes} of {text:?}",
                span.start
            )));
        }
        Ok(Seen::of(head, size_bytes))
    }

    /// Reads a body to the end of its part.
    async fn fill(&self, opened: &mut Opened, part: &mut Part) -> std::result::Result<(), Failure> {
        let engine = &self.client.engine;
        let end = part.piece.len();
        let at_first = part.filled;
        let slow_below = match part.moved {
            0 | 1 => locked(&engine.hedging).slow_below(),
            _ => None,
        };
        let mut pace = Pace::new(engine.now());
        let lease = &mut opened.answer.lease;
        let address = lease.connection().address;
        let failed = |part: &Part, text: String| broken(part.filled - at_first, text);
        let stall = tokio::time::sleep(engine.stall_timeout);
        let mut stall = std::pin::pin!(stall);
        let mut alive_at = Instant::now();
        let read_bytes_max = engine.read_bytes_max();
        while part.filled < end {
            let until = end.min(part.filled.saturating_add(read_bytes_max));
            let into = part.piece.slice_mut(part.filled..until);
            let read = tokio::select! {
                biased;
                read = lease.connection().read(into) => read,
                () = stall.as_mut() => {
                    lease.blame();
                    let text = format!("nothing came for {:?}", engine.stall_timeout);
                    return Err(failed(part, text));
                }
            };
            let bytes = match read {
                Ok(0) => return Err(failed(part, "the answer breaks off".to_owned())),
                Ok(bytes) => bytes,
                Err(error) => return Err(failed(part, format!("the connection broke: {error}"))),
            };
            part.filled += bytes;
            // Timers cost: one that is moved ten times a second is as good.
            if alive_at.elapsed() > Duration::from_millis(100) {
                alive_at = Instant::now();
                stall
                    .as_mut()
                    .reset((alive_at + engine.stall_timeout).into());
            }
            match pace.came(engine.now(), bytes as u64, slow_below) {
                Verdict::Fine => {}
                Verdict::Stalled => {
                    lease.blame();
                    return Err(failed(part, "the answer crawls".to_owned()));
                }
                Verdict::Slow if end - part.filled < WORTH_BYTES => {}
                Verdict::Slow if locked(&engine.hedging).take() => {
                    part.moved += 1;
                    let rate = pace.rate(engine.now());
                    lease.pool().delivered(address, rate);
                    let text = "others are faster".to_owned();
                    return Err(Failure::of_body(Outcome::BrokenWithProgress, text));
                }
                Verdict::Slow => {}
            }
            engine.keep_rate(bytes).await;
        }
        let bytes = end - at_first;
        if bytes >= PROGRESS_BYTES {
            let rate = pace.rate(engine.now());
            locked(&engine.hedging).rate(rate);
            lease.pool().delivered(address, rate);
        }
        Ok(())
    }

    /// The last `bytes` of the object and its size.
    pub(super) async fn tail(&self, bytes: u64) -> Result<(Bytes, u64)> {
        let mut effort = self.client.effort();
        let permit = self.client.engine.permit().await;
        let begun = Instant::now();
        loop {
            let request = self.get(Some(format!("bytes=-{bytes}")));
            let answer = match self.client.send(&request, &mut effort).await {
                Ok(answer) => answer,
                // S3 refuses ranges of empty objects.
                Err(failure) if failure.status == Some(416) => {
                    let stat = super::write::stat(&self.client, &self.object).await?;
                    if stat.size_bytes == 0 {
                        return Ok((Bytes::new(), 0));
                    }
                    return Err(self.refused(failure, &(0..1), &effort));
                }
                Err(failure) => return Err(self.refused(failure, &(0..1), &effort)),
            };
            match self.span_of(&answer.head, Asked::Last(bytes)) {
                Ok((span, seen)) => {
                    let size_bytes = seen.size_bytes;
                    if !self.version.admits(seen) {
                        return Err(changed(&self.object));
                    }
                    let opened = Opened {
                        answer,
                        permit,
                        effort,
                        begun,
                    };
                    return Ok((self.receive(span, opened).await?, size_bytes));
                }
                Err(text) => {
                    drop(answer);
                    let failure = Failure::nonsense(text);
                    if let Err(failure) = self.client.again(failure, &mut effort).await {
                        return Err(self.client.error(failure, "read", &self.object, &effort));
                    }
                }
            }
        }
    }

    /// A whole object. What arrives damaged is fetched once more.
    pub(super) async fn whole(&self, max_bytes: u64) -> Result<Bytes> {
        match self.whole_once(max_bytes).await {
            Err(error) if error.is_damaged() => self.whole_once(max_bytes).await,
            done => done,
        }
    }

    /// The first request asks for the first part; what it does not bring comes
    /// beside it over other connections.
    async fn whole_once(&self, max_bytes: u64) -> Result<Bytes> {
        let first_bytes = SPLIT_ABOVE_BYTES.min(max_bytes.saturating_add(1)).max(1);
        let mut effort = self.client.effort();
        let permit = self.client.engine.permit().await;
        let begun = Instant::now();
        let (answer, span, size_bytes) = loop {
            let request = self.get(Some(format!("bytes=0-{}", first_bytes - 1)));
            let answer = match self.client.send(&request, &mut effort).await {
                Ok(answer) => answer,
                Err(failure) if failure.status == Some(416) => return Ok(Bytes::new()),
                Err(failure) => return Err(self.refused(failure, &(0..1), &effort)),
            };
            let failure = match self.span_of(&answer.head, Asked::First(first_bytes)) {
                Ok((span, seen)) => {
                    let size_bytes = seen.size_bytes;
                    if size_bytes > max_bytes {
                        return Err(crate::local::too_long(&self.object, size_bytes, max_bytes));
                    }
                    if !self.version.admits(seen) {
                        return Err(changed(&self.object));
                    }
                    break (answer, span, size_bytes);
                }
                Err(text) => Failure::nonsense(text),
            };
            drop(answer);
            if let Err(failure) = self.client.again(failure, &mut effort).await {
                return Err(self.client.error(failure, "read", &self.object, &effort));
            }
        };
        let expected = checksum_of(&answer.head);
        let opened = Opened {
            answer,
            permit,
            effort,
            begun,
        };
        let bytes = self
            .receive_with_rest(span.clone(), size_bytes, opened)
            .await?;
        match expected {
            Some(expected) if span.end == size_bytes => self.verify(&bytes, &expected)?,
            _ => {}
        }
        Ok(bytes)
    }

    /// The first part, and the rest of the object beside it.
    async fn receive_with_rest(
        &self,
        first: Range<u64>,
        size_bytes: u64,
        opened: Opened,
    ) -> Result<Bytes> {
        let Ok(len) = usize::try_from(size_bytes) else {
            return Err(Error::unsupported(format!(
                "{} does not fit into memory",
                self.object
            )));
        };
        if first.end == size_bytes {
            return self.receive(first, opened).await;
        }
        let mut all = vec![first.clone()];
        all.extend(spans(&(first.end..size_bytes)));
        let mut running = JoinSet::new();
        let whole = self.begin(&mut running, all, len, &mut Some(opened));
        join(&mut running).await?;
        match whole.join() {
            Some(buffer) => Ok(buffer.into_bytes()),
            None => unreachable!("every task has ended and dropped its piece"),
        }
    }

    /// The body of an answer to a request for one part.
    async fn receive(&self, span: Range<u64>, opened: Opened) -> Result<Bytes> {
        let len = (span.end - span.start) as usize;
        let (whole, parts) = pieces::split(PooledBuffer::with_len(len), &[len]);
        let mut opened = Some(opened);
        for piece in parts {
            let part = Part {
                span: span.clone(),
                piece,
                filled: 0,
                moved: 0,
            };
            self.bring(part, opened.take()).await?;
        }
        match whole.join() {
            Some(buffer) => Ok(buffer.into_bytes()),
            None => unreachable!("the only piece has been dropped"),
        }
    }

    /// Which bytes an answer brings, if they are those that were asked for.
    fn span_of(
        &self,
        head: &Head,
        asked: Asked,
    ) -> std::result::Result<(Range<u64>, Seen), String> {
        let BodyLength::Bytes(body_bytes) = head.body else {
            return Err("the answer does not tell its length".to_owned());
        };
        let (range, size_bytes) = match head.status {
            200 => (0..body_bytes, body_bytes),
            _ => {
                let text = head.header("content-range").unwrap_or_default();
                content_range(text).ok_or(format!("the range {text:?} makes no sense"))?
            }
        };
        let expected = match asked {
            Asked::Last(bytes) => size_bytes.saturating_sub(bytes)..size_bytes,
            Asked::First(bytes) => 0..bytes.min(size_bytes),
        };
        // A server that knows no ranges sends everything: good enough if that is not more.
        if range != expected || range.end - range.start != body_bytes {
            return Err(format!(
                "the server sends {body_bytes} bytes at {} of {size_bytes}, which nobody asked for",
                range.start
            ));
        }
        let len = range.end - range.start;
        if usize::try_from(len).is_err() {
            return Err(format!("{len} bytes do not fit into memory"));
        }
        Ok((range, Seen::of(head, size_bytes)))
    }

    /// Compares bytes with what the store says of them.
    fn verify(&self, bytes: &[u8], expected: &Checksum) -> Result<()> {
        let mut digest = Digest::new(expected.algorithm);
        digest.update(bytes);
        let found = digest.finish();
        if found == *expected {
            return Ok(());
        }
        Err(Error::damaged(format!(
            "{} arrived damaged: its checksum is {found}, the store says {expected}",
            self.object
        )))
    }
}

/// A range that is given without knowing the size.
#[derive(Clone, Copy)]
enum Asked {
    Last(u64),
    First(u64),
}

/// Why the head of an answer does not fit.
enum Mismatch {
    PastEnd(u64),
    Nonsense(String),
}

/// A body that broke behind so many bytes.
fn broken(came_bytes: usize, text: String) -> Failure {
    let outcome = match came_bytes >= PROGRESS_BYTES {
        true => Outcome::BrokenWithProgress,
        false => Outcome::Broken,
    };
    Failure::of_body(outcome, text)
}

/// Waits for all tasks; the first error ends the others.
async fn join(running: &mut JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = running.join_next().await {
        let failed = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Error::new(ErrorKind::Network, "the reading was stopped"),
        };
        running.shutdown().await;
        return Err(failed);
    }
    Ok(())
}

/// The checksum of the whole object that an answer carries, the best one.
pub(super) fn checksum_of(head: &Head) -> Option<Checksum> {
    let kind = head.header("x-amz-checksum-type");
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("FULL_OBJECT")) {
        return None;
    }
    ALGORITHMS.into_iter().find_map(|algorithm| {
        let value = head.header(&format!("x-amz-checksum-{}", algorithm.name()))?;
        // `…-N` is made of the checksums of N parts.
        (!value.contains('-')).then(|| Checksum {
            algorithm,
            value: value.to_owned(),
        })
    })
}

/// `bytes a-b/size` as the range and the size.
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size: u64 = size.parse().ok()?;
    (first <= last && last < size).then(|| (first..last + 1, size))
}

/// The requests that a read is made of.
pub(super) fn spans(read: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let splitting = Splitting {
        above_bytes: SPLIT_ABOVE_BYTES,
        part_bytes: PART_BYTES,
    };
    ranges::parts(read, splitting)
}

fn changed(object: &Location) -> Error {
    Error::new(
        ErrorKind::Precondition,
        format!("{object} changed while it was read"),
    )
}
