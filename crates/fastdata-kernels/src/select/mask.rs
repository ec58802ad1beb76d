//! A selection by bitmap, prepared once and applied to many columns.

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;

use super::picks::{Part, Picks, Run};
use crate::bits::{BitSlice, WORD};

/// Rows of a segment: the unit of parallel work over one column.
const SEGMENT_ROWS: usize = 128 << 10;
const SEGMENT_WORDS: usize = SEGMENT_ROWS / WORD;
/// Masks of fewer rows are one part: a second thread would cost more than it saves.
const SPLIT_ROWS_MIN: usize = 2 * SEGMENT_ROWS;
/// Runs of at least this length on average are copied as runs.
const RUN_ROWS_MIN: usize = 64;
/// Masks with at most one row in so many are turned into row numbers: reading those is less work
/// than looking at every word of the mask again for every column.
const POSITIONS_SPARSITY: usize = 32;

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
/// Making one counts its bits and chooses how columns are moved: not at all, whole, as runs, by row
/// number, or word by word of the bitmap.
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
    strategy: Strategy,
}

#[derive(Debug, Clone)]
enum Strategy {
    All,
    /// Also for no row at all.
    Runs(Vec<Run>),
    Positions(Vec<u32>),
    /// Living rows of each segment.
    Words(Vec<usize>),
}

impl Mask {
    /// Prepares `bits`.
    pub fn new(bits: BooleanBuffer) -> Self {
        let slice = BitSlice::new(&bits);
        let census = take_census(slice);
        let count = census.segments.iter().sum();
        let strategy = if count == bits.len() {
            Strategy::All
        } else if census.runs.saturating_mul(RUN_ROWS_MIN) <= count {
            let runs = bits.set_slices().map(|(start, end)| Run {
                start,
                len: end - start,
            });
            Strategy::Runs(runs.collect())
        } else if count * POSITIONS_SPARSITY <= bits.len() && u32::try_from(bits.len()).is_ok() {
            Strategy::Positions(positions(slice, count))
        } else {
            Strategy::Words(census.segments)
        };
        Self {
            bits,
            count,
            strategy,
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

    /// All of `len` rows.
    pub fn all(len: usize) -> Self {
        Self {
            bits: BooleanBuffer::new_set(len),
            count: len,
            strategy: Strategy::All,
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
        match &self.strategy {
            Strategy::All => range_parts(chunk, self.len(), out),
            Strategy::Runs(runs) => run_parts(chunk, runs, out),
            Strategy::Positions(rows) => {
                out.extend(rows.chunks(SEGMENT_ROWS).map(|rows| Part {
                    chunk,
                    picks: Picks::Rows32(rows),
                    count: rows.len(),
                }));
            }
            Strategy::Words(_) if self.len() < SPLIT_ROWS_MIN => out.push(Part {
                chunk,
                picks: Picks::Bits {
                    bits: BitSlice::new(&self.bits),
                    first_row: 0,
                },
                count: self.count,
            }),
            Strategy::Words(segments) => {
                let bits = BitSlice::new(&self.bits);
                out.extend(segments.iter().enumerate().map(|(at, count)| {
                    let first_row = at * SEGMENT_ROWS;
                    let bits = bits.slice(first_row, SEGMENT_ROWS.min(self.len() - first_row));
                    Part {
                        chunk,
                        picks: Picks::Bits { bits, first_row },
                        count: *count,
                    }
                }));
            }
        }
    }
}

/// All `rows` rows of a chunk.
fn range_parts(chunk: usize, rows: usize, out: &mut Vec<Part<'_>>) {
    let step = if rows < SPLIT_ROWS_MIN {
        rows.max(1)
    } else {
        SEGMENT_ROWS
    };
    out.extend((0..rows).step_by(step).map(|start| {
        let end = rows.min(start + step);
        Part {
            chunk,
            picks: Picks::Range(start..end),
            count: end - start,
        }
    }));
}

fn run_parts<'a>(chunk: usize, mut runs: &'a [Run], out: &mut Vec<Part<'a>>) {
    while !runs.is_empty() {
        let mut count = 0;
        let taken = runs.iter().take_while(|run| {
            let fits = count < SEGMENT_ROWS;
            count += if fits { run.len } else { 0 };
            fits
        });
        let (part, rest) = runs.split_at(taken.count());
        runs = rest;
        match part {
            // A long run is cut, so that one of millions of rows has all threads too.
            [run] if run.len >= SPLIT_ROWS_MIN => {
                let end = run.start + run.len;
                out.extend((run.start..end).step_by(SEGMENT_ROWS).map(|start| {
                    let rows = start..end.min(start + SEGMENT_ROWS);
                    Part {
                        chunk,
                        count: rows.len(),
                        picks: Picks::Range(rows),
                    }
                }));
            }
            _ => out.push(Part {
                chunk,
                picks: Picks::Runs(part),
                count,
            }),
        }
    }
}

/// What the choice of a strategy needs to know.
struct Census {
    /// Living rows of each segment.
    segments: Vec<usize>,
    /// Runs of living rows.
    runs: usize,
}

fn take_census(bits: BitSlice<'_>) -> Census {
    #[cfg(target_arch = "x86_64")]
    {
        popcount::take_census(bits)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        census_with(bits)
    }
}

#[cfg(target_arch = "x86_64")]
mod popcount {
    //! The same loops for processors that count a word's bits in one instruction.
    #![expect(
        unsafe_code,
        reason = "functions compiled for features detected at run time"
    )]

    use super::{BitSlice, Census, census_with};

    pub(super) fn take_census(bits: BitSlice<'_>) -> Census {
        if is_x86_feature_detected!("popcnt") {
            // SAFETY: the feature was detected in the line above.
            unsafe { census_popcnt(bits) }
        } else {
            census_with(bits)
        }
    }

    /// # Safety
    ///
    /// - The processor has POPCNT.
    #[target_feature(enable = "popcnt")]
    fn census_popcnt(bits: BitSlice<'_>) -> Census {
        debug_assert!(is_x86_feature_detected!("popcnt"));
        census_with(bits)
    }
}

#[inline(always)]
fn census_with(bits: BitSlice<'_>) -> Census {
    let mut segments = Vec::with_capacity(bits.len().div_ceil(SEGMENT_ROWS));
    let (mut runs, mut before, mut count) = (0, 0, 0);
    for (at, word) in bits.words().enumerate() {
        if at > 0 && at % SEGMENT_WORDS == 0 {
            segments.push(count);
            count = 0;
        }
        count += word.count_ones() as usize;
        // A run starts where a set bit follows an unset one.
        runs += (word & !(word << 1 | before)).count_ones() as usize;
        before = word >> (WORD - 1);
    }
    if bits.len() > 0 {
        segments.push(count);
    }
    Census { segments, runs }
}

fn positions(bits: BitSlice<'_>, count: usize) -> Vec<u32> {
    let mut rows = Vec::with_capacity(count);
    for (at, mut word) in bits.words().enumerate() {
        while word != 0 {
            // The caller checked that every row number has at most 32 bits.
            rows.push((at * WORD) as u32 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    rows
}
