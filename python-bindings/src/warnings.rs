//! What the library warns of, to `logging.getLogger("fastdata")`.

use std::sync::{Mutex, Once, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};
use pyo3::prelude::*;

/// More than this is kept for nobody.
const KEPT_MAX: usize = 100;

/// Warnings come on threads that must not wait for the interpreter, so they are kept until the work
/// that brought them has ended.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("fastdata")
    }

    fn log(&self, record: &Record<'_>) {
        let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
        if self.enabled(record.metadata()) && said.len() < KEPT_MAX {
            said.push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Listens from now on; not from the import on, since the command shows warnings itself.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&Listener).is_ok() {
            log::set_max_level(LevelFilter::Warn);
        }
    });
}

/// Hands on what was said.
pub(crate) fn hand_on(py: Python<'_>) -> PyResult<()> {
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    if said.is_empty() {
        return Ok(());
    }
    let logger = py.import("fastdata._log")?.getattr("LOGGER")?;
    for text in said {
        logger.call_method1("warning", ("%s", text))?;
    }
    Ok(())
}
