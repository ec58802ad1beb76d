//! Whole objects and their ends, of a length that only the answer tells, and the checksums of whole
//! objects.

use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use fastdata_memory::PooledBuffer;

use super::connection::{BodyLength, Head};
use super::failure::Failure;
use super::fetch::{
    Brought, Opened, Reading, Running, WHOLE_BYTES, changed, content_range, join, joined, spans,
};
use super::part::Part;
use super::version::Seen;
use super::write;
use crate::checksum::ALGORITHMS;
use crate::expected::{Check, Expected};
use crate::pieces;
use crate::{Checksum, Error, ErrorKind, Result};

impl Reading {
    /// The last `bytes` of the object and its size. What arrives damaged is fetched once more.
    pub(super) async fn tail(&self, bytes: u64) -> Result<(Bytes, u64)> {
        match self.tail_once(bytes).await {
            Err(error) if error.is_damaged() => self.tail_once(bytes).await,
            done => done,
        }
    }

    async fn tail_once(&self, bytes: u64) -> Result<(Bytes, u64)> {
        let mut effort = self.client.effort();
        let permit = self.client.engine.permit(bytes).await;
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
                        expected: expected(&answer.head, &span, size_bytes),
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
        let first_bytes = WHOLE_BYTES.min(max_bytes.saturating_add(1)).max(1);
        let mut effort = self.client.effort();
        let permit = self.client.engine.permit(first_bytes).await;
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
        let opened = Opened {
            expected: expected(&answer.head, &span, size_bytes),
            answer,
            permit,
            effort,
            begun,
        };
        if span.end == size_bytes && checksum_of_parts(&opened.answer.head).is_none() {
            return self.receive(span, opened).await;
        }
        let mut all = vec![span.clone()];
        if span.end < size_bytes {
            all.extend(spans(&(span.end..size_bytes)));
        }
        self.bring_whole(all, Some(opened)).await
    }

    /// Whether a read is of the whole object and needs several requests.
    pub(super) fn may_be_whole(&self, span: &Range<u64>) -> bool {
        let size_bytes = self.version.size_bytes();
        span.start == 0
            && span.end > WHOLE_BYTES
            && size_bytes.is_none_or(|size_bytes| size_bytes == span.end)
    }

    /// All parts of an object, and the checksum of what they make.
    pub(super) async fn bring_whole(
        &self,
        spans: Vec<Range<u64>>,
        opened: Option<Opened>,
    ) -> Result<Bytes> {
        let len = spans.last().map_or(0, |span| span.end);
        let algorithm = self.client.engine.usual_checksum();
        let mut running = Running::new();
        let whole = self.begin(&mut running, spans.clone(), Some(algorithm), &mut {
            opened
        })?;
        // Asked for beside the parts, which do not say it.
        let (parts, told) = tokio::try_join!(join(&mut running), self.told())?;
        let bytes = joined(whole);
        // A range that begins an object of unknown length may not be all of it.
        if let Some(expected) = told.filter(|_| self.version.size_bytes() == Some(len)) {
            self.compare(&bytes, parts, &spans, expected)?;
        }
        Ok(bytes)
    }

    /// The checksum of the object, as its head says it. A store that does not answer has none: the
    /// bytes are there without it.
    async fn told(&self) -> Result<Option<Expected>> {
        let told = write::stat_with_parts(&self.client, &self.object, Some(&self.version));
        match told.await {
            Ok(stat) => Ok(Expected::of(&stat)),
            Err(error) if error.kind() == ErrorKind::Precondition => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Compares what parts sum up to with what the store says.
    fn compare(
        &self,
        bytes: &[u8],
        parts: Vec<Brought>,
        spans: &[Range<u64>],
        expected: Expected,
    ) -> Result<()> {
        let algorithm = expected.checksum().algorithm;
        // In order, and so on one core behind the last byte, SHA-256 would take longer than the bytes.
        if !algorithm.combines() {
            return Ok(());
        }
        self.client.engine.set_usual_checksum(algorithm);
        let stretch_bytes = spans.first().map_or(0, |span| span.end - span.start);
        let digests = parts.into_iter().map(|part| part.digest);
        let compared = digests
            .collect::<Option<Vec<_>>>()
            .filter(|_| is_even(spans) || matches!(expected, Expected::Whole(_)))
            .and_then(|digests| expected.compare(&digests, stretch_bytes));
        let compared = compared.unwrap_or_else(|| {
            let mut check = Check::new(expected);
            check.update(bytes);
            check.finish()
        });
        compared.map(drop).map_err(|what| self.damaged(&what))
    }

    pub(super) fn damaged(&self, what: &str) -> Error {
        Error::damaged(format!("{} arrived damaged: {what}", self.object))
    }

    /// The body of an answer to a request for one part.
    async fn receive(&self, span: Range<u64>, opened: Opened) -> Result<Bytes> {
        let len = (span.end - span.start) as usize;
        let (whole, parts) = pieces::split(PooledBuffer::with_len(len), &[len]);
        for (piece, opened) in parts.into_iter().zip([opened]) {
            let part = Part::in_memory(span.clone(), piece, None);
            self.bring(part, opened).await?;
        }
        Ok(joined(whole))
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
}

/// A range that is given without knowing the size.
#[derive(Clone, Copy)]
enum Asked {
    Last(u64),
    First(u64),
}

/// Whether all but the last are equally long.
fn is_even(spans: &[Range<u64>]) -> bool {
    let mut lens = spans.iter().map(|span| span.end - span.start);
    let first = lens.next();
    lens.len() < 2
        || lens
            .by_ref()
            .take(spans.len() - 2)
            .all(|len| Some(len) == first)
}

/// The checksum of an upload in parts that an answer carries, the best one.
pub(super) fn checksum_of_parts(head: &Head) -> Option<Checksum> {
    ALGORITHMS.into_iter().find_map(|algorithm| {
        let value = head.header(&format!("x-amz-checksum-{}", algorithm.name()))?;
        value.contains('-').then(|| Checksum {
            algorithm,
            value: value.to_owned(),
        })
    })
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

/// What the bytes of a body have to sum up to, when they are the whole object.
pub(super) fn expected(head: &Head, span: &Range<u64>, size_bytes: u64) -> Option<Checksum> {
    (*span == (0..size_bytes)).then(|| checksum_of(head))?
}
