//! `fastdata flow diff`.

use fastdata::flows::Client;
use fastdata::flows::diff::{ArtifactChange, Diff, diff};
use fastdata::flows::layout::{PARAMETERS_STEP, PathSpec};

use super::{duration, grid};
use crate::cmd::{print, to_json};
use crate::config::flow::path;
use crate::failure::Failure;
use crate::output::terminal_columns;

#[derive(serde::Serialize)]
struct Record {
    schema: &'static str,
    is_same: bool,
    #[serde(flatten)]
    diff: Diff,
}

pub(super) fn compare(
    client: &Client,
    before: &PathSpec,
    after: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    if before.run().is_none() {
        return Err(Failure::usage(format!(
            "{before} is no run: write Flow/run"
        )));
    }
    let before = client.run(before)?;
    let after = match after {
        Some(text) => client.run(&path(text)?)?,
        None => client.run(&path(before.flow())?)?,
    };
    let diff = diff(&before, &after)?;
    if json {
        return print(&to_json(&Record {
            schema: "fastdata.flow.diff/1",
            is_same: diff.is_empty(),
            diff,
        })?);
    }
    let mut text = format!("{} → {}\n", diff.before, diff.after);
    text += &changes("parameters", &diff.parameters);
    text += &changes("artifacts", &diff.artifacts);
    let mut steps = grid(&[
        ("step", false),
        ("tasks", false),
        ("state", false),
        ("took", false),
    ]);
    for step in &diff.steps {
        steps.add(vec![
            step.name.clone(),
            pair(
                &step.task_counts.0.to_string(),
                &step.task_counts.1.to_string(),
            ),
            pair(step.states.0.unwrap_or("–"), step.states.1.unwrap_or("–")),
            pair(&duration(step.duration_ms.0), &duration(step.duration_ms.1)),
        ]);
    }
    text += "\n";
    text += &steps.render(terminal_columns()).0;
    print(&text)
}

/// The step of the parameters has a name that only Metaflow knows.
fn step_name(step: &str) -> String {
    match step {
        PARAMETERS_STEP => "parameters".to_owned(),
        step => step.to_owned(),
    }
}

fn pair(before: &str, after: &str) -> String {
    match before == after {
        true => after.to_owned(),
        false => format!("{before} → {after}"),
    }
}

fn changes(title: &str, changes: &[ArtifactChange]) -> String {
    if changes.is_empty() {
        return format!("same {title}\n");
    }
    let mut grid = grid(&[
        (title, false),
        ("step", false),
        ("before", false),
        ("after", false),
        ("tasks", true),
    ]);
    let short = |key: &Option<String>| match key {
        Some(key) => key.chars().take(10).collect(),
        None => "–".to_owned(),
    };
    for change in changes {
        grid.add(vec![
            change.name.clone(),
            step_name(&change.step),
            short(&change.before),
            short(&change.after),
            change.task_count.to_string(),
        ]);
    }
    format!("\n{}", grid.render(terminal_columns()).0)
}
