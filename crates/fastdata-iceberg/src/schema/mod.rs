//! Schemas of a table: fields by id, their types, and the way to Arrow.

mod default;
mod field_type;
mod json;
#[expect(
    clippy::module_inception,
    reason = "a schema is what this module is about"
)]
mod schema;
mod to_arrow;

pub use field_type::{ListType, MapType, NestedField, PrimitiveType, StructType, Type};
pub use schema::Schema;
pub use to_arrow::{FIELD_ID_KEY, StringLayout};

pub(crate) use to_arrow::type_to_arrow;
