//! Who knows which runs there are: files in a datastore, or Metaflow's metadata service.

mod files;
mod heartbeat;
mod service;

use std::sync::Arc;

use crate::datastore::Datastore;
use crate::layout::TaskPath;
use crate::records::{ArtifactRecord, MetadataRecord, SelfRecord};
use crate::{Error, Result};

use files::Files;
pub(crate) use files::{from_json, to_json};
pub(crate) use heartbeat::Heartbeat;
use service::Service;
pub use service::ServiceConfig;

/// What knows flows, runs, steps and tasks, their tags and facts about them.
#[derive(Debug)]
pub struct Metadata(Kind);

#[derive(Debug)]
enum Kind {
    Files(Files),
    Service(Box<Service>),
}

/// What a new run or task is registered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registration {
    /// Who begins it.
    pub user: String,
    /// Tags of users.
    pub tags: Vec<String>,
    /// Tags of the system.
    pub system_tags: Vec<String>,
}

/// A step of a run as it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepEntry {
    /// Its name.
    pub name: String,
    /// Its tasks.
    pub tasks: Vec<TaskEntry>,
}

/// A task as it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskEntry {
    /// What was registered.
    pub record: SelfRecord,
    /// Paths of its files from its folder, where they are known already.
    pub files: Option<Vec<String>>,
}

impl TaskEntry {
    fn order(&self) -> (i64, u64, String) {
        let id = self.record.task().unwrap_or_default();
        (
            self.record.ts_epoch,
            id.parse().unwrap_or(u64::MAX),
            id.to_owned(),
        )
    }
}

/// A run may have so many tags of users, as Metaflow has it.
const TAGS_MAX: usize = 50;

/// A tag may be so long, as Metaflow has it.
const TAG_CHARS_MAX: usize = 500;

impl Metadata {
    /// Files beside the artifacts of a datastore.
    pub fn files(datastore: Arc<Datastore>) -> Self {
        Self(Kind::Files(Files::new(datastore)))
    }

    /// Metaflow's metadata service.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for an address that is none.
    pub fn service(config: ServiceConfig) -> Result<Self> {
        Ok(Self(Kind::Service(Box::new(Service::new(config)?))))
    }

    /// What Metaflow calls this provider.
    pub fn kind(&self) -> &'static str {
        match &self.0 {
            Kind::Files(_) => "local",
            Kind::Service(_) => "service",
        }
    }

    /// Registers a run and returns its id: `run`, or one that is made.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn new_run(&self, flow: &str, run: Option<&str>, with: &Registration) -> Result<String> {
        match &self.0 {
            Kind::Files(files) => files.new_run(flow, run, with),
            Kind::Service(service) => service.new_run(flow, run, with),
        }
    }

    /// Registers a task and returns its path. Files take `task` as its id; a service makes one
    /// unless `task` is no number.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn new_task(
        &self,
        run: (&str, &str),
        step: &str,
        task: &str,
        with: &Registration,
    ) -> Result<TaskPath> {
        let path = TaskPath::new(run.0, run.1, step, task)?;
        match &self.0 {
            Kind::Files(files) => files.new_task(&path, with),
            Kind::Service(service) => service.new_task(&path, with),
        }
    }

    /// Registers the artifacts of an attempt of a task.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn register_artifacts(&self, task: &TaskPath, artifacts: &[ArtifactRecord]) -> Result<()> {
        match &self.0 {
            Kind::Files(files) => files.register_artifacts(task, artifacts),
            Kind::Service(service) => service.register_artifacts(task, artifacts),
        }
    }

    /// Registers facts about a task.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn register_metadata(&self, task: &TaskPath, facts: &[MetadataRecord]) -> Result<()> {
        match &self.0 {
            Kind::Files(files) => files.register_metadata(task, facts),
            Kind::Service(service) => service.register_metadata(task, facts),
        }
    }

    /// Adds and removes tags of users, and returns those that the run has now.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) for a run that is not there,
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for tags that Metaflow would refuse.
    pub fn change_tags(
        &self,
        flow: &str,
        run: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>> {
        for tag in add {
            let is_fine =
                !tag.is_empty() && tag.trim() == tag && tag.chars().count() <= TAG_CHARS_MAX;
            if !is_fine {
                return Err(Error::invalid(format!(
                    "{tag:?} is no tag: 1 to {TAG_CHARS_MAX} characters without spaces around them"
                )));
            }
        }
        match &self.0 {
            Kind::Files(files) => files.change_tags(flow, run, add, remove),
            Kind::Service(service) => service.change_tags(flow, run, add, remove),
        }
    }

    /// Every flow.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn flows(&self) -> Result<Vec<String>> {
        match &self.0 {
            Kind::Files(files) => files.flows(),
            Kind::Service(service) => service.flows(),
        }
    }

    /// The runs of a flow, the newest first; none for a flow that is not there.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn runs(&self, flow: &str) -> Result<Vec<SelfRecord>> {
        let mut runs = match &self.0 {
            Kind::Files(files) => files.runs(flow),
            Kind::Service(service) => service.runs(flow),
        }?;
        runs.sort_by(|one, other| (other.ts_epoch, other.run()).cmp(&(one.ts_epoch, one.run())));
        Ok(runs)
    }

    /// A run, if it is there.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn run(&self, flow: &str, run: &str) -> Result<Option<SelfRecord>> {
        match &self.0 {
            Kind::Files(files) => files.run(flow, run),
            Kind::Service(service) => service.run(flow, run),
        }
    }

    /// The steps of a run with their tasks, in the order in which they were begun. The step of the
    /// parameters is among them.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn steps(&self, flow: &str, run: &str) -> Result<Vec<StepEntry>> {
        let mut steps = match &self.0 {
            Kind::Files(files) => files.steps(flow, run),
            Kind::Service(service) => service.steps(flow, run),
        }?;
        for step in &mut steps {
            step.tasks.sort_by_cached_key(TaskEntry::order);
        }
        steps.sort_by_key(|step| {
            step.tasks
                .first()
                .map_or(i64::MAX, |task| task.record.ts_epoch)
        });
        Ok(steps)
    }

    /// The tasks of one step of a run, in the order in which they were begun; none for a step that
    /// is not there.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn tasks(&self, flow: &str, run: &str, step: &str) -> Result<Vec<TaskEntry>> {
        let mut tasks = match &self.0 {
            Kind::Files(files) => files.tasks(flow, run, step),
            Kind::Service(service) => service.tasks(flow, run, step),
        }?;
        tasks.sort_by_cached_key(TaskEntry::order);
        Ok(tasks)
    }

    /// The artifacts of an attempt of a task, as they were registered.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn artifacts(&self, task: &TaskPath, attempt: u32) -> Result<Vec<ArtifactRecord>> {
        match &self.0 {
            Kind::Files(files) => files.artifacts(task, attempt),
            Kind::Service(service) => service.artifacts(task, attempt),
        }
    }

    /// Facts about a task, the oldest first.
    ///
    /// # Errors
    /// As [`Metadata::new_run`].
    pub fn metadata(&self, task: &TaskPath) -> Result<Vec<MetadataRecord>> {
        let mut facts = match &self.0 {
            Kind::Files(files) => files.metadata(task),
            Kind::Service(service) => service.metadata(task),
        }?;
        facts.sort_by_key(|fact| fact.ts_epoch);
        Ok(facts)
    }
}

/// The tags that a run has after a change.
fn changed_tags(run: &SelfRecord, add: &[String], remove: &[String]) -> Result<Vec<String>> {
    let system = run.system_tags.as_deref().unwrap_or_default();
    if let Some(tag) = remove.iter().find(|tag| system.contains(tag)) {
        return Err(Error::invalid(format!(
            "{tag:?} is a tag of the system and stays"
        )));
    }
    let mut tags = run.tags.clone().unwrap_or_default();
    tags.retain(|tag| !remove.contains(tag));
    for tag in add {
        if !tags.contains(tag) && !system.contains(tag) {
            tags.push(tag.clone());
        }
    }
    match tags.len() <= TAGS_MAX || tags.len() <= run.tags.as_ref().map_or(0, Vec::len) {
        true => Ok(tags),
        false => Err(Error::invalid(format!("a run has {TAGS_MAX} tags at most"))),
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
