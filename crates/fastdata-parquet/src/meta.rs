//! The metadata of one file, shared by everything that reads it.

use std::sync::Arc;

use arrow_schema::{Field, SchemaRef};
use parquet::file::metadata::ParquetMetaData;

use crate::{FieldProjection, ReadOptions, Result};

/// The metadata of a Parquet file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FileMeta(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parquet: ParquetMetaData,
    schema: SchemaRef,
    row_groups: Vec<RowGroupMeta>,
    num_rows: u64,
    options: ReadOptions,
}

/// What is known about a row group before a byte of it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroupMeta {
    /// Rows in it.
    pub num_rows: u64,
    /// Number of its first row within the file.
    pub first_row: u64,
    /// Bytes of all its column chunks as stored.
    pub compressed_bytes: u64,
    /// Bytes of all its pages, decompressed.
    pub uncompressed_bytes: u64,
}

impl FileMeta {
    /// The file's columns as Arrow fields: `PARQUET:field_id` on every level that has one,
    /// strings in the layout that was asked for.
    pub fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    /// Rows in the file.
    pub fn num_rows(&self) -> u64 {
        self.0.num_rows
    }

    /// The row groups, in file order.
    pub fn row_groups(&self) -> &[RowGroupMeta] {
        &self.0.row_groups
    }

    /// The footer as the `parquet` crate decoded it.
    pub fn parquet(&self) -> &ParquetMetaData {
        &self.0.parquet
    }

    /// The program that wrote the file, as it calls itself.
    pub fn created_by(&self) -> Option<&str> {
        self.0.parquet.file_metadata().created_by()
    }

    /// The options that the footer was read with.
    pub fn options(&self) -> &ReadOptions {
        &self.0.options
    }

    /// The fields to read for `paths`, each a path of indices into [`Self::schema`] (a top-level
    /// field, then children of structs, lists and maps): one projection for each top-level field
    /// named, in the order first named.
    pub fn project(&self, paths: &[Vec<usize>]) -> Result<Vec<FieldProjection>> {
        let _ = paths;
        todo!("lands within the hour")
    }
}

#[expect(dead_code, reason = "the body lands within the hour")]
fn field_name(field: &Field) -> &str {
    field.name()
}
