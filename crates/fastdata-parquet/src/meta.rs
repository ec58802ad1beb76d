//! The metadata of one file, shared by everything that reads it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_schema::SchemaRef;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use crate::index::OffsetIndex;
use crate::page::chunk_range;
use crate::schema::{arrow_schema, leaf_count};
use crate::{Error, FieldProjection, ReadOptions, Result};

/// What a chunk may be longer than its footer says, in files of parquet-mr before 1.2.9: that did
/// not count the header of the dictionary page (PARQUET-816). Other readers allow as much.
const UNCOUNTED_HEADER_BYTES: u64 = 100;

/// The metadata of a Parquet file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FileMeta(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parquet: ParquetMetaData,
    schema: SchemaRef,
    row_groups: Vec<RowGroupMeta>,
    num_rows: u64,
    file_bytes: u64,
    /// Bytes of each chunk that the footer may not count.
    uncounted_bytes: u64,
    v2_always_compressed: bool,
    /// First leaf of each top-level field.
    first_leaves: Vec<usize>,
    options: ReadOptions,
    /// Offset indexes that pruning came by, by row group and leaf.
    offset_indexes: RwLock<HashMap<(usize, usize), Arc<OffsetIndex>>>,
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
    pub(crate) fn new(
        parquet: ParquetMetaData,
        file_bytes: u64,
        options: ReadOptions,
    ) -> Result<Self> {
        let schema = Arc::new(arrow_schema(parquet.file_metadata(), &options)?);
        let mut row_groups = Vec::with_capacity(parquet.num_row_groups());
        let mut num_rows = 0_u64;
        for group in parquet.row_groups() {
            let meta = row_group_meta(group, num_rows)?;
            num_rows = num_rows
                .checked_add(meta.num_rows)
                .ok_or_else(|| Error::corrupt("more rows than 64 bits can count"))?;
            row_groups.push(meta);
        }
        // The footer's own count is not looked at: some writers leave it zero, others lie in it, and
        // what counts are the rows that the row groups' pages turn out to have.
        let mut first_leaves = Vec::with_capacity(schema.fields().len());
        let mut leaf = 0;
        for field in schema.fields() {
            first_leaves.push(leaf);
            leaf += leaf_count(field.data_type());
        }
        let offset_indexes = RwLock::default();
        let created_by = parquet.file_metadata().created_by();
        let is_before =
            |program, version| created_by.is_some_and(|by| is_before(by, program, version));
        let uncounted_bytes = match is_before("parquet-mr", (1, 2, 9)) {
            true => UNCOUNTED_HEADER_BYTES,
            false => 0,
        };
        let v2_always_compressed = is_before("parquet-cpp", (2, 0, 0));
        Ok(Self(Arc::new(Inner {
            parquet,
            schema,
            row_groups,
            num_rows,
            file_bytes,
            uncounted_bytes,
            v2_always_compressed,
            first_leaves,
            options,
            offset_indexes,
        })))
    }

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

    /// The fields to read for `paths`, each a path of indices into [`Self::schema`]: a top-level
    /// field, then a child of each struct, 0 for the items of a list, 0 and 1 for the keys and
    /// values of a map. A path may end anywhere and stands for all below it. One projection for
    /// each top-level field named, in the order first named; a map's keys always come along.
    pub fn project(&self, paths: &[Vec<usize>]) -> Result<Vec<FieldProjection>> {
        let mut roots: Vec<usize> = Vec::new();
        for path in paths {
            let &root = path
                .first()
                .ok_or_else(|| Error::invalid("an empty column path"))?;
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        let below = |root: usize| {
            let of_root = paths.iter().filter(move |path| path.first() == Some(&root));
            of_root.map(|path| &path[1..]).collect::<Vec<_>>()
        };
        roots
            .iter()
            .map(|&root| self.project_root(root, &below(root)))
            .collect()
    }

    /// All fields, whole.
    pub fn project_all(&self) -> Result<Vec<FieldProjection>> {
        (0..self.schema().fields().len())
            .map(|root| self.project_root(root, &[&[]]))
            .collect()
    }

    fn project_root(&self, root: usize, below: &[&[usize]]) -> Result<FieldProjection> {
        let field = self.schema().fields().get(root);
        let field =
            field.ok_or_else(|| Error::invalid(format!("the file has no column {root}")))?;
        FieldProjection::new(root, self.0.first_leaves[root], field, below)
    }

    /// The chunk of leaf `leaf` in row group `row_group`.
    pub(crate) fn column(&self, row_group: usize, leaf: usize) -> Result<&ColumnChunkMetaData> {
        let group = self.0.parquet.row_groups().get(row_group);
        let column = group.and_then(|group| group.columns().get(leaf));
        column.ok_or_else(|| {
            Error::invalid(format!(
                "the file has no column {leaf} in row group {row_group}"
            ))
        })
    }

    /// Where that chunk lies, checked against the size of the file. In files of some old writers a
    /// little more than that.
    pub(crate) fn column_range(&self, row_group: usize, leaf: usize) -> Result<Range<u64>> {
        let column = self.column(row_group, leaf)?;
        let range = chunk_range(column)?;
        if range.end > self.0.file_bytes {
            return Err(Error::truncated(format!(
                "column {} of row group {row_group} ends at byte {} of a file of {}",
                column.column_path(),
                range.end,
                self.0.file_bytes
            )));
        }
        let end = range.end.saturating_add(self.0.uncounted_bytes);
        Ok(range.start..end.min(self.0.file_bytes))
    }

    /// Rows of a row group as an index.
    pub(crate) fn group_rows(&self, row_group: usize) -> Result<usize> {
        let group = self.0.row_groups.get(row_group);
        let group = group
            .ok_or_else(|| Error::invalid(format!("the file has no row group {row_group}")))?;
        usize::try_from(group.num_rows).map_err(|_| Error::corrupt("rows beyond this machine"))
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.0.file_bytes
    }

    /// Whether v2 pages are compressed whatever their headers say, as Arrow's C++ library wrote them
    /// until it called itself parquet-cpp-arrow (ARROW-10353).
    pub(crate) fn v2_always_compressed(&self) -> bool {
        self.0.v2_always_compressed
    }

    /// First leaf of a top-level field.
    pub(crate) fn first_leaf(&self, root: usize) -> Option<usize> {
        self.0.first_leaves.get(root).copied()
    }

    pub(crate) fn offset_index(&self, row_group: usize, leaf: usize) -> Option<Arc<OffsetIndex>> {
        let indexes = self
            .0
            .offset_indexes
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        indexes.get(&(row_group, leaf)).cloned()
    }

    pub(crate) fn keep_offset_index(&self, row_group: usize, leaf: usize, index: OffsetIndex) {
        let mut indexes = self
            .0
            .offset_indexes
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        indexes.insert((row_group, leaf), Arc::new(index));
    }
}

/// Whether `created_by` is a version of `program` before `version`, as one that is not given is.
fn is_before(created_by: &str, program: &str, version: (u32, u32, u32)) -> bool {
    let Some(rest) = created_by.strip_prefix(program) else {
        return false;
    };
    let rest = rest.trim_start();
    let Some(digits) = rest.strip_prefix("version") else {
        return rest.is_empty();
    };
    let mut parts = digits.trim_start().split(|c: char| !c.is_ascii_digit());
    let mut part = || {
        let part = parts.next().and_then(|part| part.parse::<u32>().ok());
        part.unwrap_or(0)
    };
    (part(), part(), part()) < version
}

fn row_group_meta(group: &RowGroupMetaData, first_row: u64) -> Result<RowGroupMeta> {
    let num_rows = u64::try_from(group.num_rows())
        .map_err(|_| Error::corrupt("a row group with a negative number of rows"))?;
    let sum = |size: fn(&ColumnChunkMetaData) -> i64| {
        let sizes = group
            .columns()
            .iter()
            .map(|column| u64::try_from(size(column)).unwrap_or(0));
        sizes.fold(0_u64, u64::saturating_add)
    };
    Ok(RowGroupMeta {
        num_rows,
        first_row,
        compressed_bytes: sum(ColumnChunkMetaData::compressed_size),
        uncompressed_bytes: sum(ColumnChunkMetaData::uncompressed_size),
    })
}

#[cfg(test)]
mod tests {
    use super::is_before;

    #[test]
    fn versions_of_writers_are_compared() {
        for old in [
            "parquet-mr",
            "parquet-mr version 1.2.8",
            "parquet-mr version 1.0.0-SNAPSHOT (build abc)",
        ] {
            assert!(is_before(old, "parquet-mr", (1, 2, 9)), "{old}");
        }
        for new in [
            "parquet-mr version 1.2.9",
            "parquet-mr version 1.13.1 (build db4183109d5b734ec5930d870cdae161e408ddba)",
            "parquet-mr version 2.0",
            "parquet-mr-fork version 1.0.0",
            "parquet-cpp version 1.0.0",
            "impala version 1.2",
        ] {
            assert!(!is_before(new, "parquet-mr", (1, 2, 9)), "{new}");
        }
        let cpp = |created_by| is_before(created_by, "parquet-cpp", (2, 0, 0));
        assert!(cpp("parquet-cpp version 1.5.1-SNAPSHOT"));
        assert!(!cpp("parquet-cpp-arrow version 1.0.0"));
    }
}
