//! Plan → open → fetch → decode → select, each stage a bounded number of steps ahead of the next,
//! batches in the order of the plan.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use arrow_array::RecordBatch;
use fastdata_parquet::RowRanges;
use futures::poll;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::context::Context;
use crate::plan::{PlanItem, plan};
use crate::read::{
    DataFile, OpenFile, RowGroup, load_row_group, open_file, read_window, reserve_row_group,
    sections, windows,
};
use crate::runtime::on_decoders;
use crate::source::Source;
use crate::stats::add;
use crate::{Error, ErrorKind, Result};

/// Files opened ahead: footers and delete files hide each other's latency.
const FILES_AHEAD: usize = 8;
/// Row groups whose bytes may be on their way at once, budget permitting.
const ROW_GROUPS_AHEAD: usize = 16;

/// Runs the scan; batches go to `sender` in order, an error as the last item.
pub(crate) async fn run(
    context: Arc<Context>,
    source: Arc<Source>,
    limit_rows: Option<u64>,
    sender: mpsc::Sender<Result<RecordBatch>>,
) {
    let cancelled = {
        let cancel = context.cancel.clone();
        async move { cancel.cancelled().await }
    };
    let outcome = tokio::select! {
        biased;
        () = cancelled => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        outcome = drive(context.clone(), source, limit_rows, &sender) => outcome,
    };
    context.counters.finish();
    if let Err(error) = outcome {
        // Nobody listens when the scan was dropped.
        let _ = sender.send(Err(error)).await;
    }
}

async fn drive(
    context: Arc<Context>,
    source: Arc<Source>,
    limit_rows: Option<u64>,
    sender: &mpsc::Sender<Result<RecordBatch>>,
) -> Result<()> {
    let batches = batches(&context, opened(&context, source)?);
    let mut batches = std::pin::pin!(limited(context, batches, limit_rows));
    while let Some(batch) = batches.try_next().await? {
        if sender.send(Ok(batch)).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// The batches that there are, counted, up to `limit_rows` rows: nothing is asked for behind them.
pub(crate) fn limited(
    context: Arc<Context>,
    batches: impl Stream<Item = Result<Option<RecordBatch>>> + Send,
    limit_rows: Option<u64>,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let rows_left = limit_rows.unwrap_or(u64::MAX);
    let state = (Box::pin(batches), rows_left, context);
    stream::try_unfold(state, async |(mut batches, mut rows_left, context)| {
        while rows_left > 0 {
            let Some(batch) = batches.try_next().await? else {
                break;
            };
            let Some(batch) = batch else { continue };
            let batch = match usize::try_from(rows_left) {
                Ok(rows_left) if rows_left < batch.num_rows() => batch.slice(0, rows_left),
                _ => batch,
            };
            rows_left -= batch.num_rows() as u64;
            add(&context.counters.rows_returned, batch.num_rows() as u64);
            add(
                &context.counters.bytes_returned,
                batch.get_array_memory_size() as u64,
            );
            return Ok(Some((batch, (batches, rows_left, context))));
        }
        Ok(None)
    })
}

/// The files of the plan, opened, in order.
pub(crate) fn opened(
    context: &Arc<Context>,
    source: Arc<Source>,
) -> Result<impl Stream<Item = Result<OpenFile>> + use<>> {
    let files = files(context.clone(), source)?;
    let context = context.clone();
    let open = move |file| {
        let context = context.clone();
        spawned(async move { open_file(context, file?).await })
    };
    Ok(files.map(open).buffered(FILES_AHEAD))
}

/// The row groups of files, their bytes fetched or within reach, in order.
pub(crate) fn loaded<S: Stream<Item = Result<OpenFile>>>(
    context: &Arc<Context>,
    opened: S,
) -> impl Stream<Item = Result<RowGroup>> + use<S> {
    let row_groups = {
        let context = context.clone();
        opened
            .map_ok(|file| stream::iter(row_groups(Arc::new(file))))
            .try_flatten()
            .and_then(move |(file, plan)| {
                let context = context.clone();
                async move {
                    let parts = sections(&context, &file, plan).await;
                    let parts = parts.map_err(|error| error.at(&file.file.location))?;
                    let parts = parts
                        .into_iter()
                        .map(move |plan| Ok::<_, Error>((file.clone(), plan)));
                    Ok(stream::iter(parts))
                }
            })
            .try_flatten()
    };
    let (context, loading) = (context.clone(), context.clone());
    row_groups
        .and_then(move |(file, plan)| {
            let context = context.clone();
            async move { reserve_row_group(&context, file, plan).await }
        })
        .map(move |reserved| {
            let context = loading.clone();
            spawned(async move { load_row_group(context, reserved?).await })
        })
        .buffered(ROW_GROUPS_AHEAD)
}

/// Rows of a row group that are decoded together.
pub(crate) type GroupWindow = (Arc<RowGroup>, RowRanges);

/// Row groups cut into windows, in order.
pub(crate) fn windows_of(
    loaded: impl Stream<Item = Result<RowGroup>>,
) -> impl Stream<Item = Result<GroupWindow>> {
    loaded
        .map_ok(|group| stream::iter(group_windows(group)))
        .try_flatten()
}

/// The batches of opened files, in order; `None` for windows of which no row survives.
pub(crate) fn batches<S: Stream<Item = Result<OpenFile>>>(
    context: &Arc<Context>,
    opened: S,
) -> impl Stream<Item = Result<Option<RecordBatch>>> + use<S> {
    let pool = context.pool.clone();
    windows_of(loaded(context, opened))
        .map(move |window| {
            let pool = pool.clone();
            async move {
                let (group, rows) = window?;
                on_decoders(&pool, move || read_window(&group, &rows)).await
            }
        })
        .buffered(windows_ahead(context.threads))
}

/// Windows decoded at once: every thread has the next one waiting.
pub(crate) fn windows_ahead(threads: usize) -> usize {
    threads * 2
}

/// The files of the plan; what is skipped is counted.
fn files(
    context: Arc<Context>,
    source: Arc<Source>,
) -> Result<impl Stream<Item = Result<DataFile>>> {
    let counters = context.counters.clone();
    let all_planned = counters.clone();
    let items = plan(context, source)?.try_filter_map(move |item| {
        let file = match item {
            PlanItem::File(file) => {
                add(&counters.files_planned, 1);
                Some(*file)
            }
            PlanItem::SkippedFile(..) => {
                add(&counters.files_pruned, 1);
                None
            }
            _ => None,
        };
        futures::future::ready(Ok(file))
    });
    let end = stream::once(async move {
        add(&all_planned.planned_all, 1);
        None
    });
    Ok(items
        .map(Some)
        .chain(end)
        .filter_map(futures::future::ready))
}

type PlannedRowGroup = (Arc<OpenFile>, fastdata_parquet::RowGroupPlan);

fn row_groups(file: Arc<OpenFile>) -> Vec<Result<PlannedRowGroup>> {
    file.row_groups
        .iter()
        .map(|plan| Ok((file.clone(), plan.clone())))
        .collect()
}

fn group_windows(group: RowGroup) -> Vec<Result<GroupWindow>> {
    let window_rows = group.window_rows();
    let rows = group.rows();
    let group = Arc::new(group);
    windows(&rows, window_rows)
        .into_iter()
        .map(|rows| Ok((group.clone(), rows)))
        .collect()
}

/// A task of its own, so that it goes on while the pipeline's driver waits for the consumer; ended
/// when the pipeline is dropped.
struct Spawned<T>(JoinHandle<Result<T>>);

/// Begins `work` here, then lets a task go on with it. Tasks begin in any order, but what is asked of
/// the store first comes first: the bytes of a row group must not overtake those of the one before.
async fn spawned<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut work = Box::pin(work);
    match poll!(&mut work) {
        Poll::Ready(done) => done,
        Poll::Pending => Spawned(tokio::spawn(work)).await,
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(task).map(|joined| match joined {
            Ok(outcome) => outcome,
            Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
            Err(_) => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        })
    }
}

impl<T> Drop for Spawned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
