//! A scan: opened once, explained or run.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use fastdata_kernels::predicate::{Bound, Predicate, bind};
use fastdata_memory::Pool;
use fastdata_parquet::{ReadOptions, StringLayout};
use fastdata_store::Store;
use tokio::sync::mpsc;

use crate::collect::collect;
use crate::columns::Columns;
use crate::context::{Context, TableContext, first_schema};
use crate::evolution::MatchBy;
use crate::expression::parse_filter;
use crate::metadata_columns;
use crate::partition::{partition_columns, partition_predicate};
use crate::parts::Parts;
use crate::pipeline;
use crate::request::DEFAULT_MAX_MEMORY_BYTES;
use crate::runtime::{decoders, network, thread_count, wait};
use crate::source::{Source, resolve};
use crate::stats::Counters;
use crate::{CancelToken, Error, Explain, Progress, Result, ScanRequest, ScanStats};

/// Batches that wait for the consumer. More would only hold memory.
const BATCHES_AHEAD: usize = 2;

/// What a process has resident that no budget counts: code, threads, what its allocator keeps of
/// freed memory. Measured with `fastdata scan` on two threads: 70 to 100 MB, however small the budget.
const PROCESS_BYTES: u64 = 96 << 20;

/// A resolved source with a bound filter and projection, ready to run.
#[derive(Debug, Clone)]
pub struct Scan {
    request: Arc<ScanRequest>,
    cancel: CancelToken,
    store: Arc<dyn Store>,
    source: Arc<Source>,
    columns: Arc<Columns>,
    table: Option<Arc<TableContext>>,
    read_options: ReadOptions,
}

/// All rows of a scan.
#[derive(Debug)]
pub struct Collected {
    /// Schema of every batch.
    pub schema: SchemaRef,
    /// Rows in the order of files, row groups and rows.
    pub batches: Vec<RecordBatch>,
    /// What the scan did.
    pub stats: ScanStats,
}

impl Scan {
    /// Resolves the sources, reads table metadata (or the first file's footer) and binds columns
    /// and filter. Blocks; reads no data.
    pub fn open(request: ScanRequest, cancel: CancelToken) -> Result<Self> {
        let store = fastdata_store::open(request.store.clone());
        Self::open_in(request, cancel, store)
    }

    /// [`Scan::open`] over a store of the caller's, whatever [`ScanRequest::store`] says.
    pub fn open_in(
        request: ScanRequest,
        cancel: CancelToken,
        store: Arc<dyn Store>,
    ) -> Result<Self> {
        cancel.check()?;
        let stopped = cancel.clone();
        wait(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => Err(Error::new(crate::ErrorKind::Interrupted, "interrupted")),
                opened = open(request, cancel, store) => opened,
            }
        })
    }

    /// The same scan, ended by another token.
    #[must_use]
    pub fn with_cancel(&self, cancel: CancelToken) -> Self {
        Self {
            cancel,
            ..self.clone()
        }
    }

    /// Schema of the batches that come out.
    pub fn schema(&self) -> &SchemaRef {
        &self.columns.output
    }

    /// Schema of the source, before columns were chosen; with the metadata columns that the
    /// request names behind it.
    pub fn source_schema(&self) -> &SchemaRef {
        &self.columns.source
    }

    /// The metadata file that describes the table, when the source is one: as a source of another
    /// request it names the same state of the table whatever is committed meanwhile.
    pub fn metadata_file(&self) -> Option<String> {
        match &*self.source {
            Source::Table(table) => Some(table.metadata_file.to_string()),
            Source::Files(_) => None,
        }
    }

    /// Names of the columns whose partitions a request can name.
    pub fn partition_columns(&self) -> Vec<String> {
        let columns = partition_columns(&self.source, &self.columns.source);
        columns.into_iter().collect()
    }

    /// What would be read, and why the rest is skipped. Reads manifests and footers, no data pages.
    pub fn explain(&self) -> Result<Explain> {
        let (context, source) = (self.context()?, self.source.clone());
        wait(crate::explain::explain(context, source))
    }

    /// Starts the scan; batches come in order, in bounded memory. Dropping the iterator stops it.
    pub fn batches(&self) -> Result<Batches> {
        let context = self.context()?;
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let run = pipeline::run(
            context.clone(),
            self.source.clone(),
            self.request.limit_rows,
            sender,
        );
        let task = network()?.spawn(run);
        Ok(Batches {
            schema: self.columns.output.clone(),
            counters: context.counters.clone(),
            threads: context.threads,
            receiver,
            task,
        })
    }

    /// Runs the scan to its end and keeps every batch.
    pub fn collect(&self) -> Result<Collected> {
        let mut running = self.batches()?;
        let batches = running.by_ref().collect::<Result<Vec<_>>>()?;
        Ok(Collected {
            schema: running.schema.clone(),
            batches,
            stats: running.stats(),
        })
    }

    /// Runs the scan to its end and keeps all rows in one batch, whose columns are contiguous: each
    /// one array whatever files and row groups its rows come from. [`Collected::batches`] holds
    /// exactly that batch, also when it has no row.
    ///
    /// Where nothing is filtered, deleted or limited, columns of a fixed width (numbers, times,
    /// decimals) are allocated once, on huge pages, and decoded into their places by all threads.
    /// Other columns, and all columns of other scans, are decoded in windows and put together at the
    /// end by one copy each; of string views the views are copied and not the texts.
    ///
    /// [`ScanRequest::max_memory_bytes`] bounds what is held beside the rows themselves.
    pub fn collect_contiguous(&self) -> Result<Collected> {
        let context = self.context()?;
        let run = collect(
            context.clone(),
            self.source.clone(),
            self.request.limit_rows,
        );
        let batch = wait(run)?;
        Ok(Collected {
            schema: self.columns.output.clone(),
            batches: vec![batch],
            stats: context.counters.totals(context.threads),
        })
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    pub(crate) fn table(&self) -> Option<&Arc<TableContext>> {
        self.table.as_ref()
    }

    /// Fresh counters and caches over the shared rest.
    pub(crate) fn context(&self) -> Result<Arc<Context>> {
        let threads = thread_count(self.request.threads);
        let asked_bytes = self.request.max_memory_bytes;
        let max_bytes = asked_bytes
            .saturating_sub(PROCESS_BYTES)
            .max(asked_bytes / 2);
        // Half for chunks as stored, a quarter for windows as decoded: those at work, those that
        // wait and the one that the consumer looks at. The rest is for pages that windows share, for
        // metadata and for what allocators keep.
        let chunk_bytes_max = max_bytes / 2;
        let windows = pipeline::windows_ahead(threads) + BATCHES_AHEAD + 1;
        let window_bytes_max = max_bytes / 4 / windows as u64;
        // Buffers that wait for reuse are memory too, and who asks for little means it.
        let idle_limit = (asked_bytes < DEFAULT_MAX_MEMORY_BYTES).then(|| {
            let idle_bytes_max = usize::try_from(max_bytes / 8).unwrap_or(usize::MAX);
            Pool::global().limit_idle(idle_bytes_max)
        });
        let window_rows = match self.request.limit_rows {
            Some(limit_rows) => self
                .request
                .batch_rows
                .min(usize::try_from(limit_rows).unwrap_or(usize::MAX)),
            None => self.request.batch_rows,
        };
        Ok(Arc::new(Context {
            store: self.store.clone(),
            pool: decoders(threads)?,
            threads,
            cancel: self.cancel.clone(),
            counters: Arc::new(Counters::start()),
            columns: self.columns.clone(),
            match_by: if self.table.is_some() {
                MatchBy::Id
            } else {
                MatchBy::Name
            },
            read_options: self.read_options.clone(),
            deletes: Default::default(),
            savings: Default::default(),
            table: self.table.clone(),
            chunk_bytes_max,
            chunk_permits: Context::permits_for(chunk_bytes_max),
            window_bytes_max,
            // Tiny windows would decode straddling pages over and over.
            window_rows: window_rows.max(4096),
            parts: self.request.parts.as_deref().map(Parts::new),
            _idle_limit: idle_limit,
        }))
    }
}

async fn open(request: ScanRequest, cancel: CancelToken, store: Arc<dyn Store>) -> Result<Scan> {
    // A footer and the chunks that it points to are of one version, however long the scan takes.
    let store = store.pinned();
    let source = resolve(&request, store.as_ref()).await?;
    let read_options = ReadOptions {
        strings: request.string_layout,
        ..ReadOptions::default()
    };
    let (mut schema, table) = match &source {
        Source::Table(table) => {
            let context = TableContext::new(table, &request)?;
            let schema = context.view.schema.to_arrow(context.layout)?;
            (Arc::new(schema), Some(Arc::new(context)))
        }
        Source::Files(files) => (
            first_schema(&store, files, &read_options, &cancel).await?,
            None,
        ),
    };
    let own = schema.fields().len();
    if let Some(table) = &table {
        let more = metadata_columns::named_by(&request, &schema, table)?;
        let fields: Vec<FieldRef> = schema.fields().iter().cloned().chain(more).collect();
        schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    }
    let filter = filter_of(&request, &source, &schema)?;
    let columns = Columns::resolve(schema, own, request.columns.as_deref(), filter)?;
    Ok(Scan {
        request: Arc::new(request),
        cancel,
        store,
        source: Arc::new(source),
        columns: Arc::new(columns),
        table,
        read_options,
    })
}

/// `-p` and `-w` together, bound to the source's schema.
fn filter_of(request: &ScanRequest, source: &Source, schema: &Schema) -> Result<Bound> {
    let mut parts = Vec::new();
    if !request.partition.is_empty() {
        let allowed = partition_columns(source, schema);
        for (name, value) in &request.partition {
            parts.push(partition_predicate(name, value, &allowed, schema)?);
        }
    }
    if !request.any_partition.is_empty() {
        parts.push(any_partition(&request.any_partition, source, schema)?);
    }
    if let Some(text) = &request.filter {
        parts.push(parse_filter(text)?);
    }
    match parts.is_empty() {
        true => Ok(Bound::Constant(true)),
        false => Ok(bind(&Predicate::And(parts), schema)?),
    }
}

fn any_partition(
    partitions: &[Vec<(String, String)>],
    source: &Source,
    schema: &Schema,
) -> Result<Predicate> {
    let allowed = partition_columns(source, schema);
    let each = partitions.iter().map(|partition| {
        let equalities = partition
            .iter()
            .map(|(name, value)| partition_predicate(name, value, &allowed, schema));
        Ok(Predicate::And(equalities.collect::<Result<_>>()?))
    });
    Ok(Predicate::Or(each.collect::<Result<_>>()?))
}

/// The batches of a running scan, in order.
#[derive(Debug)]
pub struct Batches {
    schema: SchemaRef,
    counters: Arc<Counters>,
    threads: usize,
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: tokio::task::JoinHandle<()>,
}

impl Batches {
    /// Schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Where the scan stands now.
    pub fn progress(&self) -> Progress {
        self.counters.progress()
    }

    /// A handle that reports progress while another thread iterates.
    pub fn progress_handle(&self) -> Arc<dyn Fn() -> Progress + Send + Sync> {
        let counters = self.counters.clone();
        Arc::new(move || counters.progress())
    }

    /// What the scan did so far; final once the iterator returned `None`.
    pub fn stats(&self) -> ScanStats {
        self.counters.totals(self.threads)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        // `blocking_recv` would panic inside a caller's own runtime.
        futures::executor::block_on(self.receiver.recv())
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Arrow's string layout as the Iceberg crate calls it.
pub(crate) fn iceberg_layout(layout: StringLayout) -> fastdata_iceberg::StringLayout {
    match layout {
        StringLayout::View => fastdata_iceberg::StringLayout::View,
        StringLayout::Offsets => fastdata_iceberg::StringLayout::Offsets,
        StringLayout::LargeOffsets => fastdata_iceberg::StringLayout::LargeOffsets,
    }
}
