//! Memory for results: written once, never zeroed first, on huge pages when large.
#![expect(unsafe_code, reason = "results are written into uninitialised memory")]

use std::mem::MaybeUninit;
use std::slice;

use arrow_buffer::Buffer;
use fastdata_memory::PooledBuffer;
use rayon::prelude::*;

use crate::threads;

/// From this size on the pages that a fresh allocation touches for the first time cost more than
/// the pool's bookkeeping.
const POOLED_BYTES_MIN: usize = 256 << 10;

/// A buffer of `bytes` bytes, 16-byte aligned or better, that `fill` writes.
///
/// # Safety
///
/// - `fill` initialises every byte of the slice that it is given.
pub(super) unsafe fn filled(bytes: usize, fill: impl FnOnce(&mut [MaybeUninit<u8>])) -> Buffer {
    if bytes >= POOLED_BYTES_MIN {
        let mut buffer = PooledBuffer::with_len(bytes);
        let target = buffer.as_mut_slice();
        debug_assert_eq!(target.len(), bytes);
        // SAFETY: `target` is borrowed for the call alone, `MaybeUninit<u8>` has the layout of
        // `u8`, and by the contract `fill` only ever writes initialised bytes.
        fill(unsafe { slice::from_raw_parts_mut(target.as_mut_ptr().cast(), bytes) });
        return Buffer::from(buffer.into_bytes());
    }
    let mut words: Vec<i128> = Vec::with_capacity(bytes.div_ceil(size_of::<i128>()));
    let word_count = words.capacity().min(bytes.div_ceil(size_of::<i128>()));
    let spare = &mut words.spare_capacity_mut()[..word_count];
    if let Some(last) = spare.last_mut() {
        // Its tail lies behind the bytes that `fill` gets.
        last.write(0);
    }
    debug_assert!(size_of_val(spare) >= bytes);
    // SAFETY: `spare` holds `word_count` words, at least `bytes` bytes (asserted above), and any
    // byte may be viewed as uninitialised.
    fill(unsafe { slice::from_raw_parts_mut(spare.as_mut_ptr().cast(), bytes) });
    // SAFETY: `word_count` is within the capacity; `fill` wrote all bytes but the tail of the last
    // word, which was zeroed before.
    unsafe { words.set_len(word_count) };
    Buffer::from_vec(words).slice_with_length(0, bytes)
}

/// Cuts `out` into pieces of the given lengths and calls `work` with the index and the piece of
/// each, on several threads where that pays.
pub(super) fn for_each_piece<T: Send>(
    out: &mut [T],
    lens: impl Iterator<Item = usize>,
    work: impl Fn(usize, &mut [T]) + Sync,
) {
    map_pieces(out, lens, work);
}

/// As [`for_each_piece`], with what `work` makes of each.
pub(super) fn map_pieces<T: Send, R: Send>(
    mut out: &mut [T],
    lens: impl Iterator<Item = usize>,
    work: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    let mut pieces = Vec::new();
    for (at, len) in lens.enumerate() {
        let (piece, rest) = out.split_at_mut(len);
        out = rest;
        pieces.push((at, piece));
    }
    assert!(out.is_empty(), "the pieces make up the whole output");
    let work = |(at, piece): (usize, &mut [T])| work(at, piece);
    match threads::are_worth(pieces.len()) {
        true => pieces.into_par_iter().map(work).collect(),
        false => pieces.into_iter().map(work).collect(),
    }
}
