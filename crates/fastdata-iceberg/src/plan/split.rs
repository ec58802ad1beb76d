//! What planning yields: files to read, and files that need not be read.

use std::sync::Arc;

use arrow_array::ArrayRef;
use fastdata_kernels::predicate::Bound;

use super::{DeleteFile, LiveFiles};
use crate::manifest::FileFormat;

/// One data file to read, with all that applies to it.
#[derive(Debug, Clone)]
pub struct Split {
    /// Where to read it: resolved against the folder that the user named.
    pub path: String,
    /// The path as the manifest spells it; what position deletes refer to.
    pub recorded_path: String,
    /// Its claimed length in bytes; tables are known to be wrong about it.
    pub file_size_bytes: u64,
    /// Its claimed number of rows: for display and balance, the footer decides.
    pub record_count: u64,
    /// Always [`FileFormat::Parquet`]: other formats are refused while planning.
    pub format: FileFormat,
    /// The partition spec it was written with.
    pub spec_id: i32,
    /// Its partition as `name=value` joined by `/`; empty when unpartitioned.
    pub partition: Arc<str>,
    /// Its partition as one row of the planner's partition type; `None` when it has none.
    pub partition_value: Option<ArrayRef>,
    /// What its deletes are compared with, and what its rows inherit as the commit that changed
    /// them last.
    pub data_sequence_number: i64,
    /// The `_row_id` of its first row, in version 3.
    pub first_row_id: Option<i64>,
    /// Where its row groups begin, ascending and inside the file; empty when the manifest's list
    /// is not that.
    pub split_offsets: Vec<u64>,
    /// What its partition leaves of the condition to evaluate on its rows. Metrics have no part in
    /// this: they only skip whole files.
    pub residual: Bound,
    /// By field id, the value of identity-partition columns: one value, which may be null, of the
    /// Arrow type that the view's schema gives with [`crate::StringLayout::Offsets`]. They hold
    /// for columns that the file does not contain.
    pub constants: Arc<[(i32, ArrayRef)]>,
    /// Position delete files that may delete rows of this file; none when there is a vector.
    pub position_deletes: Vec<Arc<DeleteFile>>,
    /// Equality delete files that may delete rows of this file.
    pub equality_deletes: Vec<Arc<DeleteFile>>,
    /// The deletion vector of this file.
    pub deletion_vector: Option<Arc<DeleteFile>>,
}

/// Why something is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// No row of its partition can match.
    Partition,
    /// The bounds and counts of its columns exclude a match.
    Metrics,
    /// All entries of the manifest are deleted ones.
    NoLiveFiles,
}

/// A manifest or file that need not be read.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// Its path as recorded.
    pub path: String,
    /// Why.
    pub reason: SkipReason,
}

/// What one data manifest yields.
#[derive(Debug)]
pub struct ManifestPlan {
    /// The files to read.
    pub splits: Vec<Split>,
    /// The live files that need not be read.
    pub skipped: Vec<Skipped>,
    /// Live entries, read or not.
    pub live_count: usize,
    /// Entries of status deleted.
    pub deleted_count: usize,
    /// The claimed rows of the skipped files.
    pub skipped_record_count: u64,
    /// What [`super::PlanAudit::add`] wants to know of every live file.
    pub live: LiveFiles,
}
