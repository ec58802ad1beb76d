//! The types of Iceberg, versions 1 to 3, as data.

use std::fmt;
use std::sync::Arc;

use arrow_array::ArrayRef;

/// A type without parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum PrimitiveType {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// An exact number of `precision` digits, `scale` of them behind the point.
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    /// Time of day in microseconds.
    Time,
    Timestamp,
    TimestampTz,
    TimestampNs,
    TimestampTzNs,
    String,
    Uuid,
    /// Exactly this many bytes.
    Fixed(u32),
    Binary,
    /// A column that holds nothing but nulls.
    Unknown,
    Variant,
    /// With its parameters as written.
    Geometry(String),
    /// With its parameters as written.
    Geography(String),
}

impl fmt::Display for PrimitiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("long"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision}, {scale})"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampTz => f.write_str("timestamptz"),
            Self::TimestampNs => f.write_str("timestamp_ns"),
            Self::TimestampTzNs => f.write_str("timestamptz_ns"),
            Self::String => f.write_str("string"),
            Self::Uuid => f.write_str("uuid"),
            Self::Fixed(bytes) => write!(f, "fixed[{bytes}]"),
            Self::Binary => f.write_str("binary"),
            Self::Unknown => f.write_str("unknown"),
            Self::Variant => f.write_str("variant"),
            Self::Geometry(parameters) | Self::Geography(parameters) => f.write_str(parameters),
        }
    }
}

/// Any type.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum Type {
    Primitive(PrimitiveType),
    Struct(StructType),
    List(ListType),
    Map(MapType),
}

impl Type {
    /// The primitive, if it is one.
    pub fn as_primitive(&self) -> Option<&PrimitiveType> {
        match self {
            Type::Primitive(primitive) => Some(primitive),
            _ => None,
        }
    }

    /// The fields directly below: of a struct its own, of a list the element, of a map key and
    /// value.
    pub fn children(&self) -> Vec<&Arc<NestedField>> {
        match self {
            Type::Primitive(_) => Vec::new(),
            Type::Struct(fields) => fields.fields.iter().collect(),
            Type::List(list) => vec![&list.element],
            Type::Map(map) => vec![&map.key, &map.value],
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Primitive(primitive) => primitive.fmt(f),
            Type::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, field) in fields.fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.field_type)?;
                }
                f.write_str(">")
            }
            Type::List(list) => write!(f, "list<{}>", list.element.field_type),
            Type::Map(map) => write!(f, "map<{}, {}>", map.key.field_type, map.value.field_type),
        }
    }
}

/// A struct's fields in order.
#[derive(Debug, Clone)]
pub struct StructType {
    /// The fields.
    pub fields: Vec<Arc<NestedField>>,
}

/// A list.
#[derive(Debug, Clone)]
pub struct ListType {
    /// Its element; the field is named `element`.
    pub element: Arc<NestedField>,
}

/// A map.
#[derive(Debug, Clone)]
pub struct MapType {
    /// Its key; the field is named `key` and required.
    pub key: Arc<NestedField>,
    /// Its value; the field is named `value`.
    pub value: Arc<NestedField>,
}

/// A field anywhere in a schema.
#[derive(Debug, Clone)]
pub struct NestedField {
    /// What identifies the field, through every rename and move.
    pub id: i32,
    /// Its name now.
    pub name: String,
    /// Whether it is never null.
    pub required: bool,
    /// Its type.
    pub field_type: Type,
    /// What the field holds in files written before it was added: one value, of the Arrow type
    /// that [`crate::Schema::to_arrow`] gives with [`crate::StringLayout::Offsets`]. For a struct
    /// the default is a non-null struct of its fields' defaults. `None` means null.
    pub initial_default: Option<ArrayRef>,
    /// The comment of the field.
    pub doc: Option<String>,
}
