//! Which deletes apply to which data file.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;

use super::{DeleteFile, DeleteKind};
use crate::manifest::FileFormat;
use crate::path::PathResolver;
use crate::{Error, Result};

/// Delete files in the order of their data sequence numbers.
type BySequence = Vec<Arc<DeleteFile>>;

/// Deletes, arranged by what they can apply to.
#[derive(Debug, Default)]
pub struct DeleteIndex {
    /// Equality deletes of unpartitioned specs: for files of all partitions and specs.
    global_equality: BySequence,
    /// Equality deletes by partition.
    equality: HashMap<Vec<u8>, BySequence, RandomState>,
    /// Position deletes of several files, by partition.
    positions: HashMap<Vec<u8>, BySequence, RandomState>,
    /// Position deletes that are known to be for one file, by its comparable path.
    positions_by_path: HashMap<String, BySequence, RandomState>,
    /// Deletion vectors, by the comparable path of their file.
    vectors: HashMap<String, Arc<DeleteFile>, RandomState>,
}

/// What a data file is known by.
pub(super) struct Target<'a> {
    pub(super) recorded_path: &'a str,
    pub(super) normalised_path: &'a str,
    pub(super) partition_key: &'a [u8],
    pub(super) data_sequence_number: i64,
}

/// The deletes of one data file.
#[derive(Debug, Default)]
pub(super) struct Applicable {
    pub(super) positions: Vec<Arc<DeleteFile>>,
    pub(super) equality: Vec<Arc<DeleteFile>>,
    pub(super) vector: Option<Arc<DeleteFile>>,
}

impl DeleteIndex {
    /// Whether there are no deletes at all.
    pub fn is_empty(&self) -> bool {
        self.global_equality.is_empty()
            && self.equality.is_empty()
            && self.positions.is_empty()
            && self.positions_by_path.is_empty()
            && self.vectors.is_empty()
    }

    pub(super) fn build(
        deletes: Vec<DeleteFile>,
        paths: &PathResolver,
        is_unpartitioned: impl Fn(i32) -> bool,
    ) -> Result<Self> {
        let mut index = Self::default();
        for delete in deletes {
            let delete = Arc::new(delete);
            match (delete.kind, &delete.referenced_data_file) {
                (DeleteKind::Equality, _) if is_unpartitioned(delete.spec_id) => {
                    index.global_equality.push(delete);
                }
                (DeleteKind::Equality, _) => {
                    index
                        .equality
                        .entry(delete.partition_key.clone())
                        .or_default()
                        .push(delete);
                }
                (DeleteKind::Position, Some(target)) => {
                    let target = paths.normalise(target);
                    index
                        .positions_by_path
                        .entry(target)
                        .or_default()
                        .push(delete);
                }
                (DeleteKind::Position, None) => {
                    index
                        .positions
                        .entry(delete.partition_key.clone())
                        .or_default()
                        .push(delete);
                }
                (DeleteKind::DeletionVector, target) => {
                    let target = paths.normalise(target.as_deref().unwrap_or_default());
                    if let Some(other) = index.vectors.insert(target.clone(), Arc::clone(&delete)) {
                        return Err(Error::corrupt(format!(
                            "data file {target} has two deletion vectors: in {} and in {}",
                            other.recorded_path, delete.recorded_path
                        )));
                    }
                }
            }
        }
        let partitions = index
            .equality
            .values_mut()
            .chain(index.positions.values_mut());
        let all = partitions.chain(index.positions_by_path.values_mut());
        for deletes in all.chain([&mut index.global_equality]) {
            deletes.sort_by_key(|delete| delete.data_sequence_number);
        }
        Ok(index)
    }

    /// The deletes that name one file, with its comparable path.
    pub(super) fn named_targets(&self) -> impl Iterator<Item = (&str, &DeleteFile)> {
        let positions = self.positions_by_path.iter().flat_map(|(target, deletes)| {
            deletes
                .iter()
                .map(move |delete| (target.as_str(), delete.as_ref()))
        });
        let vectors = self
            .vectors
            .iter()
            .map(|(target, vector)| (target.as_str(), vector.as_ref()));
        positions.chain(vectors)
    }

    /// The deletes of a data file.
    pub(super) fn of_file(&self, target: &Target<'_>) -> Result<Applicable> {
        let mut found = Applicable {
            vector: self.vector_of(target)?,
            ..Applicable::default()
        };
        // A vector holds all that older position deletes said.
        if found.vector.is_none() {
            self.add_positions(target, &mut found.positions)?;
        }
        let partition = self
            .equality
            .get(target.partition_key)
            .map_or(&[][..], Vec::as_slice);
        for deletes in [self.global_equality.as_slice(), partition] {
            // Equality deletes do not touch the rows that were added along with them.
            let first = deletes.partition_point(|delete| {
                delete.data_sequence_number <= target.data_sequence_number
            });
            found.equality.extend(deletes.iter().skip(first).cloned());
        }
        let applied = found
            .positions
            .iter()
            .chain(&found.equality)
            .chain(&found.vector);
        applied
            .into_iter()
            .try_for_each(|delete| check_readable(delete))?;
        Ok(found)
    }

    fn vector_of(&self, target: &Target<'_>) -> Result<Option<Arc<DeleteFile>>> {
        let Some(vector) = self.vectors.get(target.normalised_path) else {
            return Ok(None);
        };
        if vector.data_sequence_number < target.data_sequence_number {
            return Err(Error::corrupt(format!(
                "the deletion vector for {} has sequence number {}, below the file's {}",
                target.recorded_path, vector.data_sequence_number, target.data_sequence_number
            )));
        }
        check_partition(vector, target)?;
        Ok(Some(Arc::clone(vector)))
    }

    fn add_positions(&self, target: &Target<'_>, found: &mut Vec<Arc<DeleteFile>>) -> Result<()> {
        let since = |deletes: &BySequence| {
            deletes
                .partition_point(|delete| delete.data_sequence_number < target.data_sequence_number)
        };
        if let Some(deletes) = self.positions_by_path.get(target.normalised_path) {
            for delete in deletes.iter().skip(since(deletes)) {
                check_partition(delete, target)?;
                found.push(Arc::clone(delete));
            }
        }
        if let Some(deletes) = self.positions.get(target.partition_key) {
            let applying = deletes.iter().skip(since(deletes));
            found.extend(
                applying
                    .filter(|delete| may_name(delete, target.recorded_path))
                    .cloned(),
            );
        }
        Ok(())
    }
}

/// A delete for a file of another partition breaks the table format; dropping it could bring
/// deleted rows back.
fn check_partition(delete: &DeleteFile, target: &Target<'_>) -> Result<()> {
    if delete.partition_key == target.partition_key {
        return Ok(());
    }
    Err(Error::corrupt(format!(
        "delete file {} names {}, a data file of another partition",
        delete.recorded_path, target.recorded_path
    )))
}

fn check_readable(delete: &DeleteFile) -> Result<()> {
    if delete.is_encrypted {
        return Err(Error::unsupported(format!(
            "delete file {} is encrypted",
            delete.recorded_path
        )));
    }
    let expected = match delete.kind {
        DeleteKind::DeletionVector => FileFormat::Puffin,
        DeleteKind::Position | DeleteKind::Equality => FileFormat::Parquet,
    };
    if delete.format == expected {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "delete file {} has format {}; {expected} is read",
        delete.recorded_path, delete.format
    )))
}

/// Whether the bounds of the paths that a position delete file names leave room for this one.
///
/// Bounds may be truncated, also without being rounded up as they should be, and are compared
/// only with a path that is spelled alike.
fn may_name(delete: &DeleteFile, recorded_path: &str) -> bool {
    let Some((lower, upper)) = &delete.path_bounds else {
        return true;
    };
    let root = |path: &'_ str| path.find("://").map(|at| at + 3).unwrap_or(0);
    let spelled_alike = |other: &str| {
        let (one, two) = (root(recorded_path), root(other));
        one == two && recorded_path.get(..one) == other.get(..two)
    };
    if !spelled_alike(lower) || !spelled_alike(upper) {
        return true;
    }
    let below = recorded_path < lower.as_str();
    let above = recorded_path > upper.as_str() && !recorded_path.starts_with(upper.as_str());
    !below && !above
}
