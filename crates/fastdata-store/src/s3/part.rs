//! One part of an object on its way: where its bytes go, and what they sum up to.

use std::ops::Range;

use fastdata_memory::PooledBuffer;

use crate::checksum::Digest;
use crate::pieces::Piece;
use crate::{ChecksumAlgorithm, Result, Take};

/// Bytes that are handed on at one time: they fit into the cache that they were received into, and what
/// is left when the last of them has come is soon in its place.
pub(crate) const STREAM_BYTES: usize = 1 << 20;

/// With a checksum to compute, no more is received at one time, so that it is still in the cache.
const SUMMED_BYTES_MAX: usize = 512 << 10;

/// What one part's request asks for, and what has come of it.
pub(super) struct Part<'a> {
    pub(super) span: Range<u64>,
    target: Target<'a>,
    filled: usize,
    /// Requests that went elsewhere because the body was slow.
    pub(super) moved: u32,
    digest: Option<Digest>,
}

enum Target<'a> {
    /// The part's place in memory.
    Memory(Piece),
    Stream(Stream<'a>),
}

/// Somebody who takes bytes as they come.
struct Stream<'a> {
    buffer: PooledBuffer,
    /// Bytes of the part that have been taken.
    taken: usize,
    take: &'a mut Take<'a>,
}

impl<'a> Part<'a> {
    pub(super) fn in_memory(
        span: Range<u64>,
        piece: Piece,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Self {
        Self::new(span, Target::Memory(piece), algorithm)
    }

    pub(super) fn streamed(span: Range<u64>, take: &'a mut Take<'a>) -> Self {
        let bytes = usize::try_from(span.end - span.start).unwrap_or(usize::MAX);
        let stream = Stream {
            buffer: PooledBuffer::with_len(STREAM_BYTES.min(bytes)),
            taken: 0,
            take,
        };
        Self::new(span, Target::Stream(stream), None)
    }

    fn new(span: Range<u64>, target: Target<'a>, algorithm: Option<ChecksumAlgorithm>) -> Self {
        Self {
            span,
            target,
            filled: 0,
            moved: 0,
            digest: algorithm.map(Digest::new),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.target {
            Target::Memory(piece) => piece.len(),
            // A stream may be longer than memory, but not than what is counted with here.
            Target::Stream(_) => usize::try_from(self.span.end - self.span.start).unwrap_or(0),
        }
    }

    /// Bytes that have come.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// What has yet to come.
    pub(super) fn rest(&self) -> Range<u64> {
        self.span.start + self.filled as u64..self.span.end
    }

    /// From the first byte on, sum the part up in this way, whatever was meant before.
    pub(super) fn sum_by(&mut self, algorithm: ChecksumAlgorithm) {
        if self.filled == 0 {
            self.digest = Some(Digest::new(algorithm));
        }
    }

    pub(super) fn into_digest(self) -> Option<Digest> {
        self.digest
    }

    /// Where the next bytes go, `most` of them.
    pub(super) fn room(&mut self, most: usize) -> &mut [u8] {
        let most = match self.digest {
            Some(_) => most.min(SUMMED_BYTES_MAX),
            None => most,
        };
        let (filled, len) = (self.filled, self.len());
        match &mut self.target {
            Target::Memory(piece) => piece.slice_mut(filled..len.min(filled.saturating_add(most))),
            Target::Stream(stream) => {
                let from = filled - stream.taken;
                let until = stream.buffer.len().min(len - stream.taken);
                &mut stream.buffer.as_mut_slice()[from..until.min(from.saturating_add(most))]
            }
        }
    }

    /// The first `bytes` of what [`Part::room`] gave have come.
    pub(super) fn came(&mut self, bytes: usize) -> Result<()> {
        let from = self.filled;
        self.filled += bytes;
        if let Some(digest) = &mut self.digest {
            digest.update(match &mut self.target {
                Target::Memory(piece) => piece.slice_mut(from..self.filled),
                Target::Stream(stream) => {
                    &stream.buffer.as_slice()[from - stream.taken..self.filled - stream.taken]
                }
            });
        }
        let is_all = self.filled == self.len();
        let Target::Stream(stream) = &mut self.target else {
            return Ok(());
        };
        let waiting = self.filled - stream.taken;
        if waiting < stream.buffer.len() && !is_all {
            return Ok(());
        }
        stream.taken = self.filled;
        (stream.take)(&stream.buffer.as_slice()[..waiting])
    }
}
