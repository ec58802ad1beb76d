//! Manifest lists and manifests: their records, decoded.

mod entry;
mod file_format;
mod list;
mod manifest_file;

pub use file_format::FileFormat;
pub use manifest_file::{ManifestContent, ManifestFile};

pub(crate) use entry::{ColumnMetrics, Content, Entry, EntryReader, Status};
pub(crate) use list::read_manifest_list;
pub(crate) use manifest_file::PartitionSummary;
