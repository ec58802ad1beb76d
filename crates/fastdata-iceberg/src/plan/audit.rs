//! What can only be checked once every manifest was read.

use super::DeleteIndex;
use crate::Result;

/// The live files of one manifest, as fingerprints of their paths.
#[derive(Debug, Default)]
pub struct LiveFiles {
    /// Of the comparable path, and of its last component.
    pub(crate) fingerprints: Vec<(u128, u64)>,
}

/// Collects the live files of all data manifests of one plan, then finds what is wrong with the
/// table as a whole.
#[derive(Debug, Default)]
pub struct PlanAudit {}

impl PlanAudit {
    /// Adds the live files of one manifest. A data file that occurs twice is an error.
    pub fn add(&mut self, _live: &LiveFiles) -> Result<()> {
        todo!()
    }

    /// After the last manifest: a delete that names a file which is live under another spelling
    /// of its path is an error; one that names a file which is gone is left over from a rewrite.
    pub fn finish(&self, _deletes: &DeleteIndex) -> Result<()> {
        todo!()
    }
}
