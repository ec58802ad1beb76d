//! Which row groups and pages can hold a row that a predicate wants.
//!
//! Everything here may only prune what it is certain of. A structure that is absent, malformed or
//! written under rules that nobody knows prunes nothing; it is never an error.

mod facts;
mod outcome;
mod pages;
mod probe;
mod pruner;

pub use outcome::{PruneOutcome, Pruned, RowGroupPlan};
pub use pruner::{PruneOptions, Pruner};
