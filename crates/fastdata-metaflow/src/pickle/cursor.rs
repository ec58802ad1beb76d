//! A place in the bytes of a pickle, from which nothing is taken that is not there.

use bytes::Bytes;

use crate::{Error, Result};

pub(super) struct Cursor<'a> {
    input: &'a Bytes,
    at: usize,
}

fn cut() -> Error {
    Error::corrupt("the pickle is cut off")
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a Bytes) -> Self {
        Self { input, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(len).ok_or_else(cut)?;
        let taken = self.input.get(self.at..end).ok_or_else(cut)?;
        self.at = end;
        Ok(taken)
    }

    /// As [`take`](Self::take), without copying and living as long as it is wanted.
    pub(super) fn shared(&mut self, len: usize) -> Result<Bytes> {
        let start = self.at;
        self.take(len)?;
        Ok(self.input.slice(start..self.at))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().ok_or_else(cut)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.first_chunk().copied().ok_or_else(cut)
    }

    /// A length of eight bytes.
    pub(super) fn length(&mut self) -> Result<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| cut())
    }

    /// Bytes behind a length of one byte.
    pub(super) fn short(&mut self) -> Result<&'a [u8]> {
        let len = usize::from(self.byte()?);
        self.take(len)
    }

    /// Bytes behind a length of four bytes.
    pub(super) fn long(&mut self) -> Result<&'a [u8]> {
        let len = u32::from_le_bytes(self.array()?) as usize;
        self.take(len)
    }

    /// Bytes behind a length of eight bytes.
    pub(super) fn longer(&mut self) -> Result<&'a [u8]> {
        let len = self.length()?;
        self.take(len)
    }

    /// Up to the next line break, which is taken too.
    pub(super) fn raw_line(&mut self) -> Result<&'a [u8]> {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(cut)?;
        let line = self.take(len)?;
        self.byte()?;
        Ok(line)
    }

    pub(super) fn line(&mut self) -> Result<&'a str> {
        let line = str::from_utf8(self.raw_line()?);
        line.map_err(|_| Error::corrupt("a line of the pickle is not UTF-8"))
    }
}
