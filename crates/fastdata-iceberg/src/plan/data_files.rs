//! The data files of one manifest.

use std::sync::Arc;

use fastdata_kernels::predicate::Bound;

use super::delete_index::Target;
use super::metrics::FileFacts;
use super::partition_cache::{Partition, PartitionCache};
use super::sequence::data_sequence_number;
use super::{DeleteIndex, LiveFiles, ManifestPlan, Planner, SkipReason, Skipped, Split};
use crate::manifest::{Content, Entry, EntryReader, FileFormat, ManifestFile, Status};
use crate::{Error, Result};

pub(super) fn read(
    planner: &Planner,
    manifest: &ManifestFile,
    bytes: &[u8],
    deletes: &DeleteIndex,
) -> Result<ManifestPlan> {
    let reader = EntryReader::open(bytes, &planner.wanted, &planner.limits)?;
    let spec_id = manifest.spec_id.or(reader.header_spec_id()).unwrap_or(0);
    let spec = planner.spec(spec_id)?;
    let partitions = PartitionCache::new(planner, spec, reader.partition_node());
    let mut files = DataFiles {
        planner,
        manifest,
        spec_id,
        deletes,
        partitions,
        next_row_id: manifest.first_row_id,
        normalised: String::new(),
        plan: ManifestPlan {
            splits: Vec::new(),
            skipped: Vec::new(),
            live_count: 0,
            deleted_count: 0,
            skipped_record_count: 0,
            live: LiveFiles::default(),
        },
    };
    reader.each(&planner.limits, |entry| files.visit(entry))?;
    Ok(files.plan)
}

struct DataFiles<'a> {
    planner: &'a Planner,
    manifest: &'a ManifestFile,
    spec_id: i32,
    deletes: &'a DeleteIndex,
    partitions: PartitionCache<'a>,
    /// What the next file without a row id gets.
    next_row_id: Option<i64>,
    /// The comparable path of the current file.
    normalised: String,
    plan: ManifestPlan,
}

impl DataFiles<'_> {
    fn visit(&mut self, entry: &Entry<'_>) -> Result<()> {
        if entry.status == Status::Deleted {
            self.plan.deleted_count += 1;
            return Ok(());
        }
        if entry.content != Content::Data {
            return Err(Error::corrupt(format!(
                "{}: a delete file among data",
                entry.path
            )));
        }
        let record_count = u64::try_from(entry.record_count).map_err(|_| {
            Error::corrupt(format!(
                "{}: record_count is {}",
                entry.path, entry.record_count
            ))
        })?;
        self.plan.live_count += 1;
        self.planner
            .paths
            .normalise_into(entry.path, &mut self.normalised);
        self.plan.live.push(&self.normalised);
        // Row ids count on over files that are then skipped, too.
        let first_row_id = self.first_row_id(entry)?;
        let partition = self.partitions.partition(entry.partition)?;
        let (residual, reason) = self.residual(entry, &partition);
        if residual == Bound::Constant(false) {
            self.plan.skipped.push(Skipped {
                path: entry.path.to_owned(),
                reason,
            });
            self.plan.skipped_record_count =
                self.plan.skipped_record_count.saturating_add(record_count);
            return Ok(());
        }
        let split = self.split(entry, &partition, residual, first_row_id, record_count)?;
        self.plan.splits.push(split);
        Ok(())
    }

    fn first_row_id(&mut self, entry: &Entry<'_>) -> Result<Option<i64>> {
        // Without one in the manifest list, rows of older versions have no ids.
        let Some(next) = self.next_row_id else {
            return Ok(None);
        };
        if entry.first_row_id.is_some() {
            return Ok(entry.first_row_id);
        }
        self.next_row_id = Some(next.checked_add(entry.record_count).ok_or_else(|| {
            Error::corrupt(format!("{}: its row ids exceed 64 bits", entry.path))
        })?);
        Ok(Some(next))
    }

    /// What is left of the condition, and who decided if that is nothing.
    ///
    /// Metrics may drop the file and no more: writers round them, cut them, and get them wrong,
    /// so that rows which they vouch for are looked at all the same.
    fn residual(&self, entry: &Entry<'_>, partition: &Partition) -> (Bound, SkipReason) {
        if let Bound::Constant(decided) = partition.residual {
            return (Bound::Constant(decided), SkipReason::Partition);
        }
        let by_metrics = partition.residual.settle(&FileFacts {
            schema: &self.planner.view.schema,
            partition: &partition.facts,
            wanted: &self.planner.wanted,
            metrics: &entry.metrics,
            record_count: entry.record_count,
        });
        let residual = match by_metrics {
            Bound::Constant(false) => by_metrics,
            _ => partition.residual.clone(),
        };
        (residual, SkipReason::Metrics)
    }

    fn split(
        &self,
        entry: &Entry<'_>,
        partition: &Partition,
        residual: Bound,
        first_row_id: Option<i64>,
        record_count: u64,
    ) -> Result<Split> {
        let place = |error: Error| error.within(format_args!("data file {}", entry.path));
        let format = FileFormat::parse(entry.format).map_err(place)?;
        if format != FileFormat::Parquet {
            return Err(place(Error::unsupported(format!(
                "format {format}; PARQUET is read"
            ))));
        }
        if entry.is_encrypted {
            return Err(place(Error::unsupported("it is encrypted")));
        }
        let file_size_bytes = u64::try_from(entry.file_size_bytes).map_err(|_| {
            place(Error::corrupt(format!(
                "file_size_in_bytes is {}",
                entry.file_size_bytes
            )))
        })?;
        let data_sequence_number = data_sequence_number(self.manifest, entry)?;
        let applicable = self.deletes.of_file(&Target {
            recorded_path: entry.path,
            normalised_path: &self.normalised,
            partition_key: &partition.key,
            data_sequence_number,
        })?;
        Ok(Split {
            path: self.planner.paths.resolve(entry.path),
            recorded_path: entry.path.to_owned(),
            file_size_bytes,
            record_count,
            format,
            spec_id: self.spec_id,
            partition: Arc::clone(&partition.label),
            partition_value: partition.value.clone(),
            data_sequence_number,
            first_row_id,
            split_offsets: split_offsets(&entry.split_offsets, file_size_bytes),
            residual,
            constants: Arc::clone(&partition.constants),
            position_deletes: applicable.positions,
            equality_deletes: applicable.equality,
            deletion_vector: applicable.vector,
        })
    }
}

/// The offsets if they can be true: ascending and inside the file. Otherwise none, since they
/// are a hint that some writers get wrong.
fn split_offsets(offsets: &[i64], file_size_bytes: u64) -> Vec<u64> {
    let mut checked = Vec::with_capacity(offsets.len());
    for offset in offsets {
        match (u64::try_from(*offset), checked.last()) {
            (Ok(offset), Some(last)) if offset <= *last => return Vec::new(),
            (Ok(offset), _) if offset < file_size_bytes => checked.push(offset),
            _ => return Vec::new(),
        }
    }
    checked
}
