//! Row groups larger than a scan may hold: they are read in sections and come out the same.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use fastdata_scan::{CancelToken, ErrorKind, Scan, ScanRequest};
use fastdata_store::{Store, StoreConfig};
use fastdata_testkit::CountingStore;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use crate::files::{batch, request};

const ROWS: i64 = 150_000;

/// A budget far below the row group's size.
const SMALL_BYTES: u64 = 384 << 10;

#[derive(Clone, Copy)]
struct Layout {
    version: WriterVersion,
    has_index: bool,
}

fn layouts() -> impl Iterator<Item = Layout> {
    [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]
        .into_iter()
        .flat_map(|version| [true, false].map(|has_index| Layout { version, has_index }))
}

/// One row group in pages of 500 rows.
fn write(path: &Path, batch: &RecordBatch, layout: Layout) {
    let statistics = match layout.has_index {
        true => EnabledStatistics::Page,
        false => EnabledStatistics::Chunk,
    };
    let properties = WriterProperties::builder()
        .set_writer_version(layout.version)
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_dictionary_page_size_limit(4 << 10)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(!layout.has_index)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// `batch` with a column of lists: empty, null, with null items.
fn with_lists(batch: &RecordBatch) -> RecordBatch {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for row in 0..batch.num_rows() as i64 {
        for item in 0..row % 4 {
            lists
                .values()
                .append_option((item != 2).then_some(row * item));
        }
        lists.append(row % 11 != 5);
    }
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    columns.push(("list".to_owned(), Arc::new(lists.finish())));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn collect(request: ScanRequest, store: Arc<dyn Store>) -> fastdata_scan::Result<RecordBatch> {
    let collected = Scan::open_in(request, CancelToken::default(), store)?.collect()?;
    Ok(arrow_select::concat::concat_batches(&collected.schema, &collected.batches).unwrap())
}

/// The same rows with room for everything, with little room from a disk and from a store that
/// has to be fetched from.
#[track_caller]
fn check(request: &ScanRequest) {
    let local = || fastdata_store::open(StoreConfig::default());
    let small = || ScanRequest {
        max_memory_bytes: SMALL_BYTES,
        ..request.clone()
    };
    let expected = collect(request.clone(), local()).unwrap();
    assert!(expected.num_rows() > 0);
    assert_eq!(collect(small(), local()).unwrap(), expected);
    let remote = Arc::new(CountingStore::new(local()));
    assert_eq!(collect(small(), remote).unwrap(), expected);
}

#[test]
fn a_row_group_larger_than_the_budget_is_read_in_sections() {
    let folder = tempfile::tempdir().unwrap();
    for (number, layout) in layouts().enumerate() {
        let path = folder.path().join(format!("{number}.parquet"));
        write(&path, &batch(0, ROWS), layout);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size > SMALL_BYTES, "{size}");
        check(&request(&path));
        check(&ScanRequest {
            filter: Some("score > 20000 and id < 45000".into()),
            ..request(&path)
        });
        check(&ScanRequest {
            filter: Some("id in (5, 499, 500, 30000, 59999) or name = 'name 777'".into()),
            ..request(&path)
        });
    }
}

#[test]
fn nested_columns_come_in_sections_where_their_pages_tell_rows() {
    let folder = tempfile::tempdir().unwrap();
    for (number, layout) in layouts().enumerate() {
        let path = folder.path().join(format!("{number}.parquet"));
        write(&path, &with_lists(&batch(0, ROWS)), layout);
        let tells_rows = layout.has_index || layout.version == WriterVersion::PARQUET_2_0;
        if tells_rows {
            check(&request(&path));
            continue;
        }
        let request = ScanRequest {
            max_memory_bytes: SMALL_BYTES,
            ..request(&path)
        };
        let store = fastdata_store::open(StoreConfig::default());
        let error = collect(request, store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.to_string().contains("max-memory"), "{error}");
    }
}
