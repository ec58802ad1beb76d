//! Byte buffers as slices of fixed-width values.

#![expect(unsafe_code, reason = "reinterpreting aligned bytes as integers")]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use arrow_buffer::{IntervalMonthDayNano, i256};
use fastdata_memory::PooledBuffer;

/// Values that any bit pattern of the right size is one of, with no padding.
///
/// # Safety
/// Implement only for types without padding, for which all bit patterns are valid.
pub(crate) unsafe trait Pod: Copy + Default + Send + Sync + 'static {}

macro_rules! pod {
    ($($t:ty),*) => { $(
        // SAFETY: integers, or `repr(C)` structs of integers that fill their size.
        unsafe impl Pod for $t {}
    )* };
}
pod!(
    i8,
    u8,
    i16,
    u16,
    i32,
    u32,
    i64,
    u64,
    i128,
    u128,
    i256,
    IntervalMonthDayNano
);

/// `bytes` as values. The length is rounded down; an unaligned start is a broken invariant.
pub(crate) fn values_mut<T: Pod>(bytes: &mut [u8]) -> &mut [T] {
    // SAFETY: `T: Pod` has no invalid bit patterns and no padding.
    let (head, values, _) = unsafe { bytes.align_to_mut::<T>() };
    assert!(
        head.is_empty(),
        "buffers from the pool are aligned to 64 bytes"
    );
    values
}

/// Values as their bytes.
pub(crate) fn bytes_mut<T: Pod>(values: &mut [T]) -> &mut [u8] {
    let len = size_of_val(values);
    // SAFETY: `T: Pod` has no padding and any bytes written back are a value; same memory, same
    // length, same exclusive borrow.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast::<u8>(), len) }
}

/// Values in pooled memory, which is neither cleared nor touched for the first time: a dictionary
/// of a megabyte is made for every column chunk.
pub(crate) struct PooledValues<T> {
    buffer: PooledBuffer,
    value: PhantomData<T>,
}

impl<T: Pod> PooledValues<T> {
    /// `count` values that are something, to be overwritten.
    pub(crate) fn with_len(count: usize) -> Self {
        Self {
            buffer: PooledBuffer::with_len(count * size_of::<T>()),
            value: PhantomData,
        }
    }
}

impl<T: Pod> Deref for PooledValues<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `T: Pod` has no invalid bit patterns and no padding.
        let (head, values, _) = unsafe { self.buffer.as_slice().align_to::<T>() };
        debug_assert!(head.is_empty(), "pooled buffers are aligned to 64 bytes");
        values
    }
}

impl<T: Pod> DerefMut for PooledValues<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        values_mut(self.buffer.as_mut_slice())
    }
}
