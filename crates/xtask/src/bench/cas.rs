//! `cargo xtask bench cas`: saves and loads of blobs against Metaflow and Python's codecs.

use std::process::Command;

use serde::Deserialize;

use super::machine::Machine;
use super::report;
use crate::process::{self, Result, print};
use crate::{package, python, workspace};

/// Arguments of `cargo xtask bench cas`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Turns of each engine on each payload; twenty times as many on the small ones
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
}

/// How the line with the report begins.
const REPORT: &str = "{\"schema\": \"fastdata.bench.cas/1\"";

#[derive(Deserialize)]
struct Report {
    payloads: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Payload {
    content_bytes: u64,
    engines: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Measured {
    save_ms: f64,
    load_ms: f64,
    stored_bytes: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let python = python::prepare_metaflow()?;
    let package = package::build()?;
    let scratch = workspace::target().join("bench-cas");
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    // Metaflow finds its extensions on the path; its own store stays at hand beside ours.
    let extension = workspace::root().join("python-bindings/metaflow-extension");
    let paths = std::env::join_paths([package, extension]).map_err(|error| error.to_string())?;
    let machine = Machine::look();
    let mut command = Command::new(python);
    command
        .arg(workspace::root().join("benches/peers/cas/run.py"))
        .arg(scratch)
        .env("PYTHONPATH", paths)
        .env("METAFLOW_USER", "bench")
        .env("FASTDATA_BENCH_TURNS", args.turns.to_string());
    // Metaflow may talk as well.
    let mut last = String::new();
    let keep = |line: &str| {
        if line.starts_with(REPORT) {
            line.clone_into(&mut last);
        }
    };
    if !process::watch(&mut command, keep)? {
        return Err("the measurement failed".to_owned());
    }
    let report: Report = serde_json::from_str(&last).map_err(|error| error.to_string())?;
    let table = table(report)?;
    print(&table);
    match args.publish {
        true => report::section(
            "cas",
            &format!(
                "{}; medians of {} turns.\n\n{table}",
                machine.told(),
                args.turns
            ),
        ),
        false => Ok(()),
    }
}

/// A line for each payload and engine, with how many times as fast as Metaflow it is.
fn table(report: Report) -> Result<String> {
    let mut text =
        "| payload | engine | save | × | load | × | bytes |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (name, payload) in report.payloads {
        let payload: Payload =
            serde_json::from_value(payload).map_err(|error| error.to_string())?;
        let mut engines = Vec::new();
        for (engine, measured) in payload.engines {
            let measured: Measured =
                serde_json::from_value(measured).map_err(|error| error.to_string())?;
            engines.push((engine, measured));
        }
        let base = engines.iter().find(|(engine, _)| engine == "metaflow");
        let (save_ms, load_ms) = base.map_or((f64::NAN, f64::NAN), |(_, m)| (m.save_ms, m.load_ms));
        for (engine, measured) in &engines {
            text += &format!(
                "| {name} ({} bytes) | {engine} | {:.3} ms | {:.1} | {:.3} ms | {:.1} | {} |\n",
                payload.content_bytes,
                measured.save_ms,
                save_ms / measured.save_ms,
                measured.load_ms,
                load_ms / measured.load_ms,
                measured.stored_bytes
            );
        }
    }
    Ok(text)
}
