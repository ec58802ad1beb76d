//! Reading version 3 blobs.

use std::io::{self, Read};
use std::ops::Range;

use fastdata_memory::PooledBuffer;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::layout::{Check, HEADER_BYTES, Head, Layout};
use crate::workers::Workers;
use crate::{Error, ErrorKind, Limits, Result};

/// The content of a whole blob.
///
/// # Errors
/// As [`Layout::parse`] and [`Layout::unpack_block`].
pub fn decode(blob: &[u8], limits: &Limits, check: Check) -> Result<PooledBuffer> {
    let layout = match Layout::parse(blob, blob.len() as u64, limits)? {
        Head::Whole(layout) => layout,
        Head::Needs(bytes) => {
            return Err(Error::truncated(format!(
                "{} bytes of a head of {bytes}",
                blob.len()
            )));
        }
    };
    let blocks = 0..layout.block_count();
    layout.each(blocks, |idx, place| {
        let stored = layout.stored_range(idx..idx + 1);
        // Layout::parse has compared the ends of all blocks with the length of the blob.
        let stored = &blob[stored.start as usize..stored.end as usize];
        layout.unpack_block(idx, stored, place, check)
    })
}

impl Layout {
    /// The content of consecutive blocks, on all cores when there are several.
    ///
    /// `bring` fills a buffer with the stored bytes of a range of the blob, on any thread; raw
    /// blocks are brought straight to their place.
    ///
    /// # Errors
    /// What `bring` returns, and as [`Layout::unpack_block`].
    pub fn unpack<E: From<Error> + Send>(
        &self,
        blocks: Range<usize>,
        check: Check,
        bring: impl Fn(Range<u64>, &mut [u8]) -> Result<(), E> + Sync,
    ) -> Result<PooledBuffer, E> {
        self.each(blocks, |idx, place| {
            let stored = self.stored_range(idx..idx + 1);
            if self.is_raw(idx) {
                bring(stored, place)?;
                return self.check_block(idx, place, check).map_err(E::from);
            }
            let mut packed = PooledBuffer::with_len((stored.end - stored.start) as usize);
            bring(stored, packed.as_mut_slice())?;
            self.unpack_block(idx, packed.as_slice(), place, check)
                .map_err(E::from)
        })
    }

    /// A buffer for the content of `blocks`, filled block by block.
    fn each<E: From<Error> + Send>(
        &self,
        blocks: Range<usize>,
        fill: impl Fn(usize, &mut [u8]) -> Result<(), E> + Sync,
    ) -> Result<PooledBuffer, E> {
        if blocks.start > blocks.end || blocks.end > self.block_count() {
            return Err(E::from(Error::invalid(format!(
                "blocks {} to {} of {}",
                blocks.start,
                blocks.end,
                self.block_count()
            ))));
        }
        let start = self.content_range(blocks.start).start;
        let end = match blocks.end.checked_sub(1) {
            Some(last) if !blocks.is_empty() => self.content_range(last).end,
            _ => start,
        };
        let len = usize::try_from(end - start).map_err(|_| {
            E::from(Error::limit(
                "a content of more bytes than can be addressed",
            ))
        })?;
        // Not a claim: parse found stored bytes for it, at RATIO_MAX to one.
        let mut out = PooledBuffer::with_len(len);
        if blocks.len() < 2 {
            if !blocks.is_empty() {
                fill(blocks.start, out.as_mut_slice())?;
            }
            return Ok(out);
        }
        let block_bytes = self.block_bytes() as usize;
        Workers::with(|workers| {
            workers.install(|| {
                out.as_mut_slice()
                    .par_chunks_mut(block_bytes)
                    .enumerate()
                    .try_for_each(|(idx, place)| fill(blocks.start + idx, place))
            })
        })?;
        Ok(out)
    }
}

/// Reads the content of a blob from front to end, one block in memory at a time.
///
/// Gives no byte that was not checked.
///
/// ```
/// use std::io::Read;
/// use fastdata_codec::{BlobReader, Check, EncodeOptions, Limits};
///
/// let (blob, _) = fastdata_codec::encode(b"hello", EncodeOptions::default())?;
/// let len = blob.as_slice().len() as u64;
/// let mut reader = BlobReader::new(blob.as_slice(), len, &Limits::default(), Check::Hash)?;
/// let mut content = String::new();
/// reader.read_to_string(&mut content)?;
/// assert_eq!(content, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlobReader<R> {
    inner: R,
    layout: Layout,
    check: Check,
    next: usize,
    block: Vec<u8>,
    read_bytes: usize,
}

impl<R: Read> BlobReader<R> {
    /// Reads the head of a blob that is `stored_bytes` long.
    ///
    /// # Errors
    /// As [`Layout::parse`], and those of `inner`, both as [`io::Error`].
    pub fn new(mut inner: R, stored_bytes: u64, limits: &Limits, check: Check) -> io::Result<Self> {
        let mut head = Vec::new();
        let mut needed_bytes = HEADER_BYTES as u64;
        let layout = loop {
            let missing = needed_bytes - head.len() as u64;
            if (&mut inner).take(missing).read_to_end(&mut head)? as u64 != missing {
                let context = format!("{} bytes of a head of {needed_bytes}", head.len());
                return Err(io_error(Error::truncated(context)));
            }
            match Layout::parse(&head, stored_bytes, limits).map_err(io_error)? {
                Head::Whole(layout) => break layout,
                Head::Needs(bytes) => needed_bytes = bytes,
            }
        };
        Ok(Self {
            inner,
            layout,
            check,
            next: 0,
            block: Vec::new(),
            read_bytes: 0,
        })
    }

    /// The head.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    fn fill(&mut self) -> io::Result<()> {
        let idx = self.next;
        let stored = self.layout.stored_range(idx..idx + 1);
        let content = self.layout.content_range(idx);
        let mut packed = PooledBuffer::with_len((stored.end - stored.start) as usize);
        self.inner
            .read_exact(packed.as_mut_slice())
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => io_error(Error::truncated(format!(
                    "the blob ends inside block {idx}"
                ))),
                _ => error,
            })?;
        self.block.resize((content.end - content.start) as usize, 0);
        self.read_bytes = self.block.len();
        self.layout
            .unpack_block(idx, packed.as_slice(), &mut self.block, self.check)
            .map_err(io_error)?;
        self.read_bytes = 0;
        self.next += 1;
        Ok(())
    }
}

impl<R: Read> Read for BlobReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read_bytes == self.block.len() {
            if self.next == self.layout.block_count() || out.is_empty() {
                return Ok(0);
            }
            self.fill()?;
        }
        let rest = self.block.get(self.read_bytes..).unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        self.read_bytes += len;
        Ok(len)
    }
}

fn io_error(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
        ErrorKind::Unsupported => io::ErrorKind::Unsupported,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}
