//! One value, exact, in the representation of the column it is compared with.

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
