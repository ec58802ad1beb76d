//! A run of a flow.

use fastdata::flows::client::Run as Inner;
use fastdata::flows::diff::diff;
use fastdata::flows::report::report;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Artifact, Task, by_name, detached, from_json, moment};
use crate::exceptions::invalid;

/// A run of a flow.
#[pyclass(frozen, module = "fastdata.flows")]
pub(crate) struct Run(pub(super) Inner);

#[pymethods]
impl Run {
    /// `Flow/run`.
    #[getter]
    fn path(&self) -> String {
        self.0.path()
    }

    /// Its id.
    #[getter]
    fn id(&self) -> &str {
        self.0.id()
    }

    /// The flow.
    #[getter]
    fn flow(&self) -> &str {
        self.0.flow()
    }

    /// Who began it.
    #[getter]
    fn user(&self) -> Option<&str> {
        self.0.user()
    }

    /// When it was begun.
    #[getter]
    fn created<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        moment(py, self.0.created_ms())
    }

    /// Tags of users.
    #[getter]
    fn tags(&self) -> Vec<String> {
        self.0.tags().to_vec()
    }

    /// Tags of the system.
    #[getter]
    fn system_tags(&self) -> Vec<String> {
        self.0.system_tags().to_vec()
    }

    /// How far it has come.
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(detached(py, || self.0.state())?.name())
    }

    /// When its last step ended.
    fn finished<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let finished_ms = detached(py, || self.0.finished_ms())?;
        moment(py, finished_ms)
    }

    /// The names of its steps, in the order in which they were begun.
    fn steps(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let names = || {
            Ok(self
                .0
                .steps()?
                .iter()
                .map(|step| step.name().to_owned())
                .collect())
        };
        detached(py, names)
    }

    /// Its tasks, or those of one step.
    #[pyo3(signature = (step = None))]
    fn tasks(&self, py: Python<'_>, step: Option<&str>) -> PyResult<Vec<Task>> {
        let tasks = detached(py, || match step {
            Some(step) => self.0.tasks(step),
            None => Ok(self
                .0
                .steps()?
                .iter()
                .flat_map(|step| step.tasks().to_vec())
                .collect()),
        })?;
        Ok(tasks.into_iter().map(Task).collect())
    }

    /// Its parameters and constants, by name.
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = detached(py, || self.0.parameters())?;
        by_name(py, parameters)
    }

    /// An artifact of its last step.
    fn __getitem__(&self, py: Python<'_>, name: &str) -> PyResult<Artifact> {
        detached(py, || self.0.result(name)).map(Artifact)
    }

    /// The run whose results it has taken over.
    fn origin(&self, py: Python<'_>) -> PyResult<Option<String>> {
        detached(py, || self.0.origin_run_id())
    }

    /// The run of the same flow that was begun before it.
    fn previous(&self, py: Python<'_>) -> PyResult<Option<Self>> {
        Ok(detached(py, || self.0.previous())?.map(Self))
    }

    /// What differs from a run before.
    fn diff<'py>(&self, py: Python<'py>, before: &Self) -> PyResult<Bound<'py, PyAny>> {
        let diff = detached(py, || diff(&before.0, &self.0))?;
        let json = serde_json::to_value(&diff).map_err(|error| invalid(error.to_string()))?;
        from_json(py, &json)
    }

    /// A page about it.
    #[pyo3(signature = (*, previous = None))]
    fn report(&self, py: Python<'_>, previous: Option<&Self>) -> PyResult<String> {
        detached(py, || report(&self.0, previous.map(|run| &run.0)))
    }

    /// Adds and removes tags of users.
    #[pyo3(signature = (*, add = Vec::new(), remove = Vec::new()))]
    fn change_tags(&self, py: Python<'_>, add: Vec<String>, remove: Vec<String>) -> PyResult<Self> {
        let mut run = self.0.clone();
        detached(py, || {
            run.change_tags(&add, &remove)?;
            Ok(run)
        })
        .map(Self)
    }

    fn __repr__(&self) -> String {
        format!("<fastdata.flows.Run {}>", self.0.path())
    }
}
