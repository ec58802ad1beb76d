//! `cargo xtask bench scan`: the same questions to every engine, in turns, with checked answers.

use super::dataset::{self, Dataset};
use super::engine::{self, Effort, FLOOR, OUR_COMMAND, Report};
use super::machine::Machine;
use super::report::{self, Measured};
use super::workload::{self, Workload};
use crate::process::{Result, say};

/// Arguments of `cargo xtask bench scan`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Scale factor 0.1, each engine once: checks the answers and that every program still runs
    #[arg(long)]
    quick: bool,
    /// Turns; each engine is asked once a turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these workloads, by the names of their files
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<String>,
    /// Only these engines, by the names of their folders; `fastdata` is the library
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// Only these modes
    #[arg(long, value_delimiter = ',')]
    modes: Vec<String>,
    /// Write docs/benchmarks.md and benches/results
    #[arg(long)]
    publish: bool,
}

impl Args {
    fn scale(&self) -> &'static str {
        if self.quick { "0.1" } else { "5" }
    }

    fn rounds(&self) -> usize {
        if self.quick { 1 } else { self.rounds.max(1) }
    }

    fn wants(&self, engine: &str) -> bool {
        self.engines.is_empty() || self.engines.iter().any(|wanted| wanted == engine)
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let workloads = workload::load(&args.workloads)?;
    let machine = Machine::look();
    let asked = workloads
        .iter()
        .flat_map(|workload| engines(args, workload, "stream"));
    engine::prepare(&asked.map(str::to_owned).collect())?;
    dataset::prepare(args.scale())?;
    let mut measured = Vec::new();
    for workload in &workloads {
        for mode in &workload.modes {
            if args.modes.is_empty() || args.modes.contains(mode) {
                measured.push(measure(args, workload, mode)?);
            }
        }
    }
    report::print(&measured);
    let wrong: Vec<_> = measured.iter().flat_map(Measured::failures).collect();
    if args.publish {
        report::publish(&machine, args.scale(), args.rounds(), measured)?;
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "engines that failed or answered wrongly:\n{}",
            wrong.join("\n")
        )),
    }
}

/// The engines that are asked: those that the workload names, and two more views of ourselves.
fn engines<'a>(args: &Args, workload: &'a Workload, mode: &str) -> Vec<&'a str> {
    let mut engines: Vec<&str> = workload.engines.iter().map(String::as_str).collect();
    if mode == "stream" && workload.dataset != Dataset::Planned {
        engines.push(OUR_COMMAND);
    }
    if mode == "stream" && workload.floor {
        engines.push(FLOOR);
    }
    engines.retain(|engine| args.wants(engine));
    engines
}

/// All rounds of one workload in one mode.
fn measure(args: &Args, workload: &Workload, mode: &str) -> Result<Measured> {
    let paths = workload.dataset.paths(args.scale())?;
    let engines = engines(args, workload, mode);
    let mut measured = Measured::new(workload, mode, &engines);
    for round in 0..args.rounds() {
        let effort = Effort {
            timed_count: 1,
            check: round == 0,
        };
        // Another engine begins each round, so that no one always follows the same other.
        for turn in 0..engines.len() {
            let Some(engine) = engines.get((turn + round) % engines.len()) else {
                continue;
            };
            if measured.gave_up(engine) {
                continue;
            }
            let report =
                engine::run(engine, workload, mode, &paths, effort).unwrap_or_else(|error| {
                    Report {
                        failed: Some(error),
                        ..Report::default()
                    }
                });
            let report = checked(args.scale(), workload, report);
            say(&line(workload, mode, engine, &report));
            measured.add(engine, report);
        }
    }
    Ok(measured)
}

/// A report with a wrong answer is a failure, whatever its speed.
pub(super) fn checked(scale: &str, workload: &Workload, mut report: Report) -> Report {
    let Some(answer) = report.answer.take() else {
        return report;
    };
    let verdict = match workload.expected.get(scale) {
        Some(right) => answer.check(right),
        None => Err(format!(
            "no answer is on record; {} rows, {}",
            answer.rows,
            answer.digest()
        )),
    };
    if let Err(message) = verdict {
        report.failed = Some(format!("wrong answer: {message}"));
    }
    report
}

fn line(workload: &Workload, mode: &str, engine: &str, report: &Report) -> String {
    let outcome = match (&report.failed, &report.refused) {
        (Some(message), _) => format!("FAILED: {message}"),
        (None, Some(message)) => format!("not done: {message}"),
        (None, None) => {
            let seconds = report
                .wall_ns
                .iter()
                .map(|ns| format!("{:.3} s", *ns as f64 / 1e9));
            seconds.collect::<Vec<_>>().join(", ")
        }
    };
    format!("{} · {mode} · {engine}: {outcome}", workload.name)
}
