//! Our side of the benchmarks: one job in, one line of JSON out, as every peer program does it.
//!
//! `benches/peers/measure.py` describes the job, the order of runs and what is timed; this program
//! keeps to it word for word, so that the numbers compare.

mod answer;
mod decompress;
mod job;
mod plan;
mod scan;
mod transfer;
mod usage;

use std::io::Write;
use std::process::ExitCode;

use serde_json::json;

/// The command line's allocator: what is measured is what users run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let report = serve().unwrap_or_else(|error| json!({ "failed": error.to_string() }));
    match writeln!(std::io::stdout(), "{report}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> Result<serde_json::Value> {
    let mut stdin = std::io::stdin().lines();
    let text = stdin.next().ok_or("no job")??;
    // Only downloads name their engine: of scans there is one in this program.
    let job: serde_json::Value = serde_json::from_str(&text)?;
    let go = || {
        writeln!(std::io::stdout(), "warm")?;
        stdin.next().transpose()?;
        Ok(())
    };
    Ok(match job.get("engine") {
        Some(_) => serde_json::to_value(transfer::measure(&serde_json::from_value(job)?, go)?)?,
        None => serde_json::to_value(job::measure(&serde_json::from_value(job)?)?)?,
    })
}
