//! Bytes of one object: parts over many connections, each straight into its place, all of one
//! version, resumed where they break.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::JoinSet;

use super::client::{Answer, Client, Effort, Request};
use super::connection::{BodyLength, Head};
use super::engine::{Permit, locked};
use super::failure::Failure;
use super::pace::{Pace, Verdict};
use super::part::Part;
use super::retry::Outcome;
use super::version::{Seen, Version};
use super::whole::expected;
use crate::checksum::Digest;
use crate::pieces::{self, Whole};
use crate::ranges::{self, Read, Splitting, past_end};
use crate::{Answered, Checksum, ChecksumAlgorithm, Error, ErrorKind, Location, Result, Take};

/// A read that is longer is split, because one connection brings at most 90 MB/s from S3.
const SPLIT_ABOVE_BYTES: u64 = 6 << 20;

/// What may be a whole object is not split up to here: a single answer tells its checksum. Nor do reads
/// of neighbours grow beyond it.
pub(super) const WHOLE_BYTES: u64 = 12 << 20;

/// What the parts of a split read are about. All that is in flight shares the line, so a scan waits for
/// its first row group, and then for its last ones, as long as all of it takes: behind a line of 4 Gbit/s
/// 8 MiB made scans 4 % slower, behind 8 Gbit/s 15 %, and 2 MiB cost more requests for nothing.
const PART_BYTES: u64 = 4 << 20;

/// A read that is longer than this fills the line by itself for long enough that only the number of
/// requests counts, and its last parts.
const LONG_BYTES: u64 = 64 << 20;
const LONG_PART_BYTES: u64 = 8 << 20;

/// How much of the end of a long read is asked for in small parts, and how small.
const TAIL_BYTES: u64 = 64 << 20;
const TAIL_PART_BYTES: u64 = 2 << 20;

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

/// An answer that brings the bytes that were asked for.
pub(super) struct Opened {
    pub(super) answer: Answer,
    pub(super) permit: Permit,
    pub(super) effort: Effort,
    pub(super) begun: Instant,
    /// What the bytes sum up to, when they are the whole object and the answer says so.
    pub(super) expected: Option<Checksum>,
}

/// What is known about a part that has come.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) digest: Option<Digest>,
    /// The checksum that was compared already.
    pub(super) verified: Option<Checksum>,
}

/// Parts on their way, by number.
pub(super) type Running = JoinSet<Result<(usize, Brought)>>;

impl Reading {
    /// What each read asks for. What arrives damaged is fetched once more.
    pub(super) async fn fetch(&self, reads: &[Read]) -> Result<Vec<Bytes>> {
        match self.fetch_once(reads).await {
            Err(error) if error.is_damaged() => self.fetch_once(reads).await,
            done => done,
        }
    }

    async fn fetch_once(&self, reads: &[Read]) -> Result<Vec<Bytes>> {
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
        if let [read] = reads
            && self.may_be_whole(&read.span)
        {
            let spans = spans(&read.span).collect();
            return Ok(vec![self.bring_whole(spans, first).await?]);
        }
        let mut running = Running::new();
        let mut wholes = Vec::with_capacity(reads.len());
        for read in reads {
            let spans = spans(&read.span).collect();
            wholes.push(self.begin(&mut running, spans, None, &mut first)?);
        }
        join(&mut running).await?;
        Ok(wholes.into_iter().map(joined).collect())
    }

    /// Hands the bytes of `span` to `take`, by one request.
    pub(super) async fn stream<'a>(
        &self,
        span: Range<u64>,
        take: &'a mut Take<'a>,
    ) -> Result<Answered> {
        if let Some(size_bytes) = self.version.size_bytes()
            && span.end > size_bytes
        {
            return Err(past_end(&self.object, &span, size_bytes));
        }
        let opened = self.open(&span).await?;
        let brought = self.bring(Part::streamed(span, take), opened).await?;
        Ok(Answered {
            size_bytes: self.version.size_bytes(),
            etag: self.version.etag(),
            verified: brought.verified,
        })
    }

    /// Begins to bring `spans`, which follow each other, into one buffer; `opened` is the answer to a
    /// request for the first of them, if there is one already.
    pub(super) fn begin(
        &self,
        running: &mut Running,
        spans: Vec<Range<u64>>,
        algorithm: Option<ChecksumAlgorithm>,
        opened: &mut Option<Opened>,
    ) -> Result<Whole> {
        let lens: Vec<u64> = spans.iter().map(|span| span.end - span.start).collect();
        let Ok(len) = usize::try_from(lens.iter().sum::<u64>()) else {
            return Err(Error::unsupported(format!(
                "{}: what is asked for is longer than this machine can address",
                self.object
            )));
        };
        let lens: Vec<usize> = lens.into_iter().map(|len| len as usize).collect();
        let (whole, pieces) = pieces::split(PooledBuffer::with_len(len), &lens);
        for (number, (span, piece)) in spans.into_iter().zip(pieces).enumerate() {
            let opening = match opened.take() {
                Some(opened) => std::future::ready(Ok(opened)).boxed(),
                None => self.open(&span),
            };
            let (reading, part) = (self.clone(), Part::in_memory(span, piece, algorithm));
            running.spawn(async move {
                let opened = opening.await?;
                Ok((number, reading.bring(part, opened).await?))
            });
        }
        Ok(whole)
    }

    /// Brings one part, and compares what it sums up to where the answer says that.
    pub(super) async fn bring(&self, mut part: Part<'_>, mut opened: Opened) -> Result<Brought> {
        if let Some(expected) = &opened.expected {
            part.sum_by(expected.algorithm);
        }
        loop {
            let failure = match self.fill(&mut opened, &mut part).await {
                Ok(()) => return self.end(opened, part),
                Err(Stopped::ByUser(error)) => return Err(error),
                Err(Stopped::Broken(failure)) => failure,
            };
            // The broken connection goes before another one is made.
            let Opened {
                permit,
                mut effort,
                begun,
                answer,
                expected,
            } = opened;
            drop(answer);
            if let Err(failure) = self.client.again(failure, &mut effort).await {
                return Err(self.client.error(failure, "read", &self.object, &effort));
            }
            let (answer, _) = self.ask(&part.rest(), &mut effort).await?;
            opened = Opened {
                answer,
                permit,
                effort,
                begun,
                expected,
            };
        }
    }

    fn end(&self, opened: Opened, part: Part<'_>) -> Result<Brought> {
        let bytes = part.span.end - part.span.start;
        self.client.engine.done(opened.begun.elapsed(), bytes);
        let Opened {
            answer,
            permit,
            expected,
            ..
        } = opened;
        answer.lease.give_back(&answer.head);
        drop(permit);
        let digest = part.into_digest();
        let Some(expected) = expected else {
            return Ok(Brought {
                digest,
                verified: None,
            });
        };
        let found = digest.map(Digest::finish);
        if found.as_ref() == Some(&expected) {
            return Ok(Brought {
                digest: None,
                verified: found,
            });
        }
        let found = found.map_or("unknown".to_owned(), |found| found.to_string());
        let what = format!("its checksum is {found}, the store says {expected}");
        Err(self.damaged(&what))
    }

    /// Takes a place in the line now, whichever task waits first, and begins to read `span` when its
    /// turn has come.
    fn open(&self, span: &Range<u64>) -> BoxFuture<'static, Result<Opened>> {
        let (reading, span) = (self.clone(), span.clone());
        let place = self.client.engine.place(span.end - span.start);
        let opening = async move {
            let permit = place.await;
            let mut effort = reading.client.effort();
            let begun = Instant::now();
            let (answer, expected) = reading.ask(&span, &mut effort).await?;
            Ok(Opened {
                answer,
                permit,
                effort,
                begun,
                expected,
            })
        };
        opening.boxed()
    }

    /// An answer that brings exactly `span`, of the right version, and its checksum if that is the whole
    /// object.
    async fn ask(
        &self,
        span: &Range<u64>,
        effort: &mut Effort,
    ) -> Result<(Answer, Option<Checksum>)> {
        loop {
            // Asked for after the wait for the permit: by then others may have been answered.
            let range = format!("bytes={}-{}", span.start, span.end - 1);
            let request = self.get(Some(range));
            let answer = match self.client.send(&request, effort).await {
                Ok(answer) => answer,
                Err(failure) => return Err(self.refused(failure, span, effort)),
            };
            let failure = match self.check(&answer.head, span) {
                Ok(seen) if self.version.admits(seen.clone()) => {
                    let expected = expected(&answer.head, span, seen.size_bytes);
                    return Ok((answer, expected));
                }
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

    pub(super) fn get(&self, range: Option<String>) -> Request<'_> {
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

    pub(super) fn refused(&self, failure: Failure, span: &Range<u64>, effort: &Effort) -> Error {
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
    async fn fill(&self, opened: &mut Opened, part: &mut Part<'_>) -> Result<(), Stopped> {
        let engine = &self.client.engine;
        let end = part.len();
        let at_first = part.filled();
        let slow_below = match part.moved {
            0 | 1 => locked(&engine.hedging).slow_below(),
            _ => None,
        };
        let mut pace = Pace::new(engine.now());
        let lease = &mut opened.answer.lease;
        let address = lease.connection().address;
        let failed = |part: &Part<'_>, text: String| broken(part.filled() - at_first, text);
        let stall = tokio::time::sleep(engine.stall_timeout);
        let mut stall = std::pin::pin!(stall);
        let mut alive_at = Instant::now();
        let read_bytes_max = engine.rate.piece_bytes_max();
        while part.filled() < end {
            let into = part.room(read_bytes_max);
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
            part.came(bytes).map_err(Stopped::ByUser)?;
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
                Verdict::Slow if end - part.filled() < WORTH_BYTES => {}
                Verdict::Slow if locked(&engine.hedging).take() => {
                    part.moved += 1;
                    let rate = pace.rate(engine.now());
                    lease.pool().delivered(address, rate);
                    let text = "others are faster".to_owned();
                    let failure = Failure::of_body(Outcome::BrokenWithProgress, text);
                    return Err(Stopped::Broken(failure));
                }
                Verdict::Slow => {}
            }
            engine.rate.keep(bytes).await;
        }
        let bytes = end - at_first;
        if bytes >= PROGRESS_BYTES {
            let rate = pace.rate(engine.now());
            locked(&engine.hedging).rate(rate);
            lease.pool().delivered(address, rate);
        }
        Ok(())
    }
}

/// Why a body was not read to its end.
enum Stopped {
    Broken(Failure),
    /// Whoever takes the bytes will not have more.
    ByUser(Error),
}

/// Why the head of an answer does not fit.
enum Mismatch {
    PastEnd(u64),
    Nonsense(String),
}

/// A body that broke behind so many bytes.
fn broken(came_bytes: usize, text: String) -> Stopped {
    let outcome = match came_bytes >= PROGRESS_BYTES {
        true => Outcome::BrokenWithProgress,
        false => Outcome::Broken,
    };
    Stopped::Broken(Failure::of_body(outcome, text))
}

/// Waits for all parts and returns them in their order; the first error ends the others.
pub(super) async fn join(running: &mut Running) -> Result<Vec<Brought>> {
    let mut brought = Vec::with_capacity(running.len());
    while let Some(ended) = running.join_next().await {
        let failed = match ended {
            Ok(Ok(done)) => {
                brought.push(done);
                continue;
            }
            Ok(Err(error)) => error,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Error::new(ErrorKind::Network, "the reading was stopped"),
        };
        running.shutdown().await;
        return Err(failed);
    }
    brought.sort_by_key(|(number, _)| *number);
    Ok(brought.into_iter().map(|(_, brought)| brought).collect())
}

/// The buffer whose parts have all come.
pub(super) fn joined(whole: Whole) -> Bytes {
    match whole.join() {
        Some(buffer) => buffer.into_bytes(),
        None => unreachable!("every task has ended and dropped its piece"),
    }
}

/// `bytes a-b/size` as the range and the size.
pub(super) fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size: u64 = size.parse().ok()?;
    (first <= last && last < size).then(|| (first..last + 1, size))
}

/// The requests that a read is made of. The last of a very long one are smaller: connections have
/// something to do until the end, and end together.
pub(super) fn spans(read: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
    let len = read.end - read.start;
    let (above_bytes, part_bytes) = match len {
        ..=WHOLE_BYTES if read.start == 0 => (WHOLE_BYTES, WHOLE_BYTES),
        ..=LONG_BYTES => (SPLIT_ABOVE_BYTES, PART_BYTES),
        _ => (LONG_PART_BYTES, LONG_PART_BYTES),
    };
    let splitting = Splitting {
        above_bytes,
        part_bytes,
    };
    let tail_bytes = match len >= 4 * TAIL_BYTES {
        true => TAIL_BYTES,
        false => 0,
    };
    let tail = read.end - tail_bytes..read.end;
    let small = Splitting {
        above_bytes: TAIL_PART_BYTES,
        part_bytes: TAIL_PART_BYTES,
    };
    let tail = (!tail.is_empty()).then(|| ranges::parts(&tail, small));
    ranges::parts(&(read.start..read.end - tail_bytes), splitting).chain(tail.into_iter().flatten())
}

pub(super) fn changed(object: &Location) -> Error {
    Error::new(
        ErrorKind::Precondition,
        format!("{object} changed while it was read"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(start: u64, len: u64) -> Vec<u64> {
        let spans: Vec<_> = spans(&(start..start + len)).collect();
        assert_eq!(spans.first().map(|span| span.start), Some(start));
        assert_eq!(spans.last().map(|span| span.end), Some(start + len));
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
        spans.iter().map(|span| span.end - span.start).collect()
    }

    #[test]
    fn what_is_waited_for_comes_in_small_parts() {
        assert_eq!(lens(4, SPLIT_ABOVE_BYTES), [SPLIT_ABOVE_BYTES]);
        assert_eq!(lens(4, SPLIT_ABOVE_BYTES + 2), [(3 << 20) + 1; 2]);
        assert_eq!(lens(4, LONG_BYTES), [PART_BYTES; 16]);
        assert_eq!(lens(4, LONG_BYTES + (8 << 20)), [LONG_PART_BYTES; 9]);
        let long = lens(4, 1 << 30);
        assert_eq!(
            (long[0], long[long.len() - 1]),
            (LONG_PART_BYTES, TAIL_PART_BYTES)
        );
    }

    #[test]
    fn what_may_be_a_whole_object_comes_with_one_answer() {
        assert_eq!(lens(0, WHOLE_BYTES), [WHOLE_BYTES]);
        assert_eq!(lens(0, 16 << 20), [PART_BYTES; 4]);
    }
}
