//! Where runs are found.

use std::sync::Arc;

use fastdata::flows::layout::{PathSpec, TaskPath};
use fastdata::flows::{Client, Datastore, Metadata, ServiceConfig};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Run, Task, detached};
use crate::exceptions::{invalid, of_flows};
use crate::request;

/// The runs of a datastore of Metaflow's layout.
#[pyclass(frozen, module = "fastdata.flows")]
pub(crate) struct Flows(Client);

#[pymethods]
impl Flows {
    #[new]
    #[pyo3(signature = (root = None, /, *, service = None, **store))]
    fn py_new(
        root: Option<std::path::PathBuf>,
        service: Option<String>,
        store: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let store = request::store(store)?;
        let root = match &root {
            Some(root) => root
                .to_str()
                .ok_or_else(|| invalid("the root is not UTF-8"))?
                .to_owned(),
            None => Datastore::default_root().map_err(|error| of_flows(&error))?,
        };
        let open = || {
            let datastore = Arc::new(Datastore::open(&root, store.clone())?);
            let metadata = match service {
                Some(url) => Metadata::service(ServiceConfig::at(url, store))?,
                None => Metadata::files(Arc::clone(&datastore)),
            };
            Ok(Client::new(datastore, Arc::new(metadata)))
        };
        open().map(Self).map_err(|error| of_flows(&error))
    }

    /// The root of the datastore.
    #[getter]
    fn root(&self) -> &str {
        self.0.datastore().root()
    }

    /// The names of all flows.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let flows = detached(py, || self.0.flows())?;
        Ok(flows.iter().map(|flow| flow.name().to_owned()).collect())
    }

    /// The runs of a flow, the newest first.
    fn runs(&self, py: Python<'_>, flow: &str) -> PyResult<Vec<Run>> {
        let runs = detached(py, || self.0.flow(flow)?.runs())?;
        Ok(runs.into_iter().map(Run).collect())
    }

    /// The run at a path, or the newest one of a flow.
    fn run(&self, py: Python<'_>, path: &str) -> PyResult<Run> {
        detached(py, || self.0.run(&path.parse::<PathSpec>()?)).map(Run)
    }

    /// The task at a path.
    fn task(&self, py: Python<'_>, path: &str) -> PyResult<Task> {
        detached(py, || self.0.task(&path.parse::<TaskPath>()?)).map(Task)
    }

    fn __repr__(&self) -> String {
        format!("<fastdata.flows.Flows at {:?}>", self.root())
    }
}
