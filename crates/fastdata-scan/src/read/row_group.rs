//! A row group on its way: its bytes fetched or within reach, its columns opened once.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use bytes::Bytes;
use fastdata_kernels::predicate::Bound;
use fastdata_parquet::{ColumnReader, RowGroupPlan, RowRanges, chunk_ranges};
use tokio::sync::OwnedSemaphorePermit;

use super::OpenFile;
use crate::context::Context;
use crate::stats::{add, elapsed_ns};
use crate::{Error, ErrorKind, Result};

/// Ranges of a file with their bytes.
type Chunks = Vec<(Range<u64>, Bytes)>;

/// A row group of which windows are being read.
pub(crate) struct RowGroup {
    pub(crate) context: Arc<Context>,
    pub(crate) file: Arc<OpenFile>,
    pub(crate) plan: RowGroupPlan,
    /// Whether the filter still has to be evaluated.
    pub(crate) filters: bool,
    columns: Vec<Mutex<Column>>,
    /// Held until the last window is done: the row group's share of the memory budget.
    _permit: OwnedSemaphorePermit,
}

/// One column's state.
enum Column {
    /// The store hands bytes over at once: they are read when a window first needs them.
    Local,
    /// Fetched from a network, not opened yet.
    Fetched(Chunks),
    /// Open.
    Open(Arc<ColumnReader>),
    /// A constant, or a column that no window needs.
    Absent,
}

impl RowGroup {
    /// Rows that windows are made of, numbered within the row group.
    pub(crate) fn rows(&self) -> RowRanges {
        match &self.plan.rows {
            Some(rows) => rows.clone(),
            None => RowRanges::all(usize::try_from(self.plan.num_rows).unwrap_or(usize::MAX)),
        }
    }

    /// Rows that a window may have, so that decoded windows stay within their share of memory.
    pub(crate) fn window_rows(&self) -> usize {
        let leaves = self
            .file
            .columns
            .iter()
            .filter_map(|column| column.projection.as_ref());
        let group = self
            .file
            .meta
            .parquet()
            .row_groups()
            .get(self.plan.row_group);
        let size_of = |leaf: &usize| {
            let chunk = group.and_then(|group| group.columns().get(*leaf));
            chunk.map_or(0, |chunk| {
                u64::try_from(chunk.uncompressed_size()).unwrap_or(0)
            })
        };
        let bytes: u64 = leaves
            .flat_map(|projection| projection.leaves())
            .map(size_of)
            .sum();
        // Dictionaries and runs unfold: eight bytes a value are the least that comes out.
        let row_bytes = (bytes / self.plan.num_rows.max(1)).max(8 * self.file.columns.len() as u64);
        let fitting = self.context.window_bytes_max / row_bytes.max(1);
        usize::try_from(fitting)
            .unwrap_or(usize::MAX)
            .clamp(1024, self.context.window_rows.max(1024))
    }

    /// The reader of the column at `position`, opened on first use by whoever comes first.
    pub(crate) fn reader(&self, position: usize) -> Result<Arc<ColumnReader>> {
        let lost = || Error::corrupt("a column was planned that the row group does not hold");
        let slot = self.columns.get(position).ok_or_else(lost)?;
        let mut slot = lock_or_work(slot);
        let chunks = match std::mem::replace(&mut *slot, Column::Absent) {
            Column::Open(reader) => {
                *slot = Column::Open(reader.clone());
                return Ok(reader);
            }
            Column::Fetched(chunks) => chunks,
            Column::Local => self.read_here(position)?,
            Column::Absent => return Err(lost()),
        };
        let column = self.file.columns.get(position).ok_or_else(lost)?;
        let projection = column.projection.as_ref().ok_or_else(lost)?;
        let reader = ColumnReader::open(&self.file.meta, self.plan.row_group, projection, chunks)?;
        let reader = Arc::new(reader);
        *slot = Column::Open(reader.clone());
        Ok(reader)
    }

    fn read_here(&self, position: usize) -> Result<Chunks> {
        let ranges = self.file.ranges(&self.plan, position)?;
        let started = Instant::now();
        let location = &self.file.file.location;
        let bytes = self
            .context
            .store
            .read_ranges_here(location, &ranges)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Io,
                    format!("{location} is no longer read without waiting"),
                )
            })??;
        self.context
            .count_fetched(&ranges, &bytes, elapsed_ns(started));
        Ok(ranges.into_iter().zip(bytes).collect())
    }
}

impl Drop for RowGroup {
    fn drop(&mut self) {
        for slot in &self.columns {
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Column::Open(reader) = &*slot {
                let stats = reader.stats();
                add(&self.context.counters.decompress_ns, stats.decompress_ns);
                add(&self.context.counters.decode_ns, stats.decode_ns);
            }
        }
    }
}

impl OpenFile {
    /// Byte ranges of the column at `position` for the rows of `plan`; empty for constants.
    pub(crate) fn ranges(&self, plan: &RowGroupPlan, position: usize) -> Result<Vec<Range<u64>>> {
        let projection = self
            .columns
            .get(position)
            .and_then(|column| column.projection.as_ref());
        match projection {
            None => Ok(Vec::new()),
            Some(projection) => Ok(chunk_ranges(
                &self.meta,
                plan.row_group,
                projection,
                plan.rows.as_ref(),
            )?),
        }
    }

    /// Bytes of the column chunks that reading `plan` takes.
    pub(crate) fn bytes_wanted(&self, plan: &RowGroupPlan, returned: usize) -> Result<u64> {
        let mut bytes = 0;
        for position in self.wanted(self.evaluates_filter(), returned) {
            bytes += self
                .ranges(plan, position)?
                .iter()
                .map(|range| range.end - range.start)
                .sum::<u64>();
        }
        Ok(bytes)
    }

    /// Ranges that reading `plan` asks the store for, before it merges neighbours.
    pub(crate) fn requests(&self, plan: &RowGroupPlan, returned: usize) -> Result<u64> {
        let mut requests = 0;
        for position in self.wanted(self.evaluates_filter(), returned) {
            requests += self.ranges(plan, position)?.len() as u64;
        }
        Ok(requests)
    }

    /// Whether the filter has to be evaluated. What partition values settled is not: they are
    /// exact. What the statistics of a row group would settle is evaluated all the same, because
    /// statistics are known to lie, and a row let through unseen would be wrong.
    pub(crate) fn evaluates_filter(&self) -> bool {
        self.filter != Bound::Constant(true)
    }

    /// Positions of the columns that reading `plan` takes, given whether the filter is evaluated.
    pub(crate) fn wanted(&self, filters: bool, returned: usize) -> Vec<usize> {
        let filter_columns = self.filter.columns();
        let is_wanted = |position: &usize| {
            let Some(column) = self.columns.get(*position) else {
                return false;
            };
            let in_filter = filters
                && filter_columns
                    .iter()
                    .any(|path| path.indices == column.request.path);
            *position < returned || in_filter || self.deletes.needs(*position)
        };
        (0..self.columns.len()).filter(is_wanted).collect()
    }
}

/// The lock of `slot`. While another thread holds it, which then reads or opens the column, this
/// one decodes something else: two windows of a row group start with the same columns, and would
/// wait for each other at every one of them.
fn lock_or_work(slot: &Mutex<Column>) -> MutexGuard<'_, Column> {
    loop {
        match slot.try_lock() {
            Ok(column) => return column,
            Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
        if rayon::yield_now() != Some(rayon::Yield::Executed) {
            return slot.lock().unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Waits for the row group's share of the memory budget and, for stores behind a network, for its
/// bytes.
pub(crate) async fn load_row_group(
    context: Arc<Context>,
    file: Arc<OpenFile>,
    plan: RowGroupPlan,
) -> Result<RowGroup> {
    let filters = file.evaluates_filter();
    let wanted = file.wanted(filters, context.columns.returned);
    let mut ranges = Vec::with_capacity(wanted.len());
    for position in &wanted {
        ranges.push(file.ranges(&plan, *position)?);
    }
    let compressed_bytes: u64 = ranges
        .iter()
        .flatten()
        .map(|range| range.end - range.start)
        .sum();
    let permit = context
        .reserve(compressed_bytes, &file.file.location)
        .await?;
    let mut columns: Vec<Column> = file.columns.iter().map(|_| Column::Absent).collect();
    let is_local = context.reads_here(&file.file.location);
    let chunks = match is_local {
        true => None,
        false => Some(fetch_all(&context, &file, &ranges).await?),
    };
    let mut chunks = chunks.into_iter().flatten();
    for position in wanted {
        let has_bytes = file
            .columns
            .get(position)
            .is_some_and(|column| column.projection.is_some());
        let state = match (is_local, has_bytes) {
            (_, false) => {
                chunks.next();
                Column::Absent
            }
            (true, true) => Column::Local,
            (false, true) => Column::Fetched(chunks.next().unwrap_or_default()),
        };
        if let Some(slot) = columns.get_mut(position) {
            *slot = state;
        }
    }
    let columns = columns.into_iter().map(Mutex::new).collect();
    Ok(RowGroup {
        context,
        file,
        plan,
        filters,
        columns,
        _permit: permit,
    })
}

/// Fetches the ranges of all columns in one batch, so that the store can merge neighbours.
async fn fetch_all(
    context: &Context,
    file: &OpenFile,
    ranges: &[Vec<Range<u64>>],
) -> Result<Vec<Chunks>> {
    let flat: Vec<Range<u64>> = ranges.iter().flatten().cloned().collect();
    let mut bytes = context.fetch(&file.file.location, &flat).await?.into_iter();
    let of_column = |ranges: &Vec<Range<u64>>| ranges.iter().cloned().zip(bytes.by_ref()).collect();
    Ok(ranges.iter().map(of_column).collect())
}
