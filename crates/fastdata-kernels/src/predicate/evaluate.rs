//! From a bound predicate and columns to a mask.

use arrow_array::RecordBatch;
use arrow_buffer::BooleanBuffer;

use super::Bound;
use crate::Result;

impl Bound {
    /// The rows of `batch` for which the condition is true: one bit a row, null counted as false.
    /// `batch` has the schema that the predicate was bound to (columns that no atom names may be
    /// of any type).
    pub fn evaluate(&self, _batch: &RecordBatch) -> Result<BooleanBuffer> {
        todo!("kernels helper")
    }
}
