//! Snappy blocks, decompressed into a buffer with room behind its end.
//!
//! Most of a block is short copies. Because the output has [`SLACK_BYTES`] behind its end, a copy
//! may write a full 16 or 32 bytes and let the next one overwrite the surplus, instead of looking
//! at its exact length: this is where the time goes in a decoder that must stop at the last byte.

#![expect(
    unsafe_code,
    reason = "wild copies: reads and writes of fixed width, checked up front"
)]

use crate::{Error, Result};

/// Bytes that the output buffer must have behind the decompressed length.
pub(crate) const SLACK_BYTES: usize = 64;

/// Input bytes that the fast loop needs in front of it: a tag, up to 4 bytes of length or offset,
/// and a literal copied in whole blocks.
const INPUT_MARGIN: usize = 80;

/// Decompresses `input` into the first `len` bytes of `output`, which must be exactly what it
/// holds; `output` has at least [`SLACK_BYTES`] more.
pub(crate) fn decompress(input: &[u8], output: &mut [u8], len: usize) -> Result<()> {
    assert!(
        output.len() >= len + SLACK_BYTES,
        "the output buffer has room behind its end"
    );
    let (claimed, head) = preamble(input)?;
    if claimed != len as u64 {
        return Err(corrupt("its length is not the page's"));
    }
    let mut cursor = Cursor {
        input,
        at: head,
        output,
        written: 0,
        len,
    };
    while cursor.fast()? {
        cursor.literal()?;
    }
    cursor.careful()?;
    if cursor.written != len {
        return Err(corrupt("it ends before its length"));
    }
    Ok(())
}

/// The decompressed length that a block claims, and where its elements start.
fn preamble(input: &[u8]) -> Result<(u64, usize)> {
    let mut value = 0_u64;
    for (index, &byte) in input.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(corrupt("its length is malformed"))
}

/// What the tag byte of a copy says: looked up, because which of its three forms comes next is
/// what a branch predictor cannot know.
#[derive(Clone, Copy)]
struct Copied {
    len: u8,
    offset_high: u8,
    tag_bytes: u8,
    offset_mask: u32,
}

static COPIES: [Copied; 256] = copies();

#[expect(clippy::cast_possible_truncation, reason = "at most 64 and 7")]
const fn copies() -> [Copied; 256] {
    let literal = Copied {
        len: 0,
        offset_high: 0,
        tag_bytes: 1,
        offset_mask: 0,
    };
    let mut table = [literal; 256];
    let mut tag = 0;
    while tag < 256 {
        let long = 1 + (tag >> 2) as u8;
        table[tag] = match tag & 3 {
            0 => literal,
            1 => Copied {
                len: 4 + (tag >> 2 & 7) as u8,
                offset_high: (tag >> 5) as u8,
                tag_bytes: 2,
                offset_mask: 0xff,
            },
            2 => Copied {
                len: long,
                offset_high: 0,
                tag_bytes: 3,
                offset_mask: 0xffff,
            },
            _ => Copied {
                len: long,
                offset_high: 0,
                tag_bytes: 5,
                offset_mask: u32::MAX,
            },
        };
        tag += 1;
    }
    table
}

struct Cursor<'a> {
    input: &'a [u8],
    at: usize,
    output: &'a mut [u8],
    written: usize,
    len: usize,
}

impl Cursor<'_> {
    /// Elements as long as both sides have a margin that no element handled here can pass.
    /// True when it stopped at a long literal, false when it stopped at the margin.
    fn fast(&mut self) -> Result<bool> {
        let input = self.input.as_ptr();
        let output = self.output.as_mut_ptr();
        let (mut at, mut written) = (self.at, self.written);
        let input_end = self.input.len().saturating_sub(INPUT_MARGIN);
        let mut long_literal = false;
        while at < input_end && written < self.len {
            // SAFETY: `at < input_end`, which lies INPUT_MARGIN (80) bytes before the end.
            let tag = usize::from(unsafe { *input.add(at) });
            if tag & 3 == 0 {
                let literal = (tag >> 2) + 1;
                if literal > 60 {
                    long_literal = true;
                    break;
                }
                if written + literal > self.len {
                    return Err(corrupt("a literal runs past its length"));
                }
                // SAFETY: the read ends at `at + 1 + 64` at most, within INPUT_MARGIN of `at`; the
                // write at `written + 64`, and `written < len` has SLACK_BYTES (64) behind it.
                // Input and output are distinct slices.
                unsafe { copy_literal(input.add(at + 1), output.add(written), literal) };
                at += 1 + literal;
                written += literal;
                continue;
            }
            // SAFETY: `at + 1 + 4` is within INPUT_MARGIN of `at`.
            let next = u32::from_le(unsafe { input.add(at + 1).cast::<u32>().read_unaligned() });
            let shape = COPIES[tag];
            let copy = usize::from(shape.len);
            let offset = usize::from(shape.offset_high) << 8 | (next & shape.offset_mask) as usize;
            let tag_bytes = usize::from(shape.tag_bytes);
            // `offset` zero wraps to the largest number, so one comparison rejects both.
            if offset.wrapping_sub(1) >= written || written + copy > self.len {
                return Err(bad_copy(offset, written));
            }
            // SAFETY: `offset` is in `1..=written` (checked above), so the source lies in the
            // output; `written + copy <= len` has SLACK_BYTES (64) behind it, and a slice is
            // initialised.
            unsafe { copy_back(output.add(written), offset, copy) };
            at += tag_bytes;
            written += copy;
        }
        (self.at, self.written) = (at, written);
        Ok(long_literal)
    }

    /// Elements with every access checked: the tail of a block.
    fn careful(&mut self) -> Result<()> {
        while let Some(&tag) = self.input.get(self.at) {
            let tag = usize::from(tag);
            if tag & 3 == 0 {
                self.literal()?;
                continue;
            }
            let tag_bytes = [0, 2, 3, 5][tag & 3];
            let rest = self.input.get(self.at + 1..self.at + tag_bytes);
            let rest = rest.ok_or_else(|| corrupt("it ends inside a copy"))?;
            let low = rest
                .iter()
                .rev()
                .fold(0_usize, |value, &byte| value << 8 | usize::from(byte));
            let (copy, offset) = match tag & 3 {
                1 => (4 + ((tag >> 2) & 7), ((tag & 0xe0) << 3) | low),
                _ => (1 + (tag >> 2), low),
            };
            if offset.wrapping_sub(1) >= self.written || self.written + copy > self.len {
                return Err(bad_copy(offset, self.written));
            }
            for to in self.written..self.written + copy {
                self.output[to] = self.output[to - offset];
            }
            self.at += tag_bytes;
            self.written += copy;
        }
        Ok(())
    }

    /// One literal of any length, every access checked.
    fn literal(&mut self) -> Result<()> {
        let code = usize::from(self.input[self.at] >> 2);
        let extra = code.saturating_sub(59);
        let start = self.at + 1 + extra;
        let bytes = self.input.get(self.at + 1..start);
        let bytes = bytes.ok_or_else(|| corrupt("it ends inside a literal's length"))?;
        let low = bytes
            .iter()
            .rev()
            .fold(0_usize, |value, &byte| value << 8 | usize::from(byte));
        let literal = if extra == 0 { code } else { low } + 1;
        if literal > self.len - self.written {
            return Err(corrupt("a literal runs past its length"));
        }
        let source = self.input.get(start..start + literal);
        let source = source.ok_or_else(|| corrupt("it ends inside a literal"))?;
        self.output[self.written..self.written + literal].copy_from_slice(source);
        self.at = start + literal;
        self.written += literal;
        Ok(())
    }
}

/// Copies `len <= 64` bytes, in blocks of 16: up to 64 bytes are read and written.
///
/// # Safety
/// 64 bytes from `from` are readable, 64 bytes from `to` writable, and the two do not overlap.
#[inline(always)]
unsafe fn copy_literal(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: by the contract.
    unsafe { copy_16(from, to) };
    if len > 16 {
        for block in 1..4 {
            // SAFETY: ends at 64 at most, by the contract.
            unsafe { copy_16(from.add(16 * block), to.add(16 * block)) };
        }
    }
}

/// Repeats the bytes `offset` before `to`, `len` of them; up to 15 more bytes are written.
///
/// # Safety
/// `offset >= 1` bytes before `to` belong to the same buffer, `len + 15` bytes from `to` are
/// writable, and all of them are initialised.
#[inline(always)]
unsafe fn copy_back(to: *mut u8, offset: usize, len: usize) {
    if offset < 16 {
        // SAFETY: by the contract of this function.
        unsafe { copy_pattern(to, offset, len) };
        return;
    }
    // SAFETY: by the contract `offset` bytes lie before `to`.
    let from = unsafe { to.sub(offset) };
    let mut done = 0;
    while done < len {
        // SAFETY: source and target are at least 16 apart, so no block overlaps itself; the write
        // ends at `done + 16 <= len + 15`.
        unsafe { copy_16(from.add(done), to.add(done)) };
        done += 16;
    }
}

/// [`copy_back`] for offsets below 16: source and target overlap, the bytes repeat.
///
/// # Safety
/// As [`copy_back`].
#[inline(always)]
unsafe fn copy_pattern(to: *mut u8, offset: usize, len: usize) {
    // SAFETY: `offset` bytes lie before `to` and at least 15 behind it, all initialised; those from
    // `to` on are masked away.
    let read = u128::from_le(unsafe { to.sub(offset).cast::<u128>().read_unaligned() });
    let mut pattern = read & (u128::MAX >> (128 - 8 * offset));
    let mut filled = offset;
    while filled < 16 {
        pattern |= pattern << (8 * filled);
        filled *= 2;
    }
    // The largest multiple of `offset` within 16 bytes: blocks that far apart stay in phase.
    let step = STEPS[offset];
    let mut done = 0;
    while done < len {
        // SAFETY: the write ends at `done + 16 <= len + 15`.
        unsafe { to.add(done).cast::<u128>().write_unaligned(pattern.to_le()) };
        done += step;
    }
}

/// `16 / offset * offset`, without the division.
const STEPS: [usize; 16] = [
    16, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15,
];

/// # Safety
/// 16 bytes are readable at `from`, writable at `to`; the ranges do not overlap.
#[inline(always)]
unsafe fn copy_16(from: *const u8, to: *mut u8) {
    // SAFETY: by the contract; unaligned access is explicit.
    let block = unsafe { from.cast::<u128>().read_unaligned() };
    // SAFETY: by the contract.
    unsafe { to.cast::<u128>().write_unaligned(block) };
}

#[cold]
fn corrupt(what: &str) -> Error {
    Error::corrupt(format!("snappy: {what}"))
}

#[cold]
fn bad_copy(offset: usize, written: usize) -> Error {
    Error::corrupt(format!(
        "snappy: a copy from {offset} bytes back at byte {written}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours(input: &[u8], len: usize) -> Result<Vec<u8>> {
        let mut output = vec![0xee; len + SLACK_BYTES];
        decompress(input, &mut output, len)?;
        output.truncate(len);
        Ok(output)
    }

    proptest! {
        #[test]
        fn round_trips_of_the_snap_crate(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..100), 1..30_usize), 0..60)
        ) {
            let plain: Vec<u8> = pieces.iter().flat_map(|(bytes, times)| bytes.repeat(*times)).collect();
            let packed = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
            prop_assert_eq!(ours(&packed, plain.len()).unwrap(), plain);
        }

        #[test]
        fn any_bytes_agree_with_the_snap_crate(
            len in 0..300_u8, body in prop::collection::vec(any::<u8>(), 0..400)
        ) {
            let mut input = vec![len & 0x7f];
            input.extend(body);
            let oracle = snap::raw::Decoder::new().decompress_vec(&input);
            let got = ours(&input, usize::from(len & 0x7f));
            prop_assert_eq!(got.ok(), oracle.ok());
        }

        #[test]
        fn small_offsets_repeat(offset in 1..20_usize, copy in 1..65_usize, tail in 0..100_usize) {
            let head: Vec<u8> = (0..20).collect();
            let len = 20 + copy + tail + 1;
            let mut input = vec![len as u8 & 0x7f | 0x80, (len >> 7) as u8, 19 << 2];
            input.extend(&head);
            input.extend([((copy - 1) << 2) as u8 | 2, offset as u8, 0]);
            input.extend([60 << 2, tail as u8]);
            input.extend(std::iter::repeat_n(7, tail + 1));
            let mut expected = head;
            for _ in 0..copy { expected.push(expected[expected.len() - offset]); }
            expected.extend(std::iter::repeat_n(7, tail + 1));
            prop_assert_eq!(ours(&input, len).unwrap(), expected);
        }
    }
}
