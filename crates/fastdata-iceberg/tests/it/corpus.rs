//! Tables that other programs wrote: each gives the number of live files that its bytes hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use fastdata_iceberg::{
    Limits, NameMapping, PrimitiveType, Schema, SnapshotSelector, Split, StringLayout,
    TableMetadata, Transform, Value, choose_metadata_file,
};
use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate};

use crate::plan::{Table, column, file, spec};
use crate::table::{Planned, plan_folder};

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/iceberg/duckdb-iceberg");
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    eprintln!("SKIPPED: there is no {}", folder.display());
    None
}

/// Folder, then live data files, position delete files (or vectors) and equality delete files.
const TABLES: [(&str, usize, usize, usize); 40] = [
    (
        "add_columns_with_defaults/default.db/add_columns_with_defaults",
        2,
        0,
        0,
    ),
    (
        "add_columns_with_defaults_in_struct/default.db/add_columns_with_defaults_in_struct",
        2,
        0,
        0,
    ),
    ("big_query_error", 1, 0, 0),
    (
        "case_sensitive_names/default.db/case_sensitive_names",
        1,
        0,
        0,
    ),
    ("column_mapping/warehouse/default.db/my_table", 1, 0, 0),
    ("custom_write_paths", 0, 0, 0),
    ("equality_delete_cross_partition/warehouse/ns/t", 2, 0, 1),
    ("equality_delete_extra_column/warehouse/ns/t", 1, 0, 0),
    ("equality_deletes/warehouse/mydb/mytable", 2, 0, 4),
    (
        "equality_deletes/warehouse/mydb/mytable_partitioned",
        6,
        0,
        3,
    ),
    ("expression_filter", 1, 0, 0),
    ("generated_bounds", 5000, 0, 0),
    ("hive_partitioned_table", 6, 0, 0),
    ("iceberg/lineitem_iceberg", 1, 0, 0),
    ("iceberg/lineitem_iceberg_gz", 1, 0, 0),
    ("iceberg/lineitem_iceberg_gz_no_hint", 1, 0, 0),
    ("iceberg/lineitem_iceberg_no_hint", 1, 0, 0),
    ("iceberg_v1_deprecated/default/legacy_v1", 2, 0, 0),
    ("iceberg_v1_repro/repro/merch_v1", 2, 0, 0),
    ("is_null_is_not_null", 3, 0, 0),
    (
        "legacy_bare_deletion_vector/warehouse/default/legacy_bare_deletion_vector",
        1,
        1,
        0,
    ),
    ("map_stats/default.db/map_stats", 2, 0, 0),
    ("name_mapping/warehouse_1/mydb/t1", 1, 0, 0),
    ("null_stats/default/test_nulls", 3, 0, 0),
    ("partition_bigint", 2, 0, 0),
    ("partition_binary", 2, 0, 0),
    ("partition_bool", 2, 0, 0),
    ("partition_decimal_bigint", 10, 0, 0),
    ("partition_decimal_hugeint", 15, 0, 0),
    ("partition_decimal_integer", 3, 0, 0),
    ("partition_decimal_smallint", 2, 0, 0),
    ("partition_double", 2, 0, 0),
    (
        "partition_fixed_length_binary/default.db/partition_fixed_length_binary",
        2,
        0,
        0,
    ),
    ("partition_float", 2, 0, 0),
    ("partition_integer", 2, 0, 0),
    ("partition_time/default.db/partition_time", 2, 0, 0),
    (
        "partition_timestamp/default.db/partition_timestamp",
        2,
        0,
        0,
    ),
    (
        "partition_timestamptz/default.db/partition_timestamptz",
        2,
        0,
        0,
    ),
    ("timestamptz_ns", 0, 0, 0),
    ("uuid", 2, 0, 0),
];

#[test]
fn every_table_has_the_live_files_that_it_should() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    for (table, data, positions, equality) in TABLES {
        match plan_folder(&corpus.join(table), None) {
            Ok(planned) => {
                let found = (
                    planned.splits.len(),
                    planned.position_deletes + planned.vectors,
                    planned.equality_deletes,
                );
                if found != (data, positions, equality) {
                    wrong.push(format!("{table}: {found:?}"));
                }
                check_splits(&corpus.join(table), table, &planned, &mut wrong);
            }
            Err(error) => wrong.push(format!("{table}: {error:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files of a table that was copied are found below the folder it is in now.
fn check_splits(folder: &Path, table: &str, planned: &Planned, wrong: &mut Vec<String>) {
    if table == "generated_bounds" {
        return;
    }
    for split in &planned.splits {
        if !Path::new(&split.path).is_file() {
            wrong.push(format!(
                "{table}: {} is not below {}",
                split.path,
                folder.display()
            ));
        }
    }
}

/// Every metadata file of the corpus, whichever program wrote it, has schemas that Arrow can say.
#[test]
fn every_metadata_file_is_read() {
    let Some(corpus) = corpus() else { return };
    let mut count = 0;
    for (table, ..) in TABLES {
        for entry in std::fs::read_dir(corpus.join(table).join("metadata")).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with(".metadata.json") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if path.ends_with("v0.metadata.json") {
                // BigQuery leaves a file that is no table's metadata.
                assert!(TableMetadata::parse(&bytes, &Limits::default()).is_err());
                continue;
            }
            count += 1;
            let metadata = TableMetadata::parse(&bytes, &Limits::default())
                .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
            for schema in metadata.schemas() {
                schema.to_arrow(StringLayout::View).unwrap();
            }
            NameMapping::of_table(&metadata, &Limits::default()).unwrap();
            metadata.resolve(&SnapshotSelector::Current).unwrap();
        }
    }
    assert!(count >= 70, "only {count} metadata files");
}

#[test]
fn a_file_that_is_no_metadata_is_an_error() {
    let Some(corpus) = corpus() else { return };
    for entry in std::fs::read_dir(corpus.join("bad_data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(TableMetadata::parse(&bytes, &Limits::default()).is_err());
    }
}

fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: ColumnName::top(column),
        op,
        literal,
    }
}

fn number(unscaled: i128) -> Literal {
    Literal::Number { unscaled, scale: 0 }
}

/// Five thousand files, of which the bounds of none admit a row.
#[test]
fn bounds_alone_prune_every_file() {
    let Some(corpus) = corpus() else { return };
    let between = Predicate::And(vec![
        compare("block_number", CompareOp::GtEq, number(5_000_000)),
        compare("block_number", CompareOp::LtEq, number(5_000_100)),
    ]);
    let planned = plan_folder(&corpus.join("generated_bounds"), Some(&between)).unwrap();
    assert_eq!(planned.splits.len(), 0);
}

#[test]
fn null_counts_prune() {
    let Some(corpus) = corpus() else { return };
    let is_null = |column: &str, negated| Predicate::IsNull {
        column: ColumnName::top(column),
        negated,
    };
    let folder = corpus.join("is_null_is_not_null");
    let all = plan_folder(&folder, None).unwrap();
    let columns = all
        .splits
        .iter()
        .map(|split| split.record_count)
        .sum::<u64>();
    assert_eq!(columns, 8);
    // Counts that are missing keep every file.
    let folder = corpus.join("null_stats/default/test_nulls");
    for negated in [false, true] {
        let planned = plan_folder(&folder, Some(&is_null("flag", negated))).unwrap();
        assert!(!planned.splits.is_empty());
    }
}

/// The file without the value is pruned by the bounds of a UUID.
#[test]
fn uuids_prune() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("uuid");
    let all = plan_folder(&folder, None).unwrap();
    assert_eq!(
        all.splits
            .iter()
            .map(|split| split.record_count)
            .sum::<u64>(),
        10
    );
    let metadata = newest(&folder);
    let name = metadata.current_schema().fields()[0].name.clone();
    let literal = Literal::String("00000000-0000-0000-0000-000000000000".into());
    let none = plan_folder(&folder, Some(&compare(&name, CompareOp::Eq, literal))).unwrap();
    assert_eq!(none.splits.len(), 0);
}

fn newest(folder: &Path) -> TableMetadata {
    let names: Vec<String> = std::fs::read_dir(folder.join("metadata"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let name = choose_metadata_file(&names, None).unwrap();
    let bytes = std::fs::read(folder.join("metadata").join(name)).unwrap();
    TableMetadata::parse(&bytes, &Limits::default()).unwrap()
}

/// The partition column of these tables is in no data file: the manifest has the only copy.
#[test]
fn identity_partitions_give_constants() {
    let Some(corpus) = corpus() else { return };
    for (table, ..) in TABLES
        .iter()
        .filter(|(table, ..)| table.starts_with("partition_"))
    {
        let folder = corpus.join(table);
        let schema = newest(&folder)
            .current_schema()
            .to_arrow(StringLayout::Offsets)
            .unwrap();
        let planned = plan_folder(&folder, None).unwrap();
        for split in &planned.splits {
            assert_eq!(split.constants.len(), 1, "{table}");
            let (id, constant) = &split.constants[0];
            let field = schema
                .fields()
                .iter()
                .find(|field| field.metadata()["PARQUET:field_id"] == id.to_string())
                .unwrap();
            assert_eq!(field.data_type(), constant.data_type(), "{table}");
            assert_eq!(constant.len(), 1);
            assert!(
                split.partition.contains('='),
                "{table}: {}",
                split.partition
            );
        }
    }
}

/// Deletes of one partition do not reach another, and the same values under another spec are
/// another partition.
#[test]
fn equality_deletes_stay_in_their_partition() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("equality_delete_cross_partition/warehouse/ns/t");
    let planned = plan_folder(&folder, None).unwrap();
    let with_deletes: Vec<_> = planned
        .splits
        .iter()
        .filter(|split| !split.equality_deletes.is_empty())
        .map(|split| split.partition.to_string())
        .collect();
    assert_eq!(with_deletes.len(), 1, "{with_deletes:?}");
}

/// Iceberg's Java library puts a length before partition values of type `fixed`, though the
/// manifest's schema has none. Other writers do as the schema says.
#[test]
fn fixed_partitions_are_read_as_java_and_as_others_write_them() {
    let fixed = |planned: &Planned| -> Vec<Option<Vec<u8>>> {
        let mut splits: Vec<_> = planned.splits.iter().collect();
        splits.sort_by_key(|split| split.recorded_path.clone());
        let constant = |split: &&Split| {
            let (_, array) = split.constants.iter().find(|(id, _)| *id == 4).unwrap();
            let array = array.as_fixed_size_binary();
            array.is_valid(0).then(|| array.value(0).to_vec())
        };
        splits.iter().map(constant).collect()
    };
    let values = [
        Some(vec![0, 1, 2]),
        Some(vec![0xff, 0xff, 0xff]),
        None,
        Some(vec![0x7f, 0, 0]),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tables/types_of_java");
    let planned = plan_folder(&folder, None).unwrap();
    assert_eq!(fixed(&planned), values);
    let first = compare(
        "u",
        CompareOp::Eq,
        Literal::String("f79c3e09-677c-4bbd-a479-3f349cb785e7".into()),
    );
    assert_eq!(plan_folder(&folder, Some(&first)).unwrap().splits.len(), 1);

    let mut table = Table::new(vec![spec(1, 4, Transform::Identity)]);
    let column = column(4, "fx", PrimitiveType::Fixed(3));
    table.schemas = vec![Arc::new(Schema::new(0, vec![column]).unwrap())];
    let entries = values.iter().enumerate().map(|(index, value)| {
        let value = value.clone().map(Value::Bytes);
        file(&format!("{index}.parquet"), value)
    });
    let table = table.data(1, 1, entries.collect());
    assert_eq!(fixed(&table.plan(None).unwrap()), values);
}
