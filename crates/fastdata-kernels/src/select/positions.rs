//! A selection by row number, checked once and applied to many columns.

use arrow_array::Array;
use arrow_array::UInt64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;

use crate::{Error, Result};

/// Row numbers, each known to lie below [`Positions::bound`]; a null one selects a null.
#[derive(Debug, Clone)]
pub struct Positions {
    pub(super) rows: UInt64Array,
    bound: usize,
}

impl Positions {
    /// Checks that every non-null value of `indices` (any integer type) is in `0..bound`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column of another type, or naming the first position out of range.
    pub fn new(indices: &dyn Array, bound: usize) -> Result<Self> {
        if !indices.data_type().is_integer() {
            return Err(Error::invalid(format!(
                "positions must be integers, not {}",
                indices.data_type()
            )));
        }
        let rows = arrow_cast::cast(indices, &arrow_schema::DataType::UInt64)
            .map_err(|e| Error::invalid("positions").with_source(e))?;
        let rows = rows.as_primitive::<UInt64Type>().clone();
        if rows.null_count() != indices.null_count()
            || rows.iter().flatten().any(|row| row >= bound as u64)
        {
            return Err(Error::invalid(format!(
                "a position is outside of 0..{bound}"
            )));
        }
        Ok(Self { rows, bound })
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when no row is selected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that a column must have at least.
    pub fn bound(&self) -> usize {
        self.bound
    }
}
