//! `cargo xtask bench NAME`: hands over to the benchmark of that name.

mod answer;
mod dataset;
mod engine;
mod environment;
mod machine;
mod report;
mod scan;
mod workload;

use crate::process::Result;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// Scans of Parquet files and Iceberg tables, and planning, against other readers
    Scan(scan::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.benchmark {
        Benchmark::Scan(args) => scan::run(args),
    }
}
