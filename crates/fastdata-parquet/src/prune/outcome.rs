//! What pruning came to.

use crate::RowRanges;

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
