//! A mask cut into segments, each of which is looked at once and chooses how its rows are moved.
#![expect(
    unsafe_code,
    reason = "loops compiled for features detected at run time"
)]

use super::picks::{Part, Picks, Run};
use crate::bits::{BitSlice, WORD, low_bits};
use crate::threads::map_each;

/// Rows of a segment: the unit of parallel work over one column.
const SEGMENT_ROWS: usize = 128 << 10;
/// Masks of fewer rows are one segment: a second thread would cost more than it saves.
const SPLIT_ROWS_MIN: usize = 2 * SEGMENT_ROWS;
/// Runs of at least this length on average are copied as runs. Whole words of the mask are copied at
/// once too, which is as quick for shorter ones and needs no list.
const RUN_ROWS_MIN: usize = 256;
/// Segments with at most one row in so many are turned into row numbers: of those the columns' memory
/// is read line by line, of others all of it one behind the other. For values of 8 bytes both take as
/// long here; those of 16 would have it at one row in twelve.
const ROWS_SPARSITY: usize = 20;
/// Segments with at most one row in so many are mostly words without any, and those are passed over.
/// In denser ones the processor would guess wrong too often which words are.
const EMPTY_SPARSITY: usize = 8 * WORD;
/// Row numbers that are written for every word of the mask, wanted or not: a loop over its bits
/// would mostly wait for wrong guesses of where it ends.
const ROWS_AT_ONCE: usize = 4;

/// Some rows of a mask.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    first_row: usize,
    rows: usize,
    /// Rows that live.
    pub(super) count: usize,
    living: Living,
}

/// How the living rows of a segment are told.
#[derive(Debug, Clone)]
enum Living {
    All,
    Runs(Vec<Run>),
    Rows(Vec<u32>),
    /// By the mask itself.
    Bits,
}

/// The segments of `bits`.
pub(super) fn segments(bits: BitSlice<'_>) -> Vec<Segment> {
    map_each(&starts(bits.len()), |(first_row, rows)| {
        Segment::new(bits.slice(*first_row, *rows), *first_row)
    })
}

/// The segments of a mask that keeps all of `rows` rows.
pub(super) fn full_segments(rows: usize) -> Vec<Segment> {
    let segment = |(first_row, rows)| Segment {
        first_row,
        rows,
        count: rows,
        living: Living::All,
    };
    starts(rows).into_iter().map(segment).collect()
}

/// First row and rows of each segment.
fn starts(rows: usize) -> Vec<(usize, usize)> {
    let step = match rows < SPLIT_ROWS_MIN {
        true => rows.max(1),
        false => SEGMENT_ROWS,
    };
    let starts = (0..rows).step_by(step);
    starts
        .map(|start| (start, step.min(rows - start)))
        .collect()
}

impl Segment {
    fn new(bits: BitSlice<'_>, first_row: usize) -> Self {
        let rows = bits.len();
        let census = take_census(bits);
        let count = census.count;
        let narrow = u32::try_from(first_row + rows).is_ok();
        let living = if count == rows {
            Living::All
        } else if census.runs * RUN_ROWS_MIN <= count {
            // Also where nothing lives.
            Living::Runs(runs_of(bits, first_row, census.runs))
        } else if count * ROWS_SPARSITY <= rows && narrow {
            Living::Rows(rows_of(bits, first_row, count))
        } else {
            Living::Bits
        };
        Self {
            first_row,
            rows,
            count,
            living,
        }
    }

    /// The living rows as a part of `chunk`; `bits` are those of the whole mask.
    pub(super) fn part<'a>(&'a self, bits: BitSlice<'a>, chunk: usize) -> Part<'a> {
        let (first_row, end) = (self.first_row, self.first_row + self.rows);
        Part {
            chunk,
            count: self.count,
            picks: match &self.living {
                Living::All => Picks::Range(first_row..end),
                Living::Runs(runs) => Picks::Runs(runs),
                Living::Rows(rows) => Picks::Rows32(rows),
                Living::Bits => Picks::Bits {
                    bits: bits.slice(first_row, self.rows),
                    first_row,
                },
            },
        }
    }
}

/// What the choice needs to know.
struct Census {
    /// Living rows.
    count: usize,
    /// Runs of living rows.
    runs: usize,
}

fn take_census(bits: BitSlice<'_>) -> Census {
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
fn rows_of(bits: BitSlice<'_>, first_row: usize, count: usize) -> Vec<u32> {
    let mut rows = vec![0; count + ROWS_AT_ONCE];
    let written = write_rows(bits, first_row, &mut rows);
    assert_eq!(written, count, "as many as were counted");
    rows.truncate(count);
    rows
}

fn write_rows(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if popcount::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { popcount::rows(bits, first_row, rows) };
    }
    rows_with(bits, first_row, rows)
}

#[inline(always)]
fn rows_with(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
    let mut written = 0;
    let passes_over = rows.len() * EMPTY_SPARSITY <= bits.len();
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
fn runs_of(bits: BitSlice<'_>, first_row: usize, count: usize) -> Vec<Run> {
    let mut runs = Vec::with_capacity(count);
    // The run that no unset bit has ended yet.
    let mut open = None;
    bits.for_each_word(|at, word| {
        let base = first_row + at * WORD;
        let mut from = 0;
        loop {
            // Up to the next bit that ends the run, or begins one.
            let change = if open.is_some() { !word } else { word } & !low_bits(from);
            if change == 0 {
                break;
            }
            from = change.trailing_zeros() as usize;
            open = match open {
                None => Some(base + from),
                Some(start) => {
                    let len = base + from - start;
                    runs.push(Run { start, len });
                    None
                }
            };
        }
    });
    if let Some(start) = open {
        let len = first_row + bits.len() - start;
        runs.push(Run { start, len });
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

    /// The rows of a segment by each way of telling them, over masks of all lengths and offsets.
    #[test]
    fn all_ways_tell_the_same_rows() {
        let random = |row: usize| (row as u32).wrapping_mul(2_654_435_761) >> 24;
        let patterns: [fn(usize, u32) -> bool; 6] = [
            |_, random| random < 128,
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
        let census = take_census(slice);
        assert_eq!((census.count, census.runs), (expected.len(), runs.len()));
        let rows = rows_of(slice, FIRST, census.count);
        assert!(rows.iter().map(|row| *row as usize).eq(expected));
        assert_eq!(runs_of(slice, FIRST, census.runs), runs);
    }
}
