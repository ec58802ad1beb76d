//! Which deletes apply to which data file.

/// Deletes, arranged by what they can apply to.
#[derive(Debug, Default)]
pub struct DeleteIndex {}
