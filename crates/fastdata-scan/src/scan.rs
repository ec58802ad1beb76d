//! A scan: opened once, explained or run.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::{CancelToken, Explain, Progress, Result, ScanRequest, ScanStats};

/// A resolved source with a bound filter and projection, ready to run.
#[derive(Debug)]
pub struct Scan {}

/// All rows of a scan.
#[derive(Debug)]
pub struct Collected {
    /// Schema of every batch.
    pub schema: SchemaRef,
    /// Rows in the order of files, row groups and rows.
    pub batches: Vec<RecordBatch>,
    /// What the scan did.
    pub stats: ScanStats,
}

impl Scan {
    /// Resolves the sources, reads table metadata (or the first file's footer) and binds columns
    /// and filter. Blocks; reads no data.
    pub fn open(_request: ScanRequest, _cancel: CancelToken) -> Result<Self> {
        todo!("scan")
    }

    /// Schema of the batches that come out.
    pub fn schema(&self) -> &SchemaRef {
        todo!("scan")
    }

    /// What would be read, and why the rest is skipped. Reads manifests and footers, no data pages.
    pub fn explain(&self) -> Result<Explain> {
        todo!("scan")
    }

    /// Starts the scan; batches come in order, in bounded memory. Dropping the iterator stops it.
    pub fn batches(&self) -> Result<Batches> {
        todo!("scan")
    }

    /// Runs the scan to its end and keeps every batch.
    pub fn collect(&self) -> Result<Collected> {
        todo!("scan")
    }
}

/// The batches of a running scan, in order.
#[derive(Debug)]
pub struct Batches {}

impl Batches {
    /// Schema of every batch.
    pub fn schema(&self) -> &SchemaRef {
        todo!("scan")
    }

    /// Where the scan stands now; callable from another thread through [`Batches::progress_handle`].
    pub fn progress(&self) -> Progress {
        todo!("scan")
    }

    /// A cheap handle that reports progress while another thread iterates.
    pub fn progress_handle(&self) -> std::sync::Arc<dyn Fn() -> Progress + Send + Sync> {
        todo!("scan")
    }

    /// What the scan did so far; final once the iterator returned `None`.
    pub fn stats(&self) -> ScanStats {
        todo!("scan")
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!("scan")
    }
}
