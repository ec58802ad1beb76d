//! Rows by mask, and the two selections that need none: everything, and a range.

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};

use super::array::select;
use super::picks::{Job, Sources};
use super::{Mask, NullAs};
use crate::threads::map_each;
use crate::{Error, Result};

/// Batches of fewer rows are filtered by the calling thread, column by column.
const PARALLEL_ROWS_MIN: usize = 64 << 10;

/// The rows of `array` that live in `mask`, in order.
///
/// A mask that keeps everything gives the array itself, without a copy. Strings as views share their
/// bytes with `array`, unless that would hold on to more than four times what is in use of them.
///
/// # Errors
///
/// `InvalidArgument` when the two are of different length.
pub fn filter_array(array: &dyn Array, mask: &Mask) -> Result<ArrayRef> {
    check_lengths(array, mask)?;
    if mask.count() == mask.len() {
        return Ok(array.slice(0, array.len()));
    }
    let mut job = Job {
        chunks: vec![array],
        parts: Vec::new(),
        sources: Sources::Dropped,
    };
    mask.parts(0, &mut job.parts);
    select(&job)
}

/// [`filter_array`] on every column.
///
/// # Errors
///
/// As [`filter_array`].
pub fn filter_batch(batch: &RecordBatch, mask: &Mask) -> Result<RecordBatch> {
    let columns = for_each_column(batch, &|column| filter_array(column, mask))?;
    rebuild(batch, columns, mask.count())
}

pub(super) fn for_each_column(
    batch: &RecordBatch,
    work: &(dyn Fn(&dyn Array) -> Result<ArrayRef> + Sync),
) -> Result<Vec<ArrayRef>> {
    match batch.num_rows() >= PARALLEL_ROWS_MIN {
        true => map_each(batch.columns(), |column| work(column)),
        false => batch.columns().iter().map(|column| work(column)).collect(),
    }
}

pub(super) fn rebuild(
    batch: &RecordBatch,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
        .map_err(|cause| Error::invalid("columns that do not make a batch").with_source(cause))
}

/// The living rows of all `chunks` of one column as one contiguous array, in order: allocated once,
/// at its exact size, and filled in parallel. Strings as views share their bytes with the chunks, which
/// are expected to live on, unless that would hold on to more than sixteen times what is in use.
///
/// # Errors
///
/// `InvalidArgument` when there is no chunk, when the types differ, or when a mask's length is not
/// its chunk's; `LimitExceeded` when the result does not fit the layout's offsets.
pub fn filter_chunked(chunks: &[&dyn Array], masks: &[Mask]) -> Result<ArrayRef> {
    if chunks.len() != masks.len() {
        return Err(Error::invalid(format!(
            "{} masks for {} chunks",
            masks.len(),
            chunks.len()
        )));
    }
    let mut parts = Vec::new();
    for (at, (chunk, mask)) in chunks.iter().zip(masks).enumerate() {
        check_lengths(*chunk, mask)?;
        mask.parts(at, &mut parts);
    }
    select(&Job {
        chunks: chunks.to_vec(),
        parts,
        sources: Sources::Kept,
    })
}

/// The rows of `values` for which `keep` is true; `nulls` says what a null in `keep` means.
///
/// # Errors
///
/// As [`filter_array`].
pub fn take_by_boolean(values: &dyn Array, keep: &BooleanArray, nulls: NullAs) -> Result<ArrayRef> {
    filter_array(values, &Mask::from_boolean(keep, nulls))
}

/// All `chunks` of one column as one contiguous array. A single chunk is returned as it is.
///
/// # Errors
///
/// As [`filter_chunked`].
pub fn concat(chunks: &[&dyn Array]) -> Result<ArrayRef> {
    if let [only] = chunks {
        return Ok(only.slice(0, only.len()));
    }
    let masks: Vec<Mask> = chunks.iter().map(|chunk| Mask::all(chunk.len())).collect();
    filter_chunked(chunks, &masks)
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
            "{len} rows from row {offset} on of a column of {} rows",
            array.len()
        ))),
    }
}

fn check_lengths(array: &dyn Array, mask: &Mask) -> Result<()> {
    if array.len() == mask.len() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a mask of {} rows for a column of {} rows",
        mask.len(),
        array.len()
    )))
}
