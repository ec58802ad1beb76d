//! Values of pickles as Python's own.
//!
//! What a pickle names is never looked up. Of the standard library a few harmless types are made, by
//! names that stand here.

use fastdata::flows::pickle::{Object, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use super::Opaque;

pub(super) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let items = |items: &[Value]| -> PyResult<Vec<Bound<'py, PyAny>>> {
        items.iter().map(|item| to_python(py, item)).collect()
    };
    match value {
        Value::None => py.None().into_bound_py_any(py),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Int(value) => value.into_bound_py_any(py),
        Value::BigInt(value) => {
            let signed = PyDict::new(py);
            signed.set_item("signed", true)?;
            let bytes = PyBytes::new(py, value.to_le_bytes());
            let int = py.get_type::<pyo3::types::PyInt>();
            int.call_method("from_bytes", (bytes, "little"), Some(&signed))
        }
        Value::Float(value) => value.into_bound_py_any(py),
        Value::Str(value) => value.into_bound_py_any(py),
        Value::Bytes(value) => PyBytes::new(py, value).into_bound_py_any(py),
        Value::List(values) => PyList::new(py, items(values)?)?.into_bound_py_any(py),
        Value::Tuple(values) => PyTuple::new(py, items(values)?)?.into_bound_py_any(py),
        // Members and keys that Python could not hash were not there when it was pickled.
        Value::Set(values) => match PySet::new(py, items(values)?) {
            Ok(set) => set.into_bound_py_any(py),
            Err(_) => opaque(py, value),
        },
        Value::FrozenSet(values) => match PyFrozenSet::new(py, items(values)?) {
            Ok(set) => set.into_bound_py_any(py),
            Err(_) => opaque(py, value),
        },
        Value::Object(object) => match known(py, object) {
            Some(Ok(made)) => Ok(made),
            _ => entries(py, value),
        },
        Value::Dict(_) => entries(py, value),
        Value::Global(_) => opaque(py, value),
    }
}

fn opaque<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Opaque::new(value).into_bound_py_any(py)
}

/// A `dict`, where the value is one or like one.
fn entries<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let Some(entries) = value.as_entries() else {
        return opaque(py, value);
    };
    let dict = PyDict::new(py);
    for (key, entry) in entries {
        let entry = to_python(py, entry)?;
        if dict.set_item(to_python(py, key)?, entry).is_err() {
            return opaque(py, value);
        }
    }
    dict.into_bound_py_any(py)
}

/// Types of the standard library whose construction does nothing but construct.
fn known<'py>(py: Python<'py>, object: &Object) -> Option<PyResult<Bound<'py, PyAny>>> {
    let (module, name) = match (object.class.module.as_str(), object.class.name.as_str()) {
        ("datetime", name @ ("date" | "datetime" | "time" | "timedelta" | "timezone")) => {
            ("datetime", name)
        }
        ("decimal", "Decimal") => ("decimal", "Decimal"),
        ("pathlib" | "pathlib._local", "PosixPath" | "PurePosixPath") => {
            ("pathlib", "PurePosixPath")
        }
        ("pathlib" | "pathlib._local", "WindowsPath" | "PureWindowsPath") => {
            ("pathlib", "PureWindowsPath")
        }
        _ => return None,
    };
    let is_plain = object.state.is_none()
        && object.kwargs.is_empty()
        && object.items.is_empty()
        && object.entries.is_empty();
    if !is_plain {
        return None;
    }
    let make = || {
        let args: Vec<_> = object
            .args
            .iter()
            .map(|arg| to_python(py, arg))
            .collect::<PyResult<_>>()?;
        py.import(module)?
            .getattr(name)?
            .call1(PyTuple::new(py, args)?)
    };
    Some(make())
}
