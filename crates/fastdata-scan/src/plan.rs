//! From a source to the data files to read, as a stream: the first file is read while later
//! manifests are still on their way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::ArrayRef;
use fastdata_iceberg::{
    DeleteFile, DeleteIndex, Limits, ManifestFile, ManifestPlan, ManifestSource, PlanAudit,
    Planner, SkipReason, Split,
};
use fastdata_kernels::predicate::Bound;
use fastdata_store::Location;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use crate::context::{Context, TableContext};
use crate::metadata_columns;
use crate::parts::Parts;
use crate::read::{DataFile, settle_constants};
use crate::runtime::{network, on_decoders};
use crate::source::{DataPath, Source};
use crate::stats::{add, elapsed_ns};
use crate::{Error, ErrorKind, Result};

/// Manifests fetched and decoded at once.
const MANIFESTS_AHEAD: usize = 16;
/// Files planned ahead of the reader.
const FILES_AHEAD_MAX: usize = 4096;

/// One step of a plan, in reading order.
#[derive(Debug)]
pub(crate) enum PlanItem {
    /// A file to read.
    File(Box<DataFile>),
    /// A manifest that need not be read, and why.
    SkippedManifest(String, &'static str),
    /// A file that need not be read, and why.
    SkippedFile(String, &'static str),
    /// A delete file that is live in the snapshot.
    Delete(Box<DeleteFile>),
    /// A manifest was read.
    Manifest(String),
}

/// Plans `source`.
pub(crate) fn plan(
    context: Arc<Context>,
    source: Arc<Source>,
) -> Result<BoxStream<'static, Result<PlanItem>>> {
    let parts = context.parts.clone();
    let items = match (&*source, context.table.clone()) {
        (Source::Table(_), Some(table)) => plan_table(context, table)?,
        (Source::Files(files), _) => plan_files(context, files.clone()),
        (Source::Table(_), None) => return Err(Error::corrupt("a table without metadata")),
    };
    Ok(match parts {
        Some(parts) => only_parts(items, parts),
        None => items,
    })
}

/// Drops what no part names. A part whose file the plan does not have any more is an error: its
/// rows would be missing without a word.
fn only_parts(
    items: BoxStream<'static, Result<PlanItem>>,
    parts: Parts,
) -> BoxStream<'static, Result<PlanItem>> {
    let state = (items, parts.unseen(), parts);
    stream::try_unfold(state, |(mut items, mut unseen, parts)| async move {
        while let Some(item) = items.try_next().await? {
            let wanted = match &item {
                PlanItem::File(file) => {
                    let path = file.location.to_string();
                    unseen.remove(&path);
                    parts.names(&path)
                }
                PlanItem::SkippedFile(path, _) => {
                    unseen.remove(path);
                    parts.names(path)
                }
                _ => true,
            };
            if wanted {
                return Ok(Some((item, (items, unseen, parts))));
            }
        }
        match unseen.first() {
            None => Ok(None),
            Some(path) => Err(Error::new(
                ErrorKind::NotFound,
                format!("{path} is not a file of this scan any more"),
            )),
        }
    })
    .boxed()
}

fn plan_files(context: Arc<Context>, files: Vec<DataPath>) -> BoxStream<'static, Result<PlanItem>> {
    stream::iter(files)
        .map(move |file| plan_file(&context, file))
        .boxed()
}

fn plan_file(context: &Context, file: DataPath) -> Result<PlanItem> {
    let constants = context.hive_constants(&file)?;
    let columns = &context.columns;
    let value = |path: &[usize]| {
        let [index] = path else { return None };
        let field = columns.source.fields().get(*index)?;
        constants.get(&crate::evolution::field_id(field)?).cloned()
    };
    let residual = settle_constants(&columns.filter, &value)?;
    if residual == Bound::Constant(false) {
        return Ok(PlanItem::SkippedFile(
            file.location.to_string(),
            "folder name",
        ));
    }
    Ok(PlanItem::File(Box::new(DataFile {
        location: file.location,
        size_bytes: file.size_bytes,
        residual,
        constants,
        partition: String::new(),
        split: None,
    })))
}

fn plan_table(
    context: Arc<Context>,
    table: Arc<TableContext>,
) -> Result<BoxStream<'static, Result<PlanItem>>> {
    let mut planner = Planner::new(
        table.metadata.clone(),
        table.view.clone(),
        context.columns.filter.clone(),
        table.paths.clone(),
        &Limits::default(),
    )?;
    let schema = &context.columns.source;
    if let Some(partition) = metadata_columns::partition_type(schema, &table.metadata)? {
        planner = planner.with_partition_values(partition);
    }
    let (sender, receiver) = mpsc::channel(FILES_AHEAD_MAX);
    let task = network()?.spawn(async move {
        let work = TablePlan {
            context,
            planner: Arc::new(planner),
            sender: sender.clone(),
        };
        if let Err(error) = work.run().await {
            // A closed channel means that the scan ended early: nobody asks for the rest.
            let _ = sender.send(Err(error)).await;
        }
    });
    let guard = AbortOnDrop(task);
    Ok(
        stream::unfold((receiver, guard), |(mut receiver, guard)| async move {
            receiver.recv().await.map(|item| (item, (receiver, guard)))
        })
        .boxed(),
    )
}

/// Ends a task when whoever waits for it goes away.
#[derive(Debug)]
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct TablePlan {
    context: Arc<Context>,
    planner: Arc<Planner>,
    sender: mpsc::Sender<Result<PlanItem>>,
}

impl TablePlan {
    async fn run(&self) -> Result<()> {
        let started = Instant::now();
        let (data, deletes) = self.manifests().await?;
        let index = Arc::new(self.read_deletes(deletes).await?);
        let mut audit = PlanAudit::default();
        let mut plans = stream::iter(data)
            .map(|manifest| self.read_data(manifest, index.clone()))
            .buffered(MANIFESTS_AHEAD);
        add(&self.context.counters.plan_ns, elapsed_ns(started));
        while let Some((path, plan)) = plans.try_next().await? {
            audit.add(&plan.live)?;
            self.send(PlanItem::Manifest(path)).await;
            self.send_files(plan).await?;
        }
        Ok(audit.finish(&index)?)
    }

    /// Where the file with this recorded path is now, as locations are shown.
    fn shown(&self, path: &str) -> String {
        let path = self.planner.resolve(path);
        Location::parse(&path).map_or(path, |location| location.to_string())
    }

    async fn send(&self, item: PlanItem) {
        // A closed channel means that the scan ended early; the task is aborted soon.
        let _ = self.sender.send(Ok(item)).await;
    }

    /// Manifests of data files and of delete files.
    async fn manifests(&self) -> Result<(Vec<ManifestFile>, Vec<ManifestFile>)> {
        match self.planner.manifest_list() {
            ManifestSource::None => Ok((Vec::new(), Vec::new())),
            ManifestSource::Inline(data) => Ok((data, Vec::new())),
            ManifestSource::List(path) => {
                let bytes = self.read(&path).await?;
                let manifests = self
                    .planner
                    .read_manifest_list(bytes)
                    .map_err(|source| Error::from(source).at(&path))?;
                for skipped in manifests.skipped {
                    let reason = reason_text(skipped.reason);
                    self.send(PlanItem::SkippedManifest(self.shown(&skipped.path), reason))
                        .await;
                }
                Ok((manifests.data, manifests.deletes))
            }
        }
    }

    async fn read(&self, path: &str) -> Result<bytes::Bytes> {
        let location = Location::parse(path)?;
        self.context.read_metadata(&location).await
    }

    async fn read_deletes(&self, manifests: Vec<ManifestFile>) -> Result<DeleteIndex> {
        let read = |manifest: ManifestFile| async move {
            let bytes = self.read(&manifest.path).await?;
            let planner = self.planner.clone();
            on_decoders(&self.context.pool, move || {
                planner
                    .read_delete_manifest(&manifest, bytes)
                    .map_err(|source| Error::from(source).at(&manifest.path))
            })
            .await
        };
        let read: Vec<Vec<DeleteFile>> = stream::iter(manifests)
            .map(read)
            .buffered(MANIFESTS_AHEAD)
            .try_collect()
            .await?;
        let deletes: Vec<DeleteFile> = read.into_iter().flatten().collect();
        for delete in &deletes {
            self.send(PlanItem::Delete(Box::new(delete.clone()))).await;
        }
        Ok(self.planner.index_deletes(deletes)?)
    }

    async fn read_data(
        &self,
        manifest: ManifestFile,
        index: Arc<DeleteIndex>,
    ) -> Result<(String, ManifestPlan)> {
        let bytes = self.read(&manifest.path).await?;
        let planner = self.planner.clone();
        on_decoders(&self.context.pool, move || {
            let plan = planner
                .read_data_manifest(&manifest, bytes, &index)
                .map_err(|source| Error::from(source).at(&manifest.path))?;
            Ok((manifest.path, plan))
        })
        .await
    }

    async fn send_files(&self, plan: ManifestPlan) -> Result<()> {
        for skipped in plan.skipped {
            self.send(PlanItem::SkippedFile(
                self.shown(&skipped.path),
                reason_text(skipped.reason),
            ))
            .await;
        }
        for split in plan.splits {
            self.send(data_file(split, &self.context)?).await;
        }
        Ok(())
    }
}

fn data_file(split: Split, context: &Context) -> Result<PlanItem> {
    let schema = &context.columns.source;
    let location = Location::parse(&split.path)?;
    let mut residual = split.residual.clone();
    let own = metadata_columns::constants(schema, &split);
    if !own.is_empty() {
        residual = settle_constants(&residual, &|path| {
            metadata_columns::value_at(schema, &own, path)
        })?;
    }
    if residual == Bound::Constant(false) {
        return Ok(PlanItem::SkippedFile(
            location.to_string(),
            "metadata column",
        ));
    }
    let constants: BTreeMap<i32, ArrayRef> = split.constants.iter().cloned().chain(own).collect();
    Ok(PlanItem::File(Box::new(DataFile {
        location,
        size_bytes: Some(split.file_size_bytes),
        residual,
        constants,
        partition: split.partition.to_string(),
        split: Some(Arc::new(split)),
    })))
}

fn reason_text(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Partition => "partition",
        SkipReason::Metrics => "column metrics",
        SkipReason::NoLiveFiles => "no live files",
    }
}
