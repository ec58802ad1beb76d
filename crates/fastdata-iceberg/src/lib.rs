//! Apache Iceberg tables, planned: from a table's metadata to the data files to read, the deletes
//! that apply to each of them and what is left of the condition.
//!
//! The crate does no I/O. It names paths, is given their bytes and decodes them itself: metadata
//! JSON, manifest lists and manifests of format versions 1 to 3. It never opens a data file.

mod avro;
mod deletion_vector;
pub mod error;
mod limits;
mod manifest;
mod metadata;
mod name_mapping;
mod partition;
mod path;
mod plan;
mod schema;
mod value;
pub mod write;

pub use deletion_vector::{
    PUFFIN_MAGIC, check_puffin_head, decode_deletion_vector, encode_deletion_vector,
};
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use manifest::{FileFormat, ManifestContent, ManifestFile};
pub use metadata::{
    Snapshot, SnapshotLogEntry, SnapshotRef, SnapshotRefKind, SnapshotSelector, TableMetadata,
    TableView, choose_metadata_file,
};
pub use name_mapping::{MappedField, NameMapping};
pub use partition::{PartitionField, PartitionSpec, Transform};
pub use path::PathResolver;
pub use plan::{
    DeleteFile, DeleteIndex, DeleteKind, LiveFiles, ManifestPlan, ManifestSource, Manifests,
    PlanAudit, Planner, SkipReason, Skipped, Split,
};
pub use schema::{
    FIELD_ID_KEY, ListType, MapType, NestedField, PrimitiveType, Schema, StringLayout, StructType,
    Type,
};
pub use value::Value;
