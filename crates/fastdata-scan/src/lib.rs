//! From a table, a folder or a file to Arrow batches: plan → fetch → decode → select as one
//! bounded pipeline.
//!
//! This is where the parts meet: it asks the store for the ranges that the Parquet and Iceberg
//! crates name, applies deletes and schema evolution, and hands batches on in order. It knows no
//! S3 and no byte of a format.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{ArrayRef, Int64Array, RecordBatch};
//! use fastdata_scan::{CancelToken, Scan, ScanRequest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("numbers.parquet");
//! let ids = Arc::new(Int64Array::from_iter_values(0..1000)) as ArrayRef;
//! let batch = RecordBatch::try_from_iter([("id", ids)])?;
//! let file = std::fs::File::create(&path)?;
//! let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None)?;
//! writer.write(&batch)?;
//! writer.close()?;
//!
//! let request = ScanRequest {
//!     sources: vec![path.display().to_string()],
//!     filter: Some("id >= 990".into()),
//!     ..ScanRequest::default()
//! };
//! let collected = Scan::open(request, CancelToken::default())?.collect()?;
//! assert_eq!(collected.stats.rows_returned, 10);
//! # Ok(())
//! # }
//! ```
//!
//! - [`ScanRequest`], [`Settings`]: what is asked; [`Scan`], [`Batches`]: what runs
//! - [`Explain`], [`describe()`], [`ScanStats`], [`Progress`]: what would happen, is there, happened
//! - [`PlannedFile`], [`FilePart`]: a scan cut into parts for several processes
//! - [`parse_filter`]: SQL's expression syntax; [`source::Catalog`]: tables by name

pub mod cancel;
pub mod describe;
pub mod error;
pub mod explain;
pub mod expression;
pub mod parts;
pub mod request;
pub mod scan;
pub mod source;
pub mod stats;

mod collect;
mod columns;
mod context;
mod deletes;
mod evolution;
mod metadata_columns;
mod partition;
mod pipeline;
mod plan;
mod read;
mod runtime;
mod type_text;

pub use cancel::CancelToken;
pub use describe::{Description, describe};
pub use error::{Error, ErrorKind, Result};
pub use explain::Explain;
pub use expression::parse_filter;
pub use parts::{FilePart, PlannedFile, RowGroupSize};
pub use request::{ScanRequest, Settings};
pub use runtime::on_threads;
pub use scan::{Batches, Collected, Scan};
pub use stats::{Progress, ScanStats};
pub use type_text::type_text;
