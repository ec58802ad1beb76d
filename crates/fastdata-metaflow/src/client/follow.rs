//! The logs of a run while it runs.

use std::collections::HashMap;

use bytes::Bytes;

use crate::layout::{ATTEMPTS_MAX, TaskFile, TaskPath};
use crate::log::{Line, lines};
use crate::{Client, Result};

/// What tasks of a run have printed since it was last asked.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    flow: String,
    run: String,
    step: Option<String>,
    task: Option<String>,
    shown: HashMap<String, usize>,
}

impl Follower {
    /// Of a run, of one of its steps, or of one task of that.
    pub fn new(
        client: &Client,
        flow: &str,
        run: &str,
        step: Option<&str>,
        task: Option<&str>,
    ) -> Self {
        Self {
            client: client.clone(),
            flow: flow.to_owned(),
            run: run.to_owned(),
            step: step.map(str::to_owned),
            task: task.map(str::to_owned),
            shown: HashMap::new(),
        }
    }

    /// The lines that are new, in the order of their times, each with its task.
    ///
    /// # Errors
    /// As [`Datastore::read`](crate::Datastore::read).
    pub fn next_lines(&mut self) -> Result<Vec<(Line, TaskPath)>> {
        let mut found = Vec::new();
        let metadata = self.client.metadata();
        for task in metadata.task_paths(&self.flow, &self.run, self.step.as_deref())? {
            if self.task.as_ref().is_some_and(|id| *id != task.task) {
                continue;
            }
            for attempt in 0..ATTEMPTS_MAX {
                for file in [TaskFile::TaskStdout, TaskFile::TaskStderr] {
                    let path = task.file(attempt, file);
                    let Some(content) = self.client.datastore().try_read(&path)? else {
                        continue;
                    };
                    let seen = self.shown.entry(path).or_default();
                    let fresh = content.slice((*seen).min(content.len())..);
                    // Up to the last whole line: the rest is still being written.
                    let end = fresh.iter().rposition(|byte| *byte == b'\n');
                    let fresh: Bytes = fresh.slice(..end.map_or(0, |at| at + 1));
                    *seen += fresh.len();
                    found.extend(lines(&fresh).map(|line| (line, task.clone())));
                }
            }
        }
        found.sort_by_key(|(line, _)| line.time);
        Ok(found)
    }

    /// Whether nothing more comes: the end is done, or one task has failed and none still runs.
    ///
    /// # Errors
    /// As [`Datastore::read`](crate::Datastore::read).
    pub fn is_over(&self) -> Result<bool> {
        let datastore = self.client.datastore();
        let (mut failed, mut running) = (false, false);
        for path in self
            .client
            .metadata()
            .task_paths(&self.flow, &self.run, None)?
        {
            let Ok(task) = datastore.stored_task(&path) else {
                running = true;
                continue;
            };
            match task.is_ok(datastore)? {
                true if path.step == "end" => return Ok(true),
                ok => failed |= !ok,
            }
        }
        Ok(failed && !running)
    }
}
