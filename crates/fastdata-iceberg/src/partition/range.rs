//! The way back through a transform: which column values a partition's value may stand for.

use arrow_buffer::i256;
use fastdata_kernels::predicate::Datum;

use super::Transform;
use crate::schema::PrimitiveType;
use crate::value::{NANOS_PER_DAY, Value};

/// The least and the greatest value that a column of type `source` may have where the transform
/// gives `lower`, `upper` or something in between; `None` where there is no such bound. The
/// greatest may be loose.
pub(super) fn source_range(
    transform: &Transform,
    lower: &Value,
    upper: &Value,
    source: &PrimitiveType,
) -> (Option<Datum>, Option<Datum>) {
    if let (Transform::Truncate(width), Value::Int(lower), Value::Int(upper)) =
        (transform, lower, upper)
        && may_have_wrapped(*width, *lower, *upper, source)
    {
        return (None, None);
    }
    let min = match lower {
        Value::Int(period) if *period <= 0 && was_rounded_up(transform, source) => {
            let before = Value::Int(period.saturating_sub(1));
            range_of_one(transform, &before, source).0
        }
        _ => range_of_one(transform, lower, source).0,
    };
    (min, range_of_one(transform, upper, source).1)
}

/// Whether some writers (Java up to 0.10, Rust for parts of a second) round to the epoch, and so
/// put times before 1970 into the period after their own.
fn was_rounded_up(transform: &Transform, source: &PrimitiveType) -> bool {
    match transform {
        Transform::Year | Transform::Month | Transform::Hour => true,
        Transform::Day => *source != PrimitiveType::Date,
        _ => false,
    }
}

/// Whether values at the other end of the type may be in a truncated partition from `lower` to
/// `upper`.
///
/// Truncating the least values of a type falls below it, and writers then wrap around to just
/// above `MAX - width`. A partition of longs may date from when the column was an int.
fn may_have_wrapped(width: u32, lower: i64, upper: i64, source: &PrimitiveType) -> bool {
    // Twice the width no longer fits an int, so that the remainder itself was wrapped.
    if width > 1 << 30 {
        return true;
    }
    let in_reach = |max: i64| lower <= max && upper > max - (i64::from(width) - 1);
    let as_int = in_reach(i64::from(i32::MAX));
    as_int || (*source == PrimitiveType::Long && in_reach(i64::MAX))
}

fn range_of_one(
    transform: &Transform,
    value: &Value,
    source: &PrimitiveType,
) -> (Option<Datum>, Option<Datum>) {
    match (transform, value) {
        (Transform::Identity, _) => (value.to_datum(source), value.to_datum(source)),
        (Transform::Year, Value::Int(years)) => {
            let months = |years: i64| first_of_month(years.checked_mul(12)?);
            day_range(
                months(*years),
                years.checked_add(1).and_then(months),
                source,
            )
        }
        (Transform::Month, Value::Int(months)) => {
            let next = months.checked_add(1).and_then(first_of_month);
            day_range(first_of_month(*months), next, source)
        }
        (Transform::Day, Value::Int(days)) => day_range(Some(*days), days.checked_add(1), source),
        (Transform::Hour, Value::Int(hours)) if is_instant(source) => {
            let start = i128::from(*hours) * (NANOS_PER_DAY / 24);
            let end = start + NANOS_PER_DAY / 24 - 1;
            (Some(Datum::Timestamp(start)), Some(Datum::Timestamp(end)))
        }
        (Transform::Truncate(width), _) => truncate_range(*width, value, source),
        _ => (None, None),
    }
}

/// From the first day to the last before `next`, as dates or as instants.
fn day_range(
    first: Option<i64>,
    next: Option<i64>,
    source: &PrimitiveType,
) -> (Option<Datum>, Option<Datum>) {
    let (Some(first), Some(next)) = (first, next) else {
        return (None, None);
    };
    if *source == PrimitiveType::Date {
        let date = |days: i64| i32::try_from(days).ok().map(Datum::Date);
        return (date(first), date(next - 1));
    }
    if !is_instant(source) {
        return (None, None);
    }
    let instant = |days: i64| i128::from(days) * NANOS_PER_DAY;
    (
        Some(Datum::Timestamp(instant(first))),
        Some(Datum::Timestamp(instant(next) - 1)),
    )
}

fn is_instant(source: &PrimitiveType) -> bool {
    matches!(
        source,
        PrimitiveType::Timestamp
            | PrimitiveType::TimestampTz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestampTzNs
    )
}

/// Days since the epoch of the first day of a month, counted in months since the epoch.
///
/// By hand, since a hostile month may lie outside of what a calendar library accepts.
fn first_of_month(months: i64) -> Option<i64> {
    // Years begin in March here, so that the leap day is the last of its year.
    let from_march = months.checked_add(1970 * 12 - 2)?;
    let (year, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let days_before_month = (month * 153 + 2) / 5;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year.checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(days_before_month)?
        .checked_sub(719_468)
}

fn truncate_range(
    width: u32,
    value: &Value,
    source: &PrimitiveType,
) -> (Option<Datum>, Option<Datum>) {
    let min = value.to_datum(source);
    let span = i128::from(width).saturating_sub(1);
    let max = match value {
        Value::Int(value) => match source {
            PrimitiveType::Int | PrimitiveType::Long => Some(Datum::Int(i128::from(*value) + span)),
            _ => None,
        },
        Value::Decimal(value) => value
            .checked_add(span)
            .map(|greatest| Datum::Decimal(i256::from_i128(greatest))),
        // Shorter than the width, it was not truncated.
        Value::String(text) if text.chars().count() < width as usize => min.clone(),
        Value::String(text) => after_all_with_prefix(text).map(Datum::String),
        Value::Bytes(bytes) if bytes.len() < width as usize => min.clone(),
        Value::Bytes(bytes) => bytes_after_prefix(bytes).map(Datum::Binary),
        Value::Boolean(_) | Value::Float(_) | Value::Double(_) => None,
    };
    (min, max)
}

/// The least text that is greater than all that begin with `prefix`.
fn after_all_with_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            // Surrogates are no characters.
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn bytes_after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix.get(..=kept)?.to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

#[cfg(test)]
mod tests;
