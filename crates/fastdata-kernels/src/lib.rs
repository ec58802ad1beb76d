//! Selecting rows of Arrow columns: predicates, masks, filter and take.
//!
//! This crate decides which rows live and moves them; it never does I/O and knows no file format.
//! A [`predicate::Predicate`] is what a user wrote, by column name. Bound to a schema it becomes a
//! [`predicate::Bound`], which is evaluated over arrays here and settled against statistics by the
//! Parquet and Iceberg crates. A [`select::Mask`] is prepared once and applied to many columns.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
//! use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate, bind};
//! use fastdata_kernels::select::{Mask, filter_batch};
//!
//! let batch = RecordBatch::try_from_iter([
//!     ("score", Arc::new(Int64Array::from(vec![Some(7), None, Some(2)])) as _),
//!     ("name", Arc::new(StringArray::from(vec!["a", "b", "c"])) as _),
//! ])?;
//! let condition = Predicate::Compare {
//!     column: ColumnName::top("score"),
//!     op: CompareOp::Gt,
//!     literal: Literal::Number { unscaled: 25, scale: 1 },
//! };
//! let bound = bind(&condition, &batch.schema())?;
//! assert_eq!(bound.to_string(), "score > 2");
//!
//! let mask = Mask::new(bound.evaluate(&batch)?);
//! let kept = filter_batch(&batch, &mask)?;
//! assert_eq!(kept.num_rows(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`predicate`]: the condition of a `WHERE` clause, from names to masks.
//! - [`select`]: masks and positions, filter, take, concatenate, slice.
//! - [`threads`]: who works on many parts.
//! - [`error`]: what can go wrong.

mod bits;
mod compare;
pub mod error;
pub mod predicate;
pub mod select;
pub mod threads;

pub use error::{Error, ErrorKind, Result};
