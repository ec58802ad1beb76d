//! Bitmaps read and written 64 bits at a time, at any bit offset.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// Bits of a word.
pub(crate) const WORD: usize = 64;

/// Words that are read at once.
pub(crate) const BLOCK: usize = 32;

/// A word whose `count` lowest bits are set; `count` is at most 64.
pub(crate) fn low_bits(count: usize) -> u64 {
    if count >= WORD {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

/// A borrowed bitmap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BitSlice<'a> {
    bytes: &'a [u8],
    offset: usize,
    len: usize,
}

impl<'a> BitSlice<'a> {
    pub(crate) fn new(bits: &'a BooleanBuffer) -> Self {
        Self {
            bytes: bits.values(),
            offset: bits.offset(),
            len: bits.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The memory that the bits are in, and the bit of it that is the first.
    pub(crate) fn bytes(&self) -> (&'a [u8], usize) {
        (self.bytes, self.offset)
    }

    /// `len` bits from `start` on.
    pub(crate) fn slice(&self, start: usize, len: usize) -> BitSlice<'a> {
        assert!(start + len <= self.len, "a slice within the bitmap");
        BitSlice {
            bytes: self.bytes,
            offset: self.offset + start,
            len,
        }
    }

    /// The 64 bits from `first` on; those past the end are zero.
    pub(crate) fn bits_from(&self, first: usize) -> u64 {
        let Some(left @ 1..) = self.len.checked_sub(first) else {
            return 0;
        };
        let at = self.offset + first;
        let (byte, shift) = (at / 8, at % 8);
        let word = match self
            .bytes
            .get(byte..)
            .and_then(|bytes| bytes.first_chunk::<9>())
        {
            Some(&[b0, b1, b2, b3, b4, b5, b6, b7, b8]) => {
                let low = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]) >> shift;
                // Two shifts: one by 64 would be none at all.
                low | u64::from(b8) << 1 << (63 - shift)
            }
            None => {
                let rest = self.bytes.get(byte..).unwrap_or_default();
                let mut padded = [0; 16];
                let count = rest.len().min(9);
                padded[..count].copy_from_slice(&rest[..count]);
                (u128::from_le_bytes(padded) >> shift) as u64
            }
        };
        word & low_bits(left)
    }

    /// The bit at `at`.
    pub(crate) fn bit(&self, at: usize) -> bool {
        debug_assert!(at < self.len);
        let at = self.offset + at;
        self.bytes
            .get(at / 8)
            .is_some_and(|byte| byte >> (at % 8) & 1 == 1)
    }

    /// Calls `word` with the index of each word and the word, the last one padded with zeros.
    ///
    /// The words are read in blocks first, so that there is one place where `word` is called: it is
    /// inlined there, into a caller that may be compiled for more than the oldest processor.
    #[inline(always)]
    pub(crate) fn for_each_word(self, mut word: impl FnMut(usize, u64)) {
        let mut block = [0; BLOCK];
        let mut first = 0;
        while first * WORD < self.len {
            let count = self.read_block(first, &mut block);
            for (at, read) in block[..count].iter().enumerate() {
                word(first + at, *read);
            }
            first += BLOCK;
        }
    }

    /// Reads the words from the `first`-th on; returns how many there were. Inlined for the same reason.
    #[inline(always)]
    pub(crate) fn read_block(&self, first: usize, block: &mut [u64; BLOCK]) -> usize {
        let left = self.len - first * WORD;
        let bytes = &self.bytes[(self.offset + first * WORD) / 8..];
        let (shift, full) = (self.offset % 8, (left / WORD).min(BLOCK));
        let lows = bytes.as_chunks::<8>().0[..full].iter();
        if shift == 0 {
            for (word, low) in block.iter_mut().zip(lows) {
                *word = u64::from_le_bytes(*low);
            }
        } else {
            let highs = bytes.get(8..).unwrap_or_default().iter().step_by(8);
            for (word, (low, high)) in block.iter_mut().zip(lows.zip(highs)) {
                let low = u64::from_le_bytes(*low) >> shift;
                *word = low | u64::from(*high) << (WORD - shift);
            }
        }
        if full == BLOCK || left.is_multiple_of(WORD) {
            return full;
        }
        block[full] = self.bits_from((first + full) * WORD);
        full + 1
    }
}

/// Appends bits to a bitmap of at most so many bits as it was made for.
#[derive(Debug)]
pub(crate) struct BitWriter {
    /// Zeros from the word on that is being filled; one more than bits may need.
    words: Vec<u64>,
    /// The word that is being filled, and how many of its bits are.
    at: usize,
    current: u64,
    filled: usize,
}

impl BitWriter {
    pub(crate) fn with_capacity(bits: usize) -> Self {
        Self {
            words: vec![0; bits / WORD + 1],
            at: 0,
            current: 0,
            filled: 0,
        }
    }

    /// Appends the `count` (at most 64) lowest bits of `bits`, whose other bits are zero.
    ///
    /// Whether they fill the word cannot be guessed by the processor, so nothing branches on it: the
    /// word is stored each time.
    #[inline(always)]
    pub(crate) fn push(&mut self, bits: u64, count: usize) {
        debug_assert!(count <= WORD && bits & !low_bits(count) == 0);
        let current = self.current | bits << self.filled;
        self.words[self.at] = current;
        // Two shifts: one by 64 would be none at all.
        let spilled = bits >> 1 >> (WORD - 1 - self.filled);
        let end = self.filled + count;
        self.current = if end < WORD { current } else { spilled };
        self.at += end / WORD;
        self.filled = end % WORD;
    }

    /// Appends `count` times `bit`.
    pub(crate) fn push_run(&mut self, bit: bool, mut count: usize) {
        while count > 0 {
            let step = count.min(WORD);
            self.push(if bit { low_bits(step) } else { 0 }, step);
            count -= step;
        }
    }

    /// Appends `len` bits of `source` from `start` on.
    pub(crate) fn push_slice(&mut self, source: BitSlice<'_>, start: usize, len: usize) {
        let source = source.slice(start, len);
        self.in_registers(|out| {
            source.for_each_word(|at, word| out.push(word, (len - at * WORD).min(WORD)));
        });
    }

    /// Lets `work` append to a writer of its own, which becomes this one: where it is full is then
    /// known to no one else, and need not go through memory from one word to the next.
    #[inline(always)]
    pub(crate) fn in_registers(&mut self, work: impl FnOnce(&mut Self)) {
        let mut out = Self {
            words: std::mem::take(&mut self.words),
            ..*self
        };
        work(&mut out);
        *self = out;
    }

    pub(crate) fn len(&self) -> usize {
        self.at * WORD + self.filled
    }

    /// The bits written, the last word padded with zeros.
    pub(crate) fn into_words(mut self) -> Vec<u64> {
        // What the last bits spilled is not stored yet.
        self.words[self.at] = self.current;
        self.words.truncate(self.len().div_ceil(WORD));
        self.words
    }

    pub(crate) fn finish(self) -> BooleanBuffer {
        let len = self.len();
        bitmap(self.into_words(), len)
    }
}

/// The first `len` bits of `words`, the lowest bit of the first word first.
pub(crate) fn bitmap(words: Vec<u64>, len: usize) -> BooleanBuffer {
    // Arrow's bitmaps are little-endian bytes; a no-op on little-endian machines.
    let words: Vec<u64> = words.into_iter().map(u64::to_le).collect();
    BooleanBuffer::new(Buffer::from_vec(words), 0, len)
}

/// The nulls that `valid` stands for, or none when there are none.
pub(crate) fn nulls(valid: BooleanBuffer) -> Option<NullBuffer> {
    let nulls = NullBuffer::new(valid);
    (nulls.null_count() > 0).then_some(nulls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_at_every_offset() {
        let bits: Vec<bool> = (0..400_u32)
            .map(|i| i.wrapping_mul(2_654_435_761) >> 31 == 1)
            .collect();
        let buffer = BooleanBuffer::from(bits.clone());
        for offset in 0..=64 {
            for len in [0, 1, 7, 8, 63, 64, 65, 127, 128, 129, 256, 300] {
                let sliced = buffer.slice(offset, len);
                let slice = BitSlice::new(&sliced);
                let mut writer = BitWriter::with_capacity(len + offset);
                writer.push_run(true, offset);
                writer.push_slice(slice, 0, len);
                assert_eq!(writer.len(), offset + len);
                let written = writer.finish();
                assert!(written.iter().take(offset).all(|bit| bit));
                assert_eq!(written.slice(offset, len), sliced);
                let mut words = Vec::new();
                slice.for_each_word(|at, word| {
                    assert_eq!(at, words.len());
                    words.push(word);
                });
                assert_eq!(bitmap(words, len), sliced);
                assert!((0..len).all(|at| slice.bit(at) == bits[offset + at]));
            }
        }
    }
}
