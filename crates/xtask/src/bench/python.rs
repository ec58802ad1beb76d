//! `cargo xtask bench kernels` and `bench python`: the wheel's package against other libraries.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::Machine;
use super::{dataset, environment, report};
use crate::process::{self, Result, print};
use crate::{package, workspace};

/// Arguments of `cargo xtask bench kernels`.
#[derive(clap::Args)]
pub(crate) struct KernelsArgs {
    /// Few rows, each library once: checks the answers and that every program still runs
    #[arg(long)]
    quick: bool,
    /// Turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only this part
    #[arg(long, value_parser = ["filter", "shapes", "take"])]
    only: Option<String>,
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
}

/// Arguments of `cargo xtask bench python`.
#[derive(clap::Args)]
pub(crate) struct TablesArgs {
    /// The small table, each library once
    #[arg(long)]
    quick: bool,
    /// Turns; each library is asked once a turn, in a process of its own
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
}

const REQUIREMENTS: &str = "benches/python/requirements.txt";

/// Filter and take.
pub(crate) fn kernels(args: &KernelsArgs) -> Result<()> {
    let output = results("kernels.json")?;
    let mut command = script("kernels.py")?;
    command.arg(&output);
    match args.quick {
        true => command.args(["--rows", "100000", "--rounds", "1"]),
        false => command.args(["--rounds", &args.rounds.to_string()]),
    };
    if let Some(part) = &args.only {
        command.args(["--only", part]);
    }
    let publish = args.publish.then_some("kernels");
    run(&mut command, args.rounds, publish)?;
    print(&format!("raw numbers: {}", output.display()));
    Ok(())
}

/// From a table to a Polars frame.
pub(crate) fn tables(args: &TablesArgs) -> Result<()> {
    let scale = if args.quick { "0.1" } else { "5" };
    dataset::prepare(scale)?;
    let metadata = dataset::Dataset::Table.paths(scale)?.concat();
    let own = environment::interpreter("python", REQUIREMENTS)?;
    let peer = |name: &str| {
        environment::interpreter(name, &format!("benches/peers/{name}/requirements.txt"))
    };
    let output = results("tables.json")?;
    let rounds = if args.quick { 1 } else { args.rounds.max(1) };
    let mut command = script("tables.py")?;
    command.arg(metadata).arg(&output);
    command.args(["--rounds", &rounds.to_string()]);
    for (name, interpreter) in [
        ("fastdata", own.clone()),
        ("polars", own.clone()),
        ("pyiceberg", own),
        ("duckdb", peer("duckdb-1.5")?),
        ("daft", peer("daft")?),
    ] {
        command.arg(format!("{name}={}", interpreter.display()));
    }
    run(&mut command, rounds, args.publish.then_some("python"))?;
    print(&format!("raw numbers: {}", output.display()));
    Ok(())
}

/// Runs a script; the tables that it prints go to the page under the name `publish`.
fn run(command: &mut Command, rounds: usize, publish: Option<&str>) -> Result<()> {
    let machine = Machine::look();
    let mut tables = Vec::new();
    if !process::watch(command, |line| tables.push(line.to_owned()))? {
        return Err("the measurement failed".to_owned());
    }
    let Some(name) = publish else { return Ok(()) };
    tables.retain(|line| line.starts_with('|'));
    let told = machine.told();
    report::section(
        name,
        &format!("{told}; medians of {rounds} turns.\n\n{}", tables.join("\n")),
    )
}

/// A script of ours in the environment of its peers, with the release build of the package.
fn script(name: &str) -> Result<Command> {
    let python = environment::interpreter("python", REQUIREMENTS)?;
    let site = package::build()?;
    let mut command = Command::new(python);
    command
        .arg(folder().join(name))
        .env("PYTHONPATH", site)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

fn folder() -> PathBuf {
    workspace::root().join("benches").join("python")
}

fn results(name: &str) -> Result<PathBuf> {
    let folder: &Path = &workspace::target().join("bench-results");
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder.join(name))
}
