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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Limits};

    /// Snapshot 1 with schema 0, then 2 with schema 1, rolled back to 1; 3 has expired.
    fn table() -> TableMetadata {
        let json = r#"{
            "format-version": 2, "location": "/t", "current-schema-id": 2, "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": []}],
            "schemas": [
                {"type": "struct", "schema-id": 0, "fields": []},
                {"type": "struct", "schema-id": 1, "fields": []},
                {"type": "struct", "schema-id": 2, "fields": []}
            ],
            "current-snapshot-id": 1,
            "snapshots": [
                {"snapshot-id": 2, "timestamp-ms": 200, "schema-id": 1, "manifest-list": "b"},
                {"snapshot-id": 1, "timestamp-ms": 100, "schema-id": 0, "manifest-list": "a"},
                {"snapshot-id": 4, "timestamp-ms": 400, "manifest-list": "d"},
                {"snapshot-id": 5, "timestamp-ms": 500, "schema-id": 9, "manifest-list": "e"}
            ],
            "snapshot-log": [
                {"snapshot-id": 1, "timestamp-ms": 100}, {"snapshot-id": 2, "timestamp-ms": 200},
                {"snapshot-id": 3, "timestamp-ms": 250}, {"snapshot-id": 1, "timestamp-ms": 300}
            ],
            "refs": {
                "b": {"snapshot-id": 2, "type": "branch"}, "t": {"snapshot-id": 2, "type": "tag"},
                "gone": {"snapshot-id": 3, "type": "tag"}
            }
        }"#;
        TableMetadata::parse(json.as_bytes(), &Limits::default()).unwrap()
    }

    /// Snapshot and schema that a selector leads to.
    fn select(selector: SnapshotSelector) -> std::result::Result<(i64, i32), ErrorKind> {
        let view = table().resolve(&selector).map_err(|error| error.kind())?;
        Ok((view.snapshot.unwrap().id, view.schema.id()))
    }

    #[test]
    fn branches_have_the_current_schema_and_the_past_has_its_own() {
        assert_eq!(select(SnapshotSelector::Current), Ok((1, 2)));
        assert_eq!(select(SnapshotSelector::Id(2)), Ok((2, 1)));
        assert_eq!(
            select(SnapshotSelector::Id(4)),
            Ok((4, 2)),
            "no schema of its own"
        );
        assert_eq!(select(SnapshotSelector::Ref("b".into())), Ok((2, 2)));
        assert_eq!(select(SnapshotSelector::Ref("t".into())), Ok((2, 1)));
        assert_eq!(select(SnapshotSelector::Ref("main".into())), Ok((1, 2)));
    }

    #[test]
    fn times_go_through_the_log() {
        assert_eq!(
            select(SnapshotSelector::AsOfMs(99)),
            Err(ErrorKind::NotFound)
        );
        assert_eq!(select(SnapshotSelector::AsOfMs(100)), Ok((1, 0)));
        assert_eq!(select(SnapshotSelector::AsOfMs(249)), Ok((2, 1)));
        assert_eq!(
            select(SnapshotSelector::AsOfMs(260)),
            Err(ErrorKind::NotFound),
            "expired"
        );
        assert_eq!(
            select(SnapshotSelector::AsOfMs(999)),
            Ok((1, 0)),
            "rolled back"
        );
    }

    #[test]
    fn what_is_not_there_is_said_so() {
        assert_eq!(select(SnapshotSelector::Id(3)), Err(ErrorKind::NotFound));
        assert_eq!(
            select(SnapshotSelector::Ref("gone".into())),
            Err(ErrorKind::NotFound)
        );
        assert_eq!(
            select(SnapshotSelector::Ref("x".into())),
            Err(ErrorKind::NotFound)
        );
        assert_eq!(
            select(SnapshotSelector::Id(5)),
            Err(ErrorKind::Corrupt),
            "schema 9 is not there"
        );
    }
}
