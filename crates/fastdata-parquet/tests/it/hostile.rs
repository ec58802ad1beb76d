//! Broken bytes: an error or data, never a panic.

use bytes::Bytes;
use fastdata_parquet::{ReadOptions, Result, RowRanges};

use crate::{reading, writing};

/// Reads everything in windows and drops it.
pub(crate) fn drain(file: &Bytes) -> Result<u64> {
    let mut rows = 0_u64;
    reading::read_all(file, &ReadOptions::default(), 64 << 10, |_, _, _, array| {
        array
            .to_data()
            .validate_full()
            .expect("what is returned is valid Arrow");
        rows += array.len() as u64;
    })?;
    drain_selected(file)?;
    Ok(rows)
}

/// Reads a few rows, as after a filter: another way through the same pages.
fn drain_selected(file: &Bytes) -> Result<()> {
    const WINDOW_ROWS: usize = 200;
    let meta = reading::open(file, &ReadOptions::default())?;
    for (group, rows) in meta.row_groups().iter().enumerate() {
        for field in meta.project_all()? {
            let reader = reading::open_column(&meta, file, group, &field, None)?;
            let rows = (rows.num_rows as usize).min(64 << 10);
            for from in (0..rows).step_by(WINDOW_ROWS) {
                let window = from..rows.min(from + WINDOW_ROWS);
                let few = [3..4, 50..60, 150..151].map(|r| from + r.start..from + r.end);
                let wanted = RowRanges::from_ranges(few).within(window.clone());
                let array = reader.read_selected_in(window, &wanted)?;
                assert_eq!(array.len(), wanted.row_count());
                array
                    .to_data()
                    .validate_full()
                    .expect("what is returned is valid Arrow");
            }
        }
    }
    Ok(())
}

/// Small files of several shapes.
fn small_files() -> Vec<Bytes> {
    let files = (0..400).map(writing::random_file);
    files.filter(|file| file.len() < 2500).take(12).collect()
}

#[test]
fn every_truncation_is_an_error_or_data() {
    for file in small_files() {
        for len in 0..file.len() {
            let _ = drain(&file.slice(..len));
            // The end of a file is where its meaning is: cut at the front too.
            let _ = drain(&file.slice(len..));
        }
    }
}

/// A dozen: a few of those, and the smallest of all others that hold rows.
fn smallest_files() -> Vec<Bytes> {
    let few: Vec<Bytes> = small_files().into_iter().take(4).collect();
    let has_rows = |file: &Bytes| {
        let meta = reading::open(file, &ReadOptions::default()).unwrap();
        meta.row_groups().iter().any(|group| group.num_rows > 0)
    };
    let mut others: Vec<Bytes> = (0..400).map(writing::random_file).collect();
    others.retain(|file| has_rows(file) && !few.contains(file));
    others.sort_by_key(Bytes::len);
    few.into_iter().chain(others).take(12).collect()
}

#[test]
fn every_bit_flip_is_an_error_or_data() {
    for file in smallest_files() {
        for bit in 0..file.len() * 8 {
            let mut broken = file.to_vec();
            broken[bit / 8] ^= 1 << (bit % 8);
            let _ = drain(&Bytes::from(broken));
        }
    }
}
