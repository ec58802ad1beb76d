//! What a source is: for a table its snapshots, partition spec, sizes and delete files.

use std::sync::Arc;

use arrow_schema::Schema;
use fastdata_iceberg::{DeleteKind, PartitionSpec, Snapshot, SnapshotRefKind, TableMetadata};
use futures::TryStreamExt;
use serde::Serialize;

use crate::context::{Context, TableContext};
use crate::plan::{PlanItem, plan};
use crate::read::read_footer;
use crate::runtime::wait;
use crate::source::{Source, TableSource};
use crate::{CancelToken, Result, Scan, ScanRequest, type_text};

/// A source as `fastdata describe` shows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    /// Version of this record's layout.
    pub schema: &'static str,
    /// `iceberg table` or `parquet files`.
    pub kind: &'static str,
    /// Location of the table, or the sources as named.
    pub location: String,
    /// Metadata file in use, for tables.
    pub metadata_file: Option<String>,
    /// Iceberg format version.
    pub format_version: Option<u8>,
    /// Table UUID.
    pub table_uuid: Option<String>,
    /// Partition fields as `transform(column)`.
    pub partition_spec: Vec<String>,
    /// Earlier partition specs that live files may still have, as text.
    pub older_partition_specs: Vec<String>,
    /// Columns: name and type as text.
    pub columns: Vec<(String, String)>,
    /// The snapshot that a scan would read.
    pub snapshot_id: Option<i64>,
    /// Snapshots, oldest first.
    pub snapshots: Vec<SnapshotDescription>,
    /// Branches and tags.
    pub references: Vec<ReferenceDescription>,
    /// Live data files.
    pub data_files: u64,
    /// Their bytes.
    pub data_bytes: u64,
    /// Their rows, deletes not subtracted.
    pub data_rows: u64,
    /// Live position-delete files.
    pub position_delete_files: u64,
    /// Live equality-delete files.
    pub equality_delete_files: u64,
    /// Live deletion vectors.
    pub deletion_vectors: u64,
}

/// One snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SnapshotDescription {
    /// Its id.
    pub snapshot_id: i64,
    /// Its parent.
    pub parent_id: Option<i64>,
    /// When it was committed, milliseconds since the epoch, UTC.
    pub timestamp_ms: i64,
    /// `append`, `overwrite`, `delete`, `replace`.
    pub operation: Option<String>,
}

/// One branch or tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReferenceDescription {
    /// Its name.
    pub name: String,
    /// `branch` or `tag`.
    pub kind: String,
    /// The snapshot that it names.
    pub snapshot_id: i64,
}

/// Describes what [`ScanRequest::sources`] name, from metadata (and footers, for plain files)
/// alone. Filter, partition and columns of the request do not matter.
pub fn describe(request: &ScanRequest, cancel: &CancelToken) -> Result<Description> {
    let request = ScanRequest {
        filter: None,
        partition: Vec::new(),
        any_partition: Vec::new(),
        parts: None,
        columns: None,
        ..request.clone()
    };
    let scan = Scan::open(request, cancel.clone())?;
    let mut description = Description {
        schema: "fastdata.describe/1",
        columns: columns_of(scan.source_schema()),
        ..Description::default()
    };
    match (&**scan.source(), scan.table()) {
        (Source::Table(source), Some(table)) => describe_table(&mut description, source, table)?,
        (Source::Files(files), _) => {
            description.kind = "parquet files";
            let shown: Vec<String> = files.iter().map(|file| file.location.to_string()).collect();
            description.location = shown.join(", ");
        }
        (Source::Table(_), None) => {}
    }
    let (context, source) = (scan.context()?, scan.source().clone());
    wait(async move { count_files(context, source, description).await })
}

fn columns_of(schema: &Schema) -> Vec<(String, String)> {
    schema
        .fields()
        .iter()
        .map(|field| {
            let required = if field.is_nullable() { "" } else { " not null" };
            (
                field.name().clone(),
                format!("{}{required}", type_text(field.data_type())),
            )
        })
        .collect()
}

fn describe_table(
    description: &mut Description,
    source: &TableSource,
    table: &TableContext,
) -> Result<()> {
    let metadata = &table.metadata;
    description.kind = "iceberg table";
    description.location = source.root.to_string();
    description.metadata_file = Some(source.metadata_file.to_string());
    description.format_version = Some(metadata.format_version());
    description.table_uuid = metadata.uuid().map(str::to_owned);
    let default = metadata.default_partition_spec();
    if let Some(spec) = default {
        description.partition_spec = spec_text(spec, metadata);
    }
    description.older_partition_specs = metadata
        .partition_specs()
        .iter()
        .filter(|spec| default.is_none_or(|default| default.id != spec.id))
        .map(|spec| spec_text(spec, metadata).join(", "))
        .collect();
    description.snapshot_id = table.view.snapshot.as_ref().map(|snapshot| snapshot.id);
    let mut snapshots: Vec<&Arc<Snapshot>> = metadata.snapshots().iter().collect();
    snapshots.sort_by_key(|snapshot| (snapshot.timestamp_ms, snapshot.sequence_number));
    description.snapshots = snapshots
        .into_iter()
        .map(|snapshot| SnapshotDescription {
            snapshot_id: snapshot.id,
            parent_id: snapshot.parent_id,
            timestamp_ms: snapshot.timestamp_ms,
            operation: snapshot.summary.get("operation").cloned(),
        })
        .collect();
    description.references = metadata
        .refs()
        .iter()
        .map(|(name, reference)| ReferenceDescription {
            name: name.clone(),
            kind: match reference.kind {
                SnapshotRefKind::Branch => "branch".into(),
                SnapshotRefKind::Tag => "tag".into(),
            },
            snapshot_id: reference.snapshot_id,
        })
        .collect();
    Ok(())
}

/// `day(ts)` for each field of the spec.
fn spec_text(spec: &PartitionSpec, metadata: &TableMetadata) -> Vec<String> {
    let name_of = |id: i32| {
        let schemas = std::iter::once(metadata.current_schema()).chain(metadata.schemas());
        let name = schemas.into_iter().find_map(|schema| schema.field(id));
        name.map_or_else(
            || format!("dropped column {id}"),
            |field| field.name.clone(),
        )
    };
    spec.fields
        .iter()
        .map(|field| format!("{}({})", field.transform, name_of(field.source_id)))
        .collect()
}

/// Adds up live files. Plain files are counted by their footers.
async fn count_files(
    context: Arc<Context>,
    source: Arc<Source>,
    mut description: Description,
) -> Result<Description> {
    let mut items = plan(context.clone(), source)?;
    while let Some(item) = items.try_next().await? {
        match item {
            PlanItem::File(file) => {
                let (bytes, rows) = match &file.split {
                    Some(split) => (split.file_size_bytes, split.record_count),
                    None => {
                        let meta = read_footer(&context, &file.location, file.size_bytes)
                            .await
                            .map_err(|error| error.at(&file.location))?;
                        let size = context.store.size(&file.location).await?;
                        (size, meta.num_rows())
                    }
                };
                description.data_files += 1;
                description.data_bytes += bytes;
                description.data_rows += rows;
            }
            PlanItem::Delete(delete) => match delete.kind {
                DeleteKind::Position => description.position_delete_files += 1,
                DeleteKind::Equality => description.equality_delete_files += 1,
                DeleteKind::DeletionVector => description.deletion_vectors += 1,
            },
            _ => {}
        }
    }
    Ok(description)
}
