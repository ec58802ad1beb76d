//! Default values: Iceberg's single-value JSON to an Arrow array of one value.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray, new_null_array};
use arrow_schema::{DataType, Fields};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde_json::Value as Json;

use super::to_arrow::type_to_arrow;
use super::{PrimitiveType, StringLayout, StructType, Type};
use crate::value::Value;
use crate::{Error, Result};

/// The default that `json` writes down for a field of this type.
pub(super) fn default_from_json(json: &Json, field_type: &Type) -> Result<ArrayRef> {
    match field_type {
        Type::Primitive(primitive) => {
            let value = primitive_from_json(json, primitive).ok_or_else(|| {
                Error::corrupt(format!("initial-default {json} is not a {primitive}"))
            })?;
            value.to_array(primitive)
        }
        Type::Struct(fields) if json.as_object().is_some_and(serde_json::Map::is_empty) => {
            struct_of_defaults(fields)
        }
        _ => Err(Error::unsupported(format!(
            "initial-default {json} of a {field_type}"
        ))),
    }
}

/// A struct that is there, with each field at its own default.
fn struct_of_defaults(fields: &StructType) -> Result<ArrayRef> {
    let data_type = type_to_arrow(&Type::Struct(fields.clone()), StringLayout::Offsets)?;
    let DataType::Struct(arrow_fields) = data_type else {
        return Err(Error::unsupported(
            "a struct that Arrow does not see as one",
        ));
    };
    let columns = fields
        .fields
        .iter()
        .zip(arrow_fields.iter())
        .map(|(field, arrow_field)| match &field.initial_default {
            Some(value) => Ok(Arc::clone(value)),
            None if field.required => Err(Error::corrupt(format!(
                "the default struct has no value for required field {:?}",
                field.name
            ))),
            None => Ok(new_null_array(arrow_field.data_type(), 1)),
        })
        .collect::<Result<Vec<_>>>()?;
    let array = StructArray::try_new_with_length(Fields::clone(&arrow_fields), columns, None, 1)
        .map_err(|error| Error::corrupt("a default struct").with_source(error))?;
    Ok(Arc::new(array))
}

fn primitive_from_json(json: &Json, primitive: &PrimitiveType) -> Option<Value> {
    Some(match primitive {
        PrimitiveType::Boolean => Value::Boolean(json.as_bool()?),
        PrimitiveType::Int => Value::Int(i64::from(i32::try_from(json.as_i64()?).ok()?)),
        PrimitiveType::Long => Value::Int(json.as_i64()?),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float's shortest text, rounded back"
        )]
        PrimitiveType::Float => Value::Float(json.as_f64()? as f32),
        PrimitiveType::Double => Value::Double(json.as_f64()?),
        PrimitiveType::Decimal { scale, .. } => {
            Value::Decimal(decimal_from_text(json.as_str()?, *scale)?)
        }
        PrimitiveType::Date => Value::Int(i64::from(days_from_text(json.as_str()?)?)),
        PrimitiveType::Time => {
            let time: NaiveTime = json.as_str()?.parse().ok()?;
            let seconds = i64::from(time.num_seconds_from_midnight());
            Value::Int(seconds * 1_000_000 + i64::from(time.nanosecond() / 1000))
        }
        PrimitiveType::Timestamp | PrimitiveType::TimestampTz => {
            Value::Int(timestamp_from_text(json.as_str()?)?.timestamp_micros())
        }
        PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs => {
            Value::Int(timestamp_from_text(json.as_str()?)?.timestamp_nanos_opt()?)
        }
        PrimitiveType::String => Value::String(json.as_str()?.to_owned()),
        PrimitiveType::Uuid => Value::Bytes(
            uuid::Uuid::parse_str(json.as_str()?)
                .ok()?
                .as_bytes()
                .to_vec(),
        ),
        PrimitiveType::Fixed(_) | PrimitiveType::Binary => {
            Value::Bytes(bytes_from_hex(json.as_str()?)?)
        }
        PrimitiveType::Unknown
        | PrimitiveType::Variant
        | PrimitiveType::Geometry(_)
        | PrimitiveType::Geography(_) => return None,
    })
}

/// `14.20` at scale 2 is 1420; digits beyond the scale are refused unless they are zeros.
fn decimal_from_text(text: &str, scale: i8) -> Option<i128> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let mut unscaled: i128 = digits.parse().ok()?;
    let fraction_digits = i32::try_from(fraction.len()).ok()?;
    let mut shift = exponent
        .checked_sub(fraction_digits)?
        .checked_add(i32::from(scale))?;
    while shift > 0 && unscaled != 0 {
        unscaled = unscaled.checked_mul(10)?;
        shift -= 1;
    }
    while shift < 0 && unscaled != 0 {
        if unscaled % 10 != 0 {
            return None;
        }
        unscaled /= 10;
        shift += 1;
    }
    Some(unscaled)
}

/// Days since 1970-01-01 of `2017-11-16`.
pub(crate) fn days_from_text(text: &str) -> Option<i32> {
    let date: NaiveDate = text.parse().ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// An instant with or without an offset; without one it is taken as UTC.
pub(crate) fn timestamp_from_text(text: &str) -> Option<DateTime<chrono::Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    // A writer that leaves the seconds out when they are zero is within ISO 8601.
    let local = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))
        .unwrap_or(text);
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    formats
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(local, format).ok())
        .map(|local| local.and_utc())
}

fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| {
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(json: Json, primitive: PrimitiveType, expected: Option<Value>) {
        assert_eq!(primitive_from_json(&json, &primitive), expected);
    }

    #[test]
    fn single_values_are_read_by_type() {
        let decimal = PrimitiveType::Decimal {
            precision: 9,
            scale: 2,
        };
        check(json!("14.20"), decimal.clone(), Some(Value::Decimal(1420)));
        check(json!("-0.05"), decimal.clone(), Some(Value::Decimal(-5)));
        check(json!("14.201"), decimal.clone(), None);
        check(json!("2E+2"), decimal.clone(), Some(Value::Decimal(20000)));
        check(json!(14.2), decimal, None);
        check(
            json!("1969-12-31"),
            PrimitiveType::Date,
            Some(Value::Int(-1)),
        );
        check(
            json!("22:31:08.123456"),
            PrimitiveType::Time,
            Some(Value::Int(81_068_123_456)),
        );
        let instant = Some(Value::Int(12_345));
        check(
            json!("1970-01-01T00:00:00.012345"),
            PrimitiveType::Timestamp,
            instant.clone(),
        );
        check(
            json!("1970-01-01T00:00:00.012345+00:00"),
            PrimitiveType::TimestampTz,
            instant,
        );
        check(
            json!("1970-01-01T00:00:00.000000007"),
            PrimitiveType::TimestampNs,
            Some(Value::Int(7)),
        );
        check(
            json!("0aFF"),
            PrimitiveType::Binary,
            Some(Value::Bytes(vec![10, 255])),
        );
        check(json!("0aF"), PrimitiveType::Binary, None);
        check(json!(1i64 << 40), PrimitiveType::Int, None);
        check(json!("x"), PrimitiveType::Boolean, None);
    }
}
