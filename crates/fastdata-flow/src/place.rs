//! Where a flow's runs lie, and how its tasks get at them.

use std::process::Command;
use std::sync::Arc;

use fastdata_metaflow::layout::{TaskFile, TaskPath};
use fastdata_metaflow::pickle::Value;
use fastdata_metaflow::{
    Datastore, LogWriter, Metadata, RunOptions, RunWriter, SavedArtifact, ServiceConfig, StoredTask,
};
use fastdata_store::StoreConfig;

use crate::args::PlaceArgs;
use crate::error::{Error, Result};

/// The datastore and the metadata of one flow.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) flow: String,
    args: PlaceArgs,
    pub(crate) datastore: Arc<Datastore>,
    pub(crate) metadata: Arc<Metadata>,
}

impl Place {
    pub(crate) fn open(flow: &str, args: &PlaceArgs) -> Result<Arc<Self>> {
        let root = match &args.datastore {
            Some(root) => root.clone(),
            None => Datastore::default_root()?,
        };
        let store = StoreConfig::from_env();
        let datastore = Arc::new(Datastore::open(&root, store.clone())?);
        let metadata = match args.metadata.as_deref() {
            None | Some("" | "local") => Metadata::files(Arc::clone(&datastore)),
            Some(url) => Metadata::service(ServiceConfig::at(url, store))?,
        };
        Ok(Arc::new(Self {
            flow: flow.to_owned(),
            args: args.clone(),
            datastore,
            metadata: Arc::new(metadata),
        }))
    }

    /// Tells a task's process where it is.
    pub(crate) fn pass_on(&self, command: &mut Command) {
        command.args(["--datastore", self.datastore.root()]);
        command.args([
            "--metadata",
            self.args.metadata.as_deref().unwrap_or("local"),
        ]);
    }

    /// A run that was begun before.
    pub(crate) fn attach(&self, run: &str, tags: &[String], origin: Option<String>) -> RunWriter {
        let mut options = RunOptions::default();
        options.tags = tags.to_vec();
        options.origin_run_id = origin;
        let (datastore, metadata) = (Arc::clone(&self.datastore), Arc::clone(&self.metadata));
        RunWriter::attach(datastore, metadata, &self.flow, run, options)
    }

    /// The task at `run/step/task`, which has to be done.
    pub(crate) fn stored(&self, path: &str) -> Result<StoredTask> {
        let path = format!("{}/{path}", self.flow).parse()?;
        Ok(self.datastore.stored_task(&path)?)
    }

    /// The run that was begun last.
    pub(crate) fn latest_run(&self) -> Result<String> {
        if let Some(run) = self
            .datastore
            .try_read(&format!("{}/latest_run", self.flow))?
        {
            return Ok(String::from_utf8_lossy(&run).trim().to_owned());
        }
        let runs = self.metadata.runs(&self.flow)?;
        let newest = runs.first().and_then(|run| run.run()).map(str::to_owned);
        newest.ok_or_else(|| Error::missing(format!("flow {} has no run yet", self.flow)))
    }

    /// What an artifact holds.
    pub(crate) fn value(&self, name: &str, record: &SavedArtifact) -> Result<Value> {
        let value = self.datastore.artifact_value(&self.flow, record);
        value.map_err(|error| Error::storage(format!("artifact {name}")).with_source(error))
    }

    /// Where a task's output goes: stdout first.
    pub(crate) fn logs(&self, task: &TaskPath, attempt: u32) -> [LogWriter; 2] {
        let log = |file| LogWriter::new(Arc::clone(&self.datastore), task, attempt, file);
        [TaskFile::TaskStdout, TaskFile::TaskStderr].map(log)
    }
}
