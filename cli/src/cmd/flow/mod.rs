//! `fastdata flow`: a module per question.

mod compare;
mod dump;
mod list;
mod logs;
mod report;
mod show;

use fastdata::flows::{Error, ErrorKind};

use crate::args::FlowAction;
use crate::config::{FlowConfig, flow::path};
use crate::failure::{Failure, FailureKind};
use crate::output::Grid;

/// Runs one action.
pub(crate) fn run(config: FlowConfig) -> Result<(), Failure> {
    let FlowConfig {
        action,
        client,
        json,
    } = config;
    match action {
        FlowAction::Ls { path: None, .. } => list::flows(&client, json),
        FlowAction::Ls {
            path: Some(text),
            limit,
        } => list::below(&client, &path(&text)?, limit, json),
        FlowAction::Show { path: text } => show::show(&client, &path(&text)?, json),
        FlowAction::Logs {
            path: text,
            stdout,
            stderr,
            attempt,
            times,
        } => {
            let streams = logs::streams(stdout, stderr);
            logs::logs(&client, &path(&text)?, streams, attempt, times, json)
        }
        FlowAction::Dump {
            path: text,
            all,
            pickle,
            bytes,
            output,
        } => {
            let output = dump::Output::new(output, json);
            match (pickle, bytes) {
                (false, false) => dump::values(&client, &path(&text)?, all, output),
                (true, _) => dump::pickle(&client, &path(&text)?, output),
                (false, true) => dump::bytes(&client, &path(&text)?, output),
            }
        }
        FlowAction::Diff { before, after } => {
            compare::compare(&client, &path(&before)?, after.as_deref(), json)
        }
        FlowAction::Report {
            path: text,
            output,
            against,
        } => report::report(&client, &path(&text)?, output, against.as_deref()),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => FailureKind::NotFound,
            ErrorKind::Denied => FailureKind::Permission,
            ErrorKind::Corrupt => FailureKind::CorruptData,
            ErrorKind::Unsupported => FailureKind::Unsupported,
            ErrorKind::LimitExceeded => FailureKind::LimitExceeded,
            ErrorKind::InvalidArgument => FailureKind::Usage,
            _ => FailureKind::Other,
        };
        Self::of(kind, &error)
    }
}

fn grid(headers: &[(&str, bool)]) -> Grid {
    let header = |(name, right): &(&str, bool)| ((*name).to_owned(), *right);
    Grid::new(headers.iter().map(header).collect())
}

/// A moment in UTC for people.
fn moment(ms: Option<i64>) -> String {
    let time = ms.and_then(arrow_array::temporal_conversions::timestamp_ms_to_datetime);
    time.map_or_else(String::new, |time| {
        time.format("%Y-%m-%d %H:%M:%SZ").to_string()
    })
}

/// A duration for people.
fn duration(ms: Option<i64>) -> String {
    match ms {
        None => String::new(),
        Some(ms @ ..60_000) => format!("{}.{:03} s", ms / 1000, ms % 1000),
        Some(ms) => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1000),
    }
}
