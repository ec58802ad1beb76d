//! How long it takes to plan a manifest of 10,000 entries with metrics of 12 columns.
//!
//! `cargo run --release -p fastdata-iceberg --example plan_bench`

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fastdata_iceberg::write::{
    AvroCodec, ColumnStats, FileEntry, ManifestWriter, TableDescription, metadata_json,
};
use fastdata_iceberg::{
    DeleteIndex, Limits, ManifestContent, ManifestFile, NestedField, PartitionField, PartitionSpec,
    PathResolver, Planner, PrimitiveType, Schema, SnapshotSelector, StringLayout, TableMetadata,
    Transform, Type, Value,
};
use fastdata_kernels::predicate::{Bound, ColumnName, CompareOp, Literal, Predicate, bind};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ENTRIES: i64 = 10_000;
const COLUMNS: i32 = 12;
const LOCATION: &str = "s3://warehouse/db/events";

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn main() -> Result<()> {
    let schema = Arc::new(schema()?);
    let spec = spec();
    let metadata = Arc::new(metadata(&schema, &spec)?);
    for codec in [
        AvroCodec::Null,
        AvroCodec::Deflate,
        AvroCodec::Snappy,
        AvroCodec::Zstandard,
    ] {
        let bytes = Bytes::from(manifest(&schema, &spec, codec)?);
        let everything = time(&metadata, &schema, Bound::Constant(true), &bytes)?;
        let compare = Predicate::Compare {
            column: ColumnName::top("c5"),
            op: CompareOp::Lt,
            literal: Literal::Number {
                unscaled: 100 * 1000,
                scale: 0,
            },
        };
        let filter = bind(&compare, &schema.to_arrow(StringLayout::View)?)?;
        let filtered = time(&metadata, &schema, filter, &bytes)?;
        println!(
            "{codec:?}: {} KiB; all {:.2} ms ({} splits), filtered {:.2} ms ({} splits)",
            bytes.len() >> 10,
            everything.0,
            everything.1,
            filtered.0,
            filtered.1,
        );
    }
    Ok(())
}

/// Median of 21 runs in milliseconds, and the number of splits.
fn time(
    metadata: &Arc<TableMetadata>,
    schema: &Arc<Schema>,
    predicate: Bound,
    bytes: &Bytes,
) -> Result<(f64, usize)> {
    let mut view = metadata.resolve(&SnapshotSelector::Current)?;
    view.schema = Arc::clone(schema);
    let paths = PathResolver::new(LOCATION, LOCATION);
    let planner = Planner::new(
        Arc::clone(metadata),
        view,
        predicate,
        paths,
        &Limits::default(),
    )?;
    let deletes: DeleteIndex = planner.index_deletes(Vec::new())?;
    let mut manifest = ManifestFile::unlisted(ManifestContent::Data);
    manifest.spec_id = Some(0);
    manifest.sequence_number = 1;
    let mut times = Vec::new();
    let mut splits = 0;
    for _ in 0..21 {
        let start = Instant::now();
        let plan = planner.read_data_manifest(&manifest, bytes.clone(), &deletes)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        splits = plan.splits.len();
        black_box(plan);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], splits))
}

fn schema() -> Result<Schema> {
    let fields = (1..=COLUMNS)
        .map(|id| {
            let of = match id % 4 {
                0 => PrimitiveType::String,
                1 => PrimitiveType::Long,
                2 => PrimitiveType::Double,
                _ => PrimitiveType::Timestamp,
            };
            Arc::new(NestedField {
                id,
                name: format!("c{id}"),
                required: false,
                field_type: Type::Primitive(of),
                initial_default: None,
                doc: None,
            })
        })
        .collect();
    Ok(Schema::new(0, fields)?)
}

fn spec() -> PartitionSpec {
    let field = PartitionField {
        source_id: 3,
        field_id: 1000,
        name: "day".into(),
        transform: Transform::Day,
    };
    PartitionSpec {
        id: 0,
        fields: vec![field],
    }
}

fn metadata(schema: &Arc<Schema>, spec: &PartitionSpec) -> Result<TableMetadata> {
    let json = metadata_json(&TableDescription {
        format_version: 2,
        uuid: "5f3a0c1e-0000-4000-8000-000000000000".into(),
        location: LOCATION.into(),
        last_updated_ms: 0,
        schemas: vec![Arc::clone(schema)],
        current_schema_id: 0,
        specs: vec![spec.clone()],
        default_spec_id: 0,
        snapshots: Vec::new(),
        current_snapshot_id: None,
        refs: Default::default(),
        properties: Default::default(),
    })?;
    Ok(TableMetadata::parse(&json, &Limits::default())?)
}

fn manifest(schema: &Arc<Schema>, spec: &PartitionSpec, codec: AvroCodec) -> Result<Vec<u8>> {
    let mut writer = ManifestWriter::new(schema, spec, ManifestContent::Data, 2, codec)?;
    // A multiplicative sequence: bounds of real files do not compress like counters do.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 20).cast_signed()
    };
    for file in 0..ENTRIES {
        let stats = schema
            .fields()
            .iter()
            .map(|field| {
                let of = field.field_type.as_primitive().cloned();
                let bound = |value: i64| match of {
                    Some(PrimitiveType::String) => Value::String(format!("value-{value:016x}")),
                    Some(PrimitiveType::Double) => Value::Double(value as f64),
                    _ => Value::Int(value),
                };
                let low = if field.id == 5 { file * 1000 } else { next() };
                ColumnStats {
                    field_id: field.id,
                    size_bytes: Some(next() & 0xf_ffff),
                    value_count: Some(1_000_000),
                    null_count: Some(next() & 0xff),
                    nan_count: Some(0),
                    lower: Some(bound(low)),
                    upper: Some(bound(low + 999)),
                    column_type: of.clone(),
                }
            })
            .collect();
        writer.push(&FileEntry {
            path: format!(
                "{LOCATION}/data/day={:05}/{:016x}-{file:05}.parquet",
                file / 100,
                next()
            ),
            partition: vec![Some(Value::Int(19_000 + file / 100))],
            record_count: 1_000_000,
            file_size_bytes: 100 << 20,
            stats,
            split_offsets: vec![4, 50 << 20],
            snapshot_id: Some(1),
            ..FileEntry::default()
        })?;
    }
    Ok(writer.finish()?)
}
