//! Our side of the benchmarks: one job in, one line of JSON out, as every peer program does it.
//!
//! `benches/peers/measure.py` describes the job, the order of runs and what is timed; this program
//! keeps to it word for word, so that the numbers compare.

mod answer;
mod decompress;
mod job;
mod plan;
mod scan;
mod usage;

use std::io::{Read, Write};
use std::process::ExitCode;

use job::{Job, Report};

/// The command line's allocator: what is measured is what users run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let report = serve().unwrap_or_else(|error| Report::failed(&error.to_string()));
    let line = serde_json::to_string(&report).unwrap_or_default();
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<Report> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let job: Job = serde_json::from_str(&text)?;
    job::measure(&job)
}
