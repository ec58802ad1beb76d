//! Which row groups and pages can hold a row that a predicate wants.

use std::ops::Range;

use bytes::Bytes;
use fastdata_kernels::predicate::Bound;

use crate::{FileMeta, Result, RowRanges};

/// Which structures a [`Pruner`] may ask for beyond the footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneOptions {
    /// Column and offset indexes.
    pub page_index: bool,
    /// Bloom filters.
    pub bloom: bool,
    /// Dictionary pages.
    pub dictionary: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            page_index: true,
            bloom: true,
            dictionary: true,
        }
    }
}

/// What is left to read of one row group.
#[derive(Debug, Clone, PartialEq)]
pub struct RowGroupPlan {
    /// Index of the row group.
    pub row_group: usize,
    /// Number of its first row within the file.
    pub first_row: u64,
    /// Rows in it, pruned or not.
    pub num_rows: u64,
    /// The rows, numbered within the row group, that page pruning left; `None` means all.
    pub rows: Option<RowRanges>,
    /// What of the predicate remains to be evaluated.
    pub residual: Bound,
}

/// Why a row group, or pages of it, need not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Index of the row group.
    pub row_group: usize,
    /// True when nothing of it is left.
    pub whole: bool,
    /// "statistics", "bloom filter", "dictionary", "page index: 3 of 40 pages".
    pub reason: String,
}

/// The result of pruning.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PruneOutcome {
    /// What is left to read, in file order.
    pub plans: Vec<RowGroupPlan>,
    /// What was pruned and why, in file order.
    pub report: Vec<Pruned>,
    /// Row groups in the file.
    pub row_groups_total: usize,
    /// Row groups of which nothing is left.
    pub row_groups_pruned: usize,
    /// Pages whose index entries were looked at.
    pub pages_total: usize,
    /// Pages among them that cannot hold a wanted row.
    pub pages_pruned: usize,
}

/// Prunes by what the footer says, then asks for what could prune more, cheapest first.
#[derive(Debug)]
pub struct Pruner {
    _meta: FileMeta,
}

impl Pruner {
    /// Prunes by row-group statistics at once. `bound` is bound to [`FileMeta::schema`].
    pub fn new(meta: &FileMeta, bound: &Bound, options: PruneOptions) -> Self {
        let _ = (bound, options);
        Self {
            _meta: meta.clone(),
        }
    }

    /// Byte ranges that could prune more, or none.
    pub fn wanted(&self) -> Vec<Range<u64>> {
        Vec::new()
    }

    /// Takes the bytes of the ranges of [`Self::wanted`], in order.
    pub fn supply(&mut self, bytes: Vec<Bytes>) -> Result<()> {
        let _ = bytes;
        Ok(())
    }

    /// What is left. May be called at any time: what was not supplied does not prune.
    pub fn finish(self) -> PruneOutcome {
        todo!("lands within the hour")
    }
}
