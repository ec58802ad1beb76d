//! What the page needs of every task, looked up once.

use crate::Result;
use crate::client::{Attempt, Run, State, Task};

/// A task, without its artifacts and logs: of those only some are shown.
pub(super) struct TaskView {
    pub(super) step: String,
    pub(super) id: String,
    pub(super) state: State,
    pub(super) attempts: Vec<Attempt>,
    pub(super) task: Task,
}

/// Every task of a run, step by step.
pub(super) fn tasks(run: &Run) -> Result<Vec<TaskView>> {
    let mut views = Vec::new();
    for step in run.steps()? {
        for task in step.tasks() {
            views.push(TaskView {
                step: step.name().to_owned(),
                id: task.id().to_owned(),
                state: task.state()?,
                attempts: task.attempts()?.to_vec(),
                task: task.clone(),
            });
        }
    }
    Ok(views)
}

impl TaskView {
    /// How long its latest attempt took.
    pub(super) fn duration_ms(&self) -> Option<i64> {
        self.attempts.last()?.duration_ms()
    }
}
