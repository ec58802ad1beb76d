//! Rows by position.

use arrow_array::{Array, ArrayRef, RecordBatch};

use super::Positions;
use crate::{Error, Result};

/// The rows of `values` at `positions`, in their order; null where the position is null.
///
/// # Errors
///
/// `InvalidArgument` when `values` is shorter than the positions' bound; `LimitExceeded` when the
/// result does not fit the layout's offsets.
pub fn take_array(values: &dyn Array, positions: &Positions) -> Result<ArrayRef> {
    if values.len() < positions.bound() {
        return Err(Error::invalid(format!(
            "positions up to {} in a column of {} rows",
            positions.bound(),
            values.len()
        )));
    }
    arrow_select::take::take(values, &positions.rows, None)
        .map_err(|e| Error::invalid("take").with_source(e))
}

/// [`take_array`] on every column.
pub fn take_batch(batch: &RecordBatch, positions: &Positions) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|c| take_array(c, positions))
        .collect::<Result<Vec<_>>>()?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(positions.len()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
        .map_err(|e| Error::invalid("a null position in a column that allows none").with_source(e))
}
