//! Manifest lists.

use super::avro_schema::{manifest_file, partition_types};
use super::{AvroCodec, AvroFile, EntryStatus, FileEntry, put_bytes, put_varint};
use crate::Result;
use crate::manifest::ManifestContent;
use crate::partition::PartitionSpec;
use crate::schema::{PrimitiveType, Schema};
use crate::value::Value;

/// A manifest to be listed.
#[derive(Debug, Clone)]
pub struct ListedManifest {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub length_bytes: i64,
    /// The spec of its files.
    pub spec_id: i32,
    /// What it lists.
    pub content: ManifestContent,
    /// What its added entries inherit.
    pub sequence_number: i64,
    /// The snapshot that added it.
    pub added_snapshot_id: i64,
    /// Per status, existing, added and deleted: files.
    pub files_count: [Option<i64>; 3],
    /// Per status, existing, added and deleted: rows.
    pub rows_count: [Option<i64>; 3],
    /// Per field of the spec. `None` leaves the summaries out.
    pub partitions: Option<Vec<ListedPartition>>,
    /// The first row id, in version 3.
    pub first_row_id: Option<i64>,
}

/// The range of one partition field over a manifest's files.
#[derive(Debug, Clone)]
pub struct ListedPartition {
    /// Whether null occurs.
    pub contains_null: bool,
    /// The least value in binary form.
    pub lower: Option<Vec<u8>>,
    /// The greatest value in binary form.
    pub upper: Option<Vec<u8>>,
}

impl ListedManifest {
    /// The record for a manifest of these entries, counts and summaries worked out.
    pub fn of_entries(
        path: String,
        length_bytes: usize,
        content: ManifestContent,
        (schema, spec): (&Schema, &PartitionSpec),
        (snapshot_id, sequence_number): (i64, i64),
        entries: &[FileEntry],
    ) -> Self {
        let with_status = |status| entries.iter().filter(move |entry| entry.status == status);
        let statuses = [
            EntryStatus::Existing,
            EntryStatus::Added,
            EntryStatus::Deleted,
        ];
        let types = partition_types(spec, schema);
        let partitions = types
            .iter()
            .enumerate()
            .map(|(index, of)| summary(entries, index, of.as_ref()))
            .collect();
        Self {
            path,
            length_bytes: i64::try_from(length_bytes).unwrap_or(i64::MAX),
            spec_id: spec.id,
            content,
            sequence_number,
            added_snapshot_id: snapshot_id,
            files_count: statuses.map(|status| i64::try_from(with_status(status).count()).ok()),
            rows_count: statuses
                .map(|status| Some(with_status(status).map(|entry| entry.record_count).sum())),
            partitions: Some(partitions),
            first_row_id: None,
        }
    }
}

fn summary(entries: &[FileEntry], index: usize, of: Option<&PrimitiveType>) -> ListedPartition {
    let values = || {
        entries
            .iter()
            .map(|entry| entry.partition.get(index).and_then(Option::as_ref))
    };
    let mut bounds: Option<(&Value, &Value)> = None;
    let Some(of) = of else {
        return ListedPartition {
            contains_null: true,
            lower: None,
            upper: None,
        };
    };
    for value in values().flatten() {
        let compared = |other: &Value| value.to_datum(of)?.compare(&other.to_datum(of)?);
        bounds = match bounds {
            None => Some((value, value)),
            Some((least, _)) if compared(least).is_some_and(std::cmp::Ordering::is_lt) => {
                bounds.map(|(_, greatest)| (value, greatest))
            }
            Some((least, greatest))
                if compared(greatest).is_some_and(std::cmp::Ordering::is_gt) =>
            {
                Some((least, value))
            }
            known => known,
        };
    }
    let lower = bounds.map(|(least, _)| least.to_binary(of));
    let upper = bounds.map(|(_, greatest)| greatest.to_binary(of));
    ListedPartition {
        contains_null: values().any(|value| value.is_none()),
        lower,
        upper,
    }
}

/// The bytes of a manifest list in the given format version.
pub fn manifest_list(
    manifests: &[ListedManifest],
    snapshot_id: i64,
    format_version: u8,
    codec: AvroCodec,
) -> Result<Vec<u8>> {
    let (snapshot, version) = (snapshot_id.to_string(), format_version.to_string());
    let keys = [
        ("snapshot-id", snapshot.as_str()),
        ("format-version", version.as_str()),
    ];
    let mut file = AvroFile::new(&manifest_file(format_version), codec, &keys);
    let mut block = Vec::new();
    for manifest in manifests {
        put_manifest(&mut block, manifest, format_version);
    }
    if !manifests.is_empty() {
        file.push_block(manifests.len(), &block)?;
    }
    Ok(file.finish())
}

fn put_manifest(out: &mut Vec<u8>, manifest: &ListedManifest, format_version: u8) {
    put_bytes(out, manifest.path.as_bytes());
    put_varint(out, manifest.length_bytes);
    put_varint(out, i64::from(manifest.spec_id));
    if format_version > 1 {
        put_varint(out, i64::from(manifest.content == ManifestContent::Deletes));
        put_varint(out, manifest.sequence_number);
        put_varint(out, 0);
    }
    put_varint(out, manifest.added_snapshot_id);
    let [existing, added, deleted] = manifest.files_count;
    let [existing_rows, added_rows, deleted_rows] = manifest.rows_count;
    for count in [
        added,
        existing,
        deleted,
        added_rows,
        existing_rows,
        deleted_rows,
    ] {
        put_optional(out, count.as_ref(), |out, count| put_varint(out, *count));
    }
    put_optional(out, manifest.partitions.as_ref(), |out, summaries| {
        for ListedPartition {
            contains_null,
            lower,
            upper,
        } in summaries
        {
            put_varint(out, 1);
            out.push(u8::from(*contains_null));
            put_varint(out, 0);
            put_optional(out, lower.as_ref(), |out, bound| put_bytes(out, bound));
            put_optional(out, upper.as_ref(), |out, bound| put_bytes(out, bound));
        }
        put_varint(out, 0);
    });
    put_varint(out, 0);
    if format_version > 2 {
        put_optional(out, manifest.first_row_id.as_ref(), |out, id| {
            put_varint(out, *id)
        });
    }
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<&T>, put: impl Fn(&mut Vec<u8>, &T)) {
    match value {
        None => put_varint(out, 0),
        Some(value) => {
            put_varint(out, 1);
            put(out, value);
        }
    }
}
