//! What statistics already decide about a predicate.

use super::{Atom, Bound, ColumnPath, Datum};

/// Whether something occurs in a set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// In no row.
    None,
    /// In some rows, or nobody knows.
    Maybe,
    /// In every row.
    All,
}

/// What is known about the values of one column within a set of rows (a file, a row group, a page).
///
/// Every field may be unknown. A wrong fact loses rows, so whoever fills this leaves out what it
/// cannot vouch for: truncated bounds are fine as `min`/`max` (they bound), but then `exact` is false.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnFacts {
    /// No non-null, non-NaN value is smaller.
    pub min: Option<Datum>,
    /// No non-null, non-NaN value is greater.
    pub max: Option<Datum>,
    /// Nulls among the rows.
    pub nulls: Presence,
    /// NaNs among the rows; `None` for columns that are not floats.
    pub nans: Presence,
}

/// The source of facts, by column.
pub trait Facts {
    /// Bounds and null counts of `column`, or `None` when nothing is known.
    fn column(&self, column: &ColumnPath) -> Option<ColumnFacts>;

    /// True only when it is certain that no row of `column` equals `value`
    /// (a bloom filter, a complete dictionary, a bucket partition).
    fn excludes(&self, column: &ColumnPath, value: &Datum) -> bool;
}

impl Bound {
    /// The residual: this condition with every atom that `facts` decide replaced by a constant and
    /// the constants folded. `Constant(false)` means that no row can match, `Constant(true)` that
    /// every row does.
    #[must_use]
    pub fn settle(&self, facts: &dyn Facts) -> Bound {
        match self {
            Bound::Constant(value) => Bound::Constant(*value),
            Bound::Atom(atom) => settle_atom(atom, facts),
            Bound::And(parts) => Bound::all(parts.iter().map(|part| part.settle(facts))),
            Bound::Or(parts) => Bound::any(parts.iter().map(|part| part.settle(facts))),
        }
    }
}

fn settle_atom(_atom: &Atom, _facts: &dyn Facts) -> Bound {
    todo!("kernels helper")
}
