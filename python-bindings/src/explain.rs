//! The plan of a scan.

use pyo3::prelude::*;

use crate::exceptions::invalid;

/// What a scan would read, and why it skips the rest. `str()` gives the tree.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Explain(pub(crate) fastdata::Explain);

#[pymethods]
impl Explain {
    /// Bytes of column chunks that the scan would fetch.
    #[getter]
    fn bytes_to_fetch(&self) -> u64 {
        self.0.bytes_to_fetch
    }

    /// Rows in what is read, before filter and deletes.
    #[getter]
    fn rows(&self) -> u64 {
        self.0.rows
    }

    /// Everything as a dictionary, of the layout of `fastdata scan --explain=json`.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = serde_json::to_string(&self.0).map_err(|error| invalid(error.to_string()))?;
        py.import("json")?.call_method1("loads", (json,))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        self.0.to_string()
    }

    fn _repr_html_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("fastdata._html")?
            .call_method1("text", (self.0.to_string(),))
    }
}
