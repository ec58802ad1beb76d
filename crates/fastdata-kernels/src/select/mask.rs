//! A selection by bitmap, prepared once and applied to many columns.

use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;

/// What a null in a boolean column means when the column is used as a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullAs {
    /// The row is dropped, as in SQL.
    False,
    /// The row is kept.
    True,
}

/// Which of a column's rows live: one bit a row.
#[derive(Debug, Clone)]
pub struct Mask {
    bits: BooleanBuffer,
    count: usize,
}

impl Mask {
    /// Prepares `bits`.
    pub fn new(bits: BooleanBuffer) -> Self {
        let count = bits.count_set_bits();
        Self { bits, count }
    }

    /// The rows of `column` that are true.
    pub fn from_boolean(column: &BooleanArray, nulls: NullAs) -> Self {
        match (column.nulls(), nulls) {
            (None, _) => Self::new(column.values().clone()),
            (Some(valid), NullAs::False) => Self::new(column.values() & valid.inner()),
            (Some(valid), NullAs::True) => Self::new(column.values() | &!valid.inner()),
        }
    }

    /// Rows that the mask decides about.
    pub fn len(&self) -> usize {
        self.bits.len()
    }

    /// True when the mask is over no rows at all.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Rows that live.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bitmap.
    pub fn bits(&self) -> &BooleanBuffer {
        &self.bits
    }
}
