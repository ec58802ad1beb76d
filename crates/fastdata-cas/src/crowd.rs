//! Many at once, on threads that may wait: packing one, hashing another, sending a third.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::Result;

/// How many run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// As many as there are cores: the work is computing.
    Cores,
    /// Many: the work is waiting for a network.
    Network,
}

const NETWORK_THREADS: usize = 32;

/// `work` on `0..count`, the results in order; the first error, after which nothing new begins.
pub(crate) fn each<T: Send>(
    count: usize,
    width: Width,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = match width {
        Width::Cores => cores,
        Width::Network => NETWORK_THREADS,
    };
    if count.min(threads) < 2 {
        return (0..count).map(work).collect();
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done = Mutex::new(Vec::with_capacity(count));
    let run = || {
        loop {
            let idx = next.fetch_add(1, Ordering::Relaxed);
            if idx >= count || failed.load(Ordering::Relaxed) {
                return;
            }
            let result = work(idx);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            done.push((idx, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(count) {
            // The system may give us fewer; this thread works in any case.
            let _ = std::thread::Builder::new().spawn_scoped(scope, run);
        }
        run();
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_unstable_by_key(|(idx, _)| *idx);
    done.into_iter().map(|(_, result)| result).collect()
}
