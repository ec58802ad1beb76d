//! One field of one row group, from bytes to Arrow.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use arrow_array::{ArrayRef, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_schema::FieldRef;
use bytes::Bytes;

use crate::contain::contained;
use crate::decode::{Leaf, Window, read_leaf, read_leaf_rows};
use crate::nested::Nested;
use crate::page::{Chunk, ChunkSource, Pieces};
use crate::structs::{Shape, Structs};
use crate::{Error, FieldProjection, FileMeta, Result, RowRanges};

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

impl std::ops::AddAssign for DecodeStats {
    fn add_assign(&mut self, other: Self) {
        self.decompress_ns += other.decompress_ns;
        self.decode_ns += other.decode_ns;
        self.pages += other.pages;
        self.compressed_bytes += other.compressed_bytes;
        self.uncompressed_bytes += other.uncompressed_bytes;
    }
}

/// The byte ranges of the file that reading `field` in `row_group` needs: whole column chunks, or
/// only the dictionary and the pages that hold `rows` where an offset index is known (a
/// [`crate::Pruner`] leaves the ones that it fetched in `meta`). Sorted and disjoint.
pub fn chunk_ranges(
    meta: &FileMeta,
    row_group: usize,
    field: &FieldProjection,
    rows: Option<&RowRanges>,
) -> Result<Vec<Range<u64>>> {
    let mut ranges = Vec::new();
    for &leaf in field.leaves() {
        let chunk = meta.column_range(row_group, leaf)?;
        match (rows, meta.offset_index(row_group, leaf)) {
            (Some(rows), Some(index)) => {
                let num_rows = meta.group_rows(row_group)?;
                // The dictionary lies between the chunk's start and its first data page.
                let first = index.pages.first().map_or(chunk.end, |page| page.offset);
                ranges.push(chunk.start..first);
                for (page, page_rows) in index.rows(num_rows) {
                    if rows.touches(&page_rows) {
                        ranges.push(page.offset..page.offset + page.bytes);
                    }
                }
            }
            _ => ranges.push(chunk),
        }
    }
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    Ok(ranges)
}

/// Reads windows of rows of one field of one row group, from several threads at once.
#[derive(Debug)]
pub struct ColumnReader {
    field: FieldRef,
    num_rows: usize,
    source: Source,
    place: String,
    /// Time spent in reads, decompression included.
    busy_ns: AtomicU64,
}

#[derive(Debug)]
enum Source {
    /// A top-level column without repetition, decoded here: one value or null a row.
    Flat {
        chunk: Box<Chunk>,
        leaf: Leaf,
        optional: bool,
    },
    /// Structs of such columns.
    Struct(Structs),
    /// Everything else, decoded by the `parquet` crate from pages that are read here.
    Nested(Box<Nested>),
}

impl ColumnReader {
    /// Opens the chunk from the bytes of the ranges that [`chunk_ranges`] named, whole or cut in
    /// any way.
    pub fn open(
        meta: &FileMeta,
        row_group: usize,
        field: &FieldProjection,
        bytes: Vec<(Range<u64>, Bytes)>,
    ) -> Result<Self> {
        let place = format!("column {}, row group {row_group}", field.field().name());
        let num_rows = meta.group_rows(row_group)?;
        let pieces = Pieces::new(bytes);
        let source = open_source(meta, row_group, num_rows, field, &pieces);
        Ok(Self {
            field: field.field().clone(),
            num_rows,
            source: source.map_err(|error| error.at(&place))?,
            place,
            busy_ns: AtomicU64::new(0),
        })
    }

    /// The field that comes out.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Rows of the row group.
    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Whether windows of this column decode independently. Where they do not (nested columns),
    /// windows in row order are cheap and others decode everything in front of them.
    pub fn is_splittable(&self) -> bool {
        matches!(self.source, Source::Flat { .. } | Source::Struct(_))
    }

    /// The rows of a window of the row group. Windows may be read in any order and in parallel; a
    /// page that straddles two windows is decompressed once.
    pub fn read(&self, rows: Range<usize>) -> Result<ArrayRef> {
        self.timed(|| {
            self.check(rows.end)?;
            if rows.is_empty() {
                return Ok(new_empty_array(self.field.data_type()));
            }
            match &self.source {
                Source::Flat {
                    chunk,
                    leaf,
                    optional,
                } => read_leaf(
                    leaf,
                    chunk,
                    &Window {
                        rows,
                        optional: *optional,
                    },
                ),
                Source::Struct(structs) => structs.read(rows, None),
                Source::Nested(nested) => nested.read(rows),
            }
        })
    }

    /// Bytes of an Arrow value, where [`Self::read_into`] can put values into memory of the caller's.
    pub fn value_bytes(&self) -> Option<usize> {
        match &self.source {
            Source::Flat { leaf, .. } => leaf.value_bytes(),
            Source::Struct(_) | Source::Nested(_) => None,
        }
    }

    /// The values of a window of the row group into `out`, which has room for exactly them
    /// ([`Self::value_bytes`] each) and is aligned for them; the answer says where nulls are. What
    /// is in `out` in their places, or after an error, means nothing.
    pub fn read_into(&self, rows: Range<usize>, out: &mut [u8]) -> Result<Option<NullBuffer>> {
        self.timed(|| {
            self.check(rows.end)?;
            let needed = self
                .value_bytes()
                .and_then(|bytes| bytes.checked_mul(rows.len()));
            let Source::Flat {
                chunk,
                leaf,
                optional,
            } = &self.source
            else {
                return Err(Error::invalid("values without a common width"));
            };
            if needed != Some(out.len()) {
                return Err(Error::invalid("memory of another length than the values"));
            }
            let optional = *optional;
            leaf.read_into(chunk, &Window { rows, optional }, out)
        })
    }

    /// Only these rows: pages that hold none of them are not decompressed.
    pub fn read_selected(&self, rows: &RowRanges) -> Result<ArrayRef> {
        let first = rows.ranges().first().map_or(0, |range| range.start);
        self.read_selected_in(first..rows.end(), rows)
    }

    /// Only `rows`, which lie in `window`. Who reads a row group window by window says so: a page
    /// that straddles two windows is then decompressed once, and forgotten after the second.
    pub fn read_selected_in(&self, window: Range<usize>, rows: &RowRanges) -> Result<ArrayRef> {
        if rows.ranges() == std::slice::from_ref(&window) {
            return self.read(window);
        }
        self.timed(|| {
            self.check(window.end.max(rows.end()))?;
            match &self.source {
                _ if rows.is_empty() => Ok(new_empty_array(self.field.data_type())),
                Source::Flat {
                    chunk,
                    leaf,
                    optional,
                } => {
                    let window = Window {
                        rows: window,
                        optional: *optional,
                    };
                    read_leaf_rows(leaf, chunk, &window, rows)
                }
                Source::Struct(structs) => structs.read(window, Some(rows)),
                Source::Nested(nested) => nested.read_selected(rows),
            }
        })
    }

    /// Decompresses every page and throws it away: the floor that decoding is measured against.
    pub fn decompress_only(&self) -> Result<()> {
        match &self.source {
            Source::Flat { chunk, .. } => chunk.decompress_only(),
            Source::Struct(structs) => structs.chunks().try_for_each(Chunk::decompress_only),
            Source::Nested(nested) => nested.chunks().try_for_each(Chunk::decompress_only),
        }
    }

    /// Work done so far.
    pub fn stats(&self) -> DecodeStats {
        let mut stats = DecodeStats::default();
        let mut add = |chunk: &Chunk| {
            let counters = chunk.counters();
            stats.decompress_ns += counters.decompress_ns.load(Relaxed);
            stats.pages += counters.pages.load(Relaxed);
            stats.compressed_bytes += counters.compressed_bytes.load(Relaxed);
            stats.uncompressed_bytes += counters.uncompressed_bytes.load(Relaxed);
        };
        match &self.source {
            Source::Flat { chunk, .. } => add(chunk),
            Source::Struct(structs) => structs.chunks().for_each(add),
            Source::Nested(nested) => nested.chunks().for_each(add),
        }
        stats.decode_ns = self
            .busy_ns
            .load(Relaxed)
            .saturating_sub(stats.decompress_ns);
        stats
    }

    fn check(&self, end: usize) -> Result<()> {
        if end <= self.num_rows {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "row {end} of a row group of {} rows",
            self.num_rows
        )))
    }

    fn timed<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let from = Instant::now();
        let result = contained(&self.place, work);
        let ns = u64::try_from(from.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.busy_ns.fetch_add(ns, Relaxed);
        result.map_err(|error| error.at(&self.place))
    }
}

fn open_source(
    meta: &FileMeta,
    row_group: usize,
    num_rows: usize,
    field: &FieldProjection,
    pieces: &Pieces,
) -> Result<Source> {
    let open = |leaf: usize| {
        let index = meta.offset_index(row_group, leaf);
        Chunk::open(&ChunkSource {
            column: meta.column(row_group, leaf)?,
            range: meta.column_range(row_group, leaf)?,
            num_rows,
            v2_compressed: meta.v2_always_compressed(),
            pieces,
            index: index.as_deref(),
            limits: &meta.options().limits,
        })
    };
    if let &[leaf] = field.leaves() {
        let descr = meta.column(row_group, leaf)?.column_descr();
        let flat = descr.max_rep_level() == 0 && descr.max_def_level() <= 1;
        let width = usize::try_from(descr.type_length()).unwrap_or(0);
        let int96 = meta.options().int96;
        let decoder = Leaf::choose(
            descr.physical_type(),
            width,
            field.field().data_type(),
            int96,
        );
        if let (true, Some(decoder)) = (flat, decoder) {
            let optional = descr.max_def_level() == 1;
            return Ok(Source::Flat {
                chunk: Box::new(open(leaf)?),
                leaf: decoder,
                optional,
            });
        }
    }
    if let Some(shape) = Shape::of(meta, row_group, field)? {
        let chunks = field.leaves().iter().map(|&leaf| open(leaf));
        return Ok(Source::Struct(shape.open(chunks.collect::<Result<_>>()?)));
    }
    let mut chunks = Vec::with_capacity(field.leaves().len());
    for &leaf in field.leaves() {
        chunks.push((leaf, open(leaf)?));
    }
    Ok(Source::Nested(Box::new(Nested::new(
        meta, row_group, num_rows, field, chunks,
    )?)))
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<ColumnReader>();
};
