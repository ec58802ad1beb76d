//! Names: of flows, runs, steps and tasks, and of the files that a task leaves.
//!
//! ```text
//! <Flow>/latest_run                                    text: id of the newest run (local folders)
//! <Flow>/data/<kk>/<sha1>                              blobs
//! <Flow>/<run>/<step>/<task>/<attempt>.<file>          what a task leaves; see `TaskFile`
//! <Flow>[/<run>[/<step>[/<task>]]]/_meta/_self.json    that it exists, with its tags
//! …/<task>/_meta/<attempt>_artifact_<name>.json        an artifact, for the client
//! …/<task>/_meta/sysmeta_<field>_<ms>.json             a fact about the task
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The step that holds a run's parameters.
pub const PARAMETERS_STEP: &str = "_parameters";

/// The task of [`PARAMETERS_STEP`].
pub const PARAMETERS_TASK: &str = "0";

/// Metaflow numbers attempts from 0 and makes no more than this many.
pub const ATTEMPTS_MAX: u32 = 6;

/// Where a level of the tree keeps its metadata.
pub(crate) const META: &str = "_meta";

/// The run that was begun last, in local folders.
pub(crate) const LATEST_RUN: &str = "latest_run";

/// `Flow`, `Flow/run`, `Flow/run/step`, `Flow/run/step/task` or `Flow/run/step/task/artifact`, as
/// Metaflow's client writes them.
///
/// ```
/// use fastdata_metaflow::layout::PathSpec;
///
/// let spec: PathSpec = "Train/1795277101759123/start/1".parse()?;
/// assert_eq!(spec.task().map(|task| task.step.clone()).as_deref(), Some("start"));
/// assert!("Train//start".parse::<PathSpec>().is_err());
/// assert!("Train/../other".parse::<PathSpec>().is_err());
/// # Ok::<(), fastdata_metaflow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathSpec(Vec<String>);

/// A task by its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskPath {
    /// The flow.
    pub flow: String,
    /// Its run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The task of the step.
    pub task: String,
}

/// A file that an attempt of a task leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskFile {
    /// When the attempt was started. The first file.
    Attempt,
    /// What the task was begun with.
    TaskBegin,
    /// That the task's code has ended.
    TaskEnd,
    /// Artifacts and their keys.
    Data,
    /// That the attempt is whole. The last file.
    Done,
    /// How the process of the task ended, by its scheduler.
    Runtime,
    /// What the task printed.
    TaskStdout,
    /// What the task printed as errors.
    TaskStderr,
    /// What the scheduler heard from the task.
    RuntimeStdout,
    /// What the scheduler heard from the task as errors.
    RuntimeStderr,
    /// What old versions kept of stdout, without times.
    LegacyStdout,
    /// What old versions kept of stderr, without times.
    LegacyStderr,
}

impl TaskFile {
    /// What follows the number of the attempt.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Attempt => "attempt.json",
            Self::TaskBegin => "task_begin",
            Self::TaskEnd => "task_end",
            Self::Data => "data.json",
            Self::Done => "DONE.lock",
            Self::Runtime => "runtime",
            Self::TaskStdout => "task_stdout.log",
            Self::TaskStderr => "task_stderr.log",
            Self::RuntimeStdout => "runtime_stdout.log",
            Self::RuntimeStderr => "runtime_stderr.log",
            Self::LegacyStdout => "stdout.log",
            Self::LegacyStderr => "stderr.log",
        }
    }

    /// The name of the file of an attempt.
    pub fn name(self, attempt: u32) -> String {
        format!("{attempt}.{}", self.suffix())
    }
}

impl TaskPath {
    /// A task by its names.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what cannot be a folder.
    pub fn new(flow: &str, run: &str, step: &str, task: &str) -> Result<Self> {
        for name in [flow, run, step, task] {
            check_name(name)?;
        }
        Ok(Self {
            flow: flow.to_owned(),
            run: run.to_owned(),
            step: step.to_owned(),
            task: task.to_owned(),
        })
    }

    /// The task that holds a run's parameters.
    ///
    /// # Errors
    /// As [`TaskPath::new`].
    pub fn parameters(flow: &str, run: &str) -> Result<Self> {
        Self::new(flow, run, PARAMETERS_STEP, PARAMETERS_TASK)
    }

    /// The path of one of its files, from the datastore's root.
    pub fn file(&self, attempt: u32, file: TaskFile) -> String {
        format!("{self}/{}", file.name(attempt))
    }

    /// Without the flow, as input paths of tasks are written: `run/step/task`.
    pub fn below_flow(&self) -> String {
        format!("{}/{}/{}", self.run, self.step, self.task)
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.flow, self.run, self.step, self.task)
    }
}

impl FromStr for TaskPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let spec: PathSpec = text.parse()?;
        let what = || Error::invalid(format!("{text:?} names no task: write Flow/run/step/task"));
        match spec.0.len() {
            4 => spec.task().ok_or_else(what),
            _ => Err(what()),
        }
    }
}

impl PathSpec {
    fn part(&self, idx: usize) -> Option<&str> {
        self.0.get(idx).map(String::as_str)
    }

    /// The flow.
    pub fn flow(&self) -> &str {
        self.part(0).unwrap_or_default()
    }

    /// The run, if one is named.
    pub fn run(&self) -> Option<&str> {
        self.part(1)
    }

    /// The step, if one is named.
    pub fn step(&self) -> Option<&str> {
        self.part(2)
    }

    /// The task, if one is named.
    pub fn task(&self) -> Option<TaskPath> {
        match self.0.as_slice() {
            [flow, run, step, task, ..] => Some(TaskPath {
                flow: flow.clone(),
                run: run.clone(),
                step: step.clone(),
                task: task.clone(),
            }),
            _ => None,
        }
    }

    /// The artifact, if one is named.
    pub fn artifact(&self) -> Option<&str> {
        self.part(4)
    }
}

impl FromStr for PathSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        if parts.len() > 5 {
            return Err(Error::invalid(format!(
                "{text:?} has too many parts: write Flow/run/step/task/artifact"
            )));
        }
        for part in &parts {
            check_name(part).map_err(|error| error.at(format!("the path {text:?}")))?;
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for PathSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// Names are folders: nothing that would leave the tree, or be another level of it.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_fine = !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0']);
    match is_fine && name.len() <= 255 {
        true => Ok(()),
        false => Err(Error::invalid(format!("{name:?} is no name"))),
    }
}

/// The file that says that a level exists.
pub(crate) fn self_file(folder: &str) -> String {
    format!("{folder}/{META}/_self.json")
}

/// The record of an artifact.
pub(crate) fn artifact_file(task: &TaskPath, attempt: u32, name: &str) -> String {
    format!("{task}/{META}/{attempt}_artifact_{name}.json")
}

/// The record of a fact.
pub(crate) fn metadata_file(task: &TaskPath, field: &str, ts_epoch: i64) -> String {
    format!("{task}/{META}/sysmeta_{field}_{ts_epoch}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_there_and_back() {
        for text in ["F", "F/1", "F/argo-x.1/s", "F/1/s/t", "F/1/s/t/x"] {
            assert_eq!(text.parse::<PathSpec>().unwrap().to_string(), text);
        }
        for text in ["", "/", "F/", "F/1/s/t/a/b", "F/..", "F/.", "a\0b", "a\\b"] {
            text.parse::<PathSpec>().unwrap_err();
        }
        let task: TaskPath = "F/1/s/t".parse().unwrap();
        assert_eq!(task.file(2, TaskFile::Done), "F/1/s/t/2.DONE.lock");
        "F/1/s".parse::<TaskPath>().unwrap_err();
        "F/1/s/t/x".parse::<TaskPath>().unwrap_err();
    }
}
