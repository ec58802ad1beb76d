//! Filter and take, on all threads, against `arrow-select`, on one, as ratios of medians.
//!
//! `cargo run --release -p fastdata-kernels --example select_speed [ROWS]`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int8Array, Int32Array, Int64Array, RecordBatch,
    StringArray, StringViewArray, UInt32Array,
};
use arrow_buffer::BooleanBuffer;
use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate, bind};
use fastdata_kernels::select::{Mask, Positions, filter_array, take_array};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const REPEATS: usize = 7;

fn median(mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[REPEATS / 2]
}

fn report(what: &str, ours: Duration, theirs: Duration) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let (ours, theirs) = (ours.as_secs_f64() * 1e3, theirs.as_secs_f64() * 1e3);
    #[expect(
        clippy::print_stdout,
        reason = "the report is what this program is for"
    )]
    {
        println!("{what:<34} {ours:>9.3} ms   arrow {theirs:>9.3} ms   {ratio:>5.2}x");
    }
}

fn columns(rows: usize, rng: &mut StdRng) -> Vec<(&'static str, ArrayRef)> {
    let ints: Vec<i64> = (0..rows).map(|_| rng.random_range(0..1_000)).collect();
    let with_nulls: Int64Array = ints.iter().map(|i| (i % 10 != 0).then_some(*i)).collect();
    let short: Vec<String> = ints.iter().map(|i| format!("{i:08}")).collect();
    let long: Vec<String> = ints.iter().map(|i| format!("{i:040}")).collect();
    vec![
        (
            "i8",
            Arc::new(ints.iter().map(|i| Some(*i as i8)).collect::<Int8Array>()),
        ),
        (
            "i32",
            Arc::new(ints.iter().map(|i| Some(*i as i32)).collect::<Int32Array>()),
        ),
        ("i64", Arc::new(Int64Array::from(ints.clone()))),
        ("i64, 10 % null", Arc::new(with_nulls)),
        (
            "f64",
            Arc::new(Float64Array::from_iter_values(
                ints.iter().map(|i| *i as f64),
            )),
        ),
        (
            "bool",
            Arc::new(BooleanArray::from_iter(
                ints.iter().map(|i| Some(i % 2 == 0)),
            )),
        ),
        ("utf8 of 8", Arc::new(StringArray::from_iter_values(&short))),
        ("utf8 of 40", Arc::new(StringArray::from_iter_values(&long))),
        (
            "view of 40",
            Arc::new(StringViewArray::from_iter_values(&long)),
        ),
    ]
}

fn masks(rows: usize, rng: &mut StdRng) -> Vec<(String, BooleanBuffer)> {
    let mut all: Vec<(String, BooleanBuffer)> = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99]
        .into_iter()
        .map(|share| {
            let bits = (0..rows).map(|_| rng.random_bool(share)).collect();
            (format!("{} %", share * 100.0), bits)
        })
        .collect();
    all.push((
        "50 % in runs".to_owned(),
        (0..rows).map(|row| row / 1_000 % 2 == 0).collect(),
    ));
    all
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().build()?;
    // Ours are timed on the pool's threads; what is outside of a pool uses one.
    pool.install(run)
        .map_err(|failure| failure.to_string().into())
}

fn run() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let rows = std::env::args()
        .nth(1)
        .map_or(Ok(2_000_000), |rows| rows.parse())?;
    let mut rng = StdRng::seed_from_u64(1);
    let columns = columns(rows, &mut rng);
    for (share, bits) in masks(rows, &mut rng) {
        let filter = BooleanArray::new(bits.clone(), None);
        for (name, column) in &columns {
            let ours = median(|| {
                let mask = Mask::new(bits.clone());
                black_box(filter_array(column, &mask).is_ok());
            });
            let theirs = median(|| {
                black_box(arrow_select::filter::filter(column, &filter).is_ok());
            });
            report(&format!("filter {name}, {share}"), ours, theirs);
        }
    }
    let random: UInt32Array = (0..rows)
        .map(|_| Some(rng.random_range(0..rows as u32)))
        .collect();
    for (name, column) in &columns {
        let ours = median(|| {
            let taken = Positions::new(&random, rows).and_then(|rows| take_array(column, &rows));
            black_box(taken.is_ok());
        });
        let theirs = median(|| {
            black_box(arrow_select::take::take(column, &random, None).is_ok());
        });
        report(&format!("take {name}, random"), ours, theirs);
    }
    compare(&columns)
}

fn compare(
    columns: &[(&'static str, ArrayRef)],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for (name, column) in columns
        .iter()
        .filter(|(name, _)| matches!(*name, "i32" | "i64" | "f64"))
    {
        let batch = RecordBatch::try_from_iter([("c", Arc::clone(column))])?;
        let condition = Predicate::Compare {
            column: ColumnName::top("c"),
            op: CompareOp::Lt,
            literal: Literal::Number {
                unscaled: 500,
                scale: 0,
            },
        };
        let bound = bind(&condition, &batch.schema())?;
        let ours = median(|| {
            black_box(bound.evaluate(&batch).is_ok());
        });
        let scalar = arrow_cast::cast(
            &Int64Array::new_scalar(500).into_inner(),
            column.data_type(),
        )?;
        let scalar = arrow_array::Scalar::new(scalar);
        let theirs = median(|| {
            black_box(arrow_ord::cmp::lt(column, &scalar).is_ok());
        });
        report(&format!("{name} < 500"), ours, theirs);
    }
    Ok(())
}
