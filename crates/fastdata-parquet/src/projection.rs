//! Which leaves of a top-level field are read.

use arrow_schema::FieldRef;

/// One top-level field with a chosen subset of its leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldProjection {
    pub(crate) root: usize,
    pub(crate) leaves: Vec<usize>,
    pub(crate) field: FieldRef,
}

impl FieldProjection {
    /// Index of the field in [`crate::FileMeta::schema`].
    pub fn index(&self) -> usize {
        self.root
    }

    /// The field as it will come out: only the chosen children.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Leaf columns of the file that are read, ascending.
    pub fn leaves(&self) -> &[usize] {
        &self.leaves
    }
}
