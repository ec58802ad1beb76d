//! `fastdata flow ls`.

use fastdata::flows::Client;
use fastdata::flows::client::{Run, Task};
use fastdata::flows::layout::PathSpec;

use super::{duration, grid, moment};
use crate::cmd::{print, to_json};
use crate::failure::{Failure, FailureKind};
use crate::output::terminal_columns;

#[derive(serde::Serialize)]
struct Listing<T> {
    schema: &'static str,
    #[serde(flatten)]
    what: T,
}

#[derive(serde::Serialize)]
struct Flows {
    flows: Vec<FlowRecord>,
}

#[derive(serde::Serialize)]
struct FlowRecord {
    flow: String,
    run_count: usize,
    latest_run: Option<String>,
    latest_created_ms: Option<i64>,
}

#[derive(serde::Serialize)]
struct Runs {
    runs: Vec<RunRecord>,
}

/// A run, as `ls` and `show` tell it.
#[derive(serde::Serialize)]
pub(super) struct RunRecord {
    pub(super) path: String,
    pub(super) state: &'static str,
    pub(super) created_ms: Option<i64>,
    pub(super) duration_ms: Option<i64>,
    pub(super) user: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) system_tags: Vec<String>,
}

#[derive(serde::Serialize)]
struct Steps {
    steps: Vec<StepRecord>,
}

/// A step, as `ls` and `show` tell it.
#[derive(serde::Serialize)]
pub(super) struct StepRecord {
    pub(super) step: String,
    pub(super) state: &'static str,
    pub(super) task_count: usize,
    pub(super) attempt_count: usize,
    /// Of the latest attempts of all tasks.
    pub(super) duration_ms: i64,
}

#[derive(serde::Serialize)]
struct Tasks {
    tasks: Vec<TaskRecord>,
}

#[derive(serde::Serialize)]
struct TaskRecord {
    path: String,
    state: &'static str,
    attempt_count: usize,
    started_ms: Option<i64>,
    duration_ms: Option<i64>,
}

const SCHEMA: &str = "fastdata.flow.ls/1";

fn tell<T: serde::Serialize>(
    what: T,
    json: bool,
    text: impl Fn(&T) -> String,
) -> Result<(), Failure> {
    match json {
        true => print(&to_json(&Listing {
            schema: SCHEMA,
            what,
        })?),
        false => print(&text(&what)),
    }
}

pub(super) fn flows(client: &Client, json: bool) -> Result<(), Failure> {
    let mut flows = Vec::new();
    for flow in client.flows()? {
        let runs = flow.runs()?;
        flows.push(FlowRecord {
            flow: flow.name().to_owned(),
            run_count: runs.len(),
            latest_run: runs.first().map(|run| run.id().to_owned()),
            latest_created_ms: runs.first().and_then(Run::created_ms),
        });
    }
    tell(Flows { flows }, json, |listing| {
        let mut grid = grid(&[
            ("flow", false),
            ("runs", true),
            ("latest", false),
            ("begun", false),
        ]);
        for flow in &listing.flows {
            grid.add(vec![
                flow.flow.clone(),
                flow.run_count.to_string(),
                flow.latest_run.clone().unwrap_or_default(),
                moment(flow.latest_created_ms),
            ]);
        }
        grid.render(terminal_columns()).0
    })
}

/// What lies below a flow, a run or a step.
pub(super) fn below(
    client: &Client,
    path: &PathSpec,
    limit: usize,
    json: bool,
) -> Result<(), Failure> {
    match (path.run(), path.step()) {
        (None, _) => runs(client, path, limit, json),
        (Some(_), None) => tell(steps(&client.run(path)?)?, json, |steps| {
            step_table(&steps.steps)
        }),
        (Some(_), Some(step)) => {
            let tasks = client.run(path)?.tasks(step)?;
            if tasks.is_empty() {
                return Err(Failure::new(
                    FailureKind::NotFound,
                    format!("no step {path}"),
                ));
            }
            let tasks = tasks
                .iter()
                .map(task_record)
                .collect::<Result<_, Failure>>()?;
            tell(Tasks { tasks }, json, task_table)
        }
    }
}

fn runs(client: &Client, path: &PathSpec, limit: usize, json: bool) -> Result<(), Failure> {
    let runs = client.flow(path.flow())?.runs()?;
    if runs.is_empty() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format!("no run of flow {path}"),
        ));
    }
    let total = runs.len();
    let runs = runs
        .iter()
        .take(limit)
        .map(run_record)
        .collect::<Result<_, Failure>>()?;
    tell(Runs { runs }, json, |listing| {
        let mut grid = grid(&[
            ("run", false),
            ("state", false),
            ("begun", false),
            ("took", true),
            ("user", false),
            ("tags", false),
        ]);
        for run in &listing.runs {
            grid.add(vec![
                run.path.clone(),
                run.state.to_owned(),
                moment(run.created_ms),
                duration(run.duration_ms),
                run.user.clone().unwrap_or_default(),
                run.tags.join(" "),
            ]);
        }
        let mut text = grid.render(terminal_columns()).0;
        if total > listing.runs.len() {
            text += &format!(
                "{} more runs: --limit {total}\n",
                total - listing.runs.len()
            );
        }
        text
    })
}

pub(super) fn run_record(run: &Run) -> Result<RunRecord, Failure> {
    let duration_ms = match (run.created_ms(), run.finished_ms()?) {
        (Some(from), Some(to)) => Some((to - from).max(0)),
        _ => None,
    };
    Ok(RunRecord {
        path: run.path(),
        state: run.state()?.name(),
        created_ms: run.created_ms(),
        duration_ms,
        user: run.user().map(str::to_owned),
        tags: run.tags().to_vec(),
        system_tags: run.system_tags().to_vec(),
    })
}

fn steps(run: &Run) -> Result<Steps, Failure> {
    Ok(Steps {
        steps: step_records(run)?,
    })
}

pub(super) fn step_records(run: &Run) -> Result<Vec<StepRecord>, Failure> {
    let mut steps = Vec::new();
    for step in run.steps()? {
        let (mut attempt_count, mut duration_ms) = (0, 0);
        for task in step.tasks() {
            attempt_count += task.attempts()?.len();
            let latest = task.latest_attempt()?;
            duration_ms += latest
                .and_then(|attempt| attempt.duration_ms())
                .unwrap_or(0);
        }
        steps.push(StepRecord {
            step: step.name().to_owned(),
            state: step.state()?.name(),
            task_count: step.tasks().len(),
            attempt_count,
            duration_ms,
        });
    }
    Ok(steps)
}

pub(super) fn step_table(steps: &[StepRecord]) -> String {
    let mut grid = grid(&[
        ("step", false),
        ("state", false),
        ("tasks", true),
        ("attempts", true),
        ("took", true),
    ]);
    for step in steps {
        grid.add(vec![
            step.step.clone(),
            step.state.to_owned(),
            step.task_count.to_string(),
            step.attempt_count.to_string(),
            duration(Some(step.duration_ms)),
        ]);
    }
    grid.render(terminal_columns()).0
}

fn task_record(task: &Task) -> Result<TaskRecord, Failure> {
    Ok(TaskRecord {
        path: task.path().to_string(),
        state: task.state()?.name(),
        attempt_count: task.attempts()?.len(),
        started_ms: task.started_ms()?,
        duration_ms: task
            .latest_attempt()?
            .and_then(|attempt| attempt.duration_ms()),
    })
}

fn task_table(tasks: &Tasks) -> String {
    let mut grid = grid(&[
        ("task", false),
        ("state", false),
        ("attempts", true),
        ("started", false),
        ("took", true),
    ]);
    for task in &tasks.tasks {
        grid.add(vec![
            task.path.clone(),
            task.state.to_owned(),
            task.attempt_count.to_string(),
            moment(task.started_ms),
            duration(task.duration_ms),
        ]);
    }
    grid.render(terminal_columns()).0
}
