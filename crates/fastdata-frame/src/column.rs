//! One column of a frame.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, new_empty_array};
use arrow_schema::FieldRef;
use fastdata_kernels::select;
use fastdata_scan::on_threads;

use crate::Result;

/// Fewer values than this are moved by the calling thread: it has them where they go before another
/// one is awake.
pub(crate) const PARALLEL_VALUES_MIN: usize = 256 << 10;
/// The same for values that are picked one here and one there, each of which may be waited for.
pub(crate) const PARALLEL_PICKS_MIN: usize = 16 << 10;

/// Runs `work` on our threads when it is much, else on the calling one.
pub(crate) fn threaded<T: Send>(
    is_much: bool,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    match is_much {
        true => on_threads(work)?,
        false => work(),
    }
}

/// The values of one column, in chunks.
#[derive(Debug, Clone)]
pub struct Column {
    field: FieldRef,
    chunks: Arc<[ArrayRef]>,
    len: usize,
}

impl Column {
    /// A column of `chunks`, all of the type of `field`.
    pub(crate) fn of_chunks(field: FieldRef, chunks: Vec<ArrayRef>) -> Self {
        Self {
            len: chunks.iter().map(|chunk| chunk.len()).sum(),
            field,
            chunks: chunks.into(),
        }
    }

    /// Name, type and whether null is allowed.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Rows that are null.
    pub fn null_count(&self) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.logical_null_count())
            .sum()
    }

    /// The chunks.
    pub fn chunks(&self) -> &[ArrayRef] {
        &self.chunks
    }

    /// All values as one array: without a copy when there is one chunk.
    ///
    /// # Errors
    ///
    /// `LimitExceeded` when the values do not fit 32-bit offsets.
    pub fn to_array(&self) -> Result<ArrayRef> {
        if self.chunks.is_empty() {
            return Ok(new_empty_array(self.field.data_type()));
        }
        let chunks: Vec<&dyn Array> = self.chunks.iter().map(|chunk| chunk.as_ref()).collect();
        let is_much = chunks.len() > 1 && self.len >= PARALLEL_VALUES_MIN;
        threaded(is_much, || Ok(select::concat(&chunks)?))
    }
}
