//! Writes the demonstration table: three commits, an added and a renamed column, deleted rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use fastdata::CancelToken;
use fastdata::iceberg::write::{
    AvroCodec, ColumnStats, EntryStatus, FileContent, FileEntry, ListedManifest, ManifestWriter,
    TableDescription, manifest_list, metadata_json,
};
use fastdata::iceberg::{
    ManifestContent, NestedField, PartitionField, PartitionSpec, PrimitiveType, Schema, Snapshot,
    StringLayout, Transform, Type, Value,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::events::{self, DAYS, FIRST_DAY, FIRST_DAY_WITH_DEVICE};
use crate::failure::{Failure, FailureKind};

/// What was written.
pub(super) struct Written {
    pub(super) location: PathBuf,
    pub(super) rows: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// By this we know a table that we wrote ourselves.
const UUID: &str = "5d0f3c1e-7a52-4f0b-9b1d-fa57da7ade30";
const METADATA: &str = "metadata/v3.metadata.json";
/// Below the folder that the user names, which serves as a warehouse: `shop.events`.
const TABLE: &str = "shop/events";
/// Days on which the bot's events are deleted.
const CLEANED: [i32; 2] = [FIRST_DAY + 44, FIRST_DAY_WITH_DEVICE + 7];

/// Writes the table below `folder`. Files of an earlier run are replaced; anything else that is
/// there is a conflict.
pub(super) fn write(folder: &Path, cancel: &CancelToken) -> Result<Written, Failure> {
    let location = folder.join(TABLE);
    refuse_foreign(&location)?;
    std::fs::create_dir_all(&location)
        .map_err(|error| Failure::io(&format!("cannot create {}", location.display()), &error))?;
    let absolute = std::fs::canonicalize(&location)
        .map_err(|error| Failure::io(&format!("cannot read {}", location.display()), &error))?;
    let mut writer = Writer {
        root: format!("file://{}", absolute.display()),
        folder: location.clone(),
        schemas: [schema(0)?, schema(1)?],
        spec: spec(),
        rows: 0,
        files: 0,
        bytes: 0,
    };
    writer.commits(cancel)?;
    Ok(Written {
        location,
        rows: writer.rows,
        files: writer.files,
        bytes: writer.bytes,
    })
}

fn refuse_foreign(location: &Path) -> Result<(), Failure> {
    let occupied = std::fs::read_dir(location).is_ok_and(|mut entries| entries.next().is_some());
    let ours =
        std::fs::read_to_string(location.join(METADATA)).is_ok_and(|text| text.contains(UUID));
    // An interrupted run leaves data files and no metadata.
    let begun = location.join(MARKER).exists();
    match occupied && !ours && !begun {
        true => Err(Failure::new(
            FailureKind::Conflict,
            format!(
                "{} holds something else: name another folder by --output",
                location.display()
            ),
        )),
        false => Ok(()),
    }
}

/// Stands from the first file to the last.
const MARKER: &str = ".fastdata-demo";

/// Columns by id; version 1 renames one and adds one.
fn schema(version: i32) -> Result<Arc<Schema>, Failure> {
    let field = |id, name: &str, required, of| {
        Arc::new(NestedField {
            id,
            name: name.to_owned(),
            required,
            field_type: Type::Primitive(of),
            initial_default: None,
            doc: None,
        })
    };
    let mut fields = vec![
        field(1, "event_id", true, PrimitiveType::Long),
        field(2, "event_date", true, PrimitiveType::Date),
        field(3, "event_time", true, PrimitiveType::TimestampTz),
        field(4, "user_id", true, PrimitiveType::Long),
        field(5, "country", false, PrimitiveType::String),
        field(
            6,
            if version == 0 { "action" } else { "event_type" },
            false,
            PrimitiveType::String,
        ),
        field(7, "price", false, PrimitiveType::Double),
    ];
    if version == 1 {
        fields.push(field(8, "device", false, PrimitiveType::String));
    }
    Schema::new(version, fields)
        .map(Arc::new)
        .map_err(|error| broken(&error))
}

/// The columns of position deletes, by the ids that the table format reserves.
fn delete_schema() -> Result<Arc<Schema>, Failure> {
    let field = |id, name: &str, of| {
        Arc::new(NestedField {
            id,
            name: name.to_owned(),
            required: true,
            field_type: Type::Primitive(of),
            initial_default: None,
            doc: None,
        })
    };
    let fields = vec![
        field(2_147_483_546, "file_path", PrimitiveType::String),
        field(2_147_483_545, "pos", PrimitiveType::Long),
    ];
    Schema::new(0, fields)
        .map(Arc::new)
        .map_err(|error| broken(&error))
}

fn spec() -> PartitionSpec {
    let field = PartitionField {
        source_id: 2,
        field_id: 1000,
        name: "event_date".to_owned(),
        transform: Transform::Identity,
    };
    PartitionSpec {
        id: 0,
        fields: vec![field],
    }
}

/// What we hand to the writers is ours, so a refusal is a mistake in this file.
fn broken(error: &dyn std::error::Error) -> Failure {
    Failure::because(
        FailureKind::Other,
        "cannot write the demonstration table",
        error,
    )
}

struct Writer {
    /// The table's location as its metadata names it.
    root: String,
    folder: PathBuf,
    schemas: [Arc<Schema>; 2],
    spec: PartitionSpec,
    rows: u64,
    files: u64,
    bytes: u64,
}

/// One commit: what it adds, and when.
struct Commit {
    number: i64,
    timestamp_ms: i64,
    operation: &'static str,
    schema_idx: usize,
    content: ManifestContent,
    entries: Vec<FileEntry>,
}

const MS_PER_DAY: i64 = 86_400_000;

impl Writer {
    fn commits(&mut self, cancel: &CancelToken) -> Result<(), Failure> {
        self.put(MARKER, b"")?;
        let midnight_ms = |day: i32| i64::from(day) * MS_PER_DAY;
        let until = FIRST_DAY_WITH_DEVICE;
        let winter = self.append(FIRST_DAY..until, 0, cancel)?;
        let march = self.append(until..FIRST_DAY + DAYS, 1, cancel)?;
        let deletes = CLEANED
            .iter()
            .map(|day| self.delete_bot(*day))
            .collect::<Result<_, _>>()?;
        let commit = |number, day: i32, operation, schema_idx, content, entries| Commit {
            number,
            timestamp_ms: midnight_ms(day) - 1_000,
            operation,
            schema_idx,
            content,
            entries,
        };
        let data = ManifestContent::Data;
        let commits = [
            commit(1, until, "append", 0, data, winter),
            commit(2, FIRST_DAY + DAYS, "append", 1, data, march),
            commit(
                3,
                FIRST_DAY + DAYS + 1,
                "delete",
                1,
                ManifestContent::Deletes,
                deletes,
            ),
        ];
        let mut manifests = Vec::new();
        let mut snapshots = Vec::new();
        for commit in &commits {
            manifests.push(self.manifest(commit)?);
            snapshots.push(self.snapshot(commit, &manifests)?);
        }
        self.metadata(snapshots)?;
        self.put("metadata/version-hint.text", b"3")?;
        std::fs::remove_file(self.folder.join(MARKER))
            .map_err(|error| Failure::io("cannot finish the demonstration table", &error))
    }

    /// Writes one data file a day.
    fn append(
        &mut self,
        days: std::ops::Range<i32>,
        schema_idx: usize,
        cancel: &CancelToken,
    ) -> Result<Vec<FileEntry>, Failure> {
        let schema = Arc::clone(&self.schemas[schema_idx]);
        let arrow = arrow_schema(&schema)?;
        let mut entries = Vec::new();
        for day in days {
            cancel.check()?;
            let events = events::day(day);
            let name = data_name(day);
            let file_size_bytes = self.put_parquet(&name, &arrow, events.columns.clone())?;
            self.rows += events.rows as u64;
            entries.push(FileEntry {
                path: self.path(&name),
                partition: vec![Some(Value::Int(i64::from(day)))],
                record_count: events.rows as i64,
                file_size_bytes,
                stats: metrics(&schema, &events, day),
                ..FileEntry::default()
            });
        }
        Ok(entries)
    }

    /// Writes a position-delete file that takes the bot's events of `day` away.
    fn delete_bot(&mut self, day: i32) -> Result<FileEntry, Failure> {
        let positions = events::day(day).of_bot;
        let rows = positions.len();
        let data_file = self.path(&data_name(day));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![data_file.as_str(); rows])),
            Arc::new(Int64Array::from(positions)),
        ];
        let name = format!("data/event_date={}/deletes.parquet", calendar(day));
        let arrow = arrow_schema(&*delete_schema()?)?;
        let file_size_bytes = self.put_parquet(&name, &arrow, columns)?;
        Ok(FileEntry {
            content: FileContent::PositionDeletes,
            path: self.path(&name),
            partition: vec![Some(Value::Int(i64::from(day)))],
            record_count: rows as i64,
            file_size_bytes,
            ..FileEntry::default()
        })
    }

    fn manifest(&mut self, commit: &Commit) -> Result<ListedManifest, Failure> {
        let schema = Arc::clone(&self.schemas[commit.schema_idx]);
        let codec = AvroCodec::default();
        let mut writer = ManifestWriter::new(&schema, &self.spec, commit.content, 2, codec)
            .map_err(|error| broken(&error))?;
        for entry in &commit.entries {
            debug_assert_eq!(entry.status, EntryStatus::Added);
            let entry = FileEntry {
                snapshot_id: Some(commit.number),
                ..entry.clone()
            };
            writer.push(&entry).map_err(|error| broken(&error))?;
        }
        let bytes = writer.finish().map_err(|error| broken(&error))?;
        let name = format!("metadata/{}-m0.avro", commit.number);
        self.put(&name, &bytes)?;
        Ok(ListedManifest::of_entries(
            self.path(&name),
            bytes.len(),
            commit.content,
            (&schema, &self.spec),
            (commit.number, commit.number),
            &commit.entries,
        ))
    }

    fn snapshot(
        &mut self,
        commit: &Commit,
        manifests: &[ListedManifest],
    ) -> Result<Snapshot, Failure> {
        let list = manifest_list(manifests, commit.number, 2, AvroCodec::default())
            .map_err(|error| broken(&error))?;
        let name = format!("metadata/snap-{}.avro", commit.number);
        self.put(&name, &list)?;
        Ok(Snapshot {
            id: commit.number,
            parent_id: Some(commit.number - 1).filter(|id| *id > 0),
            sequence_number: commit.number,
            timestamp_ms: commit.timestamp_ms,
            manifest_list: Some(self.path(&name)),
            manifests: Vec::new(),
            summary: BTreeMap::from([("operation".to_owned(), commit.operation.to_owned())]),
            schema_id: Some(self.schemas[commit.schema_idx].id()),
            first_row_id: None,
        })
    }

    fn metadata(&mut self, snapshots: Vec<Snapshot>) -> Result<(), Failure> {
        let last = snapshots.last();
        let table = TableDescription {
            format_version: 2,
            uuid: UUID.to_owned(),
            location: self.root.clone(),
            last_updated_ms: last.map_or(0, |snapshot| snapshot.timestamp_ms),
            schemas: self.schemas.to_vec(),
            current_schema_id: 1,
            specs: vec![self.spec.clone()],
            default_spec_id: 0,
            current_snapshot_id: last.map(|snapshot| snapshot.id),
            snapshots,
            refs: BTreeMap::new(),
            properties: BTreeMap::new(),
        };
        let json = metadata_json(&table).map_err(|error| broken(&error))?;
        self.put(METADATA, &json)
    }

    /// The full path of a file as metadata names it.
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    fn put_parquet(
        &mut self,
        name: &str,
        schema: &SchemaRef,
        columns: Vec<ArrayRef>,
    ) -> Result<i64, Failure> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let batch =
            RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| broken(&error))?;
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, Arc::clone(schema), Some(properties))
            .map_err(|error| broken(&error))?;
        writer.write(&batch).map_err(|error| broken(&error))?;
        writer.close().map_err(|error| broken(&error))?;
        self.put(name, &bytes)?;
        self.files += 1;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len() as i64)
    }

    /// Writes a file under its final name in one step.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let temporary = path.with_extension("part");
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&temporary, bytes))
            .and_then(|()| std::fs::rename(&temporary, &path));
        written.map_err(|error| Failure::io(&format!("cannot write {}", path.display()), &error))
    }
}

fn arrow_schema(schema: &Schema) -> Result<SchemaRef, Failure> {
    schema
        .to_arrow(StringLayout::Offsets)
        .map(Arc::new)
        .map_err(|error| broken(&error))
}

fn data_name(day: i32) -> String {
    format!("data/event_date={}/events.parquet", calendar(day))
}

/// `2026-01-15` of a day since the epoch.
fn calendar(day: i32) -> String {
    let date = arrow_array::temporal_conversions::date32_to_datetime(day);
    date.map_or_else(
        || day.to_string(),
        |date| date.format("%Y-%m-%d").to_string(),
    )
}

/// Counts for every column, and bounds where a filter is likely.
fn metrics(schema: &Schema, events: &events::Day, day: i32) -> Vec<ColumnStats> {
    let rows = events.rows as i64;
    let of_column = |field: &Arc<NestedField>| {
        let bounds = match field.id {
            1 => Some(events.ids),
            2 => Some((i64::from(day), i64::from(day))),
            3 => Some(events.times_us),
            _ => None,
        };
        ColumnStats {
            field_id: field.id,
            column_type: schema.primitive(field.id).cloned(),
            value_count: Some(rows),
            null_count: Some(if field.id == 7 {
                events.nulls_in_price
            } else {
                0
            }),
            lower: bounds.map(|(least, _)| Value::Int(least)),
            upper: bounds.map(|(_, greatest)| Value::Int(greatest)),
            ..ColumnStats::default()
        }
    };
    schema.fields().iter().map(of_column).collect()
}
