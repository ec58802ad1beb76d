//! What objects hold: bytes in memory, or bytes that are made up as they are read.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ring::digest::{SHA256, digest};

/// How much random data synthetic objects are cut from, again and again.
pub(super) const ARENA_BYTES: usize = 8 << 20;

/// Content of an object.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    /// `len` bytes of the arena, starting at `offset`, around and around: gigabytes for nothing.
    Synthetic {
        offset: usize,
        len: u64,
    },
}

fn arena() -> &'static Bytes {
    static ARENA: OnceLock<Bytes> = OnceLock::new();
    ARENA.get_or_init(|| Bytes::from(crate::seeded_bytes(0xa7e4a, ARENA_BYTES)))
}

impl Content {
    pub(super) fn synthetic(seed: u64, len: u64) -> Self {
        // A prime step, so that neighbouring seeds look different.
        let offset = (seed as usize).wrapping_mul(1_000_003) % ARENA_BYTES;
        Self::Synthetic { offset, len }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Synthetic { len, .. } => *len,
        }
    }

    /// The next stretch of `range` that lies in memory in one piece; not empty unless `range` is.
    pub(super) fn piece(&self, range: &Range<u64>) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.slice(range.start as usize..range.end as usize),
            Self::Synthetic { offset, .. } => {
                let start = (*offset as u64 + range.start) as usize % ARENA_BYTES;
                let len = (range.end - range.start).min((ARENA_BYTES - start) as u64) as usize;
                arena().slice(start..start + len)
            }
        }
    }

    /// All bytes of `range`.
    pub(super) fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        let mut rest = range;
        while rest.start < rest.end {
            let piece = self.piece(&rest);
            rest.start += piece.len() as u64;
            bytes.extend_from_slice(&piece);
        }
        bytes
    }

    /// An ETag of the content; that of synthetic content names how it is made.
    pub(super) fn etag(&self) -> String {
        let hash = match self {
            Self::Bytes(bytes) => digest(&SHA256, bytes),
            Self::Synthetic { offset, len } => {
                digest(&SHA256, format!("{offset} {len}").as_bytes())
            }
        };
        format!("\"{}\"", hex(hash.as_ref().get(..16).unwrap_or_default()))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One version of an object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) etag: String,
    /// Of a bucket that keeps versions.
    pub(super) version_id: Option<String>,
    pub(super) modified: std::time::SystemTime,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    /// `x-amz-checksum-…` header and value.
    pub(super) checksum: Option<(String, String)>,
    /// Length and checksum of each part, when the checksum is one of theirs.
    pub(super) parts: Vec<(u64, String)>,
}

/// Shared by requests that read it while it is replaced.
pub(super) type Version = Arc<Object>;
