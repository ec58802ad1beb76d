//! Where the pages of a row group lie, for readers that take it in parts: because it does not fit
//! into their memory, or because they know which rows they want.

use std::ops::Range;

use bytes::Bytes;

use crate::index::{OffsetIndex, PagePlace};
use crate::page::{PageHeader, PageKind};
use crate::{Error, ErrorKind, FieldProjection, FileMeta, Result, RowRanges};

/// Column chunks that are followed at the same time.
const WALKS_MAX: usize = 16;

/// Longest page header that is looked for: statistics may put whole values there.
const HEADER_BYTES_MAX: u64 = 16 << 20;

/// Finds the pages of some columns of one row group, and leaves what it learns in the [`FileMeta`],
/// where [`crate::chunk_ranges`] uses it: from offset indexes, and where there are none from the
/// headers in front of the pages.
///
/// Pages of nested columns in the first page format tell no rows. Without an offset index they stay
/// unknown, and their chunks are read whole.
#[derive(Debug)]
pub struct PageFinder {
    meta: FileMeta,
    row_group: usize,
    /// Leaves whose offset indexes were asked for.
    indexes: Vec<(usize, Range<u64>)>,
    walks: Vec<Walk>,
    /// Bytes to read where a page header is expected; `None` when chunks are not to be followed.
    block_bytes: Option<u64>,
}

/// A chunk that is followed from header to header.
#[derive(Debug)]
struct Walk {
    leaf: usize,
    at: u64,
    end: u64,
    block_bytes: u64,
    num_rows: usize,
    rows: usize,
    pages: Vec<PagePlace>,
}

/// How a step of a walk ended.
enum Step {
    More,
    Found,
    /// The pages do not tell their rows.
    Silent,
}

impl PageFinder {
    /// Finds the pages of `fields` that are not known yet. With `block_bytes`, chunks without an
    /// offset index are followed in reads of so many bytes: few where a read is cheap, many where
    /// it costs a round trip.
    pub fn new(
        meta: &FileMeta,
        row_group: usize,
        fields: &[FieldProjection],
        block_bytes: Option<u64>,
    ) -> Result<Self> {
        let mut finder = Self {
            meta: meta.clone(),
            row_group,
            indexes: Vec::new(),
            walks: Vec::new(),
            block_bytes,
        };
        for &leaf in fields.iter().flat_map(FieldProjection::leaves) {
            if meta.offset_index(row_group, leaf).is_some() {
                continue;
            }
            let place = meta.column(row_group, leaf)?;
            let place = place.offset_index_offset().zip(place.offset_index_length());
            let place = place.and_then(|(offset, len)| {
                let (offset, len) = (u64::try_from(offset).ok()?, u64::try_from(len).ok()?);
                Some(offset..offset.checked_add(len)?)
            });
            match place.filter(|place| !place.is_empty() && place.end <= meta.file_bytes()) {
                Some(place) => finder.indexes.push((leaf, place)),
                None => finder.follow(leaf)?,
            }
        }
        Ok(finder)
    }

    /// Ranges to read next; none when everything is found.
    pub fn wanted(&self) -> Vec<Range<u64>> {
        if !self.indexes.is_empty() {
            return self
                .indexes
                .iter()
                .map(|(_, place)| place.clone())
                .collect();
        }
        self.walks
            .iter()
            .take(WALKS_MAX)
            .map(Walk::wanted)
            .collect()
    }

    /// Takes the bytes of the ranges of [`Self::wanted`], in order.
    pub fn supply(&mut self, bytes: Vec<Bytes>) -> Result<()> {
        if bytes.len() != self.wanted().len() {
            return Err(Error::invalid("other bytes than were asked for"));
        }
        if self.indexes.is_empty() {
            return self.walk_on(&bytes);
        }
        for ((leaf, _), bytes) in std::mem::take(&mut self.indexes).into_iter().zip(bytes) {
            let chunk = self.meta.column_range(self.row_group, leaf)?;
            let num_rows = self.meta.group_rows(self.row_group)?;
            match OffsetIndex::decode(&bytes, &chunk, num_rows) {
                Ok(index) => self.meta.keep_offset_index(self.row_group, leaf, index),
                // As everywhere: an index that makes no sense is as good as none.
                Err(_) => self.follow(leaf)?,
            }
        }
        Ok(())
    }

    fn follow(&mut self, leaf: usize) -> Result<()> {
        let Some(block_bytes) = self.block_bytes else {
            return Ok(());
        };
        let chunk = self.meta.column_range(self.row_group, leaf)?;
        let num_rows = self.meta.group_rows(self.row_group)?;
        if num_rows > 0 {
            self.walks.push(Walk {
                leaf,
                at: chunk.start,
                end: chunk.end,
                block_bytes: block_bytes.max(1),
                num_rows,
                rows: 0,
                pages: Vec::new(),
            });
        }
        Ok(())
    }

    fn walk_on(&mut self, bytes: &[Bytes]) -> Result<()> {
        let mut going = Vec::with_capacity(self.walks.len());
        for (position, mut walk) in std::mem::take(&mut self.walks).into_iter().enumerate() {
            let Some(bytes) = bytes.get(position) else {
                going.push(walk);
                continue;
            };
            let (meta, row_group) = (&self.meta, self.row_group);
            let place = || {
                let at = walk.at;
                format!("leaf {}, row group {row_group}, byte {at}", walk.leaf)
            };
            let place = place();
            match walk
                .step(meta, row_group, bytes)
                .map_err(|error| error.at(place))?
            {
                Step::More => going.push(walk),
                Step::Silent => {}
                Step::Found => {
                    let index = OffsetIndex { pages: walk.pages };
                    meta.keep_offset_index(row_group, walk.leaf, index);
                }
            }
        }
        self.walks = going;
        Ok(())
    }
}

impl Walk {
    fn wanted(&self) -> Range<u64> {
        self.at..self.end.min(self.at.saturating_add(self.block_bytes))
    }

    /// Reads the headers in `bytes`, which start where the last step ended.
    fn step(&mut self, meta: &FileMeta, row_group: usize, bytes: &[u8]) -> Result<Step> {
        let limits = &meta.options().limits;
        let is_flat = meta
            .column(row_group, self.leaf)?
            .column_descr()
            .max_rep_level()
            == 0;
        let from = self.at;
        while self.rows < self.num_rows {
            if self.at >= self.end {
                return Err(Error::corrupt(format!(
                    "its pages hold {} rows but the row group has {}",
                    self.rows, self.num_rows
                )));
            }
            let skip = usize::try_from(self.at - from).unwrap_or(usize::MAX);
            let Some(rest) = bytes.get(skip..).filter(|rest| !rest.is_empty()) else {
                return Ok(Step::More);
            };
            let header = match PageHeader::read(rest, limits) {
                Ok(header) => header,
                Err(error) if error.kind() == ErrorKind::Truncated && self.is_cut(rest) => {
                    if skip == 0 {
                        self.block_bytes = self.block_bytes.saturating_mul(2);
                    }
                    return Ok(Step::More);
                }
                Err(error) => return Err(error),
            };
            let page_bytes = (header.header_bytes + header.compressed_bytes) as u64;
            let rows = match header.kind {
                PageKind::DataV1 { num_values, .. } if is_flat => num_values,
                PageKind::DataV2 { num_rows, .. } => num_rows,
                PageKind::DataV1 { .. } => return Ok(Step::Silent),
                PageKind::Dictionary { .. } | PageKind::Other => {
                    self.at += page_bytes;
                    continue;
                }
            };
            self.pages.push(PagePlace {
                offset: self.at,
                bytes: page_bytes,
                first_row: self.rows,
            });
            self.at += page_bytes;
            self.rows = self.rows.saturating_add(rows);
            if self.at > self.end || self.rows > self.num_rows {
                return Err(Error::corrupt(
                    "a page that reaches beyond its column chunk",
                ));
            }
        }
        Ok(Step::Found)
    }

    /// Whether `rest` may end within a header that goes on behind it.
    fn is_cut(&self, rest: &[u8]) -> bool {
        let end = self.at + rest.len() as u64;
        end < self.end && (rest.len() as u64) < HEADER_BYTES_MAX
    }
}

/// Cuts `rows` of a row group in two, near their middle, between two pages of the column with the
/// most bytes. `None` when no page of a known column starts among them.
pub fn split_rows(
    meta: &FileMeta,
    row_group: usize,
    fields: &[FieldProjection],
    rows: &RowRanges,
) -> Option<(RowRanges, RowRanges)> {
    let largest = fields
        .iter()
        .flat_map(FieldProjection::leaves)
        .filter_map(|&leaf| {
            let index = meta.offset_index(row_group, leaf)?;
            let bytes: u64 = index.pages.iter().map(|page| page.bytes).sum();
            Some((bytes, index))
        })
        .max_by_key(|(bytes, _)| *bytes)?;
    let start = rows.ranges().first()?.start;
    let end = rows.end();
    let middle = start.midpoint(end);
    let cut = largest
        .1
        .pages
        .iter()
        .map(|page| page.first_row)
        .filter(|&row| start < row && row < end)
        .min_by_key(|row| row.abs_diff(middle))?;
    let (left, right) = (rows.within(start..cut), rows.within(cut..end));
    (!left.is_empty() && !right.is_empty()).then_some((left, right))
}
