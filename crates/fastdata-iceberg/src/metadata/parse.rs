//! From the bytes of a metadata file to [`TableMetadata`].

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::decompress::decompressed;
use super::{Snapshot, SnapshotLogEntry, SnapshotRef, SnapshotRefKind, TableMetadata};
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::{Error, Limits, Result};

impl TableMetadata {
    /// Reads a metadata file of format version 1, 2 or 3: plain, gzip or zstd, by its first bytes.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let text = decompressed(bytes, limits)?;
        let json: Json = serde_json::from_slice(&text)
            .map_err(|error| Error::corrupt("metadata: not JSON").with_source(error))?;
        Self::from_json(&json, limits).map_err(|error| error.within("metadata"))
    }

    fn from_json(json: &Json, limits: &Limits) -> Result<Self> {
        let format_version = match int(json, "format-version")? {
            Some(version @ 1..=3) => u8::try_from(version).unwrap_or(3),
            Some(version) if version > 3 => {
                return Err(Error::unsupported(format!(
                    "format-version {version}; versions 1 to 3 are read"
                )));
            }
            _ => return Err(Error::corrupt("\"format-version\" is missing or below 1")),
        };
        let (schemas, current_schema) = schemas(json, limits)?;
        let specs = specs(json)?;
        let default_spec_id = match int(json, "default-spec-id")? {
            Some(id) => i32::try_from(id)
                .map_err(|_| Error::corrupt("\"default-spec-id\" is not an int"))?,
            None => specs.iter().map(|spec| spec.id).max().unwrap_or(0),
        };
        let location = json
            .get("location")
            .and_then(Json::as_str)
            .ok_or_else(|| Error::corrupt("\"location\" is missing"))?;
        Ok(Self {
            format_version,
            uuid: json
                .get("table-uuid")
                .and_then(Json::as_str)
                .map(str::to_owned),
            location: location.to_owned(),
            last_updated_ms: int(json, "last-updated-ms")?.unwrap_or(0),
            last_sequence_number: int(json, "last-sequence-number")?.unwrap_or(0),
            schemas,
            current_schema,
            specs,
            default_spec_id,
            snapshots: snapshots(json)?,
            // Java writes -1 where there is none.
            current_snapshot_id: snapshot_id(json, "current-snapshot-id")?.filter(|id| *id != -1),
            refs: refs(json)?,
            snapshot_log: snapshot_log(json)?,
            properties: texts(json.get("properties")),
        })
    }
}

/// An optional whole number; null counts as absent.
fn int(json: &Json, name: &str) -> Result<Option<i64>> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .map(Some)
            .ok_or_else(|| Error::corrupt(format!("{name:?} is not a whole number"))),
    }
}

/// A snapshot's id. Some writers draw it from all 64 bits and write it without a sign; Avro has
/// no such number, so there it has one.
fn snapshot_id(json: &Json, name: &str) -> Result<Option<i64>> {
    match json.get(name).and_then(Json::as_u64) {
        Some(id) => Ok(Some(id.cast_signed())),
        None => int(json, name),
    }
}

fn required_snapshot_id(json: &Json) -> Result<i64> {
    snapshot_id(json, "snapshot-id")?.ok_or_else(|| Error::corrupt("\"snapshot-id\" is missing"))
}

fn required(json: &Json, name: &str) -> Result<i64> {
    int(json, name)?.ok_or_else(|| Error::corrupt(format!("{name:?} is missing")))
}

fn array<'a>(json: &'a Json, name: &str) -> Result<&'a [Json]> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(&[]),
        Some(Json::Array(items)) => Ok(items),
        Some(_) => Err(Error::corrupt(format!("{name:?} is not an array"))),
    }
}

/// A map of texts; what is not text is kept as its JSON, since nothing depends on it.
fn texts(json: Option<&Json>) -> BTreeMap<String, String> {
    let entries = json.and_then(Json::as_object).into_iter().flatten();
    entries
        .map(|(key, value)| {
            (
                key.clone(),
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        })
        .collect()
}

/// All schemas and the index of the current one. Version 1 may have just `schema`.
fn schemas(json: &Json, limits: &Limits) -> Result<(Vec<Arc<Schema>>, usize)> {
    let mut schemas = array(json, "schemas")?
        .iter()
        .map(|schema| Ok(Arc::new(Schema::from_json(schema, limits)?)))
        .collect::<Result<Vec<_>>>()?;
    if schemas.is_empty() {
        let schema = json
            .get("schema")
            .ok_or_else(|| Error::corrupt("there is no schema"))?;
        schemas.push(Arc::new(Schema::from_json(schema, limits)?));
        return Ok((schemas, 0));
    }
    let current = required(json, "current-schema-id")?;
    let index = schemas
        .iter()
        .position(|schema| i64::from(schema.id()) == current)
        .ok_or_else(|| Error::corrupt(format!("the current schema {current} is not there")))?;
    Ok((schemas, index))
}

fn specs(json: &Json) -> Result<Vec<Arc<PartitionSpec>>> {
    let mut specs = Vec::new();
    for spec in array(json, "partition-specs")? {
        let id = required(spec, "spec-id")?;
        let id = i32::try_from(id).map_err(|_| Error::corrupt("\"spec-id\" is not an int"))?;
        let fields = spec.get("fields").unwrap_or(&Json::Null);
        specs.push(Arc::new(PartitionSpec::from_json(id, fields)?));
    }
    if specs.is_empty()
        && let Some(fields) = json.get("partition-spec")
    {
        specs.push(Arc::new(PartitionSpec::from_json(0, fields)?));
    }
    if specs.is_empty() {
        return Err(Error::corrupt("there is no partition spec"));
    }
    Ok(specs)
}

fn snapshots(json: &Json) -> Result<Vec<Arc<Snapshot>>> {
    let mut seen = HashSet::new();
    let mut snapshots = Vec::new();
    for snapshot in array(json, "snapshots")? {
        let snapshot = snapshot_from_json(snapshot)?;
        if !seen.insert(snapshot.id) {
            return Err(Error::corrupt(format!(
                "two snapshots have id {}",
                snapshot.id
            )));
        }
        snapshots.push(Arc::new(snapshot));
    }
    Ok(snapshots)
}

fn snapshot_from_json(json: &Json) -> Result<Snapshot> {
    let id = required_snapshot_id(json)?;
    let within = |error: Error| error.within(format_args!("snapshot {id}"));
    let schema_id = match int(json, "schema-id").map_err(within)? {
        None => None,
        Some(schema) => Some(
            i32::try_from(schema)
                .map_err(|_| within(Error::corrupt("\"schema-id\" not an int")))?,
        ),
    };
    let manifests = array(json, "manifests").map_err(within)?;
    Ok(Snapshot {
        id,
        parent_id: snapshot_id(json, "parent-snapshot-id").map_err(within)?,
        sequence_number: int(json, "sequence-number").map_err(within)?.unwrap_or(0),
        timestamp_ms: required(json, "timestamp-ms").map_err(within)?,
        manifest_list: json
            .get("manifest-list")
            .and_then(Json::as_str)
            .map(str::to_owned),
        manifests: manifests
            .iter()
            .map(|path| path.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| within(Error::corrupt("\"manifests\" holds more than names")))?,
        summary: texts(json.get("summary")),
        schema_id,
        first_row_id: int(json, "first-row-id").map_err(within)?,
    })
}

fn refs(json: &Json) -> Result<BTreeMap<String, SnapshotRef>> {
    let entries = json
        .get("refs")
        .and_then(Json::as_object)
        .into_iter()
        .flatten();
    entries
        .map(|(name, reference)| {
            let snapshot_id = required_snapshot_id(reference)?;
            let kind = match reference.get("type").and_then(Json::as_str) {
                Some("tag") => SnapshotRefKind::Tag,
                Some("branch") => SnapshotRefKind::Branch,
                _ => return Err(Error::corrupt("\"type\" is neither branch nor tag")),
            };
            Ok((name.clone(), SnapshotRef { snapshot_id, kind })) as Result<(String, SnapshotRef)>
        })
        .collect::<Result<_>>()
        .map_err(|error| error.within("refs"))
}

fn snapshot_log(json: &Json) -> Result<Vec<SnapshotLogEntry>> {
    let mut log = array(json, "snapshot-log")?
        .iter()
        .map(|entry| {
            Ok(SnapshotLogEntry {
                timestamp_ms: required(entry, "timestamp-ms")?,
                snapshot_id: required_snapshot_id(entry)?,
            })
        })
        .collect::<Result<Vec<_>>>()
        .map_err(|error| error.within("snapshot-log"))?;
    log.sort_by_key(|entry| entry.timestamp_ms);
    Ok(log)
}
