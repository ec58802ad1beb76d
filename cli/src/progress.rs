//! The progress bar on stderr: bytes, files, rate, time left.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Reports how far a scan is.
type Handle = Arc<dyn Fn() -> fastdata::Progress + Send + Sync>;

/// Draws until it is dropped.
pub(crate) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Scans shorter than this show no bar at all.
const FIRST_DRAW: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(100);

const WITH_TOTAL: &str =
    "{bar:24} {bytes}/{total_bytes} · {binary_bytes_per_sec} · {msg} · {eta} left";
const WITHOUT_TOTAL: &str = "{spinner} {bytes} · {binary_bytes_per_sec} · {msg}";

impl Progress {
    /// Starts drawing when it is `wanted` and somebody sees stderr.
    pub(crate) fn start(wanted: bool, handle: Handle) -> Self {
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
                update(&bar, handle());
                if stopped.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
                    return bar.finish_and_clear();
                }
            }
        };
        // Without a thread there is no bar, which is no reason not to scan.
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(draw);
        Self {
            running: thread.ok().map(|thread| (stop, thread)),
        }
    }
}

fn update(bar: &ProgressBar, now: fastdata::Progress) {
    let total = now.planned_all && now.bytes_expected > 0;
    let template = if total { WITH_TOTAL } else { WITHOUT_TOTAL };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if total {
        bar.set_length(now.bytes_expected.max(now.bytes_fetched));
    }
    bar.set_position(now.bytes_fetched);
    bar.set_message(format!(
        "{} of {}{} files · {} rows",
        now.files_done,
        now.files_planned,
        if now.planned_all { "" } else { "+" },
        now.rows_returned
    ));
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
