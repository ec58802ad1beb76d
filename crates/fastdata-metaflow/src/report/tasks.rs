//! Tasks with what they made and what they printed.

use std::collections::HashSet;
use std::fmt::Write;

use super::html::{cut, duration, escaped, moment, size, table};
use super::overview::TaskView;
use crate::Result;
use crate::client::{Artifact, State, Stream};

/// Artifacts of one task that are shown one by one.
const ARTIFACTS_MAX: usize = 40;

/// Longer artifacts are not read for their preview.
const PREVIEW_BYTES_MAX: u64 = 1 << 20;

const PREVIEW_CHARS: usize = 120;

/// Bytes of a log that are shown: its end, where it says what went wrong.
const LOG_BYTES_MAX: usize = 3000;

/// Artifacts as rows: name, type, bytes, key, beginning.
pub(super) fn artifact_rows(artifacts: &[Artifact]) -> Vec<Vec<String>> {
    let row = |artifact: &Artifact| {
        let key: String = artifact.key().chars().take(10).collect();
        vec![
            format!("<code>{}</code>", escaped(&cut(artifact.name(), 60))),
            escaped(&cut(artifact.type_name(), 60)),
            size(artifact.size_bytes()),
            format!(
                "<code title=\"{}\">{}</code>",
                escaped(artifact.key()),
                escaped(&key)
            ),
            format!("<code>{}</code>", escaped(&preview(artifact))),
        ]
    };
    artifacts.iter().map(row).collect()
}

/// The beginning of a value, or why it is not shown: one artifact must not spoil the page.
fn preview(artifact: &Artifact) -> String {
    if artifact.size_bytes() > PREVIEW_BYTES_MAX {
        return "too long to be shown".to_owned();
    }
    match artifact.value() {
        Ok(value) => value.preview(PREVIEW_CHARS),
        Err(error) => format!("not shown: {}", cut(&error.to_string(), PREVIEW_CHARS)),
    }
}

/// One task. `shown` holds artifacts that stood further up.
pub(super) fn draw(view: &TaskView, shown: &mut HashSet<(String, String)>) -> Result<String> {
    let took = view.duration_ms().map(duration).unwrap_or_default();
    let class = view.state.name();
    let open = if view.state == State::Failed {
        " open"
    } else {
        ""
    };
    let retries = match view.attempts.len() {
        0 | 1 => String::new(),
        count => format!(" <span class=\"note\">{count} attempts</span>"),
    };
    let mut out = format!(
        "<details class=\"task\"{open}><summary><span class=\"dot {class}\"></span><b>{}</b> <span class=\"note\">{class} {took}</span>{retries}</summary>",
        escaped(&view.id),
    );
    if view.attempts.len() > 1 || view.state != State::Succeeded {
        attempts(&mut out, view);
    }
    let artifacts: Vec<Artifact> = view
        .task
        .artifacts()?
        .into_iter()
        .filter(|artifact| !artifact.is_internal())
        .collect();
    let identity = |artifact: &Artifact| (artifact.name().to_owned(), artifact.key().to_owned());
    let (new, old): (Vec<_>, Vec<_>) = artifacts
        .into_iter()
        .partition(|artifact| shown.insert(identity(artifact)));
    if !new.is_empty() {
        let first = new.get(..ARTIFACTS_MAX).unwrap_or(&new);
        out += &table(
            &["artifact", "type", "size", "hash", "value"],
            &artifact_rows(first),
        );
        if new.len() > first.len() {
            // Writing into a string cannot fail.
            let _ = write!(
                out,
                "<p class=\"cut\">{} more artifacts are not shown.</p>",
                new.len() - first.len()
            );
        }
    }
    if !old.is_empty() {
        let names: Vec<&str> = old.iter().map(Artifact::name).collect();
        let _ = write!(
            out,
            "<p class=\"note\">Unchanged: {}</p>",
            escaped(&cut(&names.join(", "), 400))
        );
    }
    for (title, stream) in [("stdout", Stream::Stdout), ("stderr", Stream::Stderr)] {
        log(&mut out, view, title, stream)?;
    }
    Ok(out + "</details>")
}

fn attempts(out: &mut String, view: &TaskView) {
    let row = |attempt: &crate::client::Attempt| {
        let outcome = match attempt.is_ok {
            Some(true) => "succeeded",
            Some(false) => "failed",
            None => "unfinished",
        };
        vec![
            attempt.number.to_string(),
            outcome.to_owned(),
            attempt.started_ms.map(moment).unwrap_or_default(),
            attempt.duration_ms().map(duration).unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = view.attempts.iter().map(row).collect();
    *out += &table(&["attempt", "", "started", "took"], &rows);
}

fn log(out: &mut String, view: &TaskView, title: &str, stream: Stream) -> Result<()> {
    let lines = view.task.log(&[stream], None)?;
    if lines.is_empty() {
        return Ok(());
    }
    let texts: Vec<&[u8]> = lines.iter().map(|line| line.text.as_ref()).collect();
    let mut kept = 0;
    let from = texts.iter().rposition(|text| {
        kept += text.len().min(LOG_BYTES_MAX) + 1;
        kept > LOG_BYTES_MAX
    });
    let shown = texts
        .get(from.map_or(0, |idx| idx + 1)..)
        .unwrap_or_default();
    let shown = if shown.is_empty() {
        texts.get(texts.len() - 1..).unwrap_or_default()
    } else {
        shown
    };
    let text: Vec<String> = shown
        .iter()
        .map(|line| cut(&String::from_utf8_lossy(line), LOG_BYTES_MAX))
        .collect();
    let hidden = match texts.len() - shown.len() {
        0 => String::new(),
        count => format!(", the first {count} not shown"),
    };
    let _ = write!(
        out,
        "<details><summary>{title} <span class=\"note\">{}{hidden}</span></summary><pre>{}</pre></details>",
        match texts.len() {
            1 => "1 line".to_owned(),
            count => format!("{count} lines"),
        },
        escaped(&text.join("\n")),
    );
    Ok(())
}
