//! The planner: given the bytes of each metadata file in turn, it yields splits.

use std::sync::Arc;

use bytes::Bytes;
use fastdata_kernels::predicate::{Atom, Bound, Test};

use super::metrics::FileFacts;
use super::{DeleteFile, DeleteIndex, ManifestPlan, SkipReason, Skipped, data_files, delete_files};
use crate::manifest::{ManifestContent, ManifestFile, read_manifest_list};
use crate::metadata::{TableMetadata, TableView};
use crate::partition::{PartitionFacts, PartitionSpec, PartitionType, SourceTypes};
use crate::path::PathResolver;
use crate::schema::is_reserved_id;
use crate::{Error, Limits, Result};

/// Where the manifests of a view are listed.
#[derive(Debug, Clone)]
pub enum ManifestSource {
    /// Nowhere: the table was never written to.
    None,
    /// In the manifest list at this resolved path.
    List(String),
    /// In the metadata file itself (version 1): the manifests, ready to be read.
    Inline(Vec<ManifestFile>),
}

/// The manifests of a view.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Manifests of data files that may match.
    pub data: Vec<ManifestFile>,
    /// Manifests of delete files that may apply.
    pub deletes: Vec<ManifestFile>,
    /// Manifests that need not be read.
    pub skipped: Vec<Skipped>,
}

/// Plans the scan of one view of a table under one condition.
///
/// It is given bytes and names paths; all methods can be called from many threads. The order is:
/// the manifest list, all delete manifests, [`Planner::index_deletes`], then the data manifests
/// in any order and concurrently. A [`super::PlanAudit`] that was given every plan has the last
/// word.
#[derive(Debug)]
pub struct Planner {
    pub(super) metadata: Arc<TableMetadata>,
    pub(super) view: TableView,
    pub(super) predicate: Bound,
    /// The table's own columns that the predicate names, by field id.
    pub(super) wanted: Vec<i32>,
    pub(super) source_types: SourceTypes,
    /// Asks for [`super::Split::partition_value`].
    pub(super) partition_type: Option<PartitionType>,
    pub(super) paths: PathResolver,
    pub(super) limits: Limits,
}

impl Planner {
    /// A plan for `view`, keeping what may match `predicate`, which was bound to the Arrow schema
    /// of `view.schema` (or of a projection of it: columns are found by field id). It may name
    /// metadata columns, too; planning knows nothing about them.
    pub fn new(
        metadata: Arc<TableMetadata>,
        view: TableView,
        predicate: Bound,
        paths: PathResolver,
        limits: &Limits,
    ) -> Result<Self> {
        let mut wanted = Vec::new();
        collect_columns(&predicate, &mut wanted);
        wanted.retain(|id| !is_reserved_id(*id));
        wanted.sort_unstable();
        wanted.dedup();
        if let Some(id) = wanted.iter().find(|id| view.schema.field(**id).is_none()) {
            return Err(Error::invalid(format!(
                "the predicate names field {id}, which schema {} does not have",
                view.schema.id()
            )));
        }
        let source_types = SourceTypes::of(&metadata, &view);
        let limits = limits.clone();
        Ok(Self {
            metadata,
            view,
            predicate,
            wanted,
            source_types,
            partition_type: None,
            paths,
            limits,
        })
    }

    /// Each split shall tell its partition as a value of `partition_type`.
    #[must_use]
    pub fn with_partition_values(self, partition_type: PartitionType) -> Self {
        Self {
            partition_type: Some(partition_type),
            ..self
        }
    }

    /// Where the file with this recorded path is, below the folder that the user named.
    pub fn resolve(&self, path: &str) -> String {
        self.paths.resolve(path)
    }

    /// Where the manifests are listed.
    pub fn manifest_list(&self) -> ManifestSource {
        let Some(snapshot) = &self.view.snapshot else {
            return ManifestSource::None;
        };
        match &snapshot.manifest_list {
            Some(path) => ManifestSource::List(self.paths.resolve(path)),
            None => ManifestSource::Inline(
                snapshot
                    .manifests
                    .iter()
                    .map(|path| ManifestFile {
                        path: self.paths.resolve(path),
                        ..ManifestFile::unlisted(ManifestContent::Data)
                    })
                    .collect(),
            ),
        }
    }

    /// The manifests that may hold matching files and the deletes for them.
    ///
    /// A delete manifest is skipped like a data manifest, by the partitions of its own spec: its
    /// deletes apply to the same partitions of the same spec, or it is unpartitioned and kept.
    pub fn read_manifest_list(&self, bytes: Bytes) -> Result<Manifests> {
        let listed = read_manifest_list(&bytes, &self.limits)
            .map_err(|error| error.within("manifest list"))?;
        let mut manifests = Manifests::default();
        for mut manifest in listed {
            let reason = self.reason_to_skip(&manifest)?;
            if let Some(reason) = reason {
                manifests.skipped.push(Skipped {
                    path: manifest.path,
                    reason,
                });
                continue;
            }
            manifest.path = self.paths.resolve(&manifest.path);
            match manifest.content {
                ManifestContent::Data => manifests.data.push(manifest),
                ManifestContent::Deletes => manifests.deletes.push(manifest),
            }
        }
        Ok(manifests)
    }

    fn reason_to_skip(&self, manifest: &ManifestFile) -> Result<Option<SkipReason>> {
        // An absent count is an unknown one.
        let live = manifest
            .added_files_count
            .zip(manifest.existing_files_count);
        if live == Some((0, 0)) {
            return Ok(Some(SkipReason::NoLiveFiles));
        }
        let (Some(spec_id), Some(summaries)) = (manifest.spec_id, &manifest.partitions) else {
            return Ok(None);
        };
        let spec = self
            .spec(spec_id)
            .map_err(|error| error.within(&manifest.path))?;
        if self.wanted.is_empty() || summaries.len() != spec.fields.len() {
            return Ok(None);
        }
        let partition =
            PartitionFacts::of_summaries(spec, summaries, &self.source_types, &self.wanted);
        let residual = self.settle_by_partition(&partition);
        Ok((residual == Bound::Constant(false)).then_some(SkipReason::Partition))
    }

    /// The condition after the partition had its say.
    pub(super) fn settle_by_partition(&self, partition: &PartitionFacts) -> Bound {
        if partition.is_empty() {
            return self.predicate.clone();
        }
        self.predicate.settle(&FileFacts {
            schema: &self.view.schema,
            partition,
            wanted: &[],
            metrics: &[],
            record_count: 0,
        })
    }

    pub(super) fn spec(&self, id: i32) -> Result<&Arc<PartitionSpec>> {
        let spec = self.metadata.partition_spec(id);
        spec.ok_or_else(|| Error::corrupt(format!("the table has no partition spec {id}")))
    }

    /// The live delete files of a manifest.
    pub fn read_delete_manifest(
        &self,
        manifest: &ManifestFile,
        bytes: Bytes,
    ) -> Result<Vec<DeleteFile>> {
        delete_files::read(self, manifest, &bytes).map_err(|error| error.within(&manifest.path))
    }

    /// Arranges the delete files of all delete manifests.
    pub fn index_deletes(&self, deletes: Vec<DeleteFile>) -> Result<DeleteIndex> {
        DeleteIndex::build(deletes, &self.paths, |id| {
            self.metadata
                .partition_spec(id)
                .is_some_and(|spec| spec.is_unpartitioned())
        })
    }

    /// The live data files of a manifest that may match, with the deletes that apply to each.
    pub fn read_data_manifest(
        &self,
        manifest: &ManifestFile,
        bytes: Bytes,
        deletes: &DeleteIndex,
    ) -> Result<ManifestPlan> {
        data_files::read(self, manifest, &bytes, deletes)
            .map_err(|error| error.within(&manifest.path))
    }
}

/// The field ids of all columns that a condition names.
fn collect_columns(predicate: &Bound, ids: &mut Vec<i32>) {
    match predicate {
        Bound::Constant(_) => {}
        Bound::Atom(Atom { column, test }) => {
            ids.extend(column.field_id);
            if let Test::CompareColumn(_, other) = test {
                ids.extend(other.field_id);
            }
        }
        Bound::And(parts) | Bound::Or(parts) => {
            parts.iter().for_each(|part| collect_columns(part, ids));
        }
    }
}
