//! DELTA_BINARY_PACKED: integers as bit-packed differences.

use super::unpack::unpack;
use crate::{Error, Result};

/// Most values in a block. Writers use 128; what is far above is a lie that would only cost time.
const BLOCK_VALUES_MAX: u64 = 1 << 24;

/// A cursor over a DELTA_BINARY_PACKED stream.
#[derive(Debug, Clone)]
pub(crate) struct Delta<'a> {
    bytes: &'a [u8],
    at: usize,
    miniblocks: usize,
    miniblock_values: usize,
    /// Values not yet given out, the first one included.
    left: usize,
    /// The first value is stored by itself.
    first: bool,
    last: i64,
    min_delta: i64,
    /// Where the widths of the current block start, and which of its miniblocks comes next.
    widths_at: usize,
    next_miniblock: usize,
    /// The current miniblock: where it starts, its width, how many of it are used up.
    packed_at: usize,
    width: u32,
    used: usize,
}

impl<'a> Delta<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut delta = Self {
            bytes,
            at: 0,
            miniblocks: 0,
            miniblock_values: 0,
            left: 0,
            first: true,
            last: 0,
            min_delta: 0,
            widths_at: 0,
            next_miniblock: 0,
            packed_at: 0,
            width: 0,
            used: 0,
        };
        let block_values = delta.varint()?;
        let miniblocks = delta.varint()?;
        let count = delta.varint()?;
        let first = delta.varint()?;
        delta.last = zigzag(first);
        let shape = block_values <= BLOCK_VALUES_MAX
            && block_values > 0
            && miniblocks > 0
            && block_values % miniblocks == 0
            && (block_values / miniblocks).is_multiple_of(8);
        if !shape {
            return Err(Error::corrupt(format!(
                "delta blocks of {block_values} values in {miniblocks} miniblocks"
            )));
        }
        delta.miniblocks = narrow(miniblocks)?;
        delta.miniblock_values = narrow(block_values / miniblocks)?;
        delta.left = narrow(count)?;
        // "The current miniblock" is used up, and so is the current block.
        delta.used = delta.miniblock_values;
        delta.next_miniblock = delta.miniblocks;
        Ok(delta)
    }

    /// Values not yet read.
    pub(crate) fn remaining(&self) -> usize {
        self.left
    }

    /// The next `out.len()` values.
    pub(crate) fn read(&mut self, out: &mut [i64]) -> Result<()> {
        if out.len() > self.left {
            return Err(Error::corrupt("the page ends before its values do"));
        }
        let mut done = 0;
        if self.first && !out.is_empty() {
            out[0] = self.last;
            self.first = false;
            self.left -= 1;
            done = 1;
        }
        while done < out.len() {
            if self.used == self.miniblock_values {
                self.enter_miniblock()?;
            }
            let take = (self.miniblock_values - self.used).min(out.len() - done);
            self.read_packed(&mut out[done..done + take])?;
            self.used += take;
            self.left -= take;
            done += take;
        }
        Ok(())
    }

    /// Passes over `count` values.
    pub(crate) fn skip(&mut self, mut count: usize) -> Result<()> {
        let mut scratch = [0; 256];
        while count > 0 {
            let take = count.min(scratch.len());
            self.read(&mut scratch[..take])?;
            count -= take;
        }
        Ok(())
    }

    /// What lies behind the stream. Everything must have been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        debug_assert_eq!(self.left, 0);
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn enter_miniblock(&mut self) -> Result<()> {
        if self.next_miniblock == self.miniblocks {
            self.min_delta = zigzag(self.varint()?);
            self.widths_at = self.at;
            self.at += self.miniblocks;
            self.next_miniblock = 0;
        }
        let width = self
            .bytes
            .get(self.widths_at + self.next_miniblock)
            .ok_or_else(ended)?;
        self.width = u32::from(*width);
        if self.width > 64 {
            return Err(Error::corrupt(format!(
                "differences of {} bits",
                self.width
            )));
        }
        self.packed_at = self.at;
        // Writers may cut the padding of the very last miniblock off.
        let bytes = self.miniblock_values / 8 * self.width as usize;
        self.at = (self.at + bytes).min(self.bytes.len());
        let have_bits = (self.at - self.packed_at.min(self.at)) * 8;
        let need = self.left.min(self.miniblock_values) * self.width as usize;
        if have_bits < need {
            return Err(ended());
        }
        self.next_miniblock += 1;
        self.used = 0;
        Ok(())
    }

    fn read_packed(&mut self, out: &mut [i64]) -> Result<()> {
        let bytes = self.bytes.get(self.packed_at..self.at).ok_or_else(ended)?;
        let first_bit = self.used * self.width as usize;
        if self.width > 32 {
            for (index, slot) in out.iter_mut().enumerate() {
                let raw = wide(bytes, first_bit + index * self.width as usize, self.width);
                self.last = self.last.wrapping_add(self.min_delta).wrapping_add(raw);
                *slot = self.last;
            }
            return Ok(());
        }
        let mut raw = [0_u32; 256];
        for (chunk, slots) in out.chunks_mut(raw.len()).enumerate() {
            let raw = &mut raw[..slots.len()];
            unpack(
                bytes,
                first_bit + chunk * 256 * self.width as usize,
                self.width,
                raw,
            );
            for (slot, &raw) in slots.iter_mut().zip(raw.iter()) {
                self.last = self
                    .last
                    .wrapping_add(self.min_delta)
                    .wrapping_add(i64::from(raw));
                *slot = self.last;
            }
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(ended)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("an integer of more than 64 bits"))
    }
}

/// A value of up to 64 bits from any bit on; what lies behind the end reads as zero.
fn wide(bytes: &[u8], bit: usize, width: u32) -> i64 {
    let from = (bit / 8).min(bytes.len());
    let mut window = [0_u8; 16];
    let have = (bytes.len() - from).min(16);
    window[..have].copy_from_slice(&bytes[from..from + have]);
    let mask = u64::MAX >> (64 - width);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask keeps at most 64 bits"
    )]
    let low = (u128::from_le_bytes(window) >> (bit % 8)) as u64;
    (low & mask).cast_signed()
}

fn zigzag(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()
}

fn narrow(value: u64) -> Result<usize> {
    match u32::try_from(value) {
        Ok(value) => Ok(value as usize),
        Err(_) => Err(Error::corrupt("a count of more than 32 bits")),
    }
}

#[cold]
fn ended() -> Error {
    Error::corrupt("the page ends before its values do")
}
