//! fastdata: data out of a lake into a process as fast as the machine allows.
//!
//! The facade that Rust programs link. It re-exports and adds nothing.

#[doc(no_inline)]
pub use fastdata_cas as blobs;
pub use fastdata_cas::Blobs;
pub use fastdata_frame::{
    Column, DataFrame, Group, GroupBy, PortableRequest, Rows, Table, TableRows,
};
#[doc(no_inline)]
pub use fastdata_frame::{tensor, text, write};
#[doc(no_inline)]
pub use fastdata_iceberg as iceberg;
pub use fastdata_iceberg::SnapshotSelector;
pub use fastdata_kernels::select::NullAs;
#[doc(no_inline)]
pub use fastdata_metaflow as flows;
pub use fastdata_parquet::StringLayout;
pub use fastdata_scan::describe::{ReferenceDescription, SnapshotDescription};
pub use fastdata_scan::explain::{ExplainNode, Tally};
pub use fastdata_scan::request::CatalogSettings;
pub use fastdata_scan::{
    Batches, CancelToken, Collected, Description, Error, ErrorKind, Explain, FilePart, PlannedFile,
    Progress, Result, RowGroupSize, Scan, ScanRequest, ScanStats, Settings, describe, on_threads,
    type_text,
};
#[doc(no_inline)]
pub use fastdata_store as store;
pub use fastdata_store::StoreConfig;

// The README's Rust is compiled as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
