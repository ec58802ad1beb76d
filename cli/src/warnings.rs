//! What the library warns of, on stderr.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Others' libraries log too, and nobody asked them.
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("fastdata")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // A closed stderr is no reason to fail.
            let _ = writeln!(std::io::stderr(), "fastdata: warning: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Shows warnings from now on, unless this process has a logger of its own.
pub(crate) fn show() {
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}
