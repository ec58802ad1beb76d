//! Times whole-file decoding against its floor and against the `parquet` crate:
//! `cargo run --release -p fastdata-parquet --example decode_bench -- FILE [RUNS] [THREADS] [COLUMN…]`.
//!
//! The floor is decompressing every page of the same columns and nothing else.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_parquet::{
    ColumnReader, DecodeStats, FieldProjection, FileMeta, FooterReader, FooterStep, ReadOptions,
    chunk_ranges,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const WINDOW_ROWS: usize = 128 << 10;

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file");
    let runs: usize = args.next().map_or(5, |text| text.parse().unwrap());
    let threads: usize = args.next().map_or(1, |text| text.parse().unwrap());
    let names: Vec<String> = args.collect();
    let file = Bytes::from(std::fs::read(&path).unwrap());
    let meta = open(&file);
    let fields: Vec<_> = meta
        .project_all()
        .unwrap()
        .into_iter()
        .filter(|field| names.is_empty() || names.iter().any(|name| name == field.field().name()))
        .collect();
    let mask: Vec<usize> = fields
        .iter()
        .flat_map(|field| field.leaves().to_vec())
        .collect();
    let (mut floor, mut ours, mut theirs) = (vec![], vec![], vec![]);
    let mut stats = DecodeStats::default();
    for _ in 0..runs {
        floor.push(time(|| decompress_all(&meta, &file, &fields, threads)));
        ours.push(time(|| stats = decode_all(&meta, &file, &fields, threads)));
        theirs.push(time(|| arrow_rs(&file, &meta, &mask, threads)));
    }
    let (floor, ours, theirs) = (median(floor), median(ours), median(theirs));
    println!(
        "rows {} threads {threads}: decompress {floor:?}  ours {ours:?} ({:.2}x of it)  parquet crate {theirs:?} ({:.2}x ours)",
        meta.num_rows(),
        ours.as_secs_f64() / floor.as_secs_f64(),
        theirs.as_secs_f64() / ours.as_secs_f64(),
    );
    println!("{stats:?}");
    if names.is_empty() && std::env::var_os("BY_COLUMN").is_some() {
        by_column(&meta, &file, &fields, runs);
    }
}

fn by_column(meta: &FileMeta, file: &Bytes, fields: &[FieldProjection], runs: usize) {
    for field in fields {
        let one = std::slice::from_ref(field);
        let (mut floor, mut ours, mut theirs) = (vec![], vec![], vec![]);
        for _ in 0..runs {
            floor.push(time(|| decompress_all(meta, file, one, 1)));
            ours.push(time(|| _ = decode_all(meta, file, one, 1)));
            theirs.push(time(|| arrow_rs(file, meta, field.leaves(), 1)));
        }
        let (floor, ours, theirs) = (median(floor), median(ours), median(theirs));
        println!(
            "{:20} decompress {floor:>12?} ours {ours:>12?} ({:.2}x) parquet crate {theirs:>12?} ({:.2}x)",
            field.field().name(),
            ours.as_secs_f64() / floor.as_secs_f64(),
            theirs.as_secs_f64() / ours.as_secs_f64(),
        );
    }
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

fn open_column(
    meta: &FileMeta,
    file: &Bytes,
    group: usize,
    field: &FieldProjection,
) -> ColumnReader {
    let ranges = chunk_ranges(meta, group, field, None).unwrap();
    let bytes = ranges.into_iter().map(|range| {
        let bytes = file.slice(range.start as usize..range.end as usize);
        (range, bytes)
    });
    ColumnReader::open(meta, group, field, bytes.collect()).unwrap()
}

/// Runs `task` for every number below `count` on `threads` threads.
fn parallel(threads: usize, count: usize, task: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    task(number);
                }
            });
        }
    });
}

fn decode_all(
    meta: &FileMeta,
    file: &Bytes,
    fields: &[FieldProjection],
    threads: usize,
) -> DecodeStats {
    let mut sum = DecodeStats::default();
    for (group, group_meta) in meta.row_groups().iter().enumerate() {
        let readers: Vec<_> = fields
            .iter()
            .map(|field| open_column(meta, file, group, field))
            .collect();
        let rows = group_meta.num_rows as usize;
        let windows = rows.div_ceil(WINDOW_ROWS);
        parallel(threads, windows * readers.len(), |number| {
            let (window, column) = (number / readers.len(), number % readers.len());
            let from = window * WINDOW_ROWS;
            let array = readers[column]
                .read(from..(from + WINDOW_ROWS).min(rows))
                .unwrap();
            std::hint::black_box(&array);
        });
        readers.iter().for_each(|reader| sum += reader.stats());
    }
    sum
}

fn decompress_all(meta: &FileMeta, file: &Bytes, fields: &[FieldProjection], threads: usize) {
    let readers: Vec<_> = (0..meta.row_groups().len())
        .flat_map(|group| fields.iter().map(move |field| (group, field)))
        .collect();
    parallel(threads, readers.len(), |number| {
        let (group, field) = readers[number];
        open_column(meta, file, group, field)
            .decompress_only()
            .unwrap();
    });
}

fn arrow_rs(file: &Bytes, meta: &FileMeta, mask: &[usize], threads: usize) {
    parallel(threads, meta.row_groups().len(), |group| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
        let mask = ProjectionMask::leaves(builder.parquet_schema(), mask.iter().copied());
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(8192);
        for batch in reader.build().unwrap() {
            std::hint::black_box(&batch.unwrap());
        }
    });
}

fn time(work: impl FnOnce()) -> Duration {
    let from = Instant::now();
    work();
    from.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
