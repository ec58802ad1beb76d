//! From a table's schema to Arrow's.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::{NestedField, PrimitiveType, Schema, Type};
use crate::{Error, Result};

/// The key of Arrow field metadata that holds a field's id.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";

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
    /// the extension name `arrow.uuid`, unknown is `Null`. Columns of variant, geometry and
    /// geography are refused by name: [`Schema::project`] to leave them out.
    pub fn to_arrow(&self, layout: StringLayout) -> Result<arrow_schema::Schema> {
        let fields = fields_to_arrow(self.fields(), layout)?;
        Ok(arrow_schema::Schema::new(fields))
    }

    /// The top-level fields that [`Schema::to_arrow`] would refuse, with the type that this
    /// version does not read.
    pub fn unreadable(&self) -> Vec<(&NestedField, &PrimitiveType)> {
        self.fields()
            .iter()
            .filter_map(|field| Some((field.as_ref(), unreadable_type(&field.field_type)?)))
            .collect()
    }
}

fn unreadable_type(field_type: &Type) -> Option<&PrimitiveType> {
    match field_type {
        Type::Primitive(
            primitive @ (PrimitiveType::Variant
            | PrimitiveType::Geometry(_)
            | PrimitiveType::Geography(_)),
        ) => Some(primitive),
        _ => field_type
            .children()
            .into_iter()
            .find_map(|child| unreadable_type(&child.field_type)),
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
    if matches!(field.field_type, Type::Primitive(PrimitiveType::Uuid)) {
        metadata.insert("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
    }
    // A Null column cannot claim to be non-null, whatever the table says.
    let nullable = !field.required || data_type == DataType::Null;
    Ok(Field::new(&field.name, data_type, nullable).with_metadata(metadata))
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
        PrimitiveType::Binary => match layout {
            StringLayout::View => DataType::BinaryView,
            StringLayout::Offsets => DataType::Binary,
            StringLayout::LargeOffsets => DataType::LargeBinary,
        },
        PrimitiveType::Uuid => DataType::FixedSizeBinary(16),
        PrimitiveType::Fixed(bytes) => {
            DataType::FixedSizeBinary(i32::try_from(*bytes).map_err(|_| {
                Error::unsupported(format!("fixed[{bytes}] exceeds Arrow's widths"))
            })?)
        }
        PrimitiveType::Unknown => DataType::Null,
        PrimitiveType::Variant | PrimitiveType::Geometry(_) | PrimitiveType::Geography(_) => {
            return Err(Error::unsupported(format!(
                "type {primitive} is not read yet"
            )));
        }
    })
}
