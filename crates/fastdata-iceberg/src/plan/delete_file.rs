//! A delete file or deletion vector.

use std::sync::Arc;

use arrow_array::ArrayRef;

use crate::manifest::FileFormat;

/// How a delete file names the rows it deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteKind {
    /// Rows of (file path, position).
    Position,
    /// Rows whose key columns equal a row of the delete file.
    Equality,
    /// A bitmap of positions for one file.
    DeletionVector,
}

/// A live delete file.
#[derive(Debug, Clone)]
pub struct DeleteFile {
    /// Where to read it: resolved against the folder that the user named.
    pub path: String,
    /// The path as the manifest spells it.
    pub recorded_path: String,
    /// What it is.
    pub kind: DeleteKind,
    /// Its format: Parquet, or Puffin for a deletion vector.
    pub format: FileFormat,
    /// Its claimed length in bytes.
    pub file_size_bytes: u64,
    /// Its claimed number of rows; the cardinality of a deletion vector, which must agree.
    pub record_count: u64,
    /// Files with data sequence numbers up to this one (below it, for equality) are affected.
    pub data_sequence_number: i64,
    /// The partition spec it was written with.
    pub spec_id: i32,
    /// The field ids that make up the key of an equality delete; empty for the others.
    pub equality_ids: Vec<i32>,
    /// The one data file that it is for, as recorded.
    pub referenced_data_file: Option<String>,
    /// Where in the file the deletion vector begins.
    pub content_offset: Option<u64>,
    /// The length of the deletion vector in bytes.
    pub content_size_bytes: Option<u64>,
    /// By field id, the values of its identity-partition columns, for key columns that an equality
    /// delete does not contain; as [`super::Split::constants`].
    pub constants: Arc<[(i32, ArrayRef)]>,
    /// Spec id and partition values in a comparable form.
    pub(crate) partition_key: Vec<u8>,
    /// The range of the paths it names, from its metrics.
    pub(crate) path_bounds: Option<(String, String)>,
    pub(crate) is_encrypted: bool,
}

impl DeleteFile {
    /// Spec id and partition values: equal for two delete files exactly when they apply to the same
    /// partition.
    pub fn partition_key(&self) -> &[u8] {
        &self.partition_key
    }
}
