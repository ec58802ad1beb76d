//! Metaflow's metadata service, by its REST protocol.

use std::fmt;
use std::time::Duration;

use fastdata_store::{Answer, Secret, StoreConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::{Registration, StepEntry, TaskEntry, changed_tags, now_ms};
use crate::layout::TaskPath;
use crate::records::{ArtifactRecord, MetadataRecord, SelfRecord};
use crate::{Error, ErrorKind, Result};

/// Where the service is and how it is reached.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// Its address, as `METAFLOW_SERVICE_URL` has it.
    pub url: String,
    /// Sent with every request, as `x-api-key`.
    pub headers: Vec<(String, Secret)>,
    /// Time-outs and retries.
    pub store: StoreConfig,
}

impl ServiceConfig {
    /// The service at `url`; the key is that of `METAFLOW_SERVICE_AUTH_KEY`, where it is set.
    pub fn at(url: impl Into<String>, store: StoreConfig) -> Self {
        let key = std::env::var("METAFLOW_SERVICE_AUTH_KEY").ok();
        let key = key.filter(|key| !key.is_empty());
        Self {
            url: url.into(),
            headers: key
                .map(|key| ("x-api-key".to_owned(), Secret::new(key)))
                .into_iter()
                .collect(),
            store,
        }
    }
}

pub(super) struct Service {
    service: fastdata_store::Service,
    runtime: Runtime,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}

fn encoded(name: &str) -> String {
    fastdata_store::Service::encoded(name)
}

pub(super) fn run_path(flow: &str, run: &str) -> String {
    format!("/flows/{}/runs/{}", encoded(flow), encoded(run))
}

fn step_path(flow: &str, run: &str, step: &str) -> String {
    format!("{}/steps/{}", run_path(flow, run), encoded(step))
}

pub(super) fn task_path(task: &TaskPath) -> String {
    format!(
        "{}/tasks/{}",
        step_path(&task.flow, &task.run, &task.step),
        encoded(&task.task)
    )
}

/// Ids that are numbers were made by the service itself.
fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

impl Service {
    pub(super) fn new(config: ServiceConfig) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start what sends requests", error))?;
        Ok(Self {
            service: fastdata_store::Service::new(&config.url, config.headers, config.store)?,
            runtime,
        })
    }

    fn send(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Answer> {
        let body = body.map(Json::to_string);
        let request = self
            .service
            .request(method, path, body.as_deref().map(str::as_bytes));
        let failed = |error| Error::from(error).at(format!("metadata service: {method} {path}"));
        self.runtime.block_on(request).map_err(failed)
    }

    /// What the service has at a path; nothing for 404.
    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let answer = self.send("GET", path, None)?;
        match answer.status {
            404 => Ok(None),
            200..300 => parse(path, &answer).map(Some),
            _ => Err(refused("GET", path, &answer)),
        }
    }

    /// Creates something; `None` when it is there already.
    fn post<T: DeserializeOwned>(&self, path: &str, body: &Json) -> Result<Option<T>> {
        let answer = self.send("POST", path, Some(body))?;
        match answer.status {
            409 => Ok(None),
            200..300 => parse(path, &answer).map(Some),
            _ => Err(refused("POST", path, &answer)),
        }
    }

    /// Sees to it that something is there.
    fn ensure(&self, object_path: &str, create_path: &str, body: &Json) -> Result<SelfRecord> {
        if let Some(found) = self.get(object_path)? {
            return Ok(found);
        }
        if let Some(created) = self.post(create_path, body)? {
            return Ok(created);
        }
        // Somebody else was quicker.
        let found = self.get(object_path)?;
        found.ok_or_else(|| Error::missing(format!("metadata service: no {object_path}")))
    }

    pub(super) fn new_run(
        &self,
        flow: &str,
        run: Option<&str>,
        with: &Registration,
    ) -> Result<String> {
        let flow_path = format!("/flows/{}", encoded(flow));
        self.ensure(
            &flow_path,
            &flow_path,
            &json!({"flow_id": flow, "ts_epoch": now_ms()}),
        )?;
        let create_path = format!("{flow_path}/run");
        let body = of_run(flow, run, with);
        let record = match run {
            Some(run) => self.ensure(&run_path(flow, run), &create_path, &body)?,
            None => {
                let created = self.post(&create_path, &body)?;
                created
                    .ok_or_else(|| Error::invalid("metadata service: a new run is there already"))?
            }
        };
        let id = record.run().map(str::to_owned);
        id.ok_or_else(|| Error::corrupt("metadata service: a run without an id"))
    }

    pub(super) fn new_task(&self, path: &TaskPath, with: &Registration) -> Result<TaskPath> {
        let step = step_path(&path.flow, &path.run, &path.step);
        let mut body = of_run(&path.flow, Some(&path.run), with);
        add(&mut body, "step_name", path.step.as_str().into());
        self.ensure(&step, &format!("{step}/step"), &body)?;
        let create_path = format!("{step}/task");
        let record: SelfRecord = match is_number(&path.task) {
            true => {
                add(&mut body, "task_id", Json::Null);
                let created = self.post(&create_path, &body)?;
                created.ok_or_else(|| {
                    Error::invalid("metadata service: a new task is there already")
                })?
            }
            false => {
                add(&mut body, "task_id", path.task.as_str().into());
                self.ensure(&task_path(path), &create_path, &body)?
            }
        };
        let task = record
            .task()
            .ok_or_else(|| Error::corrupt("metadata service: a task without an id"))?;
        TaskPath::new(&path.flow, &path.run, &path.step, task)
    }

    pub(super) fn register_artifacts(
        &self,
        task: &TaskPath,
        artifacts: &[ArtifactRecord],
    ) -> Result<()> {
        self.register(&format!("{}/artifact", task_path(task)), artifacts)
    }

    pub(super) fn register_metadata(
        &self,
        task: &TaskPath,
        facts: &[MetadataRecord],
    ) -> Result<()> {
        self.register(&format!("{}/metadata", task_path(task)), facts)
    }

    fn register<T: Serialize>(&self, path: &str, records: &[T]) -> Result<()> {
        let body = serde_json::to_value(records);
        let body = body
            .map_err(|error| Error::invalid("cannot write records as JSON").with_source(error))?;
        self.post::<Json>(path, &body).map(drop)
    }

    pub(super) fn change_tags(
        &self,
        flow: &str,
        run: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>> {
        let record = self.run(flow, run)?;
        let record = record.ok_or_else(|| Error::missing(format!("no run {flow}/{run}")))?;
        changed_tags(&record, add, remove)?;
        let path = format!("{}/tag/mutate", run_path(flow, run));
        let body = json!({"tags_to_add": add, "tags_to_remove": remove});
        let answer = self.send("PATCH", &path, Some(&body))?;
        match answer.status {
            200..300 => {
                let answer: Json = parse(&path, &answer)?;
                let tags = answer
                    .get("tags")
                    .and_then(Json::as_array)
                    .cloned()
                    .unwrap_or_default();
                Ok(tags
                    .iter()
                    .filter_map(Json::as_str)
                    .map(str::to_owned)
                    .collect())
            }
            _ => Err(refused("PATCH", &path, &answer)),
        }
    }

    /// Tells that the run or task at a path goes on, and returns when to tell it again.
    pub(super) fn heartbeat(&self, path: &str) -> Result<Option<Duration>> {
        let answer: Option<Json> = self.post(&format!("{path}/heartbeat"), &json!({}))?;
        // Metaflow's own service answers with the text of an object.
        let answer = match answer {
            Some(Json::String(text)) => serde_json::from_str(&text).ok(),
            answer => answer,
        };
        let seconds = answer.and_then(|answer| answer.get("wait_time_in_seconds")?.as_f64());
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }

    pub(super) fn flows(&self) -> Result<Vec<String>> {
        let flows: Vec<SelfRecord> = self.get("/flows")?.unwrap_or_default();
        Ok(flows.into_iter().map(|flow| flow.flow_id).collect())
    }

    pub(super) fn runs(&self, flow: &str) -> Result<Vec<SelfRecord>> {
        Ok(self
            .get(&format!("/flows/{}/runs", encoded(flow)))?
            .unwrap_or_default())
    }

    pub(super) fn run(&self, flow: &str, run: &str) -> Result<Option<SelfRecord>> {
        self.get(&run_path(flow, run))
    }

    pub(super) fn steps(&self, flow: &str, run: &str) -> Result<Vec<StepEntry>> {
        let path = format!("{}/steps", run_path(flow, run));
        let steps: Vec<SelfRecord> = self.get(&path)?.unwrap_or_default();
        let step = |step: SelfRecord| {
            let name = step.step_name.unwrap_or_default();
            let tasks = self.tasks(flow, run, &name)?;
            Ok(StepEntry { name, tasks })
        };
        steps.into_iter().map(step).collect()
    }

    pub(super) fn tasks(&self, flow: &str, run: &str, step: &str) -> Result<Vec<TaskEntry>> {
        let path = format!("{}/tasks", step_path(flow, run, step));
        let records: Vec<SelfRecord> = self.get(&path)?.unwrap_or_default();
        let entry = |record| TaskEntry {
            record,
            files: None,
        };
        Ok(records.into_iter().map(entry).collect())
    }

    pub(super) fn artifacts(&self, task: &TaskPath, attempt: u32) -> Result<Vec<ArtifactRecord>> {
        let path = format!("{}/attempt/{attempt}/artifacts", task_path(task));
        Ok(self.get(&path)?.unwrap_or_default())
    }

    pub(super) fn metadata(&self, task: &TaskPath) -> Result<Vec<MetadataRecord>> {
        Ok(self
            .get(&format!("{}/metadata", task_path(task)))?
            .unwrap_or_default())
    }
}

fn of_run(flow: &str, run: Option<&str>, with: &Registration) -> Json {
    json!({
        "flow_id": flow,
        "run_number": run,
        "user_name": with.user,
        "tags": with.tags,
        "system_tags": with.system_tags,
        "ts_epoch": now_ms(),
    })
}

fn add(body: &mut Json, name: &str, value: Json) {
    if let Some(object) = body.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

fn parse<T: DeserializeOwned>(path: &str, answer: &Answer) -> Result<T> {
    let parsed = serde_json::from_slice(&answer.body);
    parsed.map_err(|error| {
        Error::corrupt(format!("metadata service: the answer to {path}")).with_source(error)
    })
}

fn refused(method: &str, path: &str, answer: &Answer) -> Error {
    let kind = match answer.status {
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        400 | 422 => ErrorKind::InvalidArgument,
        _ => ErrorKind::Storage,
    };
    let text: String = String::from_utf8_lossy(&answer.body)
        .chars()
        .take(200)
        .collect();
    Error::new(
        kind,
        format!(
            "metadata service: {method} {path}: status {}: {text}",
            answer.status
        ),
    )
}
