//! The AVX-512 twins: bits counted in whole vectors, and the rows of a word told at once.
#![expect(unsafe_code, reason = "vector stores within the room that was checked")]

use std::arch::x86_64::*;

use super::{Census, ROWS_SPARE, census_with};
use crate::bits::{BLOCK, BitSlice, WORD, low_bits};

/// Row numbers of a vector.
const LANES: usize = 16;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("avx512vpopcntdq")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("popcnt")
}

/// # Safety
///
/// - The processor has AVX-512 F, BW, VBMI2 and VPOPCNTDQ, BMI1 and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,avx512vpopcntdq,bmi1,popcnt")]
pub(super) fn census(bits: BitSlice<'_>) -> Census {
    debug_assert!(is_available());
    // The compiler makes vectors of the loop.
    census_with(bits)
}

/// See [`super::write_rows`].
///
/// # Safety
///
/// - The processor has AVX-512 F, BW, VBMI2 and VPOPCNTDQ, BMI1 and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,avx512vpopcntdq,bmi1,popcnt")]
pub(super) fn rows(bits: BitSlice<'_>, first_row: usize, rows: &mut [u32]) -> usize {
    debug_assert!(is_available());
    const { assert!(ROWS_SPARE >= LANES) };
    let mut block = [0; BLOCK];
    let (mut first, mut written) = (0, 0);
    while first * WORD < bits.len() {
        let count = bits.read_block(first, &mut block);
        // The words to look at, a bit for each. What lies behind them is of the block before.
        let mut live = not_zero(&block) & low_bits(count);
        while live != 0 {
            let at = live.trailing_zeros() as usize;
            live &= live - 1;
            // The caller checked that every row number has at most 32 bits.
            let base = (first_row + (first + at) * WORD) as u32;
            written += rows_of_word(block[at], base, &mut rows[written..]);
        }
        first += BLOCK;
    }
    written
}

/// A bit for each of `words` that is not zero.
///
/// # Safety
///
/// - The processor has AVX-512 F.
#[target_feature(enable = "avx512f")]
#[inline]
fn not_zero(words: &[u64; BLOCK]) -> u64 {
    const LANES: usize = 8;
    const { assert!(BLOCK <= 64) };
    let vectors = words.as_chunks::<LANES>().0.iter().enumerate();
    vectors.fold(0, |live, (at, words)| {
        // SAFETY: eight words of 64 bits.
        let words = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        live | u64::from(_mm512_test_epi64_mask(words, words)) << (at * LANES)
    })
}

/// Writes the numbers of the bits of `word`, counted from `base`, and returns how many there are.
/// What follows them in `room` may be overwritten.
///
/// # Safety
///
/// - The processor has AVX-512 F, BW and VBMI2, and POPCNT.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
#[inline]
fn rows_of_word(word: u64, base: u32, room: &mut [u32]) -> usize {
    // SAFETY: the array has 64 bytes.
    let numbers = unsafe { _mm512_loadu_si512(NUMBERS.as_ptr().cast()) };
    let packed = _mm512_maskz_compress_epi8(word, numbers);
    let base = _mm512_set1_epi32(base.cast_signed());
    let count = word.count_ones() as usize;
    let vectors = [
        _mm512_castsi512_si128(packed),
        _mm512_extracti32x4_epi32::<1>(packed),
        _mm512_extracti32x4_epi32::<2>(packed),
        _mm512_extracti32x4_epi32::<3>(packed),
    ];
    for (vector, packed) in vectors.into_iter().enumerate() {
        let start = vector * LANES;
        // Words with more than a vector of rows are rare where rows are numbered.
        if vector > 0 && start >= count {
            break;
        }
        let Some(room) = room[start..].first_chunk_mut::<LANES>() else {
            break;
        };
        let rows = _mm512_add_epi32(base, _mm512_cvtepu8_epi32(packed));
        // SAFETY: `room` has 16 numbers of 32 bits.
        unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), rows) };
    }
    count
}

/// The numbers of a word's bits.
static NUMBERS: [u8; WORD] = {
    let mut numbers = [0; WORD];
    let mut at = 0;
    while at < WORD {
        numbers[at] = at as u8;
        at += 1;
    }
    numbers
};
