//! The `fastdata` command, started by the wheel's script.

use pyo3::prelude::*;

/// Runs the command with `arguments`, its own name first, and returns its exit code.
#[pyfunction]
#[pyo3(name = "_command")]
pub(crate) fn command(py: Python<'_>, arguments: Vec<String>) -> i32 {
    py.detach(|| fastdata_cli::run(arguments))
}
