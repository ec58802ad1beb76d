//! One window of rows of a row group, from bytes to a batch: filter columns first, the others only
//! for rows that survive.

use std::ops::Range;
use std::time::Instant;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use fastdata_kernels::select::{Mask, filter_array};
use fastdata_parquet::RowRanges;
use rayon::prelude::*;

use super::RowGroup;
use crate::evolution::extract_child;
use crate::stats::{add, elapsed_ns};
use crate::{Error, Result};

/// Reads the rows of `rows` (numbered within the row group) that live; `None` when none does.
pub(crate) fn read_window(group: &RowGroup, rows: &RowRanges) -> Result<Option<RecordBatch>> {
    group.context.cancel.check()?;
    read(group, rows).map_err(|error| error.at(&group.place()))
}

fn read(group: &RowGroup, rows: &RowRanges) -> Result<Option<RecordBatch>> {
    let context = &group.context;
    let row_count = rows.row_count();
    let mut read: Vec<Option<ArrayRef>> = vec![None; group.file.columns.len()];
    if group.is_decided {
        return finish(group, rows, read, None);
    }
    add(&context.counters.rows_read, row_count as u64);
    let mask = live_rows(group, rows, &mut read)?;
    let Some(mask) = mask else {
        return finish(group, rows, read, None);
    };
    match mask.count() {
        0 => Ok(None),
        count if count == row_count => finish(group, rows, read, None),
        _ => finish(group, rows, read, Some(mask)),
    }
}

/// The rows of `rows` that neither deletes nor the filter drop.
pub(super) fn living_rows(group: &RowGroup, rows: &RowRanges) -> Result<RowRanges> {
    group.context.cancel.check()?;
    let mut read: Vec<Option<ArrayRef>> = vec![None; group.file.columns.len()];
    let mask = live_rows(group, rows, &mut read).map_err(|error| error.at(&group.place()))?;
    Ok(match mask {
        None => rows.clone(),
        Some(mask) => select(rows, mask.bits(), usize::MAX).ok_or_else(lost)?,
    })
}

/// Deletes and filter as one mask over `rows`; `None` when neither says anything. Columns that had
/// to be read are left in `read`.
fn live_rows(
    group: &RowGroup,
    rows: &RowRanges,
    read: &mut [Option<ArrayRef>],
) -> Result<Option<Mask>> {
    let (file, context) = (&group.file, &group.context);
    let first_row = group.plan.first_row;
    let mut live: Option<BooleanBuffer> = None;
    if let Some(kept) = file.deletes.rows_kept(first_row, rows) {
        live = Some(kept);
    }
    let keys = file.deletes.key_columns();
    if !keys.is_empty() {
        fill(group, rows, &keys, read)?;
        let kept = file.deletes.keys_kept(read, rows.row_count())?;
        live = Some(and(live, kept));
    }
    if let Some(live) = &live {
        let deleted = live.len() - live.count_set_bits();
        add(&context.counters.rows_deleted, deleted as u64);
        if deleted == live.len() {
            return Ok(Some(Mask::new(live.clone())));
        }
    }
    if group.filters {
        let (positions, filter, schema) = context.columns.filter_batch(&file.filter)?;
        fill(group, rows, &positions, read)?;
        let started = Instant::now();
        let columns = positions
            .iter()
            .map(|position| column(read, *position))
            .collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(schema, columns).map_err(broken_schema)?;
        live = Some(and(live, filter.evaluate(&batch)?));
        add(&context.counters.select_ns, elapsed_ns(started));
    }
    Ok(live.map(Mask::new))
}

fn and(live: Option<BooleanBuffer>, more: BooleanBuffer) -> BooleanBuffer {
    match live {
        Some(live) => &live & &more,
        None => more,
    }
}

/// Reads the columns at `positions` that are not in `read` yet, in parallel.
fn fill(
    group: &RowGroup,
    rows: &RowRanges,
    positions: &[usize],
    read: &mut [Option<ArrayRef>],
) -> Result<()> {
    let absent = |position: &&usize| read.get(**position).is_none_or(Option::is_none);
    let absent: Vec<usize> = positions.iter().filter(absent).copied().collect();
    let columns = absent
        .par_iter()
        .map(|position| read_column(group, *position, rows, rows))
        .collect::<Result<Vec<_>>>()?;
    for (position, array) in absent.into_iter().zip(columns) {
        if let Some(slot) = read.get_mut(position) {
            *slot = Some(array);
        }
    }
    Ok(())
}

/// The column at `position` for `rows`, which are some or all of the rows of `window`; adapted to
/// the scan's schema.
pub(crate) fn read_column(
    group: &RowGroup,
    position: usize,
    window: &RowRanges,
    rows: &RowRanges,
) -> Result<ArrayRef> {
    group.context.cancel.check()?;
    let column = group.file.columns.get(position).ok_or_else(lost)?;
    let row_count = rows.row_count();
    let raw = match column.projection {
        None => None,
        Some(_) => {
            let reader = group.reader(position)?;
            let first = window.ranges().first().map_or(0, |range| range.start);
            Some(reader.read_selected_in(first..window.end(), rows)?)
        }
    };
    let mut root = column.plan.adapt(&column.request.root, raw, row_count)?;
    if let Some(inherited) = column.inherited {
        root = inherited.fill(&root, group.plan.first_row, rows)?;
    }
    let steps = vec![0; column.request.path.len().saturating_sub(1)];
    extract_child(root, &steps)
}

/// The batch of the returned columns: `mask` selects among `rows`, `None` keeps them all.
fn finish(
    group: &RowGroup,
    rows: &RowRanges,
    mut read: Vec<Option<ArrayRef>>,
    mask: Option<Mask>,
) -> Result<Option<RecordBatch>> {
    let columns = &group.context.columns;
    let returned: Vec<usize> = (0..columns.returned).collect();
    let kept = mask.as_ref().map_or(rows.row_count(), Mask::count);
    let arrays = match &mask {
        None => {
            fill(group, rows, &returned, &mut read)?;
            returned
                .iter()
                .map(|position| column(&read, *position))
                .collect::<Result<Vec<_>>>()?
        }
        Some(mask) => select_columns(group, rows, &returned, &read, mask)?,
    };
    let options = RecordBatchOptions::new().with_row_count(Some(kept));
    RecordBatch::try_new_with_options(columns.output.clone(), arrays, &options)
        .map(Some)
        .map_err(broken_schema)
}

/// The returned columns for the rows of `mask`: columns already read are filtered; of the others
/// only these rows are decoded when they are few runs, else everything, and filtered.
fn select_columns(
    group: &RowGroup,
    rows: &RowRanges,
    returned: &[usize],
    read: &[Option<ArrayRef>],
    mask: &Mask,
) -> Result<Vec<ArrayRef>> {
    let surviving = select(
        rows,
        mask.bits(),
        rows.row_count() / RowRanges::WORTH_PICKING,
    );
    returned
        .par_iter()
        .map(
            |position| match (read.get(*position).and_then(Option::as_ref), &surviving) {
                (Some(array), _) => filtered(group, array, mask),
                (None, Some(surviving)) => read_column(group, *position, rows, surviving),
                (None, None) => filtered(group, &read_column(group, *position, rows, rows)?, mask),
            },
        )
        .collect()
}

fn filtered(group: &RowGroup, array: &dyn Array, mask: &Mask) -> Result<ArrayRef> {
    let started = Instant::now();
    let filtered = filter_array(array, mask)?;
    add(&group.context.counters.select_ns, elapsed_ns(started));
    Ok(filtered)
}

/// The rows of `rows` whose bit is set; bit `n` speaks for the n-th row of the set. `None` when
/// that would be more than `ranges_max` ranges.
fn select(rows: &RowRanges, mask: &BooleanBuffer, ranges_max: usize) -> Option<RowRanges> {
    let mut first_bit = 0;
    let mut selected: Vec<Range<usize>> = Vec::new();
    for range in rows.ranges() {
        let bits = mask.slice(first_bit, range.len());
        for (from, to) in bits.set_slices() {
            if selected.len() == ranges_max {
                return None;
            }
            selected.push(range.start + from..range.start + to);
        }
        first_bit += range.len();
    }
    Some(RowRanges::from_ranges(selected))
}

/// One bit for each row of `rows`: false where `deleted` (sorted, file-global) holds the row whose
/// number is `first_row` plus its number in the row group. `None` when no row is hit.
pub(crate) fn mask_without(
    deleted: &[u64],
    first_row: u64,
    rows: &RowRanges,
) -> Option<BooleanBuffer> {
    let mut mask = BooleanBufferBuilder::new(rows.row_count());
    let mut hit = false;
    for range in rows.ranges() {
        let (start, end) = (first_row + range.start as u64, first_row + range.end as u64);
        let from = deleted.partition_point(|row| *row < start);
        let base = mask.len();
        mask.append_n(range.len(), true);
        for row in deleted
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|row| **row < end)
        {
            let offset = usize::try_from(*row - start).unwrap_or(usize::MAX);
            mask.set_bit(base + offset, false);
            hit = true;
        }
    }
    hit.then(|| mask.finish())
}

fn column(read: &[Option<ArrayRef>], position: usize) -> Result<ArrayRef> {
    read.get(position).and_then(Clone::clone).ok_or_else(lost)
}

fn lost() -> Error {
    Error::corrupt("a column was planned that the file does not deliver")
}

fn broken_schema(source: arrow_schema::ArrowError) -> Error {
    Error::corrupt(format!("the file breaks the schema: {source}"))
}

/// Windows of at most `window_rows` rows over `rows`, in order.
pub(crate) fn windows(rows: &RowRanges, window_rows: usize) -> Vec<RowRanges> {
    let end = rows.end();
    (0..end)
        .step_by(window_rows.max(1))
        .map(|start| rows.within(start..end.min(start + window_rows)))
        .filter(|window| !window.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(usize, usize)]) -> RowRanges {
        RowRanges::from_ranges(ranges.iter().map(|&(from, to)| from..to))
    }

    #[test]
    fn windows_cover_each_row_once() {
        let rows = set(&[(0, 5), (7, 8), (30, 45)]);
        let windows = windows(&rows, 10);
        assert_eq!(
            windows,
            [set(&[(0, 5), (7, 8)]), set(&[(30, 40)]), set(&[(40, 45)])]
        );
    }

    #[test]
    fn bits_speak_for_the_rows_of_the_set() {
        let rows = set(&[(2, 4), (10, 13)]);
        let mask = BooleanBuffer::from(vec![false, true, true, false, true]);
        let selected = set(&[(3, 4), (10, 11), (12, 13)]);
        assert_eq!(select(&rows, &mask, 3), Some(selected));
        assert_eq!(select(&rows, &mask, 2), None);
    }

    #[test]
    fn deleted_rows_are_numbered_within_the_file() {
        let rows = set(&[(0, 3), (5, 7)]);
        let mask = mask_without(&[99, 102, 103, 106, 200], 100, &rows).unwrap();
        let bits: Vec<bool> = mask.iter().collect();
        assert_eq!(bits, [true, true, false, true, false]);
        assert_eq!(mask_without(&[99, 103, 107], 100, &rows), None);
    }
}
