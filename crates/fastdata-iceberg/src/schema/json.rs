//! Types and fields from the JSON of table metadata.

use std::sync::Arc;

use serde_json::Value as Json;

use super::default::default_from_json;
use super::{ListType, MapType, NestedField, PrimitiveType, StructType, Type};
use crate::{Error, Result};

/// The names of the types that need no parameter.
const PRIMITIVE_NAMES: [(&str, PrimitiveType); 16] = [
    ("boolean", PrimitiveType::Boolean),
    ("int", PrimitiveType::Int),
    ("long", PrimitiveType::Long),
    ("float", PrimitiveType::Float),
    ("double", PrimitiveType::Double),
    ("date", PrimitiveType::Date),
    ("time", PrimitiveType::Time),
    ("timestamp", PrimitiveType::Timestamp),
    ("timestamptz", PrimitiveType::TimestampTz),
    ("timestamp_ns", PrimitiveType::TimestampNs),
    ("timestamptz_ns", PrimitiveType::TimestampTzNs),
    ("string", PrimitiveType::String),
    ("uuid", PrimitiveType::Uuid),
    ("binary", PrimitiveType::Binary),
    ("unknown", PrimitiveType::Unknown),
    ("variant", PrimitiveType::Variant),
];

/// An optional whole number of 32 bits; null counts as absent.
pub(crate) fn member_i32(json: &Json, name: &str) -> Result<Option<i32>> {
    match json.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(value) => value
            .as_i64()
            .and_then(|value| i32::try_from(value).ok())
            .map(Some)
            .ok_or_else(|| Error::corrupt(format!("{name:?} is not an int"))),
    }
}

fn required_i32(json: &Json, name: &str) -> Result<i32> {
    member_i32(json, name)?.ok_or_else(|| Error::corrupt(format!("{name:?} is missing")))
}

/// A struct; `levels` bounds the nesting that is left.
pub(super) fn struct_from_json(json: &Json, levels: usize) -> Result<StructType> {
    let fields = json
        .get("fields")
        .and_then(Json::as_array)
        .ok_or_else(|| Error::corrupt("a struct without \"fields\""))?;
    let fields = fields
        .iter()
        .map(|field| Ok(Arc::new(field_from_json(field, levels)?)))
        .collect::<Result<_>>()?;
    Ok(StructType { fields })
}

/// A field of a struct.
pub(super) fn field_from_json(json: &Json, levels: usize) -> Result<NestedField> {
    let name = json
        .get("name")
        .and_then(Json::as_str)
        .ok_or_else(|| Error::corrupt("a field without \"name\""))?;
    let within = |error: Error| error.within(format_args!("field {name:?}"));
    let id = required_i32(json, "id").map_err(within)?;
    let required = json
        .get("required")
        .and_then(Json::as_bool)
        .unwrap_or(false);
    let written = json
        .get("type")
        .ok_or_else(|| within(Error::corrupt("\"type\" is missing")))?;
    let field_type = type_from_json(written, levels).map_err(within)?;
    let initial_default = match json.get("initial-default") {
        None | Some(Json::Null) => None,
        Some(value) => Some(default_from_json(value, &field_type).map_err(within)?),
    };
    let doc = json.get("doc").and_then(Json::as_str).map(str::to_owned);
    Ok(NestedField {
        id,
        name: name.to_owned(),
        required,
        field_type,
        initial_default,
        doc,
    })
}

fn type_from_json(json: &Json, levels: usize) -> Result<Type> {
    if let Some(name) = json.as_str() {
        return primitive_from_name(name).map(Type::Primitive);
    }
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::limit("the schema nests deeper than Limits::nesting"));
    };
    // Writers disagree on whether a parametrised or even a plain type may be an object.
    match json.get("type").and_then(Json::as_str) {
        Some("struct") => struct_from_json(json, levels).map(Type::Struct),
        Some("list") => {
            let element = part(json, "element", levels)?;
            Ok(Type::List(ListType { element }))
        }
        Some("map") => {
            let key = part(json, "key", levels)?;
            let value = part(json, "value", levels)?;
            Ok(Type::Map(MapType { key, value }))
        }
        Some(name) => primitive_from_name(name).map(Type::Primitive),
        None => Err(Error::corrupt(
            "a type that is neither a name nor an object with \"type\"",
        )),
    }
}

/// The element of a list, the key or the value of a map.
fn part(json: &Json, name: &str, levels: usize) -> Result<Arc<NestedField>> {
    let id = required_i32(json, &format!("{name}-id"))?;
    let written = json
        .get(name)
        .ok_or_else(|| Error::corrupt(format!("a type without {name:?}")))?;
    let field_type =
        type_from_json(written, levels).map_err(|error| error.within(format_args!("{name:?}")))?;
    let required = name == "key"
        || json
            .get(format!("{name}-required"))
            .and_then(Json::as_bool)
            .unwrap_or(false);
    Ok(Arc::new(NestedField {
        id,
        name: name.to_owned(),
        required,
        field_type,
        initial_default: None,
        doc: None,
    }))
}

/// A primitive by its name, parameters included.
fn primitive_from_name(name: &str) -> Result<PrimitiveType> {
    if let Some((_, primitive)) = PRIMITIVE_NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(primitive.clone());
    }
    if let Some(parameters) = name.strip_prefix("decimal") {
        return decimal_from_parameters(parameters)
            .ok_or_else(|| Error::corrupt(format!("type {name:?} is not a decimal(P, S)")));
    }
    if let Some(parameters) = name.strip_prefix("fixed") {
        let bytes = parameters
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        return bytes
            .and_then(|bytes| bytes.trim().parse().ok())
            .map(PrimitiveType::Fixed)
            .ok_or_else(|| Error::corrupt(format!("type {name:?} is not a fixed[L]")));
    }
    if name.starts_with("geometry") {
        return Ok(PrimitiveType::Geometry(name.to_owned()));
    }
    if name.starts_with("geography") {
        return Ok(PrimitiveType::Geography(name.to_owned()));
    }
    Err(Error::unsupported(format!("type {name:?} is not known")))
}

fn decimal_from_parameters(parameters: &str) -> Option<PrimitiveType> {
    let inner = parameters.trim().strip_prefix('(')?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',')?;
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: i8 = scale.trim().parse().ok()?;
    let legal = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    legal.then_some(PrimitiveType::Decimal { precision, scale })
}
