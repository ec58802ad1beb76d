//! Structures that tell which values a column chunk does not hold.

use arrow_schema::DataType;
use bytes::Bytes;
use fastdata_kernels::predicate::Datum;
use parquet::basic::{Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::facts::{Leaf, datum, unit_ns};
use crate::contain::contained;
use crate::decode::for_each_value;
use crate::page::dictionary_page;
use crate::{Error, Limits, Result};

/// A bloom filter or a complete dictionary of one column chunk.
pub(super) enum Probe {
    Bloom { leaf: usize, filter: Sbbf },
    Dictionary { leaf: usize, values: Vec<Datum> },
}

impl Probe {
    /// `bytes` is a bloom filter, header and bits. `None` when it is malformed.
    pub(super) fn bloom(leaf: usize, bytes: &Bytes) -> Option<Self> {
        let filter = contained("bloom filter", || Ok(Sbbf::from_bytes(bytes)?)).ok()?;
        (filter.num_blocks() > 0).then_some(Self::Bloom { leaf, filter })
    }

    /// `bytes` start with the dictionary page of a chunk whose data pages all use it.
    pub(super) fn dictionary(
        chunk: &ColumnChunkMetaData,
        leaf: &Leaf,
        bytes: &Bytes,
        limits: &Limits,
    ) -> Option<Self> {
        let values = dictionary_datums(chunk, leaf, bytes, limits).ok()?;
        Some(Self::Dictionary {
            leaf: leaf.index,
            values,
        })
    }

    pub(super) fn leaf(&self) -> usize {
        match self {
            Self::Bloom { leaf, .. } | Self::Dictionary { leaf, .. } => *leaf,
        }
    }

    pub(super) fn is_bloom(&self) -> bool {
        matches!(self, Self::Bloom { .. })
    }

    /// True only when no row of the chunk equals `value`.
    pub(super) fn excludes(
        &self,
        descr: &ColumnDescriptor,
        data_type: &DataType,
        value: &Datum,
    ) -> bool {
        match self {
            Self::Bloom { filter, .. } => {
                stored(descr, data_type, value).is_some_and(|bytes| !filter.check(&bytes[..]))
            }
            Self::Dictionary { values, .. } => values
                .iter()
                .all(|held| held.compare(value).is_some_and(|order| order.is_ne())),
        }
    }
}

fn dictionary_datums(
    chunk: &ColumnChunkMetaData,
    leaf: &Leaf,
    bytes: &Bytes,
    limits: &Limits,
) -> Result<Vec<Datum>> {
    let descr = chunk.column_descr();
    let width = match descr.physical_type() {
        Type::INT32 | Type::FLOAT => Some(4),
        Type::INT64 | Type::DOUBLE => Some(8),
        Type::INT96 => Some(12),
        Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(descr.type_length()).ok(),
        Type::BYTE_ARRAY => None,
        Type::BOOLEAN => return Err(Error::corrupt("a dictionary of booleans")),
    };
    let (count, page) = dictionary_page(bytes, chunk.compression(), limits)?;
    let mut values = Vec::new();
    for_each_value(Encoding::PLAIN, &page, width, (0, count), |stored| {
        // A value without a datum (a NaN) could be anything: then the dictionary says nothing.
        let value = datum(descr, &leaf.data_type, stored);
        values.push(value.ok_or_else(|| Error::corrupt("a value without a datum"))?);
        Ok(())
    })?;
    Ok(values)
}

/// Whether every data page of the chunk is known to use its dictionary.
pub(super) fn has_complete_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let indexed = |encoding: Encoding| {
        matches!(
            encoding,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
        )
    };
    match chunk.page_encoding_stats_mask() {
        Some(mask) => {
            let mut encodings = mask.encodings().peekable();
            encodings.peek().is_some() && encodings.all(indexed)
        }
        None => false,
    }
}

/// The value as the writer hashed it: PLAIN bytes. `None` where several byte strings are equal, or
/// where the predicate's value has no exact counterpart.
fn stored(descr: &ColumnDescriptor, data_type: &DataType, value: &Datum) -> Option<Vec<u8>> {
    let integer = |value: i128| -> Option<Vec<u8>> {
        match (descr.physical_type(), data_type) {
            (Type::INT32, DataType::UInt8 | DataType::UInt16 | DataType::UInt32) => {
                Some(u32::try_from(value).ok()?.to_le_bytes().to_vec())
            }
            (Type::INT32, _) => Some(i32::try_from(value).ok()?.to_le_bytes().to_vec()),
            (Type::INT64, DataType::UInt64) => {
                Some(u64::try_from(value).ok()?.to_le_bytes().to_vec())
            }
            (Type::INT64, _) => Some(i64::try_from(value).ok()?.to_le_bytes().to_vec()),
            _ => None,
        }
    };
    let in_units =
        |ns: i128, unit: i64| (ns % i128::from(unit) == 0).then(|| ns / i128::from(unit));
    match (value, data_type) {
        (Datum::Int(value), _) => integer(*value),
        (Datum::Date(days), DataType::Date32) => integer((*days).into()),
        (Datum::Time(ns), DataType::Time32(unit) | DataType::Time64(unit)) => {
            integer(in_units((*ns).into(), unit_ns(*unit))?)
        }
        (Datum::Timestamp(ns), DataType::Timestamp(unit, _)) => {
            integer(in_units(*ns, unit_ns(*unit))?)
        }
        (Datum::Decimal(value), _) => match descr.physical_type() {
            Type::INT32 | Type::INT64 => integer(value.to_i128()?),
            Type::FIXED_LEN_BYTE_ARRAY => {
                let width = usize::try_from(descr.type_length()).ok()?;
                let bytes = value.to_be_bytes();
                let low = &bytes[bytes.len().checked_sub(width)?..];
                // Too large for the column: settled by bounds, not here.
                (crate::decode::big_endian_i256(low) == Some(*value)).then(|| low.to_vec())
            }
            _ => None,
        },
        // Zero has two spellings and NaN many.
        (Datum::Float(value), _) if value.is_nan() || *value == 0.0 => None,
        (Datum::Float(value), DataType::Float64) => Some(value.to_le_bytes().to_vec()),
        (Datum::Float(value), DataType::Float32) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "compared with the original below"
            )]
            let narrow = *value as f32;
            (f64::from(narrow) == *value).then(|| narrow.to_le_bytes().to_vec())
        }
        (Datum::String(value), _) => Some(value.as_bytes().to_vec()),
        (Datum::Binary(value), _) => Some(value.clone()),
        _ => None,
    }
}
