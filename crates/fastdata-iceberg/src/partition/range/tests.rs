//! The ranges against the transforms done forward, value by value.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;

use super::*;

/// The transform as the table format describes it, done forward.
fn apply(transform: &Transform, value: &Value, source: &PrimitiveType) -> Value {
    let days = |value: i64| match source {
        PrimitiveType::Date => value,
        PrimitiveType::Timestamp => value.div_euclid(86_400_000_000),
        _ => value.div_euclid(86_400_000_000_000),
    };
    let date = |value: i64| {
        NaiveDate::default()
            .checked_add_signed(chrono::TimeDelta::days(days(value)))
            .unwrap()
    };
    match (transform, value) {
        (Transform::Identity, _) => value.clone(),
        (Transform::Year, Value::Int(value)) => Value::Int(i64::from(date(*value).year()) - 1970),
        (Transform::Month, Value::Int(value)) => {
            let date = date(*value);
            Value::Int((i64::from(date.year()) - 1970) * 12 + i64::from(date.month0()))
        }
        (Transform::Day, Value::Int(value)) => Value::Int(days(*value)),
        (Transform::Hour, Value::Int(value)) => {
            let per_hour = if *source == PrimitiveType::Timestamp {
                3_600_000_000
            } else {
                3_600_000_000_000
            };
            Value::Int(value.div_euclid(per_hour))
        }
        (Transform::Truncate(width), Value::Int(value)) => {
            Value::Int(value - value.rem_euclid(i64::from(*width)))
        }
        (Transform::Truncate(width), Value::Decimal(value)) => {
            Value::Decimal(value - value.rem_euclid(i128::from(*width)))
        }
        (Transform::Truncate(width), Value::String(value)) => {
            Value::String(value.chars().take(*width as usize).collect())
        }
        (Transform::Truncate(width), Value::Bytes(value)) => {
            Value::Bytes(value.iter().take(*width as usize).copied().collect())
        }
        _ => unreachable!("no such pair in these tests"),
    }
}

fn holds(transform: &Transform, value: &Value, source: &PrimitiveType) {
    let result = apply(transform, value, source);
    let (min, max) = source_range(transform, &result, &result, source);
    let datum = value.to_datum(source).unwrap();
    let min = min.expect("a least value");
    assert!(
        min.compare(&datum).is_some_and(Ordering::is_le),
        "{transform} {datum:?} {min:?}"
    );
    if let Some(max) = max {
        assert!(
            max.compare(&datum).is_some_and(Ordering::is_ge),
            "{transform} {datum:?} {max:?}"
        );
    }
}

proptest! {
    #[test]
    fn every_value_lies_in_the_range_of_its_partition(
        instant in -4_000_000_000_000_000i64..4_000_000_000_000_000,
        days in -700_000i32..700_000,
        number: i32,
        text in "\\PC{0,6}",
        bytes in proptest::collection::vec(any::<u8>(), 0..6),
        width in 1u32..5,
    ) {
        let times = [Transform::Year, Transform::Month, Transform::Day];
        for transform in &times {
            holds(transform, &Value::Int(i64::from(days)), &PrimitiveType::Date);
        }
        for transform in times.iter().chain([&Transform::Hour]) {
            holds(transform, &Value::Int(instant), &PrimitiveType::Timestamp);
            holds(transform, &Value::Int(instant), &PrimitiveType::TimestampNs);
        }
        let truncate = Transform::Truncate(width);
        holds(&truncate, &Value::Int(i64::from(number)), &PrimitiveType::Long);
        let decimal = PrimitiveType::Decimal { precision: 12, scale: 2 };
        holds(&truncate, &Value::Decimal(i128::from(number)), &decimal);
        holds(&truncate, &Value::String(text), &PrimitiveType::String);
        holds(&truncate, &Value::Bytes(bytes), &PrimitiveType::Binary);
    }
}

#[test]
fn ranges_end_where_the_next_partition_begins() {
    let range = |transform: &Transform, value: i64| {
        let value = Value::Int(value);
        source_range(transform, &value, &value, &PrimitiveType::Date)
    };
    let days = |text: &str| {
        let date: NaiveDate = text.parse().unwrap();
        Some(Datum::Date(
            date.signed_duration_since(NaiveDate::default()).num_days() as i32,
        ))
    };
    assert_eq!(
        range(&Transform::Year, 30),
        (days("2000-01-01"), days("2000-12-31"))
    );
    assert_eq!(
        range(&Transform::Year, 1),
        (days("1971-01-01"), days("1971-12-31"))
    );
    assert_eq!(
        range(&Transform::Month, 361),
        (days("2000-02-01"), days("2000-02-29"))
    );
    assert_eq!(
        range(&Transform::Month, 1),
        (days("1970-02-01"), days("1970-02-28"))
    );
    assert_eq!(
        range(&Transform::Day, 0),
        (days("1970-01-01"), days("1970-01-01"))
    );
    for hostile in [i64::MAX, i64::MIN, i64::MAX / 12, i64::MIN / 12] {
        for transform in [
            Transform::Year,
            Transform::Month,
            Transform::Day,
            Transform::Hour,
        ] {
            let value = Value::Int(hostile);
            let _ = source_range(&transform, &value, &value, &PrimitiveType::Timestamp);
            let _ = range(&transform, hostile);
        }
    }
}

#[test]
fn the_text_after_a_prefix_is_a_text() {
    assert_eq!(after_all_with_prefix("ab").as_deref(), Some("ac"));
    assert_eq!(after_all_with_prefix("a\u{10ffff}").as_deref(), Some("b"));
    assert_eq!(
        after_all_with_prefix("\u{d7ff}").as_deref(),
        Some("\u{e000}")
    );
    assert_eq!(after_all_with_prefix("\u{10ffff}"), None);
    assert_eq!(bytes_after_prefix(&[1, 0xff]), Some(vec![2]));
    assert_eq!(bytes_after_prefix(&[0xff]), None);
    assert_eq!(
        source_range(
            &Transform::Truncate(3),
            &Value::String("ab".into()),
            &Value::String("ab".into()),
            &PrimitiveType::String
        ),
        (
            Some(Datum::String("ab".into())),
            Some(Datum::String("ab".into()))
        )
    );
}

/// Truncation of an int as writers do it, in 32 bits that wrap.
fn truncate_int(value: i32, width: i32) -> i64 {
    let rest = (value % width).wrapping_add(width) % width;
    i64::from(value.wrapping_sub(rest))
}

/// The same of a long.
fn truncate_long(value: i64, width: i64) -> i64 {
    value.wrapping_sub((value % width + width) % width)
}

#[track_caller]
fn truncated_to(value: i64, partition: i64, width: i32, source: &PrimitiveType) {
    let transform = Transform::Truncate(width.unsigned_abs());
    let other = Value::Int(partition.min(0));
    for (lower, upper) in [
        (Value::Int(partition), Value::Int(partition)),
        // A summary of this partition and of one before it.
        (other, Value::Int(partition)),
    ] {
        let (min, max) = source_range(&transform, &lower, &upper, source);
        let datum = Datum::Int(i128::from(value));
        let holds = min.is_none_or(|min| min.compare(&datum).is_some_and(Ordering::is_le))
            && max.is_none_or(|max| max.compare(&datum).is_some_and(Ordering::is_ge));
        assert!(holds, "{value} in {partition} of {transform} on {source}");
    }
}

#[test]
fn truncation_that_wraps_decides_nothing() {
    use PrimitiveType::{Int, Long};
    assert_eq!(
        truncate_long(i64::MIN, 1000),
        9_223_372_036_854_775_616,
        "what Iceberg writes"
    );
    for width in [1, 2, 3, 10, 1000, 1 << 30, (1 << 30) + 1, i32::MAX] {
        let near = (-20..20).chain([-i64::from(width), i64::from(width)]);
        for offset in near.flat_map(|offset| [offset, offset * 7]) {
            for edge in [i32::MIN, 0, i32::MAX] {
                let Ok(value) = i32::try_from(i64::from(edge) + offset) else {
                    continue;
                };
                let partition = truncate_int(value, width);
                truncated_to(i64::from(value), partition, width, &Int);
                // The column became a long later.
                truncated_to(i64::from(value), partition, width, &Long);
            }
            for edge in [
                i64::MIN,
                i64::from(i32::MIN),
                0,
                i64::from(i32::MAX),
                i64::MAX,
            ] {
                let Some(value) = edge.checked_add(offset) else {
                    continue;
                };
                let partition = truncate_long(value, i64::from(width));
                truncated_to(value, partition, width, &Long);
            }
        }
    }
}

#[test]
fn truncation_that_cannot_wrap_still_decides() {
    use PrimitiveType::{Int, Long};
    let range = |value: i64, width, source: &PrimitiveType| {
        let value = Value::Int(value);
        source_range(&Transform::Truncate(width), &value, &value, source)
    };
    let ints = |min: i128, max: i128| (Some(Datum::Int(min)), Some(Datum::Int(max)));
    assert_eq!(range(0, 10, &Int), ints(0, 9));
    assert_eq!(range(-10, 10, &Long), ints(-10, -1));
    let last = i64::from(i32::MAX) - 9;
    assert_eq!(range(last, 10, &Int), ints(last.into(), i32::MAX.into()));
    assert_eq!(range(last + 1, 10, &Int), (None, None));
    let last = i64::MAX - 9;
    assert_eq!(range(last, 10, &Long), ints(last.into(), i64::MAX.into()));
    assert_eq!(range(last + 1, 10, &Long), (None, None));
    assert_eq!(range(1 << 40, 10, &Long), ints(1 << 40, (1 << 40) + 9));
    assert_eq!(
        range(i64::MAX, 1, &Long),
        ints(i64::MAX.into(), i64::MAX.into())
    );
}

#[test]
fn periods_before_1970_may_hold_the_one_before() {
    let range = |transform: Transform, period: i64, source: PrimitiveType| {
        let period = Value::Int(period);
        source_range(&transform, &period, &period, &source)
    };
    let date = |days: i32| Some(Datum::Date(days));
    let second = |seconds: i128| Some(Datum::Timestamp(seconds * 1_000_000_000));
    let before = |seconds: i128| Some(Datum::Timestamp(seconds * 1_000_000_000 - 1));
    use PrimitiveType::{Date, Timestamp};
    assert_eq!(range(Transform::Year, -1, Date), (date(-731), date(-1)));
    assert_eq!(range(Transform::Year, 0, Date), (date(-365), date(364)));
    assert_eq!(range(Transform::Month, -1, Date), (date(-61), date(-1)));
    assert_eq!(range(Transform::Day, -1, Date), (date(-1), date(-1)));
    assert_eq!(
        range(Transform::Day, -1, Timestamp),
        (second(-2 * 86_400), before(0))
    );
    assert_eq!(
        range(Transform::Hour, 0, Timestamp),
        (second(-3600), before(3600))
    );
    assert_eq!(
        range(Transform::Hour, 1, Timestamp),
        (second(3600), before(7200))
    );
}
