//! A run and its steps.

use std::sync::OnceLock;

use super::task::Task;
use super::{Artifact, Client, plausible_ms};
use crate::layout::{PARAMETERS_STEP, TaskPath};
use crate::metadata::{StepEntry, TaskEntry};
use crate::pickle::Value;
use crate::records::SelfRecord;
use crate::{Error, Result};

/// A run of a flow.
#[derive(Debug, Clone)]
pub struct Run {
    client: Client,
    flow: String,
    id: String,
    record: SelfRecord,
    steps: OnceLock<Vec<Step>>,
}

/// A step of a run: a name and its tasks.
#[derive(Debug, Clone)]
pub struct Step {
    name: String,
    tasks: Vec<Task>,
}

/// How far a run, step or task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// To its end, well.
    Succeeded,
    /// The last attempt at it failed.
    Failed,
    /// It is not at its end: it runs, or whoever ran it is gone.
    Unfinished,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unfinished => "unfinished",
        }
    }
}

/// The last step, where nothing says otherwise.
const END: &str = "end";

impl Run {
    pub(super) fn new(client: Client, flow: String, record: SelfRecord) -> Option<Self> {
        Some(Self {
            client,
            flow,
            id: record.run()?.to_owned(),
            record,
            steps: OnceLock::new(),
        })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The flow.
    pub fn flow(&self) -> &str {
        &self.flow
    }

    /// `Flow/run`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.flow, self.id)
    }

    /// Milliseconds since 1970 at which it was begun; nobody knows it of runs without metadata.
    pub fn created_ms(&self) -> Option<i64> {
        plausible_ms(self.record.ts_epoch)
    }

    /// Who began it.
    pub fn user(&self) -> Option<&str> {
        self.record.user_name.as_deref()
    }

    /// Tags of users.
    pub fn tags(&self) -> &[String] {
        self.record.tags.as_deref().unwrap_or_default()
    }

    /// Tags of the system.
    pub fn system_tags(&self) -> &[String] {
        self.record.system_tags.as_deref().unwrap_or_default()
    }

    fn step_of(&self, entry: StepEntry) -> Step {
        let tasks = entry
            .tasks
            .into_iter()
            .filter_map(|task| self.task_of(&entry.name, task));
        Step {
            tasks: tasks.collect(),
            name: entry.name,
        }
    }

    fn task_of(&self, step: &str, entry: TaskEntry) -> Option<Task> {
        let path = TaskPath::new(&self.flow, &self.id, step, entry.record.task()?).ok()?;
        Some(Task::new(self.client.clone(), path, entry))
    }

    /// Its steps that have tasks, in the order in which they were begun, without the one that holds
    /// the parameters. Looked up once.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn steps(&self) -> Result<&[Step]> {
        if let Some(steps) = self.steps.get() {
            return Ok(steps);
        }
        let entries = self
            .client
            .metadata()
            .steps(&self.flow, &self.id)?
            .into_iter();
        let steps = entries
            .filter(|step| step.name != PARAMETERS_STEP && !step.tasks.is_empty())
            .map(|step| self.step_of(step));
        Ok(self.steps.get_or_init(|| steps.collect()))
    }

    /// The tasks of one step.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn tasks(&self, step: &str) -> Result<Vec<Task>> {
        if let Some(steps) = self.steps.get() {
            let found = steps.iter().find(|known| known.name == step);
            return Ok(found.map(|step| step.tasks.clone()).unwrap_or_default());
        }
        let entries = self
            .client
            .metadata()
            .tasks(&self.flow, &self.id, step)?
            .into_iter();
        Ok(entries
            .filter_map(|entry| self.task_of(step, entry))
            .collect())
    }

    /// The task that holds its parameters, if it has come so far.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn parameters_task(&self) -> Result<Option<Task>> {
        let entries = self
            .client
            .metadata()
            .tasks(&self.flow, &self.id, PARAMETERS_STEP)?
            .into_iter();
        let mut tasks = entries.filter_map(|entry| self.task_of(PARAMETERS_STEP, entry));
        Ok(tasks.next())
    }

    /// Its parameters and constants.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn parameters(&self) -> Result<Vec<Artifact>> {
        let Some(task) = self.parameters_task()? else {
            return Ok(Vec::new());
        };
        let artifacts = task.artifacts()?.into_iter();
        // The name of the flow is written like a constant.
        Ok(artifacts
            .filter(|artifact| !artifact.is_internal() && artifact.name() != "name")
            .collect())
    }

    /// What the flow looks like, as Metaflow writes it; `None` in old runs.
    ///
    /// # Errors
    /// As [`Run::steps`], and those of pickles.
    pub fn graph_info(&self) -> Result<Option<Value>> {
        let first = match self.parameters_task()? {
            Some(task) => Some(task),
            None => self.tasks("start")?.into_iter().next(),
        };
        let artifact = first
            .map(|task| task.try_artifact("_graph_info"))
            .transpose()?;
        artifact
            .flatten()
            .map(|artifact| artifact.value())
            .transpose()
    }

    /// The task of the last step, if the run has come so far.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn end_task(&self) -> Result<Option<Task>> {
        if let Some(task) = self.tasks(END)?.into_iter().next() {
            return Ok(Some(task));
        }
        let info = self.graph_info().ok().flatten();
        let end = info.and_then(|info| info.get("end_step")?.as_str().map(str::to_owned));
        match end.filter(|end| end != END) {
            Some(end) => Ok(self.tasks(&end)?.into_iter().next()),
            None => Ok(None),
        }
    }

    /// How far it has come.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn state(&self) -> Result<State> {
        if let Some(end) = self.end_task()? {
            match end.state()? {
                State::Unfinished => {}
                state => return Ok(state),
            }
        }
        for step in self.steps()? {
            for task in &step.tasks {
                if task.state()? == State::Failed {
                    return Ok(State::Failed);
                }
            }
        }
        Ok(State::Unfinished)
    }

    /// Milliseconds since 1970 at which its last step ended.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn finished_ms(&self) -> Result<Option<i64>> {
        match self.end_task()? {
            Some(task) => task.finished_ms(),
            None => Ok(None),
        }
    }

    /// The run whose results it has taken over.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn origin_run_id(&self) -> Result<Option<String>> {
        let first = self.steps()?.iter().flat_map(|step| &step.tasks).next();
        let Some(task) = first else {
            return Ok(None);
        };
        let facts = task.metadata()?.into_iter();
        let mut origins = facts
            .filter(|fact| fact.field_name == "origin-run-id")
            .map(|fact| fact.text());
        Ok(origins.find(|origin| origin != "None" && origin != "null"))
    }

    /// The run of the same flow that was begun before it, if there is one.
    ///
    /// # Errors
    /// As [`Run::steps`].
    pub fn previous(&self) -> Result<Option<Run>> {
        let runs = self.client.flow(&self.flow)?.runs()?;
        let mut runs = runs.into_iter().skip_while(|run| run.id != self.id);
        Ok(runs.nth(1))
    }

    /// An artifact of the last step: what the run came to.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) when it has not come so far or has no such artifact,
    /// and those of reading.
    pub fn result(&self, name: &str) -> Result<Artifact> {
        let end = self.end_task()?;
        let end =
            end.ok_or_else(|| Error::missing(format!("{} has not come to its end", self.path())))?;
        end.artifact(name)
    }

    /// Adds and removes tags of users.
    ///
    /// # Errors
    /// Those of [`Metadata::change_tags`](crate::Metadata::change_tags).
    pub fn change_tags(&mut self, add: &[String], remove: &[String]) -> Result<()> {
        let tags = self
            .client
            .metadata()
            .change_tags(&self.flow, &self.id, add, remove)?;
        self.record.tags = Some(tags);
        Ok(())
    }
}

impl Step {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its tasks, in the order in which they were begun.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// How far its tasks have come: as far as the one that has come least.
    ///
    /// # Errors
    /// Those of [`Task::state`].
    pub fn state(&self) -> Result<State> {
        let mut all = State::Succeeded;
        for task in &self.tasks {
            match task.state()? {
                State::Failed => return Ok(State::Failed),
                State::Unfinished => all = State::Unfinished,
                State::Succeeded => {}
            }
        }
        Ok(all)
    }
}
