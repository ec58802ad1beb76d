//! From names and literals to columns and datums.

use arrow_schema::Schema;

use super::{Bound, Predicate};
use crate::Result;

/// Binds `predicate` to `schema`.
pub fn bind(_predicate: &Predicate, _schema: &Schema) -> Result<Bound> {
    todo!("kernels helper")
}

impl Bound {
    /// The conjunction, flattened and folded: false wins, true vanishes, one part stands alone.
    pub fn all(parts: impl IntoIterator<Item = Bound>) -> Bound {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Bound::Constant(true) => {}
                Bound::Constant(false) => return Bound::Constant(false),
                Bound::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Bound::Constant(true),
            1 => kept.swap_remove(0),
            _ => Bound::And(kept),
        }
    }

    /// The disjunction, flattened and folded: true wins, false vanishes, one part stands alone.
    pub fn any(parts: impl IntoIterator<Item = Bound>) -> Bound {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Bound::Constant(false) => {}
                Bound::Constant(true) => return Bound::Constant(true),
                Bound::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Bound::Constant(false),
            1 => kept.swap_remove(0),
            _ => Bound::Or(kept),
        }
    }
}
