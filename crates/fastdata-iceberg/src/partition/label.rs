//! How a partition is shown to people.

use std::fmt::Write as _;

use super::{PartitionSpec, RawValue, SourceTypes, Transform, Tuple};
use crate::schema::PrimitiveType;
use crate::value::{NANOS_PER_DAY, Value};

/// `name=value` for each field of the spec, joined by `/`.
pub(crate) fn label(spec: &PartitionSpec, tuple: &Tuple, types: &SourceTypes) -> String {
    let mut label = String::new();
    for (index, field) in spec.fields.iter().enumerate() {
        if index > 0 {
            label.push('/');
        }
        label.push_str(&field.name);
        label.push('=');
        let raw = tuple.0.get(index).unwrap_or(&RawValue::Missing);
        let source = types.get(field.source_id);
        let result = source.and_then(|source| field.transform.result(source));
        match result.and_then(|result| Some((raw.typed(&result)?, result))) {
            Some((value, result)) => {
                push_value(&mut label, &field.transform, &value, &result);
            }
            None => push_raw(&mut label, raw),
        }
    }
    label
}

fn push_value(label: &mut String, transform: &Transform, value: &Value, of: &PrimitiveType) {
    use PrimitiveType as P;
    // Writing to a String cannot fail.
    let _ = match (transform, value) {
        (Transform::Year, Value::Int(years)) => write!(label, "{}", 1970i64.saturating_add(*years)),
        (Transform::Month, Value::Int(months)) => {
            let year = 1970i64.saturating_add(months.div_euclid(12));
            write!(label, "{year}-{:02}", months.rem_euclid(12) + 1)
        }
        (Transform::Hour, Value::Int(hours)) => {
            push_days(label, hours.div_euclid(24));
            write!(label, "-{:02}", hours.rem_euclid(24))
        }
        (_, Value::Int(value)) => {
            match of {
                P::Date => push_days(label, *value),
                P::Time => push_time(label, i128::from(*value) * 1000),
                P::Timestamp | P::TimestampTz => push_instant(label, i128::from(*value) * 1000),
                P::TimestampNs | P::TimestampTzNs => push_instant(label, i128::from(*value)),
                _ => label.push_str(&value.to_string()),
            }
            Ok(())
        }
        (_, Value::Decimal(value)) => {
            let P::Decimal { scale, .. } = of else { return };
            push_decimal(label, *value, usize::from(scale.unsigned_abs()));
            Ok(())
        }
        (_, Value::Boolean(value)) => write!(label, "{value}"),
        (_, Value::Float(value)) => write!(label, "{value}"),
        (_, Value::Double(value)) => write!(label, "{value}"),
        (_, Value::String(value)) => write!(label, "{value}"),
        (_, Value::Bytes(bytes)) => {
            match (of, <[u8; 16]>::try_from(bytes.as_slice())) {
                (P::Uuid, Ok(bytes)) => label.push_str(&uuid::Uuid::from_bytes(bytes).to_string()),
                _ => push_hex(label, bytes),
            }
            Ok(())
        }
    };
}

fn push_raw(label: &mut String, raw: &RawValue) {
    let _ = match raw {
        RawValue::Missing => write!(label, "?"),
        RawValue::Null => write!(label, "null"),
        RawValue::Boolean(value) => write!(label, "{value}"),
        RawValue::Int(value) => write!(label, "{value}"),
        RawValue::Long(value) => write!(label, "{value}"),
        RawValue::Float(value) => write!(label, "{value}"),
        RawValue::Double(value) => write!(label, "{value}"),
        RawValue::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write!(label, "{text}"),
            Err(_) => {
                push_hex(label, bytes);
                Ok(())
            }
        },
    };
}

fn push_hex(label: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(label, "{byte:02x}");
    }
}

fn push_days(label: &mut String, days: i64) {
    let date = chrono::TimeDelta::try_days(days)
        .and_then(|days| chrono::NaiveDate::default().checked_add_signed(days));
    let _ = match date {
        Some(date) => write!(label, "{date}"),
        None => write!(label, "{days} days"),
    };
}

fn push_time(label: &mut String, nanos: i128) {
    let seconds = nanos.div_euclid(1_000_000_000);
    let (hours, minutes) = (
        seconds.div_euclid(3600),
        seconds.div_euclid(60).rem_euclid(60),
    );
    let _ = write!(
        label,
        "{hours:02}:{minutes:02}:{:02}",
        seconds.rem_euclid(60)
    );
    let fraction = nanos.rem_euclid(1_000_000_000);
    if fraction != 0 {
        let digits = format!("{fraction:09}");
        let _ = write!(label, ".{}", digits.trim_end_matches('0'));
    }
}

fn push_instant(label: &mut String, nanos: i128) {
    push_days(
        label,
        i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).unwrap_or(i64::MAX),
    );
    label.push('T');
    push_time(label, nanos.rem_euclid(NANOS_PER_DAY));
}

fn push_decimal(label: &mut String, unscaled: i128, scale: usize) {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    let _ = write!(label, "{sign}{whole}{point}{fraction}");
}
