//! Predicates: the condition of a `WHERE` clause, without a query engine.
//!
//! The life of one: SQL text is parsed into a [`Predicate`] (in `fastdata-scan`), [`bind()`] resolves
//! its names and literals against an Arrow schema, [`Bound::settle`] replaces what statistics
//! already decide, and [`Bound::evaluate`] turns what is left into a mask.
//!
//! Logic is SQL's: a comparison with null is null, and a row lives only when the whole is true.
//! Order is total: NaN equals NaN and is greater than every other number, `-0.0` equals `0.0`,
//! strings compare by their bytes.

mod bind;
mod bound;
mod columns;
mod compile;
mod datum;
mod display;
mod evaluate;
mod instant;
mod like;
mod literal;
mod lower;
mod names;
mod row_test;
mod settle;
mod tree;

#[cfg(test)]
mod tests;

pub use bind::bind;
pub use bound::{Atom, Bound, ColumnPath, Test};
pub use datum::Datum;
pub use settle::{ColumnFacts, Facts, Presence};
pub use tree::{ColumnName, CompareOp, Literal, Predicate};
