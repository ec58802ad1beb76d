//! Opening a data file: its footer, how its columns become the scan's, which row groups survive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use fastdata_kernels::predicate::{Atom, Bound, ColumnPath, Test};
use fastdata_parquet::{
    FieldProjection, FileMeta, FooterReader, FooterStep, PruneOptions, PruneOutcome, Pruner,
    ReadOptions, RowGroupPlan,
};
use fastdata_store::Location;

use crate::columns::ColumnRequest;
use crate::context::Context;
use crate::deletes::{FileDeletes, load_deletes};
use crate::evolution::{FieldPlan, FileField, MatchBy, Missing, leaf_keeps_statistics, plan_field};
use crate::metadata_columns::{Inherited, Lineage};
use crate::source::is_local;
use crate::stats::{Counters, add, elapsed_ns};
use crate::{Error, Result};

/// What the speculative read of a local footer takes: a copy from the page cache, not a round
/// trip, is what a wrong guess costs there.
const LOCAL_TAIL_BYTES: u64 = 64 << 10;
/// What is read of the end of a remote object whose size is not known yet.
const REMOTE_TAIL_BYTES: u64 = 512 << 10;

/// A data file that the plan names.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// Where it is.
    pub(crate) location: Location,
    /// Its size, where metadata or a listing told. May be stale for tables.
    pub(crate) size_bytes: Option<u64>,
    /// The filter's rest after partition and metrics settled their part; bound to the source.
    pub(crate) residual: Bound,
    /// Columns that folders or partitions give, by field id.
    pub(crate) constants: BTreeMap<i32, ArrayRef>,
    /// Its partition, for people; empty when there is none.
    pub(crate) partition: String,
    /// The split of an Iceberg plan that it comes from: deletes and sequence numbers.
    pub(crate) split: Option<Arc<fastdata_iceberg::Split>>,
}

/// How one requested column comes out of one file.
#[derive(Debug)]
pub(crate) struct FileColumn {
    /// The column.
    pub(crate) request: ColumnRequest,
    /// What the file delivers for it; `None` when it is a constant.
    pub(crate) projection: Option<FieldProjection>,
    /// How that becomes the column.
    pub(crate) plan: FieldPlan,
    /// What rows get then that have no value: a column of row lineage.
    pub(crate) inherited: Option<Inherited>,
    /// Path of its leaf in the file, when it is a single leaf whose statistics speak for it.
    leaf: Option<Vec<usize>>,
}

/// A file ready to be read.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// The plan's entry.
    pub(crate) file: DataFile,
    /// Its metadata.
    pub(crate) meta: FileMeta,
    /// The scan's requests, in order, then the key columns of equality deletes.
    pub(crate) columns: Vec<FileColumn>,
    /// What is left of the filter, bound to the source; `Constant(true)` when nothing is.
    pub(crate) filter: Bound,
    /// Rows that delete files remove.
    pub(crate) deletes: FileDeletes,
    /// Row groups to read.
    pub(crate) row_groups: Vec<RowGroupPlan>,
    /// What pruning did.
    pub(crate) pruned: PruneOutcome,
    counters: Arc<Counters>,
}

impl Drop for OpenFile {
    /// The last window that reads from the file lets go of it.
    fn drop(&mut self) {
        add(&self.counters.files_done, 1);
    }
}

/// Opens `file`: footer, column plans, deletes, pruning. Reads no data page of it.
pub(crate) async fn open_file(context: Arc<Context>, file: DataFile) -> Result<OpenFile> {
    let location = file.location.clone();
    let started = Instant::now();
    let opened = open(&context, file)
        .await
        .map_err(|error| error.at(&location));
    add(&context.counters.plan_ns, elapsed_ns(started));
    opened
}

async fn open(context: &Arc<Context>, file: DataFile) -> Result<OpenFile> {
    let meta = read_footer(context, &file.location, file.size_bytes).await?;
    let fields = context.file_fields(meta.schema())?;
    let missing = context.missing(&file.constants);
    let keys = context.equality_keys(&file)?;
    let requests = &context.columns.requests;
    let first_key = requests.len();
    let by = context.match_by;
    let columns = requests
        .iter()
        .chain(keys.requests())
        .map(|request| {
            let lineage = Lineage::of(&request.root, file.split.as_deref());
            plan_column(request.clone(), &meta, &fields, by, &missing, lineage)
        })
        .collect::<Result<Vec<_>>>()?;
    let constant =
        |path: &[usize]| constant_value(columns.iter().find(|column| column.request.path == path)?);
    let filter = settle_constants(&file.residual, &constant)?;
    if filter == Bound::Constant(false) {
        return Ok(nothing_left(context, file, meta, columns));
    }
    let bound = into_file_terms(&filter, &columns);
    let pruned = prune(context, &file.location, &meta, &bound, &columns).await?;
    let deletes = match pruned.plans.is_empty() {
        true => FileDeletes::default(),
        false => load_deletes(context, &file, &keys, first_key).await?,
    };
    let counters = context.counters.clone();
    add(&counters.row_groups_total, pruned.row_groups_total as u64);
    add(&counters.row_groups_pruned, pruned.row_groups_pruned as u64);
    let mut row_groups = pruned.plans.clone();
    if let Some(parts) = &context.parts {
        let path = file.location.to_string();
        row_groups.retain(|plan| parts.wants(&path, plan.row_group));
    }
    let opened = OpenFile {
        file,
        meta,
        columns,
        filter,
        deletes,
        row_groups,
        pruned,
        counters,
    };
    for plan in &opened.row_groups {
        let bytes = opened.bytes_wanted(plan, context.columns.returned)?;
        add(&context.counters.bytes_expected, bytes);
    }
    Ok(opened)
}

fn nothing_left(
    context: &Context,
    file: DataFile,
    meta: FileMeta,
    columns: Vec<FileColumn>,
) -> OpenFile {
    let total = meta.row_groups().len();
    let pruned = PruneOutcome {
        row_groups_total: total,
        row_groups_pruned: total,
        ..PruneOutcome::default()
    };
    OpenFile {
        file,
        meta,
        columns,
        filter: Bound::Constant(false),
        deletes: FileDeletes::default(),
        row_groups: Vec::new(),
        pruned,
        counters: context.counters.clone(),
    }
}

/// Reads and decodes the footer of the file at `location`.
///
/// A size from a manifest may be stale: when the footer does not decode at the announced place, the
/// store is asked for the size once and the footer read again.
pub(crate) async fn read_footer(
    context: &Context,
    location: &Location,
    size_bytes: Option<u64>,
) -> Result<FileMeta> {
    let options = &context.read_options;
    let Some(size_bytes) = size_bytes else {
        let (tail, size_bytes) = context.store.read_tail(location, REMOTE_TAIL_BYTES).await?;
        count_fetched(context, tail.len());
        return decode_footer(context, location, size_bytes, Some(tail), options).await;
    };
    match decode_footer(context, location, size_bytes, None, options).await {
        Ok(meta) => Ok(meta),
        Err(error) => {
            let actual = context.store.size(location).await?;
            if actual == size_bytes {
                return Err(error);
            }
            decode_footer(context, location, actual, None, options).await
        }
    }
}

async fn decode_footer(
    context: &Context,
    location: &Location,
    size_bytes: u64,
    tail: Option<Bytes>,
    options: &ReadOptions,
) -> Result<FileMeta> {
    let reader = FooterReader::new(size_bytes, options);
    let tail = match tail {
        Some(tail) => tail,
        None => {
            let mut range = reader.first_range();
            if is_local(location) {
                range.start = range.start.max(range.end.saturating_sub(LOCAL_TAIL_BYTES));
            }
            context.fetch_one(location, range).await?
        }
    };
    let tail_start = size_bytes.saturating_sub(tail.len() as u64);
    let mut step = reader.decode(tail_start, tail)?;
    loop {
        match step {
            FooterStep::Ready(meta) => return Ok(meta),
            FooterStep::Need(reader, range) => {
                let bytes = context.fetch_one(location, range.clone()).await?;
                step = reader.decode(range.start, bytes)?;
            }
        }
    }
}

fn count_fetched(context: &Context, bytes: usize) {
    add(&context.counters.bytes_fetched, bytes as u64);
    add(&context.counters.requests, 1);
}

/// Plans how `request` comes out of a file with `fields`.
fn plan_column(
    request: ColumnRequest,
    meta: &FileMeta,
    fields: &[FileField],
    match_by: MatchBy,
    missing: &dyn Missing,
    lineage: Option<Lineage>,
) -> Result<FileColumn> {
    let mut leaves = Vec::new();
    let (mut root, mut in_file) = (request.root.clone(), fields);
    if lineage.is_some() {
        root.set_nullable(true);
    }
    let inherited = match lineage {
        None => None,
        Some(Lineage::Stored(inherited)) => Some(inherited),
        Some(Lineage::Computed(inherited)) => {
            in_file = &[];
            Some(inherited)
        }
        Some(Lineage::Nothing) => {
            in_file = &[];
            None
        }
    };
    let (_, plan) = plan_field(&root, in_file, match_by, missing, &[], &mut leaves)?;
    let projection = match leaves.is_empty() {
        true => None,
        false => Some(only(meta.project(&leaves)?, &request)?),
    };
    let leaf = match leaves.as_slice() {
        [leaf] if inherited.is_none() && leaf_keeps_statistics(&plan) => Some(leaf.clone()),
        _ => None,
    };
    Ok(FileColumn {
        request,
        projection,
        plan,
        inherited,
        leaf,
    })
}

fn only(mut projections: Vec<FieldProjection>, request: &ColumnRequest) -> Result<FieldProjection> {
    match (projections.pop(), projections.is_empty()) {
        (Some(projection), true) => Ok(projection),
        _ => Err(Error::corrupt(format!(
            "column `{}` spreads over several columns of the file",
            request.field.name()
        ))),
    }
}

/// Replaces the atoms whose columns are constant by what they come to. `value` gives a column's
/// value (an array of length 1) by its path in the source, where it is constant.
pub(crate) fn settle_constants(
    filter: &Bound,
    value: &dyn Fn(&[usize]) -> Option<ArrayRef>,
) -> Result<Bound> {
    let settle_all = |parts: &[Bound]| {
        parts
            .iter()
            .map(|part| settle_constants(part, value))
            .collect::<Result<Vec<_>>>()
    };
    match filter {
        Bound::Constant(_) => Ok(filter.clone()),
        Bound::And(parts) => Ok(Bound::all(settle_all(parts)?)),
        Bound::Or(parts) => Ok(Bound::any(settle_all(parts)?)),
        Bound::Atom(_) => settle_atom(filter, value),
    }
}

/// An atom over constants is evaluated on a batch of one row.
fn settle_atom(atom: &Bound, value: &dyn Fn(&[usize]) -> Option<ArrayRef>) -> Result<Bound> {
    let paths = atom.columns();
    let values = paths
        .iter()
        .map(|path| value(&path.indices))
        .collect::<Option<Vec<_>>>();
    let Some(values) = values else {
        return Ok(atom.clone());
    };
    let fields: Vec<Field> = values
        .iter()
        .zip(&paths)
        .map(|(value, path)| Field::new(path.name.clone(), value.data_type().clone(), true))
        .collect();
    let rewritten = atom.remap(&|path: &ColumnPath| {
        let position = paths
            .iter()
            .position(|other| other.indices == path.indices)?;
        Some(ColumnPath {
            indices: vec![position],
            ..path.clone()
        })
    });
    let one_row =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), values).map_err(|source| {
            Error::corrupt("a constant column has another type").with_source(source)
        })?;
    match rewritten {
        Some(rewritten) => Ok(Bound::Constant(rewritten.evaluate(&one_row)?.value(0))),
        None => Ok(atom.clone()),
    }
}

/// The value of a column that the file does not deliver.
fn constant_value(column: &FileColumn) -> Option<ArrayRef> {
    if column.projection.is_some() || column.inherited.is_some() {
        return None;
    }
    let root = column.plan.adapt(&column.request.root, None, 1).ok()?;
    let steps = vec![0; column.request.path.len().saturating_sub(1)];
    crate::evolution::extract_child(root, &steps).ok()
}

/// `filter` in terms of the file's schema, for pruning. Atoms that the file's statistics cannot
/// speak about become true, which is sound because a [`Bound`] has no negation.
fn into_file_terms(filter: &Bound, columns: &[FileColumn]) -> Bound {
    let all = |parts: &[Bound]| -> Vec<Bound> {
        parts
            .iter()
            .map(|part| into_file_terms(part, columns))
            .collect()
    };
    match filter {
        Bound::Constant(value) => Bound::Constant(*value),
        Bound::And(parts) => Bound::all(all(parts)),
        Bound::Or(parts) => Bound::any(all(parts)),
        Bound::Atom(atom) => match atom_in_file(atom, columns) {
            Some(atom) => Bound::Atom(atom),
            None => Bound::Constant(true),
        },
    }
}

fn atom_in_file(atom: &Atom, columns: &[FileColumn]) -> Option<Atom> {
    // Nested columns have no statistics of their own null count; only leaves do.
    let in_file = |path: &ColumnPath| {
        let column = columns
            .iter()
            .find(|column| column.request.path == path.indices)?;
        let is_leaf = !matches!(
            path.data_type,
            DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::Map(..)
        );
        let indices = column.leaf.clone().filter(|_| is_leaf)?;
        Some(ColumnPath {
            indices,
            ..path.clone()
        })
    };
    let test = match &atom.test {
        Test::CompareColumn(op, other) => Test::CompareColumn(*op, in_file(other)?),
        other => other.clone(),
    };
    Some(Atom {
        column: in_file(&atom.column)?,
        test,
    })
}

async fn prune(
    context: &Context,
    location: &Location,
    meta: &FileMeta,
    bound: &Bound,
    columns: &[FileColumn],
) -> Result<PruneOutcome> {
    let reading: Vec<FieldProjection> = columns
        .iter()
        .filter_map(|column| column.projection.clone())
        .collect();
    let mut pruner = Pruner::new(meta, bound, PruneOptions::default()).reading(&reading);
    loop {
        let ranges = pruner.wanted();
        if ranges.is_empty() {
            return Ok(pruner.finish());
        }
        let bytes = context.fetch(location, &ranges).await?;
        pruner.supply(bytes)?;
    }
}
