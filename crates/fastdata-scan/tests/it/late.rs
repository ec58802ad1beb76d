//! Selective filters behind a network: other columns are only fetched where rows survive.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fastdata_scan::{CancelToken, Scan, ScanRequest};
use fastdata_store::{Store, StoreConfig};
use fastdata_testkit::CountingStore;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::files::request;

const ROWS: i64 = 160_000;
const GROUP_ROWS: usize = 20_000;

/// Row groups whose statistics tell nothing about `key`, and a payload that is most of the bytes.
fn write(path: &Path, has_index: bool) {
    let keys = Int64Array::from_iter_values((0..ROWS).map(|row| row * 7919 % ROWS));
    let payload = (0..ROWS).map(|row| {
        let number = row.wrapping_mul(0x2545_f491_4f6c_dd1d);
        format!(
            "{number:x} {:x} {:x} {:x} {row}",
            number.rotate_left(17),
            number.rotate_left(31),
            number.rotate_left(47)
        )
    });
    let columns: [(&str, ArrayRef); 3] = [
        ("row", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("key", Arc::new(keys)),
        ("payload", Arc::new(StringArray::from_iter_values(payload))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_dictionary_enabled(false)
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_offset_index_disabled(!has_index)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn collect(request: ScanRequest, store: Arc<dyn Store>) -> RecordBatch {
    let scan = Scan::open_in(request, CancelToken::default(), store).unwrap();
    let collected = scan.collect().unwrap();
    arrow_select::concat::concat_batches(&collected.schema, &collected.batches).unwrap()
}

/// The rows of a scan with `filter`, checked against a disk, and the share of the file's bytes that
/// were fetched, in percent.
#[track_caller]
fn check(path: &Path, filter: &str) -> (usize, u64) {
    let request = ScanRequest {
        filter: Some(filter.to_owned()),
        ..request(path)
    };
    let local = || fastdata_store::open(StoreConfig::default());
    let expected = collect(request.clone(), local());
    let counting = Arc::new(CountingStore::new(local()));
    assert_eq!(collect(request, counting.clone()), expected, "{filter}");
    let file_bytes = path.metadata().unwrap().len();
    (expected.num_rows(), counting.bytes() * 100 / file_bytes)
}

#[test]
fn only_pages_with_surviving_rows_are_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, true);
    // The keys are about a twelfth of the file.
    let (rows, percent) = check(&path, "key in (17, 4711)");
    assert_eq!(rows, 2);
    assert!(percent < 30, "{percent} % of the file");
    let (rows, percent) = check(&path, "key < 0 or key = 160000 or key = 3 and row < 0");
    assert_eq!(rows, 0);
    assert!(percent < 30, "{percent} % of the file");
}

#[test]
fn without_an_offset_index_whole_chunks_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, false);
    let (rows, percent) = check(&path, "key = 17");
    assert_eq!(rows, 1);
    assert!(percent < 45, "{percent} % of the file");
}

#[test]
fn a_filter_that_keeps_rows_everywhere_costs_no_more_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, true);
    let (rows, percent) = check(&path, "key < 80000");
    assert_eq!(rows, 80_000);
    // The footer is read with a speculative tail.
    assert!(percent <= 108, "{percent} % of the file");
}
