//! A scan cut into parts: which files it would read, and a request for some of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::plan::{PlanItem, plan};
use crate::read::{DataFile, read_footer};
use crate::runtime::wait;
use crate::{Result, Scan};

/// Footers read at once.
const FOOTERS_AHEAD: usize = 16;

/// A data file that a scan would read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedFile {
    /// Its address.
    pub path: String,
    /// Its partition as `name=value` joined by `/`; empty when there is none.
    pub partition: String,
    /// Its size in bytes, as the table or a listing tells.
    pub size_bytes: u64,
    /// Its rows, before filter and deletes.
    pub rows: u64,
    /// Delete files that may remove rows of it.
    pub delete_files: u64,
    /// Its row groups in order; empty when the footer was not read.
    pub row_groups: Vec<RowGroupSize>,
}

/// What one row group comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RowGroupSize {
    /// Rows, before filter and deletes.
    pub rows: u64,
    /// Compressed bytes of all its columns.
    pub size_bytes: u64,
}

/// A file, or some of its row groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// Address of the file, as [`PlannedFile::path`] has it.
    pub path: String,
    /// Row groups by number; `None` means all.
    pub row_groups: Option<Range<usize>>,
}

impl Scan {
    /// The files that the scan would read, in its order. Footers are read of plain files and of
    /// files of a table that are larger than `footers_above_bytes`.
    pub fn files(&self, footers_above_bytes: u64) -> Result<Vec<PlannedFile>> {
        let (context, source) = (self.context()?, self.source().clone());
        wait(async move {
            let files = plan(context.clone(), source)?.try_filter_map(|item| {
                let file = match item {
                    PlanItem::File(file) => Some(*file),
                    _ => None,
                };
                futures::future::ready(Ok(file))
            });
            files
                .map(|file| {
                    let context = context.clone();
                    async move { planned(&context, file?, footers_above_bytes).await }
                })
                .buffered(FOOTERS_AHEAD)
                .try_collect()
                .await
        })
    }
}

async fn planned(
    context: &Context,
    file: DataFile,
    footers_above_bytes: u64,
) -> Result<PlannedFile> {
    let mut planned = PlannedFile {
        path: file.location.to_string(),
        partition: file.partition.clone(),
        size_bytes: 0,
        rows: 0,
        delete_files: 0,
        row_groups: Vec::new(),
    };
    if let Some(split) = &file.split {
        planned.size_bytes = split.file_size_bytes;
        planned.rows = split.record_count;
        planned.delete_files = (split.position_deletes.len()
            + split.equality_deletes.len()
            + usize::from(split.deletion_vector.is_some())) as u64;
        if split.file_size_bytes <= footers_above_bytes {
            return Ok(planned);
        }
    }
    let at = |error: crate::Error| error.at(&file.location);
    let meta = read_footer(context, &file.location, file.size_bytes)
        .await
        .map_err(at)?;
    planned.rows = meta.num_rows();
    planned.row_groups = meta
        .parquet()
        .row_groups()
        .iter()
        .map(|group| RowGroupSize {
            rows: u64::try_from(group.num_rows()).unwrap_or(0),
            size_bytes: u64::try_from(group.compressed_size()).unwrap_or(0),
        })
        .collect();
    if planned.size_bytes == 0 {
        planned.size_bytes = match file.size_bytes {
            Some(size_bytes) => size_bytes,
            None => context.store.size(&file.location).await?,
        };
    }
    Ok(planned)
}

/// The parts that a request names, by path: no range means the whole file.
#[derive(Debug, Clone)]
pub(crate) struct Parts(Arc<BTreeMap<String, Vec<Range<usize>>>>);

impl Parts {
    pub(crate) fn new(parts: &[FilePart]) -> Self {
        let mut by_path: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
        for part in parts {
            let ranges = by_path.entry(part.path.clone()).or_default();
            ranges.push(part.row_groups.clone().unwrap_or(0..usize::MAX));
        }
        Self(Arc::new(by_path))
    }

    /// Whether any row group of the file at `path` is wanted.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Whether this row group is wanted.
    pub(crate) fn wants(&self, path: &str, row_group: usize) -> bool {
        let ranges = self.0.get(path).map(Vec::as_slice).unwrap_or_default();
        ranges.iter().any(|range| range.contains(&row_group))
    }

    /// Every path that must turn up in the plan.
    pub(crate) fn unseen(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }
}
