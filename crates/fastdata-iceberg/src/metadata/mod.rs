//! The metadata file of a table: which one to take, what it says, and the choice of a snapshot.

mod decompress;
mod file_name;
mod parse;
mod select;
mod snapshot;
mod table;

pub use file_name::choose_metadata_file;
pub use select::{SnapshotSelector, TableView};
pub use snapshot::{Snapshot, SnapshotLogEntry, SnapshotRef, SnapshotRefKind};
pub use table::TableMetadata;
