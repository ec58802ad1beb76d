//! Partitioning: specs, transforms, tuples, and what a tuple says about the columns.

mod bucket;
mod facts;
mod label;
mod partition_type;
mod range;
mod source_types;
mod spec;
mod transform;
mod tuple;

pub use partition_type::PartitionType;
pub use spec::{PartitionField, PartitionSpec};
pub use transform::Transform;

pub(crate) use facts::{PartitionFacts, intersect};
pub(crate) use label::label;
pub(crate) use source_types::SourceTypes;
pub(crate) use tuple::{RawValue, Tuple, tuple_key};
