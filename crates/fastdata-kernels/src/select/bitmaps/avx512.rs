//! The AVX-512 twin: eight bits looked up at once.
#![expect(unsafe_code, reason = "vector loads from words that were checked")]

use std::arch::x86_64::*;

use super::{Row, gather_scalar};
use crate::bits::{BitSlice, BitWriter, WORD};

/// Row numbers of a vector.
const LANES: usize = 8;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// See [`super::gather`].
///
/// # Safety
///
/// - The processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
pub(super) fn gather<T: Row>(source: BitSlice<'_>, rows: &[T], out: &mut BitWriter) {
    debug_assert!(is_available());
    let (chunks, rest) = rows.as_chunks::<WORD>();
    for chunk in chunks {
        match gather_word(source, chunk) {
            Some(word) => out.push(word, WORD),
            // Rows of the last word, which may not be there in full.
            None => gather_scalar(source, chunk, out),
        }
    }
    gather_scalar(source, rest, out);
}

/// The bits of `rows`; `None` when one of them is not in a whole word of the bitmap's memory.
///
/// # Safety
///
/// - The processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
#[inline]
fn gather_word<T: Row>(source: BitSlice<'_>, rows: &[T; WORD]) -> Option<u64> {
    let (bytes, offset) = source.bytes();
    let words = _mm512_set1_epi64((bytes.len() / size_of::<u64>()).cast_signed() as i64);
    let offset = _mm512_set1_epi64(offset.cast_signed() as i64);
    let (low, one) = (_mm512_set1_epi64(WORD as i64 - 1), _mm512_set1_epi64(1));
    let mut bits = 0;
    for (at, rows) in rows.as_chunks::<LANES>().0.iter().enumerate() {
        let rows = rows.map(|row| row.index() as u64);
        // SAFETY: eight numbers of 64 bits.
        let rows = unsafe { _mm512_loadu_si512(rows.as_ptr().cast()) };
        let places = _mm512_add_epi64(rows, offset);
        let word = _mm512_srli_epi64::<6>(places);
        if _mm512_cmplt_epu64_mask(word, words) != u8::MAX {
            return None;
        }
        // SAFETY: each word is one of the bitmap's memory, checked in the line above.
        let found = unsafe { _mm512_i64gather_epi64::<8>(word, bytes.as_ptr().cast()) };
        let bit = _mm512_sllv_epi64(one, _mm512_and_si512(places, low));
        bits |= u64::from(_mm512_test_epi64_mask(found, bit)) << (at * LANES);
    }
    Some(bits)
}
