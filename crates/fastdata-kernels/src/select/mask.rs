//! A selection by bitmap, prepared once and applied to many columns.

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;

use super::picks::Part;
use super::segments::{Segment, full_segments, segments};
use crate::bits::{BitSlice, WORD};

/// Words of a mask that are looked at to guess how many of its rows live.
const GUESS_WORDS: usize = 256;

/// What a null in a boolean column means when the column is used as a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullAs {
    /// The row is dropped, as in SQL.
    False,
    /// The row is kept.
    True,
}

/// Which of a column's rows live: one bit a row.
///
/// Making one counts its bits and chooses, for each hundred thousand rows or so, how columns are
/// moved: not at all, whole, as runs, by row number, or word by word of the bitmap.
///
/// ```
/// use arrow_array::{BooleanArray, Int32Array};
/// use fastdata_kernels::select::{Mask, NullAs, filter_array};
///
/// let keep = BooleanArray::from(vec![Some(true), None, Some(false), Some(true)]);
/// let mask = Mask::from_boolean(&keep, NullAs::False);
/// assert_eq!((mask.len(), mask.count()), (4, 2));
/// let kept = filter_array(&Int32Array::from(vec![1, 2, 3, 4]), &mask)?;
/// assert_eq!(&kept, &(std::sync::Arc::new(Int32Array::from(vec![1, 4])) as _));
/// # Ok::<(), fastdata_kernels::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Mask {
    bits: BooleanBuffer,
    count: usize,
    /// Those with living rows.
    segments: Vec<Segment>,
}

impl Mask {
    /// Prepares `bits`.
    pub fn new(bits: BooleanBuffer) -> Self {
        let mut segments = segments(BitSlice::new(&bits));
        segments.retain(|segment| segment.count > 0);
        Self {
            count: segments.iter().map(|segment| segment.count).sum(),
            bits,
            segments,
        }
    }

    /// The rows of `column` that are true.
    pub fn from_boolean(column: &BooleanArray, nulls: NullAs) -> Self {
        match (column.nulls(), nulls) {
            (None, _) => Self::new(column.values().clone()),
            (Some(valid), NullAs::False) => Self::new(column.values() & valid.inner()),
            (Some(valid), NullAs::True) => Self::new(column.values() | &!valid.inner()),
        }
    }

    /// About how many rows live in `bits`, from a few of its words: for choices that change how long
    /// something takes, and not what comes of it.
    pub fn guess_count(bits: &BooleanBuffer) -> usize {
        let bits = BitSlice::new(bits);
        let words = bits.len().div_ceil(WORD);
        let step = words.div_ceil(GUESS_WORDS).max(1);
        let looked_at = (0..words).step_by(step);
        let living = looked_at.map(|word| bits.bits_from(word * WORD).count_ones() as usize);
        living.sum::<usize>() * step
    }

    /// All of `len` rows.
    pub fn all(len: usize) -> Self {
        Self {
            bits: BooleanBuffer::new_set(len),
            count: len,
            segments: full_segments(len),
        }
    }

    /// Rows that the mask decides about.
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// True when the mask is over no rows at all.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Rows that live.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bitmap.
    pub fn bits(&self) -> &BooleanBuffer {
        &self.bits
    }

    /// The mask's rows as parts of `chunk`.
    pub(super) fn parts<'a>(&'a self, chunk: usize, out: &mut Vec<Part<'a>>) {
        let bits = BitSlice::new(&self.bits);
        let parts = self.segments.iter();
        out.extend(parts.map(|segment| segment.part(bits, chunk)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_near() {
        let every = |nth: usize| (0..1_000_000).map(|row| row * 7_919 % nth == 0).collect();
        for nth in [1, 2, 10, 100] {
            let bits: BooleanBuffer = every(nth);
            let (guess, count) = (Mask::guess_count(&bits), bits.count_set_bits());
            assert!(guess * 2 > count && guess < count * 2, "{guess} of {count}");
        }
        for len in [0, 1, 63, 64, 65, 10_000] {
            let all = BooleanBuffer::new_set(len);
            assert_eq!(Mask::guess_count(&all), len);
            assert_eq!(Mask::guess_count(&BooleanBuffer::new_unset(len)), 0);
        }
    }
}
