//! Partitioning: specs, transforms, tuples, and what a tuple says about the columns.

mod spec;
mod transform;

pub use spec::{PartitionField, PartitionSpec};
pub use transform::Transform;
