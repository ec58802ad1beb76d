//! A run that is being written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::task::{TaskFacts, TaskWriter};
use crate::datastore::Datastore;
use crate::layout::{LATEST_RUN, PARAMETERS_STEP, PARAMETERS_TASK, TaskPath};
use crate::metadata::{Heartbeat, Metadata, Registration, now_ms};
use crate::pickle::{Value, write};
use crate::records::MetadataRecord;
use crate::stored::StoredTask;
use crate::{Error, Result};

/// What a run is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunOptions {
    /// The id that an orchestrator gives it; else one is made.
    pub run_id: Option<String>,
    /// Who begins it.
    pub user: String,
    /// Tags of users.
    pub tags: Vec<String>,
    /// Tags of the system, besides `user:…` and `runtime:…`.
    pub system_tags: Vec<String>,
    /// The run whose results it takes over.
    pub origin_run_id: Option<String>,
    /// The name of the program, as Metaflow names the script.
    pub script: String,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            run_id: None,
            user: user_name(),
            tags: Vec::new(),
            system_tags: Vec::new(),
            origin_run_id: None,
            script: String::new(),
        }
    }
}

/// Who Metaflow would say it is.
fn user_name() -> String {
    let names = ["METAFLOW_USER", "SUDO_USER", "USERNAME", "USER", "LOGNAME"];
    let found = names
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    found.unwrap_or_else(|| "unknown".to_owned())
}

/// Which runtime wrote a run: as Metaflow calls runs that nobody deployed.
const RUNTIME: &str = "dev";

/// A run that is being written; by the process that begins it, and by each process of a task.
#[derive(Debug)]
pub struct RunWriter {
    pub(super) datastore: Arc<Datastore>,
    pub(super) metadata: Arc<Metadata>,
    pub(super) flow: String,
    pub(super) id: String,
    pub(super) registration: Registration,
    pub(super) origin_run_id: Option<String>,
    script: String,
    task_count: AtomicU64,
    /// Of the process that began the run.
    _heartbeat: Option<Heartbeat>,
}

impl RunWriter {
    /// Registers a new run of a flow.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for names that are none.
    pub fn begin(
        datastore: Arc<Datastore>,
        metadata: Arc<Metadata>,
        flow: &str,
        options: RunOptions,
    ) -> Result<Self> {
        let run_id = options.run_id.clone();
        let mut run = Self::attach(datastore, metadata, flow, "", options);
        run.id = run
            .metadata
            .new_run(flow, run_id.as_deref(), &run.registration)?;
        run._heartbeat = Heartbeat::of_run(&run.metadata, flow, &run.id);
        if run.origin_run_id.is_none() {
            run.make_latest()?;
        }
        Ok(run)
    }

    /// Makes it the run that is resumed when none is named. A run that takes over the results of
    /// another becomes it when it has them.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn make_latest(&self) -> Result<()> {
        // Metaflow keeps it in folders only; in a bucket it does no harm.
        let file = format!("{}/{LATEST_RUN}", self.flow);
        self.datastore.write(&file, self.id.clone())
    }

    /// Notes that an attempt failed whose process could not note it.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn attempt_failed(&self, path: &TaskPath, attempt: u32) -> Result<()> {
        let kind = "internal_attempt_status";
        let fact = self.fact(path, Some(attempt), "attempt_ok", kind, "False".into());
        self.metadata.register_metadata(path, &[fact])
    }

    /// A run that another process has begun, with the same options. Nothing is written.
    pub fn attach(
        datastore: Arc<Datastore>,
        metadata: Arc<Metadata>,
        flow: &str,
        id: &str,
        options: RunOptions,
    ) -> Self {
        let mut system_tags = vec![
            format!("user:{}", options.user),
            format!("runtime:{RUNTIME}"),
            format!("fastdata_version:{}", env!("CARGO_PKG_VERSION")),
        ];
        system_tags.extend(options.system_tags);
        Self {
            datastore,
            metadata,
            flow: flow.to_owned(),
            id: id.to_owned(),
            registration: Registration {
                user: options.user,
                tags: options.tags,
                system_tags,
            },
            origin_run_id: options.origin_run_id,
            script: options.script,
            task_count: AtomicU64::new(0),
            _heartbeat: None,
        }
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The run whose results it takes over.
    pub fn origin_run_id(&self) -> Option<&str> {
        self.origin_run_id.as_deref()
    }

    /// The flow.
    pub fn flow(&self) -> &str {
        &self.flow
    }

    /// Where its artifacts go.
    pub fn datastore(&self) -> &Arc<Datastore> {
        &self.datastore
    }

    /// Who is told about it.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// Registers the next task of a step: to be called by one process only, which counts.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn new_task(&self, step: &str) -> Result<TaskPath> {
        let number = self.task_count.fetch_add(1, Ordering::Relaxed) + 1;
        self.register_task(step, &number.to_string())
    }

    /// Registers a task of a step under an id that somebody else chose.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn register_task(&self, step: &str, task: &str) -> Result<TaskPath> {
        let path =
            self.metadata
                .new_task((&self.flow, &self.id), step, task, &self.registration)?;
        let facts = [
            ("user", self.registration.user.as_str()),
            ("runtime", RUNTIME),
            ("script-name", self.script.as_str()),
        ];
        let facts: Vec<_> = facts
            .into_iter()
            .map(|(field, value)| self.fact(&path, Some(0), field, field, value.into()))
            .collect();
        self.metadata.register_metadata(&path, &facts)?;
        Ok(path)
    }

    /// Writes what every task starts from: the parameters and what the flow looks like.
    /// `ends` are the first and the last step.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn parameters(
        &self,
        parameters: &[(&str, Value)],
        graph_info: &Value,
        ends: (&str, &str),
    ) -> Result<TaskPath> {
        let path = self.register_task(PARAMETERS_STEP, PARAMETERS_TASK)?;
        let ends = [("start_step", ends.0), ("end_step", ends.1)];
        let ends: Vec<_> = ends
            .into_iter()
            .map(|(field, step)| self.fact(&path, None, field, "graph_structure", step.into()))
            .collect();
        self.metadata.register_metadata(&path, &ends)?;
        let mut task = self.task(&path, 0, &TaskFacts::default())?;
        for (name, value) in parameters {
            task.save_value(name, value)?;
        }
        task.save("_graph_info", &write(graph_info), "<class 'dict'>")?;
        task.save_value("_transition", &Value::None)?;
        task.save_value("_foreach_stack", &Value::List(Vec::new()))?;
        task.done(true)?;
        Ok(path)
    }

    /// Begins an attempt of a task.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn task(&self, path: &TaskPath, attempt: u32, facts: &TaskFacts) -> Result<TaskWriter<'_>> {
        if (path.flow.as_str(), path.run.as_str()) != (self.flow.as_str(), self.id.as_str()) {
            return Err(Error::invalid(format!(
                "{path} is no task of {}/{}",
                self.flow, self.id
            )));
        }
        TaskWriter::begin(self, path.clone(), attempt, facts)
    }

    /// A task of this run with the results of one of another run, by reference.
    ///
    /// # Errors
    /// As [`RunWriter::begin`].
    pub fn take_over(&self, source: &StoredTask) -> Result<TaskPath> {
        let path = match source.path.step.as_str() {
            PARAMETERS_STEP => self.register_task(PARAMETERS_STEP, PARAMETERS_TASK)?,
            step => self.new_task(step)?,
        };
        let facts = TaskFacts {
            origin_task_id: Some(source.path.task.clone()),
            ..TaskFacts::default()
        };
        let mut task = self.task(&path, 0, &facts)?;
        for (name, artifact) in &source.artifacts {
            task.reference(name, artifact.clone())?;
        }
        task.done(true)?;
        Ok(path)
    }

    pub(super) fn fact(
        &self,
        path: &TaskPath,
        attempt: Option<u32>,
        field: &str,
        kind: &str,
        value: serde_json::Value,
    ) -> MetadataRecord {
        MetadataRecord {
            flow_id: path.flow.clone(),
            run_number: path.run.clone(),
            step_name: path.step.clone(),
            task_id: path.task.clone(),
            field_name: field.to_owned(),
            kind: kind.to_owned(),
            value,
            tags: attempt
                .map(|attempt| format!("attempt_id:{attempt}"))
                .into_iter()
                .collect(),
            user_name: self.registration.user.clone(),
            ts_epoch: now_ms(),
        }
    }
}
