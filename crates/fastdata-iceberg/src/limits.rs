//! How much a table's metadata may ask of us.

/// Bounds on what is allocated and visited while metadata is decoded. Exceeding one is
/// [`crate::ErrorKind::LimitExceeded`] and names the field.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A metadata file after decompression, in bytes.
    pub metadata_bytes: usize,
    /// A manifest or manifest list after decompression, in bytes.
    pub manifest_bytes: usize,
    /// Levels of nesting in a schema.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            metadata_bytes: 256 << 20,
            manifest_bytes: 256 << 20,
            nesting: 100,
        }
    }
}
