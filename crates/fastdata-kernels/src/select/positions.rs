//! A selection by row number, checked once and applied to many columns.

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, PrimitiveArray, downcast_integer_array};
use arrow_buffer::{ArrowNativeType, NullBuffer, ScalarBuffer};

use super::picks::{Part, Picks};
use crate::threads::map_each;
use crate::{Error, Result};

/// Row numbers of a part: the unit of parallel work over one column. Each may cost a wait for memory,
/// so that few of them are much work.
const PART_ROWS: usize = 16 << 10;

/// Row numbers, each known to lie below [`Positions::bound`]; a null one selects a null.
///
/// ```
/// use arrow_array::{Int64Array, StringArray};
/// use fastdata_kernels::select::{Positions, take_array};
///
/// let names = StringArray::from(vec!["a", "b", "c"]);
/// let positions = Positions::new(&Int64Array::from(vec![Some(2), None, Some(0)]), 3)?;
/// let taken = take_array(&names, &positions)?;
/// let expected = StringArray::from(vec![Some("c"), None, Some("a")]);
/// assert_eq!(&taken, &(std::sync::Arc::new(expected) as _));
/// # Ok::<(), fastdata_kernels::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Positions {
    rows: Rows,
    valid: Option<NullBuffer>,
    bound: usize,
}

/// Below the bound, or zero where null.
#[derive(Debug, Clone)]
enum Rows {
    Narrow(ScalarBuffer<u32>),
    Wide(ScalarBuffer<u64>),
}

impl Positions {
    /// Checks that every non-null value of `indices` (any integer type) is in `0..bound`, where
    /// `bound` is the length of the columns to come.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column of another type, or naming the first position out of range.
    pub fn new(indices: &dyn Array, bound: usize) -> Result<Self> {
        let valid = indices
            .nulls()
            .filter(|valid| valid.null_count() > 0)
            .cloned();
        let rows = downcast_integer_array! {
            indices => checked(indices, bound)?,
            other => {
                return Err(Error::invalid(format!("positions must be integers, not {other}")));
            }
        };
        Ok(Self { rows, valid, bound })
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Narrow(rows) => rows.len(),
            Rows::Wide(rows) => rows.len(),
        }
    }

    /// True when no row is selected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows that a column must have at least.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// The row numbers in order; zero where null.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let (narrow, wide) = match &self.rows {
            Rows::Narrow(rows) => (rows.as_ref(), &[][..]),
            Rows::Wide(rows) => (&[][..], rows.as_ref()),
        };
        let narrow = narrow.iter().map(|row| *row as usize);
        narrow.chain(wide.iter().map(|row| row.as_usize()))
    }

    /// Which positions are not null, if any is.
    pub(super) fn valid(&self) -> Option<&NullBuffer> {
        self.valid.as_ref()
    }

    /// The positions as parts of the first chunk. Null ones pick row zero, which must exist.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        match &self.rows {
            Rows::Narrow(rows) => parts_of(0, rows, Picks::Rows32).collect(),
            Rows::Wide(rows) => parts_of(0, rows, Picks::Rows64).collect(),
        }
    }
}

/// `rows` of `chunk` as parts.
pub(super) fn parts_of<'a, T>(
    chunk: usize,
    rows: &'a [T],
    picks: impl Fn(&'a [T]) -> Picks<'a>,
) -> impl Iterator<Item = Part<'a>> {
    rows.chunks(PART_ROWS).map(move |rows| Part {
        chunk,
        picks: picks(rows),
        count: rows.len(),
    })
}

fn checked<T: ArrowPrimitiveType>(indices: &PrimitiveArray<T>, bound: usize) -> Result<Rows> {
    let values = indices.values();
    if indices.null_count() == 0 {
        let parts: Vec<&[T::Native]> = values.chunks(PART_ROWS).collect();
        let fit: Vec<bool> = map_each(&parts, |part| fit::<T>(part, bound));
        if fit.contains(&false) {
            let at = values.iter().position(|row| !fits::<T>(*row, bound));
            return Err(out_of_range(&values[at.unwrap_or(0)], bound));
        }
        if let Some(rows) = as_they_are(values) {
            return Ok(rows);
        }
    } else if let Some(at) =
        (0..values.len()).find(|at| indices.is_valid(*at) && !fits::<T>(values[*at], bound))
    {
        return Err(out_of_range(&values[at], bound));
    }
    // What lies under a null may be out of range.
    let row = |at: usize| {
        if indices.is_valid(at) {
            values[at].as_usize()
        } else {
            0
        }
    };
    Ok(if u32::try_from(bound).is_ok() {
        Rows::Narrow((0..values.len()).map(|at| row(at) as u32).collect())
    } else {
        Rows::Wide((0..values.len()).map(|at| row(at) as u64).collect())
    })
}

/// A negative number is a huge one here, and an extra comparison saved.
fn fits<T: ArrowPrimitiveType>(row: T::Native, bound: usize) -> bool {
    row.to_usize().is_some_and(|row| row < bound)
}

/// Whether all of `rows` are below `bound`: without an exit in between, which would keep the compiler
/// from using vectors.
fn fit<T: ArrowPrimitiveType>(rows: &[T::Native], bound: usize) -> bool {
    rows.iter()
        .fold(true, |fit, row| fit & fits::<T>(*row, bound))
}

/// Integers of 32 and 64 bits without a copy; negative ones were refused before.
fn as_they_are<N: ArrowNativeType>(values: &ScalarBuffer<N>) -> Option<Rows> {
    let (bytes, len) = (values.inner().clone(), values.len());
    match N::get_byte_width() {
        4 => Some(Rows::Narrow(ScalarBuffer::new(bytes, 0, len))),
        8 => Some(Rows::Wide(ScalarBuffer::new(bytes, 0, len))),
        _ => None,
    }
}

#[cold]
fn out_of_range(row: &dyn std::fmt::Debug, bound: usize) -> Error {
    Error::invalid(format!("position {row:?} is outside of 0..{bound}"))
}
