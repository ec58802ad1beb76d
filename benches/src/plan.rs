//! Planning alone: from a metadata file to the data files that a scan would read.
//!
//! The library plans while it reads and its `explain` opens footers, so this drives the planner by
//! itself, over plain file reads on one thread: PyIceberg's `plan_files` does the same work.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use fastdata_iceberg::{
    Limits, ManifestSource, Manifests, PathResolver, PlanAudit, Planner, SnapshotSelector,
    StringLayout, TableMetadata, TableView,
};
use fastdata_kernels::predicate::{Bound, bind};
use fastdata_scan::parse_filter;

use crate::Result;
use crate::job::Job;

/// A data file by its path and its row count.
pub(crate) struct PlannedFile {
    path: String,
    record_count: u64,
}

/// The files that the job's table and filter name.
pub(crate) fn files(job: &Job) -> Result<Vec<PlannedFile>> {
    let path = Path::new(job.paths.first().ok_or("no metadata file is named")?);
    let root = path
        .ancestors()
        .nth(2)
        .ok_or("the metadata file lies in no table")?;
    let limits = Limits::default();
    let metadata = Arc::new(TableMetadata::parse(&fs::read(path)?, &limits)?);
    let view = metadata.resolve(&SnapshotSelector::Current)?;
    let condition = bound(job, &view)?;
    let paths = PathResolver::new(metadata.location(), &root.display().to_string());
    let planner = Planner::new(metadata, view, condition, paths, &limits)?;
    let manifests = match planner.manifest_list() {
        ManifestSource::None => Manifests::default(),
        ManifestSource::Inline(data) => Manifests {
            data,
            ..Manifests::default()
        },
        ManifestSource::List(path) => planner.read_manifest_list(read(&path)?)?,
    };
    let mut deletes = Vec::new();
    for manifest in &manifests.deletes {
        deletes.extend(planner.read_delete_manifest(manifest, read(&manifest.path)?)?);
    }
    let deletes = planner.index_deletes(deletes)?;
    let mut audit = PlanAudit::default();
    let mut files = Vec::new();
    for manifest in &manifests.data {
        let plan = planner.read_data_manifest(manifest, read(&manifest.path)?, &deletes)?;
        audit.add(&plan.live)?;
        files.extend(plan.splits.into_iter().map(|split| PlannedFile {
            path: split.path,
            record_count: split.record_count,
        }));
    }
    audit.finish(&deletes)?;
    Ok(files)
}

fn bound(job: &Job, view: &TableView) -> Result<Bound> {
    let schema = view.schema.to_arrow(StringLayout::Offsets)?;
    match job.condition() {
        Some(condition) => Ok(bind(&parse_filter(&condition)?, &schema)?),
        None => Ok(Bound::Constant(true)),
    }
}

fn read(path: &str) -> Result<Bytes> {
    Ok(fs::read(path.trim_start_matches("file://"))?.into())
}

/// The files as rows, for the answer: the same two columns that the peers give.
pub(crate) fn as_batch(files: &[PlannedFile]) -> Result<RecordBatch> {
    let counts = files.iter().map(|file| i64::try_from(file.record_count));
    let counts = Int64Array::from(counts.collect::<Result<Vec<_>, _>>()?);
    let names = files.iter().map(|file| file.path.rsplit('/').next());
    let names = names.collect::<StringArray>();
    let columns: [(&str, ArrayRef); 2] = [
        ("record_count", Arc::new(counts)),
        ("file_name", Arc::new(names)),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}
