//! Plain Parquet files: folders, globs, hive columns, filters, limits, errors.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use fastdata_scan::{CancelToken, Error, ErrorKind, Scan, ScanRequest};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// Rows `from..to`: `id`, `score = id / 2` (null every seventh), `name`.
pub(crate) fn batch(from: i64, to: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(from..to);
    let scores = (from..to).map(|id| (id % 7 != 0).then_some(id as f64 / 2.0));
    let names = (from..to).map(|id| format!("name {id}"));
    RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, false),
        ("score", Arc::new(Float64Array::from_iter(scores)), true),
        ("name", Arc::new(StringArray::from_iter_values(names)), true),
    ])
    .unwrap()
}

pub(crate) fn write(path: &Path, batch: &RecordBatch, row_group_rows: usize) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .build();
    let mut writer = ArrowWriter::try_new(
        File::create(path).unwrap(),
        batch.schema(),
        Some(properties),
    )
    .unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn request(source: &Path) -> ScanRequest {
    ScanRequest {
        sources: vec![source.to_str().unwrap().to_owned()],
        threads: 2,
        ..ScanRequest::default()
    }
}

fn rows(request: ScanRequest) -> Result<RecordBatch, Error> {
    let collected = Scan::open(request, CancelToken::default())?.collect()?;
    Ok(arrow_select::concat::concat_batches(&collected.schema, &collected.batches).unwrap())
}

pub(crate) fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch["id"].as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn a_file_comes_back_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let expected = batch(0, 5000);
    write(&path, &expected, 700);
    let got = rows(ScanRequest {
        batch_rows: 4096,
        ..request(&path)
    })
    .unwrap();
    assert_eq!(ids(&got), ids(&expected));
    assert_eq!(got["score"].as_ref(), expected["score"].as_ref());
    let names = got["name"].as_string_view();
    assert!((0..5000).all(|row| names.value(row) == format!("name {row}")));
}

#[test]
fn filters_agree_with_a_naive_loop_at_every_selectivity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 20_000), 6000);
    for bound in [-1, 0, 50, 777, 9_000, 19_999, 30_000] {
        for (text, keeps) in [
            (
                format!("id < {bound}"),
                Box::new(|id: i64| id < bound) as Box<dyn Fn(i64) -> bool>,
            ),
            (
                format!("score >= {bound}"),
                Box::new(|id| id % 7 != 0 && id as f64 / 2.0 >= bound as f64),
            ),
            (
                format!("score is null or id = {bound}"),
                Box::new(|id| id % 7 == 0 || id == bound),
            ),
            (format!("name = 'name {bound}'"), Box::new(|id| id == bound)),
        ] {
            let filter = Some(text.clone());
            let got = rows(ScanRequest {
                filter,
                ..request(&path)
            })
            .unwrap();
            let expected: Vec<i64> = (0..20_000).filter(|id| keeps(*id)).collect();
            assert_eq!(ids(&got), expected, "{text}");
        }
    }
}

#[test]
fn columns_come_in_the_order_asked_and_filter_columns_stay_inside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 1000), 300);
    let got = rows(ScanRequest {
        columns: Some(vec!["score".into(), "id".into()]),
        filter: Some("name like 'name 99_'".into()),
        ..request(&path)
    })
    .unwrap();
    let names: Vec<&str> = got
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["score", "id"]);
    assert_eq!(ids(&got), (990..1000).collect::<Vec<_>>());
    assert_eq!(got["score"].as_primitive::<Float64Type>().value(1), 495.5);
}

#[test]
fn no_columns_still_count_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 1000), 300);
    let count = |filter: Option<&str>| {
        let filter = filter.map(str::to_owned);
        let request = ScanRequest {
            columns: Some(Vec::new()),
            filter,
            ..request(&path)
        };
        let collected = Scan::open(request, CancelToken::default())
            .unwrap()
            .collect()
            .unwrap();
        collected
            .batches
            .iter()
            .map(RecordBatch::num_rows)
            .sum::<usize>()
    };
    assert_eq!(count(None), 1000);
    assert_eq!(count(Some("id >= 990")), 10);
}

#[test]
fn folders_give_hive_columns_and_prune_by_them() {
    let folder = tempfile::tempdir().unwrap();
    for (at, day) in ["2026-01-01", "2026-01-02", "__HIVE_DEFAULT_PARTITION__"]
        .iter()
        .enumerate()
    {
        let from = at as i64 * 100;
        let path = folder
            .path()
            .join(format!("day={day}/kind=a%2Fb/part.parquet"));
        write(&path, &batch(from, from + 100), 50);
    }
    std::fs::write(folder.path().join("_SUCCESS"), "").unwrap();
    let all = rows(request(folder.path())).unwrap();
    assert_eq!(
        all.schema_ref().field_with_name("day").unwrap().data_type(),
        &DataType::Date32
    );
    assert_eq!(all["kind"].as_string_view().value(0), "a/b");
    assert_eq!(ids(&all), (0..300).collect::<Vec<_>>());
    assert_eq!(all["day"].null_count(), 100);

    let partition = vec![("day".to_owned(), "2026-01-02".to_owned())];
    let scan = Scan::open(
        ScanRequest {
            partition,
            ..request(folder.path())
        },
        CancelToken::default(),
    )
    .unwrap();
    let collected = scan.collect().unwrap();
    assert_eq!(collected.stats.rows_returned, 100);
    assert_eq!(
        (collected.stats.files_planned, collected.stats.files_pruned),
        (1, 2)
    );

    let unknown = vec![("id".to_owned(), "1".to_owned())];
    let error = rows(ScanRequest {
        partition: unknown,
        ..request(folder.path())
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("day, kind"), "{error}");
}

#[test]
fn a_limit_ends_the_scan_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 50_000), 5000);
    let got = rows(ScanRequest {
        limit_rows: Some(7),
        ..request(&path)
    })
    .unwrap();
    assert_eq!(ids(&got), (0..7).collect::<Vec<_>>());
}

#[test]
fn errors_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 10), 10);
    let column = rows(ScanRequest {
        columns: Some(vec!["scor".into()]),
        ..request(&path)
    });
    assert!(
        column
            .unwrap_err()
            .to_string()
            .contains("did you mean score?")
    );

    let absent = rows(request(&folder.path().join("absent.parquet"))).unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound, "{absent}");

    std::fs::write(
        folder.path().join("b.parquet"),
        b"PAR1 this is no Parquet file PAR1",
    )
    .unwrap();
    let corrupt = rows(request(&folder.path().join("b.parquet"))).unwrap_err();
    assert_eq!(corrupt.kind(), ErrorKind::Corrupt, "{corrupt}");
    assert!(corrupt.to_string().contains("b.parquet"), "{corrupt}");

    let other =
        RecordBatch::try_from_iter([("id", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)])
            .unwrap();
    write(&folder.path().join("mixed/a.parquet"), &batch(0, 10), 10);
    write(&folder.path().join("mixed/b.parquet"), &other, 10);
    let mixed = rows(request(&folder.path().join("mixed"))).unwrap_err();
    assert_eq!(mixed.kind(), ErrorKind::Unsupported, "{mixed}");
    assert!(mixed.to_string().contains("b.parquet"), "{mixed}");
}

#[test]
fn a_cancelled_scan_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 200_000), 2000);
    let cancel = CancelToken::default();
    let scan = Scan::open(
        ScanRequest {
            batch_rows: 4096,
            ..request(&path)
        },
        cancel.clone(),
    )
    .unwrap();
    let mut batches = scan.batches().unwrap();
    assert!(batches.next().unwrap().is_ok());
    cancel.cancel();
    let last = batches
        .find_map(Result::err)
        .expect("the scan ends with an error");
    assert_eq!(last.kind(), ErrorKind::Interrupted);
}

#[test]
fn explain_prunes_as_the_scan_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, &batch(0, 10_000), 1000);
    let request = ScanRequest {
        filter: Some("id >= 8500 and id < 8600".into()),
        ..request(&path)
    };
    let explain = Scan::open(request, CancelToken::default())
        .unwrap()
        .explain()
        .unwrap();
    assert_eq!(
        (explain.row_groups.read, explain.row_groups.skipped),
        (1, 9)
    );
    assert!(explain.rows <= 1000 && explain.bytes_to_fetch > 0);
    let shown = explain.to_string();
    assert!(shown.contains("skipped: statistics"), "{shown}");
}
