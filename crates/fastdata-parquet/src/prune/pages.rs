//! Which rows of a row group the page index leaves.

use std::collections::HashMap;
use std::sync::Arc;

use fastdata_kernels::predicate::{
    Atom, Bound, ColumnFacts, ColumnPath, Datum, Facts, Presence, Test,
};

use super::facts::{Leaf, datum, has_known_order, leaf_of};
use crate::index::{ColumnIndex, OffsetIndex};
use crate::{FileMeta, RowRanges};

/// The page index of a predicate's columns in one row group, by leaf.
pub(super) type PageIndexes = HashMap<usize, (Arc<OffsetIndex>, ColumnIndex)>;

/// Decides which rows of one row group can satisfy a condition.
pub(super) struct PageFilter<'a> {
    pub(super) meta: &'a FileMeta,
    pub(super) row_group: usize,
    pub(super) num_rows: usize,
    pub(super) indexes: &'a PageIndexes,
}

impl PageFilter<'_> {
    pub(super) fn rows(&self, bound: &Bound) -> RowRanges {
        let all = || RowRanges::all(self.num_rows);
        match bound {
            Bound::Constant(true) => all(),
            Bound::Constant(false) => RowRanges::default(),
            Bound::Atom(atom) => self.atom_rows(atom).unwrap_or_else(all),
            Bound::And(parts) => parts
                .iter()
                .fold(all(), |rows, part| rows.intersect(&self.rows(part))),
            Bound::Or(parts) => {
                let rows = parts.iter().map(|part| self.rows(part));
                RowRanges::from_ranges(rows.flat_map(|rows| rows.ranges().to_vec()))
            }
        }
    }

    /// `None` when the index says nothing about the atom.
    fn atom_rows(&self, atom: &Atom) -> Option<RowRanges> {
        if matches!(atom.test, Test::CompareColumn(..)) {
            return None;
        }
        let leaf = leaf_of(self.meta, &atom.column)?;
        let (offsets, bounds) = self.indexes.get(&leaf.index)?;
        let condition = Bound::Atom(atom.clone());
        let pages = offsets.rows(self.num_rows).enumerate();
        let kept = pages.filter(|(page, (_, rows))| {
            let facts = PageFacts {
                filter: self,
                leaf: &leaf,
                bounds,
                page: *page,
                rows: rows.len(),
            };
            condition.settle(&facts) != Bound::Constant(false)
        });
        Some(RowRanges::from_ranges(kept.map(|(_, (_, rows))| rows)))
    }
}

struct PageFacts<'a> {
    filter: &'a PageFilter<'a>,
    leaf: &'a Leaf,
    bounds: &'a ColumnIndex,
    page: usize,
    rows: usize,
}

impl Facts for PageFacts<'_> {
    fn column(&self, _: &ColumnPath) -> Option<ColumnFacts> {
        let counts = self.bounds.null_counts.as_ref();
        let count = counts.and_then(|counts| counts.get(self.page)).copied();
        let only_nulls = self.bounds.null_pages.get(self.page) == Some(&true);
        let nulls = match count {
            // Both fields have to agree before a page counts as all null.
            Some(0) if !only_nulls => Presence::None,
            Some(count) if only_nulls && usize::try_from(count) == Ok(self.rows) => Presence::All,
            None if only_nulls => Presence::All,
            _ => Presence::Maybe,
        };
        let usable = !only_nulls && has_known_order(self.filter.meta, self.leaf);
        let bound = |bounds: &[Vec<u8>]| -> Option<Datum> {
            let column = self
                .filter
                .meta
                .column(self.filter.row_group, self.leaf.index)
                .ok()?;
            let bytes = bounds.get(self.page).filter(|_| usable)?;
            datum(column.column_descr(), &self.leaf.data_type, bytes)
        };
        Some(ColumnFacts {
            min: bound(&self.bounds.min),
            max: bound(&self.bounds.max),
            nulls,
            nans: Presence::Maybe,
        })
    }

    fn excludes(&self, _: &ColumnPath, _: &Datum) -> bool {
        false
    }
}
