//! Broken bytes: an error or data, never a panic.

use bytes::Bytes;
use fastdata_parquet::{ReadOptions, Result};

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
    Ok(rows)
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

#[test]
fn every_bit_flip_is_an_error_or_data() {
    for file in small_files().iter().take(5) {
        for bit in 0..file.len() * 8 {
            let mut broken = file.to_vec();
            broken[bit / 8] ^= 1 << (bit % 8);
            let _ = drain(&Bytes::from(broken));
        }
    }
}
