//! The Python extension `fastdata._fastdata`: one file per class or verb, no logic of its own.
//!
//! What it does lives in the `fastdata` crate; here Python's values become Rust's and back, the
//! interpreter is let go while work is done, and errors become exceptions.
//!
//! ```python
//! import fastdata as fd
//!
//! frame = fd.DataFrame({"id": [1, 2, 3]}).filter("id > 1")
//! assert frame["id"].to_list() == [2, 3]
//! ```
//!
//! - `frame`, `batch`, `column`, `schema`: rows in memory
//! - `table`, `scan`, `batches`, `group`, `explain`: where rows come from
//! - `capsule`, `memory`: the ways in and out without copies; `sequence`: Python's own values
//! - `blobs`: a content-addressed store; `flows`: runs of flows in one
//! - `command`: the `fastdata` command

mod allocator;
mod arguments;
mod batch;
mod batches;
mod blobs;
mod capsule;
mod column;
mod command;
mod exceptions;
mod explain;
mod flows;
mod frame;
mod group;
mod interrupt;
mod memory;
mod request;
mod scan;
mod schema;
mod sequence;
mod table;
mod values;
mod warnings;

use pyo3::pymodule;

#[pymodule(gil_used = false)]
mod _fastdata {
    #[pymodule_export]
    use super::batch::Batch;
    #[pymodule_export]
    use super::batches::Batches;
    #[pymodule_export]
    use super::blobs::Blobs;
    #[pymodule_export]
    use super::column::Column;
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::explain::Explain;
    #[pymodule_export]
    use super::flows::{Artifact, Flows, Opaque, Run, Task};
    #[pymodule_export]
    use super::frame::{DataFrame, concat};
    #[pymodule_export]
    use super::group::Group;
    #[pymodule_export]
    use super::memory::Memory;
    #[pymodule_export]
    use super::scan::Scan;
    #[pymodule_export]
    use super::schema::{Field, Schema};
    #[pymodule_export]
    use super::table::Table;

    #[pymodule_init]
    fn version(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;

        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
