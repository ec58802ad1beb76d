//! What a caller is willing to unpack.

use crate::{Error, Result};

/// No block unpacks to more than this many times its stored bytes: a blob that claims more is
/// corrupt, and none is written so.
pub const RATIO_MAX: usize = 1024;

/// Bounds on what outside bytes may make us do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest content in bytes; 1 TiB by default.
    pub content_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            content_bytes_max: 1 << 40,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self, content_bytes: u64) -> Result<()> {
        match content_bytes <= self.content_bytes_max {
            true => Ok(()),
            false => Err(Error::limit(format!(
                "a content of {content_bytes} bytes; Limits::content_bytes_max is {}",
                self.content_bytes_max
            ))),
        }
    }
}
