//! `fastdata flow logs`.

use fastdata::flows::Client;
use fastdata::flows::client::{Stream, Task};
use fastdata::flows::layout::PathSpec;
use fastdata::flows::log::Line;

use crate::cmd::to_json;
use crate::config::Destination;
use crate::failure::{Failure, FailureKind};
use crate::output::{Flow, Sink};

#[derive(serde::Serialize)]
struct Record<'a> {
    schema: &'static str,
    task: &'a str,
    time_us: Option<i64>,
    source: &'a str,
    text: String,
}

/// Both, unless one was asked for.
pub(super) fn streams(stdout: bool, stderr: bool) -> &'static [Stream] {
    match (stdout, stderr) {
        (true, false) => &[Stream::Stdout],
        (false, true) => &[Stream::Stderr],
        _ => &[Stream::Stdout, Stream::Stderr],
    }
}

pub(super) fn logs(
    client: &Client,
    path: &PathSpec,
    streams: &[Stream],
    attempt: Option<u32>,
    times: bool,
    json: bool,
) -> Result<(), Failure> {
    let tasks = tasks(client, path)?;
    let mut lines: Vec<(String, Line)> = Vec::new();
    for task in &tasks {
        let name = format!("{}/{}", task.step(), task.id());
        let log = task.log(streams, attempt)?.into_iter();
        lines.extend(log.map(|line| (name.clone(), line)));
    }
    if tasks.len() > 1 {
        // Lines without a time come last.
        lines.sort_by_key(|(_, line)| (line.time.is_none(), line.time));
    }
    let mut sink = Sink::open(&Destination::Stdout { terminal: false })?;
    for (task, line) in &lines {
        let head = match (times, line.time) {
            (true, Some(time)) => format!("{} [{task}] ", time.format("%Y-%m-%d %H:%M:%S%.3f")),
            (true, None) => format!("[{task}] "),
            (false, _) => String::new(),
        };
        let text = match json {
            true => to_json(&Record {
                schema: "fastdata.flow.log/1",
                task,
                time_us: line.time.map(|time| time.timestamp_micros()),
                source: &line.source,
                text: String::from_utf8_lossy(&line.text).into_owned(),
            })?
            .into_bytes(),
            false => [head.as_bytes(), &line.text, b"\n"].concat(),
        };
        if sink.put(&text)? == Flow::Stop {
            return Ok(());
        }
    }
    sink.commit()
}

/// The task that is named, or those of the step or run.
fn tasks(client: &Client, path: &PathSpec) -> Result<Vec<Task>, Failure> {
    if let Some(task) = path.task() {
        return Ok(vec![client.task(&task)?]);
    }
    let run = client.run(path)?;
    let tasks = match path.step() {
        Some(step) => run.tasks(step)?,
        None => run
            .steps()?
            .iter()
            .flat_map(|step| step.tasks().to_vec())
            .collect(),
    };
    match tasks.is_empty() {
        true => Err(Failure::new(
            FailureKind::NotFound,
            format!("no task of {path}"),
        )),
        false => Ok(tasks),
    }
}
