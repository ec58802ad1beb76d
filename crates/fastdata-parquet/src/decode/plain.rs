//! Byte arrays of any length, in the three encodings that hold them directly.

use parquet::basic::Encoding;

use super::delta::Delta;
use crate::{Error, Limits, Result};

/// Calls `value` with `take` stored values behind the first `skip`. `width` is set when all have
/// that length and PLAIN stores no length in front of them.
pub(crate) fn for_each_value(
    encoding: Encoding,
    bytes: &[u8],
    width: Option<usize>,
    (skip, take): (usize, usize),
    mut value: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match encoding {
        Encoding::PLAIN => {
            let mut rest = bytes;
            for index in 0..skip + take {
                let stored = match width {
                    Some(width) => cut(&mut rest, width)?,
                    None => cut_prefixed(&mut rest)?,
                };
                if index >= skip {
                    value(stored)?;
                }
            }
            Ok(())
        }
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let (lengths, mut rest) = lengths(bytes, skip + take)?;
            for (index, &length) in lengths.iter().enumerate() {
                let stored = cut(&mut rest, length)?;
                if index >= skip {
                    value(stored)?;
                }
            }
            Ok(())
        }
        Encoding::DELTA_BYTE_ARRAY => prefixed_values(bytes, (skip, take), value),
        other => Err(Error::unsupported(format!(
            "encoding {other} of byte arrays"
        ))),
    }
}

/// The first `count` lengths of a DELTA_LENGTH_BYTE_ARRAY page, and where its bytes start.
pub(crate) fn lengths(bytes: &[u8], count: usize) -> Result<(Vec<usize>, &[u8])> {
    let mut delta = Delta::new(bytes)?;
    let mut lengths = Vec::new();
    read_lengths(&mut delta, count, &mut lengths)?;
    delta.skip(delta.remaining())?;
    Ok((lengths, delta.rest()))
}

fn read_lengths(delta: &mut Delta<'_>, count: usize, lengths: &mut Vec<usize>) -> Result<()> {
    let mut chunk = [0; 256];
    let mut left = count;
    while left > 0 {
        let take = left.min(chunk.len());
        delta.read(&mut chunk[..take])?;
        for &length in &chunk[..take] {
            let length = usize::try_from(length);
            lengths.push(length.map_err(|_| Error::corrupt("a byte array of negative length"))?);
        }
        left -= take;
    }
    Ok(())
}

/// DELTA_BYTE_ARRAY: each value shares a prefix with the one before.
fn prefixed_values(
    bytes: &[u8],
    (skip, take): (usize, usize),
    mut value: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let (prefixes, suffixes) = lengths(bytes, skip + take)?;
    let (suffix_lengths, mut rest) = lengths(suffixes, skip + take)?;
    let limit = Limits::default().page_bytes as usize;
    let (mut last, mut written) = (Vec::new(), 0_usize);
    for (index, (&prefix, &length)) in prefixes.iter().zip(&suffix_lengths).enumerate() {
        if prefix > last.len() {
            return Err(Error::corrupt(
                "a value shares more with the one before than that has",
            ));
        }
        last.truncate(prefix);
        last.extend_from_slice(cut(&mut rest, length)?);
        written += last.len();
        // Shared prefixes let a small page grow with the square of its values.
        if written > limit {
            return Err(Error::limit(format!(
                "a page of more than page_bytes = {limit} of values"
            )));
        }
        if index >= skip {
            value(&last)?;
        }
    }
    Ok(())
}

pub(crate) fn cut<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(len).ok_or_else(ended)?;
    *bytes = rest;
    Ok(head)
}

fn cut_prefixed<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or_else(ended)?;
    *bytes = rest;
    cut(bytes, u32::from_le_bytes(*len) as usize)
}

#[cold]
pub(crate) fn ended() -> Error {
    Error::corrupt("the page ends before its values do")
}
