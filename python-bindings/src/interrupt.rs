//! Waiting without holding the interpreter, and Ctrl-C while waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastdata::{CancelToken, Result};
use pyo3::prelude::*;

use crate::exceptions::{exception, internal, of_blobs};
use crate::warnings;

/// How often signals and progress are looked at while work goes on.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// How long an interrupted work may take to end; it is left to itself then.
const GRACE: Duration = Duration::from_millis(100);

/// Work that ended by itself, or in a panic.
pub(crate) type Outcome<T> = std::thread::Result<Result<T>>;

/// Does short work without the interpreter.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    finish(py.detach(|| catch_unwind(AssertUnwindSafe(work))))
}

/// As [`detached`], for a store of blobs.
pub(crate) fn detached_blobs<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> fastdata::blobs::Result<T> + Send,
) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|error| of_blobs(&error)),
        Err(panic) => Err(internal(&*panic)),
    }
}

/// Does long work on a thread of its own; a signal handler that raises, such as Ctrl-C's, ends it.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    cancel: &CancelToken,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    watched(py, cancel, work, |_| Ok(()))
}

/// As [`interruptible`]; `look` is called now and then.
pub(crate) fn watched<T: Send + 'static>(
    py: Python<'_>,
    cancel: &CancelToken,
    work: impl FnOnce() -> Result<T> + Send + 'static,
    mut look: impl FnMut(Python<'_>) -> PyResult<()>,
) -> PyResult<T> {
    warnings::listen();
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let thread = std::thread::Builder::new().name("fastdata-work".to_owned());
    thread.spawn(move || {
        // Nobody listens when the caller was interrupted.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    })?;
    loop {
        if let Some(outcome) = receive(py, &receiver, LOOK) {
            warnings::hand_on(py)?;
            return finish(outcome);
        }
        if let Err(raised) = py.check_signals().and_then(|()| look(py)) {
            cancel.cancel();
            let _ = receive(py, &receiver, GRACE);
            return Err(raised);
        }
    }
}

/// What arrives within `wait`, without holding the interpreter.
pub(crate) fn receive<T: Send>(
    py: Python<'_>,
    receiver: &Mutex<Receiver<Outcome<T>>>,
    wait: Duration,
) -> Option<Outcome<T>> {
    let received = py.detach(|| {
        let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.recv_timeout(wait)
    });
    match received {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => None,
        // Senders send whatever happens, so this is the end of a thread that could not run.
        Err(RecvTimeoutError::Disconnected) => Some(Err(Box::new("a thread ended early"))),
    }
}

/// The result of work that ended.
pub(crate) fn finish<T>(outcome: Outcome<T>) -> PyResult<T> {
    match outcome {
        Ok(result) => result.map_err(|error| exception(&error)),
        Err(panic) => Err(internal(panic.as_ref())),
    }
}
