//! What a source is: for a table its snapshots, partition spec, sizes and delete files.

use serde::Serialize;

use crate::{CancelToken, Result, ScanRequest};

/// A source as `fastdata describe` shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    /// Version of this record's layout.
    pub schema: &'static str,
    /// `iceberg table` or `parquet files`.
    pub kind: &'static str,
    /// Location of the table, or the sources as named.
    pub location: String,
    /// Metadata file in use, for tables.
    pub metadata_file: Option<String>,
    /// Iceberg format version.
    pub format_version: Option<u8>,
    /// Table UUID.
    pub table_uuid: Option<String>,
    /// Partition fields as `transform(column)`.
    pub partition_spec: Vec<String>,
    /// Earlier partition specs that live files may still have, as text.
    pub older_partition_specs: Vec<String>,
    /// Columns: name and type as text.
    pub columns: Vec<(String, String)>,
    /// The snapshot that a scan would read.
    pub snapshot_id: Option<i64>,
    /// Snapshots, oldest first.
    pub snapshots: Vec<SnapshotDescription>,
    /// Branches and tags.
    pub references: Vec<ReferenceDescription>,
    /// Live data files.
    pub data_files: u64,
    /// Their bytes.
    pub data_bytes: u64,
    /// Their rows, deletes not subtracted.
    pub data_rows: u64,
    /// Live position-delete files.
    pub position_delete_files: u64,
    /// Live equality-delete files.
    pub equality_delete_files: u64,
    /// Live deletion vectors.
    pub deletion_vectors: u64,
}

/// One snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SnapshotDescription {
    /// Its id.
    pub snapshot_id: i64,
    /// Its parent.
    pub parent_id: Option<i64>,
    /// When it was committed, milliseconds since the epoch, UTC.
    pub timestamp_ms: i64,
    /// `append`, `overwrite`, `delete`, `replace`.
    pub operation: Option<String>,
}

/// One branch or tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReferenceDescription {
    /// Its name.
    pub name: String,
    /// `branch` or `tag`.
    pub kind: String,
    /// The snapshot that it names.
    pub snapshot_id: i64,
}

/// Describes what [`ScanRequest::sources`] name, from metadata (and footers, for plain files) alone.
pub fn describe(_request: &ScanRequest, _cancel: &CancelToken) -> Result<Description> {
    todo!("scan")
}
