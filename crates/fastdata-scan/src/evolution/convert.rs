//! Conversions of a leaf that lose nothing: what Iceberg calls promotion, and what writers vary
//! (units of time, zone flags, string layouts).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef, make_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};

use crate::{Error, ErrorKind, Result};

/// How a leaf of a file becomes a leaf of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Conversion {
    /// Nothing to do.
    None,
    /// A widening cast to this type.
    Widen(DataType),
    /// The same bits under another type: a zone flag, a decimal's precision.
    Relabel(DataType),
    /// Nanoseconds → microseconds, rounded down as Iceberg does for INT96, then relabelled.
    FloorToMicros(DataType),
}

impl Conversion {
    /// The conversion from a file's type to a table's, or `None` where none is exact.
    pub(crate) fn between(from: &DataType, to: &DataType) -> Option<Self> {
        use DataType as T;
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        if from == to {
            return Some(Self::None);
        }
        match (from, to) {
            (T::Int8 | T::UInt8 | T::Int16 | T::UInt16, T::Int32 | T::Int64)
            | (T::Int32 | T::UInt32, T::Int64)
            | (T::Int8 | T::UInt8, T::Int16)
            | (T::Float16, T::Float32 | T::Float64)
            | (T::Float32, T::Float64)
            | (T::Date32, T::Timestamp(..)) => Some(Self::Widen(to.clone())),
            // The width of the physical integer follows the precision in some writers.
            (
                T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s),
                T::Decimal128(to_p, to_s),
            ) if s == to_s && p <= to_p => Some(match from {
                T::Decimal128(..) => Self::Relabel(to.clone()),
                _ => Self::Widen(to.clone()),
            }),
            (T::Timestamp(Nanosecond, _), T::Timestamp(Microsecond, _))
            | (T::Time64(Nanosecond), T::Time64(Microsecond)) => {
                Some(Self::FloorToMicros(to.clone()))
            }
            (T::Timestamp(from_unit, _), T::Timestamp(to_unit, _)) if from_unit == to_unit => {
                Some(Self::Relabel(to.clone()))
            }
            (T::Timestamp(Second | Millisecond, _), T::Timestamp(Microsecond | Nanosecond, _))
            | (T::Timestamp(Microsecond, _), T::Timestamp(Nanosecond, _))
            | (T::Time32(_), T::Time64(_))
            | (T::Time64(Microsecond), T::Time64(Nanosecond)) => Some(Self::Widen(to.clone())),
            _ if is_bytes(from) && is_bytes(to) => Some(Self::Widen(to.clone())),
            _ => None,
        }
    }

    /// Whether equal values stay equal and distinct ones distinct, so that statistics of the file
    /// speak for the table's column.
    pub(crate) fn keeps_statistics(&self) -> bool {
        !matches!(self, Self::FloorToMicros(_))
    }

    /// Converts `array`.
    pub(crate) fn apply(&self, array: ArrayRef) -> Result<ArrayRef> {
        match self {
            Self::None => Ok(array),
            Self::Relabel(to) => relabel(&array, to),
            Self::Widen(to) => widen(&array, to),
            Self::FloorToMicros(to) => relabel(&floor_to_micros(&array)?, to),
        }
    }
}

/// Strings and binaries of every layout; text is checked to be UTF-8 by the cast.
fn is_bytes(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
    )
}

fn relabel(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let data = array.to_data().into_builder().data_type(to.clone()).build();
    data.map(make_array)
        .map_err(|source| failed(array.data_type(), to).with_source(source))
}

fn widen(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    // A zone flag would make the cast shift local times; the bits are UTC on both sides.
    let array = match (array.data_type(), to) {
        (DataType::Timestamp(unit, Some(_)), _) => {
            relabel(array, &DataType::Timestamp(*unit, None))?
        }
        _ => array.clone(),
    };
    if let DataType::Timestamp(unit, Some(_)) = to {
        let zoneless = widen(&array, &DataType::Timestamp(*unit, None))?;
        return relabel(&zoneless, to);
    }
    cast_with_options(&array, to, &strict)
        .map_err(|source| failed(array.data_type(), to).with_source(source))
}

fn floor_to_micros(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>();
            Ok(Arc::new(nanos.unary::<_, TimestampMicrosecondType>(
                |value| value.div_euclid(1000),
            )))
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            let nanos = array.as_primitive::<Time64NanosecondType>();
            Ok(Arc::new(nanos.unary::<_, Time64MicrosecondType>(|value| {
                value.div_euclid(1000)
            })))
        }
        other => Err(failed(
            other,
            &DataType::Timestamp(TimeUnit::Microsecond, None),
        )),
    }
}

fn failed(from: &DataType, to: &DataType) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("values of type {from} do not fit {to}"),
    )
}
