//! Metadata as files in a datastore, as Metaflow's local provider keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Registration, StepEntry, TaskEntry, changed_tags, now_ms};
use crate::datastore::Datastore;
use crate::layout::{META, TaskPath, artifact_file, check_name, metadata_file, self_file};
use crate::records::{ArtifactRecord, MetadataRecord, SelfRecord};
use crate::{Error, ErrorKind, Result};

/// Folders of a flow that are no runs.
const NO_RUNS: [&str; 3] = [META, "data", "_memo"];

/// How often tags are written again when others change them at the same time.
const TRIES: u32 = 5;

#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) datastore: Arc<Datastore>,
}

pub(crate) fn to_json<T: Serialize>(record: &T) -> Result<Bytes> {
    let json = serde_json::to_vec(record);
    let json =
        json.map_err(|error| Error::invalid("cannot write a record as JSON").with_source(error));
    json.map(Bytes::from)
}

pub(crate) fn from_json<T: DeserializeOwned>(path: &str, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json)
        .map_err(|error| Error::corrupt(format!("{path} is no record")).with_source(error))
}

impl Files {
    pub(super) fn new(datastore: Arc<Datastore>) -> Self {
        Self { datastore }
    }

    /// Makes a level known unless it is; tells whether it did.
    fn ensure(&self, folder: &str, record: &SelfRecord) -> Result<bool> {
        let path = self_file(folder);
        // The step of a foreach is there for all tasks but the first.
        match self.datastore.exists(&path)? {
            true => Ok(false),
            false => self.datastore.create(&path, to_json(record)?),
        }
    }

    pub(super) fn new_run(
        &self,
        flow: &str,
        run: Option<&str>,
        with: &Registration,
    ) -> Result<String> {
        check_name(flow)?;
        let of_flow = SelfRecord {
            flow_id: flow.to_owned(),
            ts_epoch: now_ms(),
            ..SelfRecord::default()
        };
        self.ensure(flow, &of_flow)?;
        // The clock is the counter, as it is Metaflow's; who comes second takes the next number.
        let mut number = chrono::Utc::now().timestamp_micros();
        loop {
            let id = run.map_or_else(|| number.to_string(), str::to_owned);
            check_name(&id)?;
            let record = SelfRecord {
                run_number: Some(id.clone()),
                ..record(flow, with)
            };
            let is_new = self.ensure(&format!("{flow}/{id}"), &record)?;
            if is_new || run.is_some() {
                return Ok(id);
            }
            number += 1;
        }
    }

    pub(super) fn new_task(&self, path: &TaskPath, with: &Registration) -> Result<TaskPath> {
        let of_step = SelfRecord {
            run_number: Some(path.run.clone()),
            step_name: Some(path.step.clone()),
            ..record(&path.flow, with)
        };
        self.ensure(
            &format!("{}/{}/{}", path.flow, path.run, path.step),
            &of_step,
        )?;
        let of_task = SelfRecord {
            task_id: Some(path.task.clone()),
            ..of_step
        };
        self.ensure(&path.to_string(), &of_task)?;
        Ok(path.clone())
    }

    pub(super) fn register_artifacts(
        &self,
        task: &TaskPath,
        artifacts: &[ArtifactRecord],
    ) -> Result<()> {
        let file = |record: &ArtifactRecord| {
            Ok((
                artifact_file(task, record.attempt_id, &record.name),
                to_json(record)?,
            ))
        };
        self.datastore
            .write_many(artifacts.iter().map(file).collect::<Result<_>>()?)
    }

    pub(super) fn register_metadata(
        &self,
        task: &TaskPath,
        facts: &[MetadataRecord],
    ) -> Result<()> {
        let file = |record: &MetadataRecord| {
            Ok((
                metadata_file(task, &record.field_name, record.ts_epoch),
                to_json(record)?,
            ))
        };
        self.datastore
            .write_many(facts.iter().map(file).collect::<Result<_>>()?)
    }

    pub(super) fn change_tags(
        &self,
        flow: &str,
        run: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>> {
        for _ in 0..TRIES {
            let record = self.run(flow, run)?;
            let record = record.ok_or_else(|| Error::missing(format!("no run {flow}/{run}")))?;
            let tags = changed_tags(&record, add, remove)?;
            let changed = SelfRecord {
                tags: Some(tags.clone()),
                ..record
            };
            self.datastore
                .write(&self_file(&format!("{flow}/{run}")), to_json(&changed)?)?;
            // Somebody else may have written between the reading and the writing.
            let now = self
                .run(flow, run)?
                .and_then(|run| run.tags)
                .unwrap_or_default();
            if add.iter().all(|tag| now.contains(tag))
                && remove
                    .iter()
                    .all(|tag| add.contains(tag) || !now.contains(tag))
            {
                return Ok(now);
            }
        }
        Err(Error::new(
            ErrorKind::Storage,
            format!("others keep changing the tags of {flow}/{run}"),
        ))
    }

    pub(super) fn flows(&self) -> Result<Vec<String>> {
        let entries = self
            .datastore
            .list("")?
            .into_iter()
            .filter(|entry| entry.is_folder);
        let mut flows = Vec::new();
        for entry in entries {
            if self.datastore.exists(&self_file(&entry.name))?
                || self.datastore.exists(&format!("{}/data", entry.name))?
            {
                flows.push(entry.name);
            }
        }
        Ok(flows)
    }

    pub(super) fn runs(&self, flow: &str) -> Result<Vec<SelfRecord>> {
        check_name(flow)?;
        let entries = self.datastore.list(flow)?.into_iter();
        let names: Vec<String> = entries
            .filter(|entry| entry.is_folder && !NO_RUNS.contains(&entry.name.as_str()))
            .map(|entry| entry.name)
            .collect();
        let paths: Vec<String> = names
            .iter()
            .map(|run| self_file(&format!("{flow}/{run}")))
            .collect();
        let records = self.datastore.try_read_many(&paths)?;
        let run = |((name, path), json): ((String, &String), Option<Bytes>)| {
            let record: SelfRecord = match json {
                Some(json) => from_json(path, &json)?,
                // A run whose metadata is kept by a service.
                None => SelfRecord {
                    flow_id: flow.to_owned(),
                    ..SelfRecord::default()
                },
            };
            Ok(SelfRecord {
                run_number: Some(name),
                ..record
            })
        };
        names
            .into_iter()
            .zip(&paths)
            .zip(records)
            .map(run)
            .collect()
    }

    pub(super) fn run(&self, flow: &str, run: &str) -> Result<Option<SelfRecord>> {
        check_name(flow)?;
        check_name(run)?;
        let path = self_file(&format!("{flow}/{run}"));
        if let Some(json) = self.datastore.try_read(&path)? {
            return from_json(&path, &json).map(Some);
        }
        let is_there =
            !NO_RUNS.contains(&run) && !self.datastore.list(&format!("{flow}/{run}"))?.is_empty();
        Ok(is_there.then(|| SelfRecord {
            flow_id: flow.to_owned(),
            run_number: Some(run.to_owned()),
            ..SelfRecord::default()
        }))
    }

    /// All in one listing, which is what object stores are quick at.
    pub(super) fn steps(&self, flow: &str, run: &str) -> Result<Vec<StepEntry>> {
        check_name(flow)?;
        check_name(run)?;
        let folder = format!("{flow}/{run}");
        let mut steps: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for file in self.datastore.tree(&folder)? {
            let mut parts = file.path.splitn(3, '/');
            if let (Some(step), Some(task), Some(rest)) = (parts.next(), parts.next(), parts.next())
                && step != META
                && task != META
            {
                let files = steps
                    .entry(step.to_owned())
                    .or_default()
                    .entry(task.to_owned());
                files.or_default().push(rest.to_owned());
            }
        }
        let step = |(name, tasks): (String, BTreeMap<String, Vec<String>>)| {
            let tasks = tasks
                .into_iter()
                .map(|(task, files)| (task, Some(files)))
                .collect();
            let tasks = self.entries(&folder, &name, tasks)?;
            Ok(StepEntry { name, tasks })
        };
        steps.into_iter().map(step).collect()
    }

    pub(super) fn tasks(&self, flow: &str, run: &str, step: &str) -> Result<Vec<TaskEntry>> {
        for name in [flow, run, step] {
            check_name(name)?;
        }
        let entries = self
            .datastore
            .list(&format!("{flow}/{run}/{step}"))?
            .into_iter();
        let tasks = entries.filter(|entry| entry.is_folder && entry.name != META);
        let tasks = tasks.map(|entry| (entry.name, None)).collect();
        self.entries(&format!("{flow}/{run}"), step, tasks)
    }

    fn entries(
        &self,
        run: &str,
        step: &str,
        tasks: Vec<(String, Option<Vec<String>>)>,
    ) -> Result<Vec<TaskEntry>> {
        let path = |(task, _): &(String, _)| self_file(&format!("{run}/{step}/{task}"));
        let paths: Vec<String> = tasks.iter().map(path).collect();
        let records = self.datastore.try_read_many(&paths)?;
        let entry = |(((task, files), path), json): (((String, _), &String), Option<Bytes>)| {
            let record: SelfRecord = match json {
                Some(json) => from_json(path, &json)?,
                None => SelfRecord::default(),
            };
            let record = SelfRecord {
                step_name: Some(step.to_owned()),
                task_id: Some(task),
                ..record
            };
            Ok(TaskEntry { record, files })
        };
        tasks
            .into_iter()
            .zip(&paths)
            .zip(records)
            .map(entry)
            .collect()
    }

    pub(super) fn artifacts(&self, task: &TaskPath, attempt: u32) -> Result<Vec<ArtifactRecord>> {
        self.records(task, &format!("{attempt}_artifact_"))
    }

    pub(super) fn metadata(&self, task: &TaskPath) -> Result<Vec<MetadataRecord>> {
        self.records(task, "sysmeta_")
    }

    /// The records of a task whose names begin with `prefix`.
    fn records<T: DeserializeOwned>(&self, task: &TaskPath, prefix: &str) -> Result<Vec<T>> {
        let folder = format!("{task}/{META}");
        let names = self
            .datastore
            .list(&folder)?
            .into_iter()
            .map(|entry| entry.name);
        let paths: Vec<String> = names
            .filter(|name| name.starts_with(prefix) && name.ends_with(".json"))
            .map(|name| format!("{folder}/{name}"))
            .collect();
        let files = self.datastore.try_read_many(&paths)?;
        let record =
            |(path, json): (&String, Option<Bytes>)| json.map(|json| from_json(path, &json));
        paths.iter().zip(files).filter_map(record).collect()
    }
}

fn record(flow: &str, with: &Registration) -> SelfRecord {
    SelfRecord {
        flow_id: flow.to_owned(),
        user_name: Some(with.user.clone()),
        tags: Some(with.tags.clone()),
        system_tags: Some(with.system_tags.clone()),
        ts_epoch: now_ms(),
        ..SelfRecord::default()
    }
}
