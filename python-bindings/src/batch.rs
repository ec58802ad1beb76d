//! One batch of a stream.

use arrow_array::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::capsule::{array_capsules, requested_schema, schema_capsule, struct_field};
use crate::column::Column;
use crate::exceptions::no_column;
use crate::frame::DataFrame;
use crate::schema::Schema;

/// Some rows of a scan, as they come.
#[pyclass(frozen, module = "fastdata", sequence)]
pub(crate) struct Batch(pub(crate) RecordBatch);

#[pymethods]
impl Batch {
    /// Rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// Columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    /// Bytes of the values.
    #[getter]
    fn nbytes(&self) -> usize {
        fastdata::DataFrame::from(self.0.clone()).nbytes()
    }

    /// Names and types of the columns.
    #[getter]
    fn schema(&self) -> Schema {
        Schema(self.0.schema())
    }

    /// The columns' names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        let schema = self.0.schema();
        schema
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __getitem__(&self, name: &str) -> PyResult<Column> {
        let frame = fastdata::DataFrame::from(self.0.clone());
        let column = frame.column(name).map_err(|error| no_column(&error))?;
        Ok(Column::new(column))
    }

    /// The batch as a frame, without a copy.
    fn to_frame(&self) -> DataFrame {
        DataFrame::new(self.0.clone().into())
    }

    /// The batch as a Polars frame.
    fn to_polars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.to_frame())?.call_method0("to_polars")
    }

    /// The batch as a pandas frame.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.to_frame())?.call_method0("to_pandas")
    }

    /// The batch for other libraries: schema and array.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let requested = self::requested_schema(requested_schema.as_ref())?;
        array_capsules(py, &self.0, requested.as_ref())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &struct_field(&self.0.schema()))
    }

    fn __repr__(&self) -> String {
        let (rows, columns) = (self.0.num_rows(), self.0.num_columns());
        format!("<fastdata.Batch of {rows} rows and {columns} columns>")
    }

    /// The only chunk of `frame`, or a batch without rows.
    #[staticmethod]
    fn _of_frame(frame: PyRef<'_, DataFrame>) -> Self {
        let frame = frame.inner();
        let empty = || RecordBatch::new_empty(frame.schema().clone());
        Self(frame.batches().first().cloned().unwrap_or_else(empty))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("fastdata._convert")?.getattr("restore_batch")?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (self.to_frame(),)), py)
    }
}
