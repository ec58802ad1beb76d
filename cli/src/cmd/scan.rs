//! `fastdata scan`: rows out of a table or files.

use fastdata::{CancelToken, Scan};

use super::{print, to_json};
use crate::args::ReportFormat;
use crate::config::ScanConfig;
use crate::failure::Failure;
use crate::output::{self, Flow};
use crate::progress::Progress;
use crate::statistics;

pub(crate) fn run(config: ScanConfig, cancel: &CancelToken) -> Result<(), Failure> {
    let scan = Scan::open(config.request.clone(), cancel.clone())?;
    match config.explain {
        Some(how) => explain(&scan, how),
        None => write_rows(&scan, &config),
    }
}

fn explain(scan: &Scan, how: ReportFormat) -> Result<(), Failure> {
    let explain = scan.explain()?;
    match how {
        ReportFormat::Text => print(&explain.to_string()),
        ReportFormat::Json => print(&to_json(&explain)?),
    }
}

fn write_rows(scan: &Scan, config: &ScanConfig) -> Result<(), Failure> {
    let mut output = output::open(config.format, &config.destination, scan.schema())?;
    let mut batches = scan.batches()?;
    let progress = Progress::start(config.progress, batches.progress_handle());
    let mut flow = Flow::More;
    while flow == Flow::More
        && let Some(batch) = batches.next()
    {
        flow = output.write(&batch?)?;
    }
    // The bar is gone before the last rows appear, so that they do not run into it.
    drop(progress);
    if flow == Flow::More {
        output.finish()?;
    }
    if let Some(how) = config.stats {
        statistics::report(&batches.stats(), how)?;
    }
    Ok(())
}
