//! Signs of life: a service takes runs and tasks that give none for failed.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use super::{Kind, Metadata};
use crate::layout::TaskPath;

/// Between two signs when the service asks for no other time, as Metaflow has it.
const PAUSE: Duration = Duration::from_secs(10);

/// Whatever a service asks for, it hears that often.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Tells a service that a run or a task goes on, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// The thread ends when this is gone.
    _alive: Sender<()>,
}

impl Heartbeat {
    /// Of a run; files need none.
    pub(crate) fn of_run(metadata: &Arc<Metadata>, flow: &str, run: &str) -> Option<Self> {
        match &metadata.0 {
            Kind::Files(_) => None,
            Kind::Service(_) => Self::start(metadata, super::service::run_path(flow, run)),
        }
    }

    /// Of a task; files need none.
    pub(crate) fn of_task(metadata: &Arc<Metadata>, task: &TaskPath) -> Option<Self> {
        match &metadata.0 {
            Kind::Files(_) => None,
            Kind::Service(_) => Self::start(metadata, super::service::task_path(task)),
        }
    }

    /// A machine that has no thread left does without.
    fn start(metadata: &Arc<Metadata>, path: String) -> Option<Self> {
        let metadata = Arc::clone(metadata);
        let (alive, ended) = mpsc::channel::<()>();
        let beat = move || {
            while let Kind::Service(service) = &metadata.0 {
                // One that is not heard is made up for by the next.
                let asked = service.heartbeat(&path).ok().flatten();
                let pause = asked.unwrap_or(PAUSE).min(PAUSE_MAX);
                if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("fastdata-heartbeat".to_owned());
        thread.spawn(beat).ok()?;
        Some(Self { _alive: alive })
    }
}
