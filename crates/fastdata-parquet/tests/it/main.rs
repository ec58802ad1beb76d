//! Tests of fastdata-parquet through its public functions.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "the helpers of tests may do what tests may"
)]

mod corpora;
mod hostile;
mod lies;
mod nested;
mod projection;
mod pruning;
mod reading;
mod round_trips;
mod writing;
