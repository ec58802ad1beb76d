//! Which decoder reads which column.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_buffer::{NullBuffer, i256};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use bytes::Bytes;
use parquet::basic::{Encoding, Type};

use super::boolean::Booleans;
use super::bytes::{FixedBytes, Views};
use super::convert::{
    BigEndian, FromInt, Int96, Interval, Same, TwoBytes, Widen, big_endian_i32, big_endian_i64,
    big_endian_i128, big_endian_i256,
};
use super::fixed::Fixed;
use super::pick::read_stretches;
use crate::page::{Chunk, PageKind, Visit};
use crate::{Error, Result, RowRanges};

/// Decodes windows of one flat column chunk.
pub(crate) trait LeafDecoder: Send + Sync {
    /// The rows of `window` as an array of exactly that many.
    fn read(&self, chunk: &Chunk, window: &Window) -> Result<ArrayRef>;

    /// The rows `wanted`, all of them in `window`; pages that hold none are not touched.
    fn read_rows(&self, chunk: &Chunk, window: &Window, wanted: &RowRanges) -> Result<ArrayRef> {
        let read = |part: &Window| self.read(chunk, part);
        read_stretches(chunk, window, wanted, read)
    }

    /// Bytes of an Arrow value, where all have the same and [`Self::read_into`] works.
    fn value_bytes(&self) -> Option<usize> {
        None
    }

    /// The values of the rows of `window` into `out`, which has room for exactly them and is aligned
    /// for them, and where the nulls are.
    fn read_into(
        &self,
        _chunk: &Chunk,
        _window: &Window,
        _out: &mut [u8],
    ) -> Result<Option<NullBuffer>> {
        Err(Error::invalid("values without a common width"))
    }
}

/// A flat column's decoder.
pub(crate) struct Leaf(Box<dyn LeafDecoder>);

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leaf")
    }
}

/// Rows to read of a column.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) rows: Range<usize>,
    /// Whether the pages hold definition levels.
    pub(crate) optional: bool,
}

impl Window {
    /// The pages that hold the rows, and the first row to read within each. An error where a page
    /// is not there.
    pub(crate) fn pages<'a>(
        &'a self,
        chunk: &'a Chunk,
    ) -> impl Iterator<Item = Result<(Visit, usize)>> + 'a {
        let pages = chunk.pages();
        let mut next = self.rows.start;
        let mut index = pages.partition_point(|page| page.end_row() <= next);
        std::iter::from_fn(move || {
            while next < self.rows.end {
                let page = pages.get(index)?;
                index += 1;
                if page.end_row() <= next {
                    continue;
                }
                if page.first_row > next {
                    next = self.rows.end;
                    return Some(Err(Error::invalid("a page of the rows was not fetched")));
                }
                let skip = next - page.first_row;
                let take = page.end_row().min(self.rows.end) - next;
                next += take;
                // Who reads more than a page at a time reads on; who looks at a few rows does not.
                let reads_on = self.rows.len() > page.end_row() - page.first_row;
                let visit = Visit {
                    page: index - 1,
                    rows: take,
                    then_next: next < self.rows.end || reads_on,
                };
                return Some(Ok((visit, skip)));
            }
            None
        })
    }
}

impl Leaf {
    /// The decoder for a column of `physical` type (`width` for FIXED_LEN_BYTE_ARRAY) that comes
    /// out as `data_type`, or `None` when there is none of ours.
    pub(crate) fn choose(
        physical: Type,
        width: usize,
        data_type: &DataType,
        int96: TimeUnit,
    ) -> Option<Self> {
        let decoder = match physical {
            Type::BOOLEAN => match data_type {
                DataType::Boolean => Box::new(Booleans),
                _ => return None,
            },
            Type::INT32 => from_int32(data_type)?,
            Type::INT64 => from_int64(data_type)?,
            Type::INT96 => match data_type {
                DataType::Timestamp(_, _) => fixed(Int96(int96), data_type),
                _ => return None,
            },
            Type::FLOAT if *data_type == DataType::Float32 => {
                fixed(Same::<i32>(PhantomData), data_type)
            }
            Type::DOUBLE if *data_type == DataType::Float64 => {
                fixed(Same::<i64>(PhantomData), data_type)
            }
            Type::FLOAT | Type::DOUBLE => return None,
            Type::BYTE_ARRAY => from_bytes(None, data_type)?,
            Type::FIXED_LEN_BYTE_ARRAY => from_bytes(Some(width), data_type)?,
        };
        Some(Self(decoder))
    }
}

/// The rows of `window`.
pub(crate) fn read_leaf(leaf: &Leaf, chunk: &Chunk, window: &Window) -> Result<ArrayRef> {
    let array = leaf.0.read(chunk, window)?;
    // Window::pages ends early where pages are missing at the end of the chunk.
    if array.len() != window.rows.len() {
        return Err(too_few_rows());
    }
    Ok(array)
}

/// The rows `wanted` of `window`.
pub(crate) fn read_leaf_rows(
    leaf: &Leaf,
    chunk: &Chunk,
    window: &Window,
    wanted: &RowRanges,
) -> Result<ArrayRef> {
    let scattered = wanted.ranges().len() * RowRanges::WORTH_PICKING > window.rows.len();
    let array = match scattered {
        true => read_stretches(chunk, window, wanted, |part| leaf.0.read(chunk, part))?,
        false => leaf.0.read_rows(chunk, window, wanted)?,
    };
    if array.len() != wanted.row_count() {
        return Err(too_few_rows());
    }
    Ok(array)
}

pub(crate) fn too_few_rows() -> Error {
    Error::corrupt("the column chunk has fewer rows than its row group")
}

impl Leaf {
    /// Bytes of a value where [`Self::read_into`] works.
    pub(crate) fn value_bytes(&self) -> Option<usize> {
        self.0.value_bytes()
    }

    /// See [`LeafDecoder::read_into`].
    pub(crate) fn read_into(
        &self,
        chunk: &Chunk,
        window: &Window,
        out: &mut [u8],
    ) -> Result<Option<NullBuffer>> {
        self.0.read_into(chunk, window, out)
    }
}

fn fixed<C: super::convert::Convert>(convert: C, data_type: &DataType) -> Box<dyn LeafDecoder> {
    Box::new(Fixed::new(convert, data_type.clone()))
}

fn from_int32(data_type: &DataType) -> Option<Box<dyn LeafDecoder>> {
    const DAY_MS: i64 = 86_400_000;
    Some(match data_type {
        DataType::Int32
        | DataType::UInt32
        | DataType::Date32
        | DataType::Time32(_)
        | DataType::Decimal32(_, _) => fixed(Same::<i32>(PhantomData), data_type),
        // Writers store narrow integers sign- or zero-extended; what does not fit is refused.
        DataType::Int8 => fixed(FromInt::new(|v: i32| i8::try_from(v).ok()), data_type),
        DataType::Int16 => fixed(FromInt::new(|v: i32| i16::try_from(v).ok()), data_type),
        DataType::UInt8 => fixed(FromInt::new(|v: i32| u8::try_from(v).ok()), data_type),
        DataType::UInt16 => fixed(FromInt::new(|v: i32| u16::try_from(v).ok()), data_type),
        DataType::Date64 => fixed(
            FromInt::new(|v: i32| Some(i64::from(v) * DAY_MS)),
            data_type,
        ),
        DataType::Decimal64(_, _) => fixed(Widen::<i32, i64>(PhantomData), data_type),
        DataType::Decimal128(_, _) => fixed(Widen::<i32, i128>(PhantomData), data_type),
        DataType::Decimal256(_, _) => fixed(
            FromInt::new(|v: i32| Some(i256::from_i128(v.into()))),
            data_type,
        ),
        _ => return None,
    })
}

fn from_int64(data_type: &DataType) -> Option<Box<dyn LeafDecoder>> {
    Some(match data_type {
        DataType::Int64
        | DataType::UInt64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(_, _)
        | DataType::Duration(_)
        | DataType::Decimal64(_, _) => fixed(Same::<i64>(PhantomData), data_type),
        DataType::Decimal32(_, _) => fixed(FromInt::new(|v: i64| i32::try_from(v).ok()), data_type),
        DataType::Decimal128(_, _) => fixed(Widen::<i64, i128>(PhantomData), data_type),
        DataType::Decimal256(_, _) => fixed(
            FromInt::new(|v: i64| Some(i256::from_i128(v.into()))),
            data_type,
        ),
        _ => return None,
    })
}

fn from_bytes(width: Option<usize>, data_type: &DataType) -> Option<Box<dyn LeafDecoder>> {
    Some(match (data_type, width) {
        (DataType::Decimal32(_, _), _) => fixed(BigEndian::new(width, big_endian_i32), data_type),
        (DataType::Decimal64(_, _), _) => fixed(BigEndian::new(width, big_endian_i64), data_type),
        (DataType::Decimal128(_, _), _) => fixed(BigEndian::new(width, big_endian_i128), data_type),
        (DataType::Decimal256(_, _), _) => fixed(BigEndian::new(width, big_endian_i256), data_type),
        (DataType::Float16, Some(2)) => fixed(TwoBytes, data_type),
        (DataType::Interval(IntervalUnit::MonthDayNano), Some(12)) => fixed(Interval, data_type),
        (DataType::FixedSizeBinary(bytes), Some(width)) if usize::try_from(*bytes) == Ok(width) => {
            Box::new(FixedBytes::new(width))
        }
        (
            DataType::Utf8View
            | DataType::BinaryView
            | DataType::Utf8
            | DataType::Binary
            | DataType::LargeUtf8
            | DataType::LargeBinary,
            None,
        ) => Box::new(Views::new(data_type.clone())),
        _ => return None,
    })
}

/// Entry count and PLAIN bytes of the dictionary page that a data page refers to.
pub(crate) fn dictionary_values(chunk: &Chunk) -> Result<(usize, Bytes)> {
    let (header, bytes) = chunk.dictionary()?.ok_or_else(|| {
        Error::corrupt("a page of dictionary indices in a chunk without dictionary")
    })?;
    match header.kind {
        PageKind::Dictionary {
            num_values,
            encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
        } => Ok((num_values, bytes)),
        _ => Err(Error::unsupported("a dictionary page that is not PLAIN")),
    }
}
