//! Remembered results: where a step with some code and some inputs has run before.

use fastdata_cas::{HashAlgorithm, Key};

use crate::datastore::Datastore;
use crate::layout::TaskPath;
use crate::pickle::{Value, write};
use crate::stored::{Artifacts, StoredTask};
use crate::{ErrorKind, Result};

/// Everything that the result of a task depends on.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The flow and the step.
    pub step: (&'a str, &'a str),
    /// What tells the step's code from another version of it.
    pub version: &'a str,
    /// The artifacts that the task sees, and those of its inputs when it joins, each with where it
    /// comes from.
    pub artifacts: Vec<(&'a str, &'a Artifacts)>,
    /// The item of the foreach that it is for.
    pub item: Option<&'a Value>,
}

impl Inputs<'_> {
    /// The name of the result.
    pub fn code(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.step.0, self.step.1, self.version);
        for (from, artifacts) in &self.artifacts {
            text += &format!("from {from}\n");
            let own = artifacts.iter().filter(|(name, _)| !name.starts_with('_'));
            for (name, artifact) in own {
                text += &format!("{name} {}\n", artifact.key);
            }
        }
        if let Some(item) = self.item {
            text += &format!("item {}\n", Key::of(&write(item), HashAlgorithm::Blake3));
        }
        Key::of(text.as_bytes(), HashAlgorithm::Blake3).to_string()
    }
}

fn file(flow: &str, code: &str) -> String {
    format!("{flow}/_memo/{}/{code}", code.get(..2).unwrap_or_default())
}

impl Datastore {
    /// The task whose result has this name, if it is still there.
    ///
    /// # Errors
    /// As [`Datastore::read`].
    pub fn recall(&self, flow: &str, code: &str) -> Result<Option<StoredTask>> {
        let Some(path) = self.try_read(&file(flow, code))? else {
            return Ok(None);
        };
        let path: TaskPath = String::from_utf8_lossy(&path).parse()?;
        match self.stored_task(&path) {
            // Runs can be removed: what is not there any more is made again.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    /// Notes that a task is the result of this name.
    ///
    /// # Errors
    /// As [`Datastore::write`].
    pub fn remember(&self, code: &str, task: &TaskPath) -> Result<()> {
        self.write(&file(&task.flow, code), task.to_string())
    }
}
