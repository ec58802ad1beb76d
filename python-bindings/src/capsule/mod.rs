//! Arrow's PyCapsule interface: columns in and out of Python without copies.

mod export;
mod import;
mod stream;

pub(crate) use export::{
    array_capsules, column_capsule, frame_capsule, scan_capsule, schema_capsule, struct_field,
};
pub(crate) use import::{Imported, import, requested_schema};
