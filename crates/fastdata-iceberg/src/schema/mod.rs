//! Schemas of a table: fields by id, their types, and the way to Arrow.

mod default;
mod field_type;
mod json;
mod metadata_column;
#[expect(
    clippy::module_inception,
    reason = "a schema is what this module is about"
)]
mod schema;
mod to_arrow;

pub use field_type::{ListType, MapType, NestedField, PrimitiveType, StructType, Type};
pub use metadata_column::MetadataColumn;
pub use schema::Schema;
pub use to_arrow::{EXTENSION_NAME_KEY, FIELD_ID_KEY, StringLayout, VARIANT_EXTENSION};

pub(crate) use metadata_column::is_reserved_id;
pub(crate) use to_arrow::type_to_arrow;
