//! Row groups that are more than a scan may hold: cut at page boundaries into sections, which are
//! then read like row groups of their own.

use std::sync::Arc;

use fastdata_parquet::{FieldProjection, PageFinder, RowGroupPlan, RowRanges, split_rows};

use super::OpenFile;
use crate::Result;
use crate::context::Context;

/// What is read where a page header is expected in a file without offset indexes: from a disk
/// little, because pages are passed over and a read is cheap; over a network so much that passing
/// on costs more in bytes than in round trips.
const LOCAL_BLOCK_BYTES: u64 = 16 << 10;
const REMOTE_BLOCK_BYTES: u64 = 4 << 20;

/// How many sections fit into the budget: while some are decoded, others are on their way.
const SECTIONS: u64 = 4;

/// `plan` as it is when it fits into the budget, else in parts, in order. What cannot be cut (one
/// page, or a chunk whose pages tell no rows) stays whole.
pub(crate) async fn sections(
    context: &Arc<Context>,
    file: &Arc<OpenFile>,
    plan: RowGroupPlan,
) -> Result<Vec<RowGroupPlan>> {
    let returned = context.columns.returned;
    let location = &file.file.location;
    let charge = |plan: &RowGroupPlan| -> Result<u64> {
        Ok(context.charge(file.bytes_wanted(plan, returned)?, location))
    };
    if charge(&plan)? <= context.chunk_bytes_max {
        return Ok(vec![plan]);
    }
    let fields = file.fields_wanted(returned);
    let block_bytes = match context.reads_here(location) {
        true => LOCAL_BLOCK_BYTES,
        false => REMOTE_BLOCK_BYTES,
    };
    find_pages(context, file, plan.row_group, &fields, Some(block_bytes)).await?;
    // Read with every section: dictionaries, and chunks of which no pages are known.
    let nothing = RowGroupPlan {
        rows: Some(RowRanges::default()),
        ..plan.clone()
    };
    let repeated_bytes = charge(&nothing)?;
    let section_bytes = (context.chunk_bytes_max / SECTIONS).max(2 * repeated_bytes);
    let num_rows = usize::try_from(plan.num_rows).unwrap_or(usize::MAX);
    let rows = plan.rows.clone();
    let mut uncut = vec![rows.unwrap_or_else(|| RowRanges::all(num_rows))];
    let mut cut = Vec::new();
    while let Some(rows) = uncut.pop() {
        let part = RowGroupPlan {
            rows: Some(rows),
            ..plan.clone()
        };
        let is_small = charge(&part)? <= section_bytes;
        let halves = part
            .rows
            .as_ref()
            .filter(|_| !is_small)
            .and_then(|rows| split_rows(&file.meta, plan.row_group, &fields, rows));
        match halves {
            None => cut.push(part),
            Some((first, second)) => uncut.extend([second, first]),
        }
    }
    Ok(cut)
}

/// Learns where the pages of `fields` lie; see [`PageFinder`].
pub(crate) async fn find_pages(
    context: &Context,
    file: &OpenFile,
    row_group: usize,
    fields: &[FieldProjection],
    block_bytes: Option<u64>,
) -> Result<()> {
    let mut finder = PageFinder::new(&file.meta, row_group, fields, block_bytes)?;
    loop {
        let ranges = finder.wanted();
        if ranges.is_empty() {
            return Ok(());
        }
        let bytes = context.fetch(&file.file.location, &ranges).await?;
        finder.supply(bytes)?;
    }
}
