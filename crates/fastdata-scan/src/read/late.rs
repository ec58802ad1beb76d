//! Row groups behind a network, fetched in two stages: the columns that decide which rows live, then
//! of the others only the pages (or, in files without offset indexes, the chunks) that still have
//! such rows.
//!
//! The second stage waits for a round trip more. It is taken where it may save more bytes than a
//! connection brings in that time, and only while it does: what earlier row groups saved decides.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fastdata_parquet::RowRanges;
use futures::try_join;
use rayon::prelude::*;

use super::row_group::RowGroup;
use super::sections::find_pages;
use super::window::{living_rows, windows};
use crate::Result;
use crate::runtime::on_decoders;
use crate::stats::add;

/// What a round trip costs in bytes that are not fetched meanwhile: 10 to 25 ms at the 90 MB/s that
/// one connection to an object store brings.
const ROUND_TRIP_BYTES: u64 = 1 << 20;

/// Row groups that must be through before what they saved is looked at, and how often one is tried
/// again when it was too little: tables change along the way.
const TRIED_FIRST: u64 = 4;
const TRIED_AGAIN: u64 = 32;

/// What second stages saved so far.
#[derive(Debug, Default)]
pub(crate) struct Savings {
    asked: AtomicU64,
    tried: AtomicU64,
    saved_bytes: AtomicU64,
}

impl Savings {
    /// Whether the next row group is worth a second stage.
    fn pays(&self) -> bool {
        let asked = self.asked.fetch_add(1, Relaxed);
        if asked.is_multiple_of(TRIED_AGAIN) {
            return true;
        }
        // Until several are through, whichever those are, nothing is known against it.
        let tried = self.tried.load(Relaxed);
        tried < TRIED_FIRST || self.saved_bytes.load(Relaxed) / tried >= ROUND_TRIP_BYTES
    }

    fn note(&self, saved_bytes: u64) {
        add(&self.saved_bytes, saved_bytes);
        add(&self.tried, 1);
    }
}

/// Of the `wanted` columns those to fetch first, and those to fetch when it is known which rows
/// live; none where one stage is better.
pub(super) fn stages(group: &RowGroup, wanted: &[usize]) -> Result<(Vec<usize>, Vec<usize>)> {
    let (context, file) = (&group.context, &group.file);
    let mut deciding = file.deletes.key_columns();
    if group.filters {
        deciding.extend(context.columns.filter_batch(&file.filter)?.0);
    }
    let decides = |position: &usize| deciding.contains(position);
    let (first, rest): (Vec<usize>, Vec<usize>) = wanted.iter().partition(|at| decides(at));
    let is_worth =
        group.filters && group.bytes(&rest)? >= ROUND_TRIP_BYTES && context.savings.pays();
    match is_worth {
        true => Ok((first, rest)),
        false => Ok((wanted.to_vec(), Vec::new())),
    }
}

/// Fetches the `first` columns, and of the `rest` what the rows that live need.
pub(super) async fn fetch(
    mut group: RowGroup,
    first: &[usize],
    rest: &[usize],
) -> Result<RowGroup> {
    let (context, file) = (group.context.clone(), group.file.clone());
    let columns = rest.iter().filter_map(|at| file.columns.get(*at));
    let fields: Vec<_> = columns
        .filter_map(|column| column.projection.clone())
        .collect();
    let row_group = group.plan.row_group;
    try_join!(
        group.fetch(first),
        find_pages(&context, &file, row_group, &fields, None)
    )?;
    let all_bytes = group.bytes(rest)?;
    let decide = move || {
        let rows = living(&group)?;
        Ok((group, rows))
    };
    let (mut group, rows) = on_decoders(&context.pool, decide).await?;
    group.keep(rows);
    let saved_bytes = match group.rows().is_empty() {
        true => all_bytes,
        false => all_bytes.saturating_sub(group.bytes(rest)?),
    };
    context.savings.note(saved_bytes);
    group.give_back(saved_bytes);
    if !group.rows().is_empty() {
        group.fetch(rest).await?;
    }
    Ok(group)
}

/// The rows that neither deletes nor the filter drop.
fn living(group: &RowGroup) -> Result<RowRanges> {
    let rows = group.rows();
    add(&group.context.counters.rows_read, rows.row_count() as u64);
    let parts = windows(&rows, group.window_rows())
        .into_par_iter()
        .map(|window| living_rows(group, &window))
        .collect::<Result<Vec<RowRanges>>>()?;
    let ranges = parts.iter().flat_map(|part| part.ranges().iter().cloned());
    Ok(RowRanges::from_ranges(ranges))
}
