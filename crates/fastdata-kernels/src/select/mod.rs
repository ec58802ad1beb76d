//! Moving the rows that live: filter by mask, take by position, concatenate, slice.
//!
//! Chunked in, contiguous out: the popcounts of the masks give the exact size of the result, which
//! is allocated once and filled in parallel (see [`crate::threads`]). Every Arrow type works; layouts for which a native
//! path brings nothing (unions, run-end encoding, list views) go through `arrow-select`.

mod array;
mod bitmaps;
mod bytes;
mod census;
mod chunked;
mod filter;
mod lanes;
mod mask;
mod nested;
mod output;
mod picks;
mod positions;
mod prefetch;
mod segments;
mod take;
mod views;

#[cfg(test)]
mod tests;

pub use chunked::{ChunkedPositions, take_chunked};
pub use filter::{concat, filter_array, filter_batch, filter_chunked, slice, take_by_boolean};
pub use mask::{Mask, NullAs};
pub use positions::Positions;
pub use take::{take_array, take_batch};
