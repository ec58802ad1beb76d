//! The page index: where pages are, and what their values are bounded by.

use std::ops::Range;

use crate::thrift::{BINARY, Compact};
use crate::{Error, Result};

/// Where the pages of a chunk are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OffsetIndex {
    pub(crate) pages: Vec<PagePlace>,
}

/// One page of an offset index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PagePlace {
    /// Of the page header, within the file.
    pub(crate) offset: u64,
    /// Header included.
    pub(crate) bytes: u64,
    /// Within the row group.
    pub(crate) first_row: usize,
}

impl OffsetIndex {
    /// Decodes and checks: pages lie in order and within `chunk`, rows ascend from 0 to `num_rows`.
    pub(crate) fn decode(bytes: &[u8], chunk: &Range<u64>, num_rows: usize) -> Result<Self> {
        let mut pages = Vec::new();
        Compact::new(bytes).structure(|thrift, id, _| {
            if id != 1 {
                return Ok(false);
            }
            let (_, len) = thrift.list()?;
            for _ in 0..len {
                pages.push(place(thrift)?);
            }
            Ok(true)
        })?;
        let index = Self { pages };
        index.check(chunk, num_rows)?;
        Ok(index)
    }

    fn check(&self, chunk: &Range<u64>, num_rows: usize) -> Result<()> {
        let bad = || Error::corrupt("an offset index that contradicts its column chunk");
        let (mut at, mut row) = (chunk.start, 0);
        for (position, page) in self.pages.iter().enumerate() {
            let end = page.offset.checked_add(page.bytes).ok_or_else(bad)?;
            let rows_ascend = if position == 0 {
                page.first_row == 0
            } else {
                page.first_row >= row
            };
            if page.offset < at || end > chunk.end || !rows_ascend || page.first_row > num_rows {
                return Err(bad());
            }
            (at, row) = (end, page.first_row);
        }
        if self.pages.is_empty() && num_rows > 0 {
            Err(bad())
        } else {
            Ok(())
        }
    }

    /// Each page with its rows.
    pub(crate) fn rows(&self, num_rows: usize) -> impl Iterator<Item = (PagePlace, Range<usize>)> {
        let ends = self
            .pages
            .iter()
            .skip(1)
            .map(|page| page.first_row)
            .chain([num_rows]);
        self.pages
            .iter()
            .zip(ends)
            .map(|(page, end)| (*page, page.first_row..end))
    }
}

fn place(thrift: &mut Compact<'_>) -> Result<PagePlace> {
    let mut values = [None; 3];
    thrift.structure(|thrift, id, wire| {
        let slot = usize::try_from(id - 1)
            .ok()
            .and_then(|index| values.get_mut(index));
        match slot {
            Some(slot) if (4..=6).contains(&wire) => *slot = u64::try_from(thrift.int()?).ok(),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match values {
        [Some(offset), Some(bytes), Some(first_row)] => {
            let first_row = usize::try_from(first_row);
            let first_row = first_row.map_err(|_| Error::corrupt("a row beyond this machine"))?;
            Ok(PagePlace {
                offset,
                bytes,
                first_row,
            })
        }
        _ => Err(Error::corrupt("an offset index entry that lacks a field")),
    }
}

/// What the values of each page of a chunk are bounded by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ColumnIndex {
    /// Pages of nulls only: their bounds mean nothing.
    pub(crate) null_pages: Vec<bool>,
    pub(crate) min: Vec<Vec<u8>>,
    pub(crate) max: Vec<Vec<u8>>,
    /// One for each page, or none at all.
    pub(crate) null_counts: Option<Vec<i64>>,
}

impl ColumnIndex {
    /// Decodes the index of a chunk of `page_count` pages.
    pub(crate) fn decode(bytes: &[u8], page_count: usize) -> Result<Self> {
        let mut index = Self::default();
        Compact::new(bytes).structure(|thrift, id, _| {
            match id {
                1 => index.null_pages = list(thrift, |thrift, _| thrift.bool_element())?,
                2 => index.min = list(thrift, owned)?,
                3 => index.max = list(thrift, owned)?,
                5 => index.null_counts = Some(list(thrift, |thrift, _| thrift.int())?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let counts = index.null_counts.as_ref().map_or(page_count, Vec::len);
        let lens = [
            index.null_pages.len(),
            index.min.len(),
            index.max.len(),
            counts,
        ];
        if lens.iter().any(|&len| len != page_count) {
            return Err(Error::corrupt(
                "a column index of other pages than the offset index",
            ));
        }
        Ok(index)
    }
}

fn owned(thrift: &mut Compact<'_>, wire: u8) -> Result<Vec<u8>> {
    if wire != BINARY {
        return Err(Error::corrupt("a column index whose bounds are not binary"));
    }
    Ok(thrift.binary()?.to_vec())
}

fn list<T>(
    thrift: &mut Compact<'_>,
    mut element: impl FnMut(&mut Compact<'_>, u8) -> Result<T>,
) -> Result<Vec<T>> {
    let (wire, len) = thrift.list()?;
    let mut values = Vec::new();
    for _ in 0..len {
        values.push(element(thrift, wire)?);
    }
    Ok(values)
}
