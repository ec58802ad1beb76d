//! Runs of flows, whoever wrote them: `fastdata.flows`.

mod artifact;
mod client;
mod opaque;
mod run;
mod task;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastdata::flows;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::{internal, of_flows};

pub(crate) use artifact::Artifact;
pub(crate) use client::Flows;
pub(crate) use opaque::Opaque;
pub(crate) use run::Run;
pub(crate) use task::Task;

/// Does work without the interpreter.
fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> flows::Result<T> + Send,
) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(done) => done.map_err(|error| of_flows(&error)),
        Err(panic) => Err(internal(&*panic)),
    }
}

/// Milliseconds since 1970 as a `datetime` in UTC.
fn moment<'py>(py: Python<'py>, ms: Option<i64>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(ms) = ms else {
        return Ok(None);
    };
    let module = py.import("datetime")?;
    let utc = module.getattr("timezone")?.getattr("utc")?;
    let epoch = module
        .getattr("datetime")?
        .call_method1("fromtimestamp", (0, utc))?;
    let since = PyDict::new(py);
    since.set_item("milliseconds", ms)?;
    let since = module.getattr("timedelta")?.call((), Some(&since))?;
    epoch.call_method1("__add__", (since,)).map(Some)
}

/// Artifacts by name.
fn by_name<'py>(
    py: Python<'py>,
    artifacts: Vec<flows::client::Artifact>,
) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for artifact in artifacts {
        let name = artifact.name().to_owned();
        found.set_item(name, Artifact(artifact))?;
    }
    Ok(found)
}

/// JSON as Python's own values.
fn from_json<'py>(py: Python<'py>, json: &serde_json::Value) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?
        .call_method1("loads", (json.to_string(),))
}
