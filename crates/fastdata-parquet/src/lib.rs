//! Parquet bytes to Arrow columns: footers, pruning, the ranges wanted, decode tasks.

pub mod error;

mod column;
mod decode;
mod footer;
mod index;
mod meta;
mod nested;
mod options;
mod page;
mod projection;
mod prune;
mod rows;
mod schema;
mod thrift;

pub use column::{ColumnReader, DecodeStats, chunk_ranges};
pub use error::{Error, ErrorKind, Result};
pub use footer::{FooterReader, FooterStep};
pub use meta::{FileMeta, RowGroupMeta};
pub use options::{Limits, ReadOptions, StringLayout};
pub use projection::FieldProjection;
pub use prune::{PruneOptions, PruneOutcome, Pruned, Pruner, RowGroupPlan};
pub use rows::RowRanges;
