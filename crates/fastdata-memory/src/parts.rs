//! One buffer that several threads write at the same time, each its own part.

#![expect(
    unsafe_code,
    reason = "disjoint parts of one allocation, owned apart, have no safe form"
)]

use std::ptr::NonNull;
use std::sync::Arc;

use crate::PooledBuffer;

/// A buffer whose bytes are in the hands of [`BufferPart`]s until all of them are dropped.
///
/// ```
/// use fastdata_memory::PooledBuffer;
///
/// let (whole, mut rest) = PooledBuffer::with_len(6).into_parts();
/// let mut first = rest.split_to(2);
/// std::thread::spawn(move || first.as_mut_slice().fill(1)).join().ok();
/// rest.as_mut_slice().fill(2);
/// drop(rest);
/// assert_eq!(whole.join().as_ref().map(|buffer| buffer.as_slice()), Some(&[1, 1, 2, 2, 2, 2][..]));
/// ```
#[derive(Debug)]
pub struct PartedBuffer(Arc<Shared>);

/// Exclusive access to one part of a [`PartedBuffer`].
#[derive(Debug)]
pub struct BufferPart {
    shared: Arc<Shared>,
    start: usize,
    len: usize,
}

#[derive(Debug)]
struct Shared {
    buffer: PooledBuffer,
    /// Start of the buffer's bytes.
    bytes: NonNull<u8>,
}

// SAFETY: `bytes` points into `buffer`, which is `Send` and owns its memory wherever it is moved.
// The memory is reached through parts only, each of which has a range of its own.
unsafe impl Send for Shared {}
// SAFETY: sharing gives access to nothing: `buffer` is not touched before `Shared` is owned again,
// and `bytes` is used by parts only, for disjoint ranges.
unsafe impl Sync for Shared {}

impl PooledBuffer {
    /// The buffer, and a part that is all of it, to be split.
    pub fn into_parts(mut self) -> (PartedBuffer, BufferPart) {
        let bytes = NonNull::from(self.as_mut_slice()).cast::<u8>();
        let len = self.len();
        let shared = Arc::new(Shared {
            buffer: self,
            bytes,
        });
        let whole = BufferPart {
            shared: shared.clone(),
            start: 0,
            len,
        };
        (PartedBuffer(shared), whole)
    }
}

impl PartedBuffer {
    /// The whole buffer, once every part was dropped; `None` while one is alive.
    pub fn join(self) -> Option<PooledBuffer> {
        Arc::try_unwrap(self.0).ok().map(|shared| shared.buffer)
    }
}

impl BufferPart {
    /// Takes the first `len` bytes off, as a part of their own.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn split_to(&mut self, len: usize) -> Self {
        assert!(len <= self.len, "a part is split within its length");
        let front = Self {
            shared: self.shared.clone(),
            start: self.start,
            len,
        };
        self.start += len;
        self.len -= len;
        front
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of the part, to write. Content: as of a [`PooledBuffer`].
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: parts lie within the buffer: the first is all of it, and `split_to` checks.
        let start = unsafe { self.shared.bytes.add(self.start) };
        // SAFETY: initialised memory that `shared` keeps alive; `split_to` gives each byte to one
        // part only, this one is borrowed exclusively, and the buffer itself is out of reach while
        // it lives.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_written_by_threads_are_one_buffer() {
        let lens: Vec<usize> = (0..200).map(|number| number * 37 % 1001).collect();
        let total = lens.iter().sum::<usize>();
        let (whole, mut rest) = PooledBuffer::with_len(total + 5).into_parts();
        std::thread::scope(|scope| {
            for (number, len) in lens.iter().enumerate() {
                let mut part = rest.split_to(*len);
                scope.spawn(move || part.as_mut_slice().fill((number % 251) as u8));
            }
        });
        assert_eq!(rest.len(), 5);
        drop(rest);
        let buffer = whole.join().unwrap();
        let expected = lens
            .iter()
            .enumerate()
            .flat_map(|(number, len)| std::iter::repeat_n((number % 251) as u8, *len));
        assert!(buffer.as_slice()[..total].iter().copied().eq(expected));
    }

    #[test]
    fn a_buffer_is_not_whole_before_its_last_part_is_gone() {
        let (whole, part) = PooledBuffer::with_len(10).into_parts();
        assert!(whole.join().is_none());
        assert_eq!(part.len(), 10);
    }

    #[test]
    #[should_panic(expected = "within its length")]
    fn parts_beyond_the_buffer_are_refused() {
        PooledBuffer::with_len(10).into_parts().1.split_to(11);
    }
}
