//! From the end of a file to its metadata, in one read when the guess is right.

use std::ops::Range;

use bytes::Bytes;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::contain::contained;
use crate::repair::repair;
use crate::thrift::Compact;
use crate::{Error, FileMeta, Limits, ReadOptions, Result};

/// How much of the end of a file is fetched before its footer's length is known.
const SPECULATIVE_BYTES: u64 = 512 << 10;

/// The footer's length and the magic bytes, at the very end of a file.
const TAIL_BYTES: u64 = 8;

/// The shortest file: magic bytes, tail.
const FILE_BYTES_MIN: u64 = 12;

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
        if self.file_bytes < FILE_BYTES_MIN {
            return Err(Error::truncated(format!(
                "a file of {} bytes is too short for Parquet",
                self.file_bytes
            )));
        }
        if tail_start + tail.len() as u64 != self.file_bytes {
            return Err(Error::invalid(
                "the footer's bytes do not reach to the end of the file",
            ));
        }
        let end = self.file_bytes - TAIL_BYTES;
        let footer_bytes = footer_length(&tail)?;
        let start = end
            .checked_sub(footer_bytes)
            .filter(|&start| start >= 4)
            .ok_or_else(|| {
                Error::corrupt(format!(
                    "a footer of {footer_bytes} bytes in a file of {}",
                    self.file_bytes
                ))
            })?;
        if footer_bytes > self.options.limits.footer_bytes {
            return Err(Error::limit(format!(
                "a footer of {footer_bytes} bytes is over the limit footer_bytes = {}",
                self.options.limits.footer_bytes
            )));
        }
        let Some(skip) = start.checked_sub(tail_start) else {
            let range = start..self.file_bytes;
            return Ok(FooterStep::Need(self, range));
        };
        // Both lie within `tail`, whose length is a usize.
        let body = usize::try_from(skip)
            .ok()
            .zip(usize::try_from(end - tail_start).ok());
        let (from, to) = body.ok_or_else(|| Error::corrupt("a footer beyond this machine"))?;
        let parquet = decode_metadata(&tail[from..to], &self.options.limits)?;
        Ok(FooterStep::Ready(FileMeta::new(
            parquet,
            self.file_bytes,
            self.options,
        )?))
    }
}

fn footer_length(tail: &[u8]) -> Result<u64> {
    let last = tail.last_chunk::<8>();
    let [a, b, c, d, magic @ ..] = *last.ok_or_else(|| Error::truncated("no footer"))?;
    match &magic {
        b"PAR1" => Ok(u64::from(u32::from_le_bytes([a, b, c, d]))),
        b"PARE" => Err(Error::unsupported("the file is encrypted")),
        _ => Err(Error::corrupt(
            "not a Parquet file: it does not end with PAR1",
        )),
    }
}

fn decode_metadata(bytes: &[u8], limits: &Limits) -> Result<ParquetMetaData> {
    check_structure(bytes, limits).map_err(|error| error.at("footer"))?;
    contained("footer", || {
        let decoded =
            ParquetMetaDataReader::decode_metadata(bytes).or_else(|error| {
                match repair(bytes).ok().flatten() {
                    Some(repaired) => ParquetMetaDataReader::decode_metadata(&repaired),
                    None => Err(error),
                }
            });
        decoded.map_err(|error| Error::from(error).at("footer"))
    })
}

/// Walks the footer before the `parquet` crate does, because that one reserves memory for a list's
/// claimed length and recurses into groups: here both run into the end of the bytes, or a limit.
fn check_structure(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut encrypted = false;
    Compact::new(bytes).structure(|thrift, id, _| {
        match id {
            2 => check_schema(thrift, limits)?,
            // Signed plaintext footer of a file whose columns are encrypted.
            8 => {
                encrypted = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if encrypted {
        Err(Error::unsupported("the file has encrypted columns"))
    } else {
        Ok(())
    }
}

fn check_schema(thrift: &mut Compact<'_>, limits: &Limits) -> Result<()> {
    let (_, len) = thrift.list()?;
    // Children still to come of each open group.
    let mut open: Vec<u64> = Vec::new();
    for index in 0..len {
        let mut children = 0;
        thrift.structure(|thrift, id, wire| {
            let is_count = id == 5 && wire == 5;
            if is_count {
                children = u64::try_from(thrift.int32()?)
                    .map_err(|_| Error::corrupt("a group with a negative number of children"))?;
            }
            Ok(is_count)
        })?;
        if children > len as u64 {
            return Err(Error::corrupt(
                "a group of more children than the schema has elements",
            ));
        }
        match open.last_mut() {
            Some(left) => *left -= 1,
            None if index > 0 => return Err(Error::corrupt("a schema with two roots")),
            None => {}
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() as u64 > u64::from(limits.nesting) + 1 {
            return Err(Error::limit(format!(
                "a schema nested over the limit nesting = {}",
                limits.nesting
            )));
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(file: &'static [u8]) -> Result<FooterStep> {
        let reader = FooterReader::new(file.len() as u64, &ReadOptions::default());
        let range = reader.first_range();
        reader.decode(range.start, Bytes::from_static(file))
    }

    #[track_caller]
    fn check(file: &'static [u8], kind: crate::ErrorKind) {
        let error = decode(file).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }

    #[test]
    fn what_is_no_footer_is_an_error_of_the_right_kind() {
        use crate::ErrorKind::{Corrupt, Truncated, Unsupported};
        check(b"PAR1", Truncated);
        check(b"PAR1\0\0\0\0PAR1____", Corrupt);
        check(b"PAR1\0\0\0\0PARE", Unsupported);
        check(b"PAR1\x09\0\0\0PAR1", Corrupt);
        check(b"PAR1\xff\xff\xff\xffPAR1", Corrupt);
        check(b"PAR1\x01\0\0\0PAR1\x00\x01\0\0\0PAR1", Corrupt);
    }

    #[test]
    fn a_footer_longer_than_the_guess_is_asked_for() {
        let reader = FooterReader::new(10_000_000, &ReadOptions::default());
        assert_eq!(
            reader.first_range().end - reader.first_range().start,
            SPECULATIVE_BYTES
        );
        let tail = Bytes::from_static(b"\x00\x00\x10\x00PAR1");
        match reader.decode(10_000_000 - 8, tail).unwrap() {
            FooterStep::Need(_, range) => assert_eq!(range, 10_000_000 - 8 - (1 << 20)..10_000_000),
            FooterStep::Ready(_) => panic!("eight bytes are no footer"),
        }
    }
}
