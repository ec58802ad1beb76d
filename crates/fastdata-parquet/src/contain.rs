//! Panics of the `parquet` crate: caught, and not heard.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::{Error, Result};

thread_local! {
    /// How many calls of [`contained`] this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work`, turning a panic inside the `parquet` crate into [`crate::ErrorKind::Corrupt`].
///
/// That crate checks most of what a file can claim, but not all of it: a few of its readers still
/// assert on hostile input. Nothing of ours is left half-changed by the unwind, because `work`
/// only returns values that it made itself.
pub(crate) fn contained<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    hush();
    let inside = Inside::enter();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    drop(inside);
    match outcome {
        Ok(result) => result,
        Err(_) => Err(Error::corrupt(format!(
            "{what}: the bytes make no sense to the decoder"
        ))),
    }
}

/// A thread inside of [`contained`].
struct Inside;

impl Inside {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Puts a hook before the process's own, which says nothing of panics that are contained: the error
/// says it, on one line. Every other panic is reported as before.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |panic| {
            if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
                report(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Whether a process is the one that panics.
    const CHILD: &str = "FASTDATA_TEST_CONTAINED";

    fn panic_inside() -> Error {
        contained("a page", || -> Result<()> { panic!("not to be heard") }).unwrap_err()
    }

    /// Hooks belong to the process and other tests run beside this one, so it looks at what a
    /// process of its own prints.
    #[test]
    fn a_contained_panic_is_an_error_and_prints_nothing() {
        if std::env::var_os(CHILD).is_some() {
            let error = panic_inside();
            eprintln!("kind {:?}", error.kind());
            let heard = catch_unwind(|| panic!("to be heard"));
            assert!(heard.is_err());
            return;
        }
        let name = "contain::tests::a_contained_panic_is_an_error_and_prints_nothing";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{printed}");
        assert!(printed.contains("kind Corrupt"), "{printed}");
        assert!(printed.contains("to be heard"), "{printed}");
        assert!(!printed.contains("not to be heard"), "{printed}");
    }
}
