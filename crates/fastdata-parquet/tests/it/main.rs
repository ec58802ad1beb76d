//! Tests of fastdata-parquet through its public functions.

mod corpora;
mod hostile;
mod projection;
mod pruning;
mod reading;
mod round_trips;
mod writing;
