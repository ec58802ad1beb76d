//! The planner: given the bytes of each metadata file in turn, it yields splits.

use std::sync::Arc;

use bytes::Bytes;
use fastdata_kernels::predicate::Bound;

use super::{DeleteFile, DeleteIndex, ManifestPlan, Skipped};
use crate::manifest::ManifestFile;
use crate::metadata::{TableMetadata, TableView};
use crate::path::PathResolver;
use crate::{Limits, Result};

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
/// It is given bytes and names paths; all methods can be called from many threads.
#[derive(Debug)]
pub struct Planner {}

impl Planner {
    /// A plan for `view`, keeping what may match `predicate`, which was bound to the Arrow schema
    /// of `view.schema` (or of a projection of it: columns are found by field id).
    pub fn new(
        _metadata: Arc<TableMetadata>,
        _view: TableView,
        _predicate: Bound,
        _paths: PathResolver,
        _limits: &Limits,
    ) -> Result<Self> {
        todo!()
    }

    /// Where the manifests are listed.
    pub fn manifest_list(&self) -> ManifestSource {
        todo!()
    }

    /// The manifests that may hold matching files and the deletes for them.
    pub fn read_manifest_list(&self, _bytes: Bytes) -> Result<Manifests> {
        todo!()
    }

    /// The live delete files of a manifest.
    pub fn read_delete_manifest(
        &self,
        _manifest: &ManifestFile,
        _bytes: Bytes,
    ) -> Result<Vec<DeleteFile>> {
        todo!()
    }

    /// Arranges the delete files of all delete manifests.
    pub fn index_deletes(&self, _deletes: Vec<DeleteFile>) -> Result<DeleteIndex> {
        todo!()
    }

    /// The live data files of a manifest that may match, with the deletes that apply to each.
    pub fn read_data_manifest(
        &self,
        _manifest: &ManifestFile,
        _bytes: Bytes,
        _deletes: &DeleteIndex,
    ) -> Result<ManifestPlan> {
        todo!()
    }
}
