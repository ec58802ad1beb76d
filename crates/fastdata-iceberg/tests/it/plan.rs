//! A table that we write, kept in memory, for tests to shape.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fastdata_iceberg::write::{
    AvroCodec, EntryStatus, FileContent, FileEntry, ListedManifest, ManifestWriter,
    TableDescription, manifest_list, metadata_json,
};
use fastdata_iceberg::{
    FileFormat, ManifestContent, NestedField, PartitionField, PartitionSpec, PrimitiveType, Result,
    Schema, Snapshot, SnapshotRef, SnapshotSelector, Transform, Type, Value,
};
use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate};

use crate::table::{Planned, plan_memory};

pub(crate) const LOCATION: &str = "/wh/t";

pub(crate) fn column(id: i32, name: &str, of: PrimitiveType) -> Arc<NestedField> {
    Arc::new(NestedField {
        id,
        name: name.into(),
        required: false,
        field_type: Type::Primitive(of),
        initial_default: None,
        doc: None,
    })
}

pub(crate) fn spec(id: i32, source_id: i32, transform: Transform) -> PartitionSpec {
    let field_id = 1000 + id;
    let field = PartitionField {
        source_id,
        field_id,
        name: format!("p{id}"),
        transform,
    };
    PartitionSpec {
        id,
        fields: vec![field],
    }
}

/// One manifest to be written: its spec, sequence number and entries.
#[derive(Clone)]
pub(crate) struct Manifest {
    pub(crate) spec_id: i32,
    pub(crate) content: ManifestContent,
    pub(crate) sequence_number: i64,
    pub(crate) entries: Vec<FileEntry>,
}

/// A table in the making.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) format_version: u8,
    pub(crate) schemas: Vec<Arc<Schema>>,
    pub(crate) specs: Vec<PartitionSpec>,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) refs: BTreeMap<String, SnapshotRef>,
    pub(crate) codec: AvroCodec,
}

impl Table {
    /// Columns `id` (long), `name` (string), `at` (timestamp), `x` (double), and an
    /// unpartitioned spec 0.
    pub(crate) fn new(specs: Vec<PartitionSpec>) -> Self {
        let schema = Schema::new(
            0,
            vec![
                column(1, "id", PrimitiveType::Long),
                column(2, "name", PrimitiveType::String),
                column(3, "at", PrimitiveType::Timestamp),
                column(4, "x", PrimitiveType::Double),
            ],
        )
        .unwrap();
        let unpartitioned = PartitionSpec {
            id: 0,
            fields: Vec::new(),
        };
        Self {
            format_version: 3,
            schemas: vec![Arc::new(schema)],
            specs: [vec![unpartitioned], specs].concat(),
            manifests: Vec::new(),
            refs: BTreeMap::new(),
            codec: AvroCodec::Deflate,
        }
    }

    pub(crate) fn data(
        mut self,
        spec_id: i32,
        sequence_number: i64,
        entries: Vec<FileEntry>,
    ) -> Self {
        let content = ManifestContent::Data;
        self.manifests.push(Manifest {
            spec_id,
            content,
            sequence_number,
            entries,
        });
        self
    }

    pub(crate) fn deletes(
        mut self,
        spec_id: i32,
        sequence_number: i64,
        entries: Vec<FileEntry>,
    ) -> Self {
        let content = ManifestContent::Deletes;
        self.manifests.push(Manifest {
            spec_id,
            content,
            sequence_number,
            entries,
        });
        self
    }

    /// The metadata file, and the other files by path.
    pub(crate) fn write(&self) -> (Vec<u8>, HashMap<String, Vec<u8>>) {
        let mut files = HashMap::new();
        let mut listed = Vec::new();
        let schema = self.schemas.last().unwrap();
        for (index, manifest) in self.manifests.iter().enumerate() {
            let spec = self
                .specs
                .iter()
                .find(|spec| spec.id == manifest.spec_id)
                .unwrap();
            let mut writer = ManifestWriter::new(
                schema,
                spec,
                manifest.content,
                self.format_version,
                self.codec,
            )
            .unwrap();
            manifest
                .entries
                .iter()
                .for_each(|entry| writer.push(entry).unwrap());
            let bytes = writer.finish().unwrap();
            let path = format!("{LOCATION}/metadata/m{index}.avro");
            listed.push(ListedManifest::of_entries(
                path.clone(),
                bytes.len(),
                manifest.content,
                (schema, spec),
                (7, manifest.sequence_number),
                &manifest.entries,
            ));
            files.insert(path, bytes);
        }
        if self.format_version > 2 {
            listed
                .iter_mut()
                .for_each(|manifest| manifest.first_row_id = Some(1000));
        }
        let list = format!("{LOCATION}/metadata/snap-7.avro");
        files.insert(
            list.clone(),
            manifest_list(&listed, 7, self.format_version, self.codec).unwrap(),
        );
        let snapshot = Snapshot {
            id: 7,
            parent_id: None,
            sequence_number: 9,
            timestamp_ms: 1000,
            manifest_list: Some(list),
            manifests: Vec::new(),
            summary: BTreeMap::new(),
            schema_id: Some(0),
            first_row_id: None,
        };
        let metadata = metadata_json(&TableDescription {
            format_version: self.format_version,
            uuid: "5f3a0c1e-0000-4000-8000-000000000000".into(),
            location: LOCATION.into(),
            last_updated_ms: 1000,
            schemas: self.schemas.clone(),
            current_schema_id: schema.id(),
            specs: self.specs.clone(),
            default_spec_id: self.specs.last().unwrap().id,
            snapshots: vec![snapshot],
            current_snapshot_id: Some(7),
            refs: self.refs.clone(),
            properties: BTreeMap::new(),
        })
        .unwrap();
        (metadata, files)
    }

    pub(crate) fn plan(&self, predicate: Option<&Predicate>) -> Result<Planned> {
        let (metadata, files) = self.write();
        plan_memory(
            &metadata,
            &files,
            LOCATION,
            &SnapshotSelector::Current,
            predicate,
        )
    }
}

/// An added data file of 10 rows.
pub(crate) fn file(name: &str, partition: Option<Value>) -> FileEntry {
    FileEntry {
        path: format!("{LOCATION}/data/{name}"),
        partition: vec![partition],
        record_count: 10,
        file_size_bytes: 1000,
        ..FileEntry::default()
    }
}

pub(crate) fn equality_delete(name: &str, partition: Option<Value>) -> FileEntry {
    let content = FileContent::EqualityDeletes;
    FileEntry {
        content,
        equality_ids: vec![1],
        ..file(name, partition)
    }
}

pub(crate) fn position_delete(name: &str, partition: Option<Value>) -> FileEntry {
    FileEntry {
        content: FileContent::PositionDeletes,
        ..file(name, partition)
    }
}

pub(crate) fn vector(target: &str, partition: Option<Value>) -> FileEntry {
    FileEntry {
        format: FileFormat::Puffin,
        referenced_data_file: Some(target.into()),
        content_range: Some((4, 44)),
        ..position_delete("v.puffin", partition)
    }
}

pub(crate) fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: ColumnName::top(column),
        op,
        literal,
    }
}

pub(crate) fn number(unscaled: i128) -> Literal {
    Literal::Number { unscaled, scale: 0 }
}

#[test]
fn entries_come_back_as_they_were_written() {
    for codec in [
        AvroCodec::Null,
        AvroCodec::Deflate,
        AvroCodec::Snappy,
        AvroCodec::Zstandard,
    ] {
        for format_version in [1, 2, 3] {
            let entries: Vec<_> = (0..500)
                .map(|index| FileEntry {
                    split_offsets: vec![4, 400],
                    status: if index % 5 == 0 {
                        EntryStatus::Deleted
                    } else {
                        EntryStatus::Added
                    },
                    ..file(&format!("{index:03}.parquet"), Some(Value::Int(index)))
                })
                .collect();
            let mut table = Table::new(vec![spec(1, 1, Transform::Identity)]).data(1, 5, entries);
            (table.codec, table.format_version) = (codec, format_version);
            let planned = table.plan(None).unwrap();
            assert_eq!(planned.splits.len(), 400);
            let split = &planned.splits[0];
            assert_eq!(split.path, "/wh/t/data/001.parquet");
            assert_eq!((split.record_count, split.file_size_bytes), (10, 1000));
            assert_eq!(split.split_offsets, [4, 400]);
            assert_eq!(
                split.data_sequence_number,
                if format_version == 1 { 0 } else { 5 }
            );
            assert_eq!(split.partition.as_ref(), "p1=1");
        }
    }
}
