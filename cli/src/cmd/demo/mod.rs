//! `fastdata demo`: a table to play with, one scan of it, and what to try next.

mod events;
mod table;

use std::fmt::Write;
use std::path::Path;

use fastdata::{CancelToken, Scan, ScanRequest};

use super::print;
use crate::config::{DemoConfig, Destination, Format};
use crate::failure::Failure;
use crate::output::{self, grouped};
use crate::statistics::{self, size};

/// The partition that is scanned: a day with deleted rows.
const DAY: &str = "2026-02-14";
const COLUMNS: [&str; 5] = ["event_time", "user_id", "event_type", "price", "device"];
const ROWS_SHOWN: u64 = 8;
/// Lines of the explain tree that fit a screen.
const TREE_LINES_MAX: usize = 24;

pub(crate) fn run(config: &DemoConfig, cancel: &CancelToken) -> Result<(), Failure> {
    let written = table::write(&config.folder, cancel)?;
    let location = written.location.display().to_string();
    print(&format!(
        "Wrote {} events of three months as an Iceberg table: {} files, {}, in {location}\n",
        grouped(written.rows),
        grouped(written.files),
        size(written.bytes as f64),
    ))?;
    let command = format!(
        "fastdata scan {location} -p event_date={DAY} -c {}",
        COLUMNS.join(",")
    );
    let scan = Scan::open(request(&location), cancel.clone())?;

    print(&format!("\n$ {command}\n"))?;
    let stats = show_rows(&scan)?;
    print(&format!(
        "\n$ {command} --explain\n{}",
        tree(&scan.explain()?.to_string())
    ))?;
    print(&format!(
        "\n$ {command} -f none --stats\n{}",
        statistics::as_text(&stats)
    ))?;
    print(&next_steps(&config.folder, &location))
}

fn request(location: &str) -> ScanRequest {
    ScanRequest {
        sources: vec![location.to_owned()],
        columns: Some(COLUMNS.map(str::to_owned).to_vec()),
        partition: vec![("event_date".to_owned(), DAY.to_owned())],
        ..ScanRequest::default()
    }
}

fn show_rows(scan: &Scan) -> Result<fastdata::ScanStats, Failure> {
    let format = Format::Table {
        rows_shown: ROWS_SHOWN,
    };
    let mut output = output::open(
        format,
        &Destination::Stdout { terminal: true },
        scan.schema(),
    )?;
    let mut batches = scan.batches()?;
    for batch in &mut batches {
        output.write(&batch?)?;
    }
    output.finish()?;
    Ok(batches.stats())
}

/// The tree without the middle of a long run of lines.
fn tree(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let mut shown = String::new();
    let left_out = lines.len().saturating_sub(TREE_LINES_MAX);
    let (head, tail) = lines.split_at(lines.len().min(TREE_LINES_MAX) / 2);
    let tail = &tail[left_out..];
    for line in head {
        let _ = writeln!(shown, "{line}");
    }
    if left_out > 0 {
        let _ = writeln!(shown, "   … {left_out} lines more …");
    }
    for line in tail {
        let _ = writeln!(shown, "{line}");
    }
    shown
}

fn next_steps(folder: &Path, location: &str) -> String {
    let folder = folder.display();
    format!(
        "\nTry next:\n  \
         fastdata describe {location}\n  \
         fastdata scan {location} -w \"event_type = 'purchase' and price > 400\" -c user_id,country,price\n  \
         fastdata scan {location} -f count --as-of 2026-03-01\n  \
         fastdata scan {location} -p event_date=2026-03-08 -o day.parquet\n  \
         FASTDATA_WAREHOUSE={folder} fastdata scan shop.events -n 5\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tree_loses_its_middle() {
        assert_eq!(tree("a\nb\n"), "a\nb\n");
        let long: Vec<_> = (0..100).map(|line| line.to_string()).collect();
        let shown = tree(&long.join("\n"));
        assert_eq!(shown.lines().count(), TREE_LINES_MAX + 1);
        assert!(shown.contains("… 76 lines more …"));
        assert!(shown.ends_with("98\n99\n"));
    }
}
