//! Engines: programs that are given a job and report what they measured.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::workload::Workload;
use super::{environment, machine};
use crate::process::Result;
use crate::workspace;

/// The library, linked.
pub(crate) const OURS: &str = "fastdata";
/// The command, timed from outside with all that starting it takes.
pub(crate) const OUR_COMMAND: &str = "fastdata-cli";
/// Decompressing the pages and nothing else.
pub(crate) const FLOOR: &str = "decompress";

/// How a job is to be run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) timed_count: usize,
    pub(crate) check: bool,
}

/// What one process reports.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(crate) struct Report {
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) wall_ns: Vec<u64>,
    #[serde(default)]
    pub(crate) cpu_ns: Vec<u64>,
    #[serde(default)]
    pub(crate) peak_rss_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Answer>,
    /// What only some engines tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<serde_json::Value>,
    /// The engine does not do this kind of job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
    /// The engine should do it, and did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
}

/// Makes the environments of the peers among `engines`, and builds our programs if they are there.
pub(crate) fn prepare(engines: &BTreeSet<String>) -> Result<()> {
    for peer in engines.iter().filter(|engine| !is_ours(engine)) {
        interpreter(peer)?;
    }
    if !engines.iter().any(|engine| is_ours(engine)) {
        return Ok(());
    }
    workspace::build_release(&["--bin", "fastdata-bench", "--bin", "fastdata"])
}

pub(crate) fn is_ours(engine: &str) -> bool {
    [OURS, OUR_COMMAND, FLOOR].contains(&engine)
}

fn interpreter(engine: &str) -> Result<PathBuf> {
    environment::interpreter(engine, &format!("benches/peers/{engine}/requirements.txt"))
}

/// Runs one job of `workload` on `engine` in a process of its own.
pub(crate) fn run(
    engine: &str,
    workload: &Workload,
    mode: &str,
    paths: &[String],
    effort: Effort,
) -> Result<Report> {
    if engine == OUR_COMMAND {
        return run_command(workload, paths, effort);
    }
    let job = match engine {
        FLOOR => job(
            workload,
            "decompress",
            paths,
            Effort {
                check: false,
                ..effort
            },
        ),
        _ => job(workload, mode, paths, effort),
    };
    ask(&mut program(engine)?, &job).map_err(|error| format!("{engine}: {error}"))
}

/// The program that measures `engine`.
pub(crate) fn program(engine: &str) -> Result<Command> {
    if is_ours(engine) {
        return Ok(our_program());
    }
    let mut command = Command::new(interpreter(engine)?);
    let peers = workspace::root().join("benches/peers");
    command.arg(peers.join(engine).join("run.py"));
    Ok(command)
}

/// The program that measures us.
pub(crate) fn our_program() -> Command {
    Command::new(workspace::target().join("release").join("fastdata-bench"))
}

/// What a program is asked for.
pub(crate) fn job(
    workload: &Workload,
    mode: &str,
    paths: &[String],
    effort: Effort,
) -> serde_json::Value {
    json!({
        "mode": mode,
        "source": workload.dataset.source(),
        "paths": paths,
        "columns": workload.columns,
        "filter": workload.filter,
        "threads": machine::cores(),
        "timed_count": effort.timed_count,
        "check": effort.check,
    })
}

/// Hands the program its job; its report is the last line that it prints.
pub(crate) fn ask<R: DeserializeOwned>(
    command: &mut Command,
    job: &serde_json::Value,
) -> Result<R> {
    let cores = machine::cores().to_string();
    let mut child = command
        .env("POLARS_MAX_THREADS", &cores)
        .env("PYICEBERG_MAX_WORKERS", &cores)
        .env("DO_NOT_TRACK", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(job.to_string().as_bytes())
            .map_err(|error| error.to_string())?;
    }
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default().to_owned();
        format!("ended with {} and no report: {last}", output.status)
    })
}

/// Times `fastdata scan … -f none` from outside.
fn run_command(workload: &Workload, paths: &[String], effort: Effort) -> Result<Report> {
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Report::default()
    };
    for run_idx in 0..=effort.timed_count {
        let mut command = Command::new(workspace::target().join("release").join("fastdata"));
        command.arg("scan").args(paths).args(["-f", "none"]);
        if let Some(columns) = &workload.columns {
            command.arg("-c").arg(columns.join(","));
        }
        if !workload.filter.is_empty() {
            let terms: Vec<_> = workload
                .filter
                .iter()
                .map(super::workload::Term::sql)
                .collect();
            command.arg("-w").arg(terms.join(" and "));
        }
        let begin = Instant::now();
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let wall_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            report.failed = Some(message);
            return Ok(report);
        }
        if run_idx > 0 {
            report.wall_ns.push(wall_ns);
        }
    }
    Ok(report)
}
