//! A row group on its way: its bytes fetched or within reach, its columns opened once.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use bytes::Bytes;
use fastdata_kernels::predicate::Bound;
use fastdata_parquet::{ColumnReader, FieldProjection, RowGroupPlan, RowRanges, chunk_ranges};
use tokio::sync::OwnedSemaphorePermit;

use super::file::FileColumn;
use super::{OpenFile, late};
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
    /// Whether the rows of the plan are those that live: deletes and filter had their say.
    pub(crate) is_decided: bool,
    columns: Vec<Mutex<Column>>,
    /// Held until the last window is done: the row group's share of the memory budget.
    permit: OwnedSemaphorePermit,
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

    /// Where it is, for errors.
    pub(crate) fn place(&self) -> String {
        let location = &self.file.file.location;
        format!("{location}, row group {}", self.plan.row_group)
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

    /// Fetches the columns at `positions` in one batch, so that the store can merge neighbours.
    pub(super) async fn fetch(&mut self, positions: &[usize]) -> Result<()> {
        let mut ranges = Vec::with_capacity(positions.len());
        for position in positions {
            ranges.push(self.file.ranges(&self.plan, *position)?);
        }
        let flat: Vec<Range<u64>> = ranges.iter().flatten().cloned().collect();
        let location = &self.file.file.location;
        let mut bytes = self.context.fetch(location, &flat).await?.into_iter();
        for (position, ranges) in positions.iter().zip(ranges) {
            let chunks: Chunks = ranges.into_iter().zip(bytes.by_ref()).collect();
            let is_constant = self
                .file
                .columns
                .get(*position)
                .is_none_or(|column| column.projection.is_none());
            if let Some(slot) = self.columns.get_mut(*position)
                && !is_constant
            {
                *slot = Mutex::new(Column::Fetched(chunks));
            }
        }
        Ok(())
    }

    /// Bytes of the columns at `positions`, for the rows of the plan.
    pub(super) fn bytes(&self, positions: &[usize]) -> Result<u64> {
        let mut bytes = 0;
        for position in positions {
            let ranges = self.file.ranges(&self.plan, *position)?;
            bytes += ranges
                .iter()
                .map(|range| range.end - range.start)
                .sum::<u64>();
        }
        Ok(bytes)
    }

    /// Narrows the plan to `rows`: no other lives, and all of these do.
    pub(super) fn keep(&mut self, rows: RowRanges) {
        self.plan.rows = Some(rows);
        self.is_decided = true;
    }

    /// Returns what is not going to be fetched to the budget.
    pub(super) fn give_back(&mut self, bytes: u64) {
        let location = &self.file.file.location;
        self.context.give_back(&mut self.permit, bytes, location);
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

    /// Whether the values of the column at `position` are in the file as the scan returns them.
    pub(crate) fn delivers_as_is(&self, position: usize) -> bool {
        self.columns.get(position).is_some_and(|column| {
            column.request.path.len() == 1
                && column.projection.is_some()
                && column.inherited.is_none()
                && column.plan.keeps_bits()
        })
    }

    /// Bytes of the column at `position`, as stored, in the row groups to read.
    pub(crate) fn stored_bytes(&self, position: usize) -> u64 {
        let ranges = |plan| self.ranges(plan, position).unwrap_or_default();
        let of_plan = |plan| {
            ranges(plan)
                .iter()
                .map(|range| range.end - range.start)
                .sum::<u64>()
        };
        self.row_groups.iter().map(of_plan).sum()
    }

    /// What the file delivers for the columns that reading takes.
    pub(crate) fn fields_wanted(&self, returned: usize) -> Vec<FieldProjection> {
        let wanted = self.wanted(self.evaluates_filter(), returned);
        let columns = wanted.iter().filter_map(|at| self.columns.get(*at));
        columns
            .filter_map(|column| column.projection.clone())
            .collect()
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

/// A row group whose share of the memory budget is reserved.
pub(crate) struct ReservedRowGroup {
    file: Arc<OpenFile>,
    plan: RowGroupPlan,
    wanted: Vec<usize>,
    permit: OwnedSemaphorePermit,
}

/// Waits for the row group's share of the memory budget.
///
/// To be called in the order in which row groups are decoded: were a later one to take the last of
/// the budget, the one that everybody waits for would never get its share.
pub(crate) async fn reserve_row_group(
    context: &Context,
    file: Arc<OpenFile>,
    plan: RowGroupPlan,
) -> Result<ReservedRowGroup> {
    let wanted = file.wanted(file.evaluates_filter(), context.columns.returned);
    let compressed_bytes = file.bytes_wanted(&plan, context.columns.returned)?;
    let location = &file.file.location;
    let permit = context.reserve(compressed_bytes, location).await?;
    Ok(ReservedRowGroup {
        file,
        plan,
        wanted,
        permit,
    })
}

/// Fetches the bytes of a row group, unless decoding threads read them themselves.
pub(crate) async fn load_row_group(
    context: Arc<Context>,
    reserved: ReservedRowGroup,
) -> Result<RowGroup> {
    let ReservedRowGroup {
        file,
        plan,
        wanted,
        permit,
    } = reserved;
    let is_local = context.reads_here(&file.file.location);
    let state = |(position, column): (usize, &FileColumn)| {
        let comes_here = is_local && column.projection.is_some() && wanted.contains(&position);
        Mutex::new(match comes_here {
            true => Column::Local,
            false => Column::Absent,
        })
    };
    let columns = file.columns.iter().enumerate().map(state).collect();
    let filters = file.evaluates_filter();
    let mut group = RowGroup {
        context,
        file,
        plan,
        filters,
        is_decided: false,
        columns,
        permit,
    };
    if is_local {
        return Ok(group);
    }
    let (first, rest) = late::stages(&group, &wanted)?;
    match rest.is_empty() {
        true => group.fetch(&first).await.map(|()| group),
        false => late::fetch(group, &first, &rest).await,
    }
}
