//! Rows by position.

use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::Positions;
use super::array::{select, with_validity};
use super::filter::{for_each_column, rebuild};
use super::picks::{Job, Sources};
use crate::{Error, Result};

/// The rows of `values` at `positions`, in their order; null where the position is null.
///
/// # Errors
///
/// `InvalidArgument` when `values` is shorter than the positions' bound; `LimitExceeded` when the
/// result does not fit the layout's offsets; `Unsupported` for null positions in unions and run-end
/// encoded columns, which cannot hold a null of their own.
pub fn take_array(values: &dyn Array, positions: &Positions) -> Result<ArrayRef> {
    if values.len() < positions.bound() {
        return Err(Error::invalid(format!(
            "positions up to {} in a column of {} rows",
            positions.bound(),
            values.len()
        )));
    }
    if values.is_empty() {
        // The bound was zero, so all positions are null.
        return Ok(new_null_array(values.data_type(), positions.len()));
    }
    let job = Job {
        chunks: vec![values],
        parts: positions.parts(),
        sources: Sources::Kept,
    };
    with_nulls_of(select(&job)?, positions.valid())
}

/// `taken`, with nulls also where a position was null.
///
/// # Errors
///
/// `Unsupported` for null positions in layouts that cannot hold a null of their own.
pub(super) fn with_nulls_of(taken: ArrayRef, valid: Option<&NullBuffer>) -> Result<ArrayRef> {
    let Some(valid) = valid else {
        return Ok(taken);
    };
    match taken.data_type() {
        DataType::Null => Ok(taken),
        // These have no validity of their own, and `arrow-select` gives some value instead of null
        // for run-end encoding.
        DataType::Union(..) | DataType::RunEndEncoded(..) => Err(Error::unsupported(format!(
            "null positions in a column of {}",
            taken.data_type()
        ))),
        _ => {
            let nulls = NullBuffer::union(taken.nulls(), Some(valid));
            Ok(with_validity(&taken, nulls))
        }
    }
}

/// [`take_array`] on every column.
///
/// # Errors
///
/// As [`take_array`]; `InvalidArgument` for a null position when a column allows no nulls.
pub fn take_batch(batch: &RecordBatch, positions: &Positions) -> Result<RecordBatch> {
    let columns = for_each_column(batch, &|column| take_array(column, positions))?;
    rebuild(batch, columns, positions.len())
}
