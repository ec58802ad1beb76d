//! All rows in one batch: the same as the batches of a stream put together.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, Int16Array, RecordBatch,
    TimestampMicrosecondArray,
};
use fastdata_scan::{CancelToken, ErrorKind, Scan, ScanRequest};
use fastdata_store::StoreConfig;
use fastdata_testkit::{CountingStore, FlakyStore};

use crate::files::{batch, request, write};

/// [`batch`] with more types: with and without nulls, with and without a fixed width.
fn wide(from: i64, to: i64) -> RecordBatch {
    let narrow = |row: i64| (row % 5 != 2).then_some((row % 100) as i16);
    let decimals = Decimal128Array::from_iter_values((from..to).map(|row| i128::from(row) << 70))
        .with_precision_and_scale(38, 4)
        .unwrap();
    let times = TimestampMicrosecondArray::from_iter_values((from..to).map(|row| row << 20));
    let flags = (from..to).map(|row| (row % 3 != 0).then_some(row % 2 == 0));
    let base = batch(from, to);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "narrow".into(),
            Arc::new(Int16Array::from_iter((from..to).map(narrow))),
        ),
        ("decimal".into(), Arc::new(decimals)),
        ("time".into(), Arc::new(times)),
        ("flag".into(), Arc::new(BooleanArray::from_iter(flags))),
    ];
    for (field, column) in base.schema().fields().iter().zip(base.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// Three files of odd row groups below hive folders.
fn lay_out(folder: &Path) {
    for (number, range) in [(0, 7000), (7000, 7001), (7001, 12_345)].iter().enumerate() {
        let path = folder.join(format!("part={number}/a.parquet"));
        write(&path, &wide(range.0, range.1), 1500 + number * 13);
    }
}

/// Collects both ways and compares; the rows that there are.
#[track_caller]
fn check(request: &ScanRequest) -> usize {
    let scan = Scan::open(request.clone(), CancelToken::default()).unwrap();
    let streamed = scan.collect().unwrap();
    let expected =
        arrow_select::concat::concat_batches(&streamed.schema, &streamed.batches).unwrap();
    let contiguous = scan.collect_contiguous().unwrap();
    assert_eq!(contiguous.batches, [expected]);
    let rows = contiguous.batches[0].num_rows();
    assert_eq!(contiguous.stats.rows_returned, rows as u64);

    let local = fastdata_store::open(StoreConfig::default());
    let remote = Arc::new(CountingStore::new(local));
    let scan = Scan::open_in(request.clone(), CancelToken::default(), remote).unwrap();
    assert_eq!(
        scan.collect_contiguous().unwrap().batches,
        contiguous.batches
    );
    rows
}

#[test]
fn whole_files_filters_limits_and_nothing_at_all() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let all = || ScanRequest {
        batch_rows: 4096,
        ..request(folder.path())
    };
    assert_eq!(check(&all()), 12_345);
    let columns = ["part", "score", "flag"].map(str::to_owned).to_vec();
    assert_eq!(
        check(&ScanRequest {
            columns: Some(columns),
            ..all()
        }),
        12_345
    );
    let filtered = |filter: &str| ScanRequest {
        filter: Some(filter.to_owned()),
        ..all()
    };
    assert_eq!(check(&filtered("id >= 6990 and id < 7010")), 20);
    assert_eq!(check(&filtered("part = 2")), 12_345 - 7001);
    assert_eq!(check(&filtered("id < 0")), 0);
    assert_eq!(
        check(&ScanRequest {
            limit_rows: Some(7003),
            ..all()
        }),
        7003
    );
}

#[test]
fn columns_of_a_fixed_width_lie_on_their_own_pages() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let scan = Scan::open(request(folder.path()), CancelToken::default()).unwrap();
    let collected = scan.collect_contiguous().unwrap();
    let ids = collected.batches[0]["id"].to_data();
    // Memory of the pool, to the byte: nothing was put together from pieces.
    assert_eq!(ids.buffers()[0].len(), 12_345 * 8);
    assert_eq!(ids.buffers()[0].as_ptr().align_offset(64), 0);
}

#[test]
fn failures_and_cancelling_end_it() {
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path());
    let local = || fastdata_store::open(StoreConfig::default());
    let mut failed = 0;
    for seed in 0..30 {
        let flaky = Arc::new(FlakyStore::new(local(), seed, 0.05));
        let scan = Scan::open_in(request(folder.path()), CancelToken::default(), flaky);
        match scan.and_then(|scan| scan.collect_contiguous()) {
            Ok(collected) => assert_eq!(collected.batches[0].num_rows(), 12_345),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io, "{error}");
                failed += 1;
            }
        }
    }
    assert!(failed > 3, "only {failed} scans met a failure");

    let cancel = CancelToken::default();
    let scan = Scan::open(request(folder.path()), cancel.clone()).unwrap();
    cancel.cancel();
    let error = scan.collect_contiguous().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}
