//! Asking for memory before it is needed.
#![expect(unsafe_code, reason = "the processor's hint")]

/// Asks for the line of memory that the byte at `at` is in, if there is one.
#[inline(always)]
pub(super) fn prefetch(bytes: &[u8], at: usize) {
    let Some(byte) = bytes.get(at) else { return };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64, and any address may be prefetched.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = byte;
}
