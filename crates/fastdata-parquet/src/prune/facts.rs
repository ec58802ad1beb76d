//! Statistics as facts about a predicate's columns.

use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};
use fastdata_kernels::predicate::{ColumnFacts, ColumnPath, Datum, Facts, Presence};
use half::f16;
use parquet::basic::{ColumnOrder, SortOrder, Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::probe::Probe;
use crate::decode::big_endian_i256;
use crate::{FieldProjection, FileMeta};

/// A predicate's column as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub(super) index: usize,
    pub(super) data_type: DataType,
}

/// The flat leaf that `column` names, if it is one.
pub(super) fn leaf_of(meta: &FileMeta, column: &ColumnPath) -> Option<Leaf> {
    let (&root, below) = column.indices.split_first()?;
    let field = meta.schema().fields().get(root)?;
    let projection = FieldProjection::new(root, meta.first_leaf(root)?, field, &[below]).ok()?;
    let &[index] = projection.leaves() else {
        return None;
    };
    let mut data_type = projection.field().data_type();
    while let DataType::Struct(fields) = data_type {
        data_type = fields.first()?.data_type();
    }
    let descr = meta
        .parquet()
        .file_metadata()
        .schema_descr()
        .columns()
        .get(index)?;
    let flat = descr.max_rep_level() == 0 && comparable(data_type, &column.data_type);
    flat.then(|| Leaf {
        index,
        data_type: data_type.clone(),
    })
}

/// Whether datums made from the file's type mean the same under the predicate's type.
fn comparable(stored: &DataType, bound: &DataType) -> bool {
    let scale = |data_type: &DataType| match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    };
    scale(stored) == scale(bound)
}

/// What the footer, and what was fetched beyond it, says about one row group.
pub(super) struct GroupFacts<'a> {
    pub(super) meta: &'a FileMeta,
    pub(super) row_group: usize,
    pub(super) probes: &'a [Probe],
}

impl Facts for GroupFacts<'_> {
    fn column(&self, column: &ColumnPath) -> Option<ColumnFacts> {
        let leaf = leaf_of(self.meta, column)?;
        let chunk = self.meta.column(self.row_group, leaf.index).ok()?;
        let num_rows = self.meta.row_groups().get(self.row_group)?.num_rows;
        let (min, max) = chunk_bounds(self.meta, chunk, &leaf);
        let nulls = match chunk.statistics().and_then(|stats| stats.null_count_opt()) {
            Some(0) => Presence::None,
            Some(count) if count == num_rows => Presence::All,
            _ => Presence::Maybe,
        };
        // Nobody counts NaNs, and bounds leave them out.
        Some(ColumnFacts {
            min,
            max,
            nulls,
            nans: Presence::Maybe,
        })
    }

    fn excludes(&self, column: &ColumnPath, value: &Datum) -> bool {
        let Some(leaf) = leaf_of(self.meta, column) else {
            return false;
        };
        let Ok(chunk) = self.meta.column(self.row_group, leaf.index) else {
            return false;
        };
        let probes = self
            .probes
            .iter()
            .filter(|probe| probe.leaf() == leaf.index);
        probes
            .into_iter()
            .any(|probe| probe.excludes(chunk.column_descr(), &leaf.data_type, value))
    }
}

fn chunk_bounds(
    meta: &FileMeta,
    chunk: &ColumnChunkMetaData,
    leaf: &Leaf,
) -> (Option<Datum>, Option<Datum>) {
    let Some(stats) = chunk.statistics() else {
        return (None, None);
    };
    let descr = chunk.column_descr();
    // The deprecated fields were filled with signed comparison whatever the type: that is right
    // for signed numbers only.
    let trusted = if stats.is_min_max_deprecated() {
        is_signed_number(descr, &leaf.data_type)
    } else {
        has_known_order(meta, leaf)
    };
    if !trusted {
        return (None, None);
    }
    let datum = |bytes: Option<&[u8]>| bytes.and_then(|bytes| datum(descr, &leaf.data_type, bytes));
    (datum(stats.min_bytes_opt()), datum(stats.max_bytes_opt()))
}

/// Whether bounds of the column were written under the order of its type.
pub(super) fn has_known_order(meta: &FileMeta, leaf: &Leaf) -> bool {
    let orders = meta.parquet().file_metadata().column_orders();
    let order = orders.and_then(|orders| orders.get(leaf.index));
    let defined = matches!(
        order,
        Some(ColumnOrder::TYPE_DEFINED_ORDER(
            SortOrder::SIGNED | SortOrder::UNSIGNED
        ))
    );
    let interval = matches!(leaf.data_type, DataType::Interval(_));
    defined && !interval
}

fn is_signed_number(descr: &ColumnDescriptor, data_type: &DataType) -> bool {
    let physical = matches!(descr.physical_type(), Type::INT32 | Type::INT64);
    let unsigned = matches!(
        data_type,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64
    );
    physical && !unsigned
}

/// One stored value (PLAIN, without a length) in the representation of predicates. `None` for what
/// has none: NaN, malformed text, INT96, wrong lengths.
pub(super) fn datum(descr: &ColumnDescriptor, data_type: &DataType, bytes: &[u8]) -> Option<Datum> {
    match descr.physical_type() {
        Type::BOOLEAN => (bytes.len() == 1).then(|| Datum::Boolean(bytes[0] & 1 == 1)),
        Type::INT32 => integer(
            i32::from_le_bytes(bytes.try_into().ok()?).into(),
            32,
            data_type,
        ),
        Type::INT64 => integer(i64::from_le_bytes(bytes.try_into().ok()?), 64, data_type),
        Type::INT96 => None,
        Type::FLOAT => float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        Type::DOUBLE => float(f64::from_le_bytes(bytes.try_into().ok()?)),
        Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY => match data_type {
            DataType::Float16 => float(f16::from_le_bytes(bytes.try_into().ok()?).to_f64()),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Some(Datum::String(std::str::from_utf8(bytes).ok()?.to_owned()))
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Some(Datum::Binary(bytes.to_vec())),
            decimal if is_decimal(decimal) && !bytes.is_empty() => {
                big_endian_i256(bytes).map(Datum::Decimal)
            }
            _ => None,
        },
    }
}

fn float(value: f64) -> Option<Datum> {
    (!value.is_nan()).then_some(Datum::Float(value))
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    )
}

fn integer(value: i64, bits: u32, data_type: &DataType) -> Option<Datum> {
    let unsigned = i128::from(value.cast_unsigned() & (u64::MAX >> (64 - bits)));
    Some(match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Datum::Int(value.into())
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            Datum::Int(unsigned)
        }
        DataType::Date32 => Datum::Date(i32::try_from(value).ok()?),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            Datum::Time(value.checked_mul(unit_ns(*unit))?)
        }
        DataType::Timestamp(unit, _) => {
            Datum::Timestamp(i128::from(value) * i128::from(unit_ns(*unit)))
        }
        decimal if is_decimal(decimal) => Datum::Decimal(i256::from_i128(value.into())),
        _ => return None,
    })
}

pub(super) fn unit_ns(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
