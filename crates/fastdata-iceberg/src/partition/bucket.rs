//! The bucket transform's hash: 32-bit Murmur3, seed 0, over one representation per kind of value.

use fastdata_kernels::predicate::Datum;

use crate::schema::PrimitiveType;
use crate::value::{Value, minimal_be};

/// The hash of a value of type `of`; `None` for types that cannot be bucketed.
pub(crate) fn hash(value: &Value, of: &PrimitiveType) -> Option<u32> {
    Some(match (value, of) {
        (Value::Int(value), PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs) => {
            hash_long(value.div_euclid(1000))
        }
        (Value::Int(value), _) => hash_long(*value),
        (Value::Decimal(value), _) => murmur3(&minimal_be(*value)),
        (Value::String(value), _) => murmur3(value.as_bytes()),
        (Value::Bytes(value), _) => murmur3(value),
        (Value::Boolean(_) | Value::Float(_) | Value::Double(_), _) => return None,
    })
}

/// What a literal says about buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiteralHash {
    /// Rows that equal it hash to this.
    Hash(u32),
    /// No row can equal it: the column's unit is too coarse to hold it.
    NoRow,
    /// Nothing is known.
    Unknown,
}

impl LiteralHash {
    /// The hash of a literal that is compared with a column of type `of`.
    pub(crate) fn of(datum: &Datum, of: &PrimitiveType) -> Self {
        let value = match (datum, of) {
            (Datum::Int(value), PrimitiveType::Int | PrimitiveType::Long) => {
                match i64::try_from(*value) {
                    Ok(value) => Value::Int(value),
                    Err(_) => return Self::NoRow,
                }
            }
            (Datum::Date(days), PrimitiveType::Date) => Value::Int(i64::from(*days)),
            (Datum::Time(nanos), PrimitiveType::Time) => match nanos % 1000 {
                0 => Value::Int(nanos / 1000),
                _ => return Self::NoRow,
            },
            (Datum::Timestamp(nanos), PrimitiveType::Timestamp | PrimitiveType::TimestampTz) => {
                match (nanos % 1000, i64::try_from(nanos / 1000)) {
                    (0, Ok(micros)) => Value::Int(micros),
                    _ => return Self::NoRow,
                }
            }
            (
                Datum::Timestamp(nanos),
                PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs,
            ) => match i64::try_from(*nanos) {
                Ok(nanos) => Value::Int(nanos),
                Err(_) => return Self::NoRow,
            },
            (Datum::Decimal(value), PrimitiveType::Decimal { .. }) => match value.to_i128() {
                Some(value) => Value::Decimal(value),
                None => return Self::NoRow,
            },
            (Datum::String(value), PrimitiveType::String) => Value::String(value.clone()),
            (
                Datum::Binary(value),
                PrimitiveType::Binary | PrimitiveType::Fixed(_) | PrimitiveType::Uuid,
            ) => Value::Bytes(value.clone()),
            _ => return Self::Unknown,
        };
        hash(&value, of).map_or(Self::Unknown, Self::Hash)
    }
}

fn hash_long(value: i64) -> u32 {
    murmur3(&value.to_le_bytes())
}

/// Murmur3, x86, 32 bits, seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |word: u32| {
        word.wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let words = bytes.chunks_exact(4);
    let tail = words.remainder();
    let mut hash = 0u32;
    for word in words {
        let word = word.try_into().map_or(0, u32::from_le_bytes);
        hash = (hash ^ scramble(word))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let word = tail
            .iter()
            .rev()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        hash ^= scramble(word);
    }
    // The algorithm takes the length modulo 2^32.
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of the table format's appendix on hashing.
    #[test]
    fn hashes_are_those_of_the_specification() {
        let check = |value: Value, of: PrimitiveType, expected: i32| {
            assert_eq!(
                hash(&value, &of).map(u32::cast_signed),
                Some(expected),
                "{value:?}"
            );
        };
        let decimal = PrimitiveType::Decimal {
            precision: 9,
            scale: 2,
        };
        check(Value::Int(34), PrimitiveType::Int, 2_017_239_379);
        check(Value::Int(34), PrimitiveType::Long, 2_017_239_379);
        check(Value::Decimal(1420), decimal, -500_754_589);
        check(Value::Int(17_486), PrimitiveType::Date, -653_330_422);
        check(
            Value::Int(81_068_000_000),
            PrimitiveType::Time,
            -662_762_989,
        );
        check(
            Value::Int(1_510_871_468_000_000),
            PrimitiveType::Timestamp,
            -2_047_944_441,
        );
        check(
            Value::Int(1_510_871_468_000_001),
            PrimitiveType::TimestampTz,
            -1_207_196_810,
        );
        check(
            Value::Int(1_510_871_468_000_001_001),
            PrimitiveType::TimestampNs,
            -1_207_196_810,
        );
        check(
            Value::String("iceberg".into()),
            PrimitiveType::String,
            1_210_000_089,
        );
        let uuid = uuid::Uuid::parse_str("f79c3e09-677c-4bbd-a479-3f349cb785e7").unwrap();
        check(
            Value::Bytes(uuid.as_bytes().to_vec()),
            PrimitiveType::Uuid,
            1_488_055_340,
        );
        check(
            Value::Bytes(vec![0, 1, 2, 3]),
            PrimitiveType::Binary,
            -188_683_207,
        );
        check(
            Value::Bytes(vec![0, 1, 2, 3]),
            PrimitiveType::Fixed(4),
            -188_683_207,
        );
    }

    #[test]
    fn literals_hash_like_the_rows_that_equal_them() {
        let micros = Datum::Timestamp(1_510_871_468_000_001_000);
        let expected = LiteralHash::Hash(hash_long(1_510_871_468_000_001));
        assert_eq!(
            LiteralHash::of(&micros, &PrimitiveType::Timestamp),
            expected
        );
        let finer = Datum::Timestamp(1_510_871_468_000_001_001);
        assert_eq!(
            LiteralHash::of(&finer, &PrimitiveType::Timestamp),
            LiteralHash::NoRow
        );
        assert_eq!(
            LiteralHash::of(&finer, &PrimitiveType::TimestampNs),
            expected
        );
        assert_eq!(
            LiteralHash::of(&Datum::Int(34), &PrimitiveType::Int),
            LiteralHash::Hash(2_017_239_379)
        );
        assert_eq!(
            LiteralHash::of(&Datum::Float(1.0), &PrimitiveType::Double),
            LiteralHash::Unknown
        );
    }
}
