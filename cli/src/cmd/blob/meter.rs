//! A bar for work whose whole length is known.

use std::io::IsTerminal;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{bar:24} {bytes}/{total_bytes} · {binary_bytes_per_sec} · {eta} left";

/// Drawn when it is wanted and somebody sees stderr; gone when it is dropped.
pub(super) struct Meter(OnceLock<ProgressBar>);

impl Meter {
    pub(super) fn new(wanted: bool, total_bytes: u64) -> Self {
        let meter = Self(OnceLock::new());
        if wanted && std::io::stderr().is_terminal() {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(total_bytes), target);
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
            let _ = meter.0.set(bar);
        }
        meter
    }

    pub(super) fn add(&self, bytes: u64) {
        if let Some(bar) = self.0.get() {
            bar.inc(bytes);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}
