//! Carrying out a [`FieldPlan`] on a batch.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, GenericListArray, MapArray, OffsetSizeTrait, StructArray, UInt32Array,
};
use arrow_schema::{DataType, Field, FieldRef};

use super::convert::Conversion;
use super::plan::{ChildPlan, FieldPlan};
use crate::{Error, ErrorKind, Result};

impl FieldPlan {
    /// Whether values of a fixed width come out with the bits that they have in the file.
    pub(crate) fn keeps_bits(&self) -> bool {
        matches!(self, Self::Leaf(Conversion::None | Conversion::Relabel(_)))
    }

    /// Makes the column `target` of `row_count` rows from what the file delivered (`None` only for
    /// constants).
    pub(crate) fn adapt(
        &self,
        target: &Field,
        array: Option<ArrayRef>,
        row_count: usize,
    ) -> Result<ArrayRef> {
        match (self, array) {
            (Self::Constant(value), _) => repeat(value, row_count),
            (Self::Leaf(conversion), Some(array)) => conversion.apply(array),
            (Self::Struct(children), Some(array)) => adapt_struct(target, children, &array),
            (Self::List(element), Some(array)) => match array.data_type() {
                DataType::LargeList(_) => adapt_list::<i64>(target, element, &array),
                _ => adapt_list::<i32>(target, element, &array),
            },
            (Self::Map(key, value), Some(array)) => adapt_map(target, key, value, &array),
            (_, None) => Err(mismatch(target, "the reader delivered no column")),
        }
    }
}

/// `value` (length 1) `row_count` times.
pub(crate) fn repeat(value: &ArrayRef, row_count: usize) -> Result<ArrayRef> {
    if value.is_null(0) || value.data_type() == &DataType::Null {
        return Ok(arrow_array::new_null_array(value.data_type(), row_count));
    }
    let indices = UInt32Array::from(vec![0_u32; row_count]);
    arrow_select::take::take(value.as_ref(), &indices, None).map_err(|source| {
        Error::new(ErrorKind::LimitExceeded, "a constant column is too large").with_source(source)
    })
}

fn adapt_struct(target: &Field, children: &[ChildPlan], array: &ArrayRef) -> Result<ArrayRef> {
    let DataType::Struct(fields) = target.data_type() else {
        return Err(mismatch(target, "a struct was planned for another type"));
    };
    let source = array
        .as_struct_opt()
        .ok_or_else(|| mismatch(target, "the file delivered no struct"))?;
    let mut columns = Vec::with_capacity(children.len());
    for (field, child) in fields.iter().zip(children) {
        let column = match child.position {
            None => None,
            Some(position) => Some(
                source
                    .columns()
                    .get(position)
                    .cloned()
                    .ok_or_else(|| mismatch(target, "the file's struct lacks a child"))?,
            ),
        };
        columns.push(child.plan.adapt(field, column, source.len())?);
    }
    let nulls = source.nulls().cloned();
    if fields.is_empty() {
        return Ok(Arc::new(StructArray::new_empty_fields(source.len(), nulls)));
    }
    let built = StructArray::try_new(fields.clone(), columns, nulls);
    built
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| broken(target, source))
}

fn adapt_list<O: OffsetSizeTrait>(
    target: &Field,
    element: &FieldPlan,
    array: &ArrayRef,
) -> Result<ArrayRef> {
    let (DataType::List(field) | DataType::LargeList(field)) = target.data_type() else {
        return Err(mismatch(target, "a list was planned for another type"));
    };
    let source = array
        .as_list_opt::<O>()
        .ok_or_else(|| mismatch(target, "the file delivered no list"))?;
    let values = element.adapt(field, Some(source.values().clone()), source.values().len())?;
    let nulls = source.nulls().cloned();
    let built =
        GenericListArray::<O>::try_new(field.clone(), source.offsets().clone(), values, nulls)
            .map_err(|source| broken(target, source))?;
    let built: ArrayRef = Arc::new(built);
    match built.data_type() == target.data_type() {
        true => Ok(built),
        false => {
            arrow_cast::cast(&built, target.data_type()).map_err(|source| broken(target, source))
        }
    }
}

fn adapt_map(
    target: &Field,
    key: &FieldPlan,
    value: &FieldPlan,
    array: &ArrayRef,
) -> Result<ArrayRef> {
    let DataType::Map(entries_field, ordered) = target.data_type() else {
        return Err(mismatch(target, "a map was planned for another type"));
    };
    let DataType::Struct(fields) = entries_field.data_type() else {
        return Err(mismatch(target, "the table's map has no entries"));
    };
    let [key_field, value_field]: &[FieldRef] = fields else {
        return Err(mismatch(target, "the table's map has no key and value"));
    };
    let source = array
        .as_map_opt()
        .ok_or_else(|| mismatch(target, "the file delivered no map"))?;
    let entry_count = source.entries().len();
    let keys = key.adapt(key_field, Some(source.keys().clone()), entry_count)?;
    let values = value.adapt(value_field, Some(source.values().clone()), entry_count)?;
    let entries = StructArray::try_new(
        fields.clone(),
        vec![keys, values],
        source.entries().nulls().cloned(),
    )
    .map_err(|source| broken(target, source))?;
    let built = MapArray::try_new(
        entries_field.clone(),
        source.offsets().clone(),
        entries,
        source.nulls().cloned(),
        *ordered,
    );
    built
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|source| broken(target, source))
}

/// The struct child that `path` (child positions) leads to, null wherever a parent is null.
pub(crate) fn extract_child(array: ArrayRef, path: &[usize]) -> Result<ArrayRef> {
    let Some((first, rest)) = path.split_first() else {
        return Ok(array);
    };
    let lacking = || Error::new(ErrorKind::Corrupt, "a struct column lacks a nested field");
    let parent = array.as_struct_opt().ok_or_else(lacking)?;
    let child = parent.columns().get(*first).cloned().ok_or_else(lacking)?;
    let nulls = arrow_buffer::NullBuffer::union(parent.nulls(), child.logical_nulls().as_ref());
    let child = match parent.null_count() {
        0 => child,
        _ => {
            let data = child.to_data().into_builder().nulls(nulls).build();
            arrow_array::make_array(data.map_err(|source| lacking().with_source(source))?)
        }
    };
    extract_child(child, rest)
}

fn mismatch(target: &Field, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("column `{}`: {what}", target.name()),
    )
}

fn broken(target: &Field, source: arrow_schema::ArrowError) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "column `{}` breaks the table's schema (a null in a required field?)",
            target.name()
        ),
    )
    .with_source(source)
}
