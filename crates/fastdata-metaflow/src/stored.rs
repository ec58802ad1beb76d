//! Tasks that are done, as the next tasks see them: their artifacts and where they were in the run.
//!
//! Quicker than the client and with less in sight: no metadata is looked at.

use std::collections::{BTreeMap, HashMap};

use crate::datastore::Datastore;
use crate::graph::{Decision, Next, Ready};
use crate::layout::{ATTEMPTS_MAX, PARAMETERS_STEP, TaskFile, TaskPath};
use crate::metadata::Metadata;
use crate::pickle::{Global, Limits, Object, Value, read_bytes};
use crate::records::DataRecord;
use crate::write::SavedArtifact;
use crate::{Error, Key, Result};

/// Artifacts by their names.
pub type Artifacts = BTreeMap<String, SavedArtifact>;

/// A task that is done, well or not.
#[derive(Debug, Clone)]
pub struct StoredTask {
    /// The task.
    pub path: TaskPath,
    /// What it left.
    pub artifacts: Artifacts,
}

/// A foreach around a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The first step inside.
    pub step: String,
    /// The artifact that holds the list.
    pub list: String,
    /// How long the list is.
    pub splits: i64,
    /// The task's place in it.
    pub index: usize,
}

impl Frame {
    /// As the artifact `_foreach_stack` holds it: a tuple with names.
    pub fn of_value(value: &Value) -> Option<Self> {
        let parts = match value {
            Value::Object(object) => &object.args,
            other => other.as_items()?,
        };
        match parts {
            [step, list, splits, index, ..] => Some(Self {
                step: step.as_str()?.to_owned(),
                list: list.as_str()?.to_owned(),
                splits: splits.as_int().unwrap_or_default(),
                index: usize::try_from(index.as_int()?).ok()?,
            }),
            _ => None,
        }
    }

    /// The other way.
    pub fn to_value(&self) -> Value {
        let parts = vec![
            Value::from(self.step.as_str()),
            Value::from(self.list.as_str()),
            Value::Int(self.splits),
            Value::Int(i64::try_from(self.index).unwrap_or(i64::MAX)),
            Value::None,
        ];
        // Metaflow's client knows its own frames under this name.
        let class = Global::new("__main__", "ForeachFrame");
        Value::Object(Box::new(Object::new(class, parts)))
    }
}

impl Datastore {
    /// A task: its latest attempt, which has to be done.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when it is not done; those of [`Datastore::read`].
    pub fn stored_task(&self, path: &TaskPath) -> Result<StoredTask> {
        let begun = (0..ATTEMPTS_MAX).map(|attempt| path.file(attempt, TaskFile::Attempt));
        let begun = self.try_read_many(&begun.collect::<Vec<_>>())?;
        let not_done = || Error::missing(format!("task {path} is not done"));
        let latest = begun.iter().rposition(Option::is_some);
        let attempt = latest.and_then(|latest| u32::try_from(latest).ok());
        let attempt = attempt.ok_or_else(not_done)?;
        if !self.exists(&path.file(attempt, TaskFile::Done))? {
            return Err(not_done());
        }
        let file = path.file(attempt, TaskFile::Data);
        let mut data: DataRecord = crate::metadata::from_json(&file, &self.read(&file)?)?;
        let mut artifacts = Artifacts::new();
        for (name, key) in data.objects {
            let info = data.info.remove(&name).unwrap_or_default();
            artifacts.insert(name, SavedArtifact { key, info });
        }
        Ok(StoredTask {
            path: path.clone(),
            artifacts,
        })
    }

    /// What an artifact of a flow holds.
    ///
    /// # Errors
    /// Those of the store of blobs and of [`read_bytes`].
    pub fn artifact_value(&self, flow: &str, artifact: &SavedArtifact) -> Result<Value> {
        let key: Key = artifact
            .key
            .parse()
            .map_err(|_| Error::corrupt(format!("{:?} is no key", artifact.key)))?;
        read_bytes(&self.blobs(flow)?.load(&key)?, &Limits::default())
    }
}

impl StoredTask {
    /// What one of its artifacts holds; `None` when it has none of that name.
    ///
    /// # Errors
    /// As [`Datastore::artifact_value`].
    pub fn find(&self, datastore: &Datastore, name: &str) -> Result<Value> {
        match self.artifacts.get(name) {
            Some(artifact) => datastore.artifact_value(&self.path.flow, artifact),
            None => Ok(Value::None),
        }
    }

    /// Whether its code came to its end.
    ///
    /// # Errors
    /// As [`StoredTask::find`].
    pub fn is_ok(&self, datastore: &Datastore) -> Result<bool> {
        Ok(self.find(datastore, "_task_ok")? == Value::Bool(true))
    }

    /// The foreachs around it, outermost first.
    ///
    /// # Errors
    /// As [`StoredTask::find`], and [`Corrupt`](crate::ErrorKind::Corrupt) for what are no frames.
    pub fn frames(&self, datastore: &Datastore) -> Result<Vec<Frame>> {
        let stack = self.find(datastore, "_foreach_stack")?;
        let frames: Option<Vec<Frame>> = stack
            .as_items()
            .unwrap_or_default()
            .iter()
            .map(Frame::of_value)
            .collect();
        frames.ok_or_else(|| {
            Error::corrupt(format!(
                "task {} says not in which foreach it is",
                self.path
            ))
        })
    }

    /// How often a step that repeats itself ran before it.
    ///
    /// # Errors
    /// As [`StoredTask::find`].
    pub fn iteration(&self, datastore: &Datastore) -> Result<usize> {
        let stack = self.find(datastore, "_iteration_stack")?;
        let last = stack
            .as_items()
            .and_then(|stack| stack.last())
            .and_then(Value::as_int);
        Ok(last
            .and_then(|last| usize::try_from(last).ok())
            .unwrap_or(0))
    }

    /// What it decided about what follows.
    ///
    /// # Errors
    /// As [`StoredTask::find`].
    pub fn decision(&self, datastore: &Datastore, next: &Next) -> Result<Decision> {
        let mut decision = Decision::default();
        match next {
            Next::Nothing | Next::Steps(_) => {}
            Next::Foreach { .. } => {
                let items = self.find(datastore, "_foreach_num_splits")?.as_int();
                decision.items = items.and_then(|items| usize::try_from(items).ok());
            }
            Next::Switch { .. } => {
                let transition = self.find(datastore, "_transition")?;
                let steps = transition
                    .as_items()
                    .and_then(|parts| parts.first())
                    .and_then(Value::as_items);
                let chosen = steps
                    .and_then(|steps| steps.first())
                    .and_then(Value::as_str);
                decision.chosen = chosen.map(str::to_owned);
            }
        }
        Ok(decision)
    }
}

/// Where a task is in its run, whatever its id: step, place in each foreach, repetition.
type Position = (String, Vec<usize>, usize);

/// What is complete of an earlier run, for one that goes on with it.
#[derive(Debug)]
pub struct Origin {
    tasks: HashMap<Position, StoredTask>,
    from: Option<String>,
}

impl Origin {
    /// What of a run is complete. Nothing of the step `from` is taken over, and so nothing after it.
    ///
    /// # Errors
    /// As [`StoredTask::find`] and [`Metadata::steps`].
    pub fn of_run(
        datastore: &Datastore,
        metadata: &Metadata,
        run: (&str, &str),
        from: Option<String>,
    ) -> Result<Self> {
        let mut tasks = HashMap::new();
        for path in metadata.task_paths(run.0, run.1, None)? {
            let task = match datastore.stored_task(&path) {
                Err(error) if error.kind() == crate::ErrorKind::NotFound => continue,
                other => other?,
            };
            if task.is_ok(datastore)? {
                let index = task
                    .frames(datastore)?
                    .iter()
                    .map(|frame| frame.index)
                    .collect();
                let position = (path.step, index, task.iteration(datastore)?);
                tasks.insert(position, task);
            }
        }
        Ok(Self { tasks, from })
    }

    /// The earlier task that `ready` can be taken over from: complete, and after tasks that were
    /// taken over themselves.
    pub fn find(&self, ready: &Ready) -> Option<&StoredTask> {
        if !ready.follows_clones || self.from.as_ref() == Some(&ready.step) {
            return None;
        }
        let position = (ready.step.clone(), ready.index.clone(), ready.iteration);
        self.tasks.get(&position)
    }
}

impl Metadata {
    /// The tasks of a run, of one step or all; without that of the parameters.
    ///
    /// # Errors
    /// As [`Metadata::steps`].
    pub fn task_paths(&self, flow: &str, run: &str, step: Option<&str>) -> Result<Vec<TaskPath>> {
        let mut paths = Vec::new();
        for entry in self.steps(flow, run)? {
            if entry.name == PARAMETERS_STEP || step.is_some_and(|step| step != entry.name) {
                continue;
            }
            for task in entry.tasks.iter().filter_map(|task| task.record.task()) {
                paths.push(TaskPath::new(flow, run, &entry.name, task)?);
            }
        }
        Ok(paths)
    }
}

/// What is the same in all of `inputs` that have it, by reference, of the names that are `wanted`.
///
/// # Errors
/// The names under which inputs hold different things.
pub fn merge<'a>(
    inputs: impl IntoIterator<Item = &'a Artifacts>,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<&'a str, &'a SavedArtifact>, Vec<&'a str>> {
    let mut merged: BTreeMap<&str, &SavedArtifact> = BTreeMap::new();
    let mut conflicts = std::collections::BTreeSet::new();
    for (name, artifact) in inputs.into_iter().flatten() {
        // What begins like this is the machinery's own.
        if name.starts_with('_') || !wanted(name) {
            continue;
        }
        let first = merged.entry(name).or_insert(artifact);
        if first.key != artifact.key {
            conflicts.insert(name.as_str());
        }
    }
    match conflicts.is_empty() {
        true => Ok(merged),
        false => Err(conflicts.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(of: &[(&str, &str)]) -> Artifacts {
        let artifact = |(name, key): &(&str, &str)| {
            let artifact = SavedArtifact {
                key: (*key).to_owned(),
                info: crate::records::ArtifactInfo::default(),
            };
            ((*name).to_owned(), artifact)
        };
        of.iter().map(artifact).collect()
    }

    #[test]
    fn merged_by_hash() {
        let one = artifacts(&[("same", "k"), ("left", "l"), ("_own", "1")]);
        let other = artifacts(&[("same", "k"), ("right", "r"), ("_own", "2")]);
        let names: Vec<&str> = merge([&one, &other], |_| true)
            .unwrap()
            .into_keys()
            .collect();
        assert_eq!(names, ["left", "right", "same"]);
        let third = artifacts(&[("same", "other"), ("left", "other")]);
        assert_eq!(merge([&one, &third], |_| true), Err(vec!["left", "same"]));
        assert!(
            merge([&one, &third], |name| name == "right")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn frames_there_and_back() {
        let frame = Frame {
            step: "work".to_owned(),
            list: "xs".to_owned(),
            splits: 3,
            index: 2,
        };
        assert_eq!(Frame::of_value(&frame.to_value()), Some(frame));
        assert_eq!(Frame::of_value(&Value::Int(1)), None);
    }
}
