//! Memory for the bytes that fastdata moves: large buffers on huge pages, kept for reuse by one
//! pool for the whole process, and what the process may and does use of the machine's memory.
//!
//! ```
//! use fastdata_memory::PooledBuffer;
//!
//! let mut buffer = PooledBuffer::with_len(3);
//! buffer.as_mut_slice().copy_from_slice(b"abc");
//! assert_eq!(&buffer.into_bytes()[..], b"abc");
//! ```
//!
//! - [`PooledBuffer`]: bytes to write into, without a memset first; becomes `Bytes` without a copy
//! - [`PartedBuffer`]: one buffer that several threads write at the same time
//! - [`Pool`]: what happens to the memory of a buffer that was dropped
//! - [`peak_rss_bytes`], [`memory_limit_bytes`]: the process and the machine

mod block;
mod buffer;
mod parts;
mod pool;
mod process;

pub use buffer::{PooledBuffer, SLACK_BYTES};
pub use parts::{BufferPart, PartedBuffer};
pub use pool::{IdleLimit, Pool, PoolStats};
pub use process::{memory_limit_bytes, peak_rss_bytes};
