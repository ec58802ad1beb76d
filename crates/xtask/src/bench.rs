//! `cargo xtask bench NAME`: hands over to the benchmark of that name.

mod answer;
mod cas;
mod dataset;
mod engine;
mod environment;
mod flow;
mod machine;
mod python;
mod report;
mod scan;
mod transfer;
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
    /// Saves and loads of blobs, against Metaflow and Python's codecs
    Cas(cas::Args),
    /// Runs of small flows, against Metaflow
    Flow(flow::Args),
    /// Scans of Parquet files and Iceberg tables, and planning, against other readers
    Scan(scan::Args),
    /// Downloads from an S3 server behind a network of a known width, against other clients
    Transfer(transfer::Args),
    /// Filter and take of ten million rows in Python, against other libraries
    Kernels(python::KernelsArgs),
    /// From an Iceberg table to a Polars frame in Python, against other libraries
    Python(python::TablesArgs),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.benchmark {
        Benchmark::Cas(args) => cas::run(args),
        Benchmark::Flow(args) => flow::run(args),
        Benchmark::Scan(args) => scan::run(args),
        Benchmark::Transfer(args) => transfer::run(args),
        Benchmark::Kernels(args) => python::kernels(args),
        Benchmark::Python(args) => python::tables(args),
    }
}
