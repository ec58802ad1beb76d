//! The delete files of one manifest.

use std::sync::Arc;

use super::partition_cache::PartitionCache;
use super::sequence::data_sequence_number;
use super::{DeleteFile, DeleteKind, Planner};
use crate::manifest::{Content, Entry, EntryReader, FileFormat, ManifestFile, Status};
use crate::{Error, Result};

/// The field id of `file_path` in position delete files.
const DELETED_PATH_ID: i32 = 2_147_483_546;

pub(super) fn read(
    planner: &Planner,
    manifest: &ManifestFile,
    bytes: &[u8],
) -> Result<Vec<DeleteFile>> {
    let reader = EntryReader::open(bytes, &[DELETED_PATH_ID], &planner.limits)?;
    let spec_id = manifest.spec_id.or(reader.header_spec_id()).unwrap_or(0);
    let spec = planner.spec(spec_id)?;
    let mut partitions = PartitionCache::new(planner, spec, reader.partition_node());
    let mut deletes = Vec::new();
    reader.each(&planner.limits, |entry| {
        if entry.status != Status::Deleted {
            let partition = partitions.partition(entry.partition)?;
            let mut delete = delete_file(planner, manifest, entry)?;
            delete.spec_id = spec_id;
            delete.partition_key.clone_from(&partition.key);
            delete.constants = Arc::clone(&partition.constants);
            deletes.push(delete);
        }
        Ok(())
    })?;
    Ok(deletes)
}

fn delete_file(
    planner: &Planner,
    manifest: &ManifestFile,
    entry: &Entry<'_>,
) -> Result<DeleteFile> {
    let place = |error: Error| error.within(entry.path);
    let format = FileFormat::parse(entry.format).map_err(place)?;
    let kind = match (entry.content, format) {
        (Content::PositionDeletes, FileFormat::Puffin) => DeleteKind::DeletionVector,
        (Content::PositionDeletes, _) => DeleteKind::Position,
        (Content::EqualityDeletes, _) => DeleteKind::Equality,
        (Content::Data, _) => return Err(place(Error::corrupt("a data file among deletes"))),
    };
    let unsigned = |value: i64, name: &str| {
        u64::try_from(value).map_err(|_| place(Error::corrupt(format!("{name} is {value}"))))
    };
    let (referenced_data_file, path_bounds) = match kind {
        DeleteKind::Equality => (None, None),
        _ => referenced(entry),
    };
    let mut delete = DeleteFile {
        path: planner.paths.resolve(entry.path),
        recorded_path: entry.path.to_owned(),
        kind,
        format,
        file_size_bytes: unsigned(entry.file_size_bytes, "file_size_in_bytes")?,
        record_count: unsigned(entry.record_count, "record_count")?,
        data_sequence_number: data_sequence_number(manifest, entry)?,
        spec_id: 0,
        equality_ids: entry.equality_ids.clone(),
        referenced_data_file,
        content_offset: None,
        content_size_bytes: None,
        constants: Arc::from([]),
        partition_key: Vec::new(),
        path_bounds,
        is_encrypted: entry.is_encrypted,
    };
    match kind {
        DeleteKind::Equality if delete.equality_ids.is_empty() => {
            return Err(place(Error::corrupt(
                "an equality delete without equality_ids",
            )));
        }
        DeleteKind::DeletionVector => {
            let (Some(offset), Some(size), Some(_)) = (
                entry.content_offset,
                entry.content_size_bytes,
                &delete.referenced_data_file,
            ) else {
                return Err(place(Error::corrupt(
                    "a deletion vector without referenced_data_file, content_offset and \
                     content_size_in_bytes",
                )));
            };
            delete.content_offset = Some(unsigned(offset, "content_offset")?);
            delete.content_size_bytes = Some(unsigned(size, "content_size_in_bytes")?);
        }
        DeleteKind::Equality | DeleteKind::Position => {}
    }
    Ok(delete)
}

/// The one data file that a position delete file is for, if it says so, and else the bounds of
/// the paths it names.
///
/// Equal bounds mean one file only if they were not truncated, which a whole file name at the
/// end tells.
fn referenced(entry: &Entry<'_>) -> (Option<String>, Option<(String, String)>) {
    if let Some(path) = entry.referenced_data_file {
        return (Some(path.to_owned()), None);
    }
    let metrics = entry.metrics.first().copied().unwrap_or_default();
    let text = |bytes: Option<&[u8]>| Some(std::str::from_utf8(bytes?).ok()?.to_owned());
    let (Some(lower), Some(upper)) = (text(metrics.lower), text(metrics.upper)) else {
        return (None, None);
    };
    let is_whole = [".parquet", ".orc", ".avro"]
        .iter()
        .any(|end| lower.ends_with(end));
    if lower == upper && is_whole {
        (Some(lower), None)
    } else {
        (None, Some((lower, upper)))
    }
}
