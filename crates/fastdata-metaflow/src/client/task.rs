//! A task: its attempts, artifacts, facts and logs.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::artifact::Artifact;
use super::run::State;
use super::{Client, plausible_ms};
use crate::datastore::Datastore;
use crate::layout::{META, TaskFile, TaskPath};
use crate::log::{Line, merge};
use crate::metadata::{TaskEntry, from_json};
use crate::records::{
    ArtifactInfo, AttemptRecord, DataRecord, MetadataRecord, RuntimeRecord, SelfRecord,
};
use crate::{Error, Result};

/// A task of a run.
#[derive(Debug, Clone)]
pub struct Task {
    client: Client,
    path: TaskPath,
    record: SelfRecord,
    files: OnceLock<HashSet<String>>,
    attempts: OnceLock<Vec<Attempt>>,
}

/// An attempt at a task.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// Its number, from 0.
    pub number: u32,
    /// Milliseconds since 1970 at which it was started.
    pub started_ms: Option<i64>,
    /// Milliseconds since 1970 at which it was done.
    pub finished_ms: Option<i64>,
    /// Whether it was written to its end.
    pub is_done: bool,
    /// Whether the task's code came to its end; `None` while nobody knows.
    pub is_ok: Option<bool>,
    /// Its artifacts, as they were written down.
    data: Option<DataRecord>,
}

/// What a task printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// To standard output.
    Stdout,
    /// To standard error.
    Stderr,
}

impl Stream {
    fn files(self) -> [TaskFile; 3] {
        match self {
            Self::Stdout => [
                TaskFile::LegacyStdout,
                TaskFile::TaskStdout,
                TaskFile::RuntimeStdout,
            ],
            Self::Stderr => [
                TaskFile::LegacyStderr,
                TaskFile::TaskStderr,
                TaskFile::RuntimeStderr,
            ],
        }
    }
}

/// The key of the pickle of `True`: most tasks end well, and need not be asked.
const TRUE_KEYS: [&str; 1] = ["868436778cb011a1c6230bc12534683ab0b7f1c3"];

impl Task {
    pub(super) fn new(client: Client, path: TaskPath, entry: TaskEntry) -> Self {
        let files = OnceLock::new();
        if let Some(known) = entry.files {
            // Filled for the first time.
            let _ = files.set(known.into_iter().collect());
        }
        Self {
            client,
            path,
            record: entry.record,
            files,
            attempts: OnceLock::new(),
        }
    }

    /// Its path.
    pub fn path(&self) -> &TaskPath {
        &self.path
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.path.task
    }

    /// The step.
    pub fn step(&self) -> &str {
        &self.path.step
    }

    /// Milliseconds since 1970 at which it was registered.
    pub fn created_ms(&self) -> Option<i64> {
        plausible_ms(self.record.ts_epoch)
    }

    /// Facts about it, the oldest first.
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied).
    pub fn metadata(&self) -> Result<Vec<MetadataRecord>> {
        self.client.metadata().metadata(&self.path)
    }

    /// A fact about it, the latest where there are several.
    ///
    /// # Errors
    /// As [`Task::metadata`].
    pub fn fact(&self, field: &str) -> Result<Option<String>> {
        let facts = self.metadata()?;
        let found = facts.iter().rev().find(|fact| fact.field_name == field);
        Ok(found.map(MetadataRecord::text))
    }

    /// The names of its files in the client's datastore.
    fn files(&self) -> Result<&HashSet<String>> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let tree = self.client.datastore().tree(&self.path.to_string())?;
        let files = tree.into_iter().map(|file| file.path).collect();
        Ok(self.files.get_or_init(|| files))
    }

    /// Where its files are: with the client's, unless there are none and it names another place.
    fn datastore(&self) -> Result<Arc<Datastore>> {
        let own = self.client.datastore();
        let started = format!(".{}", TaskFile::Attempt.suffix());
        if self.files()?.iter().any(|file| file.ends_with(&started)) {
            return Ok(Arc::clone(own));
        }
        match (self.fact("ds-type")?, self.fact("ds-root")?) {
            (Some(kind), Some(root)) => self.client.datastore_at(&kind, &root),
            _ => Ok(Arc::clone(own)),
        }
    }

    /// Its attempts, by number. Looked up once.
    ///
    /// # Errors
    /// As [`Task::metadata`], and [`Corrupt`](crate::ErrorKind::Corrupt).
    pub fn attempts(&self) -> Result<&[Attempt]> {
        if let Some(attempts) = self.attempts.get() {
            return Ok(attempts);
        }
        let datastore = self.datastore()?;
        let listed;
        let files = match Arc::ptr_eq(&datastore, self.client.datastore()) {
            true => self.files()?,
            false => {
                let tree = datastore.tree(&self.path.to_string())?;
                listed = tree.into_iter().map(|file| file.path).collect();
                &listed
            }
        };
        let mut attempts = Vec::new();
        for number in 0..crate::layout::ATTEMPTS_MAX {
            if files.contains(&TaskFile::Attempt.name(number)) {
                attempts.push(self.attempt_from(&datastore, number, files)?);
            }
        }
        self.add_times(&mut attempts)?;
        Ok(self.attempts.get_or_init(|| attempts))
    }

    fn attempt_from(
        &self,
        datastore: &Datastore,
        number: u32,
        files: &HashSet<String>,
    ) -> Result<Attempt> {
        let read = |file: TaskFile| match files.contains(&file.name(number)) {
            true => datastore.try_read(&self.path.file(number, file)),
            false => Ok(None),
        };
        let started: Option<AttemptRecord> = read(TaskFile::Attempt)?
            .filter(|json| !json.is_empty())
            .map(|json| from_json(&self.path.file(number, TaskFile::Attempt), &json))
            .transpose()?;
        let is_done = files.contains(&TaskFile::Done.name(number));
        let data: Option<DataRecord> = match is_done {
            true => read(TaskFile::Data)?
                .map(|json| from_json(&self.path.file(number, TaskFile::Data), &json))
                .transpose()?,
            false => None,
        };
        let is_ok = match &data {
            Some(data) => Some(self.is_ok(datastore, data)?),
            None => {
                let ended = read(TaskFile::Runtime)?;
                let ended =
                    ended.and_then(|json| serde_json::from_slice::<RuntimeRecord>(&json).ok());
                ended.filter(|ended| !ended.success).map(|_| false)
            }
        };
        Ok(Attempt {
            number,
            started_ms: started.and_then(|started| plausible_ms((started.time * 1000.0) as i64)),
            finished_ms: None,
            is_done,
            is_ok,
            data,
        })
    }

    fn is_ok(&self, datastore: &Datastore, data: &DataRecord) -> Result<bool> {
        let Some(key) = data.objects.get("_task_ok") else {
            return Ok(false);
        };
        if TRUE_KEYS.contains(&key.as_str()) {
            return Ok(true);
        }
        let key = key.parse().map_err(fastdata_cas::Error::from)?;
        let pickle = datastore.blobs(&self.path.flow)?.load(&key)?;
        Ok(crate::pickle::read(&pickle)?.as_int() == Some(1))
    }

    /// When attempts were done stands in the names of facts, or in facts.
    fn add_times(&self, attempts: &mut [Attempt]) -> Result<()> {
        let prefix = format!("{META}/sysmeta_attempt-done_");
        let from_name = |file: &String| {
            file.strip_prefix(&prefix)?
                .strip_suffix(".json")?
                .parse()
                .ok()
        };
        let mut times: Vec<i64> = self.files()?.iter().filter_map(from_name).collect();
        if times.is_empty() && attempts.iter().any(|attempt| attempt.is_done) {
            let facts = self.metadata()?.into_iter();
            times = facts
                .filter(|fact| fact.field_name == "attempt-done")
                .map(|fact| fact.ts_epoch)
                .collect();
        }
        times.retain(|time| plausible_ms(*time).is_some());
        times.sort_unstable();
        for attempt in attempts.iter_mut().filter(|attempt| attempt.is_done) {
            let started_ms = attempt.started_ms.unwrap_or(0);
            attempt.finished_ms = times.iter().copied().find(|time| *time >= started_ms);
        }
        Ok(())
    }

    /// The attempt that was started last.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn latest_attempt(&self) -> Result<Option<&Attempt>> {
        Ok(self.attempts()?.last())
    }

    /// How far it has come.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn state(&self) -> Result<State> {
        Ok(match self.latest_attempt()? {
            Some(attempt) => match attempt.is_ok {
                Some(true) if attempt.is_done => State::Succeeded,
                Some(false) => State::Failed,
                _ => State::Unfinished,
            },
            None => State::Unfinished,
        })
    }

    /// Milliseconds since 1970 at which its first attempt was started.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn started_ms(&self) -> Result<Option<i64>> {
        Ok(self
            .attempts()?
            .first()
            .and_then(|attempt| attempt.started_ms))
    }

    /// Milliseconds since 1970 at which its last attempt was done.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn finished_ms(&self) -> Result<Option<i64>> {
        Ok(self
            .latest_attempt()?
            .and_then(|attempt| attempt.finished_ms))
    }

    /// The artifacts of its latest attempt, by name; none while that is not done.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn artifacts(&self) -> Result<Vec<Artifact>> {
        match self.latest_attempt()? {
            Some(attempt) => self.artifacts_of(attempt.number),
            None => Ok(Vec::new()),
        }
    }

    /// The artifacts of an attempt, by name; none when that is not done.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn artifacts_of(&self, attempt: u32) -> Result<Vec<Artifact>> {
        let found = self
            .attempts()?
            .iter()
            .find(|known| known.number == attempt);
        let Some(data) = found.and_then(|attempt| attempt.data.as_ref()) else {
            return Ok(Vec::new());
        };
        let datastore = self.datastore()?;
        let artifact = |(name, key): (&String, &String)| Artifact {
            datastore: Arc::clone(&datastore),
            task: self.path.clone(),
            name: name.clone(),
            key: key.clone(),
            info: data.info.get(name).cloned().unwrap_or_default(),
        };
        Ok(data.objects.iter().map(artifact).collect())
    }

    /// An artifact of its latest attempt.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound), and those of [`Task::attempts`].
    pub fn artifact(&self, name: &str) -> Result<Artifact> {
        let found = self.try_artifact(name)?;
        found.ok_or_else(|| Error::missing(format!("no artifact {}/{name}", self.path)))
    }

    /// An artifact of its latest attempt, if it has one of this name.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn try_artifact(&self, name: &str) -> Result<Option<Artifact>> {
        let artifacts = self.artifacts()?.into_iter();
        Ok(artifacts
            .into_iter()
            .find(|artifact| artifact.name() == name))
    }

    /// What an attempt printed, or the latest one, by time.
    ///
    /// # Errors
    /// As [`Task::attempts`].
    pub fn log(&self, streams: &[Stream], attempt: Option<u32>) -> Result<Vec<Line>> {
        let latest = self.latest_attempt()?.map_or(0, |attempt| attempt.number);
        let attempt = attempt.unwrap_or(latest);
        let datastore = self.datastore()?;
        let files = streams.iter().flat_map(|stream| stream.files());
        let paths: Vec<String> = files.map(|file| self.path.file(attempt, file)).collect();
        let logs: Vec<Bytes> = datastore
            .try_read_many(&paths)?
            .into_iter()
            .flatten()
            .collect();
        Ok(merge(&logs))
    }

    /// Facts, by name, of an attempt or of none; the latest where there are several.
    ///
    /// # Errors
    /// As [`Task::metadata`].
    pub fn facts(&self) -> Result<BTreeMap<String, String>> {
        let facts = self.metadata()?.into_iter();
        Ok(facts
            .map(|fact| (fact.field_name.clone(), fact.text()))
            .collect())
    }
}

impl Attempt {
    /// What is known of an artifact.
    pub fn info(&self, artifact: &str) -> Option<&ArtifactInfo> {
        self.data.as_ref()?.info.get(artifact)
    }

    /// How long it took.
    pub fn duration_ms(&self) -> Option<i64> {
        Some((self.finished_ms? - self.started_ms?).max(0))
    }
}
