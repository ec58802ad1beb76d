//! Asking for memory before it is needed: what lies far apart is waited for many at a time, not one
//! by one.
#![expect(unsafe_code, reason = "the processor's instruction for it")]

/// How many rows ahead memory is asked for: more than the processor looks ahead by itself, fewer than
/// the lines that it can wait for at a time.
pub(super) const AHEAD: usize = 16;

/// Asks for the line of memory that `values[at]` begins in, if there is such a value.
#[inline(always)]
pub(super) fn prefetch<T>(values: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(value) = values.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86-64, and any address may be prefetched.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, at);
}
