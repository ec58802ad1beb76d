//! The table that manifests are read for: a column and a partition field of most kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastdata_iceberg::write::{TableDescription, metadata_json};
use fastdata_iceberg::{
    Limits, NestedField, PartitionField, PartitionSpec, PathResolver, Planner, PrimitiveType,
    Schema, SnapshotSelector, StringLayout, TableMetadata, Transform, Type,
};

/// Columns `c1`, `c2`, … of these types.
const TYPES: [PrimitiveType; 9] = [
    PrimitiveType::Long,
    PrimitiveType::String,
    PrimitiveType::Date,
    PrimitiveType::TimestampTz,
    PrimitiveType::Double,
    PrimitiveType::Decimal {
        precision: 12,
        scale: 2,
    },
    PrimitiveType::Boolean,
    PrimitiveType::Binary,
    PrimitiveType::Int,
];

/// A filter that asks for the metrics of many columns.
const FILTER: &str = "c1 > 5 and c2 like 'a%' and c3 >= date '2026-01-01' and c5 < 1.5 and \
    c6 <> 3.25 and c9 in (1, 2) or c7 is null";

pub(crate) fn schema() -> Arc<Schema> {
    let fields = TYPES.iter().zip(1..).map(|(of, id)| {
        Arc::new(NestedField {
            id,
            name: format!("c{id}"),
            required: false,
            field_type: Type::Primitive(of.clone()),
            initial_default: None,
            doc: None,
        })
    });
    Arc::new(Schema::new(0, fields.collect()).expect("the schema is sound"))
}

pub(crate) fn spec() -> PartitionSpec {
    let transforms = [
        (9, Transform::Identity),
        (2, Transform::Truncate(4)),
        (3, Transform::Month),
        (1, Transform::Bucket(16)),
    ];
    let fields = transforms
        .into_iter()
        .zip(1000..)
        .map(|((source_id, transform), field_id)| PartitionField {
            source_id,
            field_id,
            name: format!("p{field_id}"),
            transform,
        });
    PartitionSpec {
        id: 0,
        fields: fields.collect(),
    }
}

pub(crate) fn description() -> TableDescription {
    TableDescription {
        format_version: 2,
        uuid: "00000000-0000-0000-0000-000000000000".to_owned(),
        location: "t".to_owned(),
        last_updated_ms: 0,
        schemas: vec![schema()],
        current_schema_id: 0,
        specs: vec![spec()],
        default_spec_id: 0,
        snapshots: Vec::new(),
        current_snapshot_id: None,
        refs: BTreeMap::new(),
        properties: BTreeMap::new(),
    }
}

pub(crate) fn arrow_schema() -> arrow_schema::Schema {
    schema()
        .to_arrow(StringLayout::View)
        .expect("every type has an Arrow type")
}

pub(crate) fn planner() -> Planner {
    let limits = Limits::default();
    let json = metadata_json(&description()).expect("the description is sound");
    let metadata = Arc::new(TableMetadata::parse(&json, &limits).expect("we wrote it"));
    let view = metadata
        .resolve(&SnapshotSelector::Current)
        .expect("an empty table has a view");
    let filter = fastdata_scan::parse_filter(FILTER).expect("the filter is sound");
    let bound = fastdata_kernels::predicate::bind(&filter, &arrow_schema()).expect("it fits");
    Planner::new(metadata, view, bound, PathResolver::new("t", "t"), &limits).expect("it plans")
}
