//! What a scan returned, reduced to numbers that do not depend on the order of the rows.
//!
//! The rules are those of `benches/peers/answer.py`, computed here without any kernel of ours: every
//! value becomes an unsigned 64-bit number, and a column is its null count, the sum of the numbers
//! and the sum of their products with the number of the row's first column.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use serde::Serialize;

use crate::Result;

/// The answer so far; batches may come in any order and any size.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Answer {
    rows: u64,
    columns: Vec<Column>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
struct Column {
    name: String,
    nulls: u64,
    // As text: JSON readers turn large numbers into floating point.
    #[serde(serialize_with = "as_text")]
    sum: u64,
    #[serde(serialize_with = "as_text")]
    keyed: u64,
}

fn as_text<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl Answer {
    /// Adds the rows of `batch`.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.columns.is_empty() {
            let fields = batch.schema_ref().fields();
            let named = |name: &String| Column {
                name: name.clone(),
                ..Column::default()
            };
            self.columns = fields.iter().map(|field| named(field.name())).collect();
        }
        let Some(first) = batch.columns().first() else {
            return Ok(());
        };
        self.rows += batch.num_rows() as u64;
        let keys = numbers(first)?;
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column.nulls += array.null_count() as u64;
            for (key, number) in keys.iter().zip(numbers(array)?) {
                column.sum = column.sum.wrapping_add(number);
                column.keyed = column.keyed.wrapping_add(key.wrapping_mul(number));
            }
        }
        Ok(())
    }
}

/// The number of every row; a null counts as zero.
fn numbers(array: &dyn Array) -> Result<Vec<u64>> {
    Ok(match array.data_type() {
        DataType::Int8 => integers::<Int8Type>(array, |v| i64::from(v) as u64),
        DataType::Int16 => integers::<Int16Type>(array, |v| i64::from(v) as u64),
        DataType::Int32 => integers::<Int32Type>(array, |v| i64::from(v) as u64),
        DataType::Int64 => integers::<Int64Type>(array, |v| v as u64),
        DataType::Date32 => integers::<Date32Type>(array, |v| i64::from(v) as u64),
        DataType::Decimal128(..) => integers::<Decimal128Type>(array, |v| v as u64),
        DataType::Utf8 => array.as_string::<i32>().iter().map(text).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(text).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(text).collect(),
        other => return Err(format!("the answer has no rule for {other}").into()),
    })
}

fn integers<T: ArrowPrimitiveType>(array: &dyn Array, widen: fn(T::Native) -> u64) -> Vec<u64> {
    array
        .as_primitive::<T>()
        .iter()
        .map(|value| value.map_or(0, widen))
        .collect()
}

/// The sum of byte times one-based position.
fn text(value: Option<&str>) -> u64 {
    let bytes = value.unwrap_or_default().bytes();
    bytes.zip(1_u64..).fold(0, |sum, (byte, position)| {
        sum.wrapping_add(u64::from(byte).wrapping_mul(position))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Decimal128Array, Int32Array, StringViewArray};

    use super::*;

    fn answer_of(columns: Vec<(&str, ArrayRef)>) -> Answer {
        let mut answer = Answer::default();
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        answer.add(&batch).expect("known types");
        answer
    }

    #[test]
    fn every_kind_of_column_has_its_numbers() {
        let answer = answer_of(vec![
            ("key", Arc::new(Int32Array::from(vec![-1, 2]))),
            (
                "price",
                Arc::new(Decimal128Array::from(vec![Some(5), None])),
            ),
            ("name", Arc::new(StringViewArray::from(vec!["ab", ""]))),
        ]);
        let minus_one = u64::MAX;
        let ab = 97 + 2 * 98;
        assert_eq!(answer.rows, 2);
        let found = answer
            .columns
            .iter()
            .map(|c| (c.nulls, c.sum, c.keyed))
            .collect::<Vec<_>>();
        let expected = vec![
            (0, 1, 5),
            (1, 5, minus_one.wrapping_mul(5)),
            (0, ab, minus_one.wrapping_mul(ab)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn rows_that_do_not_belong_together_show() {
        let key = || Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef;
        let right = answer_of(vec![
            ("k", key()),
            ("v", Arc::new(Int32Array::from(vec![3, 4]))),
        ]);
        let wrong = answer_of(vec![
            ("k", key()),
            ("v", Arc::new(Int32Array::from(vec![4, 3]))),
        ]);
        assert_ne!(right, wrong);
    }
}
