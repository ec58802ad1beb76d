//! An artifact of a task.

use arrow_buffer::Buffer;
use fastdata::flows::client::Artifact as Inner;
use pyo3::prelude::*;

use super::{detached, values};
use crate::memory::Memory;

/// An artifact of a task, whose bytes are brought when they are asked for.
#[pyclass(frozen, module = "fastdata.flows")]
pub(crate) struct Artifact(pub(super) Inner);

#[pymethods]
impl Artifact {
    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The name of its type.
    #[getter]
    fn r#type(&self) -> &str {
        self.0.type_name()
    }

    /// Bytes of its pickle.
    #[getter]
    fn nbytes(&self) -> u64 {
        self.0.size_bytes()
    }

    /// The hash of its pickle.
    #[getter]
    fn key(&self) -> &str {
        self.0.key()
    }

    /// Its pickle, as it was saved.
    fn pickle(&self, py: Python<'_>) -> PyResult<Memory> {
        let bytes = detached(py, || self.0.bytes())?;
        Ok(Memory::of_bytes(Buffer::from(bytes)))
    }

    /// Its value, without unpickling: nothing of it is imported or called.
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let value = detached(py, || self.0.value())?;
        values::to_python(py, &value)
    }

    fn __repr__(&self) -> String {
        format!(
            "<fastdata.flows.Artifact {} of type {}>",
            self.0.name(),
            self.0.type_name()
        )
    }
}
