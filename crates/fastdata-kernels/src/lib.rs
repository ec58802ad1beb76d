//! Selecting rows of Arrow columns: predicates, masks, filter and take.
//!
//! This crate decides which rows live and moves them; it never does I/O and knows no file format.
//! A [`predicate::Predicate`] is what a user wrote, by column name. Bound to a schema it becomes a
//! [`predicate::Bound`], which three readers share: [`predicate::Bound`] is evaluated over arrays
//! here, and settled against statistics by the Parquet and Iceberg crates.

pub mod error;
pub mod predicate;

pub use error::{Error, ErrorKind, Result};
