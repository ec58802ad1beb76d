//! A driver that plans a table from memory or from a folder, one step after the other.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use fastdata_iceberg::{
    DeleteIndex, DeleteKind, Limits, ManifestContent, ManifestSource, PathResolver, PlanAudit,
    Planner, Result, SkipReason, Skipped, SnapshotSelector, Split, StringLayout, TableMetadata,
    choose_metadata_file,
};
use fastdata_kernels::predicate::{Bound, Predicate, bind};

/// Everything that planning a table gave.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) splits: Vec<Split>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) position_deletes: usize,
    pub(crate) equality_deletes: usize,
    pub(crate) vectors: usize,
}

impl Planned {
    pub(crate) fn skipped_by(&self, reason: SkipReason) -> usize {
        self.skipped
            .iter()
            .filter(|skipped| skipped.reason == reason)
            .count()
    }

    /// The names of the files to read, without their folders, sorted.
    pub(crate) fn names(&self) -> Vec<&str> {
        let name = |split: &'_ Split| split.recorded_path.rsplit('/').next().map(str::len);
        let mut names: Vec<&str> = self
            .splits
            .iter()
            .map(|split| {
                let length = name(split).unwrap_or_default();
                &split.recorded_path[split.recorded_path.len() - length..]
            })
            .collect();
        names.sort_unstable();
        names
    }
}

/// Plans `metadata` as it lies at `root`, taking files from `read`.
pub(crate) fn plan_with(
    metadata: TableMetadata,
    selector: &SnapshotSelector,
    predicate: Option<&Predicate>,
    root: &str,
    read: impl Fn(&str) -> Vec<u8>,
) -> Result<Planned> {
    let limits = Limits::default();
    let view = metadata.resolve(selector)?;
    let bound = match predicate {
        None => Bound::Constant(true),
        Some(predicate) => {
            bind(predicate, &view.schema.to_arrow(StringLayout::View)?).expect("a good predicate")
        }
    };
    let paths = PathResolver::new(metadata.location(), root);
    let planner = Planner::new(Arc::new(metadata), view, bound, paths, &limits)?;
    let (data, deletes, mut skipped) = match planner.manifest_list() {
        ManifestSource::None => (Vec::new(), Vec::new(), Vec::new()),
        ManifestSource::Inline(manifests) => (manifests, Vec::new(), Vec::new()),
        ManifestSource::List(path) => {
            let manifests = planner.read_manifest_list(Bytes::from(read(&path)))?;
            (manifests.data, manifests.deletes, manifests.skipped)
        }
    };
    let mut delete_files = Vec::new();
    for manifest in &deletes {
        assert_eq!(manifest.content, ManifestContent::Deletes);
        delete_files
            .extend(planner.read_delete_manifest(manifest, Bytes::from(read(&manifest.path)))?);
    }
    let count = |kind| {
        delete_files
            .iter()
            .filter(|delete: &&_| delete.kind == kind)
            .count()
    };
    let (position_deletes, equality_deletes, vectors) = (
        count(DeleteKind::Position),
        count(DeleteKind::Equality),
        count(DeleteKind::DeletionVector),
    );
    let index: DeleteIndex = planner.index_deletes(delete_files)?;
    let mut audit = PlanAudit::default();
    let mut splits = Vec::new();
    for manifest in &data {
        let plan =
            planner.read_data_manifest(manifest, Bytes::from(read(&manifest.path)), &index)?;
        assert_eq!(plan.live_count, plan.splits.len() + plan.skipped.len());
        audit.add(&plan.live)?;
        splits.extend(plan.splits);
        skipped.extend(plan.skipped);
    }
    audit.finish(&index)?;
    Ok(Planned {
        splits,
        skipped,
        position_deletes,
        equality_deletes,
        vectors,
    })
}

/// Plans the table in a folder, as a user would name it.
pub(crate) fn plan_folder(folder: &Path, predicate: Option<&Predicate>) -> Result<Planned> {
    let names: Vec<String> = std::fs::read_dir(folder.join("metadata"))
        .expect("a metadata folder")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let hint = ["version-hint.text", "version-hint.txt"]
        .iter()
        .find_map(|name| std::fs::read(folder.join("metadata").join(name)).ok());
    let chosen = choose_metadata_file(&names, hint.as_deref())?;
    let bytes = std::fs::read(folder.join("metadata").join(chosen)).unwrap();
    let metadata = TableMetadata::parse(&bytes, &Limits::default())?;
    plan_with(
        metadata,
        &SnapshotSelector::Current,
        predicate,
        folder.to_str().unwrap(),
        |path| std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}")),
    )
}

/// Plans a table whose files are in memory.
pub(crate) fn plan_memory(
    metadata: &[u8],
    files: &HashMap<String, Vec<u8>>,
    root: &str,
    selector: &SnapshotSelector,
    predicate: Option<&Predicate>,
) -> Result<Planned> {
    let metadata = TableMetadata::parse(metadata, &Limits::default())?;
    plan_with(metadata, selector, predicate, root, |path| {
        files
            .get(path)
            .unwrap_or_else(|| panic!("no file {path}"))
            .clone()
    })
}
