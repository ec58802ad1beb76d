//! Errors as the exceptions of `fastdata.errors`.

use fastdata::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// What went wrong, for people: the message and what is below it, on one line.
fn line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = cause.source();
    }
    line
}

/// The exception class for `kind`.
fn class_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument => "InvalidArgumentError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Denied => "AccessDeniedError",
        ErrorKind::Corrupt => "CorruptDataError",
        ErrorKind::LimitExceeded => "LimitExceededError",
        ErrorKind::Unsupported => "UnsupportedError",
        ErrorKind::Interrupted => "CancelledError",
        _ => "StorageError",
    }
}

/// The exception that stands for `error`.
#[cold]
pub(crate) fn exception(error: &Error) -> PyErr {
    raise(class_of(error.kind()), line(error))
}

/// The exception that stands for an error of a store of blobs.
#[cold]
pub(crate) fn of_blobs(error: &fastdata::blobs::Error) -> PyErr {
    use fastdata::blobs::ErrorKind;

    let class = match error.kind() {
        ErrorKind::InvalidArgument => "InvalidArgumentError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Denied => "AccessDeniedError",
        ErrorKind::Corrupt => "CorruptDataError",
        ErrorKind::LimitExceeded => "LimitExceededError",
        ErrorKind::Unsupported => "UnsupportedError",
        _ => "StorageError",
    };
    raise(class, line(error))
}

/// The exception that stands for an error of a datastore of flows.
#[cold]
pub(crate) fn of_flows(error: &fastdata::flows::Error) -> PyErr {
    use fastdata::flows::ErrorKind;

    let class = match error.kind() {
        ErrorKind::InvalidArgument => "InvalidArgumentError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Denied => "AccessDeniedError",
        ErrorKind::Corrupt => "CorruptDataError",
        ErrorKind::LimitExceeded => "LimitExceededError",
        ErrorKind::Unsupported => "UnsupportedError",
        _ => "StorageError",
    };
    raise(class, line(error))
}

/// An exception for a wrong argument.
#[cold]
pub(crate) fn invalid(message: impl Into<String>) -> PyErr {
    raise("InvalidArgumentError", message.into())
}

/// An exception for what this version cannot do.
#[cold]
pub(crate) fn unsupported(message: impl Into<String>) -> PyErr {
    raise("UnsupportedError", message.into())
}

/// An exception for a column that is not there.
#[cold]
pub(crate) fn no_column(error: &Error) -> PyErr {
    raise("ColumnNotFoundError", line(error))
}

/// An exception for a bug of ours: a panic that was caught.
#[cold]
pub(crate) fn internal(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned());
    raise(
        "InternalError",
        format!("internal error, please report it: {text}"),
    )
}

#[cold]
fn raise(class: &'static str, message: String) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("fastdata.errors")
            .and_then(|module| module.getattr(class))
            .and_then(|class| class.call1(PyTuple::new(py, [message])?));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(failed) => failed,
        }
    })
}
