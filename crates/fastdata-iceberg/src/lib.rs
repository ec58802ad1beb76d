//! Apache Iceberg tables, planned: from a table's metadata to the data files to read, the deletes
//! that apply to each of them and what is left of the condition.
//!
//! The crate does no I/O. It names paths, is given their bytes and decodes them itself: metadata
//! JSON, manifest lists and manifests of format versions 1 to 3. It never opens a data file.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fastdata_iceberg::{
//!     Limits, ManifestSource, PathResolver, Planner, SnapshotSelector, TableMetadata,
//! };
//! use fastdata_kernels::predicate::Bound;
//!
//! let json = br#"{
//!     "format-version": 2, "location": "s3://old/t", "current-schema-id": 0,
//!     "schemas": [{"type": "struct", "schema-id": 0, "fields": [
//!         {"id": 1, "name": "day", "type": "date", "required": true}]}],
//!     "partition-specs": [{"spec-id": 0, "fields": []}],
//!     "current-snapshot-id": 5,
//!     "snapshots": [{"snapshot-id": 5, "timestamp-ms": 0, "sequence-number": 1,
//!         "manifest-list": "s3a://old/t/metadata/snap-5.avro"}]
//! }"#;
//! let limits = Limits::default();
//! let metadata = Arc::new(TableMetadata::parse(json, &limits)?);
//! let view = metadata.resolve(&SnapshotSelector::Current)?;
//! let paths = PathResolver::new(metadata.location(), "/copy/of/t");
//! let planner = Planner::new(metadata, view, Bound::Constant(true), paths, &limits)?;
//! let ManifestSource::List(path) = planner.manifest_list() else { panic!("it has a snapshot") };
//! assert_eq!(path, "/copy/of/t/metadata/snap-5.avro");
//! # Ok::<(), fastdata_iceberg::Error>(())
//! ```
//!
//! - [`TableMetadata`], [`choose_metadata_file`]: the metadata file and its snapshots
//! - [`Schema`], [`NameMapping`]: columns by field id, and their way to Arrow
//! - [`PartitionSpec`], [`Transform`], [`PartitionType`]: partitioning
//! - [`MetadataColumn`]: the columns that every table has beside its own
//! - [`Planner`], [`Split`], [`DeleteFile`]: from manifests to files
//! - [`decode_deletion_vector`]: the bitmap of a Puffin file
//! - [`mod@write`]: small tables, for demonstrations and tests

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
pub use partition::{PartitionField, PartitionSpec, PartitionType, Transform};
pub use path::PathResolver;
pub use plan::{
    DeleteFile, DeleteIndex, DeleteKind, LiveFiles, ManifestPlan, ManifestSource, Manifests,
    PlanAudit, Planner, SkipReason, Skipped, Split,
};
pub use schema::{
    EXTENSION_NAME_KEY, FIELD_ID_KEY, ListType, MapType, MetadataColumn, NestedField,
    PrimitiveType, Schema, StringLayout, StructType, Type, VARIANT_EXTENSION,
};
pub use value::Value;
