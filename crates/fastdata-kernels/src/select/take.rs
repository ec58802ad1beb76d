//! Rows by position.

use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;

use super::Positions;
use super::array::{select, with_validity};
use super::filter::{for_each_column, rebuild};
use super::picks::Job;
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
    if let (Some(_), DataType::Union(..) | DataType::RunEndEncoded(..)) =
        (positions.valid(), values.data_type())
    {
        // These have no validity of their own, and `arrow-select` gives some value instead of null
        // for run-end encoding.
        return Err(Error::unsupported(format!(
            "null positions in a column of {}",
            values.data_type()
        )));
    }
    let job = Job {
        chunks: vec![values],
        parts: positions.parts(),
    };
    let taken = select(&job)?;
    Ok(match positions.valid() {
        Some(valid) if *taken.data_type() != DataType::Null => {
            let nulls = NullBuffer::union(taken.nulls(), Some(valid));
            with_validity(&taken, nulls)
        }
        _ => taken,
    })
}

/// [`take_array`] on every column, in parallel when the batch is large.
///
/// # Errors
///
/// As [`take_array`]; `InvalidArgument` for a null position when a column allows no nulls.
pub fn take_batch(batch: &RecordBatch, positions: &Positions) -> Result<RecordBatch> {
    let columns = for_each_column(batch, &|column| take_array(column, positions))?;
    rebuild(batch, columns, positions.len())
}
