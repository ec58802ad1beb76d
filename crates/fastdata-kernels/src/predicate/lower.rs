//! From the datums of a predicate to the native values of the arrays that it meets, and back.
//!
//! A batch need not have the very types that the predicate was bound to: its integers may be
//! narrower, its timestamps of another unit, its strings in another layout. So a datum is placed
//! among the values of the array's type anew, as a literal was among the column's.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, downcast_dictionary_array, downcast_run_array};
use arrow_buffer::i256;
use arrow_data::ArrayData;
use arrow_schema::DataType;

use super::Datum;
use super::literal::{Place, nanoseconds_per};
use crate::{Error, Result};

const DAY_MS: i64 = 86_400_000;

/// Where `datum`, of a column bound as `bound_type`, stands among the native values of
/// `array_type`: `Int` for all of at most 128 bits, `Decimal` for 256, `Float`.
pub(super) fn lower(datum: &Datum, bound_type: &DataType, array_type: &DataType) -> Result<Place> {
    Ok(match (datum, array_type) {
        (Datum::Int(value), DataType::Int8) => int::<i8>(*value),
        (Datum::Int(value), DataType::Int16) => int::<i16>(*value),
        (Datum::Int(value), DataType::Int32) => int::<i32>(*value),
        (Datum::Int(value), DataType::Int64) => int::<i64>(*value),
        (Datum::Int(value), DataType::UInt8) => int::<u8>(*value),
        (Datum::Int(value), DataType::UInt16) => int::<u16>(*value),
        (Datum::Int(value), DataType::UInt32) => int::<u32>(*value),
        (Datum::Int(value), DataType::UInt64) => int::<u64>(*value),
        (Datum::Float(value), DataType::Float64) => Place::At(Datum::Float(*value)),
        (Datum::Float(value), DataType::Float32) => {
            let nearest = *value as f32;
            float(*value, f64::from(nearest), f64::from(nearest.next_down()))
        }
        (Datum::Float(value), DataType::Float16) => {
            let nearest = half::f16::from_f64(*value);
            float(*value, nearest.to_f64(), half_next_down(nearest).to_f64())
        }
        (Datum::Decimal(value), _) if same_scale(bound_type, array_type) => match array_type {
            DataType::Decimal256(..) => Place::At(Datum::Decimal(*value)),
            _ => match (value.to_i128(), array_type) {
                (Some(value), DataType::Decimal32(..)) => int::<i32>(value),
                (Some(value), DataType::Decimal64(..)) => int::<i64>(value),
                (Some(value), _) => Place::At(Datum::Int(value)),
                (None, _) if value.is_negative() => Place::Below,
                (None, _) => Place::Above,
            },
        },
        (Datum::Date(days), DataType::Date32) => Place::At(Datum::Int((*days).into())),
        (Datum::Date(days), DataType::Date64) => {
            Place::At(Datum::Int((i64::from(*days) * DAY_MS).into()))
        }
        (Datum::Time(value), DataType::Time32(unit) | DataType::Time64(unit)) => {
            in_units((*value).into(), nanoseconds_per(*unit).into())
        }
        (Datum::Timestamp(value), DataType::Timestamp(unit, _)) => {
            in_units(*value, nanoseconds_per(*unit).into())
        }
        (datum, other) => {
            return Err(Error::invalid(format!(
                "a predicate bound to {bound_type} ({datum:?}) met a column of {other}"
            )));
        }
    })
}

fn int<T>(value: i128) -> Place
where
    T: TryFrom<i128>,
{
    match T::try_from(value) {
        Ok(_) => Place::At(Datum::Int(value)),
        Err(_) if value < 0 => Place::Below,
        Err(_) => Place::Above,
    }
}

fn float(value: f64, nearest: f64, below_nearest: f64) -> Place {
    match nearest.partial_cmp(&value) {
        Some(std::cmp::Ordering::Greater) => Place::After(Datum::Float(below_nearest)),
        Some(std::cmp::Ordering::Less) => Place::After(Datum::Float(nearest)),
        _ => Place::At(Datum::Float(value)),
    }
}

fn half_next_down(value: half::f16) -> half::f16 {
    match value.to_bits() {
        // Zero of either sign: the smallest negative number.
        0 | 0x8000 => half::f16::from_bits(0x8001),
        bits if bits & 0x8000 == 0 => half::f16::from_bits(bits - 1),
        bits => half::f16::from_bits(bits + 1),
    }
}

fn in_units(nanoseconds: i128, step: i128) -> Place {
    let units = nanoseconds.div_euclid(step);
    match (int::<i64>(units), nanoseconds.rem_euclid(step)) {
        (Place::At(at), 1..) => Place::After(at),
        (place, _) => place,
    }
}

fn scale_of(data_type: &DataType) -> Option<i8> {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    }
}

fn same_scale(a: &DataType, b: &DataType) -> bool {
    scale_of(a).is_some() && scale_of(a) == scale_of(b)
}

impl Datum {
    /// The value of `array` at `row`, or `None` where it is null. Dictionary and run-end encoded
    /// arrays give their values.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types that no datum represents (nested ones, intervals, durations).
    ///
    /// # Panics
    ///
    /// When `row` is not below the array's length.
    pub fn at(array: &dyn Array, row: usize) -> Result<Option<Datum>> {
        if array.is_null(row) {
            return Ok(None);
        }
        let unsupported =
            || Error::unsupported(format!("values of {} in predicates", array.data_type()));
        macro_rules! int {
            ($kind:ty) => {
                Datum::Int(array.as_primitive::<$kind>().value(row).into())
            };
        }
        macro_rules! decimal {
            ($kind:ty) => {
                Datum::Decimal(i256::from_i128(
                    array.as_primitive::<$kind>().value(row).into(),
                ))
            };
        }
        Ok(Some(match array.data_type() {
            DataType::Boolean => Datum::Boolean(array.as_boolean().value(row)),
            DataType::Int8 => int!(Int8Type),
            DataType::Int16 => int!(Int16Type),
            DataType::Int32 => int!(Int32Type),
            DataType::Int64 => int!(Int64Type),
            DataType::UInt8 => int!(UInt8Type),
            DataType::UInt16 => int!(UInt16Type),
            DataType::UInt32 => int!(UInt32Type),
            DataType::UInt64 => int!(UInt64Type),
            DataType::Float16 => {
                Datum::Float(array.as_primitive::<Float16Type>().value(row).to_f64())
            }
            DataType::Float32 => {
                Datum::Float(array.as_primitive::<Float32Type>().value(row).into())
            }
            DataType::Float64 => Datum::Float(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal32(..) => decimal!(Decimal32Type),
            DataType::Decimal64(..) => decimal!(Decimal64Type),
            DataType::Decimal128(..) => decimal!(Decimal128Type),
            DataType::Decimal256(..) => {
                Datum::Decimal(array.as_primitive::<Decimal256Type>().value(row))
            }
            DataType::Date32 => Datum::Date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Date64 => {
                let days = array
                    .as_primitive::<Date64Type>()
                    .value(row)
                    .div_euclid(DAY_MS);
                Datum::Date(i32::try_from(days).map_err(|_| {
                    Error::new(
                        crate::ErrorKind::LimitExceeded,
                        format!("a date of {days} days"),
                    )
                })?)
            }
            DataType::Time32(unit) => {
                let units = native::<i32>(array).get(row).copied().unwrap_or_default();
                Datum::Time(i64::from(units) * nanoseconds_per(*unit))
            }
            DataType::Time64(unit) => {
                let units = native::<i64>(array).get(row).copied().unwrap_or_default();
                Datum::Time(units.saturating_mul(nanoseconds_per(*unit)))
            }
            DataType::Timestamp(unit, _) => {
                let units = native::<i64>(array).get(row).copied().unwrap_or_default();
                Datum::Timestamp(i128::from(units) * i128::from(nanoseconds_per(*unit)))
            }
            DataType::Utf8 => Datum::String(array.as_string::<i32>().value(row).to_owned()),
            DataType::LargeUtf8 => Datum::String(array.as_string::<i64>().value(row).to_owned()),
            DataType::Utf8View => Datum::String(array.as_string_view().value(row).to_owned()),
            DataType::Binary => Datum::Binary(array.as_binary::<i32>().value(row).to_vec()),
            DataType::LargeBinary => Datum::Binary(array.as_binary::<i64>().value(row).to_vec()),
            DataType::BinaryView => Datum::Binary(array.as_binary_view().value(row).to_vec()),
            DataType::FixedSizeBinary(_) => {
                Datum::Binary(array.as_fixed_size_binary().value(row).to_vec())
            }
            DataType::Null => return Ok(None),
            DataType::Dictionary(..) => downcast_dictionary_array! {
                array => match array.key(row) {
                    Some(key) => return Datum::at(array.values(), key),
                    None => return Ok(None),
                },
                _ => return Err(unsupported()),
            },
            DataType::RunEndEncoded(..) => downcast_run_array! {
                array => return Datum::at(array.values(), array.get_physical_index(row)),
                _ => return Err(unsupported()),
            },
            _ => return Err(unsupported()),
        }))
    }
}

/// The native values of a fixed-width array whose values are as wide as `T`.
pub(super) fn native<T: arrow_buffer::ArrowNativeType>(
    array: &dyn Array,
) -> arrow_buffer::ScalarBuffer<T> {
    debug_assert_eq!(array.data_type().primitive_width(), Some(size_of::<T>()));
    let data: ArrayData = array.to_data();
    match data.buffers() {
        [values, ..] => arrow_buffer::ScalarBuffer::new(values.clone(), data.offset(), data.len()),
        [] => arrow_buffer::ScalarBuffer::from(Vec::new()),
    }
}
