//! `fastdata flow dump`.

use std::path::PathBuf;

use fastdata::flows::Client;
use fastdata::flows::client::Artifact;
use fastdata::flows::layout::PathSpec;
use fastdata::flows::pickle::{Array, Value};

use crate::cmd::to_json;
use crate::config::Destination;
use crate::failure::{Failure, FailureKind};
use crate::output::Sink;

/// Where it goes, and whether as JSON.
pub(super) struct Output {
    destination: Destination,
    json: bool,
}

#[derive(serde::Serialize)]
struct Dump {
    schema: &'static str,
    artifacts: Vec<Record>,
}

#[derive(serde::Serialize)]
struct Record {
    name: String,
    python_type: String,
    key: String,
    value: serde_json::Value,
}

impl Output {
    pub(super) fn new(file: Option<PathBuf>, json: bool) -> Self {
        let destination = match file {
            Some(file) => Destination::File(file),
            None => Destination::Stdout { terminal: false },
        };
        Self { destination, json }
    }

    fn put(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut sink = Sink::open(&self.destination)?;
        sink.put(bytes)?;
        sink.commit()
    }
}

/// The artifacts of the task that is named, of the last step of a run, or one.
fn artifacts(client: &Client, path: &PathSpec) -> Result<Vec<Artifact>, Failure> {
    let task = match (path.task(), path.step()) {
        (Some(task), _) => client.task(&task)?,
        (None, Some(step)) => {
            let tasks = client.run(path)?.tasks(step)?;
            match <[_; 1]>::try_from(tasks) {
                Ok([task]) => task,
                Err(tasks) if tasks.is_empty() => {
                    return Err(Failure::new(
                        FailureKind::NotFound,
                        format!("no step {path}"),
                    ));
                }
                Err(tasks) => {
                    let count = tasks.len();
                    return Err(Failure::usage(format!(
                        "{path} has {count} tasks: name one of them"
                    )));
                }
            }
        }
        (None, None) => {
            let run = client.run(path)?;
            let end = run.end_task()?;
            end.ok_or_else(|| {
                let what = format!("{} has not come to its end: name a task", run.path());
                Failure::new(FailureKind::NotFound, what)
            })?
        }
    };
    match path.artifact() {
        Some(name) => Ok(vec![task.artifact(name)?]),
        None => Ok(task.artifacts()?),
    }
}

fn one(client: &Client, path: &PathSpec) -> Result<Artifact, Failure> {
    match <[_; 1]>::try_from(artifacts(client, path)?) {
        Ok([artifact]) if path.artifact().is_some() => Ok(artifact),
        _ => Err(Failure::usage(format!(
            "{path} is no artifact: write Flow/run/step/task/artifact"
        ))),
    }
}

pub(super) fn values(
    client: &Client,
    path: &PathSpec,
    all: bool,
    output: Output,
) -> Result<(), Failure> {
    let artifacts = artifacts(client, path)?.into_iter();
    let artifacts: Vec<Artifact> = artifacts
        .filter(|artifact| all || path.artifact().is_some() || !artifact.is_internal())
        .collect();
    let one = artifacts.len() == 1 && path.artifact().is_some();
    let mut text = String::new();
    let mut dump = Dump {
        schema: "fastdata.flow.dump/1",
        artifacts: Vec::new(),
    };
    for artifact in &artifacts {
        let value = match artifact.value() {
            Ok(value) => Ok(value),
            Err(error) if one => return Err(error.into()),
            // One value that cannot be read hides no other.
            Err(error) => Err(Failure::from(error).line()),
        };
        if output.json {
            dump.artifacts.push(Record {
                name: artifact.name().to_owned(),
                python_type: artifact.type_name().to_owned(),
                key: artifact.key().to_owned(),
                value: match value {
                    Ok(value) => value.to_json(),
                    Err(error) => serde_json::json!({ "error": error }),
                },
            });
            continue;
        }
        let shown = match value {
            Ok(value) => value.to_string(),
            Err(error) => format!("not shown: {error}"),
        };
        match one {
            true => text += &format!("{shown}\n"),
            false => text += &format!("{} = {shown}\n", artifact.name()),
        }
    }
    match output.json {
        true => output.put(to_json(&dump)?.as_bytes()),
        false => output.put(text.as_bytes()),
    }
}

pub(super) fn pickle(client: &Client, path: &PathSpec, output: Output) -> Result<(), Failure> {
    output.put(&one(client, path)?.bytes()?)
}

pub(super) fn bytes(client: &Client, path: &PathSpec, output: Output) -> Result<(), Failure> {
    let value = one(client, path)?.value()?;
    match (&value, Array::of(&value)) {
        (Value::Bytes(bytes), _) => output.put(bytes),
        (Value::Str(text), _) => output.put(text.as_bytes()),
        (_, Some(array)) => output.put(&array.data),
        _ => Err(Failure::usage(format!(
            "{path} is a {}, and not bytes",
            value.type_name()
        ))),
    }
}
