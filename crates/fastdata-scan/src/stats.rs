//! What a scan did: counters while it runs, totals at its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

/// Totals of one scan. Times are summed over threads, so they may exceed [`ScanStats::wall_ns`].
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ScanStats {
    /// Version of this record's layout.
    pub schema: &'static str,
    /// From the first request to the last batch.
    pub wall_ns: u64,
    /// Reading metadata, manifests and footers, pruning.
    pub plan_ns: u64,
    /// Waiting for bytes of column chunks and delete files.
    pub io_ns: u64,
    /// Decompressing pages.
    pub decompress_ns: u64,
    /// Decoding pages into columns, apart from decompression.
    pub decode_ns: u64,
    /// Evaluating predicates, applying deletes, filtering.
    pub select_ns: u64,
    /// Time that decoding threads had nothing to do.
    pub idle_ns: u64,
    /// Data files that the plan named.
    pub files_planned: u64,
    /// Data files skipped by partition or metrics.
    pub files_pruned: u64,
    /// Row groups in the files read.
    pub row_groups_total: u64,
    /// Row groups skipped by statistics, bloom filter, dictionary or page index.
    pub row_groups_pruned: u64,
    /// Requests for ranges of data files.
    pub requests: u64,
    /// Bytes of the ranges that the decoder asked for.
    pub bytes_wanted: u64,
    /// Bytes that came, footers and gaps between ranges included.
    pub bytes_fetched: u64,
    /// Bytes of Arrow columns handed out.
    pub bytes_returned: u64,
    /// Rows in the row groups and pages that were read.
    pub rows_read: u64,
    /// Rows that delete files removed.
    pub rows_deleted: u64,
    /// Rows handed out.
    pub rows_returned: u64,
    /// Largest resident memory of the process until now.
    pub peak_memory_bytes: u64,
    /// Threads that decoded.
    pub threads: u64,
}

/// A look at a running scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Data files finished.
    pub files_done: u64,
    /// Data files planned so far; grows while planning goes on.
    pub files_planned: u64,
    /// Whether planning has ended, so that totals are final.
    pub planned_all: bool,
    /// Bytes fetched.
    pub bytes_fetched: u64,
    /// Bytes of data files that the plan expects to fetch, as far as known.
    pub bytes_expected: u64,
    /// Rows handed out.
    pub rows_returned: u64,
}

/// The live counters behind [`ScanStats`] and [`Progress`].
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) started: Instant,
    pub(crate) finished_ns: AtomicU64,
    pub(crate) plan_ns: AtomicU64,
    pub(crate) io_ns: AtomicU64,
    pub(crate) decompress_ns: AtomicU64,
    pub(crate) decode_ns: AtomicU64,
    pub(crate) select_ns: AtomicU64,
    /// The part of `io_ns` that decoding threads spent reading local files themselves.
    pub(crate) read_ns: AtomicU64,
    pub(crate) files_planned: AtomicU64,
    pub(crate) files_pruned: AtomicU64,
    pub(crate) files_done: AtomicU64,
    pub(crate) planned_all: AtomicU64,
    pub(crate) row_groups_total: AtomicU64,
    pub(crate) row_groups_pruned: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) bytes_wanted: AtomicU64,
    pub(crate) bytes_expected: AtomicU64,
    pub(crate) bytes_fetched: AtomicU64,
    pub(crate) bytes_returned: AtomicU64,
    pub(crate) rows_read: AtomicU64,
    pub(crate) rows_deleted: AtomicU64,
    pub(crate) rows_returned: AtomicU64,
}

impl Counters {
    pub(crate) fn start() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            started: Instant::now(),
            finished_ns: zero(),
            plan_ns: zero(),
            io_ns: zero(),
            decompress_ns: zero(),
            decode_ns: zero(),
            select_ns: zero(),
            read_ns: zero(),
            files_planned: zero(),
            files_pruned: zero(),
            files_done: zero(),
            planned_all: zero(),
            row_groups_total: zero(),
            row_groups_pruned: zero(),
            requests: zero(),
            bytes_wanted: zero(),
            bytes_expected: zero(),
            bytes_fetched: zero(),
            bytes_returned: zero(),
            rows_read: zero(),
            rows_deleted: zero(),
            rows_returned: zero(),
        }
    }

    /// Stops the clock.
    pub(crate) fn finish(&self) {
        self.finished_ns
            .store(elapsed_ns(self.started).max(1), Ordering::Relaxed);
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress {
            files_done: load(&self.files_done),
            files_planned: load(&self.files_planned),
            planned_all: load(&self.planned_all) != 0,
            bytes_fetched: load(&self.bytes_fetched),
            bytes_expected: load(&self.bytes_expected),
            rows_returned: load(&self.rows_returned),
        }
    }

    pub(crate) fn totals(&self, threads: usize) -> ScanStats {
        let wall_ns = match load(&self.finished_ns) {
            0 => elapsed_ns(self.started),
            finished_ns => finished_ns,
        };
        let offered_ns = wall_ns.saturating_mul(threads as u64);
        let busy_ns = [
            &self.decompress_ns,
            &self.decode_ns,
            &self.select_ns,
            &self.read_ns,
        ];
        let busy_ns: u64 = busy_ns.into_iter().map(load).sum();
        ScanStats {
            schema: "fastdata.stats/1",
            wall_ns,
            plan_ns: load(&self.plan_ns),
            io_ns: load(&self.io_ns),
            decompress_ns: load(&self.decompress_ns),
            decode_ns: load(&self.decode_ns),
            select_ns: load(&self.select_ns),
            idle_ns: offered_ns.saturating_sub(busy_ns),
            files_planned: load(&self.files_planned),
            files_pruned: load(&self.files_pruned),
            row_groups_total: load(&self.row_groups_total),
            row_groups_pruned: load(&self.row_groups_pruned),
            requests: load(&self.requests),
            bytes_wanted: load(&self.bytes_wanted),
            bytes_fetched: load(&self.bytes_fetched),
            bytes_returned: load(&self.bytes_returned),
            rows_read: load(&self.rows_read),
            rows_deleted: load(&self.rows_deleted),
            rows_returned: load(&self.rows_returned),
            peak_memory_bytes: fastdata_memory::peak_rss_bytes().unwrap_or(0),
            threads: threads as u64,
        }
    }
}

/// Nanoseconds since `start`, saturating.
pub(crate) fn elapsed_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
