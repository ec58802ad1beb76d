//! Properties of real tables that readers get wrong, one test each.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use fastdata_iceberg::write::{ColumnStats, EntryStatus, FileEntry};
use fastdata_iceberg::{
    ErrorKind, FileFormat, PartitionField, PartitionSpec, PrimitiveType, Schema, SkipReason,
    Transform, Value,
};
use fastdata_kernels::predicate::{Bound, ColumnName, CompareOp, Literal, Predicate};

use crate::plan::{
    Table, column, compare, equality_delete, file, number, position_delete, spec, vector,
};
use crate::table::Planned;

fn partitioned() -> Table {
    Table::new(vec![
        spec(1, 1, Transform::Identity),
        spec(2, 1, Transform::Identity),
    ])
}

fn int(value: i64) -> Option<Value> {
    Some(Value::Int(value))
}

/// Per file: how many position and equality deletes, and whether there is a vector.
fn deletes(planned: &Planned) -> Vec<(usize, usize, bool)> {
    let mut splits: Vec<_> = planned.splits.iter().collect();
    splits.sort_by_key(|split| split.recorded_path.clone());
    splits
        .iter()
        .map(|split| {
            let vector = split.deletion_vector.is_some();
            (
                split.position_deletes.len(),
                split.equality_deletes.len(),
                vector,
            )
        })
        .collect()
}

#[test]
fn equality_deletes_need_a_smaller_sequence_number_and_position_deletes_do_not() {
    let table = Table::new(vec![])
        .data(0, 4, vec![file("a.parquet", None)])
        .data(0, 5, vec![file("b.parquet", None)])
        .data(0, 6, vec![file("c.parquet", None)])
        .deletes(
            0,
            5,
            vec![
                position_delete("p.parquet", None),
                equality_delete("e.parquet", None),
            ],
        );
    assert_eq!(
        deletes(&table.plan(None).unwrap()),
        [(1, 1, false), (1, 0, false), (0, 0, false)]
    );
}

#[test]
fn sequence_numbers_are_inherited_by_added_files_only() {
    let existing = FileEntry {
        status: EntryStatus::Existing,
        ..file("a.parquet", None)
    };
    let own = FileEntry {
        sequence_number: Some(2),
        ..existing.clone()
    };
    let planned = Table::new(vec![]).data(0, 5, vec![own]).plan(None).unwrap();
    assert_eq!(planned.splits[0].data_sequence_number, 2);
    let error = Table::new(vec![])
        .data(0, 5, vec![existing.clone()])
        .plan(None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // What an upgrade from version 1 leaves behind.
    let planned = Table::new(vec![])
        .data(0, 0, vec![existing])
        .plan(None)
        .unwrap();
    assert_eq!(planned.splits[0].data_sequence_number, 0);
}

#[test]
fn deletes_apply_within_spec_and_values() {
    let table = partitioned()
        .data(
            1,
            1,
            vec![file("a.parquet", int(1)), file("b.parquet", int(2))],
        )
        .data(2, 1, vec![file("c.parquet", int(1))])
        .deletes(
            1,
            2,
            vec![equality_delete("e", int(1)), position_delete("p", int(1))],
        );
    assert_eq!(
        deletes(&table.plan(None).unwrap()),
        [(1, 1, false), (0, 0, false), (0, 0, false)]
    );
}

#[test]
fn only_equality_deletes_of_an_unpartitioned_spec_are_global() {
    let table = partitioned()
        .data(
            1,
            1,
            vec![file("a.parquet", int(1)), file("n.parquet", None)],
        )
        .deletes(
            0,
            2,
            vec![equality_delete("e", None), position_delete("p", None)],
        )
        // The null partition is a partition like any other.
        .deletes(1, 2, vec![equality_delete("n", None)]);
    assert_eq!(
        deletes(&table.plan(None).unwrap()),
        [(0, 1, false), (0, 2, false)]
    );
    // A spec of which all fields were dropped.
    let table = Table::new(vec![
        spec(1, 1, Transform::Identity),
        spec(2, 1, Transform::Void),
    ])
    .data(1, 1, vec![file("a.parquet", int(1))])
    .deletes(2, 2, vec![equality_delete("e", None)]);
    assert_eq!(deletes(&table.plan(None).unwrap()), [(0, 1, false)]);
}

#[test]
fn a_delete_that_names_a_file_of_another_partition_is_an_error() {
    let target = Some("/wh/t/data/a.parquet".to_owned());
    let named = FileEntry {
        referenced_data_file: target,
        ..position_delete("p", int(2))
    };
    let table = partitioned()
        .data(1, 1, vec![file("a.parquet", int(1))])
        .deletes(1, 2, vec![named]);
    assert_eq!(table.plan(None).unwrap_err().kind(), ErrorKind::Corrupt);
    let table = partitioned()
        .data(1, 1, vec![file("a.parquet", int(1))])
        .deletes(1, 2, vec![vector("/wh/t/data/a.parquet", int(2))]);
    assert_eq!(table.plan(None).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn names_in_deletes_match_across_spellings_and_must_not_miss() {
    let plan = |target: &str| {
        Table::new(vec![])
            .data(0, 1, vec![file("d/a.parquet", None)])
            .deletes(0, 2, vec![vector(target, None)])
            .plan(None)
    };
    for spelled in [
        "/wh/t/data/d/a.parquet",
        "file:/wh/t/data/d/a.parquet",
        "hdfs://n:1/wh/t/data/d/a.parquet",
    ] {
        assert_eq!(
            deletes(&plan(spelled).unwrap()),
            [(0, 0, true)],
            "{spelled}"
        );
    }
    // The same file, no doubt, but spelled in a way that nothing here explains.
    let error = plan("/mnt/other/t/data/d/a.parquet").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    // A file that a rewrite removed: what is left of its deletes does no harm.
    assert_eq!(
        deletes(&plan("/wh/t/data/d/gone.parquet").unwrap()),
        [(0, 0, false)]
    );
}

fn path_bounds(lower: &str, upper: &str) -> FileEntry {
    let stats = ColumnStats {
        field_id: 2_147_483_546,
        column_type: Some(PrimitiveType::String),
        lower: Some(Value::String(lower.into())),
        upper: Some(Value::String(upper.into())),
        ..ColumnStats::default()
    };
    FileEntry {
        stats: vec![stats],
        ..position_delete("p.parquet", None)
    }
}

#[test]
fn equal_path_bounds_mean_one_file_only_when_whole() {
    let plan = |lower: &str, upper: &str| {
        let table = Table::new(vec![])
            .data(
                0,
                1,
                vec![
                    file("a-1.parquet", None),
                    file("a-2.parquet", None),
                    file("b.parquet", None),
                ],
            )
            .deletes(0, 2, vec![path_bounds(lower, upper)]);
        deletes(&table.plan(None).unwrap())
            .iter()
            .map(|found| found.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        plan("/wh/t/data/a-1.parquet", "/wh/t/data/a-1.parquet"),
        [1, 0, 0]
    );
    assert_eq!(plan("/wh/t/data/a-", "/wh/t/data/a-"), [1, 1, 0]);
    assert_eq!(plan("/wh/t/data/a-2", "/wh/t/data/a-3"), [0, 1, 0]);
    // Spelled otherwise, the bounds say nothing.
    assert_eq!(plan("s3://w/t/data/x", "s3://w/t/data/y"), [1, 1, 1]);
}

#[test]
fn a_vector_hides_older_position_deletes_and_has_no_rival() {
    let target = "/wh/t/data/a.parquet";
    let named = FileEntry {
        referenced_data_file: Some(target.into()),
        ..position_delete("p", None)
    };
    let table = Table::new(vec![])
        .data(0, 1, vec![file("a.parquet", None)])
        .deletes(
            0,
            2,
            vec![
                position_delete("q", None),
                named,
                equality_delete("e", None),
            ],
        )
        .deletes(0, 3, vec![vector(target, None)]);
    let planned = table.plan(None).unwrap();
    assert_eq!(deletes(&planned), [(0, 1, true)]);
    let found = planned.splits[0].deletion_vector.as_ref().unwrap();
    assert_eq!(
        (found.content_offset, found.content_size_bytes),
        (Some(4), Some(44))
    );
    let two = table.deletes(0, 4, vec![vector(target, None)]);
    assert_eq!(two.plan(None).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_data_file_that_is_live_twice_is_an_error() {
    let table = Table::new(vec![])
        .data(0, 1, vec![file("a.parquet", None)])
        .data(0, 2, vec![file("a.parquet", None)]);
    assert_eq!(table.plan(None).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn other_formats_are_refused_by_name() {
    let orc = FileEntry {
        format: FileFormat::Orc,
        ..file("a.orc", int(1))
    };
    let table = partitioned().data(1, 1, vec![orc, file("b.parquet", int(2))]);
    let error = table.plan(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("a.orc"), "{error}");
    // Not when nobody reads that file.
    let planned = table
        .plan(Some(&compare("id", CompareOp::Eq, number(2))))
        .unwrap();
    assert_eq!(planned.names(), ["b.parquet"]);
}

#[test]
fn a_filter_that_the_partition_settles_is_not_evaluated_again() {
    let table = partitioned()
        .data(
            1,
            1,
            vec![
                file("a.parquet", int(1)),
                file("b.parquet", int(2)),
                file("n.parquet", None),
            ],
        )
        .data(0, 1, vec![file("u.parquet", None)]);
    let planned = table
        .plan(Some(&compare("id", CompareOp::Eq, number(2))))
        .unwrap();
    assert_eq!(planned.names(), ["b.parquet", "u.parquet"]);
    let settled: Vec<_> = planned
        .splits
        .iter()
        .map(|split| split.residual == Bound::Constant(true))
        .collect();
    assert_eq!(
        settled,
        [true, false],
        "files of another spec are still filtered"
    );
    assert_eq!(planned.skipped_by(SkipReason::Partition), 2);
    let is_null = Predicate::IsNull {
        column: ColumnName::top("id"),
        negated: false,
    };
    assert_eq!(
        table.plan(Some(&is_null)).unwrap().names(),
        ["n.parquet", "u.parquet"]
    );
    // A manifest list whose summaries exclude a match spares the manifest.
    let planned = table
        .plan(Some(&compare("id", CompareOp::Gt, number(50))))
        .unwrap();
    assert_eq!(planned.names(), ["u.parquet"]);
    assert_eq!(planned.skipped_by(SkipReason::Partition), 1);
}

#[test]
fn buckets_prune_by_hash() {
    let mut table = Table::new(vec![spec(1, 1, Transform::Bucket(16))]);
    let files = (0..16)
        .map(|bucket| file(&format!("{bucket:02}"), int(bucket)))
        .collect();
    table = table.data(1, 1, files);
    // The table format's own vector: 34 hashes to 2017239379.
    let planned = table
        .plan(Some(&compare("id", CompareOp::Eq, number(34))))
        .unwrap();
    assert_eq!(planned.names(), [format!("{:02}", 2_017_239_379 % 16)]);
    assert_eq!(
        table
            .plan(Some(&compare("id", CompareOp::NotEq, number(34))))
            .unwrap()
            .splits
            .len(),
        16
    );
    assert_eq!(
        table
            .plan(Some(&compare("id", CompareOp::Lt, number(34))))
            .unwrap()
            .splits
            .len(),
        16
    );
}

#[test]
fn days_prune_and_settle() {
    let table = Table::new(vec![spec(1, 3, Transform::Day)]).data(
        1,
        1,
        vec![
            file("19000", int(19_000)),
            file("19001", int(19_001)),
            file("19002", int(19_002)),
        ],
    );
    let at = |text: &str| Literal::String(text.into());
    let planned = table
        .plan(Some(&compare(
            "at",
            CompareOp::GtEq,
            at("2022-01-09T00:00:00"),
        )))
        .unwrap();
    assert_eq!(planned.names(), ["19001", "19002"]);
    assert!(
        planned
            .splits
            .iter()
            .all(|split| split.residual == Bound::Constant(true))
    );
    let planned = table
        .plan(Some(&compare(
            "at",
            CompareOp::GtEq,
            at("2022-01-09T12:00:00"),
        )))
        .unwrap();
    assert_eq!(planned.names(), ["19001", "19002"]);
    assert_ne!(planned.splits[0].residual, Bound::Constant(true));
    assert_eq!(planned.splits[0].partition.as_ref(), "p1=2022-01-09");
}

#[test]
fn unknown_and_void_transforms_prune_nothing() {
    for transform in [Transform::Void, Transform::Unknown("zorder[3]".into())] {
        let table = Table::new(vec![spec(1, 1, transform)])
            .data(
                1,
                1,
                vec![file("a.parquet", None), file("b.parquet", int(3))],
            )
            .deletes(1, 2, vec![position_delete("p", int(3))]);
        let planned = table
            .plan(Some(&compare("id", CompareOp::Eq, number(2))))
            .unwrap();
        assert_eq!(planned.splits.len(), 2);
        assert_eq!(deletes(&planned), [(0, 0, false), (1, 0, false)]);
    }
}

fn with_stats(stats: ColumnStats) -> FileEntry {
    FileEntry {
        stats: vec![stats],
        ..file("a.parquet", None)
    }
}

fn double(lower: f64, upper: f64, nan_count: Option<i64>) -> FileEntry {
    with_stats(ColumnStats {
        field_id: 4,
        column_type: Some(PrimitiveType::Double),
        nan_count,
        lower: Some(Value::Double(lower)),
        upper: Some(Value::Double(upper)),
        ..ColumnStats::default()
    })
}

/// Writers get bounds and counts wrong, so that rows which metrics vouch for are looked at.
#[test]
fn metrics_drop_files_but_leave_the_condition_as_it_is() {
    let stats = ColumnStats {
        field_id: 1,
        column_type: Some(PrimitiveType::Long),
        value_count: Some(10),
        null_count: Some(0),
        lower: Some(Value::Int(100)),
        upper: Some(Value::Int(200)),
        ..ColumnStats::default()
    };
    let is_not_null = Predicate::IsNull {
        column: ColumnName::top("id"),
        negated: true,
    };
    let vouched_for = compare("id", CompareOp::GtEq, number(50));
    let either = Predicate::Or(vec![
        compare("id", CompareOp::Lt, number(50)),
        compare("x", CompareOp::Eq, number(1)),
    ]);
    let both = Predicate::And(vec![vouched_for.clone(), is_not_null.clone()]);
    let whole = |entry: &FileEntry, spec_id, predicate: &Predicate| {
        let entry = FileEntry {
            stats: vec![stats.clone()],
            ..entry.clone()
        };
        let table = partitioned().data(spec_id, 1, vec![entry]);
        let planned = table.plan(Some(predicate)).unwrap();
        planned.splits[0].residual.to_string()
    };
    let unpartitioned = file("a.parquet", None);
    for predicate in [&vouched_for, &is_not_null, &either, &both] {
        let without = Table::new(vec![]).data(0, 1, vec![unpartitioned.clone()]);
        let without = without.plan(Some(predicate)).unwrap();
        assert_ne!(without.splits[0].residual, Bound::Constant(true));
        assert_eq!(
            whole(&unpartitioned, 0, predicate),
            without.splits[0].residual.to_string()
        );
    }
    // The partition does decide, whatever else the metrics say.
    let in_partition = file("a.parquet", int(150));
    assert_eq!(whole(&in_partition, 1, &both), "true");
    // And metrics drop the file.
    let table = Table::new(vec![]).data(0, 1, vec![with_stats(stats.clone())]);
    let planned = table
        .plan(Some(&compare("id", CompareOp::Gt, number(200))))
        .unwrap();
    assert_eq!(planned.skipped_by(SkipReason::Metrics), 1);
}

#[test]
fn truncated_partitions_that_may_have_wrapped_neither_prune_nor_settle() {
    let wrapped = i64::MIN.wrapping_sub(i64::MIN.rem_euclid(1000));
    let table = Table::new(vec![spec(1, 1, Transform::Truncate(1000))]).data(
        1,
        1,
        vec![file("low", int(-1000)), file("wrapped", int(wrapped))],
    );
    let plan = |op, value| table.plan(Some(&compare("id", op, number(value)))).unwrap();
    let planned = plan(CompareOp::Lt, -10_000_000_000);
    assert_eq!(planned.names(), ["wrapped"]);
    let planned = plan(CompareOp::Gt, 5);
    assert_eq!(planned.names(), ["wrapped"]);
    assert_ne!(planned.splits[0].residual, Bound::Constant(true));
}

#[test]
fn nan_is_greater_than_every_bound_unless_counted_out() {
    let kept = |entry: FileEntry, op| {
        let table = Table::new(vec![]).data(0, 1, vec![entry]);
        table
            .plan(Some(&compare("x", op, number(9))))
            .unwrap()
            .splits
            .len()
    };
    assert_eq!(kept(double(1.0, 2.0, None), CompareOp::Gt), 1);
    assert_eq!(kept(double(1.0, 2.0, Some(0)), CompareOp::Gt), 0);
    assert_eq!(kept(double(1.0, 2.0, Some(3)), CompareOp::Gt), 1);
    assert_eq!(kept(double(10.0, 20.0, None), CompareOp::Lt), 0);
    // Bounds that are NaN are those of a writer that did not know better.
    assert_eq!(kept(double(f64::NAN, f64::NAN, Some(0)), CompareOp::Lt), 1);
}

#[test]
fn bounds_narrower_than_a_promoted_column_still_prune() {
    let narrow = |lower: i64, upper: i64| {
        with_stats(ColumnStats {
            field_id: 1,
            column_type: Some(PrimitiveType::Int),
            lower: Some(Value::Int(lower)),
            upper: Some(Value::Int(upper)),
            ..ColumnStats::default()
        })
    };
    let table = Table::new(vec![]).data(0, 1, vec![narrow(-5, 7)]);
    let kept = |value| {
        table
            .plan(Some(&compare("id", CompareOp::Eq, number(value))))
            .unwrap()
    };
    assert_eq!(kept(7).splits.len(), 1);
    assert_eq!(kept(8).splits.len(), 0);
    assert_eq!(kept(-6).skipped_by(SkipReason::Metrics), 1);
}

#[test]
fn counts_of_minus_one_keep_the_file() {
    let stats = ColumnStats {
        field_id: 1,
        null_count: Some(-1),
        value_count: Some(-1),
        ..ColumnStats::default()
    };
    let table = Table::new(vec![]).data(0, 1, vec![with_stats(stats)]);
    for negated in [false, true] {
        let test = Predicate::IsNull {
            column: ColumnName::top("id"),
            negated,
        };
        assert_eq!(table.plan(Some(&test)).unwrap().splits.len(), 1);
    }
}

#[test]
fn row_ids_count_on_over_skipped_files() {
    let table = partitioned().data(
        1,
        1,
        vec![
            file("a.parquet", int(1)),
            FileEntry {
                first_row_id: Some(5),
                ..file("b.parquet", int(2))
            },
            FileEntry {
                status: EntryStatus::Deleted,
                first_row_id: Some(9),
                ..file("x", int(2))
            },
            file("c.parquet", int(2)),
        ],
    );
    let planned = table
        .plan(Some(&compare("id", CompareOp::Eq, number(2))))
        .unwrap();
    let ids: Vec<_> = planned
        .splits
        .iter()
        .map(|split| split.first_row_id)
        .collect();
    assert_eq!(ids, [Some(5), Some(1010)]);
}

#[test]
fn split_offsets_that_cannot_be_true_are_ignored() {
    let offsets = |offsets: &[i64]| {
        let entry = FileEntry {
            split_offsets: offsets.to_vec(),
            ..file("a", None)
        };
        let planned = Table::new(vec![])
            .data(0, 1, vec![entry])
            .plan(None)
            .unwrap();
        planned.splits[0].split_offsets.clone()
    };
    assert_eq!(offsets(&[4, 500]), [4, 500]);
    assert!(offsets(&[500, 4]).is_empty());
    assert!(offsets(&[4, 4]).is_empty());
    assert!(offsets(&[4, 1000]).is_empty());
    assert!(offsets(&[-4]).is_empty());
}

#[test]
fn constants_have_the_type_of_the_view_and_null_is_a_constant() {
    let mut table = Table::new(vec![spec(1, 4, Transform::Identity)]);
    table = table.data(
        1,
        1,
        vec![file("a", Some(Value::Double(2.222))), file("b", None)],
    );
    let planned = table.plan(None).unwrap();
    let (id, constant) = &planned.splits[0].constants[0];
    assert_eq!(
        (*id, constant.as_primitive::<Float64Type>().value(0)),
        (4, 2.222)
    );
    assert!(planned.splits[1].constants[0].1.is_null(0));
    // A delete file has those of its own partition.
    let deletes = vec![equality_delete("e", Some(Value::Double(2.222)))];
    let planned = table.deletes(1, 2, deletes).plan(None).unwrap();
    let (id, constant) = &planned.splits[0].equality_deletes[0].constants[0];
    assert_eq!(
        (*id, constant.as_primitive::<Float64Type>().value(0)),
        (4, 2.222)
    );
    // Transforms lose the value: no constant.
    let table =
        Table::new(vec![spec(1, 1, Transform::Truncate(10))]).data(1, 1, vec![file("a", int(10))]);
    assert!(table.plan(None).unwrap().splits[0].constants.is_empty());
}

/// The manifest was written while the column was an int; now it is a long.
#[test]
fn constants_and_partitions_survive_a_promotion() {
    let mut table = partitioned().data(1, 1, vec![file("a", int(-3))]);
    let old = Schema::new(0, vec![column(1, "id", PrimitiveType::Int)]).unwrap();
    let new = Schema::new(1, vec![column(1, "key", PrimitiveType::Long)]).unwrap();
    table.schemas = vec![Arc::new(new.clone()), Arc::new(old)];
    let (metadata, files) = table.write();
    // The writer takes the last schema as the current one; it is the new one.
    let text = String::from_utf8(metadata).unwrap();
    let text = text.replace("\"current-schema-id\": 0", "\"current-schema-id\": 1");
    let planned = crate::table::plan_memory(
        text.as_bytes(),
        &files,
        "/wh/t",
        &fastdata_iceberg::SnapshotSelector::Current,
        Some(&compare("key", CompareOp::Eq, number(-3))),
    )
    .unwrap();
    let constant = &planned.splits[0].constants[0].1;
    assert_eq!(constant.as_primitive::<Int64Type>().value(0), -3);
    assert_eq!(planned.splits[0].residual, Bound::Constant(true));
}

/// Names that must be escaped in Avro, two of which become the same: only ids tell them apart.
#[test]
fn partition_values_are_found_by_id() {
    let field = |field_id, source_id, name: &str| PartitionField {
        source_id,
        field_id,
        name: name.into(),
        transform: Transform::Identity,
    };
    let two = PartitionSpec {
        id: 1,
        fields: vec![field(1005, 1, "a b"), field(1001, 2, "a_b")],
    };
    let entry = FileEntry {
        partition: vec![int(4), Some(Value::String("x".into()))],
        ..file("a", None)
    };
    let planned = Table::new(vec![two])
        .data(1, 1, vec![entry])
        .plan(None)
        .unwrap();
    assert_eq!(planned.splits[0].partition.as_ref(), "a b=4/a_b=x");
    assert_eq!(planned.splits[0].constants.len(), 2);
}

#[test]
fn a_version_above_three_is_refused_by_name() {
    let (metadata, files) = Table::new(vec![]).write();
    let text = String::from_utf8(metadata).unwrap();
    let text = text.replace("\"format-version\": 3", "\"format-version\": 4");
    let current = fastdata_iceberg::SnapshotSelector::Current;
    let error =
        crate::table::plan_memory(text.as_bytes(), &files, "/wh/t", &current, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("format-version 4"), "{error}");
}
