//! Rows by mask, and the two selections that need none: everything, and a range.

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};

use super::{Mask, NullAs};
use crate::{Error, Result};

/// The rows of `array` that live in `mask`, in order.
///
/// # Errors
///
/// `InvalidArgument` when the two are of different length.
pub fn filter_array(array: &dyn Array, mask: &Mask) -> Result<ArrayRef> {
    if array.len() != mask.len() {
        return Err(Error::invalid(format!(
            "a mask of {} rows for a column of {} rows",
            mask.len(),
            array.len()
        )));
    }
    arrow_select::filter::filter(array, &BooleanArray::new(mask.bits().clone(), None))
        .map_err(|e| Error::invalid("filter").with_source(e))
}

/// [`filter_array`] on every column.
pub fn filter_batch(batch: &RecordBatch, mask: &Mask) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|c| filter_array(c, mask))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(mask.count()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
        .map_err(|e| Error::invalid("filter").with_source(e))
}

/// The living rows of all `chunks` of one column as one contiguous array, in order.
///
/// # Errors
///
/// `InvalidArgument` when there is no chunk, when the types differ, or when a mask's length is not
/// its chunk's; `LimitExceeded` when the result does not fit the layout's offsets.
pub fn filter_chunked(chunks: &[&dyn Array], masks: &[Mask]) -> Result<ArrayRef> {
    let kept = chunks
        .iter()
        .zip(masks)
        .map(|(chunk, mask)| filter_array(*chunk, mask))
        .collect::<Result<Vec<_>>>()?;
    concat(&kept.iter().map(|a| a.as_ref()).collect::<Vec<_>>())
}

/// The rows of `values` for which `keep` is true.
pub fn take_by_boolean(values: &dyn Array, keep: &BooleanArray, nulls: NullAs) -> Result<ArrayRef> {
    filter_array(values, &Mask::from_boolean(keep, nulls))
}

/// All `chunks` of one column as one contiguous array.
pub fn concat(chunks: &[&dyn Array]) -> Result<ArrayRef> {
    arrow_select::concat::concat(chunks).map_err(|e| Error::invalid("concat").with_source(e))
}

/// `len` rows from `offset` on, without a copy.
///
/// # Errors
///
/// `InvalidArgument` when the range passes the end.
pub fn slice(array: &dyn Array, offset: usize, len: usize) -> Result<ArrayRef> {
    match offset.checked_add(len) {
        Some(end) if end <= array.len() => Ok(array.slice(offset, len)),
        _ => Err(Error::invalid(format!(
            "rows {offset}..{offset}+{len} of a column of {} rows",
            array.len()
        ))),
    }
}
