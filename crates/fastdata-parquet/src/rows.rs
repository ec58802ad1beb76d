//! Sets of rows as sorted ranges.

use std::ops::Range;

/// A set of rows of one row group: sorted, disjoint, non-empty, non-touching ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowRanges {
    ranges: Vec<Range<usize>>,
}

impl RowRanges {
    /// Rows that a window must have for each range of wanted rows before decoding these alone pays:
    /// below, everything is decoded and filtered.
    ///
    /// Time of picking rows spread at random over that of decoding everything and filtering,
    /// decompression included, on pages of TPC-H lineitem (`examples/pick_bench.rs`, Zen 4):
    ///
    /// | survivors, % | 0.1 | 1 | 5 | 10 |
    /// |---|---|---|---|---|
    /// | prices, PLAIN | 0.98 | 0.98 | 1.04 | 1.21 |
    /// | text, PLAIN | 0.81 | 0.99 | 0.79 | 0.93 |
    /// | dates, dictionary of 2,500 | 0.33 | 0.84 | 5.4 | 7.2 |
    /// | discounts, dictionary of 11 | 0.16 | 0.45 | 3.9 | 4.4 |
    pub const WORTH_PICKING: usize = 64;

    /// All rows below `count`.
    pub fn all(count: usize) -> Self {
        Self::from_ranges(std::iter::once(0..count))
    }

    /// The union of `ranges`, in any order, overlapping or not.
    pub fn from_ranges(ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        sorted.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Self { ranges: merged }
    }

    /// The rows whose bit is set, the first bit being row `first_row`.
    pub fn from_mask(mask: &arrow_buffer::BooleanBuffer, first_row: usize) -> Self {
        let ranges = mask
            .set_slices()
            .map(|(from, to)| from + first_row..to + first_row)
            .collect();
        Self { ranges }
    }

    /// The ranges.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Number of rows in the set.
    pub fn row_count(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The row after the last one in the set.
    pub fn end(&self) -> usize {
        self.ranges.last().map_or(0, |range| range.end)
    }

    /// The rows that are in `window`, numbered as before.
    pub fn within(&self, window: Range<usize>) -> Self {
        let from = self
            .ranges
            .partition_point(|range| range.end <= window.start);
        let ranges = self
            .ranges
            .iter()
            .skip(from)
            .take_while(|range| range.start < window.end);
        let ranges = ranges
            .map(|r| r.start.max(window.start)..r.end.min(window.end))
            .collect();
        Self { ranges }
    }

    /// Whether a row of `window` is in the set.
    pub fn touches(&self, window: &Range<usize>) -> bool {
        let from = self
            .ranges
            .partition_point(|range| range.end <= window.start);
        !window.is_empty() && self.ranges.get(from).is_some_and(|r| r.start < window.end)
    }

    /// The rows in both sets.
    pub fn intersect(&self, other: &Self) -> Self {
        let (mut left, mut right) = (
            self.ranges.iter().peekable(),
            other.ranges.iter().peekable(),
        );
        let mut ranges = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let both = a.start.max(b.start)..a.end.min(b.end);
            let left_ends_first = a.end <= b.end;
            if !both.is_empty() {
                ranges.push(both);
            }
            if left_ends_first {
                left.next()
            } else {
                right.next()
            };
        }
        Self { ranges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_buffer::BooleanBuffer;

    fn set(ranges: &[(usize, usize)]) -> RowRanges {
        RowRanges::from_ranges(ranges.iter().map(|&(from, to)| from..to))
    }

    #[test]
    fn ranges_are_sorted_and_merged() {
        assert_eq!(
            set(&[(5, 9), (0, 2), (2, 3), (7, 8), (4, 4)]),
            set(&[(0, 3), (5, 9)])
        );
        assert_eq!(set(&[(0, 3), (5, 9)]).row_count(), 7);
    }

    #[test]
    fn windows_and_intersections_agree_with_masks() {
        let bits = |rows: &RowRanges| {
            (0..64)
                .map(|row| rows.touches(&(row..row + 1)))
                .collect::<Vec<_>>()
        };
        let (a, b) = (
            set(&[(0, 3), (5, 9), (20, 40)]),
            set(&[(2, 6), (8, 30), (39, 60)]),
        );
        let both: Vec<_> = bits(&a)
            .iter()
            .zip(bits(&b))
            .map(|(x, y)| *x && y)
            .collect();
        assert_eq!(bits(&a.intersect(&b)), both);
        assert_eq!(
            RowRanges::from_mask(&BooleanBuffer::from(both), 0),
            a.intersect(&b)
        );
        assert_eq!(a.within(2..21), set(&[(2, 3), (5, 9), (20, 21)]));
        assert!(a.within(9..20).is_empty());
    }
}
