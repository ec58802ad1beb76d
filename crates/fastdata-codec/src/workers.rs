//! The threads that long contents are hashed, packed and unpacked on.

use std::collections::VecDeque;
use std::process;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pool of this process; not rayon's global one, which belongs to the program around us.
static POOL: Mutex<Option<(u32, Option<Arc<ThreadPool>>)>> = Mutex::new(None);

/// Where parallel work runs.
pub(crate) struct Workers(Option<Arc<ThreadPool>>);

impl Workers {
    /// Runs `work` with the pool of this process.
    ///
    /// A child that was forked inherits the pool but none of its threads, and would wait for them
    /// for ever: it gets a pool of its own.
    pub(crate) fn with<T>(work: impl FnOnce(&Self) -> T) -> T {
        let pool = {
            let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            let id = process::id();
            match &*slot {
                Some((owner, pool)) if *owner == id => pool.clone(),
                stale => {
                    // Dropping the parent's pool would wait for its threads, too.
                    std::mem::forget(stale.clone());
                    let pool = start();
                    *slot = Some((id, pool.clone()));
                    pool
                }
            }
        };
        work(&Self(pool))
    }

    /// How many threads work at a time.
    pub(crate) fn count(&self) -> usize {
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Runs `work` on the pool, or here when the system gives us no threads.
    pub(crate) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// The pool, unless there is none or this is one of its own threads: waiting for the others
    /// from inside could mean to wait for oneself.
    pub(crate) fn pool(&self) -> Option<&ThreadPool> {
        let pool = self.0.as_ref()?;
        (pool.current_thread_index().is_none() && pool.current_num_threads() > 1)
            .then_some(pool.as_ref())
    }
}

/// Does `work` for `0..count` on the pool, some ahead, while this thread takes the results in order.
///
/// Ends early with the first error of `take`; work that has begun is waited for.
pub(crate) fn in_order<T: Send, E>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    if count < 2 {
        return (0..count).try_for_each(|idx| take(idx, work(idx)));
    }
    Workers::with(|workers| {
        let Some(pool) = workers.pool() else {
            return (0..count).try_for_each(|idx| take(idx, work(idx)));
        };
        let (work, ahead) = (&work, 2 * workers.count() + 2);
        pool.in_place_scope_fifo(|scope| {
            let mut running = VecDeque::new();
            let mut begun = 0;
            for idx in 0..count {
                while begun < count && running.len() < ahead {
                    let (done, result) = sync_channel(1);
                    running.push_back(result);
                    let next = begun;
                    scope.spawn_fifo(move |_| {
                        // Nobody takes it any more when an earlier `take` failed.
                        let _ = done.send(work(next));
                    });
                    begun += 1;
                }
                match running.pop_front().map(|result| result.recv()) {
                    Some(Ok(result)) => take(idx, result)?,
                    // The work panicked, and so will the end of this scope.
                    _ => return Ok(()),
                }
            }
            Ok(())
        })
    })
}

fn start() -> Option<Arc<ThreadPool>> {
    let name = |idx| format!("fastdata-blob-{idx}");
    let pool = ThreadPoolBuilder::new().thread_name(name).build();
    pool.ok().map(Arc::new)
}
