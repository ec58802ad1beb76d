//! `--stats`: what a scan did, on stderr.

use std::fmt::Write as _;
use std::io::Write as _;

use fastdata::ScanStats;

use crate::args::ReportFormat;
use crate::failure::{Failure, FailureKind};
use crate::output::grouped;

/// Writes `stats` to stderr.
pub(crate) fn report(stats: &ScanStats, how: ReportFormat) -> Result<(), Failure> {
    let text = match how {
        ReportFormat::Text => as_text(stats),
        ReportFormat::Json => serde_json::to_string(stats)
            .map_err(|error| Failure::because(FailureKind::Other, "cannot write JSON", &error))?,
    };
    // The rows are out; a closed stderr is no failure.
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
    Ok(())
}

/// The statistics for people.
pub(crate) fn as_text(stats: &ScanStats) -> String {
    let mut text = String::new();
    let seconds = stats.wall_ns as f64 / 1e9;
    let rate = |amount: u64| {
        if seconds > 0.0 {
            amount as f64 / seconds
        } else {
            0.0
        }
    };
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line(
        "time",
        format!(
            "{} on {} threads: plan {} · wait for bytes {} · decompress {} · decode {} · select {} · idle {}",
            time(stats.wall_ns),
            stats.threads,
            time(stats.plan_ns),
            time(stats.io_ns),
            time(stats.decompress_ns),
            time(stats.decode_ns),
            time(stats.select_ns),
            time(stats.idle_ns),
        ),
    );
    line(
        "skipped",
        format!(
            "{} of {} files · {} of {} row groups",
            grouped(stats.files_pruned),
            grouped(stats.files_planned + stats.files_pruned),
            grouped(stats.row_groups_pruned),
            grouped(stats.row_groups_total),
        ),
    );
    line(
        "bytes",
        format!(
            "{} wanted · {} fetched in {} requests ({}/s) · {} of columns returned",
            size(stats.bytes_wanted as f64),
            size(stats.bytes_fetched as f64),
            grouped(stats.requests),
            size(rate(stats.bytes_fetched)),
            size(stats.bytes_returned as f64),
        ),
    );
    line(
        "rows",
        format!(
            "{} read · {} deleted · {} returned ({}/s)",
            grouped(stats.rows_read),
            grouped(stats.rows_deleted),
            grouped(stats.rows_returned),
            grouped(rate(stats.rows_returned) as u64),
        ),
    );
    line(
        "memory",
        format!("{} at its peak", size(stats.peak_memory_bytes as f64)),
    );
    text
}

/// Nanoseconds for people.
fn time(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..10_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

/// Bytes for people.
pub(crate) fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{value:.0} B"),
        unit => format!("{value:.1} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_for_people() {
        assert_eq!(
            [0.0, 1023.0, 1536.0, 5e12].map(size),
            ["0 B", "1023 B", "1.5 KiB", "4.5 TiB"]
        );
        assert_eq!(
            [999, 1_500_000, 12_000_000_000].map(time),
            ["0 µs", "1.5 ms", "12.0 s"]
        );
        let text = as_text(&ScanStats {
            rows_returned: 1234,
            threads: 2,
            ..ScanStats::default()
        });
        assert!(text.contains("1,234 returned"), "{text}");
        assert_eq!(text.lines().count(), 5);
    }
}
