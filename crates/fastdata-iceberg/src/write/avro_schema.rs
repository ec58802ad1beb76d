//! The Avro schemas of manifests and manifest lists, with Iceberg's field ids.

use serde_json::{Value as Json, json};

use crate::partition::PartitionSpec;
use crate::schema::{PrimitiveType, Schema};
use crate::{Error, Result};

fn field(id: i32, name: &str, of: Json) -> Json {
    json!({"name": name, "type": of, "field-id": id})
}

fn optional(id: i32, name: &str, of: Json) -> Json {
    json!({"name": name, "type": ["null", of], "default": null, "field-id": id})
}

fn array(element_id: i32, items: &str) -> Json {
    json!({"type": "array", "items": items, "element-id": element_id})
}

/// A map whose keys are no strings: an array of key and value.
fn map(key_id: i32, value_id: i32, value: &str) -> Json {
    json!({
        "type": "array",
        "logicalType": "map",
        "items": {
            "type": "record",
            "name": format!("k{key_id}_v{value_id}"),
            "fields": [field(key_id, "key", json!("int")), field(value_id, "value", json!(value))],
        },
    })
}

/// The types of a spec's values; `None` for a field whose type is not known.
pub(super) fn partition_types(spec: &PartitionSpec, schema: &Schema) -> Vec<Option<PrimitiveType>> {
    let of = |id| schema.primitive(id);
    spec.fields
        .iter()
        .map(|field| field.transform.result(of(field.source_id)?))
        .collect()
}

/// The Avro type of a partition value.
fn partition_value(name: &str, of: Option<&PrimitiveType>) -> Result<Json> {
    use PrimitiveType as P;
    Ok(match of {
        None => json!("int"),
        Some(P::Boolean) => json!("boolean"),
        Some(P::Int) => json!("int"),
        Some(P::Long) => json!("long"),
        Some(P::Float) => json!("float"),
        Some(P::Double) => json!("double"),
        Some(P::Date) => json!({"type": "int", "logicalType": "date"}),
        Some(P::Time) => json!({"type": "long", "logicalType": "time-micros"}),
        Some(P::Timestamp) => timestamp("timestamp-micros", false),
        Some(P::TimestampTz) => timestamp("timestamp-micros", true),
        Some(P::TimestampNs) => timestamp("timestamp-nanos", false),
        Some(P::TimestampTzNs) => timestamp("timestamp-nanos", true),
        Some(P::String) => json!("string"),
        Some(P::Binary) => json!("bytes"),
        Some(P::Uuid) => {
            json!({"type": "fixed", "size": 16, "name": name, "logicalType": "uuid"})
        }
        Some(P::Fixed(size)) => json!({"type": "fixed", "size": size, "name": name}),
        Some(P::Decimal { precision, scale }) => json!({
            "type": "fixed",
            "size": decimal_bytes(*precision),
            "name": name,
            "logicalType": "decimal",
            "precision": precision,
            "scale": scale,
        }),
        Some(other) => {
            return Err(Error::unsupported(format!(
                "a partition value of type {other}"
            )));
        }
    })
}

fn timestamp(logical_type: &str, adjust_to_utc: bool) -> Json {
    json!({"type": "long", "logicalType": logical_type, "adjust-to-utc": adjust_to_utc})
}

/// The bytes that hold every decimal of this precision.
pub(super) fn decimal_bytes(precision: u8) -> usize {
    let most = 10u128
        .checked_pow(u32::from(precision))
        .unwrap_or(u128::MAX);
    (1..16)
        .find(|bytes| most <= 1 << (8 * bytes - 1))
        .unwrap_or(16)
}

/// The schema of manifest entries.
pub(super) fn manifest_entry(
    spec: &PartitionSpec,
    schema: &Schema,
    format_version: u8,
) -> Result<String> {
    let mut partition = Vec::new();
    for (field, of) in spec.fields.iter().zip(partition_types(spec, schema)) {
        let name = format!("f{}", field.field_id);
        partition.push(optional(
            field.field_id,
            &name,
            partition_value(&name, of.as_ref())?,
        ));
    }
    let file = data_file(&partition, format_version);
    let mut entry = vec![
        field(0, "status", json!("int")),
        optional(1, "snapshot_id", json!("long")),
    ];
    if format_version > 1 {
        entry.push(optional(3, "sequence_number", json!("long")));
        entry.push(optional(4, "file_sequence_number", json!("long")));
    }
    entry.push(field(
        2,
        "data_file",
        json!({"type": "record", "name": "r2", "fields": file}),
    ));
    Ok(json!({"type": "record", "name": "manifest_entry", "fields": entry}).to_string())
}

/// The fields of the data file within an entry.
fn data_file(partition: &[Json], format_version: u8) -> Vec<Json> {
    let mut file = Vec::new();
    if format_version > 1 {
        file.push(field(134, "content", json!("int")));
    }
    file.extend([
        field(100, "file_path", json!("string")),
        field(101, "file_format", json!("string")),
        field(
            102,
            "partition",
            json!({"type": "record", "name": "r102", "fields": partition}),
        ),
        field(103, "record_count", json!("long")),
        field(104, "file_size_in_bytes", json!("long")),
    ]);
    if format_version == 1 {
        file.push(field(105, "block_size_in_bytes", json!("long")));
    }
    file.extend([
        optional(108, "column_sizes", map(117, 118, "long")),
        optional(109, "value_counts", map(119, 120, "long")),
        optional(110, "null_value_counts", map(121, 122, "long")),
        optional(137, "nan_value_counts", map(138, 139, "long")),
        optional(125, "lower_bounds", map(126, 127, "bytes")),
        optional(128, "upper_bounds", map(129, 130, "bytes")),
        optional(131, "key_metadata", json!("bytes")),
        optional(132, "split_offsets", array(133, "long")),
    ]);
    if format_version > 1 {
        file.push(optional(135, "equality_ids", array(136, "int")));
    }
    file.push(optional(140, "sort_order_id", json!("int")));
    if format_version > 2 {
        file.push(optional(142, "first_row_id", json!("long")));
    }
    if format_version > 1 {
        file.push(optional(143, "referenced_data_file", json!("string")));
    }
    if format_version > 2 {
        file.push(optional(144, "content_offset", json!("long")));
        file.push(optional(145, "content_size_in_bytes", json!("long")));
    }
    file
}

/// The schema of a manifest list's records.
pub(super) fn manifest_file(format_version: u8) -> String {
    let summary = json!({
        "type": "record",
        "name": "r508",
        "fields": [
            field(509, "contains_null", json!("boolean")),
            optional(518, "contains_nan", json!("boolean")),
            optional(510, "lower_bound", json!("bytes")),
            optional(511, "upper_bound", json!("bytes")),
        ],
    });
    let mut fields = vec![
        field(500, "manifest_path", json!("string")),
        field(501, "manifest_length", json!("long")),
        field(502, "partition_spec_id", json!("int")),
    ];
    if format_version > 1 {
        fields.extend([
            field(517, "content", json!("int")),
            field(515, "sequence_number", json!("long")),
            field(516, "min_sequence_number", json!("long")),
        ]);
    }
    fields.push(field(503, "added_snapshot_id", json!("long")));
    let files = if format_version > 1 {
        "files"
    } else {
        "data_files"
    };
    for (id, name) in [(504, "added"), (505, "existing"), (506, "deleted")] {
        fields.push(optional(id, &format!("{name}_{files}_count"), json!("int")));
    }
    for (id, name) in [(512, "added"), (513, "existing"), (514, "deleted")] {
        fields.push(optional(id, &format!("{name}_rows_count"), json!("long")));
    }
    let summaries = json!({"type": "array", "items": summary, "element-id": 508});
    fields.push(optional(507, "partitions", summaries));
    fields.push(optional(519, "key_metadata", json!("bytes")));
    if format_version > 2 {
        fields.push(optional(520, "first_row_id", json!("long")));
    }
    json!({"type": "record", "name": "manifest_file", "fields": fields}).to_string()
}
