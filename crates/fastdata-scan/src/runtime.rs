//! Threads: tokio for sockets, rayon for decoding, and the bridge between them. Neither ever
//! blocks inside the other.

use std::collections::HashMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result};

/// Threads that wait on sockets and drive pipelines. They copy nothing big, so two are enough for
/// a network card.
const NETWORK_THREADS: usize = 2;

/// What belongs to one process. A forked child inherits the memory but none of the threads, so it
/// makes its own and leaves its parent's alone: tearing those down would wait for threads that are
/// not there.
struct PerProcess<T: 'static>(Mutex<Option<(u32, &'static T)>>);

impl<T> PerProcess<T> {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn get_or_make(&self, make: impl FnOnce() -> Result<T>) -> Result<&'static T> {
        let process = std::process::id();
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *made {
            Some((maker, value)) if maker == process => Ok(value),
            _ => {
                let value: &'static T = Box::leak(Box::new(make()?));
                *made = Some((process, value));
                Ok(value)
            }
        }
    }
}

/// The process's tokio runtime, made on first use.
pub(crate) fn network() -> Result<&'static Runtime> {
    static RUNTIME: PerProcess<Runtime> = PerProcess::new();
    RUNTIME.get_or_make(|| {
        Builder::new_multi_thread()
            .worker_threads(NETWORK_THREADS)
            .thread_name("fastdata-net")
            .enable_all()
            .build()
            .map_err(|source| {
                Error::new(ErrorKind::Io, "cannot start network threads").with_source(source)
            })
    })
}

/// More threads than any machine has cores only cost: making a hundred thousand takes minutes.
const THREADS_MAX: usize = 1024;

/// The number of decoding threads for a request that asked for `threads` (0: one a core).
pub(crate) fn thread_count(threads: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    match threads {
        0 => cores(),
        _ => threads.min(THREADS_MAX),
    }
}

/// The process's pool of `threads` decoding threads, made on first use: never rayon's global pool,
/// which belongs to the program that links us.
pub(crate) fn decoders(threads: usize) -> Result<Arc<ThreadPool>> {
    static POOLS: PerProcess<Mutex<HashMap<usize, Arc<ThreadPool>>>> = PerProcess::new();
    let pools = POOLS.get_or_make(|| Ok(Mutex::default()))?;
    let mut pools = pools.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&threads) {
        return Ok(pool.clone());
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|idx| format!("fastdata-decode-{idx}"))
        .build()
        .map_err(|source| {
            Error::new(ErrorKind::Io, "cannot start decoding threads").with_source(source)
        })?;
    let pool = Arc::new(pool);
    pools.insert(threads, pool.clone());
    Ok(pool)
}

/// Runs `work` on the process's decoding threads and blocks until it is done: what is parallel
/// inside uses those threads and not rayon's global pool.
pub fn on_threads<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    Ok(decoders(thread_count(0))?.install(work))
}

/// Runs `future` on the network runtime and blocks this thread, wherever it stands: unlike
/// `Runtime::block_on` it works inside another runtime too.
pub(crate) fn wait<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = network()?.spawn(future);
    match futures::executor::block_on(task) {
        Ok(outcome) => outcome,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
    }
}

/// Runs `work` on the decoding pool without blocking the caller's thread.
pub(crate) async fn on_decoders<T: Send + 'static>(
    pool: &ThreadPool,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (answer, receiver) = oneshot::channel();
    pool.spawn(move || {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // The receiver is gone when the scan was dropped: then nobody wants the answer.
        let _ = answer.send(outcome);
    });
    match receiver.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
    }
}
