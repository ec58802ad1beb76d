//! Compress for processors with AVX2 alone: eight rows at a time by a table of permutations.
//!
//! A byte of the mask says which of eight lanes live; the table has the order that brings those to
//! the front. Lanes of 16 bytes are two registers for four rows already, where row by row is as
//! quick.
#![expect(
    unsafe_code,
    reason = "vector stores past the written end, within the output"
)]

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::compress_by;
use crate::bits::{BitSlice, WORD};

/// Rows that one entry of the table orders.
const GROUP: usize = 8;

pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("popcnt")
}

/// See [`super::compress`]; `W` is 1, 2, 4 or 8.
///
/// # Safety
///
/// - The processor has AVX2, BMI1 and POPCNT.
/// - `source` has one lane for every bit.
#[target_feature(enable = "avx2,bmi1,popcnt")]
pub(super) fn compress<const W: usize>(
    source: &[[u8; W]],
    bits: BitSlice<'_>,
    out: &mut [MaybeUninit<[u8; W]>],
) -> usize {
    debug_assert!(is_available());
    compress_by(source, bits, out, |rows, word, room| {
        compress_groups(rows, word, room);
    })
}

/// Writes the lanes of `rows` whose bits are set in `word` to the front of `room`; what lies behind
/// them there is overwritten with anything.
///
/// # Safety
///
/// - The processor has AVX2 and POPCNT.
#[target_feature(enable = "avx2,popcnt")]
#[inline]
fn compress_groups<const W: usize>(
    rows: &[[u8; W]; WORD],
    word: u64,
    room: &mut [MaybeUninit<[u8; W]>; WORD],
) {
    let mut written = 0;
    for (group, rows) in rows.as_chunks::<GROUP>().0.iter().enumerate() {
        let bits = (word >> (group * GROUP)) as u8;
        // Eight lanes fit: at most eight were written for each group before this one.
        let Some(room) = room[written..].first_chunk_mut::<GROUP>() else {
            return;
        };
        compress_eight(rows, bits, room);
        written += bits.count_ones() as usize;
    }
}

/// # Safety
///
/// - The processor has AVX2.
#[target_feature(enable = "avx2")]
#[inline]
fn compress_eight<const W: usize>(
    rows: &[[u8; W]; GROUP],
    bits: u8,
    room: &mut [MaybeUninit<[u8; W]>; GROUP],
) {
    assert!(matches!(W, 1 | 2 | 4 | 8), "lanes that this kernel orders");
    let from: *const u8 = rows.as_ptr().cast();
    let to: *mut u8 = room.as_mut_ptr().cast();
    let order = &ORDERS[usize::from(bits)];
    match W {
        1 => {
            // SAFETY: `rows` and `room` are 8 bytes each, `order` is 8 bytes.
            unsafe { eight_bytes(from, to, order) }
        }
        2 => {
            // SAFETY: `rows` and `room` are 16 bytes each.
            unsafe { eight_words(from, to, order) }
        }
        4 => {
            // SAFETY: `rows` and `room` are 32 bytes each.
            unsafe { eight_doubles(from, to, order) }
        }
        _ => {
            // SAFETY: `rows` and `room` are 64 bytes each.
            unsafe { eight_quads(from, to, bits) }
        }
    }
}

/// # Safety
///
/// - The processor has AVX2; 8 bytes at `from` are readable and 8 at `to` writable.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn eight_bytes(from: *const u8, to: *mut u8, order: &[u8; GROUP]) {
    // SAFETY: 8 bytes at `from`, says the caller.
    let values = unsafe { _mm_loadl_epi64(from.cast()) };
    // SAFETY: `order` is 8 bytes.
    let order = unsafe { _mm_loadl_epi64(order.as_ptr().cast()) };
    // SAFETY: 8 bytes at `to`, says the caller.
    unsafe { _mm_storel_epi64(to.cast(), _mm_shuffle_epi8(values, order)) };
}

/// # Safety
///
/// - The processor has AVX2; 16 bytes at `from` are readable and 16 at `to` writable.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn eight_words(from: *const u8, to: *mut u8, order: &[u8; GROUP]) {
    // SAFETY: 16 bytes at `from`, says the caller.
    let values = unsafe { _mm_loadu_si128(from.cast()) };
    // SAFETY: `order` is 8 bytes.
    let order = unsafe { _mm_loadl_epi64(order.as_ptr().cast()) };
    // Lane n is the bytes 2n and 2n + 1.
    let low = _mm_add_epi8(order, order);
    let order = _mm_unpacklo_epi8(low, _mm_add_epi8(low, _mm_set1_epi8(1)));
    // SAFETY: 16 bytes at `to`, says the caller.
    unsafe { _mm_storeu_si128(to.cast(), _mm_shuffle_epi8(values, order)) };
}

/// # Safety
///
/// - The processor has AVX2; 32 bytes at `from` are readable and 32 at `to` writable.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn eight_doubles(from: *const u8, to: *mut u8, order: &[u8; GROUP]) {
    // SAFETY: 32 bytes at `from`, says the caller.
    let values = unsafe { _mm256_loadu_si256(from.cast()) };
    // SAFETY: `order` is 8 bytes.
    let order = unsafe { _mm_loadl_epi64(order.as_ptr().cast()) };
    let order = _mm256_cvtepu8_epi32(order);
    // SAFETY: 32 bytes at `to`, says the caller.
    unsafe { _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(values, order)) };
}

/// Two times four lanes of 8 bytes, each lane as two of 4.
///
/// # Safety
///
/// - The processor has AVX2; 64 bytes at `from` are readable and 64 at `to` writable.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn eight_quads(from: *const u8, to: *mut u8, bits: u8) {
    let (low, high) = (usize::from(bits & 15), usize::from(bits >> 4));
    // SAFETY: 32 bytes at `from`, says the caller.
    let first = unsafe { _mm256_loadu_si256(from.cast()) };
    // SAFETY: 32 bytes from there on too.
    let second = unsafe { _mm256_loadu_si256(from.add(32).cast()) };
    // SAFETY: an entry is 32 bytes.
    let order = unsafe { _mm256_loadu_si256(PAIRS[low].as_ptr().cast()) };
    // SAFETY: 32 bytes at `to`, says the caller.
    unsafe { _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(first, order)) };
    // SAFETY: an entry is 32 bytes.
    let order = unsafe { _mm256_loadu_si256(PAIRS[high].as_ptr().cast()) };
    // SAFETY: at most four lanes of 8 bytes were written, so that 32 bytes are left.
    let to = unsafe { to.add(8 * low.count_ones() as usize) };
    // SAFETY: as above.
    unsafe { _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(second, order)) };
}

/// For each byte of a mask, the numbers of its set bits, then anything.
static ORDERS: [[u8; GROUP]; 256] = {
    let mut orders = [[0; GROUP]; 256];
    let mut bits = 0;
    while bits < 256 {
        let (mut lane, mut at) = (0, 0);
        while lane < GROUP {
            if bits >> lane & 1 == 1 {
                orders[bits][at] = lane as u8;
                at += 1;
            }
            lane += 1;
        }
        bits += 1;
    }
    orders
};

/// For four bits of a mask, the halves of the lanes whose bits are set.
static PAIRS: [[u32; 8]; 16] = {
    let mut pairs = [[0; 8]; 16];
    let mut bits = 0;
    while bits < 16 {
        let (mut lane, mut at) = (0, 0);
        while lane < 4 {
            if bits >> lane & 1 == 1 {
                pairs[bits][at] = 2 * lane;
                pairs[bits][at + 1] = 2 * lane + 1;
                at += 2;
            }
            lane += 1;
        }
        bits += 1;
    }
    pairs
};
