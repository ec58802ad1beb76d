//! From a table's schema to Arrow's.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::{NestedField, PrimitiveType, Schema, Type};
use crate::{Error, Result};

/// The key of Arrow field metadata that holds a field's id.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";
/// The key of Arrow field metadata that names an extension type.
pub const EXTENSION_NAME_KEY: &str = "ARROW:extension:name";
/// The extension type of variants.
pub const VARIANT_EXTENSION: &str = "arrow.parquet.variant";

/// How strings and binary values of variable length lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StringLayout {
    /// `Utf8View`, `BinaryView`
    #[default]
    View,
    /// `Utf8`, `Binary`
    Offsets,
    /// `LargeUtf8`, `LargeBinary`
    LargeOffsets,
}

impl Schema {
    /// The Arrow schema, with the field id in every field's metadata under [`FIELD_ID_KEY`], at
    /// every level.
    ///
    /// Lists are `List`, maps are `Map` with entries named `key_value`, UUIDs are 16 bytes with
    /// the extension name `arrow.uuid`, unknown is `Null`. A variant is a struct of its two binary
    /// parts, `metadata` and `value`, with the extension name [`VARIANT_EXTENSION`]; geometry and
    /// geography are well-known binary with the extension name `geoarrow.wkb`.
    pub fn to_arrow(&self, layout: StringLayout) -> Result<arrow_schema::Schema> {
        let fields = fields_to_arrow(self.fields(), layout)?;
        Ok(arrow_schema::Schema::new(fields))
    }
}

fn fields_to_arrow(fields: &[Arc<NestedField>], layout: StringLayout) -> Result<Fields> {
    fields
        .iter()
        .map(|field| field_to_arrow(field, layout))
        .collect()
}

/// The Arrow field of one field, id and extension in its metadata.
pub(crate) fn field_to_arrow(field: &NestedField, layout: StringLayout) -> Result<Field> {
    let data_type = type_to_arrow(&field.field_type, layout)
        .map_err(|error| error.within(format_args!("column {:?}", field.name)))?;
    let mut metadata = HashMap::from([(FIELD_ID_KEY.to_owned(), field.id.to_string())]);
    if let Some((name, parameters)) = extension(&field.field_type) {
        metadata.insert(EXTENSION_NAME_KEY.to_owned(), name.to_owned());
        if let Some(parameters) = parameters {
            metadata.insert("ARROW:extension:metadata".to_owned(), parameters);
        }
    }
    // A Null column cannot claim to be non-null, whatever the table says.
    let nullable = !field.required || data_type == DataType::Null;
    Ok(Field::new(&field.name, data_type, nullable).with_metadata(metadata))
}

/// The extension that says what a type of Arrow stands for, with its parameters.
fn extension(field_type: &Type) -> Option<(&'static str, Option<String>)> {
    match field_type.as_primitive()? {
        PrimitiveType::Uuid => Some(("arrow.uuid", None)),
        PrimitiveType::Variant => Some((VARIANT_EXTENSION, Some(String::new()))),
        PrimitiveType::Geometry(name) | PrimitiveType::Geography(name) => {
            Some(("geoarrow.wkb", Some(geo_parameters(name))))
        }
        _ => None,
    }
}

/// The reference system and the kind of edges of `geometry(C)` or `geography(C, A)`.
fn geo_parameters(name: &str) -> String {
    let inner = name
        .split_once('(')
        .and_then(|(_, inner)| inner.trim_end().strip_suffix(')'))
        .unwrap_or_default();
    let (crs, edges) = match name.starts_with("geography") {
        true => inner.rsplit_once(',').unwrap_or((inner, "")),
        false => (inner, ""),
    };
    let or = |text: &str, other: &str| match text.trim() {
        "" => other.to_owned(),
        text => text.to_owned(),
    };
    let mut parameters = serde_json::Map::new();
    parameters.insert("crs".to_owned(), or(crs, "OGC:CRS84").into());
    if name.starts_with("geography") {
        let edges = or(edges, "spherical").to_ascii_lowercase();
        parameters.insert("edges".to_owned(), edges.into());
    }
    serde_json::Value::Object(parameters).to_string()
}

/// The Arrow type of a type.
pub(crate) fn type_to_arrow(field_type: &Type, layout: StringLayout) -> Result<DataType> {
    Ok(match field_type {
        Type::Primitive(primitive) => primitive_to_arrow(primitive, layout)?,
        Type::Struct(fields) => DataType::Struct(fields_to_arrow(&fields.fields, layout)?),
        Type::List(list) => DataType::List(Arc::new(field_to_arrow(&list.element, layout)?)),
        Type::Map(map) => {
            let entries = Fields::from(vec![
                field_to_arrow(&map.key, layout)?,
                field_to_arrow(&map.value, layout)?,
            ]);
            DataType::Map(
                Arc::new(Field::new("key_value", DataType::Struct(entries), false)),
                false,
            )
        }
    })
}

fn primitive_to_arrow(primitive: &PrimitiveType, layout: StringLayout) -> Result<DataType> {
    let utc = || Some("UTC".into());
    Ok(match primitive {
        PrimitiveType::Boolean => DataType::Boolean,
        PrimitiveType::Int => DataType::Int32,
        PrimitiveType::Long => DataType::Int64,
        PrimitiveType::Float => DataType::Float32,
        PrimitiveType::Double => DataType::Float64,
        PrimitiveType::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        PrimitiveType::Date => DataType::Date32,
        PrimitiveType::Time => DataType::Time64(TimeUnit::Microsecond),
        PrimitiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        PrimitiveType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, utc()),
        PrimitiveType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        PrimitiveType::TimestampTzNs => DataType::Timestamp(TimeUnit::Nanosecond, utc()),
        PrimitiveType::String => match layout {
            StringLayout::View => DataType::Utf8View,
            StringLayout::Offsets => DataType::Utf8,
            StringLayout::LargeOffsets => DataType::LargeUtf8,
        },
        PrimitiveType::Binary | PrimitiveType::Geometry(_) | PrimitiveType::Geography(_) => {
            binary(layout)
        }
        PrimitiveType::Variant => {
            let part = |name: &str| Field::new(name, binary(layout), false);
            DataType::Struct(vec![part("metadata"), part("value")].into())
        }
        PrimitiveType::Uuid => DataType::FixedSizeBinary(16),
        PrimitiveType::Fixed(bytes) => {
            DataType::FixedSizeBinary(i32::try_from(*bytes).map_err(|_| {
                Error::unsupported(format!("fixed[{bytes}] exceeds Arrow's widths"))
            })?)
        }
        PrimitiveType::Unknown => DataType::Null,
    })
}

fn binary(layout: StringLayout) -> DataType {
    match layout {
        StringLayout::View => DataType::BinaryView,
        StringLayout::Offsets => DataType::Binary,
        StringLayout::LargeOffsets => DataType::LargeBinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_systems_and_edges_are_passed_on() {
        for (name, expected) in [
            ("geometry", r#"{"crs":"OGC:CRS84"}"#),
            ("geometry(srid:4326)", r#"{"crs":"srid:4326"}"#),
            ("geography", r#"{"crs":"OGC:CRS84","edges":"spherical"}"#),
            (
                "geography(srid:4269, KARNEY)",
                r#"{"crs":"srid:4269","edges":"karney"}"#,
            ),
        ] {
            assert_eq!(geo_parameters(name), expected, "{name}");
        }
    }
}
