//! Columns that Iceberg defines for every table beside its own: `_file`, `_pos`, `_row_id` and
//! others. They are there for who names them, in the columns to return or in the filter.
//!
//! What a file says once is a constant of the file. Numbers of rows are counted while reading, and
//! a file may hold values of its own for some of its rows ([`Inherited`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int32Array, Int64Array, StringArray, StructArray};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use fastdata_iceberg::{
    FIELD_ID_KEY, MetadataColumn, PartitionType, Split, StringLayout, TableMetadata,
};
use fastdata_parquet::RowRanges;

use crate::context::{TableContext, as_type};
use crate::evolution::{extract_child, field_id};
use crate::expression::parse_filter;
use crate::request::ScanRequest;
use crate::{Error, Result};

/// The metadata columns that `request` names, as fields to put behind the table's own, `schema`.
pub(crate) fn named_by(
    request: &ScanRequest,
    schema: &Schema,
    table: &TableContext,
) -> Result<Vec<FieldRef>> {
    let mut names: Vec<String> = request.columns.clone().unwrap_or_default();
    if let Some(filter) = &request.filter {
        let filter = parse_filter(filter)?;
        names.extend(filter.columns().into_iter().map(ToString::to_string));
    }
    let is_own = |name: &str| {
        let is_name = |field: &FieldRef| field.name().eq_ignore_ascii_case(name);
        schema.fields().iter().any(is_name)
    };
    let is_named = |column: &MetadataColumn| {
        names.iter().filter(|name| !is_own(name)).any(|name| {
            let first = name.split('.').next().unwrap_or(name);
            first.eq_ignore_ascii_case(column.name())
        })
    };
    MetadataColumn::ALL
        .into_iter()
        .filter(|column| !is_own(column.name()) && is_named(column))
        .map(|column| Ok(Arc::new(field_of(column, table)?)))
        .collect()
}

fn field_of(column: MetadataColumn, table: &TableContext) -> Result<Field> {
    let (data_type, nullable) = match column {
        MetadataColumn::File => (text(table.layout), false),
        MetadataColumn::Position => (DataType::Int64, false),
        MetadataColumn::SpecId => (DataType::Int32, false),
        MetadataColumn::RowId | MetadataColumn::LastUpdatedSequenceNumber => {
            (DataType::Int64, true)
        }
        MetadataColumn::Partition => {
            let partition = PartitionType::of(&table.metadata)?;
            let data_type = match partition.is_empty() {
                // There are formats that know no struct without fields.
                true => DataType::Null,
                false => DataType::Struct(partition.to_arrow(table.layout)?),
            };
            (data_type, true)
        }
        MetadataColumn::Deleted => {
            return Err(Error::unsupported(
                "the metadata column `_deleted` brings deleted rows back; only live rows are read",
            ));
        }
    };
    let id = (FIELD_ID_KEY.to_owned(), column.field_id().to_string());
    Ok(Field::new(column.name(), data_type, nullable).with_metadata([id].into()))
}

fn text(layout: StringLayout) -> DataType {
    match layout {
        StringLayout::View => DataType::Utf8View,
        StringLayout::Offsets => DataType::Utf8,
        StringLayout::LargeOffsets => DataType::LargeUtf8,
    }
}

/// The metadata column that `field` is.
pub(crate) fn metadata_column(field: &Field) -> Option<MetadataColumn> {
    MetadataColumn::of_id(field_id(field)?)
}

/// What planning shall tell the partition of each file as, when `schema` has a column for it.
pub(crate) fn partition_type(
    schema: &Schema,
    metadata: &TableMetadata,
) -> Result<Option<PartitionType>> {
    let is_partition = |field: &FieldRef| metadata_column(field) == Some(MetadataColumn::Partition);
    if !schema.fields().iter().any(is_partition) {
        return Ok(None);
    }
    let partition = PartitionType::of(metadata)?;
    Ok((!partition.is_empty()).then_some(partition))
}

/// The metadata columns of `schema` that have one value in the file of `split`, by their field ids.
pub(crate) fn constants(schema: &Schema, split: &Split) -> BTreeMap<i32, ArrayRef> {
    let columns = schema
        .fields()
        .iter()
        .filter_map(|field| metadata_column(field));
    let value = |column: MetadataColumn| -> Option<ArrayRef> {
        Some(match column {
            MetadataColumn::File => Arc::new(StringArray::from(vec![split.recorded_path.as_str()])),
            MetadataColumn::SpecId => Arc::new(Int32Array::from(vec![split.spec_id])),
            MetadataColumn::Partition => split.partition_value.clone()?,
            _ => return None,
        })
    };
    columns
        .filter_map(|column| Some((column.field_id(), value(column)?)))
        .collect()
}

/// The value of the column at `path` of `schema` among `constants`, for one file.
pub(crate) fn value_at(
    schema: &Schema,
    constants: &BTreeMap<i32, ArrayRef>,
    path: &[usize],
) -> Option<ArrayRef> {
    let (first, rest) = path.split_first()?;
    let field = schema.fields().get(*first)?;
    let value = constants.get(&metadata_column(field)?.field_id())?;
    extract_child(value.clone(), rest).ok()
}

/// `value`, a partition, with the children only that `field` has.
pub(crate) fn with_children_of(field: &Field, value: &ArrayRef) -> Result<ArrayRef> {
    let (DataType::Struct(wanted), Some(whole)) = (field.data_type(), value.as_struct_opt()) else {
        return as_type(value, field);
    };
    // By name one only is looked up, which then was found to be unique.
    let is_whole = wanted.len() == whole.num_columns();
    let children = wanted.iter().enumerate().map(|(index, child)| {
        let own = match is_whole {
            true => whole.columns().get(index),
            false => whole.column_by_name(child.name()),
        };
        let lost = || Error::corrupt(format!("the partition has no field `{}`", child.name()));
        as_type(own.ok_or_else(lost)?, child)
    });
    let children = children.collect::<Result<Vec<_>>>()?;
    let built = StructArray::try_new(wanted.clone(), children, whole.nulls().cloned());
    Ok(Arc::new(built.map_err(|source| {
        Error::corrupt("a partition does not fit its type").with_source(source)
    })?))
}

/// What rows get in a column of longs where the file has no value for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inherited {
    /// The row's number in the file, counted from this one.
    Counted(i64),
    /// All rows the same.
    Same(i64),
}

/// Where the values of a metadata column come from that is no constant of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lineage {
    /// From the file where it has them, from here for the other rows.
    Stored(Inherited),
    /// From here for all rows.
    Computed(Inherited),
    /// There are none, whatever the file holds.
    Nothing,
}

impl Lineage {
    /// Of the column `field` in the file of `split`; `None` for every other column.
    pub(crate) fn of(field: &Field, split: Option<&Split>) -> Option<Self> {
        let split = split?;
        let stored = |inherited: Option<Inherited>| match inherited {
            Some(inherited) => Self::Stored(inherited),
            None => Self::Nothing,
        };
        // Files without a first row id are of a time when rows had no lineage.
        let first_row_id = split.first_row_id;
        Some(match metadata_column(field)? {
            MetadataColumn::Position => Self::Computed(Inherited::Counted(0)),
            MetadataColumn::RowId => stored(first_row_id.map(Inherited::Counted)),
            MetadataColumn::LastUpdatedSequenceNumber => {
                let number = split.data_sequence_number;
                stored(first_row_id.map(|_| Inherited::Same(number)))
            }
            _ => return None,
        })
    }
}

impl Inherited {
    /// `stored` with values in place of its nulls. Its rows are `rows` of the row group that begins
    /// at row `first_row` of the file.
    pub(crate) fn fill(
        self,
        stored: &ArrayRef,
        first_row: u64,
        rows: &RowRanges,
    ) -> Result<ArrayRef> {
        let wrong = || Error::corrupt("a column of row lineage does not hold longs");
        let stored = stored.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?;
        let mut values = Vec::with_capacity(stored.len());
        for row in rows.ranges().iter().flat_map(Clone::clone) {
            values.push(match self {
                Self::Same(value) => value,
                Self::Counted(first) => i64::try_from(first_row + row as u64)
                    .ok()
                    .and_then(|row| first.checked_add(row))
                    .ok_or_else(|| Error::corrupt("row ids exceed 64 bits"))?,
            });
        }
        if values.len() != stored.len() {
            return Err(wrong());
        }
        if stored.null_count() < stored.len() {
            for (value, own) in values.iter_mut().zip(stored) {
                *value = own.unwrap_or(*value);
            }
        }
        Ok(Arc::new(Int64Array::from(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_a_value_get_theirs_by_number() {
        let rows = RowRanges::from_ranges([0..2, 5..7]);
        let stored: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7), None, Some(9)]));
        let filled = |inherited: Inherited| {
            let filled = inherited.fill(&stored, 100, &rows).unwrap();
            filled.as_primitive::<Int64Type>().values().to_vec()
        };
        assert_eq!(filled(Inherited::Counted(1000)), [1100, 7, 1105, 9]);
        assert_eq!(filled(Inherited::Same(3)), [3, 7, 3, 9]);
    }

    #[test]
    fn ids_that_overflow_are_refused() {
        let nulls = arrow_array::new_null_array(&DataType::Int64, 2);
        let rows = RowRanges::all(2);
        assert!(
            Inherited::Counted(i64::MAX - 1)
                .fill(&nulls, 0, &rows)
                .is_ok()
        );
        assert!(Inherited::Counted(i64::MAX).fill(&nulls, 0, &rows).is_err());
    }
}
