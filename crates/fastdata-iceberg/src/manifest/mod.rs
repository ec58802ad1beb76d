//! Manifest lists and manifests: their records, decoded.

mod file_format;
mod manifest_file;

pub use file_format::FileFormat;
pub use manifest_file::{ManifestContent, ManifestFile};

pub(crate) use manifest_file::PartitionSummary;
