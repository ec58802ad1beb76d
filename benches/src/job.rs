//! A job, its measurement and its report.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::{Result, decompress, plan, scan, usage};

/// One workload in one mode.
#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) mode: Mode,
    pub(crate) paths: Vec<String>,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) filter: Vec<Term>,
    pub(crate) threads: usize,
    pub(crate) timed_count: usize,
    pub(crate) check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Every batch goes to a consumer that drops it.
    Stream,
    /// All rows are in memory at the end.
    Collect,
    /// The data files that a scan would read.
    Plan,
    /// Pages are decompressed and dropped: what no reader can do without.
    Decompress,
}

/// One comparison of the filter; all must hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Term {
    pub(crate) column: String,
    pub(crate) op: String,
    pub(crate) value: serde_json::Value,
    pub(crate) kind: String,
}

impl Job {
    /// The filter as SQL; `None` without one.
    pub(crate) fn condition(&self) -> Option<String> {
        let terms = self.filter.iter().map(Term::sql).collect::<Vec<_>>();
        (!terms.is_empty()).then(|| terms.join(" and "))
    }
}

impl Term {
    fn sql(&self) -> String {
        let literal = match (&self.value, self.kind.as_str()) {
            (serde_json::Value::String(text), "date") => format!("date '{text}'"),
            (serde_json::Value::String(text), _) => format!("'{}'", text.replace('\'', "''")),
            (value, _) => value.to_string(),
        };
        format!("{} {} {literal}", self.column, self.op)
    }
}

/// What one process measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    version: &'static str,
    wall_ns: Vec<u64>,
    cpu_ns: Vec<u64>,
    peak_rss_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<serde_json::Value>,
}

/// One untimed run, then the timed ones, then, when asked for, one that is summed up.
pub(crate) fn measure(job: &Job) -> Result<Report> {
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        ..Report::default()
    };
    report.stats = run(job)?;
    for _ in 0..job.timed_count {
        let (begin, cpu_begin_ns) = (Instant::now(), usage::cpu_ns());
        let kept = match job.mode {
            Mode::Collect => Some(scan::collect(job)?),
            _ => {
                run(job)?;
                None
            }
        };
        report
            .wall_ns
            .push(u64::try_from(begin.elapsed().as_nanos())?);
        report
            .cpu_ns
            .push(usage::cpu_ns().saturating_sub(cpu_begin_ns));
        drop(kept);
    }
    report.peak_rss_bytes = usage::peak_rss_bytes();
    if job.check {
        report.answer = Some(answer(job)?);
    }
    Ok(report)
}

/// One run whose result is dropped; what it did, where the mode can tell.
fn run(job: &Job) -> Result<Option<serde_json::Value>> {
    let stats = match job.mode {
        Mode::Stream => scan::stream(job, |_| Ok(()))?,
        Mode::Collect => scan::collect(job)?.stats,
        Mode::Plan => {
            plan::files(job)?;
            return Ok(None);
        }
        Mode::Decompress => return decompress::all_pages(job).map(Some),
    };
    Ok(Some(serde_json::to_value(stats)?))
}

fn answer(job: &Job) -> Result<Answer> {
    let mut answer = Answer::default();
    match job.mode {
        Mode::Stream => {
            scan::stream(job, |batch| answer.add(&batch))?;
        }
        Mode::Collect => {
            for batch in scan::collect(job)?.batches {
                answer.add(&batch)?;
            }
        }
        Mode::Plan => answer.add(&plan::as_batch(&plan::files(job)?)?)?,
        Mode::Decompress => {}
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_sql() {
        let job: Job = serde_json::from_str(
            r#"{"mode": "stream", "source": "parquet", "paths": ["a"], "columns": null,
                "filter": [{"column": "d", "op": ">=", "value": "1995-03-01", "kind": "date"},
                           {"column": "n", "op": "=", "value": 7, "kind": "int"}],
                "threads": 2, "timed_count": 1, "check": false}"#,
        )
        .expect("a job as the runner writes it");
        assert_eq!(
            job.condition().as_deref(),
            Some("d >= date '1995-03-01' and n = 7")
        );
    }
}
