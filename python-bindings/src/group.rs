//! A balanced part of a table, for one task of several.

use fastdata::{CancelToken, Group as Inner};
use pyo3::prelude::*;

use crate::exceptions::exception;
use crate::frame::DataFrame;
use crate::interrupt::interruptible;
use crate::scan::{self, Scan};

/// Some files and row groups of a table: small, without secrets, and the same rows wherever it is
/// read.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Group(pub(crate) Inner);

#[pymethods]
impl Group {
    /// Rows before condition and deletes.
    #[getter]
    fn rows(&self) -> u64 {
        self.0.rows()
    }

    /// Compressed bytes of the files and row groups.
    #[getter]
    fn size_bytes(&self) -> u64 {
        self.0.size_bytes()
    }

    /// Addresses of the files.
    #[getter]
    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = self
            .0
            .parts()
            .iter()
            .map(|part| part.path.clone())
            .collect();
        files.dedup();
        files
    }

    /// The group's rows.
    #[pyo3(signature = (*, progress = None))]
    fn read(&self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> PyResult<DataFrame> {
        let cancel = CancelToken::default();
        let group = self.0.clone().with_cancel(cancel.clone());
        let opened = interruptible(py, &cancel, move || group.scan())?;
        scan::collect(py, &opened, progress.as_ref())
    }

    /// A scan of the group's rows.
    fn scan(&self, py: Python<'_>) -> PyResult<Scan> {
        Scan::open(py, self.0.request().clone())
    }

    /// The group as JSON, for other ways than pickle to send it.
    fn to_json(&self) -> PyResult<String> {
        self.0.to_json().map_err(|error| exception(&error))
    }

    /// The group that `json` holds.
    #[staticmethod]
    fn from_json(json: &str) -> PyResult<Self> {
        Inner::from_json(json)
            .map(Self)
            .map_err(|error| exception(&error))
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let restore = slf.getattr("from_json")?;
        let json = slf.get().to_json()?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (json,)), slf.py())
    }

    fn __repr__(&self) -> String {
        let (rows, files) = (self.0.rows(), self.files().len());
        format!("<fastdata.Group of {rows} rows in {files} files>")
    }
}
