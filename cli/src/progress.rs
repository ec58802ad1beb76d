//! The progress bar on stderr: bytes, files, rate, time left.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use fastdata::store::Progressed;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is shown.
pub(crate) struct Shown {
    pub(crate) bytes: u64,
    /// Once it is known.
    pub(crate) total_bytes: Option<u64>,
    pub(crate) message: String,
}

impl From<fastdata::Progress> for Shown {
    fn from(now: fastdata::Progress) -> Self {
        let is_total = now.planned_all && now.bytes_expected > 0;
        Self {
            bytes: now.bytes_fetched,
            total_bytes: is_total.then_some(now.bytes_expected),
            message: format!(
                "{} of {}{} files · {} rows",
                now.files_done,
                now.files_planned,
                if now.planned_all { "" } else { "+" },
                now.rows_returned
            ),
        }
    }
}

impl From<Progressed> for Shown {
    fn from(now: Progressed) -> Self {
        Self {
            bytes: now.bytes_done,
            total_bytes: (now.bytes_planned > 0).then_some(now.bytes_planned),
            message: format!("{} of {} files", now.files_done, now.files_planned),
        }
    }
}

/// Draws until it is dropped.
pub(crate) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What takes no longer than this shows no bar at all.
const FIRST_DRAW: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(100);

const WITH_TOTAL: &str =
    "{bar:24} {bytes}/{total_bytes} · {binary_bytes_per_sec} · {msg} · {eta} left";
const WITHOUT_TOTAL: &str = "{spinner} {bytes} · {binary_bytes_per_sec} · {msg}";

impl Progress {
    /// Starts drawing when it is `wanted` and somebody sees stderr.
    pub(crate) fn start<T: Into<Shown> + 'static>(
        wanted: bool,
        handle: Arc<dyn Fn() -> T + Send + Sync>,
    ) -> Self {
        if !wanted || !std::io::stderr().is_terminal() {
            return Self { running: None };
        }
        let (stop, stopped) = channel();
        let draw = move || {
            if stopped.recv_timeout(FIRST_DRAW) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            loop {
                update(&bar, handle().into());
                if stopped.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
                    return bar.finish_and_clear();
                }
            }
        };
        // Without a thread there is no bar, which is no reason not to go on.
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(draw);
        Self {
            running: thread.ok().map(|thread| (stop, thread)),
        }
    }
}

fn update(bar: &ProgressBar, now: Shown) {
    let template = match now.total_bytes {
        Some(_) => WITH_TOTAL,
        None => WITHOUT_TOTAL,
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if let Some(total) = now.total_bytes {
        bar.set_length(total.max(now.bytes));
    }
    bar.set_position(now.bytes);
    bar.set_message(now.message);
    bar.tick();
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}
