//! Which rows of which chunk go to the output, in its order.

use std::ops::Range;

use arrow_array::Array;

use crate::bits::{BitSlice, WORD};

/// Rows of a run on average from which on the runs of a word are looked for.
const RUN_ROWS_MIN: u32 = 4;

/// Rows that stand one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// Rows of one array. All of them are below its length: whoever makes picks has checked it.
#[derive(Debug, Clone)]
pub(super) enum Picks<'a> {
    /// One run.
    Range(Range<usize>),
    /// Runs in any order.
    Runs(&'a [Run]),
    /// Single rows in any order.
    Rows32(&'a [u32]),
    /// The same, in columns beyond 32 bits.
    Rows64(&'a [u64]),
    /// The set bits, the first of which is `first_row`.
    Bits {
        bits: BitSlice<'a>,
        first_row: usize,
    },
}

impl Picks<'_> {
    /// Calls `run` with each stretch of consecutive rows (not the longest there are).
    #[inline]
    pub(super) fn for_each_run(&self, mut run: impl FnMut(usize, usize)) {
        match self {
            Picks::Range(rows) => run(rows.start, rows.len()),
            Picks::Runs(runs) => runs.iter().for_each(|each| run(each.start, each.len)),
            Picks::Rows32(rows) => rows.iter().for_each(|row| run(*row as usize, 1)),
            Picks::Rows64(rows) => rows.iter().for_each(|row| run(*row as usize, 1)),
            Picks::Bits { bits, first_row } => {
                bits.for_each_word(|at, mut word| {
                    let base = first_row + at * WORD;
                    if is_scattered(word) {
                        while word != 0 {
                            run(base + word.trailing_zeros() as usize, 1);
                            word &= word - 1;
                        }
                    }
                    while word != 0 {
                        let start = word.trailing_zeros();
                        let len = (word >> start).trailing_ones();
                        run(base + start as usize, len as usize);
                        let end = start + len;
                        word = if end >= 64 { 0 } else { word >> end << end };
                    }
                });
            }
        }
    }

    /// The last row and one, or zero when nothing is picked.
    fn rows_end(&self) -> usize {
        match self {
            Picks::Range(rows) => rows.end,
            Picks::Runs(runs) => runs
                .iter()
                .map(|run| run.start + run.len)
                .max()
                .unwrap_or(0),
            Picks::Rows32(rows) => rows.iter().max().map_or(0, |row| *row as usize + 1),
            Picks::Rows64(rows) => rows.iter().max().map_or(0, |row| *row as usize + 1),
            Picks::Bits { bits, first_row } => first_row + bits.len(),
        }
    }
}

/// Whether the runs of `word` are so short that row by row is less work: where a run ends is
/// guessed wrong most times, and a single row is moved by code that knows its length.
#[inline(always)]
fn is_scattered(word: u64) -> bool {
    let runs = (word & !(word << 1)).count_ones();
    word.count_ones() < RUN_ROWS_MIN * runs
}

/// The picks of one chunk, or of a segment of it: the unit of parallel work.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    /// Index of the chunk.
    pub(super) chunk: usize,
    pub(super) picks: Picks<'a>,
    /// Rows picked.
    pub(super) count: usize,
}

/// What goes to one output array: chunks of one type and parts in the output's order.
pub(super) struct Job<'a> {
    pub(super) chunks: Vec<&'a dyn Array>,
    pub(super) parts: Vec<Part<'a>>,
    pub(super) sources: Sources,
}

/// What becomes of the chunks: strings as views share their bytes with the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    /// They are dropped, but for what the result holds on to.
    Dropped,
    /// They live on, as the chunks of a frame that somebody filters do.
    Kept,
}

impl Job<'_> {
    /// Rows of the output.
    pub(super) fn count(&self) -> usize {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// That every picked row exists: checked in debug builds before the kernels rely on it.
    pub(super) fn is_in_bounds(&self) -> bool {
        self.parts
            .iter()
            .all(|part| part.picks.rows_end() <= self.chunks[part.chunk].len())
    }
}
