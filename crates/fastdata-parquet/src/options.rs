//! What a reader may be asked: layouts of the output, and limits against hostile files.

use arrow_schema::TimeUnit;

/// Bounds on what a file may make a reader allocate or do. Errors name the field that was hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest footer, in bytes.
    pub footer_bytes: u64,
    /// Largest page, compressed or not, in bytes.
    pub page_bytes: u64,
    /// Deepest nesting of the schema.
    pub nesting: u32,
    /// Most bytes that one compressed byte may grow to, for pages above [`Limits::ratio_from_bytes`].
    pub ratio: u64,
    /// Pages up to this many bytes may have any ratio.
    pub ratio_from_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            footer_bytes: 64 << 20,
            page_bytes: 256 << 20,
            nesting: 100,
            ratio: 1000,
            ratio_from_bytes: 16 << 20,
        }
    }
}

/// The Arrow layout of strings and binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StringLayout {
    /// `Utf8View` and `BinaryView`: pages are pointed into, not copied.
    #[default]
    View,
    /// `Utf8` and `Binary`: 32-bit offsets; more than 2 GiB in one array is an error.
    Offsets,
    /// `LargeUtf8` and `LargeBinary`: 64-bit offsets.
    LargeOffsets,
}

/// How a file is turned into Arrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Layout of strings and binaries, at every level of nesting.
    pub strings: StringLayout,
    /// Unit that INT96 timestamps become. Instants that it cannot hold are an error.
    pub int96: TimeUnit,
    /// Bounds against hostile files.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            strings: StringLayout::default(),
            int96: TimeUnit::Nanosecond,
            limits: Limits::default(),
        }
    }
}
