//! `fastdata demo`: a table to play with, one scan of it, and what to try next.

mod events;
mod table;

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
    print(&format!("\n$ {command} --explain\n{}", scan.explain()?))?;
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
