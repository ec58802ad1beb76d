//! An attempt of a task that is being written.

use std::collections::BTreeMap;

use fastdata_cas::Key;

use super::run::RunWriter;
use crate::layout::{ATTEMPTS_MAX, TaskFile, TaskPath, check_name};
use crate::metadata::{Heartbeat, now_ms, to_json};
use crate::pickle::{Value, write};
use crate::records::{
    ArtifactInfo, ArtifactRecord, AttemptRecord, DataRecord, ENCODING, TaskBeginRecord,
};
use crate::{Error, Result};

/// What is known of a task before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TaskFacts {
    /// The names and values of the foreachs that it is in, outermost first: `xs=2`.
    pub foreach_stack: Vec<String>,
    /// The steps and indices of the foreachs that it is in, outermost first: `work:1`.
    pub foreach_path: Vec<String>,
    /// The task of the run's origin that it was taken over from.
    pub origin_task_id: Option<String>,
}

/// An artifact that lies in the datastore: what a task that passes it on needs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedArtifact {
    /// The key of its bytes.
    pub key: String,
    /// What is known of it.
    pub info: ArtifactInfo,
}

/// An attempt of a task that is being written. When it is dropped without
/// [`done`](TaskWriter::done) it stays begun, and everybody who reads passes over its task.
#[derive(Debug)]
pub struct TaskWriter<'a> {
    run: &'a RunWriter,
    path: TaskPath,
    attempt: u32,
    artifacts: BTreeMap<String, SavedArtifact>,
    _heartbeat: Option<Heartbeat>,
}

impl<'a> TaskWriter<'a> {
    pub(super) fn begin(
        run: &'a RunWriter,
        path: TaskPath,
        attempt: u32,
        facts: &TaskFacts,
    ) -> Result<Self> {
        if attempt >= ATTEMPTS_MAX {
            return Err(Error::invalid(format!(
                "attempt {attempt} of {path}: there are {ATTEMPTS_MAX} at most"
            )));
        }
        let is_parameters = path.step == crate::layout::PARAMETERS_STEP;
        let heartbeat = match is_parameters {
            true => None,
            false => Heartbeat::of_task(&run.metadata, &path),
        };
        let task = Self {
            run,
            path,
            attempt,
            artifacts: BTreeMap::new(),
            _heartbeat: heartbeat,
        };
        let time = chrono::Utc::now().timestamp_micros() as f64 / 1e6;
        task.file(TaskFile::Attempt, &AttemptRecord { time })?;
        let begin = TaskBeginRecord {
            code_package_metadata: Some(String::new()),
            retry_count: attempt,
            ..TaskBeginRecord::default()
        };
        task.file(TaskFile::TaskBegin, &begin)?;
        if !is_parameters {
            task.register_begin(facts)?;
        }
        Ok(task)
    }

    fn register_begin(&self, facts: &TaskFacts) -> Result<()> {
        let none = || "None".to_owned();
        let mut fields: Vec<(&str, serde_json::Value)> = vec![
            ("attempt", self.attempt.to_string().into()),
            (
                "origin-run-id",
                self.run.origin_run_id.clone().unwrap_or_else(none).into(),
            ),
            ("ds-type", self.run.datastore.kind().into()),
            ("ds-root", self.run.datastore.root().into()),
        ];
        if let Some(origin) = &facts.origin_task_id {
            fields.push(("origin-task-id", origin.clone().into()));
        }
        if !facts.foreach_stack.is_empty() {
            fields.push(("foreach-stack", facts.foreach_stack.clone().into()));
        }
        if !facts.foreach_path.is_empty() {
            fields.push((
                "foreach-execution-path",
                facts.foreach_path.join(",").into(),
            ));
        }
        let records: Vec<_> = fields
            .into_iter()
            .map(|(field, value)| {
                self.run
                    .fact(&self.path, Some(self.attempt), field, field, value)
            })
            .collect();
        self.run.metadata.register_metadata(&self.path, &records)
    }

    /// The task.
    pub fn path(&self) -> &TaskPath {
        &self.path
    }

    /// The number of the attempt.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    fn file<T: serde::Serialize>(&self, file: TaskFile, record: &T) -> Result<()> {
        let path = self.path.file(self.attempt, file);
        self.run.datastore.write(&path, to_json(record)?)
    }

    /// Saves an artifact: its pickle, and its type as Python prints it (`<class 'int'>`).
    ///
    /// # Errors
    /// [`Storage`](crate::ErrorKind::Storage), [`Denied`](crate::ErrorKind::Denied), and
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is none.
    pub fn save(&mut self, name: &str, pickle: &[u8], python_type: &str) -> Result<&SavedArtifact> {
        check_name(name)?;
        let saved = self.run.datastore.blobs(&self.path.flow)?.save(pickle)?;
        Ok(self.add(name, saved.key, pickle.len(), python_type))
    }

    fn add(&mut self, name: &str, key: Key, len: usize, python_type: &str) -> &SavedArtifact {
        let artifact = SavedArtifact {
            key: key.to_string(),
            info: ArtifactInfo {
                size: len as u64,
                python_type: python_type.to_owned(),
                encoding: Some(ENCODING.to_owned()),
                serializer_info: None,
            },
        };
        let entry = self.artifacts.entry(name.to_owned());
        entry.insert_entry(artifact).into_mut()
    }

    /// Saves several artifacts at once: hashing, packing and writing overlap.
    ///
    /// # Errors
    /// As [`TaskWriter::save`].
    pub fn save_many(&mut self, artifacts: &[(&str, &[u8], &str)]) -> Result<()> {
        for (name, _, _) in artifacts {
            check_name(name)?;
        }
        let pickles: Vec<&[u8]> = artifacts.iter().map(|(_, pickle, _)| *pickle).collect();
        let saved = self
            .run
            .datastore
            .blobs(&self.path.flow)?
            .save_many(&pickles)?;
        for ((name, pickle, python_type), saved) in artifacts.iter().zip(saved) {
            self.add(name, saved.key, pickle.len(), python_type);
        }
        Ok(())
    }

    /// Saves a value under its own type.
    ///
    /// # Errors
    /// As [`TaskWriter::save`].
    pub fn save_value(&mut self, name: &str, value: &Value) -> Result<&SavedArtifact> {
        self.save(name, &write(value), &value.type_text())
    }

    /// Takes over an artifact that another task of this flow has saved; its bytes are not touched.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a name that is none.
    pub fn reference(&mut self, name: &str, artifact: SavedArtifact) -> Result<()> {
        check_name(name)?;
        self.artifacts.insert(name.to_owned(), artifact);
        Ok(())
    }

    /// Forgets an artifact.
    pub fn remove(&mut self, name: &str) {
        self.artifacts.remove(name);
    }

    /// The artifacts so far.
    pub fn artifacts(&self) -> &BTreeMap<String, SavedArtifact> {
        &self.artifacts
    }

    /// Registers a fact about the task.
    ///
    /// # Errors
    /// As [`TaskWriter::save`].
    pub fn fact(&self, field: &str, kind: &str, value: &str) -> Result<()> {
        let record = self
            .run
            .fact(&self.path, Some(self.attempt), field, kind, value.into());
        self.run.metadata.register_metadata(&self.path, &[record])
    }

    /// Ends the attempt: `ok` says whether the task's code came to its end. What Metaflow wants of
    /// every task and was not saved is added.
    ///
    /// # Errors
    /// As [`TaskWriter::save`]. After an error the attempt may be done or not; it is never half done.
    pub fn done(mut self, ok: bool) -> Result<()> {
        let defaults = [
            ("_task_ok", Value::Bool(ok)),
            ("_success", Value::Bool(ok)),
            ("name", Value::from(self.path.flow.as_str())),
        ];
        for (name, value) in defaults {
            if !self.artifacts.contains_key(name) {
                self.save_value(name, &value)?;
            }
        }
        self.file(TaskFile::TaskEnd, &serde_json::Map::new())?;
        self.run
            .metadata
            .register_artifacts(&self.path, &self.records())?;
        let is_parameters = self.path.step == crate::layout::PARAMETERS_STEP;
        if !is_parameters {
            let status = if ok { "True" } else { "False" };
            self.fact("attempt_ok", "internal_attempt_status", status)?;
        }
        let kind = self.run.datastore.kind();
        let data = DataRecord {
            datastore: kind.to_owned(),
            version: "1.0".to_owned(),
            attempt: self.attempt,
            python_version: format!("none (fastdata {})", env!("CARGO_PKG_VERSION")),
            objects: self
                .artifacts
                .iter()
                .map(|(name, artifact)| (name.clone(), artifact.key.clone()))
                .collect(),
            info: self
                .artifacts
                .iter()
                .map(|(name, artifact)| (name.clone(), artifact.info.clone()))
                .collect(),
        };
        self.file(TaskFile::Data, &data)?;
        self.file(TaskFile::Done, &"")?;
        // Last: it tells the client which attempt's artifacts to show.
        self.fact("attempt-done", "attempt-done", &self.attempt.to_string())
    }

    fn records(&self) -> Vec<ArtifactRecord> {
        let location = format!(":root:{}", self.run.datastore.root());
        let record = |(name, artifact): (&String, &SavedArtifact)| ArtifactRecord {
            run_number: self.path.run.clone(),
            step_name: self.path.step.clone(),
            task_id: self.path.task.clone(),
            attempt_id: self.attempt,
            name: name.clone(),
            content_type: artifact
                .info
                .encoding
                .clone()
                .unwrap_or_else(|| ENCODING.to_owned()),
            kind: "metaflow.artifact".to_owned(),
            sha: artifact.key.clone(),
            ds_type: self.run.datastore.kind().to_owned(),
            location: location.clone(),
            flow_id: self.path.flow.clone(),
            user_name: self.run.registration.user.clone(),
            tags: self.run.registration.tags.clone(),
            system_tags: self.run.registration.system_tags.clone(),
            ts_epoch: now_ms(),
        };
        self.artifacts.iter().map(record).collect()
    }
}
