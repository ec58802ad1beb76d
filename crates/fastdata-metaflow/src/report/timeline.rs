//! When each attempt of each task ran.

use std::fmt::Write;

use super::html::{cut, duration, escaped};
use super::overview::TaskView;

/// More tasks are not drawn.
const TASKS_MAX: usize = 150;

const LABEL_WIDTH: f64 = 210.0;
const WIDTH: f64 = 960.0;
const ROW: usize = 18;

/// A bar for each attempt, a row for each task.
pub(super) fn draw(tasks: &[&TaskView]) -> String {
    let times = tasks.iter().flat_map(|task| &task.attempts);
    let from = times.clone().filter_map(|attempt| attempt.started_ms).min();
    let to = times
        .filter_map(|attempt| attempt.finished_ms.or(attempt.started_ms))
        .max();
    let (Some(from), Some(to)) = (from, to) else {
        return "<p>No task of this run says when it ran.</p>".to_owned();
    };
    let scale = (WIDTH - LABEL_WIDTH - 70.0) / ((to - from).max(1) as f64);
    let x = |ms: i64| LABEL_WIDTH + (ms - from) as f64 * scale;
    let shown: Vec<_> = tasks.iter().take(TASKS_MAX).collect();
    let height = shown.len() * ROW + 24;
    let mut out = format!(
        "<div class=\"wide\"><svg class=\"timeline\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Timeline of tasks\">"
    );
    for (row, task) in shown.iter().enumerate() {
        draw_task(&mut out, task, row * ROW + 4, &x);
    }
    let _ = write!(
        out,
        "<line x1=\"{LABEL_WIDTH}\" y1=\"{0}\" x2=\"{1:.1}\" y2=\"{0}\"/><text class=\"small\" x=\"{LABEL_WIDTH}\" y=\"{2}\">0</text>\
         <text class=\"small\" text-anchor=\"end\" x=\"{1:.1}\" y=\"{2}\">{3}</text></svg></div>",
        height - 18,
        x(to),
        height - 5,
        duration(to - from),
    );
    if tasks.len() > shown.len() {
        let _ = write!(
            out,
            "<p class=\"cut\">{} more tasks are not drawn.</p>",
            tasks.len() - shown.len()
        );
    }
    out
}

/// The bars of one task, its name before them and how long the last one took behind them.
fn draw_task(out: &mut String, task: &TaskView, y: usize, x: &dyn Fn(i64) -> f64) {
    let label = format!("{}/{}", task.step, task.id);
    // Writing into a string cannot fail.
    let _ = write!(
        out,
        "<text x=\"0\" y=\"{}\">{}</text>",
        y + 10,
        escaped(&cut(&label, 32))
    );
    for attempt in &task.attempts {
        let Some(started) = attempt.started_ms else {
            continue;
        };
        let finished = attempt.finished_ms.unwrap_or(started);
        let class = match attempt.is_ok {
            Some(true) => "succeeded",
            Some(false) => "failed",
            None => "unfinished",
        };
        let width = (x(finished) - x(started)).max(2.0);
        let took = duration((finished - started).max(0));
        let _ = write!(
            out,
            "<g class=\"{class}\"><title>{} attempt {}: {took}</title><rect x=\"{:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"12\" rx=\"2\"/></g>",
            escaped(&label),
            attempt.number,
            x(started),
        );
    }
    if let Some(last) = task.attempts.last()
        && let (Some(_), Some(finished)) = (last.started_ms, last.finished_ms)
    {
        let took = duration(last.duration_ms().unwrap_or(0));
        let _ = write!(
            out,
            "<text class=\"small\" x=\"{:.1}\" y=\"{}\">{took}</text>",
            x(finished) + 5.0,
            y + 10
        );
    }
}
