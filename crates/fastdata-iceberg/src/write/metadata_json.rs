//! Metadata files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::metadata::{Snapshot, SnapshotRef, SnapshotRefKind};
use crate::partition::PartitionSpec;
use crate::schema::{NestedField, Schema, Type};
use crate::{Error, Result};

/// What a metadata file is to say.
#[derive(Debug, Clone)]
pub struct TableDescription {
    /// 1, 2 or 3.
    pub format_version: u8,
    /// The table's identity.
    pub uuid: String,
    /// Where the table lies.
    pub location: String,
    /// Now, in milliseconds since the epoch.
    pub last_updated_ms: i64,
    /// All schemas.
    pub schemas: Vec<Arc<Schema>>,
    /// The current one.
    pub current_schema_id: i32,
    /// All partition specs.
    pub specs: Vec<PartitionSpec>,
    /// The current one.
    pub default_spec_id: i32,
    /// All snapshots, oldest first; each was current from its own time on.
    pub snapshots: Vec<Snapshot>,
    /// The current one.
    pub current_snapshot_id: Option<i64>,
    /// Branches and tags; `main` is added.
    pub refs: BTreeMap<String, SnapshotRef>,
    /// The table's properties.
    pub properties: BTreeMap<String, String>,
}

/// The bytes of a metadata file, uncompressed.
pub fn metadata_json(table: &TableDescription) -> Result<Vec<u8>> {
    let schemas = table
        .schemas
        .iter()
        .map(|schema| schema_json(schema))
        .collect::<Result<Vec<_>>>()?;
    let mut highest_column = 0;
    for schema in &table.schemas {
        highest_column = highest_column.max(highest_id(schema.fields()));
    }
    let partition_ids = table
        .specs
        .iter()
        .flat_map(|spec| &spec.fields)
        .map(|field| field.field_id);
    let last_sequence = table
        .snapshots
        .iter()
        .map(|snapshot| snapshot.sequence_number)
        .max();
    let log: Vec<_> = table
        .snapshots
        .iter()
        .map(|snapshot| json!({"snapshot-id": snapshot.id, "timestamp-ms": snapshot.timestamp_ms}))
        .collect();
    let mut refs = Map::new();
    if let Some(id) = table.current_snapshot_id {
        refs.insert("main".into(), json!({"snapshot-id": id, "type": "branch"}));
    }
    for (name, reference) in &table.refs {
        let kind = match reference.kind {
            SnapshotRefKind::Branch => "branch",
            SnapshotRefKind::Tag => "tag",
        };
        refs.insert(
            name.clone(),
            json!({"snapshot-id": reference.snapshot_id, "type": kind}),
        );
    }
    let mut json = json!({
        "format-version": table.format_version,
        "table-uuid": table.uuid,
        "location": table.location,
        "last-updated-ms": table.last_updated_ms,
        "last-column-id": highest_column,
        "schemas": schemas,
        "current-schema-id": table.current_schema_id,
        "partition-specs": table.specs.iter().map(spec_json).collect::<Vec<_>>(),
        "default-spec-id": table.default_spec_id,
        "last-partition-id": partition_ids.max().unwrap_or(999),
        "sort-orders": [{"order-id": 0, "fields": []}],
        "default-sort-order-id": 0,
        "properties": table.properties,
        "current-snapshot-id": table.current_snapshot_id.unwrap_or(-1),
        "refs": refs,
        "snapshots": table.snapshots.iter().map(snapshot_json).collect::<Vec<_>>(),
        "snapshot-log": log,
        "metadata-log": [],
    });
    if table.format_version > 1 {
        json["last-sequence-number"] = json!(last_sequence.unwrap_or(0));
    }
    if table.format_version > 2 {
        json["next-row-id"] = json!(0);
    }
    serde_json::to_vec_pretty(&json)
        .map_err(|error| Error::invalid("writing metadata").with_source(error))
}

fn highest_id(fields: &[Arc<NestedField>]) -> i32 {
    let nested = fields.iter().map(|field| {
        let children: Vec<_> = field.field_type.children().into_iter().cloned().collect();
        field.id.max(highest_id(&children))
    });
    nested.max().unwrap_or(0)
}

fn snapshot_json(snapshot: &Snapshot) -> Json {
    let mut json = json!({
        "snapshot-id": snapshot.id,
        "timestamp-ms": snapshot.timestamp_ms,
        "sequence-number": snapshot.sequence_number,
        "summary": snapshot.summary,
    });
    let optional = [
        ("parent-snapshot-id", snapshot.parent_id.map(|id| json!(id))),
        (
            "manifest-list",
            snapshot.manifest_list.as_ref().map(|path| json!(path)),
        ),
        ("schema-id", snapshot.schema_id.map(|id| json!(id))),
        ("first-row-id", snapshot.first_row_id.map(|id| json!(id))),
        (
            "manifests",
            (!snapshot.manifests.is_empty()).then(|| json!(snapshot.manifests)),
        ),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            json[key] = value;
        }
    }
    json
}

/// The JSON of a spec.
pub(super) fn spec_json(spec: &PartitionSpec) -> Json {
    let fields: Vec<_> = spec
        .fields
        .iter()
        .map(|field| {
            json!({
                "source-id": field.source_id,
                "field-id": field.field_id,
                "name": field.name,
                "transform": field.transform.to_string(),
            })
        })
        .collect();
    json!({"spec-id": spec.id, "fields": fields})
}

/// The JSON of a schema.
pub(super) fn schema_json(schema: &Schema) -> Result<Json> {
    let mut json = struct_json(schema.fields().iter())?;
    json["schema-id"] = json!(schema.id());
    Ok(json)
}

fn struct_json<'a>(fields: impl Iterator<Item = &'a Arc<NestedField>>) -> Result<Json> {
    let fields = fields
        .map(|field| {
            if field.initial_default.is_some() {
                return Err(Error::unsupported(format!(
                    "writing the initial-default of {:?}",
                    field.name
                )));
            }
            let mut json = json!({
                "id": field.id,
                "name": field.name,
                "required": field.required,
                "type": type_json(&field.field_type)?,
            });
            if let Some(doc) = &field.doc {
                json["doc"] = json!(doc);
            }
            Ok(json)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(json!({"type": "struct", "fields": fields}))
}

fn type_json(field_type: &Type) -> Result<Json> {
    Ok(match field_type {
        Type::Primitive(primitive) => json!(primitive.to_string()),
        Type::Struct(fields) => struct_json(fields.fields.iter())?,
        Type::List(list) => json!({
            "type": "list",
            "element-id": list.element.id,
            "element-required": list.element.required,
            "element": type_json(&list.element.field_type)?,
        }),
        Type::Map(map) => json!({
            "type": "map",
            "key-id": map.key.id,
            "key": type_json(&map.key.field_type)?,
            "value-id": map.value.id,
            "value-required": map.value.required,
            "value": type_json(&map.value.field_type)?,
        }),
    })
}
