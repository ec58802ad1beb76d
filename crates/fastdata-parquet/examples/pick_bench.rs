//! Where decoding only some rows stops being faster than decoding all and filtering them, column
//! by column: `cargo run --release -p fastdata-parquet --example pick_bench -- FILE [COLUMN…]`.
//!
//! Each row is a share of surviving rows, spread at random; each number is the time of decoding
//! the survivors alone over the time of decoding everything and filtering it, decompression
//! included in both. The gate of late materialisation stands where this ratio crosses 1.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool"
)]

use std::time::{Duration, Instant};

use arrow_array::Array;
use arrow_buffer::BooleanBuffer;
use bytes::Bytes;
use fastdata_kernels::select::{Mask, filter_array};
use fastdata_parquet::{
    ColumnReader, FieldProjection, FileMeta, FooterReader, FooterStep, ReadOptions, RowRanges,
    chunk_ranges,
};

const WINDOW_ROWS: usize = 128 << 10;
const RUNS: usize = 7;
const PER_MILLE: [u32; 9] = [1, 10, 50, 100, 200, 300, 400, 500, 700];

fn main() {
    let mut args = std::env::args().skip(1);
    let file = Bytes::from(std::fs::read(args.next().expect("a file")).unwrap());
    let names: Vec<String> = args.collect();
    let meta = open(&file);
    let fields = meta.project_all().unwrap();
    print!("{:18}", "survivors, %");
    PER_MILLE
        .iter()
        .for_each(|&share| print!("{:7.1}", f64::from(share) / 10.0));
    println!();
    for field in fields {
        if names.is_empty() || names.contains(field.field().name()) {
            print!("{:18}", field.field().name());
            PER_MILLE
                .iter()
                .for_each(|&share| print!("{:7.2}", ratio(&meta, &file, &field, share)));
            println!();
        }
    }
}

fn ratio(meta: &FileMeta, file: &Bytes, field: &FieldProjection, per_mille: u32) -> f64 {
    let masks = masks(meta.row_groups()[0].num_rows as usize, per_mille);
    let (mut picked, mut filtered) = (vec![], vec![]);
    for _ in 0..RUNS {
        picked.push(time(meta, file, field, |reader| {
            for (window, mask) in &masks {
                let rows = RowRanges::from_mask(mask.bits(), window.start);
                let array = reader.read_selected_in(window.clone(), &rows).unwrap();
                assert_eq!(array.len(), mask.count());
            }
        }));
        filtered.push(time(meta, file, field, |reader| {
            for (window, mask) in &masks {
                let array = reader.read(window.clone()).unwrap();
                let array = filter_array(&array, mask).unwrap();
                assert_eq!(array.len(), mask.count());
            }
        }));
    }
    median(picked).as_secs_f64() / median(filtered).as_secs_f64()
}

/// Windows of the row group, each with the rows of it that survive.
fn masks(rows: usize, per_mille: u32) -> Vec<(std::ops::Range<usize>, Mask)> {
    // A multiplicative generator is random enough to spread rows over a page.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut survives = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % 1000 < u64::from(per_mille)
    };
    (0..rows)
        .step_by(WINDOW_ROWS)
        .map(|from| {
            let window = from..rows.min(from + WINDOW_ROWS);
            let bits = BooleanBuffer::from_iter(window.clone().map(|_| survives()));
            (window, Mask::new(bits))
        })
        .collect()
}

fn time(
    meta: &FileMeta,
    file: &Bytes,
    field: &FieldProjection,
    work: impl FnOnce(&ColumnReader),
) -> Duration {
    let ranges = chunk_ranges(meta, 0, field, None).unwrap();
    let bytes = ranges.into_iter().map(|range| {
        let bytes = file.slice(range.start as usize..range.end as usize);
        (range, bytes)
    });
    let reader = ColumnReader::open(meta, 0, field, bytes.collect()).unwrap();
    let from = Instant::now();
    work(&reader);
    from.elapsed()
}

fn open(file: &Bytes) -> FileMeta {
    let mut reader = FooterReader::new(file.len() as u64, &ReadOptions::default());
    let mut range = reader.first_range();
    loop {
        let tail = file.slice(range.start as usize..range.end as usize);
        match reader.decode(range.start, tail).unwrap() {
            FooterStep::Ready(meta) => return meta,
            FooterStep::Need(next, wanted) => (reader, range) = (next, wanted),
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
