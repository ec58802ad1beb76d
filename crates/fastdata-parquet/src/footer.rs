//! From the end of a file to its metadata, in one read when the guess is right.

use std::ops::Range;

use bytes::Bytes;

use crate::{Error, FileMeta, ReadOptions, Result};

/// How much of the end of a file is fetched before its footer's length is known.
const SPECULATIVE_BYTES: u64 = 512 << 10;

/// Asks for the end of a file and turns it into a [`FileMeta`].
#[derive(Debug)]
pub struct FooterReader {
    file_bytes: u64,
    options: ReadOptions,
}

/// What [`FooterReader::decode`] came to.
#[derive(Debug)]
pub enum FooterStep {
    /// The footer is longer than the guess: decode again with exactly this range.
    Need(FooterReader, Range<u64>),
    /// The metadata.
    Ready(FileMeta),
}

impl FooterReader {
    /// A reader for a file of `file_bytes`.
    pub fn new(file_bytes: u64, options: &ReadOptions) -> Self {
        Self {
            file_bytes,
            options: options.clone(),
        }
    }

    /// The range to fetch first: the last 512 KiB, or the whole file when it is smaller.
    pub fn first_range(&self) -> Range<u64> {
        self.file_bytes.saturating_sub(SPECULATIVE_BYTES)..self.file_bytes
    }

    /// Decodes the footer from `tail`, the bytes from `tail_start` to the file's end.
    pub fn decode(self, tail_start: u64, tail: Bytes) -> Result<FooterStep> {
        let _ = (&self.options, tail_start, tail);
        Err(Error::unsupported("not yet"))
    }
}
