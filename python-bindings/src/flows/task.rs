//! A task of a run.

use fastdata::flows::client::{Stream, Task as Inner};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use super::{Artifact, by_name, detached, moment};
use crate::exceptions::invalid;

/// A task of a run.
#[pyclass(frozen, module = "fastdata.flows")]
pub(crate) struct Task(pub(super) Inner);

#[pymethods]
impl Task {
    /// `Flow/run/step/task`.
    #[getter]
    fn path(&self) -> String {
        self.0.path().to_string()
    }

    /// Its id.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// The step.
    #[getter]
    fn step(&self) -> &str {
        self.0.step()
    }

    /// How far it has come.
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(detached(py, || self.0.state())?.name())
    }

    /// How many attempts were started.
    fn attempts(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || Ok(self.0.attempts()?.len()))
    }

    /// When its first attempt was started.
    fn started<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let started_ms = detached(py, || self.0.started_ms())?;
        moment(py, started_ms)
    }

    /// When its last attempt was done.
    fn finished<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let finished_ms = detached(py, || self.0.finished_ms())?;
        moment(py, finished_ms)
    }

    /// Its artifacts, by name.
    #[pyo3(signature = (*, internal = false))]
    fn artifacts<'py>(&self, py: Python<'py>, internal: bool) -> PyResult<Bound<'py, PyDict>> {
        let mut artifacts = detached(py, || self.0.artifacts())?;
        artifacts.retain(|artifact| internal || !artifact.is_internal());
        by_name(py, artifacts)
    }

    /// An artifact.
    fn __getitem__(&self, py: Python<'_>, name: &str) -> PyResult<Artifact> {
        detached(py, || self.0.artifact(name)).map(Artifact)
    }

    /// What it printed.
    #[pyo3(signature = (stream = "both", *, attempt = None))]
    fn log<'py>(
        &self,
        py: Python<'py>,
        stream: &str,
        attempt: Option<u32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let streams: &[Stream] = match stream {
            "both" => &[Stream::Stdout, Stream::Stderr],
            "stdout" => &[Stream::Stdout],
            "stderr" => &[Stream::Stderr],
            other => return Err(invalid(format!("stream={other:?}: both, stdout or stderr"))),
        };
        let lines = detached(py, || self.0.log(streams, attempt))?;
        let mut text = Vec::new();
        for line in &lines {
            text.extend_from_slice(&line.text);
            text.push(b'\n');
        }
        PyBytes::new(py, &text).call_method1("decode", ("utf-8", "replace"))
    }

    /// What is known of it, by name.
    fn facts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = detached(py, || self.0.facts())?;
        let found = PyDict::new(py);
        for (name, fact) in facts {
            found.set_item(name, fact)?;
        }
        Ok(found)
    }

    fn __repr__(&self) -> String {
        format!("<fastdata.flows.Task {}>", self.0.path())
    }
}
