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
    let (min, max) = source_range(transform, &result, source);
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
        source_range(transform, &Value::Int(value), &PrimitiveType::Date)
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
        range(&Transform::Year, -1),
        (days("1969-01-01"), days("1969-12-31"))
    );
    assert_eq!(
        range(&Transform::Month, 361),
        (days("2000-02-01"), days("2000-02-29"))
    );
    assert_eq!(
        range(&Transform::Month, -1),
        (days("1969-12-01"), days("1969-12-31"))
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
            let _ = source_range(&transform, &Value::Int(hostile), &PrimitiveType::Timestamp);
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
            &PrimitiveType::String
        ),
        (
            Some(Datum::String("ab".into())),
            Some(Datum::String("ab".into()))
        )
    );
}
