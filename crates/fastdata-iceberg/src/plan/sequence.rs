//! Data sequence numbers, which entries may inherit.

use crate::manifest::{Entry, ManifestFile, Status};
use crate::{Error, Result};

/// The data sequence number of a live entry.
///
/// A null one is the manifest's for an added file. Files of version 1 have 0, which is also what
/// the manifest list says of their manifests, whatever their status.
pub(super) fn data_sequence_number(manifest: &ManifestFile, entry: &Entry<'_>) -> Result<i64> {
    match (entry.sequence_number, entry.status) {
        (Some(number), _) => Ok(number),
        (None, Status::Added) => Ok(manifest.sequence_number),
        (None, _) if manifest.sequence_number == 0 => Ok(0),
        (None, _) => Err(Error::corrupt(format!(
            "{} was not added by this manifest and has no sequence number",
            entry.path
        ))),
    }
}
