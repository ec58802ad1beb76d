//! Files that other programs wrote, where the corpora lie beside the project.
//!
//! Every file is read in small and in large windows. What the `parquet` crate reads too has to be
//! the same; what we refuse has to be in [`REFUSED`], with its reason in the error.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow_array::Array;
use arrow_schema::DataType;
use bytes::Bytes;
use fastdata_parquet::{ErrorKind, ReadOptions};

use crate::round_trips::assert_same;
use crate::{hostile, reading};

/// Files that are refused: part of the name, and of the message.
const REFUSED: &[(&str, &str)] = &[
    // The crate's own reader fails on these two as well: the checksum is wrong on purpose.
    ("datapage_v1-corrupt-checksum", "checksum"),
    ("rle-dict-uncompressed-corrupt-checksum", "checksum"),
    // One page of 1 GiB.
    ("large_string_map.brotli", "page_bytes"),
    // Microseconds in some rows, years that no 64-bit count of microseconds reaches in others.
    ("int96_from_spark", "INT96"),
];

/// Its footer counts no rows, and the oracle believes it; the answer beside it has six.
const ORACLE_WRONG: &str = "repeated_no_annotation";

fn corpus(part: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/parquet");
    let folder = root.join(part);
    if !folder.is_dir() {
        println!("SKIPPED: no corpus {part} beside the project");
        return None;
    }
    Some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn parquet_files(part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(folder) = corpus(part) {
        files(&folder, &mut found);
        found.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        });
    }
    found
}

fn check(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let file = Bytes::from(std::fs::read(path).unwrap());
    let options = ReadOptions::default();
    let ours = match reading::batch(&file, &options, 1 << 20) {
        Ok(batch) => batch,
        Err(error) => {
            let listed = REFUSED.iter().find(|(part, _)| name.contains(part));
            return match listed {
                Some((_, reason)) if error.to_string().contains(reason) => Ok(()),
                _ => Err(format!("{name}: {error:?}")),
            };
        }
    };
    let windows =
        reading::batch(&file, &options, 7).map_err(|error| format!("{name}: {error:?}"))?;
    let Some(theirs) = reading::oracle(&file).filter(|_| !name.contains(ORACLE_WRONG)) else {
        return Ok(());
    };
    for (index, field) in ours.schema().fields().iter().enumerate() {
        let array = ours.column(index);
        assert_same(
            array,
            windows.column(index),
            &format!("{name}, {field} in small windows"),
        );
        // Intervals come out of the crate without their months.
        if matches!(field.data_type(), DataType::Interval(_)) {
            continue;
        }
        let expected = arrow_cast::cast(theirs.column(index), field.data_type());
        let expected = expected.map_err(|error| format!("{name}, {field}: {error}"))?;
        if array.len() != expected.len() {
            return Err(format!(
                "{name}, {field}: {} rows, not {}",
                array.len(),
                expected.len()
            ));
        }
        assert_same(array, &expected, &format!("{name}, {field}"));
    }
    Ok(())
}

#[test]
fn files_with_an_answer_give_it() {
    let mut wrong = Vec::new();
    for part in [
        "parquet-testing/data",
        "hyparquet/files",
        "parquet-testing/shredded_variant",
        "arrow-testing",
    ] {
        for path in parquet_files(part) {
            if let Err(what) = check(&path) {
                wrong.push(what);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} files:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Each `name.json` of hyparquet is an array with one element for each row.
#[test]
fn files_have_the_rows_of_their_answer() {
    for path in parquet_files("hyparquet/files") {
        let Ok(text) = std::fs::read_to_string(path.with_extension("json")) else {
            continue;
        };
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let file = Bytes::from(std::fs::read(&path).unwrap());
        let Ok(meta) = reading::open(&file, &ReadOptions::default()) else {
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(
                REFUSED.iter().any(|(part, _)| name.contains(part)),
                "{name}"
            );
            continue;
        };
        assert_eq!(meta.num_rows(), rows.len() as u64, "{}", path.display());
    }
}

#[test]
fn encrypted_files_are_refused_by_name() {
    let Some(folder) = corpus("parquet-testing/data") else {
        return;
    };
    let mut found = Vec::new();
    files(&folder, &mut found);
    for path in found {
        if path.to_string_lossy().ends_with(".parquet.encrypted") {
            let file = Bytes::from(std::fs::read(&path).unwrap());
            let error = reading::open(&file, &ReadOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", path.display());
        }
    }
}

#[test]
fn broken_files_are_an_error_or_data_soon() {
    let parts = [
        "parquet-testing/bad_data",
        "arrow-testing/fuzzing",
        "arrow-testing/encoding-fuzzing",
    ];
    let mut found = Vec::new();
    for part in parts {
        if let Some(folder) = corpus(part) {
            files(&folder, &mut found);
        }
    }
    for path in found {
        let file = Bytes::from(std::fs::read(&path).unwrap());
        let from = Instant::now();
        let result = hostile::drain(&file);
        let took = from.elapsed();
        println!("{} {took:?} {result:?}", path.display());
        assert!(
            took < Duration::from_secs(60),
            "{} took {took:?}",
            path.display()
        );
    }
}
