//! Rows in memory: batches of one schema.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};

use crate::columns::check_names;
use crate::{Column, Error, Result};

/// Rows of named columns, immutable and cheap to clone and to slice.
///
/// The rows lie in chunks, the batches as they came; operations that select rows give one chunk.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
/// use fastdata_frame::DataFrame;
///
/// let names: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
/// let scores: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let frame = DataFrame::from(RecordBatch::try_from_iter([("name", names), ("score", scores)])?);
/// assert_eq!((frame.num_rows(), frame.num_columns()), (3, 2));
/// assert_eq!(frame.filter("score > 1 and name <> 'c'")?.num_rows(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataFrame {
    schema: SchemaRef,
    chunks: Arc<[RecordBatch]>,
    num_rows: usize,
}

impl DataFrame {
    /// A frame of `batches`, in their order. Batches without rows are left out.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when a batch has other names or types than `schema`, or when two columns have
    /// one name.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        check_names(schema.fields())?;
        for batch in &batches {
            check_schema(&schema, &batch.schema())?;
        }
        Ok(Self::of_chunks(schema, batches))
    }

    /// As [`DataFrame::new`], for batches that are known to be of `schema`.
    pub(crate) fn of_chunks(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        let chunks: Arc<[RecordBatch]> = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .collect();
        Self {
            num_rows: chunks.iter().map(RecordBatch::num_rows).sum(),
            schema,
            chunks,
        }
    }

    /// Rows.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Columns.
    pub fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// Bytes of the values that the frame's rows take in memory. Rows that are a slice of a larger
    /// whole keep the whole alive; that is not counted here.
    pub fn nbytes(&self) -> usize {
        let columns = self.chunks.iter().flat_map(RecordBatch::columns);
        columns.map(slice_bytes).sum()
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns' names, in their order.
    ///
    /// ```
    /// # use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// # let ids: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![1, 2]));
    /// let frame = fastdata_frame::DataFrame::from(RecordBatch::try_from_iter([("id", ids)])?);
    /// assert_eq!(frame.columns().collect::<Vec<_>>(), ["id"]);
    /// assert_eq!((&frame).into_iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
    }

    /// The chunks, none of them empty.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.chunks
    }

    /// The column called `name`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there is none; the message has the names that are near.
    pub fn column(&self, name: &str) -> Result<Column> {
        self.column_at(self.index_of(name)?)
    }

    /// The column at `index`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there are fewer columns.
    pub fn column_at(&self, index: usize) -> Result<Column> {
        let field = self.schema.fields().get(index).ok_or_else(|| {
            Error::invalid(format!(
                "column {index} of a frame of {} columns",
                self.num_columns()
            ))
        })?;
        Ok(Column::of_chunks(
            Arc::clone(field),
            self.column_chunks(index),
        ))
    }

    /// The arrays of the column at `index`, which must exist.
    pub(crate) fn column_chunks(&self, index: usize) -> Vec<ArrayRef> {
        let chunks = self.chunks.iter();
        chunks
            .map(|chunk| Arc::clone(chunk.column(index)))
            .collect()
    }

    pub(crate) fn index_of(&self, name: &str) -> Result<usize> {
        let mut found = self.schema.fields().iter().enumerate();
        let index = found.find(|(_, field)| field.name() == name);
        index
            .map(|(index, _)| index)
            .ok_or_else(|| unknown_column(name, &self.schema))
    }

    /// Whether both frames have the same names, types and values, however they are chunked.
    pub fn equals(&self, other: &Self) -> bool {
        if check_schema(&self.schema, &other.schema).is_err() || self.num_rows != other.num_rows {
            return false;
        }
        (0..self.num_columns()).all(|index| {
            let of = |frame: &Self| {
                Column::of_chunks(
                    Arc::clone(&frame.schema.fields()[index]),
                    frame.column_chunks(index),
                )
            };
            match (of(self).to_array(), of(other).to_array()) {
                (Ok(one), Ok(other)) => *one == *other,
                _ => false,
            }
        })
    }
}

/// Batch by batch.
impl<'a> IntoIterator for &'a DataFrame {
    type Item = &'a RecordBatch;
    type IntoIter = std::slice::Iter<'a, RecordBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.iter()
    }
}

impl From<RecordBatch> for DataFrame {
    fn from(batch: RecordBatch) -> Self {
        Self::of_chunks(batch.schema(), vec![batch])
    }
}

/// Names and types must agree; whether null is allowed and what metadata says need not.
pub(crate) fn check_schema(expected: &Schema, actual: &Schema) -> Result<()> {
    let same = expected.fields().len() == actual.fields().len()
        && expected
            .fields()
            .iter()
            .zip(actual.fields())
            .all(|(one, other)| {
                one.name() == other.name() && one.data_type().equals_datatype(other.data_type())
            });
    if same {
        return Ok(());
    }
    let columns = |schema: &Schema| {
        let fields = schema.fields().iter();
        let columns: Vec<String> = fields
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        columns.join(", ")
    };
    Err(Error::invalid(format!(
        "rows of ({}) do not go with rows of ({})",
        columns(actual),
        columns(expected)
    )))
}

/// Names that differ by so many edits at most are worth a hint.
const NEAR_EDITS_MAX: usize = 3;

#[cold]
pub(crate) fn unknown_column(name: &str, schema: &Schema) -> Error {
    let mut near: Vec<(usize, &str)> = schema
        .fields()
        .iter()
        .map(|field| {
            let edits = edits(&name.to_lowercase(), &field.name().to_lowercase());
            (edits, field.name().as_str())
        })
        .filter(|(edits, _)| *edits <= NEAR_EDITS_MAX.min(name.chars().count().max(2) - 1))
        .collect();
    near.sort();
    let near: Vec<String> = near
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    Error::invalid(match (near.is_empty(), schema.fields().is_empty()) {
        (false, _) => format!("no column `{name}`; did you mean {}?", near.join(" or ")),
        (true, true) => format!("no column `{name}`: the frame has no columns"),
        (true, false) => {
            let names: Vec<&str> = schema
                .fields()
                .iter()
                .take(20)
                .map(|field| field.name().as_str())
                .collect();
            let more = if schema.fields().len() > 20 {
                ", …"
            } else {
                ""
            };
            format!(
                "no column `{name}`; the columns are {}{more}",
                names.join(", ")
            )
        }
    })
}

/// Insertions, deletions and replacements that lead from `one` to `other`.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, from) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in other.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

fn slice_bytes(array: &ArrayRef) -> usize {
    let data = array.to_data();
    data.get_slice_memory_size()
        .unwrap_or_else(|_| array.get_array_memory_size())
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;
    use arrow_schema::{DataType, Field};

    use super::*;

    #[test]
    fn near_names_are_told() {
        let fields = ["event_time", "user_id"].map(|name| Field::new(name, DataType::Int64, true));
        let schema = Schema::new(fields.to_vec());
        let told = |name: &str| unknown_column(name, &schema).to_string();
        assert_eq!(
            told("userid"),
            "no column `userid`; did you mean `user_id`?"
        );
        assert_eq!(
            told("User_Id"),
            "no column `User_Id`; did you mean `user_id`?"
        );
        assert_eq!(
            told("price"),
            "no column `price`; the columns are event_time, user_id"
        );
    }

    #[test]
    fn frames_are_equal_whatever_their_chunks() {
        let batch = |values: Vec<i64>| {
            let column: ArrayRef = Arc::new(Int64Array::from(values));
            RecordBatch::try_from_iter([("n", column)]).unwrap()
        };
        let whole = DataFrame::from(batch(vec![1, 2, 3]));
        let chunks = vec![batch(vec![1]), batch(vec![]), batch(vec![2, 3])];
        let parts = DataFrame::new(Arc::clone(whole.schema()), chunks).unwrap();
        assert_eq!(parts.batches().len(), 2);
        assert!(whole.equals(&parts));
        assert!(!whole.equals(&DataFrame::from(batch(vec![1, 2, 4]))));
        assert_eq!(whole.nbytes(), 24);
        assert_eq!(whole.slice(1, 1).unwrap().nbytes(), 8);
    }
}
