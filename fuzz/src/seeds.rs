//! Small sound inputs to start from, made here so that every byte of them is ours.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use bytes::Bytes;
use fastdata_iceberg::write::{
    AvroCodec, ColumnStats, FileContent, FileEntry, ListedManifest, ManifestWriter, manifest_list,
    metadata_json,
};
use fastdata_iceberg::{ManifestContent, PrimitiveType, Value};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::table;

/// Small Parquet files with their names: encodings × codecs × page versions.
pub fn files() -> &'static [(String, Bytes)] {
    static FILES: OnceLock<Vec<(String, Bytes)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let codecs = [
            ("plain", Compression::UNCOMPRESSED),
            ("snappy", Compression::SNAPPY),
            ("zstd", Compression::ZSTD(ZstdLevel::default())),
            ("lz4", Compression::LZ4_RAW),
            ("gzip", Compression::GZIP(Default::default())),
        ];
        let versions = [
            ("v1", WriterVersion::PARQUET_1_0),
            ("v2", WriterVersion::PARQUET_2_0),
        ];
        let mut files = Vec::new();
        for (codec_name, codec) in codecs {
            for (version_name, version) in versions {
                for dictionary in [true, false] {
                    let name = format!(
                        "{codec_name}-{version_name}-{}",
                        if dictionary { "dictionary" } else { "values" }
                    );
                    files.push((name, parquet_file(codec, version, dictionary)));
                }
            }
        }
        files
    })
}

fn parquet_file(codec: Compression, version: WriterVersion, dictionary: bool) -> Bytes {
    let mut properties = WriterProperties::builder()
        .set_compression(codec)
        .set_writer_version(version)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(16)
        .set_write_batch_size(8);
    if !dictionary && version == WriterVersion::PARQUET_2_0 {
        properties = properties
            .set_column_encoding("double".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding("text".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    let batch = batch();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build()))
        .expect("the schema is sound");
    writer.write(&batch).expect("memory takes every byte");
    writer.close().expect("memory takes every byte");
    Bytes::from(bytes)
}

fn batch() -> RecordBatch {
    let rows = 40;
    let present = |row: i64| row % 5 != 3;
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..rows {
        for item in 0..row % 4 {
            lists
                .values()
                .append_option(present(item).then_some(item as i32));
        }
        lists.append(row % 7 != 0);
    }
    let columns: [(&str, ArrayRef); 7] = [
        (
            "long",
            Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row * row))),
        ),
        (
            "double",
            Arc::new(Float64Array::from_iter(
                (0..rows).map(|row| present(row).then_some(row as f64 / 3.0)),
            )),
        ),
        (
            "text",
            Arc::new(StringArray::from_iter(
                (0..rows).map(|row| present(row).then(|| "ab".repeat(row as usize % 9))),
            )),
        ),
        (
            "flag",
            Arc::new(BooleanArray::from_iter(
                (0..rows).map(|row| Some(row % 3 == 0)),
            )),
        ),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from_iter_values(
                (0..rows).map(|row| row << 33),
            )),
        ),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from_iter_values((0..rows).map(i128::from))
                    .with_precision_and_scale(20, 2)
                    .expect("it fits"),
            ),
        ),
        ("list", Arc::new(lists.finish())),
    ];
    RecordBatch::try_from_iter(columns).expect("the columns are of one length")
}

fn entries(content: FileContent) -> Vec<FileEntry> {
    let stats = |field_id, column_type: PrimitiveType, lower, upper| ColumnStats {
        field_id,
        column_type: Some(column_type),
        size_bytes: Some(100),
        value_count: Some(10),
        null_count: Some(1),
        nan_count: Some(0),
        lower: Some(lower),
        upper: Some(upper),
    };
    let entry = |number: i64| FileEntry {
        snapshot_id: Some(1),
        sequence_number: Some(1),
        content,
        path: format!("t/data/{number}.parquet"),
        partition: vec![
            Some(Value::Int(number)),
            Some(Value::String("abcd".to_owned())),
            None,
            Some(Value::Int(7)),
        ],
        record_count: 10,
        file_size_bytes: 1000,
        stats: vec![
            stats(1, PrimitiveType::Long, Value::Int(-5), Value::Int(900)),
            stats(
                2,
                PrimitiveType::String,
                Value::String("a".into()),
                Value::String("z".into()),
            ),
            stats(
                3,
                PrimitiveType::Date,
                Value::Int(20_000),
                Value::Int(20_500),
            ),
            stats(
                5,
                PrimitiveType::Double,
                Value::Double(-1.0),
                Value::Double(2.0),
            ),
        ],
        equality_ids: if content == FileContent::EqualityDeletes {
            vec![1]
        } else {
            Vec::new()
        },
        split_offsets: vec![4],
        ..FileEntry::default()
    };
    (0..3).map(entry).collect()
}

fn manifest(content: FileContent, codec: AvroCodec) -> Vec<u8> {
    let of = match content {
        FileContent::Data => ManifestContent::Data,
        _ => ManifestContent::Deletes,
    };
    let mut writer = ManifestWriter::new(&table::schema(), &table::spec(), of, 2, codec)
        .expect("the table is sound");
    for entry in entries(content) {
        writer.push(&entry).expect("the entry fits the table");
    }
    writer.finish().expect("memory takes every byte")
}

fn list() -> Vec<u8> {
    let (schema, spec) = (table::schema(), table::spec());
    let listed = |path: &str, content, entries: &[FileEntry]| {
        ListedManifest::of_entries(
            path.to_owned(),
            1000,
            content,
            (&schema, &spec),
            (1, 1),
            entries,
        )
    };
    let manifests = [
        listed(
            "t/a.avro",
            ManifestContent::Data,
            &entries(FileContent::Data),
        ),
        listed(
            "t/b.avro",
            ManifestContent::Deletes,
            &entries(FileContent::PositionDeletes),
        ),
    ];
    manifest_list(&manifests, 1, 2, AvroCodec::Null).expect("the manifests are sound")
}

const FILTERS: [&str; 6] = [
    "c1 = 5 and not (c2 like 'a%\\_b' or c2 is null)",
    "c3 between date '2026-01-01' and '2026-02-01'",
    "c4 >= timestamp '2026-01-01 00:00:00+02:00'",
    "\"c5\" in (1, 2.5, -3e7) or `c6` <> 12.25",
    "c7 = true and c8 = x'00ff' and c9 < 9223372036854775807",
    "((((c1))) > 1) and c1 is not null",
];

/// Every seed as target, name and bytes.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (number, (name, bytes)) in files().iter().enumerate() {
        seeds.push(("footer", name.clone(), bytes.to_vec()));
        let mut page = vec![number as u8];
        page.extend_from_slice(&bytes[4..]);
        seeds.push(("page", name.clone(), page));
    }
    let codecs = [
        ("null", AvroCodec::Null),
        ("deflate", AvroCodec::Deflate),
        ("zstandard", AvroCodec::Zstandard),
    ];
    for (name, codec) in codecs {
        seeds.push((
            "manifest",
            format!("data-{name}"),
            manifest(FileContent::Data, codec),
        ));
    }
    let plain = AvroCodec::Null;
    seeds.push((
        "manifest",
        "positions".into(),
        manifest(FileContent::PositionDeletes, plain),
    ));
    seeds.push((
        "manifest",
        "equality".into(),
        manifest(FileContent::EqualityDeletes, plain),
    ));
    seeds.push(("manifest_list", "list".into(), list()));
    let json = metadata_json(&table::description()).expect("the description is sound");
    seeds.push(("metadata", "table".into(), json));
    seeds.extend(crate::blob::seeds());
    seeds.extend(crate::pickle::seeds());
    for (number, filter) in FILTERS.iter().enumerate() {
        seeds.push((
            "predicate",
            format!("filter-{number}"),
            filter.as_bytes().to_vec(),
        ));
    }
    seeds
}

/// Writes every seed to `folder/<target>/<name>` and returns how many there are.
pub fn write(folder: &Path) -> std::io::Result<usize> {
    let seeds = seeds();
    for (target, name, bytes) in &seeds {
        let target = folder.join(target);
        std::fs::create_dir_all(&target)?;
        std::fs::write(target.join(name), bytes)?;
    }
    Ok(seeds.len())
}

/// Writes the seeds of every target below the folder that `FASTDATA_FUZZ_SEEDS` names. A program of
/// its own could not: the counters in our code need libFuzzer around them.
pub(crate) fn write_when_asked() {
    if let Some(folder) = std::env::var_os("FASTDATA_FUZZ_SEEDS") {
        let written = write(Path::new(&folder));
        assert!(written.is_ok(), "the seeds cannot be written: {written:?}");
    }
}
