//! Pruning never loses a row, and prunes what it can.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use fastdata_kernels::predicate::{Bound, ColumnName, CompareOp, Literal, Predicate, bind};
use fastdata_parquet::{
    FileMeta, PruneOptions, PruneOutcome, Pruner, ReadOptions, RowRanges, chunk_ranges,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::{reading, writing};

const ROWS: i64 = 4000;

/// Four row groups of 1000 rows in pages of 100: ascending numbers, few words, ids, NaNs.
fn file() -> Bytes {
    let number = Int64Array::from_iter_values(0..ROWS);
    let word = StringArray::from_iter_values((0..ROWS).map(|row| format!("word {}", row % 5 * 2)));
    let id =
        StringArray::from_iter_values((0..ROWS).map(|row| format!("{:08x}", row * 7919 % 65_536)));
    let float = Float64Array::from_iter((0..ROWS).map(|row| match row % 3 {
        0 => None,
        1 => Some(f64::NAN),
        _ => Some(row as f64),
    }));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("number", Arc::new(number)),
        ("word", Arc::new(word)),
        ("id", Arc::new(id)),
        ("float", Arc::new(float)),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_bloom_filter_enabled("id".into(), true)
        .set_column_dictionary_enabled("id".into(), false)
        .build();
    writing::write(&batch, properties)
}

pub(crate) fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: ColumnName::top(column),
        op,
        literal,
    }
}

pub(crate) fn number(value: i128) -> Literal {
    Literal::Number {
        unscaled: value,
        scale: 0,
    }
}

pub(crate) fn prune(file: &Bytes, meta: &FileMeta, bound: &Bound) -> PruneOutcome {
    let fields = meta.project_all().unwrap();
    let mut pruner = Pruner::new(meta, bound, PruneOptions::default()).reading(&fields);
    loop {
        let wanted = pruner.wanted();
        if wanted.is_empty() {
            return pruner.finish();
        }
        let bytes = wanted
            .iter()
            .map(|range| file.slice(range.start as usize..range.end as usize));
        pruner.supply(bytes.collect()).unwrap();
    }
}

/// Prunes, reads what is left, filters it by what remains, and compares with filtering everything.
#[track_caller]
pub(crate) fn check_in(file: &Bytes, predicate: &Predicate) -> PruneOutcome {
    let meta = reading::open(file, &ReadOptions::default()).unwrap();
    let bound = bind(predicate, meta.schema()).unwrap();
    let outcome = prune(file, &meta, &bound);
    let whole = reading::batch(file, &ReadOptions::default(), 1 << 20).unwrap();
    let mask = bound.evaluate(&whole).unwrap();
    let mut survivors = 0;
    for plan in &outcome.plans {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for field in meta.project_all().unwrap() {
            let rows = plan.rows.as_ref();
            let reader = reading::open_column(&meta, file, plan.row_group, &field, rows).unwrap();
            columns.push(match rows {
                Some(rows) => reader.read_selected(rows).unwrap(),
                None => reader.read(0..plan.num_rows as usize).unwrap(),
            });
        }
        let batch = RecordBatch::try_new(meta.schema().clone(), columns).unwrap();
        survivors += bound.evaluate(&batch).unwrap().count_set_bits();
    }
    assert_eq!(
        survivors,
        mask.count_set_bits(),
        "{predicate:?} {outcome:?}"
    );
    outcome
}

#[track_caller]
fn check(predicate: &Predicate) -> PruneOutcome {
    check_in(&file(), predicate)
}

#[test]
fn statistics_prune_row_groups_and_the_page_index_pages() {
    let outcome = check(&compare("number", CompareOp::GtEq, number(3950)));
    assert_eq!(outcome.row_groups_pruned, 3);
    assert_eq!((outcome.pages_pruned, outcome.pages_total), (9, 10));
    assert_eq!(
        outcome.report.last().unwrap().reason,
        "page index: 9 of 10 pages"
    );
    let left = outcome.plans[0].rows.as_ref().unwrap();
    assert_eq!(left, &RowRanges::from_ranges(std::iter::once(900..1000)));
}

#[test]
fn only_the_pages_left_are_asked_for() {
    let file = file();
    let meta = reading::open(&file, &ReadOptions::default()).unwrap();
    let bound = bind(
        &compare("number", CompareOp::Eq, number(2345)),
        meta.schema(),
    )
    .unwrap();
    let outcome = prune(&file, &meta, &bound);
    let field = &meta.project(&[vec![2]]).unwrap()[0];
    let size = |rows| -> u64 {
        let ranges = chunk_ranges(&meta, 2, field, rows).unwrap();
        ranges.iter().map(|range| range.end - range.start).sum()
    };
    assert!(size(outcome.plans[0].rows.as_ref()) * 5 < size(None));
}

#[test]
fn a_bloom_filter_and_a_dictionary_prune_what_bounds_cannot() {
    // The factor is odd, so no two rows below 65,536 have the same id.
    let missing = Literal::String(format!("{:08x}", 5000 * 7919 % 65_536));
    let outcome = check(&compare("id", CompareOp::Eq, missing));
    assert!(
        outcome
            .report
            .iter()
            .any(|pruned| pruned.reason == "bloom filter"),
        "{outcome:?}"
    );
    let missing = Literal::String("word 3".into());
    let outcome = check(&compare("word", CompareOp::Eq, missing));
    assert!(
        outcome
            .report
            .iter()
            .all(|pruned| pruned.reason == "dictionary"),
        "{outcome:?}"
    );
    assert!(outcome.plans.is_empty());
}

#[test]
fn nulls_nans_and_combinations_lose_nothing() {
    let low = compare("number", CompareOp::Lt, number(150));
    let high = compare("number", CompareOp::Gt, number(3900));
    let word = compare("word", CompareOp::Eq, Literal::String("word 4".into()));
    check(&Predicate::Or(vec![low.clone(), high.clone()]));
    check(&Predicate::And(vec![low.clone(), word.clone()]));
    check(&Predicate::Not(Box::new(Predicate::Or(vec![low, word]))));
    for op in [
        CompareOp::Lt,
        CompareOp::Gt,
        CompareOp::Eq,
        CompareOp::NotEq,
    ] {
        check(&compare("float", op, Literal::Float(1500.5)));
    }
    check(&Predicate::IsNull {
        column: ColumnName::top("float"),
        negated: false,
    });
    let outcome = check(&Predicate::IsNull {
        column: ColumnName::top("number"),
        negated: false,
    });
    assert!(outcome.plans.is_empty());
}
