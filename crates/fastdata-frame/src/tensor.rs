//! Lists of numbers as a matrix: one row a list, all of one width.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, FieldRef};
use std::sync::Arc;

use crate::{Column, Error, ErrorKind, Result};

/// How lists of different lengths become rows of one width.
#[derive(Debug, Clone, Default)]
pub struct TensorOptions {
    /// Values of a row; longer lists are cut. `None` is the length of the longest list.
    pub width: Option<usize>,
    /// What follows the values of a shorter list: one value. `None` is zero.
    pub pad: Option<ArrayRef>,
    /// What stands for a null value, and makes a null list one without values. `None` refuses nulls.
    pub null: Option<ArrayRef>,
}

/// A matrix in row-major order.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// `rows * width` values without nulls.
    pub values: ArrayRef,
    /// Rows.
    pub rows: usize,
    /// Values of a row.
    pub width: usize,
}

/// A tensor of more values is refused: lengths come from data.
const VALUES_MAX: usize = 1 << 36;

impl Column {
    /// The lists of this column as a matrix of their number type. Lists of one fixed size without
    /// nulls are not copied when they lie in one chunk.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the column holds no lists of numbers, when a fill value does not fit
    /// their type, or for a null that nothing stands for; `LimitExceeded` for too many values.
    pub fn to_tensor(&self, options: &TensorOptions) -> Result<Tensor> {
        let item = item_of(self)?;
        let whole = self.to_array()?;
        if let DataType::FixedSizeList(_, width) = whole.data_type() {
            let width = usize::try_from(*width).unwrap_or(0);
            let lists = whole.as_fixed_size_list();
            let fits = options.width.is_none_or(|wanted| wanted == width);
            if fits && lists.null_count() == 0 && lists.values().null_count() == 0 {
                let first = lists.value_offset(0) as usize;
                return Ok(Tensor {
                    values: lists.values().slice(first, lists.len() * width),
                    rows: lists.len(),
                    width,
                });
            }
        }
        let rows = Lists::new(self.field().name(), &whole)?;
        macro_rules! fill {
            ($($kind:ident => $primitive:ty),*) => {
                match item.data_type() {
                    $(DataType::$kind => fill::<$primitive>(&rows, &item, options),)*
                    other => Err(Error::invalid(format!(
                        "column `{}` holds lists of {other}, not of numbers",
                        self.field().name()
                    ))),
                }
            };
        }
        fill!(
            Int8 => Int8Type, Int16 => Int16Type, Int32 => Int32Type, Int64 => Int64Type,
            UInt8 => UInt8Type, UInt16 => UInt16Type, UInt32 => UInt32Type, UInt64 => UInt64Type,
            Float16 => Float16Type, Float32 => Float32Type, Float64 => Float64Type
        )
    }
}

fn item_of(column: &Column) -> Result<FieldRef> {
    match column.field().data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Ok(Arc::clone(item))
        }
        other => Err(Error::invalid(format!(
            "column `{}` is {other}, not a list",
            column.field().name()
        ))),
    }
}

/// Where each list lies in the values.
struct Lists<'a> {
    column: &'a str,
    values: &'a ArrayRef,
    /// Start and length; `None` for a null list.
    spans: Vec<Option<(usize, usize)>>,
}

impl<'a> Lists<'a> {
    fn new(column: &'a str, array: &'a ArrayRef) -> Result<Self> {
        let span = |row: usize, start: usize, end: usize| {
            array.is_valid(row).then(|| (start, end - start))
        };
        let rows = 0..array.len();
        let (values, spans) = match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let offsets = lists.value_offsets();
                let at = |row: usize| offsets[row] as usize;
                (
                    lists.values(),
                    rows.map(|row| span(row, at(row), at(row + 1))).collect(),
                )
            }
            DataType::LargeList(_) => {
                let lists = array.as_list::<i64>();
                let offsets = lists.value_offsets();
                let at = |row: usize| offsets[row] as usize;
                (
                    lists.values(),
                    rows.map(|row| span(row, at(row), at(row + 1))).collect(),
                )
            }
            DataType::FixedSizeList(_, width) => {
                let lists = array.as_fixed_size_list();
                let width = usize::try_from(*width).unwrap_or(0);
                let first = lists.value_offset(0) as usize;
                let at = |row: usize| first + row * width;
                (
                    lists.values(),
                    rows.map(|row| span(row, at(row), at(row + 1))).collect(),
                )
            }
            other => return Err(Error::invalid(format!("column `{column}` is {other}"))),
        };
        Ok(Self {
            column,
            values,
            spans,
        })
    }

    fn longest(&self) -> usize {
        let lengths = self.spans.iter().flatten().map(|(_, len)| *len);
        lengths.max().unwrap_or(0)
    }
}

fn fill<T: ArrowPrimitiveType>(
    lists: &Lists<'_>,
    item: &FieldRef,
    options: &TensorOptions,
) -> Result<Tensor> {
    let pad = fill_value::<T>("pad", options.pad.as_ref(), item)?.unwrap_or_default();
    let null = fill_value::<T>("null", options.null.as_ref(), item)?;
    let width = options.width.unwrap_or_else(|| lists.longest());
    let rows = lists.spans.len();
    let total = rows.checked_mul(width).filter(|total| *total <= VALUES_MAX);
    let total = total.ok_or_else(|| {
        Error::new(
            ErrorKind::LimitExceeded,
            format!("a tensor of {rows} rows of {width} values; give a smaller width"),
        )
    })?;
    let refused = |row: usize| {
        Error::invalid(format!(
            "column `{}` has a null in row {row}; say what stands for it",
            lists.column
        ))
    };
    let source: &PrimitiveArray<T> = lists.values.as_primitive();
    let mut out: Vec<T::Native> = Vec::with_capacity(total);
    for (row, span) in lists.spans.iter().enumerate() {
        let end = (row + 1) * width;
        match span {
            Some((start, len)) => {
                let taken = *start..start + (*len).min(width);
                match (source.nulls(), null) {
                    (None, _) => out.extend_from_slice(&source.values()[taken]),
                    (Some(nulls), null) => {
                        for at in taken {
                            out.push(match (nulls.is_valid(at), null) {
                                (true, _) => source.values()[at],
                                (false, Some(null)) => null,
                                (false, None) => return Err(refused(row)),
                            });
                        }
                    }
                }
            }
            None if null.is_none() => return Err(refused(row)),
            None => {}
        }
        out.resize(end, pad);
    }
    Ok(Tensor {
        values: Arc::new(PrimitiveArray::<T>::from_iter_values(out)),
        rows,
        width,
    })
}

fn fill_value<T: ArrowPrimitiveType>(
    what: &str,
    value: Option<&ArrayRef>,
    item: &FieldRef,
) -> Result<Option<T::Native>> {
    let Some(value) = value else { return Ok(None) };
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let wrong = || Error::invalid(format!("{what} is no value of {}", item.data_type()));
    let cast = cast_with_options(value, item.data_type(), &strict)
        .map_err(|cause| wrong().with_source(cause))?;
    match (cast.len(), cast.null_count()) {
        (1, 0) => Ok(Some(cast.as_primitive::<T>().value(0))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int64Array, ListArray, RecordBatch};

    use super::*;
    use crate::DataFrame;

    fn column() -> Column {
        let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![
            Some(vec![Some(1.0), Some(2.0), Some(3.0)]),
            Some(vec![]),
            Some(vec![Some(4.0)]),
        ]);
        let batch = RecordBatch::try_from_iter([("x", Arc::new(lists) as ArrayRef)]).unwrap();
        DataFrame::from(batch)
            .slice(1, 2)
            .unwrap()
            .column("x")
            .unwrap()
    }

    #[test]
    fn pads_and_cuts() {
        let tensor = column().to_tensor(&TensorOptions::default()).unwrap();
        assert_eq!((tensor.rows, tensor.width), (2, 1));
        assert_eq!(tensor.values.as_ref(), &Float64Array::from(vec![0.0, 4.0]));
        let options = TensorOptions {
            width: Some(2),
            pad: Some(Arc::new(Int64Array::from(vec![-1]))),
            null: None,
        };
        let tensor = column().to_tensor(&options).unwrap();
        let expected = Float64Array::from(vec![-1.0, -1.0, 4.0, -1.0]);
        assert_eq!(tensor.values.as_ref(), &expected);
    }

    #[test]
    fn nulls_are_refused_or_replaced() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
        ]);
        let batch = RecordBatch::try_from_iter([("x", Arc::new(lists) as ArrayRef)]).unwrap();
        let column = DataFrame::from(batch).column("x").unwrap();
        assert!(column.to_tensor(&TensorOptions::default()).is_err());
        let options = TensorOptions {
            null: Some(Arc::new(Int64Array::from(vec![9]))),
            ..TensorOptions::default()
        };
        let tensor = column.to_tensor(&options).unwrap();
        assert_eq!(tensor.values.as_ref(), &Int64Array::from(vec![1, 9, 0, 0]));
    }
}
