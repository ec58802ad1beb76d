//! The two ways to consume a scan, through the facade that users link.

use arrow_array::RecordBatch;
use fastdata::{CancelToken, Collected, Scan, ScanRequest, ScanStats, StoreConfig};

use crate::Result;
use crate::job::Job;

fn open(job: &Job) -> Result<Scan> {
    let request = ScanRequest {
        sources: job.paths.clone(),
        columns: job.columns.clone(),
        filter: job.condition(),
        threads: job.threads,
        store: StoreConfig::from_env(),
        ..ScanRequest::default()
    };
    Ok(Scan::open(request, CancelToken::default())?)
}

/// Gives every batch to `consume`.
pub(crate) fn stream(
    job: &Job,
    mut consume: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<ScanStats> {
    let scan = open(job)?;
    let mut batches = scan.batches()?;
    for batch in &mut batches {
        consume(batch?)?;
    }
    Ok(batches.stats())
}

/// All rows at once.
pub(crate) fn collect(job: &Job) -> Result<Collected> {
    Ok(open(job)?.collect()?)
}
