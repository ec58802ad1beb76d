//! `--max-memory` holds: ten times as much data goes through, and a reader that dawdles changes
//! nothing.

#![expect(clippy::expect_used, reason = "the text says what is missing")]

use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use fastdata_testkit::{S3Server, skipped};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::command::{command, text};

const MAX_BYTES: u64 = 256 << 20;
const ROWS: usize = 400_000;

/// Numbers that do not compress, and texts; in row groups of `row_group_rows`.
fn write(path: &Path, row_group_rows: usize) {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 16).cast_signed()
    };
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for number in 0..8 {
        let values = Int64Array::from_iter_values((0..ROWS).map(|_| next()));
        columns.push((format!("number{number}"), Arc::new(values)));
    }
    let texts = StringArray::from_iter_values((0..ROWS).map(|_| format!("text {:x}", next())));
    columns.push(("text".to_owned(), Arc::new(texts)));
    let kinds = (0..ROWS).map(|row| format!("a kind of row, {}", row % 50));
    let kinds = StringArray::from_iter_values(kinds);
    columns.push(("kind".to_owned(), Arc::new(kinds)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group_rows))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Scans `source` so often that ten times the budget goes through, reads the output slowly at
/// first, and holds the peak against the budget.
#[track_caller]
fn check(source: &str, file_bytes: u64, env: &[(&str, String)], format: &str) {
    let times = usize::try_from((10 * MAX_BYTES).div_ceil(file_bytes)).unwrap();
    let max_memory = MAX_BYTES.to_string();
    let mut args = vec!["scan", "-f", format, "--max-memory", &max_memory];
    // Threads have heaps of their own: the same number on every machine.
    args.extend(["--threads", "2", "--stats=json", "--no-progress"]);
    args.extend(std::iter::repeat_n(source, times));
    let mut child = command(&args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut reads = 0;
    while stdout.read(&mut buffer).unwrap() > 0 {
        reads += 1;
        if reads < 200 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let output = child.wait_with_output().unwrap();
    let stats = text(&output.stderr);
    assert!(output.status.success(), "{stats}");
    let number = |key: &str| -> u64 {
        let (_, rest) = stats.split_once(&format!("\"{key}\":")).expect(&stats);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    assert_eq!(number("rows_returned"), (ROWS * times) as u64);
    assert!(number("bytes_fetched") >= 10 * MAX_BYTES, "{stats}");
    let peak_bytes = number("peak_memory_bytes");
    assert!(
        peak_bytes <= MAX_BYTES,
        "{source}: {peak_bytes} bytes of {MAX_BYTES}"
    );
}

#[test]
fn a_scan_from_disk_stays_within_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (name, row_group_rows, format) in [("small", ROWS / 8, "arrow"), ("one", ROWS, "none")] {
        let path = folder.path().join(format!("{name}.parquet"));
        write(&path, row_group_rows);
        let file_bytes = path.metadata().unwrap().len();
        let path = path.to_str().unwrap();
        check(path, file_bytes, &[], format);
    }
}

#[test]
fn a_scan_from_s3_stays_within_its_memory() {
    let folder = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    let Some(server) = S3Server::start(root.path()) else {
        return skipped("memory of a scan over S3", "no Versity S3 Gateway");
    };
    let path = folder.path().join("rows.parquet");
    write(&path, ROWS / 2);
    let file_bytes = path.metadata().unwrap().len();
    server.put_folder("lake", "rows", folder.path());
    check(
        "s3://lake/rows/rows.parquet",
        file_bytes,
        &server.env(),
        "arrow",
    );
}
