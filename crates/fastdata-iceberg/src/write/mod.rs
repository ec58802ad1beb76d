//! Writing small tables: manifests, manifest lists and metadata files, as bytes.
//!
//! This serves `fastdata demo` and tests. It writes what it is told, odd tables included, and
//! commits nothing: whoever calls it names the files and puts them in their place.

mod avro_file;
mod avro_schema;
mod manifest;
mod manifest_list;
mod metadata_json;

pub use avro_file::{AvroCodec, AvroFile, put_bytes, put_varint};
pub use manifest::{ColumnStats, EntryStatus, FileContent, FileEntry, ManifestWriter};
pub use manifest_list::{ListedManifest, ListedPartition, manifest_list};
pub use metadata_json::{TableDescription, metadata_json};
