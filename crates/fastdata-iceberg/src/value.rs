//! One non-null value of a primitive type: what partition tuples, bounds and defaults hold.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int32Array, Int64Array, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow_buffer::i256;
use fastdata_kernels::predicate::Datum;

use crate::schema::{PrimitiveType, StringLayout, Type, type_to_arrow};
use crate::{Error, Result};

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;
pub(crate) const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// A non-null value. Which type it has is said beside it: an `Int` stands for every type that is
/// a whole number inside (int, long, date, time and the timestamps, each in its own unit).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `boolean`
    Boolean(bool),
    /// Every type that is a whole number inside.
    Int(i64),
    /// `float`
    Float(f32),
    /// `double`
    Double(f64),
    /// A decimal's digits, without its scale.
    Decimal(i128),
    /// `string`
    String(String),
    /// Binary, fixed and uuid.
    Bytes(Vec<u8>),
}

impl Value {
    /// The value that `bytes` hold in Iceberg's single-value binary form, as a value of `target`.
    ///
    /// The width may be that of the type before a promotion: bounds and defaults are not
    /// rewritten when a column is widened. `None` when the bytes do not fit the type at all; a
    /// bound is a hint, so whoever asks treats that as no bound.
    pub(crate) fn from_binary(bytes: &[u8], target: &PrimitiveType) -> Option<Value> {
        Some(match target {
            PrimitiveType::Boolean => Value::Boolean(match bytes {
                [0] => false,
                [_] => true,
                _ => return None,
            }),
            PrimitiveType::Int | PrimitiveType::Date => {
                Value::Int(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)))
            }
            PrimitiveType::Long => Value::Int(whole_number(bytes)?),
            PrimitiveType::Time => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            PrimitiveType::Timestamp | PrimitiveType::TimestampTz => match bytes.len() {
                4 => Value::Int(whole_number(bytes)?.checked_mul(MICROS_PER_DAY)?),
                _ => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            },
            PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs => match bytes.len() {
                4 => Value::Int(whole_number(bytes)?.checked_mul(MICROS_PER_DAY * 1000)?),
                _ => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            },
            PrimitiveType::Float => Value::Float(f32::from_le_bytes(bytes.try_into().ok()?)),
            PrimitiveType::Double => Value::Double(match bytes.len() {
                4 => f64::from(f32::from_le_bytes(bytes.try_into().ok()?)),
                _ => f64::from_le_bytes(bytes.try_into().ok()?),
            }),
            PrimitiveType::Decimal { .. } => Value::Decimal(decimal_from_be(bytes)?),
            PrimitiveType::String => Value::String(std::str::from_utf8(bytes).ok()?.to_owned()),
            PrimitiveType::Uuid => Value::Bytes((bytes.len() == 16).then(|| bytes.to_vec())?),
            PrimitiveType::Fixed(_) | PrimitiveType::Binary => Value::Bytes(bytes.to_vec()),
            PrimitiveType::Unknown
            | PrimitiveType::Variant
            | PrimitiveType::Geometry(_)
            | PrimitiveType::Geography(_) => return None,
        })
    }

    /// Iceberg's single-value binary form of a value of type `of`.
    pub(crate) fn to_binary(&self, of: &PrimitiveType) -> Vec<u8> {
        match self {
            Value::Boolean(value) => vec![u8::from(*value)],
            Value::Int(value) => match (of, i32::try_from(*value)) {
                (PrimitiveType::Int | PrimitiveType::Date, Ok(narrow)) => {
                    narrow.to_le_bytes().to_vec()
                }
                _ => value.to_le_bytes().to_vec(),
            },
            Value::Float(value) => value.to_le_bytes().to_vec(),
            Value::Double(value) => value.to_le_bytes().to_vec(),
            Value::Decimal(value) => minimal_be(*value),
            Value::String(value) => value.as_bytes().to_vec(),
            Value::Bytes(value) => value.clone(),
        }
    }

    /// The value as predicates compare it, for a column of type `of`.
    pub(crate) fn to_datum(&self, of: &PrimitiveType) -> Option<Datum> {
        Some(match (self, of) {
            (Value::Boolean(value), PrimitiveType::Boolean) => Datum::Boolean(*value),
            (Value::Int(value), PrimitiveType::Int | PrimitiveType::Long) => {
                Datum::Int(i128::from(*value))
            }
            (Value::Int(value), PrimitiveType::Date) => Datum::Date(i32::try_from(*value).ok()?),
            (Value::Int(value), PrimitiveType::Time) => Datum::Time(value.checked_mul(1000)?),
            (Value::Int(value), PrimitiveType::Timestamp | PrimitiveType::TimestampTz) => {
                Datum::Timestamp(i128::from(*value) * 1000)
            }
            (Value::Int(value), PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs) => {
                Datum::Timestamp(i128::from(*value))
            }
            (Value::Float(value), PrimitiveType::Float | PrimitiveType::Double) => {
                Datum::Float(f64::from(*value))
            }
            (Value::Double(value), PrimitiveType::Double) => Datum::Float(*value),
            (Value::Decimal(value), PrimitiveType::Decimal { .. }) => {
                Datum::Decimal(i256::from_i128(*value))
            }
            (Value::String(value), PrimitiveType::String) => Datum::String(value.clone()),
            (
                Value::Bytes(value),
                PrimitiveType::Uuid | PrimitiveType::Fixed(_) | PrimitiveType::Binary,
            ) => Datum::Binary(value.clone()),
            _ => return None,
        })
    }

    /// An array of one value, of the Arrow type of `of`.
    pub(crate) fn to_array(&self, of: &PrimitiveType) -> Result<ArrayRef> {
        let mismatch = || Error::corrupt(format!("a value that is not a {of}"));
        let narrow = |value: i64| i32::try_from(value).map_err(|_| mismatch());
        Ok(match (self, of) {
            (Value::Boolean(value), PrimitiveType::Boolean) => {
                Arc::new(BooleanArray::from(vec![*value]))
            }
            (Value::Int(value), PrimitiveType::Int) => {
                Arc::new(Int32Array::from(vec![narrow(*value)?]))
            }
            (Value::Int(value), PrimitiveType::Date) => {
                Arc::new(Date32Array::from(vec![narrow(*value)?]))
            }
            (Value::Int(value), PrimitiveType::Long) => Arc::new(Int64Array::from(vec![*value])),
            (Value::Int(value), PrimitiveType::Time) => {
                Arc::new(Time64MicrosecondArray::from(vec![*value]))
            }
            (Value::Int(value), PrimitiveType::Timestamp) => {
                Arc::new(TimestampMicrosecondArray::from(vec![*value]))
            }
            (Value::Int(value), PrimitiveType::TimestampTz) => {
                Arc::new(TimestampMicrosecondArray::from(vec![*value]).with_timezone("UTC"))
            }
            (Value::Int(value), PrimitiveType::TimestampNs) => {
                Arc::new(TimestampNanosecondArray::from(vec![*value]))
            }
            (Value::Int(value), PrimitiveType::TimestampTzNs) => {
                Arc::new(TimestampNanosecondArray::from(vec![*value]).with_timezone("UTC"))
            }
            (Value::Float(value), PrimitiveType::Float) => {
                Arc::new(Float32Array::from(vec![*value]))
            }
            (Value::Float(value), PrimitiveType::Double) => {
                Arc::new(Float64Array::from(vec![f64::from(*value)]))
            }
            (Value::Double(value), PrimitiveType::Double) => {
                Arc::new(Float64Array::from(vec![*value]))
            }
            (Value::Decimal(value), PrimitiveType::Decimal { precision, scale }) => Arc::new(
                Decimal128Array::from(vec![*value])
                    .with_precision_and_scale(*precision, *scale)
                    .map_err(|error| mismatch().with_source(error))?,
            ),
            (Value::String(value), PrimitiveType::String) => {
                Arc::new(StringArray::from(vec![value.as_str()]))
            }
            (Value::Bytes(value), PrimitiveType::Binary) => {
                Arc::new(BinaryArray::from(vec![value.as_slice()]))
            }
            (Value::Bytes(value), PrimitiveType::Uuid) if value.len() == 16 => fixed(value)?,
            (Value::Bytes(value), PrimitiveType::Fixed(width))
                if u32::try_from(value.len()) == Ok(*width) =>
            {
                fixed(value)?
            }
            _ => return Err(mismatch()),
        })
    }
}

fn fixed(value: &[u8]) -> Result<ArrayRef> {
    let array = FixedSizeBinaryArray::try_from_iter(std::iter::once(value))
        .map_err(|error| Error::corrupt("a fixed value").with_source(error))?;
    Ok(Arc::new(array))
}

/// An array of one null, of the Arrow type of `of`.
pub(crate) fn null_array(of: &PrimitiveType) -> Result<ArrayRef> {
    if let PrimitiveType::Fixed(width) = of
        && *width > 1 << 20
    {
        return Err(Error::unsupported(format!("a null constant of type {of}")));
    }
    let data_type = type_to_arrow(&Type::Primitive(of.clone()), StringLayout::Offsets)?;
    Ok(new_null_array(&data_type, 1))
}

/// A little-endian int or long.
fn whole_number(bytes: &[u8]) -> Option<i64> {
    match bytes.len() {
        4 => Some(i64::from(i32::from_le_bytes(bytes.try_into().ok()?))),
        _ => Some(i64::from_le_bytes(bytes.try_into().ok()?)),
    }
}

/// An unscaled decimal: big-endian two's complement of any width up to what 128 bits hold.
pub(crate) fn decimal_from_be(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first()? & 0x80 != 0;
    let fill = if negative { 0xff } else { 0 };
    // Wider than 16 bytes is fine as long as the rest only extends the sign.
    let (extension, kept) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut wide = [fill; 16];
    for (to, from) in wide.iter_mut().rev().zip(kept.iter().rev()) {
        *to = *from;
    }
    let value = i128::from_be_bytes(wide);
    let fits = extension.iter().all(|byte| *byte == fill) && (value < 0) == negative;
    fits.then_some(value)
}

/// The shortest big-endian two's complement that holds `value`.
pub(crate) fn minimal_be(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let mut start = 0;
    while let [first, second, ..] = bytes.get(start..).unwrap_or_default() {
        let redundant =
            (*first == 0 && second & 0x80 == 0) || (*first == 0xff && second & 0x80 != 0);
        if !redundant {
            break;
        }
        start += 1;
    }
    bytes.get(start..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_value_at_every_width() {
        for value in [
            0,
            1,
            -1,
            127,
            128,
            -128,
            -129,
            255,
            256,
            i128::MAX,
            i128::MIN,
            -1_234_567,
        ] {
            let bytes = minimal_be(value);
            assert_eq!(decimal_from_be(&bytes), Some(value));
            let mut wide = vec![if value < 0 { 0xff } else { 0 }; 20];
            wide.extend(&bytes);
            assert_eq!(decimal_from_be(&wide), Some(value));
        }
        assert_eq!(minimal_be(0), [0]);
        assert_eq!(minimal_be(-1), [0xff]);
        assert_eq!(minimal_be(128), [0, 128]);
        assert_eq!(decimal_from_be(&[]), None);
        assert_eq!(decimal_from_be(&[1; 17]), None);
    }

    #[test]
    fn bounds_of_the_type_before_a_promotion_are_understood() {
        let read = |bytes: &[u8], of: &PrimitiveType| {
            Value::from_binary(bytes, of).and_then(|value| value.to_datum(of))
        };
        assert_eq!(
            read(&(-7i32).to_le_bytes(), &PrimitiveType::Long),
            Some(Datum::Int(-7))
        );
        assert_eq!(
            read(&1.5f32.to_le_bytes(), &PrimitiveType::Double),
            Some(Datum::Float(1.5))
        );
        assert_eq!(
            read(&2i32.to_le_bytes(), &PrimitiveType::Timestamp),
            Some(Datum::Timestamp(2 * NANOS_PER_DAY))
        );
        assert_eq!(
            read(&2i32.to_le_bytes(), &PrimitiveType::TimestampNs),
            Some(Datum::Timestamp(2 * NANOS_PER_DAY))
        );
        assert_eq!(read(&[1, 2, 3], &PrimitiveType::Long), None);
        assert_eq!(read(&[], &PrimitiveType::Boolean), None);
        assert_eq!(read(&[0xff], &PrimitiveType::String), None);
    }
}
