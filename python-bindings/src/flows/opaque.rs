//! What is left of an object whose class is not called.

use arrow_buffer::Buffer;
use fastdata::flows::pickle::{Array, Value};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::memory::Memory;

/// An object that its pickle describes; it is never made.
#[pyclass(frozen, module = "fastdata.flows")]
pub(crate) struct Opaque {
    type_name: String,
    text: String,
    array: Option<Array>,
}

/// What is kept of the text.
const TEXT_CHARS_MAX: usize = 10_000;

impl Opaque {
    pub(super) fn new(value: &Value) -> Self {
        Self {
            type_name: value.type_name(),
            text: value.preview(TEXT_CHARS_MAX),
            array: Array::of(value),
        }
    }
}

#[pymethods]
impl Opaque {
    /// The name of the class, or of what would make the object.
    #[getter]
    fn r#type(&self) -> &str {
        &self.type_name
    }

    /// What it would be made of, as text.
    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    /// Of a NumPy array its type, as `<f8`.
    #[getter]
    fn dtype(&self) -> Option<&str> {
        self.array.as_ref().map(|array| array.dtype.as_str())
    }

    /// Of a NumPy array its shape.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.array
            .as_ref()
            .map(|array| PyTuple::new(py, &array.shape))
            .transpose()
    }

    /// Of a NumPy array its bytes.
    #[getter]
    fn data(&self) -> Option<Memory> {
        let array = self.array.as_ref()?;
        Some(Memory::of_bytes(Buffer::from(array.data.clone())))
    }

    fn __repr__(&self) -> String {
        format!("<fastdata.flows.Opaque {}>", self.text)
    }
}
