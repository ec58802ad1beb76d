//! One record of a manifest list: a manifest and what is known of it without opening it.

/// Whether a manifest lists data files or delete files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestContent {
    /// Data files.
    Data,
    /// Position deletes, equality deletes and deletion vectors.
    Deletes,
}

/// A manifest. Counts and sizes are the list's claims and may be absent.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    /// Where to read it: resolved against the folder that the user named.
    pub path: String,
    /// Its length in bytes; `None` for the inline manifests of version 1.
    pub length_bytes: Option<i64>,
    /// The partition spec of all its entries; `None` when only the manifest's header knows.
    pub spec_id: Option<i32>,
    /// What it lists.
    pub content: ManifestContent,
    /// What its added entries inherit; 0 in version 1.
    pub sequence_number: i64,
    /// Entries with status added.
    pub added_files_count: Option<i64>,
    /// Entries with status existing.
    pub existing_files_count: Option<i64>,
    /// Entries with status deleted.
    pub deleted_files_count: Option<i64>,
    /// Rows of added files.
    pub added_rows_count: Option<i64>,
    /// Rows of existing files.
    pub existing_rows_count: Option<i64>,
    /// The row id from which its files without one count on, in version 3.
    pub first_row_id: Option<i64>,
    /// Per field of the spec, in its order.
    pub(crate) partitions: Option<Vec<PartitionSummary>>,
}

impl ManifestFile {
    /// A manifest that no manifest list describes: nothing is known but what it lists.
    pub fn unlisted(content: ManifestContent) -> Self {
        Self {
            path: String::new(),
            length_bytes: None,
            spec_id: None,
            content,
            sequence_number: 0,
            added_files_count: None,
            existing_files_count: None,
            deleted_files_count: None,
            added_rows_count: None,
            existing_rows_count: None,
            first_row_id: None,
            partitions: None,
        }
    }
}

/// The range of one partition field over a manifest's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionSummary {
    pub(crate) contains_null: Option<bool>,
    pub(crate) contains_nan: Option<bool>,
    pub(crate) lower: Option<Vec<u8>>,
    pub(crate) upper: Option<Vec<u8>>,
}
