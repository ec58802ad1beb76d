//! Tables as a data scientist meets them: a table by name, its rows as a data frame.
//!
//! A [`DataFrame`] is Arrow batches of one schema. It is immutable: every operation gives another
//! frame, which shares the columns and rows that did not change. A [`Table`] says where rows come
//! from and reads them with `fastdata-scan`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{ArrayRef, Int64Array, RecordBatch};
//! use fastdata_frame::{DataFrame, Table};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("numbers.parquet");
//! let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
//! let frame = DataFrame::from(RecordBatch::try_from_iter([("id", ids)])?);
//! let late = frame.filter("id >= 990")?;
//! assert_eq!(late.num_rows(), 10);
//!
//! late.write_parquet(&path, &Default::default())?;
//! let again = Table::new(path.display().to_string()).get_all(None)?;
//! assert_eq!(again.num_rows(), 10);
//! # Ok(())
//! # }
//! ```
//!
//! - [`DataFrame`], [`Column`]: rows in memory
//! - [`Table`], [`Group`]: where rows come from, whole or in balanced parts for several processes
//! - [`PortableRequest`]: what travels to other processes
//! - [`tensor`]: lists as matrices
//! - [`text`]: values as text, separated values and JSON
//! - [`write`](mod@write): files of rows

pub mod tensor;
pub mod text;
pub mod write;

mod column;
mod columns;
mod frame;
mod groups;
mod ipc;
mod portable;
mod rows;
mod table;

pub use column::Column;
pub use fastdata_scan::{Error, ErrorKind, Result};
pub use frame::DataFrame;
pub use groups::{Group, GroupBy};
pub use portable::PortableRequest;
pub use rows::Rows;
pub use table::{Table, TableRows};
