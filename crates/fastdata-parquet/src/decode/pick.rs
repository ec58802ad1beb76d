//! Some rows of a column instead of all: what a selective filter leaves.
//!
//! Pages are decompressed whole, that is how they are stored, but only the values of the rows that
//! are wanted are looked at where an encoding lets us: PLAIN numbers by their place, dictionary
//! indices by their bits. Everything else is decoded page by page into memory that stays in the
//! cache, and the wanted values are moved from there.

use std::ops::Range;

use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::BooleanBufferBuilder;

use super::leaf::{Window, too_few_rows};
use super::validity::Validity;
use crate::page::{Chunk, PageBytes, Visit};
use crate::{Error, Result, RowRanges};

/// The wanted rows of one page.
#[derive(Debug)]
pub(crate) struct PickedPage {
    /// Which page of the chunk; its rows that lie in the window, wanted or not.
    pub(crate) visit: Visit,
    /// The page's rows in front of the first wanted one.
    pub(crate) skip: usize,
    /// Rows from the first wanted one to the last.
    pub(crate) span: usize,
    /// The wanted ones, numbered from the first.
    pub(crate) ranges: Vec<Range<usize>>,
    /// How many these are.
    pub(crate) count: usize,
}

/// The pages of `chunk` that hold rows of `wanted`, all of which lie in `window`.
pub(crate) fn picked_pages(
    chunk: &Chunk,
    window: &Window,
    wanted: &RowRanges,
) -> Result<Vec<PickedPage>> {
    let pages = chunk.pages();
    let first = wanted.ranges().first().map_or(0, |range| range.start);
    let from = pages.partition_point(|page| page.end_row() <= first);
    let mut picked: Vec<PickedPage> = Vec::new();
    for (index, page) in pages.iter().enumerate().skip(from) {
        let rows = page.first_row..page.end_row();
        if rows.start >= wanted.end() {
            break;
        }
        let wanted = wanted.within(rows.clone());
        let Some(start) = wanted.ranges().first().map(|range| range.start) else {
            continue;
        };
        let in_window = rows.start.max(window.rows.start)..rows.end.min(window.rows.end);
        let ranges = wanted.ranges().iter();
        if let Some(last) = picked.last_mut() {
            last.visit.then_next = last.visit.page + 1 == index;
        }
        picked.push(PickedPage {
            visit: Visit {
                page: index,
                rows: in_window.len(),
                then_next: false,
            },
            skip: start - rows.start,
            span: wanted.end() - start,
            ranges: ranges.map(|r| r.start - start..r.end - start).collect(),
            count: wanted.row_count(),
        });
    }
    let found: usize = picked.iter().map(|page| page.count).sum();
    if found != wanted.row_count() {
        return Err(Error::corrupt(
            "the column chunk has fewer rows than its row group, or a page was not fetched",
        ));
    }
    Ok(picked)
}

impl PickedPage {
    /// Takes the validity of the wanted rows, and tells where their values are.
    pub(crate) fn append_validity(
        &self,
        bytes: &PageBytes<'_>,
        optional: bool,
        validity: &mut Validity,
    ) -> Result<Stored> {
        let mut own = Validity::with_capacity(self.span);
        let present = own.append_page_or_all(optional, bytes, self.skip, self.span)?;
        let has_nulls = present.within < self.span;
        if has_nulls {
            for range in &self.ranges {
                validity.append_part(&own, range.clone());
            }
        } else {
            validity.append_valid(self.count);
        }
        Ok(Stored {
            before: present.before,
            within: present.within,
            nulls: has_nulls.then_some(own),
        })
    }

    /// Moves the wanted ones of the span's values to `out`.
    pub(crate) fn compact<T: Copy>(&self, values: &[T], out: &mut [T]) {
        let mut at = 0;
        for range in &self.ranges {
            out[at..at + range.len()].copy_from_slice(&values[range.clone()]);
            at += range.len();
        }
    }
}

/// Where the values of a [`PickedPage`]'s span are stored.
pub(crate) struct Stored {
    /// Values in front of the span.
    pub(crate) before: usize,
    /// Values of the span.
    pub(crate) within: usize,
    /// One bit for each row of the span, when some are null.
    pub(crate) nulls: Option<Validity>,
}

/// For decoders that know no better: stretches of neighbouring pages are decoded, and the wanted
/// rows kept.
pub(super) fn read_stretches(
    chunk: &Chunk,
    window: &Window,
    wanted: &RowRanges,
    read: impl Fn(&Window) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    let mut parts: Vec<ArrayRef> = Vec::new();
    let mut pages = chunk.pages().iter().peekable();
    while let Some(page) = pages.next() {
        if !wanted.touches(&(page.first_row..page.end_row())) {
            continue;
        }
        let mut stretch = page.first_row..page.end_row();
        // Pages between two that are there may not have been fetched.
        while let Some(next) = pages.next_if(|next| {
            next.first_row == stretch.end && wanted.touches(&(next.first_row..next.end_row()))
        }) {
            stretch.end = next.end_row();
        }
        let rows = stretch.start.max(window.rows.start)..stretch.end.min(window.rows.end);
        let wanted = wanted.within(stretch);
        let first_row = rows.start;
        let part = Window { rows, ..*window };
        parts.push(keep(&read(&part)?, first_row, &wanted)?);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    match parts.as_slice() {
        [] => Err(too_few_rows()),
        [only] => Ok(only.slice(0, only.len())),
        all => Ok(arrow_select::concat::concat(all)?),
    }
}

/// The rows `wanted` of `span`, which starts at `first_row`.
fn keep(span: &ArrayRef, first_row: usize, wanted: &RowRanges) -> Result<ArrayRef> {
    if wanted.end() > first_row + span.len() {
        return Err(too_few_rows());
    }
    let mut mask = BooleanBufferBuilder::new(span.len());
    for range in wanted.ranges() {
        mask.append_n(range.start - first_row - mask.len(), false);
        mask.append_n(range.len(), true);
    }
    mask.append_n(span.len() - mask.len(), false);
    let mask = BooleanArray::new(mask.finish(), None);
    Ok(arrow_select::filter::filter(span, &mask)?)
}
