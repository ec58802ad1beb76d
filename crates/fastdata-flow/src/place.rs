//! Where a flow's runs lie, and how its tasks get at them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastdata_cas::{Blobs, Key};
use fastdata_metaflow::layout::{ATTEMPTS_MAX, PARAMETERS_STEP, TaskFile, TaskPath};
use fastdata_metaflow::pickle::{self, Limits, Value};
use fastdata_metaflow::records::DataRecord;
use fastdata_metaflow::{
    Datastore, Metadata, RunOptions, RunWriter, SavedArtifact, ServiceConfig, log,
};
use fastdata_store::StoreConfig;

use crate::args::PlaceArgs;
use crate::error::{Error, Result};

/// Artifacts of a task by their names.
pub(crate) type Records = BTreeMap<String, SavedArtifact>;

/// The datastore and the metadata of one flow.
#[derive(Debug)]
pub(crate) struct Place {
    flow: String,
    args: PlaceArgs,
    pub(crate) datastore: Arc<Datastore>,
    pub(crate) metadata: Arc<Metadata>,
    blobs: Arc<Blobs>,
}

/// A task that is done.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) path: TaskPath,
    pub(crate) records: Records,
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
            blobs: datastore.blobs(flow)?,
            datastore,
            metadata: Arc::new(metadata),
        }))
    }

    pub(crate) fn flow(&self) -> &str {
        &self.flow
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
    pub(crate) fn attach(&self, run: &str, tags: &[String]) -> RunWriter {
        let mut options = RunOptions::default();
        options.tags = tags.to_vec();
        let (datastore, metadata) = (Arc::clone(&self.datastore), Arc::clone(&self.metadata));
        RunWriter::attach(datastore, metadata, &self.flow, run, options)
    }

    /// The task at `run/step/task`: its latest attempt, which has to be done.
    pub(crate) fn stored(&self, path: &str) -> Result<Stored> {
        let path: TaskPath = format!("{}/{path}", self.flow).parse()?;
        let begun: Vec<String> = (0..ATTEMPTS_MAX)
            .map(|attempt| path.file(attempt, TaskFile::Attempt))
            .collect();
        let begun = self.datastore.try_read_many(&begun)?;
        let latest = begun.iter().rposition(Option::is_some);
        let not_done = || Error::missing(format!("task {path} is not done"));
        let attempt = latest.ok_or_else(not_done)? as u32;
        if !self.datastore.exists(&path.file(attempt, TaskFile::Done))? {
            return Err(not_done());
        }
        let data = self.datastore.read(&path.file(attempt, TaskFile::Data))?;
        let mut data: DataRecord = serde_json::from_slice(&data)
            .map_err(|error| Error::storage(format!("the record of {path}")).with_source(error))?;
        let mut record = |(name, key): (String, String)| {
            let info = data.info.remove(&name).unwrap_or_default();
            (name, SavedArtifact { key, info })
        };
        let records = std::mem::take(&mut data.objects)
            .into_iter()
            .map(&mut record);
        Ok(Stored {
            records: records.collect(),
            path,
        })
    }

    /// The tasks of a run, of one step or all.
    pub(crate) fn tasks(&self, run: &str, step: Option<&str>) -> Result<Vec<TaskPath>> {
        let mut paths = Vec::new();
        for entry in self.metadata.steps(&self.flow, run)? {
            if entry.name == PARAMETERS_STEP || step.is_some_and(|step| step != entry.name) {
                continue;
            }
            for task in entry.tasks.iter().filter_map(|task| task.record.task()) {
                paths.push(TaskPath::new(&self.flow, run, &entry.name, task)?);
            }
        }
        Ok(paths)
    }

    /// A task that is done, and whether it came to its end.
    pub(crate) fn ended(&self, task: &TaskPath) -> Option<(Stored, bool)> {
        let stored = self.stored(&task.below_flow()).ok()?;
        let ok = self.find(&stored.records, "_task_ok").ok()? == Value::Bool(true);
        Some((stored, ok))
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
        let context = |error: Error| Error::storage(format!("artifact {name}")).with_source(error);
        let key: Key = record
            .key
            .parse()
            .map_err(|_| Error::storage(format!("artifact {name} has no key")))?;
        let pickled = self
            .blobs
            .load(&key)
            .map_err(|error| context(error.into()))?;
        let value = pickle::read_bytes(&pickled, &Limits::default());
        value.map_err(|error| context(error.into()))
    }

    /// As [`Place::value`]; nothing when there is none of that name.
    pub(crate) fn find(&self, records: &Records, name: &str) -> Result<Value> {
        let record = records.get(name);
        record.map_or(Ok(Value::None), |record| self.value(name, record))
    }

    /// The items of a list among the artifacts; none when it is not there.
    pub(crate) fn list(&self, records: &Records, name: &str) -> Result<Vec<Value>> {
        let value = self.find(records, name)?;
        Ok(value.as_items().map(<[Value]>::to_vec).unwrap_or_default())
    }

    /// Where a task's output goes: stdout first.
    pub(crate) fn logs(self: &Arc<Self>, task: &TaskPath, attempt: u32) -> [LogFile; 2] {
        [TaskFile::TaskStdout, TaskFile::TaskStderr].map(|file| LogFile {
            place: Arc::clone(self),
            path: task.file(attempt, file),
            ids: log::LineIds::default(),
            pending: Vec::new(),
            kept_bytes: 0,
            file: None,
            uploaded: Instant::now(),
        })
    }
}

impl Stored {
    pub(crate) fn step(&self) -> &str {
        &self.path.step
    }
}

/// What a stream may leave in the datastore: what comes after is lost, and the log says so.
const LOG_BYTES_MAX: usize = 16 << 20;

/// How old the log of a running task may be in an object store.
const UPLOAD_EVERY: Duration = Duration::from_secs(10);

/// The log of one stream of a task, in Metaflow's form.
#[derive(Debug)]
pub(crate) struct LogFile {
    place: Arc<Place>,
    path: String,
    ids: log::LineIds,
    /// What is not written yet; all of it in an object store, which cannot append.
    pending: Vec<u8>,
    kept_bytes: usize,
    file: Option<File>,
    uploaded: Instant,
}

impl LogFile {
    /// Adds a line, and gives it back as it is to be shown; nothing once the log is full.
    pub(crate) fn add(&mut self, text: &str) -> Option<String> {
        if self.kept_bytes > LOG_BYTES_MAX {
            return None;
        }
        let head = log::head("task", chrono::Utc::now(), &mut self.ids);
        self.kept_bytes += head.len() + text.len() + 1;
        let text = match self.kept_bytes > LOG_BYTES_MAX {
            true => format!("[more than {LOG_BYTES_MAX} bytes were printed: the rest is left out]"),
            false => text.to_owned(),
        };
        self.pending.extend_from_slice(head.as_bytes());
        self.pending.extend_from_slice(text.as_bytes());
        self.pending.push(b'\n');
        Some(text)
    }

    /// Writes what has come, where that is cheap.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(path) = self.place.datastore.local_path(&self.path) else {
            if self.uploaded.elapsed() < UPLOAD_EVERY {
                return Ok(());
            }
            return self.finish();
        };
        let failed =
            |error| Error::storage(format!("cannot write {}", path.display())).with_source(error);
        let mut file = match self.file.take() {
            Some(file) => file,
            None => File::options()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(failed)?,
        };
        // What cannot be written must not be held for ever.
        let pending = std::mem::take(&mut self.pending);
        file.write_all(&pending).map_err(failed)?;
        self.file = Some(file);
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if self.place.datastore.local_path(&self.path).is_some() {
            return self.flush();
        }
        self.uploaded = Instant::now();
        match self.pending.is_empty() {
            true => Ok(()),
            false => Ok(self
                .place
                .datastore
                .write(&self.path, self.pending.clone())?),
        }
    }
}
