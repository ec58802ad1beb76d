//! Measures what the first write to memory costs: heap, fresh huge pages, pool.
//!
//! `cargo run --release -p fastdata-memory --example first_touch`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::hint::black_box;
use std::time::Instant;

use fastdata_memory::{Pool, PooledBuffer};

const TOTAL_BYTES: usize = 1 << 30;
/// How much is alive before all of it is dropped, as with the columns of a few row groups.
const ALIVE_BYTES: usize = 256 << 20;
const ROUNDS: usize = 7;

fn main() {
    println!("milliseconds to allocate, write and free 1 GiB in pieces, 256 MiB alive at a time");
    println!(
        "{:>12} {:>10} {:>10} {:>10} {:>10}",
        "piece", "zeroed", "written", "fresh", "pooled"
    );
    for piece_bytes in [
        64 << 10,
        256 << 10,
        512 << 10,
        1 << 20,
        3 << 19,
        2 << 20,
        4 << 20,
        16 << 20,
        64 << 20,
    ] {
        let pooled: &'static Pool = Box::leak(Box::new(Pool::with_cap(1 << 30)));
        let fresh: &'static Pool = Box::leak(Box::new(Pool::with_cap(0)));
        let columns = [
            median(piece_bytes, |len| {
                let mut vec = vec![0_u8; len];
                vec.fill(7);
                vec
            }),
            median(piece_bytes, |len| {
                let mut vec = Vec::with_capacity(len);
                vec.resize(len, 7_u8);
                vec
            }),
            median(piece_bytes, |len| {
                written(PooledBuffer::with_len_in(fresh, len))
            }),
            median(piece_bytes, |len| {
                written(PooledBuffer::with_len_in(pooled, len))
            }),
        ];
        print!("{:>8} KiB", piece_bytes >> 10);
        for column in columns {
            print!(" {column:>10.1}");
        }
        println!();
    }
}

fn written(mut buffer: PooledBuffer) -> PooledBuffer {
    buffer.as_mut_slice().fill(7);
    buffer
}

fn median<T>(piece_bytes: usize, mut once: impl FnMut(usize) -> T) -> f64 {
    let mut millis: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..TOTAL_BYTES / ALIVE_BYTES {
                let alive: Vec<T> = (0..ALIVE_BYTES / piece_bytes)
                    .map(|_| once(piece_bytes))
                    .collect();
                drop(black_box(alive));
            }
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    millis[ROUNDS / 2]
}
