//! One column of a frame or batch.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, make_array};
use fastdata::tensor::TensorOptions;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};

use crate::capsule::{column_capsule, requested_schema, schema_capsule};
use crate::interrupt::detached;
use crate::memory::Memory;
use crate::schema::is_list;
use crate::values::{list, value};
use crate::{arguments, exceptions};

/// The values of one column.
#[pyclass(frozen, module = "fastdata", sequence)]
pub(crate) struct Column(fastdata::Column);

impl Column {
    pub(crate) fn new(column: fastdata::Column) -> Self {
        Self(column)
    }

    pub(crate) fn inner(&self) -> &fastdata::Column {
        &self.0
    }
}

#[pymethods]
impl Column {
    /// A column of an Arrow object, a numpy array or a sequence of Python values.
    #[new]
    #[pyo3(signature = (values, /, name = "value"))]
    fn py_new(values: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        Ok(Self(arguments::column(name, values)?))
    }

    /// The column's name.
    #[getter]
    fn name(&self) -> &str {
        self.0.field().name()
    }

    /// The column's Arrow type, as text.
    #[getter]
    fn r#type(&self) -> String {
        self.0.field().data_type().to_string()
    }

    /// Values that are null.
    #[getter]
    fn null_count(&self) -> usize {
        self.0.null_count()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, row: isize) -> PyResult<Bound<'py, PyAny>> {
        let count = self.0.len().cast_signed();
        let place = if row < 0 { row + count } else { row };
        let mut left = usize::try_from(place).unwrap_or(usize::MAX);
        for chunk in self.0.chunks() {
            if left < chunk.len() {
                return value(py, chunk.as_ref(), left);
            }
            left -= chunk.len();
        }
        Err(pyo3::exceptions::PyIndexError::new_err(format!(
            "row {row} of {count}"
        )))
    }

    /// All values as Python objects; null is `None`.
    fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        list(py, self.0.chunks())
    }

    /// All values as a numpy array; without a copy for numbers without nulls in one chunk.
    #[pyo3(signature = (*, width = None, pad = None, null = None))]
    fn to_numpy<'py>(
        slf: Bound<'py, Self>,
        width: Option<usize>,
        pad: Option<Bound<'py, PyAny>>,
        null: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._convert")?
            .call_method1("column_to_numpy", (slf, width, pad, null))
    }

    /// Lists of numbers as memory of two dimensions, shorter lists padded.
    #[pyo3(signature = (*, width = None, pad = None, null = None))]
    fn to_tensor(
        &self,
        py: Python<'_>,
        width: Option<usize>,
        pad: Option<Bound<'_, PyAny>>,
        null: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Memory> {
        let options = TensorOptions {
            width,
            pad: one_value("pad", pad)?,
            null: one_value("null", null)?,
        };
        let column = &self.0;
        let tensor = detached(py, || column.to_tensor(&options))?;
        Memory::new(self.name(), &tensor.values, vec![tensor.rows, tensor.width])
    }

    /// Numbers without nulls as memory that numpy, torch and others read in place.
    fn to_memory(&self, py: Python<'_>) -> PyResult<Memory> {
        if is_list(self.0.field().data_type()) {
            return self.to_tensor(py, None, None, None);
        }
        let column = &self.0;
        let array = detached(py, || column.to_array())?;
        Memory::new(self.name(), &array, vec![array.len()])
    }

    /// Numbers as they lie in memory, whatever lies under nulls, and for each whether it is null.
    fn _masked(&self, py: Python<'_>) -> PyResult<(Memory, Memory)> {
        let column = &self.0;
        let array = detached(py, || column.to_array())?;
        let nulls = (0..array.len()).map(|row| Some(array.is_null(row)));
        let nulls: ArrayRef = Arc::new(nulls.collect::<BooleanArray>());
        let values = array.to_data().into_builder().nulls(None).build();
        let values = make_array(values.map_err(|error| exceptions::invalid(error.to_string()))?);
        let shape = vec![array.len()];
        let values = Memory::new(self.name(), &values, shape.clone())?;
        Ok((values, Memory::new(self.name(), &nulls, shape)?))
    }

    /// Points in time or durations of 64-bit `ticks`, the lowest of which is null, as numpy has it.
    #[staticmethod]
    fn _of_times(
        ticks: &Bound<'_, PyAny>,
        unit: &str,
        zone: Option<&str>,
        is_duration: bool,
    ) -> PyResult<Self> {
        arguments::times(ticks, unit, zone, is_duration).map(Self)
    }

    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        slf: Bound<'py, Self>,
        dtype: Option<Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._convert")?
            .call_method1("column_array", (slf, dtype, copy))
    }

    #[pyo3(signature = (**options))]
    fn __dlpack__<'py>(
        &self,
        py: Python<'py>,
        options: Option<&Bound<'py, pyo3::types::PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let memory = Bound::new(py, self.to_memory(py)?)?;
        memory.call_method("__dlpack__", (), options)
    }

    fn __dlpack_device__(&self) -> (i32, i32) {
        (1, 0)
    }

    /// A fresh Arrow stream of the values.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let requested = self::requested_schema(requested_schema.as_ref())?;
        column_capsule(py, &self.0, requested.as_ref())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.0.field())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        const SHOWN: usize = 10;
        let mut shown = Vec::new();
        'chunks: for chunk in self.0.chunks() {
            for row in 0..chunk.len() {
                if shown.len() == SHOWN {
                    shown.push("…".to_owned());
                    break 'chunks;
                }
                shown.push(value(py, chunk.as_ref(), row)?.repr()?.to_string());
            }
        }
        let (name, rows) = (self.name(), self.0.len());
        Ok(format!(
            "<fastdata.Column {name}: {} of {rows} rows: [{}]>",
            self.r#type(),
            shown.join(", ")
        ))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("fastdata._convert")?.getattr("restore_column")?;
        let frame = crate::frame::DataFrame::of_column(&self.0)?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (frame,)), py)
    }
}

fn one_value(name: &str, value: Option<Bound<'_, PyAny>>) -> PyResult<Option<ArrayRef>> {
    let Some(value) = value else { return Ok(None) };
    let list = PyList::new(value.py(), [value])?;
    let column = arguments::column(name, list.as_any())?;
    column
        .to_array()
        .map(Some)
        .map_err(|error| exceptions::exception(&error))
}
