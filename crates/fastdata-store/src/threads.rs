//! Threads for requests, for callers that block.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Runtime;

use crate::{Error, ErrorKind, Result};

/// The threads for requests of all who block on stores, one set for a process. A forked child
/// inherits the memory but none of the threads, so it makes its own and leaves its parent's alone:
/// tearing those down would wait for threads that are not there.
///
/// ```
/// let threads = fastdata_store::request_threads()?;
/// assert_eq!(threads.block_on(async { 1 + 1 }), 2);
/// # Ok::<(), fastdata_store::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Io`] when the machine has no threads left.
pub fn request_threads() -> Result<&'static Runtime> {
    static MADE: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);
    let process = std::process::id();
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    match *made {
        Some((maker, runtime)) if maker == process => Ok(runtime),
        _ => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("fastdata-io")
                .enable_all()
                .build()
                .map_err(|error| {
                    let context = "cannot start the threads for requests";
                    Error::new(ErrorKind::Io, context).with_source(error)
                })?;
            let runtime: &'static Runtime = Box::leak(Box::new(runtime));
            *made = Some((process, runtime));
            Ok(runtime)
        }
    }
}
