//! Snapshots, references to them, and the log of which one was current when.

use std::collections::BTreeMap;

/// One state of a table.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its id.
    pub id: i64,
    /// The snapshot it was made from.
    pub parent_id: Option<i64>,
    /// Its place in the order of commits; 0 in version 1.
    pub sequence_number: i64,
    /// When it was made, in milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Where its manifest list lies, as written.
    pub manifest_list: Option<String>,
    /// Where its manifests lie, as written, in version 1 tables that have no manifest list.
    pub manifests: Vec<String>,
    /// The writer's summary: `operation` and counts, as text.
    pub summary: BTreeMap<String, String>,
    /// The schema that was current when it was made.
    pub schema_id: Option<i32>,
    /// The first row id it assigned, in version 3.
    pub first_row_id: Option<i64>,
}

/// Whether a reference moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotRefKind {
    /// It moves with each commit.
    Branch,
    /// It stays.
    Tag,
}

/// A name for a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRef {
    /// The snapshot; it may have expired.
    pub snapshot_id: i64,
    /// Branch or tag.
    pub kind: SnapshotRefKind,
}

/// From this time on, this snapshot was the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotLogEntry {
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The snapshot; it may have expired.
    pub snapshot_id: i64,
}
