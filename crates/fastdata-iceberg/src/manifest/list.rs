//! Records of a manifest list.

use std::sync::Arc;

use super::{ManifestContent, ManifestFile, PartitionSummary};
use crate::avro::{Container, Cursor, Damage, Field, Node};
use crate::{Error, Limits, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Skip,
    Path,
    Length,
    SpecId,
    Content,
    SequenceNumber,
    AddedFiles,
    ExistingFiles,
    DeletedFiles,
    AddedRows,
    ExistingRows,
    Partitions,
    KeyMetadata,
    FirstRowId,
    ContainsNull,
    ContainsNan,
    Lower,
    Upper,
}

/// Field ids, the names that writers without ids use, and what the fields are for. The id of the
/// snapshot that added a manifest is not among them: nothing here asks for it, and tables exist
/// whose writer gave it more than 64 bits.
const FIELDS: [(i32, &str, Use); 13] = [
    (500, "manifest_path", Use::Path),
    (501, "manifest_length", Use::Length),
    (502, "partition_spec_id", Use::SpecId),
    (517, "content", Use::Content),
    (515, "sequence_number", Use::SequenceNumber),
    (504, "added_files_count", Use::AddedFiles),
    (505, "existing_files_count", Use::ExistingFiles),
    (506, "deleted_files_count", Use::DeletedFiles),
    (512, "added_rows_count", Use::AddedRows),
    (513, "existing_rows_count", Use::ExistingRows),
    (507, "partitions", Use::Partitions),
    (519, "key_metadata", Use::KeyMetadata),
    (520, "first_row_id", Use::FirstRowId),
];

const SUMMARY_FIELDS: [(i32, &str, Use); 4] = [
    (509, "contains_null", Use::ContainsNull),
    (518, "contains_nan", Use::ContainsNan),
    (510, "lower_bound", Use::Lower),
    (511, "upper_bound", Use::Upper),
];

/// More summaries in one record are not a partition spec.
const PARTITION_FIELDS_MAX: usize = 10_000;

/// The records of a manifest list, each with the path as recorded.
pub(crate) fn read_manifest_list(bytes: &[u8], limits: &Limits) -> Result<Vec<ManifestFile>> {
    let container = Container::open(bytes)?;
    let Node::Record(fields) = container.schema().as_ref() else {
        return Err(Error::corrupt("a manifest list's values are not records"));
    };
    let steps = steps(fields, &FIELDS);
    if !steps.iter().any(|(_, step)| *step == Use::Path) {
        return Err(Error::corrupt(
            "a manifest list's records have no manifest_path",
        ));
    }
    let mut manifests = Vec::new();
    let mut blocks = container.blocks(limits);
    while let Some((count, block)) = blocks.next_block()? {
        let mut cursor = Cursor::new(block);
        for _ in 0..count {
            let place = |error: Error| error.within(format_args!("record {}", manifests.len()));
            let (manifest, is_encrypted) =
                read_record(&mut cursor, &steps).map_err(|damage| place(damage.into()))?;
            if is_encrypted {
                return Err(place(Error::unsupported(format!(
                    "manifest {} is encrypted",
                    manifest.path
                ))));
            }
            manifests.push(manifest);
        }
        if !cursor.rest().is_empty() {
            return Err(Error::corrupt("a block is longer than its records"));
        }
    }
    Ok(manifests)
}

fn steps(fields: &[Field], known: &[(i32, &str, Use)]) -> Vec<(Arc<Node>, Use)> {
    fields
        .iter()
        .map(|field| {
            let step = known.iter().find(|(id, name, _)| match field.id {
                Some(own) => own == *id,
                None => field.name == *name,
            });
            (
                Arc::clone(&field.node),
                step.map_or(Use::Skip, |(_, _, step)| *step),
            )
        })
        .collect()
}

fn read_record(
    cursor: &mut Cursor<'_>,
    steps: &[(Arc<Node>, Use)],
) -> Result<(ManifestFile, bool), Damage> {
    let mut manifest = ManifestFile::unlisted(ManifestContent::Data);
    let mut is_encrypted = false;
    for (node, step) in steps {
        match step {
            Use::Path => {
                manifest.path = cursor.optional_str(node)?.ok_or(Damage::Absent)?.to_owned();
            }
            Use::Length => manifest.length_bytes = cursor.optional_long(node)?,
            Use::SpecId => {
                let id = cursor.optional_long(node)?;
                manifest.spec_id = id
                    .map(i32::try_from)
                    .transpose()
                    .map_err(|_| Damage::Type)?;
            }
            Use::Content => {
                manifest.content = match cursor.optional_long(node)? {
                    None | Some(0) => ManifestContent::Data,
                    Some(1) => ManifestContent::Deletes,
                    Some(_) => return Err(Damage::Type),
                };
            }
            Use::SequenceNumber => {
                manifest.sequence_number = cursor.optional_long(node)?.unwrap_or(0);
            }
            Use::AddedFiles => manifest.added_files_count = count(cursor, node)?,
            Use::ExistingFiles => manifest.existing_files_count = count(cursor, node)?,
            Use::DeletedFiles => manifest.deleted_files_count = count(cursor, node)?,
            Use::AddedRows => manifest.added_rows_count = count(cursor, node)?,
            Use::ExistingRows => manifest.existing_rows_count = count(cursor, node)?,
            Use::Partitions => manifest.partitions = read_summaries(cursor, node)?,
            Use::KeyMetadata => is_encrypted = cursor.optional_bytes(node)?.is_some(),
            Use::FirstRowId => manifest.first_row_id = cursor.optional_long(node)?,
            _ => cursor.skip(node)?,
        }
    }
    Ok((manifest, is_encrypted))
}

/// Some writers put -1 where they do not know.
fn count(cursor: &mut Cursor<'_>, node: &Node) -> Result<Option<i64>, Damage> {
    Ok(cursor.optional_long(node)?.filter(|count| *count >= 0))
}

fn read_summaries(
    cursor: &mut Cursor<'_>,
    node: &Node,
) -> Result<Option<Vec<PartitionSummary>>, Damage> {
    let item = match cursor.enter(node)? {
        Node::Null => return Ok(None),
        Node::Array(item) => item,
        _ => return Err(Damage::Type),
    };
    let Node::Record(fields) = item.as_ref() else {
        return Err(Damage::Type);
    };
    let steps = steps(fields, &SUMMARY_FIELDS);
    let mut summaries = Vec::new();
    loop {
        let count = cursor.run()?;
        if count == 0 {
            return Ok(Some(summaries));
        }
        if count > PARTITION_FIELDS_MAX.saturating_sub(summaries.len()) {
            return Err(Damage::Length);
        }
        for _ in 0..count {
            let mut summary = PartitionSummary::default();
            for (node, step) in &steps {
                match step {
                    Use::ContainsNull => summary.contains_null = cursor.optional_boolean(node)?,
                    Use::ContainsNan => summary.contains_nan = cursor.optional_boolean(node)?,
                    Use::Lower => summary.lower = cursor.optional_bytes(node)?.map(<[u8]>::to_vec),
                    Use::Upper => summary.upper = cursor.optional_bytes(node)?.map(<[u8]>::to_vec),
                    _ => cursor.skip(node)?,
                }
            }
            summaries.push(summary);
        }
    }
}
