//! Snappy blocks: a length, then tags that are literals or copies of what was written before.
//!
//! Why a decoder of our own: half of the time of scanning snappy files is decompression, and the
//! `snap` crate asks of every tag what kind it is, which nobody can predict in text.
//! Here all common tags take the same instructions, so that nothing is predicted but the rare
//! tags, and two pages are decoded at once: what limits one stream is the way from a tag to the
//! place of the next (two loads and an addition), during which the other stream's work is done.
//! Where literals and copies take turns, as in numbers, the kind can be foreseen and a pair of them
//! is one step. Numbers that repeat are long copies from 8 bytes back: a step of their own, too.
//!
//! Measured on TPC-H lineitem (3 million rows, Xeon of 2023, one thread, best of 56, the whole of
//! decoding the column; `snap` in the `parquet` crate, and our first version without pairs and
//! without steps for long copies):
//!
//! | column | uncompressed MB | `snap` | first version | now |
//! |---|---|---|---|---|
//! | l_comment | 91.6 | 129 ms | 54 ms | 54 ms |
//! | l_partkey | 24.4 | 29 ms | 18 ms | 13.5 ms |
//! | l_extendedprice | 24.4 | 28 ms | 19.5 ms | 14.7 ms |
//! | l_orderkey | 19.8 | 18 ms | 19.6 ms | 12 ms |

#![expect(
    unsafe_code,
    reason = "steps have no bounds check each; margins are checked before several of them"
)]

use self::steps::{Place, advance, other_copy, step};
use crate::{Error, Result};

/// Tags between two looks at the margins.
const STEPS: usize = 4;
/// What [`STEPS`] common tags read at most: each its own byte and 16 behind it.
const READ_MARGIN: usize = STEPS * 17;
/// What [`STEPS`] tags write at most, garbage behind their bytes included: a copy has up to 64.
const WRITE_MARGIN: usize = STEPS * 72;
/// Tags that are looked at to tell which kind comes.
const SAMPLED: u32 = 32;
/// What is decoded until the next look: text begins like numbers, and goes on differently.
const SECTION_BYTES: usize = 16 << 10;

/// Decompresses `stored` into `output`, whose length the block must have.
pub(crate) fn decompress(stored: &[u8], output: &mut [u8]) -> Result<()> {
    Stream::open(stored, output)?.finish()
}

/// Decompresses two blocks, each into its output: faster than one after the other.
pub(crate) fn decompress_two(first: (&[u8], &mut [u8]), second: (&[u8], &mut [u8])) -> Result<()> {
    let mut first = Stream::open(first.0, first.1)?;
    let mut second = Stream::open(second.0, second.1)?;
    while first.has_margins() && second.has_margins() {
        let take_turns = first.takes_turns() && second.takes_turns();
        let decode = match take_turns {
            true => both_common::<true>,
            false => both_common::<false>,
        };
        let ends = (first.section(), second.section());
        while first.at.is_before(ends.0) && second.at.is_before(ends.1) {
            match decode((&mut first, ends.0), (&mut second, ends.1)) {
                Next::Margins => {}
                Next::First => first.other_tag()?,
                Next::Second => second.other_tag()?,
            }
        }
    }
    first.finish()?;
    second.finish()
}

/// One block being decompressed.
struct Stream<'a> {
    stored: &'a [u8],
    output: &'a mut [u8],
    at: Place,
    /// In front of both there are margins left.
    margins: Place,
}

/// Why decoding common tags ended.
enum Next {
    /// A stream is near its end.
    Margins,
    /// The first stream's next tag is not common.
    First,
    /// The second's is not.
    Second,
}

impl<'a> Stream<'a> {
    /// Reads the length in front of the block; it must be that of `output`.
    fn open(stored: &'a [u8], output: &'a mut [u8]) -> Result<Self> {
        let (mut length, mut read) = (0_u64, 0);
        loop {
            let byte = *stored.get(read).ok_or_else(broken)?;
            if read > 4 {
                return Err(broken());
            }
            length |= u64::from(byte & 0x7f) << (7 * read);
            read += 1;
            if byte < 0x80 {
                break;
            }
        }
        if length != output.len() as u64 {
            return Err(Error::corrupt(format!(
                "snappy: a page of {} bytes says that it has {length}",
                output.len()
            )));
        }
        let margins = Place {
            read: (stored.len() + 1).saturating_sub(READ_MARGIN),
            written: (output.len() + 1).saturating_sub(WRITE_MARGIN),
        };
        Ok(Self {
            stored,
            output,
            at: Place { read, written: 0 },
            margins,
        })
    }

    /// Where to look again at what kind of tags come.
    fn section(&self) -> Place {
        Place {
            read: self.margins.read.min(self.at.read + SECTION_BYTES),
            written: self.margins.written,
        }
    }

    /// Whether literals and copies mostly take turns here, as they do in numbers but not in text.
    fn takes_turns(&self) -> bool {
        let (mut read, mut turns) = (self.at.read, 0);
        let mut was_literal = false;
        for _ in 0..SAMPLED {
            let Some(&tag) = self.stored.get(read) else {
                return false;
            };
            let is_literal = tag & 3 == 0;
            turns += u32::from(is_literal != was_literal);
            was_literal = is_literal;
            read += advance(tag);
        }
        turns > SAMPLED * 5 / 8
    }

    fn has_margins(&self) -> bool {
        self.at.is_before(self.margins)
    }

    /// Decompresses what is left.
    fn finish(mut self) -> Result<()> {
        while self.has_margins() {
            let decode = match self.takes_turns() {
                true => one_common::<true>,
                false => one_common::<false>,
            };
            let end = self.section();
            while self.at.is_before(end) {
                if let Next::First = decode(&mut self, end) {
                    self.other_tag()?;
                }
            }
        }
        while self.at.read < self.stored.len() {
            self.any_tag()?;
        }
        match self.at.written == self.output.len() {
            true => Ok(()),
            false => Err(broken()),
        }
    }

    /// A tag that is not common, with what the margins allowed left.
    #[inline(always)]
    fn other_tag(&mut self) -> Result<()> {
        let (stored, output) = (self.stored.as_ptr(), self.output.as_mut_ptr());
        // SAFETY: a tag that is not common was found where the margins still held for it.
        if unsafe { other_copy(stored, output, &mut self.at) } {
            return Ok(());
        }
        self.any_tag()
    }

    /// Any tag, every bound checked.
    fn any_tag(&mut self) -> Result<()> {
        let tag = usize::from(*self.stored.get(self.at.read).ok_or_else(broken)?);
        self.at.read += 1;
        if tag & 3 == 0 {
            return self.literal(tag >> 2);
        }
        let (offset_bytes, len) = match tag & 3 {
            1 => (1, 4 + (tag >> 2 & 7)),
            2 => (2, 1 + (tag >> 2)),
            _ => (4, 1 + (tag >> 2)),
        };
        let mut offset = self.number(offset_bytes)?;
        if tag & 3 == 1 {
            offset |= tag >> 5 << 8;
        }
        self.copy(offset, len)
    }

    fn number(&mut self, bytes: usize) -> Result<usize> {
        let rest = self.stored.get(self.at.read..).ok_or_else(broken)?;
        self.at.read += bytes;
        // Most tags have more than four bytes behind them.
        if let Some(word) = rest.first_chunk::<4>() {
            let unwanted_bits = 32 - 8 * bytes;
            return Ok((u32::from_le_bytes(*word) << unwanted_bits >> unwanted_bits) as usize);
        }
        let little_endian = rest.get(..bytes).ok_or_else(broken)?.iter().rev();
        Ok(little_endian.fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn literal(&mut self, short: usize) -> Result<()> {
        let len = match short {
            0..60 => short + 1,
            _ => self.number(short - 59)? + 1,
        };
        let from = self.stored.get(self.at.read..self.at.read + len);
        let to = self.output.get_mut(self.at.written..self.at.written + len);
        to.ok_or_else(broken)?
            .copy_from_slice(from.ok_or_else(broken)?);
        self.at.read += len;
        self.at.written += len;
        Ok(())
    }

    /// Copies `len` bytes, at most 64, from `offset` bytes back; nearer than `len` they repeat.
    fn copy(&mut self, offset: usize, len: usize) -> Result<()> {
        let (at, end) = (self.at.written, self.at.written + len);
        if offset == 0 || offset > at || end > self.output.len() {
            return Err(broken());
        }
        self.at.written = end;
        // What is written behind `end` is written again later. At most four steps, or eight.
        if let (16.., Some(window)) = (offset, self.output.get_mut(at - offset..at + 64)) {
            (0..len)
                .step_by(16)
                .for_each(|done| shift::<16>(window, done, offset));
            return Ok(());
        }
        if let (8.., Some(window)) = (offset, self.output.get_mut(at - offset..at + 64)) {
            (0..len)
                .step_by(8)
                .for_each(|done| shift::<8>(window, done, offset));
            return Ok(());
        }
        // The repeated bytes double with every round.
        let mut have = offset.min(len);
        self.output.copy_within(at - offset..at - offset + have, at);
        while have < len {
            let more = have.min(len - have);
            self.output.copy_within(at..at + more, at + have);
            have += more;
        }
        Ok(())
    }
}

/// Copies `N` bytes at `from` to `offset` bytes behind it; both lie in `window`.
#[inline(always)]
fn shift<const N: usize>(window: &mut [u8], from: usize, offset: usize) {
    let bytes = window[from..].first_chunk::<N>().copied();
    let to = window[from + offset..].first_chunk_mut::<N>();
    if let (Some(bytes), Some(to)) = (bytes, to) {
        *to = bytes;
    }
}

/// Decodes common tags until there is another or the place to stop is reached. With `TURNS`, a
/// literal and the copy behind it are decoded as one where they come so.
fn one_common<const TURNS: bool>(stream: &mut Stream<'_>, end: Place) -> Next {
    let (stored, output) = (stream.stored.as_ptr(), stream.output.as_mut_ptr());
    // In a register, where the stream behind its reference would not be.
    let mut at = stream.at;
    let next = 'decoding: loop {
        if !at.is_before(end) {
            break Next::Margins;
        }
        for _ in 0..steps(TURNS) {
            // SAFETY: `STEPS` tags stay within the margins, which are behind `end`.
            if !unsafe { step::<TURNS>(stored, output, &mut at) } {
                break 'decoding Next::First;
            }
        }
    };
    stream.at = at;
    next
}

/// [`one_common`] for two streams, in turns.
fn both_common<const TURNS: bool>(
    (first, end): (&mut Stream<'_>, Place),
    (second, end_too): (&mut Stream<'_>, Place),
) -> Next {
    let (stored, output) = (first.stored.as_ptr(), first.output.as_mut_ptr());
    let (stored_too, output_too) = (second.stored.as_ptr(), second.output.as_mut_ptr());
    let (mut at, mut at_too) = (first.at, second.at);
    let next = 'decoding: loop {
        if !(at.is_before(end) && at_too.is_before(end_too)) {
            break Next::Margins;
        }
        for _ in 0..steps(TURNS) {
            // SAFETY: `STEPS` tags stay within the margins, which are behind `end`.
            if !unsafe { step::<TURNS>(stored, output, &mut at) } {
                break 'decoding Next::First;
            }
            // SAFETY: as above.
            if !unsafe { step::<TURNS>(stored_too, output_too, &mut at_too) } {
                break 'decoding Next::Second;
            }
        }
    };
    first.at = at;
    second.at = at_too;
    next
}

/// How often to [`step`] between two looks at the margins.
const fn steps(turns: bool) -> usize {
    if turns { STEPS / 2 } else { STEPS }
}

#[cold]
fn broken() -> Error {
    Error::corrupt("snappy: the page does not decompress")
}

mod steps;
#[cfg(test)]
mod tests;
