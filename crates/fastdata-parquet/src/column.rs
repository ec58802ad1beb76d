//! One field of one row group, from bytes to Arrow.

use std::ops::Range;

use arrow_array::ArrayRef;
use bytes::Bytes;

use crate::{FieldProjection, FileMeta, Result, RowRanges};

/// Work done by a [`ColumnReader`] so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeStats {
    /// Time spent in decompressors, summed over threads.
    pub decompress_ns: u64,
    /// Time spent decoding, decompression excluded, summed over threads.
    pub decode_ns: u64,
    /// Pages decompressed or taken as they were.
    pub pages: u64,
    /// Bytes of those pages as stored.
    pub compressed_bytes: u64,
    /// Bytes of those pages decompressed.
    pub uncompressed_bytes: u64,
}

/// The byte ranges of the file that reading `field` in `row_group` needs: whole column chunks, or
/// only the dictionary and the pages that hold `rows` where an offset index is known.
pub fn chunk_ranges(
    meta: &FileMeta,
    row_group: usize,
    field: &FieldProjection,
    rows: Option<&RowRanges>,
) -> Result<Vec<Range<u64>>> {
    let _ = (meta, row_group, field, rows);
    todo!("lands within the hour")
}

/// Reads windows of rows of one field of one row group, from several threads at once.
#[derive(Debug)]
pub struct ColumnReader {
    _private: (),
}

impl ColumnReader {
    /// Opens the chunk from the bytes of the ranges that [`chunk_ranges`] named.
    pub fn open(
        meta: &FileMeta,
        row_group: usize,
        field: &FieldProjection,
        bytes: Vec<(Range<u64>, Bytes)>,
    ) -> Result<Self> {
        let _ = (meta, row_group, field, bytes);
        todo!("lands within the hour")
    }

    /// Rows of the row group.
    pub fn num_rows(&self) -> usize {
        todo!("lands within the hour")
    }

    /// The rows of a window of the row group. Windows may be read in any order and in parallel; a
    /// page that straddles two windows is decompressed once.
    pub fn read(&self, rows: Range<usize>) -> Result<ArrayRef> {
        let _ = rows;
        todo!("lands within the hour")
    }

    /// Only these rows: pages that hold none of them are not decompressed.
    pub fn read_selected(&self, rows: &RowRanges) -> Result<ArrayRef> {
        let _ = rows;
        todo!("lands within the hour")
    }

    /// Work done so far.
    pub fn stats(&self) -> DecodeStats {
        todo!("lands within the hour")
    }
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<ColumnReader>();
};
