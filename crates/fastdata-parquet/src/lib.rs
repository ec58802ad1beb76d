//! Parquet bytes to Arrow columns: footers, pruning, the ranges wanted, decode tasks.
//!
//! This crate does no I/O. It names byte ranges, is given the bytes, and returns arrays: a
//! [`FooterReader`] finds the metadata, a [`Pruner`] decides which rows can matter,
//! [`chunk_ranges`] says what to fetch for a column, and a [`ColumnReader`] decodes windows of rows
//! from several threads at once.
//!
//! ```
//! use bytes::Bytes;
//! use fastdata_parquet::{ColumnReader, FooterReader, FooterStep, ReadOptions, chunk_ranges};
//! # use std::sync::Arc;
//! # let column: arrow_array::ArrayRef = Arc::new(arrow_array::Int64Array::from(vec![7, 8, 9]));
//! # let batch = arrow_array::RecordBatch::try_from_iter([("n", column)])?;
//! # let mut file = Vec::new();
//! # let mut writer = parquet::arrow::ArrowWriter::try_new(&mut file, batch.schema(), None)?;
//! # writer.write(&batch)?;
//! # writer.close()?;
//! let file = Bytes::from(file);
//! let fetch = |range: &std::ops::Range<u64>| file.slice(range.start as usize..range.end as usize);
//!
//! let reader = FooterReader::new(file.len() as u64, &ReadOptions::default());
//! let tail = reader.first_range();
//! let FooterStep::Ready(meta) = reader.decode(tail.start, fetch(&tail))? else {
//!     panic!("a small footer lies within the first guess");
//! };
//! let field = &meta.project(&[vec![0]])?[0];
//! let ranges = chunk_ranges(&meta, 0, field, None)?;
//! let bytes = ranges.into_iter().map(|range| (range.clone(), fetch(&range))).collect();
//! let column = ColumnReader::open(&meta, 0, field, bytes)?;
//! assert_eq!(column.read(1..3)?.as_ref(), &arrow_array::Int64Array::from(vec![8, 9]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;

mod column;
mod contain;
mod decode;
mod embedded;
mod footer;
mod index;
mod meta;
mod nested;
mod options;
mod page;
mod places;
mod projection;
mod prune;
mod repair;
mod rows;
mod schema;
mod structs;
mod thrift;

pub use column::{ColumnReader, DecodeStats, chunk_ranges};
pub use error::{Error, ErrorKind, Result};
pub use footer::{FooterReader, FooterStep};
pub use meta::{FileMeta, RowGroupMeta};
pub use options::{Limits, ReadOptions, StringLayout};
pub use places::{PageFinder, split_rows};
pub use projection::FieldProjection;
pub use prune::{PruneOptions, PruneOutcome, Pruned, Pruner, RowGroupPlan};
pub use rows::RowRanges;
