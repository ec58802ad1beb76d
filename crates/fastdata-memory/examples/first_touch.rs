//! Measures what the first write to memory costs: heap, fresh huge pages, pool.
//!
//! `cargo run --release -p fastdata-memory --example first_touch`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::hint::black_box;
use std::time::Instant;

use fastdata_memory::{Pool, PooledBuffer};

const TOTAL_BYTES: usize = 1 << 30;
const ROUNDS: usize = 7;

fn main() {
    println!("milliseconds to allocate, write once and free 1 GiB in pieces; median of {ROUNDS}");
    println!(
        "{:>12} {:>10} {:>10} {:>10} {:>10}",
        "piece", "vec zeroed", "vec set", "fresh", "pooled"
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
            median(piece_bytes, |len| write(black_box(&mut vec![0_u8; len]))),
            median(piece_bytes, |len| {
                let mut vec = Vec::with_capacity(len);
                vec.resize(len, 7_u8);
                black_box(&mut vec);
            }),
            median(piece_bytes, |len| {
                write(black_box(
                    PooledBuffer::with_len_in(fresh, len).as_mut_slice(),
                ));
            }),
            median(piece_bytes, |len| {
                write(black_box(
                    PooledBuffer::with_len_in(pooled, len).as_mut_slice(),
                ));
            }),
        ];
        print!("{:>8} KiB", piece_bytes >> 10);
        for column in columns {
            print!(" {column:>10.1}");
        }
        println!();
    }
}

fn write(bytes: &mut [u8]) {
    bytes.fill(7);
}

fn median(piece_bytes: usize, mut once: impl FnMut(usize)) -> f64 {
    let mut millis: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..TOTAL_BYTES / piece_bytes {
                once(piece_bytes);
            }
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    millis[ROUNDS / 2]
}
