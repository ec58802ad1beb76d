//! A buffer whose memory comes from, and goes back to, the pool.

use std::fmt;

use bytes::Bytes;

use crate::block::Block;
use crate::pool::Pool;

/// How many bytes behind a buffer's end may be read and written too.
///
/// Decoders copy whole words and vectors past the end of short runs; with slack they need no
/// second code path for the last bytes.
pub const SLACK_BYTES: usize = 64;

/// Bytes to write into: at least 64-byte aligned, on huge pages when large, reused when dropped.
///
/// The content of a new buffer is *initialised but unspecified*: zero in fresh memory, what an
/// earlier buffer of this process left in reused memory. Whoever needs zeros must write them.
///
/// ```
/// use fastdata_memory::{PooledBuffer, SLACK_BYTES};
///
/// let mut buffer = PooledBuffer::with_len(1000);
/// assert_eq!(buffer.as_slice().len(), 1000);
/// assert_eq!(buffer.as_mut_slice_with_slack().len(), 1000 + SLACK_BYTES);
/// buffer.truncate(10);
/// assert_eq!(buffer.into_bytes().len(), 10);
/// ```
pub struct PooledBuffer {
    /// `None` only between `drop` taking it out and the end of `drop`.
    block: Option<Block>,
    len_bytes: usize,
    pool: &'static Pool,
}

impl PooledBuffer {
    /// A buffer of exactly `len_bytes` from the pool of the process. Content: see the type.
    ///
    /// Memory that the system does not have ends the process, as it does for `Vec`: a length that
    /// somebody else claimed has to be checked before.
    pub fn with_len(len_bytes: usize) -> Self {
        Self::with_len_in(Pool::global(), len_bytes)
    }

    /// As [`PooledBuffer::with_len`], from (and back to) a given pool.
    pub fn with_len_in(pool: &'static Pool, len_bytes: usize) -> Self {
        Self {
            block: Some(pool.take(len_bytes)),
            len_bytes,
            pool,
        }
    }

    /// A buffer with a copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buffer = Self::with_len(bytes.len());
        buffer.as_mut_slice().copy_from_slice(bytes);
        buffer
    }

    /// Length in bytes, without the slack.
    pub fn len(&self) -> usize {
        self.len_bytes
    }

    /// Whether the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len_bytes == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.block().as_slice()[..self.len_bytes]
    }

    /// The bytes, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let len_bytes = self.len_bytes;
        &mut self.block_mut().as_mut_slice()[..len_bytes]
    }

    /// The bytes and [`SLACK_BYTES`] behind them, whose content means nothing.
    pub fn as_slice_with_slack(&self) -> &[u8] {
        &self.block().as_slice()[..self.len_bytes + SLACK_BYTES]
    }

    /// The bytes and [`SLACK_BYTES`] behind them, to write; what lands in the slack is nobody's.
    pub fn as_mut_slice_with_slack(&mut self) -> &mut [u8] {
        let end = self.len_bytes + SLACK_BYTES;
        &mut self.block_mut().as_mut_slice()[..end]
    }

    /// Shortens to `len_bytes`; does nothing when that is not shorter. The memory stays as large.
    pub fn truncate(&mut self, len_bytes: usize) {
        self.len_bytes = self.len_bytes.min(len_bytes);
    }

    /// The bytes as shared, immutable `Bytes`, without a copy; the memory returns to the pool when
    /// the last clone or slice of them is dropped.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    fn block(&self) -> &Block {
        match &self.block {
            Some(block) => block,
            None => unreachable!("a live buffer owns its block"),
        }
    }

    fn block_mut(&mut self) -> &mut Block {
        match &mut self.block {
            Some(block) => block,
            None => unreachable!("a live buffer owns its block"),
        }
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.pool.give_back(block);
        }
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for PooledBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the content: it may be gigabytes, and it may be somebody's data.
        f.debug_struct("PooledBuffer")
            .field("len_bytes", &self.len_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_alignment_and_slack() {
        for len in [
            0,
            1,
            63,
            64,
            65,
            4095,
            4096,
            (1 << 20) - 1,
            1 << 20,
            (2 << 20) + 1,
            33 << 20,
        ] {
            let mut buffer = PooledBuffer::with_len(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.is_empty(), len == 0);
            assert_eq!(buffer.as_slice().len(), len);
            assert_eq!(buffer.as_slice().as_ptr().align_offset(64), 0, "{len}");
            buffer.as_mut_slice_with_slack().fill(7);
            assert_eq!(buffer.as_slice_with_slack().len(), len + SLACK_BYTES);
            assert!(buffer.as_slice_with_slack().iter().all(|&byte| byte == 7));
        }
    }

    #[test]
    fn bytes_keep_content_and_truncation() {
        let mut buffer = PooledBuffer::copy_of(b"hello, world");
        buffer.truncate(100);
        assert_eq!(buffer.len(), 12);
        buffer.truncate(5);
        let address = buffer.as_slice().as_ptr();
        let bytes = buffer.into_bytes();
        assert_eq!(&bytes[..], b"hello");
        assert_eq!(bytes.as_ptr(), address, "made without a copy");
    }

    #[test]
    fn memory_returns_when_the_last_slice_goes() {
        let pool: &'static Pool = Box::leak(Box::new(Pool::with_cap(64 << 20)));
        let bytes = PooledBuffer::with_len_in(pool, 3 << 20).into_bytes();
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert!(pool.stats().in_use_bytes >= 3 << 20);
        drop(slice);
        assert_eq!(pool.stats().in_use_bytes, 0);
        assert!(pool.stats().idle_bytes >= 3 << 20);
    }

    #[test]
    fn debug_shows_no_content() {
        assert!(!format!("{:?}", PooledBuffer::copy_of(b"canary")).contains("canary"));
    }
}
