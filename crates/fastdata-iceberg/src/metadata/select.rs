//! The choice of a snapshot, and with it of a schema.

use std::sync::Arc;

use super::{Snapshot, SnapshotRefKind, TableMetadata};
use crate::schema::Schema;
use crate::{Error, Result};

/// Which state of the table to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotSelector {
    /// The current one.
    Current,
    /// The snapshot with this id.
    Id(i64),
    /// The one that was current at this time (milliseconds since the epoch).
    AsOfMs(i64),
    /// The one that this branch or tag names.
    Ref(String),
}

/// A state of the table and the columns it is read with.
#[derive(Debug, Clone)]
pub struct TableView {
    /// `None` for a table that was never written to.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The columns.
    pub schema: Arc<Schema>,
}

impl TableMetadata {
    /// The state that `selector` names.
    ///
    /// The current state and branches are read with the table's current schema; a tag, an id or a
    /// time with the schema of its snapshot.
    pub fn resolve(&self, selector: &SnapshotSelector) -> Result<TableView> {
        match selector {
            SnapshotSelector::Current => self.view_current(),
            SnapshotSelector::Id(id) => {
                let snapshot = self.snapshot(*id).ok_or_else(|| {
                    Error::not_found(format!(
                        "the table has no snapshot {id} (it has {})",
                        self.snapshots.len()
                    ))
                })?;
                self.view_past(snapshot)
            }
            SnapshotSelector::AsOfMs(time_ms) => self.view_as_of(*time_ms),
            SnapshotSelector::Ref(name) => self.view_ref(name),
        }
    }

    fn view_current(&self) -> Result<TableView> {
        let snapshot = match self.current_snapshot_id {
            None => None,
            Some(id) => Some(Arc::clone(self.snapshot(id).ok_or_else(|| {
                Error::corrupt(format!(
                    "the current snapshot {id} is not among the snapshots"
                ))
            })?)),
        };
        Ok(TableView {
            snapshot,
            schema: Arc::clone(self.current_schema()),
        })
    }

    fn view_past(&self, snapshot: &Arc<Snapshot>) -> Result<TableView> {
        let schema = match snapshot.schema_id {
            None => self.current_schema(),
            Some(id) => self.schema(id).ok_or_else(|| {
                Error::corrupt(format!(
                    "snapshot {} needs schema {id}, not there",
                    snapshot.id
                ))
            })?,
        };
        Ok(TableView {
            snapshot: Some(Arc::clone(snapshot)),
            schema: Arc::clone(schema),
        })
    }

    /// By the log: the times of the snapshots themselves do not know of rollbacks.
    fn view_as_of(&self, time_ms: i64) -> Result<TableView> {
        let current = self
            .snapshot_log
            .iter()
            .filter(|entry| entry.timestamp_ms <= time_ms)
            .max_by_key(|entry| entry.timestamp_ms)
            .ok_or_else(|| {
                let first = self.snapshot_log.iter().map(|entry| entry.timestamp_ms).min();
                Error::not_found(match first {
                    Some(first) => format!(
                        "no snapshot was current at {time_ms} ms; the table's log begins at {first} ms"
                    ),
                    None => "the table's metadata has no snapshot log to look a time up in".into(),
                })
            })?;
        let snapshot = self.snapshot(current.snapshot_id).ok_or_else(|| {
            Error::not_found(format!(
                "snapshot {}, current at {time_ms} ms, has expired",
                current.snapshot_id
            ))
        })?;
        self.view_past(snapshot)
    }

    fn view_ref(&self, name: &str) -> Result<TableView> {
        let Some(reference) = self.refs.get(name) else {
            // Tables older than references have their main branch all the same.
            if name == "main" {
                return self.view_current();
            }
            let known: Vec<_> = self.refs.keys().map(String::as_str).collect();
            return Err(Error::not_found(format!(
                "the table has no branch or tag {name:?}; it has: {}",
                known.join(", ")
            )));
        };
        let snapshot = self.snapshot(reference.snapshot_id).ok_or_else(|| {
            Error::not_found(format!(
                "{name:?} refers to snapshot {}, which has expired",
                reference.snapshot_id
            ))
        })?;
        match reference.kind {
            SnapshotRefKind::Tag => self.view_past(snapshot),
            SnapshotRefKind::Branch => Ok(TableView {
                snapshot: Some(Arc::clone(snapshot)),
                schema: Arc::clone(self.current_schema()),
            }),
        }
    }
}
