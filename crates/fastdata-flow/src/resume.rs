//! What an earlier run has, for a run that goes on with it.

use std::collections::HashMap;

use fastdata_metaflow::graph::Ready;

use crate::attempt::{frame_index, iteration};
use crate::error::{Error, Result};
use crate::place::{Place, Stored};

/// Where a task is in its run, whatever its id: step, place in each foreach, repetition.
type Position = (String, Vec<usize>, usize);

/// The complete tasks of an earlier run.
#[derive(Debug)]
pub(crate) struct Origin {
    tasks: HashMap<Position, Stored>,
    /// Nothing of this step is taken over, and so nothing after it.
    from: Option<String>,
}

impl Origin {
    /// What of the run `run` is complete.
    pub(crate) fn of_run(place: &Place, run: &str, from: Option<String>) -> Result<Self> {
        let mut tasks = HashMap::new();
        for task in place.tasks(run, None)? {
            let Some((stored, true)) = place.ended(&task) else {
                continue;
            };
            let stack = place.list(&stored.records, "_foreach_stack")?;
            let index: Option<Vec<usize>> = stack.iter().map(frame_index).collect();
            let broken = || Error::storage(format!("task {} says not where it is", stored.path));
            let position = (
                stored.step().to_owned(),
                index.ok_or_else(broken)?,
                iteration(place, &stored.records)?,
            );
            tasks.insert(position, stored);
        }
        Ok(Self { tasks, from })
    }

    /// The earlier task that `ready` can be taken over from: complete, and after tasks that were
    /// taken over themselves.
    pub(crate) fn find(&self, ready: &Ready) -> Option<&Stored> {
        if !ready.follows_clones || self.from.as_ref() == Some(&ready.step) {
            return None;
        }
        let position = (ready.step.clone(), ready.index.clone(), ready.iteration);
        self.tasks.get(&position)
    }
}
