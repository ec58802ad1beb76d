//! A run as one HTML page: no scripts, nothing that is loaded from elsewhere, and short enough to be
//! mailed.

mod differences;
mod graph;
mod html;
mod overview;
mod tasks;
mod timeline;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use crate::Result;
use crate::client::{Run, State};
use crate::diff::diff;
use html::{cut, duration, escaped, moment, table};
use overview::TaskView;

/// No page is longer.
pub const PAGE_BYTES_MAX: usize = 150_000;

/// What is left for the end of the page and the words about what was left out.
const RESERVED_BYTES: usize = 2_000;

/// Tasks of one step that come before further tasks of others.
const FIRST_TASKS: usize = 3;

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2128;--soft:#656d76;--line:#d8dee4;--box:#f6f8fa;--ok:#1a7f37;--bad:#cf222e;--open:#9a6700}\
@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;--soft:#8d96a0;--line:#30363d;--box:#161b22;--ok:#3fb950;--bad:#f85149;--open:#d29922}}\
body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;max-width:1060px;margin:0 auto;padding:24px 20px 60px}\
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 8px;border-bottom:1px solid var(--line);padding-bottom:4px}h3{font-size:15px;margin:18px 0 6px}\
.wide{overflow-x:auto}table{border-collapse:collapse;margin:6px 0}th{text-align:left;color:var(--soft);font-weight:500}\
th,td{padding:3px 14px 3px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}td:last-child,td:last-child code{white-space:pre-wrap;overflow-wrap:anywhere}\
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--box);border:1px solid var(--line);border-radius:6px;padding:8px 10px;overflow-x:auto;max-height:420px}\
.note,.cut{color:var(--soft)}.cut{font-style:italic}.tag{background:var(--box);border:1px solid var(--line);border-radius:10px;padding:0 8px;margin-right:4px;font-size:13px;display:inline-block}\
details{margin:4px 0}details.task{border-left:2px solid var(--line);padding-left:10px}summary{cursor:pointer}\
.dot{display:inline-block;width:9px;height:9px;border-radius:5px;margin-right:7px;background:var(--soft)}.dot.succeeded{background:var(--ok)}.dot.failed{background:var(--bad)}.dot.unfinished{background:var(--open)}\
svg{font:13px system-ui,sans-serif}svg text{fill:var(--fg)}svg .small{font-size:11px;fill:var(--soft)}.graph text{text-anchor:middle}\
.graph rect{fill:var(--box);stroke:var(--line);stroke-width:1.5}.graph .succeeded rect{stroke:var(--ok)}.graph .failed rect{stroke:var(--bad)}.graph .unfinished rect{stroke:var(--open)}\
.edge{fill:none;stroke:var(--soft);stroke-width:1.3}#arrow path{fill:var(--soft)}.timeline line{stroke:var(--line)}\
.timeline .succeeded rect{fill:var(--ok)}.timeline .failed rect{fill:var(--bad)}.timeline .unfinished rect{fill:var(--open)}";

/// The page of a run; compared with `previous`, if there is one. A run that does not fit is cut
/// down, and the page says where.
///
/// # Errors
/// Those of reading the run. A value that cannot be shown is no error.
pub fn report(run: &Run, previous: Option<&Run>) -> Result<String> {
    let views = overview::tasks(run)?;
    let title = escaped(&cut(&run.path(), 200));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
    );
    head(&mut page, run, &views)?;
    let info = run.graph_info().ok().flatten();
    page += "<h2>Graph</h2>";
    let nodes = info.as_ref().map(graph::nodes).unwrap_or_default();
    page += &graph::draw(&nodes, &looks(&views));
    page += "<h2>Timeline</h2>";
    page += &timeline::draw(&views.iter().collect::<Vec<_>>());
    let parameters = run.parameters()?;
    if !parameters.is_empty() {
        page += "<h2>Parameters</h2>";
        let first = parameters.get(..50).unwrap_or(&parameters);
        page += &table(
            &["name", "type", "size", "hash", "value"],
            &tasks::artifact_rows(first),
        );
    }
    let differences = match previous {
        Some(previous) => format!(
            "<h2>Differences</h2>{}",
            differences::draw(&diff(previous, run)?)
        ),
        None => String::new(),
    };
    let taken_bytes = page.len() + differences.len() + RESERVED_BYTES;
    page += "<h2>Steps</h2>";
    page += &steps(&views, PAGE_BYTES_MAX.saturating_sub(taken_bytes))?;
    page += &differences;
    page += "</body></html>\n";
    Ok(page)
}

fn head(page: &mut String, run: &Run, views: &[TaskView]) -> Result<()> {
    let state = run.state()?.name();
    // Writing into a string cannot fail.
    let _ = write!(page, "<p><span class=\"dot {state}\"></span><b>{state}</b>");
    let ends = views
        .iter()
        .flat_map(|view| &view.attempts)
        .filter_map(|attempt| attempt.finished_ms);
    if let (Some(from), Some(to)) = (run.created_ms(), ends.max()) {
        let _ = write!(page, " after {}", duration((to - from).max(0)));
    }
    if let Some(created) = run.created_ms() {
        let _ = write!(page, " · begun {}", moment(created));
    }
    if let Some(user) = run.user() {
        let _ = write!(page, " · by {}", escaped(&cut(user, 100)));
    }
    let retried = views.iter().filter(|view| view.attempts.len() > 1).count();
    let _ = write!(page, " · {} tasks", views.len());
    if retried > 0 {
        let _ = write!(page, ", {retried} tried again");
    }
    *page += "</p>";
    if let Some(origin) = run.origin_run_id()? {
        let _ = write!(
            page,
            "<p class=\"note\">Takes over results of run <code>{}</code>.</p>",
            escaped(&cut(&origin, 200))
        );
    }
    *page += "<p>";
    for tag in run.tags().iter().chain(run.system_tags()).take(80) {
        let _ = write!(
            page,
            "<span class=\"tag\">{}</span>",
            escaped(&cut(tag, 100))
        );
    }
    *page += "</p>";
    Ok(())
}

/// How each step looks in the graph: its state, and how many tasks it has.
fn looks(views: &[TaskView]) -> BTreeMap<String, (&'static str, String)> {
    let mut steps: BTreeMap<String, (State, usize)> = BTreeMap::new();
    for view in views {
        let (state, count) = steps
            .entry(view.step.clone())
            .or_insert((State::Succeeded, 0));
        *count += 1;
        *state = match (*state, view.state) {
            (State::Failed, _) | (_, State::Failed) => State::Failed,
            (State::Unfinished, _) | (_, State::Unfinished) => State::Unfinished,
            _ => State::Succeeded,
        };
    }
    let look = |(step, (state, count)): (String, (State, usize))| {
        let line = match count {
            1 => String::new(),
            count => format!("{count} tasks"),
        };
        (step, (state.name(), line))
    };
    steps.into_iter().map(look).collect()
}

/// Tasks within `bytes_max`: failed ones and the first of each step go before the others.
fn steps(views: &[TaskView], bytes_max: usize) -> Result<String> {
    let mut by_step: BTreeMap<&str, usize> = BTreeMap::new();
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(views.len());
    for (idx, view) in views.iter().enumerate() {
        let position = by_step.entry(&view.step).or_insert(0);
        let rank = match view.state {
            State::Failed => 0,
            _ if *position < FIRST_TASKS => 1,
            _ => 2,
        };
        *position += 1;
        order.push((rank, idx));
    }
    order.sort_unstable();
    let mut drawn: BTreeMap<usize, String> = BTreeMap::new();
    let mut shown = HashSet::new();
    let mut left = bytes_max.saturating_sub(by_step.len() * 200);
    for (_, idx) in order {
        // So little is left that hardly any task fits: the others are not even read.
        let Some(view) = views.get(idx).filter(|_| left > 400) else {
            break;
        };
        let task = tasks::draw(view, &mut shown)?;
        if task.len() <= left {
            left -= task.len();
            drawn.insert(idx, task);
        }
    }
    let mut out = String::new();
    let mut last = "";
    for (idx, view) in views.iter().enumerate() {
        if view.step != last {
            last = &view.step;
            let count = by_step.get(last).copied().unwrap_or(0);
            let count = if count == 1 {
                String::new()
            } else {
                format!(" <span class=\"note\">{count} tasks</span>")
            };
            let heading = format!("<h3>{}{count}</h3>", escaped(&cut(last, 60)));
            if out.len() + heading.len() < bytes_max {
                out += &heading;
            }
        }
        if let Some(task) = drawn.get(&idx) {
            out += task;
        }
    }
    if drawn.len() < views.len() {
        let _ = write!(
            out,
            "<p class=\"cut\">{} more tasks are not shown: the page would be too long.</p>",
            views.len() - drawn.len()
        );
    }
    Ok(out)
}
