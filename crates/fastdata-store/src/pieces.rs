//! One buffer that several tasks fill at the same time, each its own part.

#![expect(
    unsafe_code,
    reason = "disjoint parts of one buffer are written by tasks that do not borrow it"
)]

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::Arc;

use fastdata_memory::PooledBuffer;

struct Shared(UnsafeCell<PooledBuffer>);

// SAFETY: nobody reads or writes the buffer but through pieces, whose ranges `split` made disjoint,
// and `Whole::join`, which takes the buffer only when no piece is left.
unsafe impl Sync for Shared {}

/// The buffer while its pieces are out.
pub(crate) struct Whole(Arc<Shared>);

/// A part of the buffer, to be written by whoever has it.
pub(crate) struct Piece {
    whole: Arc<Shared>,
    start: *mut u8,
    len: usize,
}

// SAFETY: a piece is the only way to its bytes, like a `&mut [u8]` that owns its share of the
// memory; `PooledBuffer` itself may be dropped on any thread.
unsafe impl Send for Piece {}

/// Splits a buffer into pieces of `lens`, in their order.
///
/// # Panics
/// When the lengths are more than the buffer has: the caller made both.
pub(crate) fn split(mut buffer: PooledBuffer, lens: &[usize]) -> (Whole, Vec<Piece>) {
    let total = lens
        .iter()
        .try_fold(0_usize, |sum, len| sum.checked_add(*len));
    assert!(
        total.is_some_and(|total| total <= buffer.len()),
        "pieces lie inside of their buffer"
    );
    let first = buffer.as_mut_slice().as_mut_ptr();
    let whole = Arc::new(Shared(UnsafeCell::new(buffer)));
    let mut at = 0;
    let mut pieces = Vec::with_capacity(lens.len());
    for &len in lens {
        // SAFETY: `at + len` is at most the sum that was checked against the buffer's length.
        let start = unsafe { first.add(at) };
        at += len;
        let whole = Arc::clone(&whole);
        pieces.push(Piece { whole, start, len });
    }
    (Whole(whole), pieces)
}

impl Whole {
    /// The buffer, once every piece has been dropped; `None` while one is out.
    pub(crate) fn join(self) -> Option<PooledBuffer> {
        Some(Arc::into_inner(self.0)?.0.into_inner())
    }
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The bytes of a range of the piece.
    pub(crate) fn slice_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        debug_assert!(Arc::strong_count(&self.whole) > 0);
        // SAFETY: `start` and `len` lie in the buffer by `split`, which the `Arc` keeps alive; its
        // memory is initialised, no other piece overlaps, and `&mut self` excludes other slices.
        let all = unsafe { std::slice::from_raw_parts_mut(self.start, self.len) };
        &mut all[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_fill_their_pieces() {
        let lens = [3, 0, 70_000, 1];
        let (whole, pieces) = split(PooledBuffer::with_len(70_004), &lens);
        let threads: Vec<_> = pieces
            .into_iter()
            .zip(1..)
            .map(|(mut piece, value)| {
                std::thread::spawn(move || {
                    let len = piece.len();
                    piece.slice_mut(0..len).fill(value);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let buffer = whole.join().unwrap();
        let mut expected = vec![1; 3];
        expected.extend(vec![3; 70_000]);
        expected.push(4);
        assert_eq!(buffer.as_slice(), expected);
    }

    #[test]
    fn a_buffer_comes_back_only_without_pieces() {
        let (whole, mut pieces) = split(PooledBuffer::with_len(8), &[4, 4]);
        pieces.truncate(1);
        assert!(whole.join().is_none());
        pieces[0].slice_mut(1..3).fill(7);
    }

    #[test]
    #[should_panic(expected = "inside of their buffer")]
    fn too_many_pieces_are_refused() {
        split(PooledBuffer::with_len(8), &[4, 5]);
    }
}
