//! Ctrl-C: the first asks the scan to stop, a grace period or a second one ends the process.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastdata::CancelToken;
use fastdata::store::unfinished_uploads;

use crate::failure::{Failure, FailureKind};

/// How long an orderly end may take. A scan stops within tens of milliseconds; what takes longer is
/// a write into a pipe that nobody reads, which no token can wake.
const GRACE: Duration = Duration::from_millis(150);

/// How much longer it may take to give up uploads: what they leave behind costs money, and nobody
/// sees it. One that answers does so within a few milliseconds.
const GRACE_OF_UPLOADS: Duration = Duration::from_millis(1500);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Temporary files that must not outlive the process.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Makes Ctrl-C cancel the returned token.
pub(crate) fn install() -> Result<CancelToken, Failure> {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let cancel = CancelToken::default();
    let token = cancel.clone();
    let handler = move || {
        if ASKED.swap(true, Ordering::SeqCst) {
            leave();
        }
        token.cancel();
        // Signals arrive on this one thread, so the wait must not hold up a second Ctrl-C.
        let waiting = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(GRACE);
            let asked = Instant::now();
            while unfinished_uploads() > 0 && asked.elapsed() < GRACE_OF_UPLOADS {
                std::thread::sleep(LOOK_EVERY);
            }
            leave();
        });
        if waiting.is_err() {
            leave();
        }
    };
    ctrlc::set_handler(handler).map_err(|error| {
        Failure::because(FailureKind::Other, "cannot listen for interrupts", &error)
    })?;
    Ok(cancel)
}

fn leave() -> ! {
    clean();
    std::process::exit(FailureKind::Interrupted as i32)
}

/// Removes what was begun and will not be finished; the process ends.
pub(crate) fn clean() {
    for path in temporary().drain(..) {
        let _ = std::fs::remove_file(path);
    }
    fastdata::store::remove_unfinished();
}

/// Removes `path` if the process is interrupted from now on.
pub(crate) fn remember(path: &Path) {
    temporary().push(path.to_path_buf());
}

/// `path` is finished or gone.
pub(crate) fn forget(path: &Path) {
    temporary().retain(|known| known != path);
}

fn temporary() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is sound whatever its last holder did.
    TEMPORARY
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
