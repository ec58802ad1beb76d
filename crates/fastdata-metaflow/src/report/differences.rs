//! What differs from the run before.

use super::html::{cut, duration, escaped, size, table};
use crate::diff::{ArtifactChange, Diff};

/// More differences are only counted.
const ROWS_MAX: usize = 60;

pub(super) fn draw(diff: &Diff) -> String {
    let mut out = format!(
        "<p>Compared with <code>{}</code>.</p>",
        escaped(&diff.before)
    );
    let changes: Vec<&ArtifactChange> = diff.parameters.iter().chain(&diff.artifacts).collect();
    if changes.is_empty() {
        out += "<p>Same parameters, same artifacts.</p>";
    } else {
        let rows: Vec<_> = changes
            .iter()
            .take(ROWS_MAX)
            .map(|change| row(change))
            .collect();
        out += &table(&["step", "artifact", "before", "after", "tasks"], &rows);
        if changes.len() > ROWS_MAX {
            out += &format!(
                "<p class=\"cut\">{} more differences are not shown.</p>",
                changes.len() - ROWS_MAX
            );
        }
    }
    let steps: Vec<_> = diff
        .steps
        .iter()
        .take(ROWS_MAX)
        .map(|step| {
            let pair = |one: String, other: String| match one == other {
                true => one,
                false => format!("{one} → {other}"),
            };
            let state = |state: Option<&str>| state.unwrap_or("not there").to_owned();
            let took = |ms: Option<i64>| ms.map(duration).unwrap_or_else(|| "–".to_owned());
            vec![
                escaped(&cut(&step.name, 60)),
                pair(
                    step.task_counts.0.to_string(),
                    step.task_counts.1.to_string(),
                ),
                pair(state(step.states.0), state(step.states.1)),
                pair(took(step.duration_ms.0), took(step.duration_ms.1)),
            ]
        })
        .collect();
    out + &table(&["step", "tasks", "state", "time of all tasks"], &steps)
}

fn row(change: &ArtifactChange) -> Vec<String> {
    let side = |key: &Option<String>, bytes: Option<u64>| match key {
        Some(key) => {
            let short: String = key.chars().take(10).collect();
            let bytes = bytes.map(size).unwrap_or_default();
            format!(
                "<code title=\"{}\">{}</code> {bytes}",
                escaped(key),
                escaped(&short)
            )
        }
        None => "–".to_owned(),
    };
    let step = match change.step.as_str() {
        crate::layout::PARAMETERS_STEP => "parameters",
        step => step,
    };
    vec![
        escaped(&cut(step, 60)),
        format!("<code>{}</code>", escaped(&cut(&change.name, 60))),
        side(&change.before, change.before_bytes),
        side(&change.after, change.after_bytes),
        change.task_count.to_string(),
    ]
}
