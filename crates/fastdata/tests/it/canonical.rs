//! Arrow values in the text form of `testdata/README.md`.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, TimeUnit};
use serde_json::{Map, Value, json};

/// One JSON array a row.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let columns: Vec<Vec<Value>> = (0..batch.num_columns())
        .map(|index| values(schema.field(index), batch.column(index)))
        .collect();
    (0..batch.num_rows())
        .map(|row| Value::Array(columns.iter().map(|c| c[row].clone()).collect()).to_string())
        .collect()
}

fn values(field: &Field, array: &ArrayRef) -> Vec<Value> {
    (0..array.len())
        .map(|row| value(field, array, row))
        .collect()
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn value(field: &Field, array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int32 => json!(primitive::<Int32Type>(array, row)),
        DataType::Int64 => json!(primitive::<Int64Type>(array, row)),
        DataType::Float32 => json!(float_text(f64::from(primitive::<Float32Type>(array, row)))),
        DataType::Float64 => json!(float_text(primitive::<Float64Type>(array, row))),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Binary => json!(hex(array.as_binary::<i32>().value(row))),
        DataType::LargeBinary => json!(hex(array.as_binary::<i64>().value(row))),
        DataType::BinaryView => json!(hex(array.as_binary_view().value(row))),
        DataType::FixedSizeBinary(_) => {
            let bytes = array.as_fixed_size_binary().value(row);
            json!(if is_uuid(field) {
                uuid_text(bytes)
            } else {
                hex(bytes)
            })
        }
        DataType::Decimal128(_, scale) => {
            json!(decimal_text(
                primitive::<Decimal128Type>(array, row),
                *scale
            ))
        }
        DataType::Date32 => {
            let days = i64::from(primitive::<Date32Type>(array, row));
            let date = chrono::DateTime::from_timestamp(days * 86_400, 0).unwrap();
            json!(date.format("%Y-%m-%d").to_string())
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let micros = primitive::<Time64MicrosecondType>(array, row);
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
            json!(time.format("%H:%M:%S%.6f").to_string())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = primitive::<TimestampMicrosecondType>(array, row);
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap();
            json!(format!(
                "{}{}",
                time.format("%Y-%m-%dT%H:%M:%S%.6f"),
                z(zone)
            ))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let nanos = primitive::<TimestampNanosecondType>(array, row);
            let time = chrono::DateTime::from_timestamp_nanos(nanos);
            json!(format!(
                "{}{}",
                time.format("%Y-%m-%dT%H:%M:%S%.9f"),
                z(zone)
            ))
        }
        DataType::List(inner) => Value::Array(values(inner, &array.as_list::<i32>().value(row))),
        DataType::LargeList(inner) => {
            Value::Array(values(inner, &array.as_list::<i64>().value(row)))
        }
        DataType::Struct(fields) => {
            let array = array.as_struct();
            let mut object = Map::new();
            for (index, field) in fields.iter().enumerate() {
                let child = value(field, array.column(index), row);
                object.insert(field.name().clone(), child);
            }
            Value::Object(object)
        }
        DataType::Map(entries, _) => {
            let pairs = array.as_map().value(row);
            let DataType::Struct(fields) = entries.data_type() else {
                panic!("{entries}")
            };
            let keys = values(&fields[0], pairs.column(0));
            let items = values(&fields[1], pairs.column(1));
            let mut pairs: Vec<(String, Value)> = keys
                .into_iter()
                .zip(items)
                .map(|(key, item)| (ascii_json(&key), json!([key, item])))
                .collect();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Array(pairs.into_iter().map(|(_, pair)| pair).collect())
        }
        other => panic!("no table has a column of type {other}"),
    }
}

fn z(zone: &Option<std::sync::Arc<str>>) -> &'static str {
    if zone.is_some() { "Z" } else { "" }
}

fn is_uuid(field: &Field) -> bool {
    field
        .metadata()
        .get("ARROW:extension:name")
        .is_some_and(|name| name == "arrow.uuid")
}

/// The order of map keys in the files is that of JSON escaped to ASCII.
fn ascii_json(key: &Value) -> String {
    let mut out = String::new();
    for unit in key.to_string().encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c) if c.is_ascii() => out.push(c),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

/// The shortest digits that give the same double, with an exponent where Python writes one.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value:?}")
}

fn decimal_text(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap();
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn uuid_text(bytes: &[u8]) -> String {
    let digits = hex(bytes);
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}
