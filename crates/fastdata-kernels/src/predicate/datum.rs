//! One value, exact, in the representation of the column it is compared with.

use std::cmp::Ordering;

/// A non-null value in its column's own representation.
///
/// Two datums are comparable when they are the same variant (and, for decimals and timestamps,
/// were bound to the same column): the bind step guarantees it for predicates, and whoever fills
/// [`super::ColumnFacts`] converts statistics to the same representation first.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// `Boolean`
    Boolean(bool),
    /// Signed and unsigned integers of every width.
    Int(i128),
    /// `Float16`, `Float32` and `Float64`, widened without loss.
    Float(f64),
    /// Decimals of up to 256 bits at the column's own scale, big-endian two's complement kept as
    /// an `i256`.
    Decimal(arrow_buffer::i256),
    /// `Date32` and `Date64` as days since 1970-01-01.
    Date(i32),
    /// Time of day in nanoseconds.
    Time(i64),
    /// Nanoseconds since the epoch, UTC when the column has a zone, whatever the column's unit.
    Timestamp(i128),
    /// `Utf8` in all its layouts, dictionaries included.
    String(String),
    /// `Binary` in all its layouts, fixed-size binary and UUIDs.
    Binary(Vec<u8>),
}

impl Datum {
    /// The order of predicates: NaN equals NaN and is greater than every other number, `-0.0`
    /// equals `0.0`, strings and binary compare by their bytes, false is less than true. `None` for
    /// datums of different variants.
    pub fn compare(&self, other: &Datum) -> Option<Ordering> {
        Some(match (self, other) {
            (Datum::Boolean(a), Datum::Boolean(b)) => a.cmp(b),
            (Datum::Int(a), Datum::Int(b)) => a.cmp(b),
            (Datum::Float(a), Datum::Float(b)) => compare_floats(*a, *b),
            (Datum::Decimal(a), Datum::Decimal(b)) => a.cmp(b),
            (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
            (Datum::Time(a), Datum::Time(b)) => a.cmp(b),
            (Datum::Timestamp(a), Datum::Timestamp(b)) => a.cmp(b),
            (Datum::String(a), Datum::String(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Datum::Binary(a), Datum::Binary(b)) => a.cmp(b),
            _ => return None,
        })
    }

    /// True for a float that is not a number.
    pub fn is_nan(&self) -> bool {
        matches!(self, Datum::Float(value) if value.is_nan())
    }
}

/// See [`Datum::compare`].
pub(super) fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
