//! Avro object containers, read by their own schema.
//!
//! Only what manifests need: the schema is kept as a tree with Iceberg's field ids, values are
//! read or skipped in place by a cursor over a block's bytes, and nothing is built for a field
//! that nobody asked for.

mod container;
mod cursor;
mod schema;

pub(crate) use container::Container;
pub(crate) use cursor::{Cursor, Damage};
pub(crate) use schema::{Field, Node};
