//! What a metadata file says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Snapshot, SnapshotLogEntry, SnapshotRef};
use crate::partition::PartitionSpec;
use crate::schema::Schema;

/// A table's metadata, decoded.
#[derive(Debug, Clone)]
pub struct TableMetadata {
    pub(super) format_version: u8,
    pub(super) uuid: Option<String>,
    pub(super) location: String,
    pub(super) last_updated_ms: i64,
    pub(super) last_sequence_number: i64,
    pub(super) schemas: Vec<Arc<Schema>>,
    /// Index into `schemas`.
    pub(super) current_schema: usize,
    pub(super) specs: Vec<Arc<PartitionSpec>>,
    pub(super) default_spec_id: i32,
    pub(super) snapshots: Vec<Arc<Snapshot>>,
    pub(super) current_snapshot_id: Option<i64>,
    pub(super) refs: BTreeMap<String, SnapshotRef>,
    pub(super) snapshot_log: Vec<SnapshotLogEntry>,
    pub(super) properties: BTreeMap<String, String>,
}

impl TableMetadata {
    /// 1, 2 or 3.
    pub fn format_version(&self) -> u8 {
        self.format_version
    }

    /// The table's identity; tables of version 1 may have none.
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// Where the table was when the file was written.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// When the file was written, in milliseconds since the epoch.
    pub fn last_updated_ms(&self) -> i64 {
        self.last_updated_ms
    }

    /// The highest sequence number given out; 0 in version 1.
    pub fn last_sequence_number(&self) -> i64 {
        self.last_sequence_number
    }

    /// All schemas, current and past.
    pub fn schemas(&self) -> &[Arc<Schema>] {
        &self.schemas
    }

    /// The schema with this id.
    pub fn schema(&self, id: i32) -> Option<&Arc<Schema>> {
        self.schemas.iter().find(|schema| schema.id() == id)
    }

    /// The schema that current scans use.
    #[expect(clippy::indexing_slicing, reason = "the index was found by parse")]
    pub fn current_schema(&self) -> &Arc<Schema> {
        &self.schemas[self.current_schema]
    }

    /// All partition specs, the default one and the past ones.
    pub fn partition_specs(&self) -> &[Arc<PartitionSpec>] {
        &self.specs
    }

    /// The partition spec with this id.
    pub fn partition_spec(&self, id: i32) -> Option<&Arc<PartitionSpec>> {
        self.specs.iter().find(|spec| spec.id == id)
    }

    /// The spec that new files are written with.
    pub fn default_partition_spec(&self) -> Option<&Arc<PartitionSpec>> {
        self.partition_spec(self.default_spec_id)
    }

    /// All snapshots, in the order of the file, which need not be that of time.
    pub fn snapshots(&self) -> &[Arc<Snapshot>] {
        &self.snapshots
    }

    /// The snapshot with this id.
    pub fn snapshot(&self, id: i64) -> Option<&Arc<Snapshot>> {
        self.snapshots.iter().find(|snapshot| snapshot.id == id)
    }

    /// The id of the current snapshot; `None` for a table that was never written to.
    pub fn current_snapshot_id(&self) -> Option<i64> {
        self.current_snapshot_id
    }

    /// Branches and tags by name.
    pub fn refs(&self) -> &BTreeMap<String, SnapshotRef> {
        &self.refs
    }

    /// Which snapshot was current when, oldest first.
    pub fn snapshot_log(&self) -> &[SnapshotLogEntry] {
        &self.snapshot_log
    }

    /// The table's properties.
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }
}
