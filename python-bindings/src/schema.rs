//! Names and types of columns.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::capsule::schema_capsule;
use crate::exceptions::{exception, invalid};
use crate::frame::DataFrame;

/// Name and type of one column.
#[pyclass(frozen, module = "fastdata", eq)]
#[derive(PartialEq)]
pub(crate) struct Field(pub(crate) FieldRef);

#[pymethods]
impl Field {
    /// The column's name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// The column's Arrow type, as text.
    #[getter]
    fn r#type(&self) -> String {
        self.0.data_type().to_string()
    }

    /// Whether the column may have nulls.
    #[getter]
    fn nullable(&self) -> bool {
        self.0.is_nullable()
    }

    fn __repr__(&self) -> String {
        let required = if self.0.is_nullable() {
            ""
        } else {
            " not null"
        };
        format!("{}: {}{required}", self.0.name(), self.0.data_type())
    }

    /// The field for other libraries.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.0)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("fastdata._convert")?.getattr("restore_field")?;
        let schema = arrow_schema::Schema::new(vec![Arc::clone(&self.0)]);
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (Schema(Arc::new(schema)),)), py)
    }
}

/// Names and types of all columns, in order.
#[pyclass(frozen, module = "fastdata", eq, sequence)]
#[derive(PartialEq)]
pub(crate) struct Schema(pub(crate) SchemaRef);

#[pymethods]
impl Schema {
    /// The columns' names.
    #[getter]
    fn names(&self) -> Vec<String> {
        let fields = self.0.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    /// The columns' Arrow types, as texts.
    #[getter]
    fn types(&self) -> Vec<String> {
        let fields = self.0.fields().iter();
        fields.map(|field| field.data_type().to_string()).collect()
    }

    fn __len__(&self) -> usize {
        self.0.fields().len()
    }

    fn __contains__(&self, name: &str) -> bool {
        self.0.field_with_name(name).is_ok()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Field> {
        let count = self.0.fields().len().cast_signed();
        let place = if index < 0 { index + count } else { index };
        let field = usize::try_from(place)
            .ok()
            .and_then(|at| self.0.fields().get(at));
        match field {
            Some(field) => Ok(Field(Arc::clone(field))),
            None => Err(pyo3::exceptions::PyIndexError::new_err(format!(
                "column {index} of {count}"
            ))),
        }
    }

    /// The field of the column called `name`.
    fn field(&self, name: &str) -> PyResult<Field> {
        let fields = self.0.fields();
        let found = fields.iter().find(|field| field.name() == name);
        found
            .map(|field| Field(Arc::clone(field)))
            .ok_or_else(|| invalid(format!("no column `{name}`")))
    }

    fn __repr__(&self) -> String {
        let fields = self.0.fields().iter();
        let lines: Vec<String> = fields
            .map(|field| Field(Arc::clone(field)).__repr__())
            .collect();
        lines.join("\n")
    }

    /// The schema for other libraries.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &crate::capsule::struct_field(&self.0))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let restore = py.import("fastdata._convert")?.getattr("restore_schema")?;
        let frame = fastdata::DataFrame::new(Arc::clone(&self.0), Vec::new());
        let frame = DataFrame::new(frame.map_err(|error| exception(&error))?);
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (frame,)), py)
    }
}

/// Whether `data_type` holds lists.
pub(crate) fn is_list(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}
