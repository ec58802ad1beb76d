//! `fastdata flow show`.

use std::collections::BTreeMap;

use fastdata::flows::Client;
use fastdata::flows::client::{Artifact, Attempt, Run, Task};
use fastdata::flows::layout::PathSpec;

use super::list::{RunRecord, StepRecord, run_record, step_records, step_table};
use super::{duration, grid, moment};
use crate::cmd::{print, to_json};
use crate::failure::Failure;
use crate::output::terminal_columns;

/// What is shown of a value.
const PREVIEW_CHARS: usize = 60;

/// Longer artifacts are not read for their preview.
const PREVIEW_BYTES_MAX: u64 = 1 << 20;

#[derive(serde::Serialize)]
struct ShownRun {
    schema: &'static str,
    #[serde(flatten)]
    run: RunRecord,
    origin_run_id: Option<String>,
    parameters: Vec<ArtifactRecord>,
    steps: Vec<StepRecord>,
}

#[derive(serde::Serialize)]
struct ShownTask {
    schema: &'static str,
    path: String,
    state: &'static str,
    attempts: Vec<AttemptRecord>,
    facts: BTreeMap<String, String>,
    artifacts: Vec<ArtifactRecord>,
}

#[derive(serde::Serialize)]
struct AttemptRecord {
    attempt: u32,
    is_done: bool,
    is_ok: Option<bool>,
    started_ms: Option<i64>,
    duration_ms: Option<i64>,
}

#[derive(serde::Serialize)]
struct ArtifactRecord {
    name: String,
    python_type: String,
    pickle_bytes: u64,
    key: String,
    preview: String,
}

/// A task, or a run where no task is named.
pub(super) fn show(client: &Client, path: &PathSpec, json: bool) -> Result<(), Failure> {
    match (path.task(), path.step(), path.run()) {
        (Some(task), _, _) => show_task(&client.task(&task)?, json),
        (None, Some(_), _) => super::list::below(client, path, usize::MAX, json),
        (None, None, _) => show_run(&client.run(path)?, json),
    }
}

fn show_run(run: &Run, json: bool) -> Result<(), Failure> {
    let shown = ShownRun {
        schema: "fastdata.flow.run/1",
        run: run_record(run)?,
        origin_run_id: run.origin_run_id()?,
        parameters: run.parameters()?.iter().map(artifact_record).collect(),
        steps: step_records(run)?,
    };
    if json {
        return print(&to_json(&shown)?);
    }
    let mut facts = vec![
        ("run", shown.run.path.clone()),
        ("state", shown.run.state.to_owned()),
        ("begun", moment(shown.run.created_ms)),
        ("took", duration(shown.run.duration_ms)),
        ("user", shown.run.user.clone().unwrap_or_default()),
        ("tags", shown.run.tags.join(" ")),
        ("system tags", shown.run.system_tags.join(" ")),
    ];
    facts.extend(
        shown
            .origin_run_id
            .clone()
            .map(|origin| ("takes over", origin)),
    );
    let mut text = fact_table(
        facts
            .into_iter()
            .map(|(name, fact)| (name.to_owned(), fact)),
    );
    if !shown.parameters.is_empty() {
        text += "\n";
        text += &artifact_table(&shown.parameters);
    }
    text += "\n";
    text += &step_table(&shown.steps);
    print(&text)
}

fn show_task(task: &Task, json: bool) -> Result<(), Failure> {
    let artifacts = task.artifacts()?.into_iter();
    let artifacts: Vec<Artifact> = artifacts
        .filter(|artifact| !artifact.is_internal())
        .collect();
    let shown = ShownTask {
        schema: "fastdata.flow.task/1",
        path: task.path().to_string(),
        state: task.state()?.name(),
        attempts: task.attempts()?.iter().map(attempt_record).collect(),
        facts: task.facts()?,
        artifacts: artifacts.iter().map(artifact_record).collect(),
    };
    if json {
        return print(&to_json(&shown)?);
    }
    let head = [
        ("task".to_owned(), shown.path.clone()),
        ("state".to_owned(), shown.state.to_owned()),
    ];
    let mut text = fact_table(head.into_iter().chain(shown.facts.clone()));
    text += "\n";
    let mut attempts = grid(&[
        ("attempt", true),
        ("outcome", false),
        ("started", false),
        ("took", true),
    ]);
    for attempt in &shown.attempts {
        let outcome = match (attempt.is_done, attempt.is_ok) {
            (_, Some(false)) => "failed",
            (true, Some(true)) => "succeeded",
            _ => "unfinished",
        };
        attempts.add(vec![
            attempt.attempt.to_string(),
            outcome.to_owned(),
            moment(attempt.started_ms),
            duration(attempt.duration_ms),
        ]);
    }
    text += &attempts.render(terminal_columns()).0;
    text += "\n";
    text += &artifact_table(&shown.artifacts);
    print(&text)
}

fn attempt_record(attempt: &Attempt) -> AttemptRecord {
    AttemptRecord {
        attempt: attempt.number,
        is_done: attempt.is_done,
        is_ok: attempt.is_ok,
        started_ms: attempt.started_ms,
        duration_ms: attempt.duration_ms(),
    }
}

fn artifact_record(artifact: &Artifact) -> ArtifactRecord {
    let preview = match artifact.size_bytes() <= PREVIEW_BYTES_MAX {
        true => match artifact.value() {
            Ok(value) => value.preview(PREVIEW_CHARS),
            // One value that cannot be read hides no other.
            Err(error) => format!("not shown: {error}"),
        },
        false => "too long to be shown".to_owned(),
    };
    ArtifactRecord {
        name: artifact.name().to_owned(),
        python_type: artifact.type_name().to_owned(),
        pickle_bytes: artifact.size_bytes(),
        key: artifact.key().to_owned(),
        preview,
    }
}

fn artifact_table(artifacts: &[ArtifactRecord]) -> String {
    let mut grid = grid(&[
        ("artifact", false),
        ("type", false),
        ("bytes", true),
        ("hash", false),
        ("value", false),
    ]);
    for artifact in artifacts {
        grid.add(vec![
            artifact.name.clone(),
            artifact.python_type.clone(),
            artifact.pickle_bytes.to_string(),
            artifact.key.chars().take(10).collect(),
            artifact.preview.clone(),
        ]);
    }
    grid.render(terminal_columns()).0
}

fn fact_table(facts: impl Iterator<Item = (String, String)>) -> String {
    let mut grid = grid(&[("", false), ("", false)]);
    for (name, fact) in facts.filter(|(_, fact)| !fact.is_empty()) {
        grid.add(vec![name, fact]);
    }
    let text = grid.render(None).0;
    // Facts need no header.
    text.splitn(3, '\n').nth(2).unwrap_or_default().to_owned()
}
