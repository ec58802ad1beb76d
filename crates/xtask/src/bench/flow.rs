//! `cargo xtask bench flow`: whole runs of small flows against Metaflow.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::machine::Machine;
use super::report;
use crate::process::{Result, print, say};
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
    /// Write docs/benchmarks.md
    #[arg(long)]
    publish: bool,
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
    workspace::build_release(&["-p", "benches", "--bin", "flow-bench"])?;
    let ours = workspace::target().join("release").join("flow-bench");
    let scratch = workspace::target().join("bench-flow");
    let _ = std::fs::remove_dir_all(&scratch);
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
            let mut run = Run {
                command: Command::new(&ours),
                folder: scratch.join(format!("{name}-{turn}-ours")),
                width: (name == "foreach").then_some(args.width),
                tasks,
            };
            run.command.env("FASTDATA_BENCH_FLOW", name);
            our_times.push(run.time()?);
            if turn < their_turns {
                let script = format!("benches/peers/flow/{name}.py");
                let mut run = Run {
                    command: Command::new(&python),
                    folder: scratch.join(format!("{name}-{turn}-metaflow")),
                    ..run
                };
                run.command.arg(workspace::root().join(script));
                their_times.push(run.time()?);
            }
        }
        table += &line(what, tasks, seconds(&our_times), seconds(&their_times));
    }
    // Not before the last run: for seconds after a removal ext4 looks for inodes that nobody has just
    // given back, which takes longer than the tasks.
    let _ = std::fs::remove_dir_all(&scratch);
    print(&table);
    match args.publish {
        true => {
            let (told, turns) = (machine.told(), args.turns);
            let text =
                format!("{told}; medians of {turns} turns, one of Metaflow's foreach.\n\n{table}");
            report::section("flow", &text)
        }
        false => Ok(()),
    }
}

/// One run of a flow, in a datastore of its own.
struct Run {
    command: Command,
    folder: PathBuf,
    /// Of a foreach.
    width: Option<usize>,
    tasks: usize,
}

impl Run {
    /// Nanoseconds from the start of the program to its end.
    fn time(&mut self) -> Result<u64> {
        let (folder, command) = (&self.folder, &mut self.command);
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        command.arg("run").current_dir(folder);
        if let Some(width) = self.width.map(|width| width.to_string()) {
            command.args(["--width", &width, "--max-num-splits", &width]);
        }
        for (variable, value) in settings(folder) {
            command.env(variable, value);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status().map_err(|error| error.to_string())?;
        let took = begun.elapsed();
        if !status.success() {
            return Err(format!("{command:?} failed"));
        }
        // The task of the parameters is one more. What the tasks made, the flows look at themselves.
        let done = done_count(folder);
        match done == self.tasks + 1 {
            true => u64::try_from(took.as_nanos()).map_err(|error| error.to_string()),
            false => Err(format!("{command:?}: {done} tasks are done")),
        }
    }
}

/// How many attempts below a folder are marked as done.
fn done_count(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => done_count(&entry.path()),
        _ => usize::from(entry.file_name().to_string_lossy().ends_with(".DONE.lock")),
    };
    entries.flatten().map(count).sum()
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

/// The median in seconds, when there is one.
fn seconds(times_ns: &[u64]) -> Option<f64> {
    (!times_ns.is_empty()).then(|| report::median(times_ns) as f64 / 1e9)
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
        assert_eq!(seconds(&[]), None);
    }
}
