//! What a stretch of a mask holds: how many rows live in how many runs, and which.
#![expect(
    unsafe_code,
    reason = "loops compiled for features detected at run time"
)]

#[cfg(target_arch = "x86_64")]
mod avx512;

use super::picks::Run;
use crate::bits::{BLOCK, BitSlice, WORD};

/// Masks with at most one row in so many are mostly words without any, and those are passed over.
/// In denser ones the processor would guess wrong too often which words are.
const EMPTY_SPARSITY: usize = 8 * WORD;
/// Row numbers that are written for every word of the mask, wanted or not: a loop over its bits
/// would mostly wait for wrong guesses of where it ends.
const ROWS_AT_ONCE: usize = 4;
/// Room behind the row numbers, for those that are written and not wanted.
const ROWS_SPARE: usize = 16;

/// How much lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Census {
    /// Living rows.
    pub(super) count: usize,
    /// Runs of living rows.
    pub(super) runs: usize,
}

pub(super) fn take_census(bits: BitSlice<'_>) -> Census {
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && avx512::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { avx512::census(bits) };
    }
    #[cfg(target_arch = "x86_64")]
    if popcount::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { popcount::census(bits) };
    }
    census_with(bits)
}

#[inline(always)]
fn census_with(bits: BitSlice<'_>) -> Census {
    let (mut count, mut runs, mut before) = (0, 0, 0);
    bits.for_each_word(|_, word| {
        count += word.count_ones() as usize;
        // A run starts where a set bit follows an unset one.
        runs += (word & !(word << 1 | before)).count_ones() as usize;
        before = word >> (WORD - 1);
    });
    Census { count, runs }
}

/// The numbers of the `count` living rows.
///
/// # Panics
///
/// When there are others than `count`.
pub(super) fn rows_of(bits: BitSlice<'_>, first_row: usize, count: usize) -> Vec<u32> {
    let mut rows = vec![0; count + ROWS_SPARE];
    let written = write_rows(bits, first_row, &mut rows);
    assert_eq!(written, count, "as many as were counted");
    rows.truncate(count);
    rows
}

/// Writes the numbers of the living rows, the first of which is `first_row` where it lives, to the
/// front of `rows`, which has room for [`ROWS_SPARE`] more, and returns how many there are.
fn write_rows(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && avx512::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { avx512::rows(bits, first_row, rows) };
    }
    #[cfg(target_arch = "x86_64")]
    if popcount::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { popcount::rows(bits, first_row, rows) };
    }
    rows_with(bits, first_row, rows)
}

/// Whether words without any living row are the rule; there are about as many as `rows` has room for.
fn are_mostly_empty(bits: BitSlice<'_>, rows: &[u32]) -> bool {
    rows.len().saturating_sub(ROWS_SPARE) * EMPTY_SPARSITY <= bits.len()
}

#[inline(always)]
fn rows_with(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
    let mut written = 0;
    let passes_over = are_mostly_empty(bits, rows);
    bits.for_each_word(|at, mut word| {
        if passes_over && word == 0 {
            return;
        }
        // The caller checked that every row number has at most 32 bits.
        let base = (first_row + at * WORD) as u32;
        let end = written + word.count_ones() as usize;
        // There is room for so many more than there are rows.
        let Some(room) = rows[written..].first_chunk_mut::<ROWS_AT_ONCE>() else {
            return;
        };
        for row in room {
            *row = base.wrapping_add(word.trailing_zeros());
            word &= word.wrapping_sub(1);
        }
        written += ROWS_AT_ONCE;
        while word != 0 {
            rows[written] = base + word.trailing_zeros();
            written += 1;
            word &= word - 1;
        }
        written = end;
    });
    written
}

/// The `count` runs of living rows.
pub(super) fn runs_of(bits: BitSlice<'_>, first_row: usize, count: usize) -> Vec<Run> {
    let mut runs = Vec::with_capacity(count);
    if count == 0 {
        return runs;
    }
    // Where the last run began, whether no unset bit has ended it yet, and the last bit 64 times.
    let (mut open, mut is_open, mut inside) = (0, false, 0_u64);
    let mut words = [0; BLOCK];
    let mut first = 0;
    while first * WORD < bits.len() {
        let count = bits.read_block(first, &mut words);
        let words = &words[..count];
        // Runs are long: in most blocks none begins and none ends.
        if words.iter().fold(0, |any, word| any | (word ^ inside)) != 0 {
            for (at, word) in words.iter().enumerate() {
                let base = first_row + (first + at) * WORD;
                // Bits that are not as the one before.
                let mut changes = word ^ (word << 1 | inside >> (WORD - 1));
                inside = (word.cast_signed() >> (WORD - 1)).cast_unsigned();
                while changes != 0 {
                    let row = base + changes.trailing_zeros() as usize;
                    changes &= changes - 1;
                    match is_open {
                        true => runs.push(Run {
                            start: open,
                            len: row - open,
                        }),
                        false => open = row,
                    }
                    is_open = !is_open;
                }
            }
        }
        first += BLOCK;
    }
    if is_open {
        let len = first_row + bits.len() - open;
        runs.push(Run { start: open, len });
    }
    runs
}

#[cfg(target_arch = "x86_64")]
mod popcount {
    //! The same loops for processors that count and find bits in one instruction.

    use super::{BitSlice, Census, census_with, rows_with};

    pub(super) fn is_available() -> bool {
        is_x86_feature_detected!("popcnt") && is_x86_feature_detected!("bmi1")
    }

    /// # Safety
    ///
    /// - The processor has POPCNT and BMI1.
    #[target_feature(enable = "popcnt,bmi1")]
    pub(super) fn census(bits: BitSlice<'_>) -> Census {
        debug_assert!(is_available());
        census_with(bits)
    }

    /// # Safety
    ///
    /// - The processor has POPCNT and BMI1.
    #[target_feature(enable = "popcnt,bmi1")]
    pub(super) fn rows(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
        debug_assert!(is_available());
        rows_with(bits, first_row, rows)
    }
}

#[cfg(test)]
mod tests {
    use arrow_buffer::BooleanBuffer;

    use super::*;

    /// The twin that this machine would not choose by itself.
    fn older_census(bits: BitSlice<'_>) -> Census {
        #[cfg(target_arch = "x86_64")]
        if popcount::is_available() {
            // SAFETY: the features were detected in the line above.
            return unsafe { popcount::census(bits) };
        }
        census_with(bits)
    }

    fn older_rows(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if popcount::is_available() {
            // SAFETY: the features were detected in the line above.
            return unsafe { popcount::rows(bits, first_row, rows) };
        }
        rows_with(bits, first_row, rows)
    }

    /// By each way and each twin, over masks of all lengths and offsets.
    #[test]
    fn twins_tell_the_same_rows() {
        let random = |row: usize| (row as u32).wrapping_mul(2_654_435_761) >> 24;
        let patterns: [fn(usize, u32) -> bool; 7] = [
            |_, random| random < 128,
            |_, random| random < 40,
            |_, random| random < 5,
            |_, random| random > 5,
            |row, _| row / 70 % 2 == 0,
            |_, _| false,
            |_, _| true,
        ];
        let step = if cfg!(miri) { 37 } else { 1 };
        for pattern in patterns {
            let mask: BooleanBuffer = (0..400).map(|row| pattern(row, random(row))).collect();
            for offset in (0..=64).step_by(step) {
                for len in (0..=300).step_by(step) {
                    let bits = mask.slice(offset, len);
                    check(&bits);
                }
            }
        }
    }

    fn check(bits: &BooleanBuffer) {
        const FIRST: usize = 1_000;
        let slice = BitSlice::new(bits);
        let expected: Vec<usize> = bits.set_indices().map(|row| FIRST + row).collect();
        let runs: Vec<Run> = bits
            .set_slices()
            .map(|(start, end)| Run {
                start: FIRST + start,
                len: end - start,
            })
            .collect();
        let census = Census {
            count: expected.len(),
            runs: runs.len(),
        };
        for taken in [take_census(slice), older_census(slice), census_with(slice)] {
            assert_eq!(taken, census);
        }
        for write in [write_rows, older_rows, rows_with] {
            let mut rows = vec![0; census.count + ROWS_SPARE];
            assert_eq!(write(slice, FIRST, &mut rows), census.count);
            rows.truncate(census.count);
            assert!(rows.iter().map(|row| *row as usize).eq(expected.clone()));
        }
        assert_eq!(rows_of(slice, FIRST, census.count).len(), census.count);
        assert_eq!(runs_of(slice, FIRST, census.runs), runs);
    }
}
