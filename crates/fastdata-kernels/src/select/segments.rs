//! A mask cut into segments, each of which is looked at once and chooses how its rows are moved.

use super::census::{rows_of, runs_of, take_census};
use super::picks::{Part, Picks, Run};
use crate::bits::BitSlice;
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
