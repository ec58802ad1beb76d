//! `cargo xtask bench flow`: whole runs of small flows against Metaflow.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::machine::Machine;
use crate::process::{self, Result, print, say};
use crate::{python, workspace};

/// Arguments of `cargo xtask bench flow`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Runs of each flow; the foreach of Metaflow runs once
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Tasks of the foreach
    #[arg(long, default_value_t = 1000)]
    width: usize,
    /// Leave Metaflow out
    #[arg(long)]
    ours_only: bool,
}

/// The flows, each with what it is and its number of tasks besides those of a foreach.
const FLOWS: [(&str, &str, usize); 3] = [
    ("row", "ten steps in a row that do nothing", 10),
    ("foreach", "a foreach of trivial tasks", 3),
    (
        "arrays",
        "8 MB of random float64 through five steps, each loads, changes and stores",
        6,
    ),
];

pub(crate) fn run(args: &Args) -> Result<()> {
    let python = python::prepare_metaflow()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = [
        "build",
        "--release",
        "--quiet",
        "-p",
        "benches",
        "--bin",
        "flow-bench",
    ];
    process::run(
        Command::new(cargo)
            .current_dir(workspace::root())
            .args(build),
    )?;
    let ours = workspace::target().join("release").join("flow-bench");
    let machine = Machine::look();
    say(&format!("load before: {}", machine.load_before));
    let mut table =
        "| flow | tasks | ours | a task | Metaflow | a task | × |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (name, what, fixed) in FLOWS {
        let tasks = fixed + if name == "foreach" { args.width } else { 0 };
        let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
        let their_turns = match (args.ours_only, name) {
            (true, _) => 0,
            (_, "foreach") => 1,
            _ => args.turns,
        };
        // In turns, so that what a busy machine does to one it does to the other.
        for turn in 0..args.turns {
            let mut command = Command::new(&ours);
            our_times.push(time(
                command.env("FASTDATA_BENCH_FLOW", name),
                name,
                args.width,
            )?);
            if turn < their_turns {
                let script = workspace::root()
                    .join("benches/peers/flow")
                    .join(format!("{name}.py"));
                their_times.push(time(Command::new(&python).arg(script), name, args.width)?);
            }
        }
        let (ours, theirs) = (median(our_times), median(their_times));
        table += &line(what, tasks, ours, theirs);
    }
    print(&table);
    Ok(())
}

/// The time of one run from the start of the program to its end, in a datastore of its own.
fn time(command: &mut Command, name: &str, width: usize) -> Result<Duration> {
    let scratch = workspace::target().join("bench-flow");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    command.arg("run").current_dir(&scratch);
    if name == "foreach" {
        let width = width.to_string();
        command.args(["--width", &width, "--max-num-splits", &width]);
    }
    for (variable, value) in settings(&scratch) {
        command.env(variable, value);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().map_err(|error| error.to_string())?;
    let took = begun.elapsed();
    match status.success() {
        true => Ok(took),
        false => Err(format!("{command:?} failed")),
    }
}

/// Both write to the same kind of place, and Metaflow does not look for its service.
fn settings(scratch: &Path) -> [(&'static str, String); 4] {
    [
        (
            "METAFLOW_DATASTORE_SYSROOT_LOCAL",
            scratch.to_string_lossy().into_owned(),
        ),
        ("METAFLOW_DEFAULT_DATASTORE", "local".to_owned()),
        ("METAFLOW_DEFAULT_METADATA", "local".to_owned()),
        ("METAFLOW_USER", "bench".to_owned()),
    ]
}

fn median(mut times: Vec<Duration>) -> Option<f64> {
    times.sort_unstable();
    times.get(times.len() / 2).map(Duration::as_secs_f64)
}

fn line(what: &str, tasks: usize, ours: Option<f64>, theirs: Option<f64>) -> String {
    let whole =
        |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.3} s"));
    let each = |time: Option<f64>| {
        let each = time.map(|time| time * 1e3 / tasks as f64);
        each.map_or_else(|| "–".to_owned(), |each| format!("{each:.1} ms"))
    };
    let times = theirs.zip(ours).map_or_else(
        || "–".to_owned(),
        |(theirs, ours)| format!("{:.0}", theirs / ours),
    );
    format!(
        "| {what} | {tasks} | {} | {} | {} | {} | {times} |\n",
        whole(ours),
        each(ours),
        whole(theirs),
        each(theirs)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_with_and_without_a_peer() {
        let row = line("x", 10, Some(0.05), Some(3.5));
        assert_eq!(
            row,
            "| x | 10 | 0.050 s | 5.0 ms | 3.500 s | 350.0 ms | 70 |\n"
        );
        assert!(line("x", 10, Some(0.05), None).ends_with("| – | – | – |\n"));
        assert_eq!(median(vec![]), None);
    }
}
