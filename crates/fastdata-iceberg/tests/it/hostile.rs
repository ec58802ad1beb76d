//! Damaged files: an error or data, never a panic and never more memory than their size warrants.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use fastdata_iceberg::write::{AvroCodec, AvroFile, FileEntry, put_varint};
use fastdata_iceberg::{
    DeleteIndex, Limits, ManifestSource, PathResolver, Planner, SnapshotSelector, TableMetadata,
    Transform, Value,
};
use fastdata_kernels::predicate::Bound;

use crate::plan::{LOCATION, Table, equality_delete, file, spec};

fn small_table(codec: AvroCodec) -> (Vec<u8>, HashMap<String, Vec<u8>>) {
    let mut table = Table::new(vec![spec(1, 1, Transform::Identity)])
        .data(
            1,
            1,
            vec![
                file("a", Some(Value::Int(1))),
                FileEntry {
                    split_offsets: vec![4],
                    ..file("b", None)
                },
            ],
        )
        .deletes(1, 2, vec![equality_delete("e", None)]);
    table.codec = codec;
    table.write()
}

fn planner(metadata: &[u8]) -> Planner {
    let limits = Limits {
        metadata_bytes: 1 << 20,
        manifest_bytes: 1 << 20,
        nesting: 50,
    };
    let metadata = TableMetadata::parse(metadata, &limits).unwrap();
    let view = metadata.resolve(&SnapshotSelector::Current).unwrap();
    let paths = PathResolver::new(LOCATION, LOCATION);
    Planner::new(
        Arc::new(metadata),
        view,
        Bound::Constant(true),
        paths,
        &limits,
    )
    .unwrap()
}

/// Every prefix, and every bit flipped by itself; with a `stride`, one in so many.
fn damaged(bytes: &[u8], stride: usize) -> impl Iterator<Item = Vec<u8>> {
    let prefixes = (0..bytes.len())
        .step_by(stride)
        .map(|length| bytes[..length].to_vec());
    let flips = (0..bytes.len() * 8).step_by(stride).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    });
    prefixes.chain(flips)
}

#[test]
fn damaged_manifests_and_lists() {
    for codec in [
        AvroCodec::Null,
        AvroCodec::Deflate,
        AvroCodec::Snappy,
        AvroCodec::Zstandard,
    ] {
        let (metadata, files) = small_table(codec);
        // The header is the same for all codecs: one of them is tried in full.
        let stride = if codec == AvroCodec::Deflate { 1 } else { 7 };
        let planner = planner(&metadata);
        let ManifestSource::List(list) = planner.manifest_list() else {
            panic!("no list")
        };
        let manifests = planner
            .read_manifest_list(Bytes::from(files[&list].clone()))
            .unwrap();
        for bytes in damaged(&files[&list], stride) {
            let _ = planner.read_manifest_list(Bytes::from(bytes));
        }
        let none = DeleteIndex::default();
        for bytes in damaged(&files[&manifests.data[0].path], stride) {
            let _ = planner.read_data_manifest(&manifests.data[0], Bytes::from(bytes), &none);
        }
        for bytes in damaged(&files[&manifests.deletes[0].path], stride) {
            let _ = planner.read_delete_manifest(&manifests.deletes[0], Bytes::from(bytes));
        }
    }
}

#[test]
fn damaged_metadata() {
    let (metadata, _) = small_table(AvroCodec::Null);
    for bytes in damaged(&metadata, 1) {
        if let Ok(metadata) = TableMetadata::parse(&bytes, &Limits::default()) {
            let _ = metadata.resolve(&SnapshotSelector::Current);
            let _ = metadata
                .current_schema()
                .to_arrow(fastdata_iceberg::StringLayout::View);
        }
    }
}

/// A short text can describe a record of 2^40 fields, and a short block claim as many values.
#[test]
fn claims_cost_nothing() {
    let (metadata, _) = small_table(AvroCodec::Null);
    let planner = planner(&metadata);
    let mut schema = r#"{"type":"record","name":"r0","fields":[]}"#.to_owned();
    for level in 1..25 {
        schema = format!(
            r#"{{"type":"record","name":"r{level}","fields":[{{"name":"a","type":{schema}}},
            {{"name":"b","type":"r{}"}}]}}"#,
            level - 1
        );
    }
    let bomb = AvroFile::new(&schema, AvroCodec::Null, &[]).finish();
    assert!(planner.read_manifest_list(Bytes::from(bomb)).is_err());
    let deep = format!("{}\"int\"{}", "[".repeat(100), "]".repeat(100));
    let deep = AvroFile::new(&deep, AvroCodec::Null, &[]).finish();
    assert!(planner.read_manifest_list(Bytes::from(deep)).is_err());

    let schema = r#"{"type":"record","name":"m","fields":[
        {"name":"manifest_path","type":"string","field-id":500},
        {"name":"x","type":{"type":"array","items":"null"}}]}"#;
    let mut file = AvroFile::new(schema, AvroCodec::Null, &[]);
    let mut block = Vec::new();
    put_varint(&mut block, i64::MAX);
    file.push_block(1 << 40, &block).unwrap();
    assert!(
        planner
            .read_manifest_list(Bytes::from(file.finish()))
            .is_err()
    );

    let zeros = vec![0; 8 << 20];
    let mut file = AvroFile::new(schema, AvroCodec::Deflate, &[]);
    file.push_block(1 << 19, &zeros).unwrap();
    let error = planner
        .read_manifest_list(Bytes::from(file.finish()))
        .unwrap_err();
    assert_eq!(error.kind(), fastdata_iceberg::ErrorKind::LimitExceeded);
}
