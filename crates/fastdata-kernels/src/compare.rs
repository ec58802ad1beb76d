//! Comparing a column's values with one value: 64 rows to a word.
//!
//! Three twins of one loop: AVX-512 with its mask registers, the generic loop compiled for AVX2, and
//! the generic loop as it is. The processor decides at run time.
//!
//! Only `=`, `<` and `<=` are computed, the rest by negation. That also places NaN, which is
//! greater than every number: `x > 1` is `not (x <= 1)`, and the latter is false for NaN.
#![expect(unsafe_code, reason = "vector instructions chosen at run time")]

use arrow_buffer::{ArrowNativeType, i256};
use half::f16;

use crate::bits::WORD;
use crate::predicate::CompareOp;

/// The three comparisons that are computed.
const EQ: u8 = 0;
const LT: u8 = 1;
const LT_EQ: u8 = 2;

/// A value that can be compared with another of its type.
///
/// # Contract
///
/// Implemented here for the native types of Arrow columns and called by [`compare_with`]. `holds`
/// is plain IEEE comparison for floats: false whenever a NaN takes part.
pub(crate) trait Lane: ArrowNativeType + PartialOrd {
    /// Fills `out` for all whole words of `values` with vector instructions, if this processor has
    /// them for the type, and says whether it did.
    fn vector_words<const OP: u8>(values: &[Self], rhs: Self, out: &mut [u64]) -> bool;
}

/// Sets bit `i` of `out` where `values[i] op rhs`; bits past the end of `values` are zero.
///
/// NaN counts as greater than every number in `values`; `rhs` must be a number.
pub(crate) fn compare_with<T: Lane>(values: &[T], op: CompareOp, rhs: T, out: &mut [u64]) {
    assert_eq!(
        out.len(),
        values.len().div_ceil(WORD),
        "one word for every 64 values"
    );
    match op {
        CompareOp::Eq => words::<T, EQ, false>(values, rhs, out),
        CompareOp::NotEq => words::<T, EQ, true>(values, rhs, out),
        CompareOp::Lt => words::<T, LT, false>(values, rhs, out),
        CompareOp::GtEq => words::<T, LT, true>(values, rhs, out),
        CompareOp::LtEq => words::<T, LT_EQ, false>(values, rhs, out),
        CompareOp::Gt => words::<T, LT_EQ, true>(values, rhs, out),
    }
}

fn words<T: Lane, const OP: u8, const NEGATED: bool>(values: &[T], rhs: T, out: &mut [u64]) {
    let (whole, rest) = values.as_chunks::<WORD>();
    let (whole_out, rest_out) = out.split_at_mut(whole.len());
    if !T::vector_words::<OP>(whole.as_flattened(), rhs, whole_out) {
        generic_words::<T, OP>(whole.as_flattened(), rhs, whole_out);
    }
    if let Some(word) = rest_out.first_mut() {
        *word = rest.iter().enumerate().fold(0, |word, (at, value)| {
            word | u64::from(holds::<T, OP>(*value, rhs)) << at
        });
        if NEGATED {
            *word ^= crate::bits::low_bits(rest.len());
        }
    }
    if NEGATED {
        whole_out.iter_mut().for_each(|word| *word = !*word);
    }
}

#[inline(always)]
fn holds<T: PartialOrd, const OP: u8>(value: T, rhs: T) -> bool {
    match OP {
        EQ => value == rhs,
        LT => value < rhs,
        _ => value <= rhs,
    }
}

/// The scalar twin: bytes of 0 and 1, then eight of them at a time to bits.
#[inline(always)]
fn generic_words<T: Lane, const OP: u8>(values: &[T], rhs: T, out: &mut [u64]) {
    for (chunk, word) in values.as_chunks::<WORD>().0.iter().zip(out) {
        let mut truth = [0_u8; WORD];
        for (value, truth) in chunk.iter().zip(&mut truth) {
            *truth = u8::from(holds::<T, OP>(*value, rhs));
        }
        *word = truth
            .as_chunks::<8>()
            .0
            .iter()
            .enumerate()
            .fold(0, |word, (at, bytes)| {
                // The product gathers the lowest bit of each byte in the highest byte.
                let bits = u64::from_le_bytes(*bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                word | bits << (at * 8)
            });
    }
}

/// The generic loop, compiled for AVX2.
///
/// # Safety
///
/// - The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2_words<T: Lane, const OP: u8>(values: &[T], rhs: T, out: &mut [u64]) {
    debug_assert!(is_x86_feature_detected!("avx2"));
    generic_words::<T, OP>(values, rhs, out);
}

/// A type without an AVX-512 twin: 16 and 32 byte integers, half floats.
macro_rules! lane {
    ($($native:ty),*) => {$(
        impl Lane for $native {
            fn vector_words<const OP: u8>(_: &[Self], _: Self, _: &mut [u64]) -> bool {
                false
            }
        }
    )*};
}

lane!(i128, i256, f16);

/// A type with an AVX-512 twin, whose body compares `LANES` values to a mask of that many bits.
macro_rules! vector_lane {
    ($native:ty, $twin:ident, $lanes:literal, $load:ident, $splat:ident, $compare:ident, $repr:ty,
     [$eq:expr, $lt:expr, $le:expr]) => {
        impl Lane for $native {
            fn vector_words<const OP: u8>(values: &[Self], rhs: Self, out: &mut [u64]) -> bool {
                #[cfg(target_arch = "x86_64")]
                if !cfg!(miri) {
                    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                        // SAFETY: both features were detected in the line above.
                        unsafe { $twin::<OP>(values, rhs, out) };
                        return true;
                    }
                    if is_x86_feature_detected!("avx2") {
                        // SAFETY: AVX2 was detected in the line above.
                        unsafe { avx2_words::<$native, OP>(values, rhs, out) };
                        return true;
                    }
                }
                let _ = (values, rhs, out);
                false
            }
        }

        /// # Safety
        ///
        /// - The processor has AVX-512 F and BW.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw")]
        fn $twin<const OP: u8>(values: &[$native], rhs: $native, out: &mut [u64]) {
            use std::arch::x86_64::*;
            debug_assert!(is_x86_feature_detected!("avx512f"));
            debug_assert!(is_x86_feature_detected!("avx512bw"));
            let rhs = $splat(rhs as _);
            for (chunk, word) in values.as_chunks::<WORD>().0.iter().zip(out) {
                *word = 0;
                for (at, lanes) in chunk.as_chunks::<$lanes>().0.iter().enumerate() {
                    // SAFETY: `lanes` is an array of exactly 64 bytes; the load needs no alignment.
                    let lanes = unsafe { $load(lanes.as_ptr().cast::<$repr>()) };
                    let mask = match OP {
                        EQ => $compare::<{ $eq }>(lanes, rhs),
                        LT => $compare::<{ $lt }>(lanes, rhs),
                        _ => $compare::<{ $le }>(lanes, rhs),
                    };
                    *word |= u64::from(mask) << (at * $lanes);
                }
            }
        }
    };
}

#[rustfmt::skip]
mod twins {
    //! The types with an AVX-512 twin, a line each.
    use super::{EQ, LT, Lane, WORD, avx2_words};

    vector_lane!(i8, i8_words, 64, _mm512_loadu_epi8, _mm512_set1_epi8, _mm512_cmp_epi8_mask, i8, [0, 1, 2]);
    vector_lane!(u8, u8_words, 64, _mm512_loadu_epi8, _mm512_set1_epi8, _mm512_cmp_epu8_mask, i8, [0, 1, 2]);
    vector_lane!(i16, i16_words, 32, _mm512_loadu_epi16, _mm512_set1_epi16, _mm512_cmp_epi16_mask, i16, [0, 1, 2]);
    vector_lane!(u16, u16_words, 32, _mm512_loadu_epi16, _mm512_set1_epi16, _mm512_cmp_epu16_mask, i16, [0, 1, 2]);
    vector_lane!(i32, i32_words, 16, _mm512_loadu_epi32, _mm512_set1_epi32, _mm512_cmp_epi32_mask, i32, [0, 1, 2]);
    vector_lane!(u32, u32_words, 16, _mm512_loadu_epi32, _mm512_set1_epi32, _mm512_cmp_epu32_mask, i32, [0, 1, 2]);
    vector_lane!(i64, i64_words, 8, _mm512_loadu_epi64, _mm512_set1_epi64, _mm512_cmp_epi64_mask, i64, [0, 1, 2]);
    vector_lane!(u64, u64_words, 8, _mm512_loadu_epi64, _mm512_set1_epi64, _mm512_cmp_epu64_mask, i64, [0, 1, 2]);
    vector_lane!(f32, f32_words, 16, _mm512_loadu_ps, _mm512_set1_ps, _mm512_cmp_ps_mask, f32, [_CMP_EQ_OQ, _CMP_LT_OQ, _CMP_LE_OQ]);
    vector_lane!(f64, f64_words, 8, _mm512_loadu_pd, _mm512_set1_pd, _mm512_cmp_pd_mask, f64, [_CMP_EQ_OQ, _CMP_LT_OQ, _CMP_LE_OQ]);
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    const OPS: [CompareOp; 6] = [
        CompareOp::Eq,
        CompareOp::NotEq,
        CompareOp::Lt,
        CompareOp::LtEq,
        CompareOp::Gt,
        CompareOp::GtEq,
    ];

    /// Every twin against the definition, at all alignments and lengths 0..=4×64.
    #[track_caller]
    fn check<T: Lane + Debug>(pool: &[T]) {
        let mut state = 1_u64;
        let values: Vec<T> = (0..64 + 256)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                pool[(state >> 33) as usize % pool.len()]
            })
            .collect();
        for offset in (0..=64).step_by(if cfg!(miri) { 13 } else { 1 }) {
            for len in (0..=256).step_by(if cfg!(miri) { 61 } else { 1 }) {
                let values = &values[offset..offset + len];
                let op = OPS[(offset + len) % OPS.len()];
                let rhs = pool[(offset * 7 + len) % pool.len()];
                if rhs.partial_cmp(&rhs).is_none() {
                    continue;
                }
                let mut out = vec![u64::MAX; len.div_ceil(64)];
                compare_with(values, op, rhs, &mut out);
                for (at, value) in values.iter().enumerate() {
                    let order = value
                        .partial_cmp(&rhs)
                        .unwrap_or(std::cmp::Ordering::Greater);
                    let expected = op.holds(order);
                    assert_eq!(
                        out[at / 64] >> (at % 64) & 1 == 1,
                        expected,
                        "{value:?} {op} {rhs:?}"
                    );
                }
                assert!(len % 64 == 0 || out[len / 64] >> (len % 64) == 0);
                check_twins(values, rhs);
            }
        }
    }

    fn check_twins<T: Lane>(values: &[T], rhs: T) {
        let whole = values.as_chunks::<64>().0.as_flattened();
        let (mut a, mut b) = (vec![0; whole.len() / 64], vec![0; whole.len() / 64]);
        generic_words::<T, LT_EQ>(whole, rhs, &mut a);
        #[cfg(target_arch = "x86_64")]
        if !cfg!(miri) && is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 was detected in the line above.
            unsafe { avx2_words::<T, LT_EQ>(whole, rhs, &mut b) };
            assert_eq!(a, b);
        }
        if T::vector_words::<LT_EQ>(whole, rhs, &mut b) {
            assert_eq!(a, b);
        }
    }

    #[test]
    fn integers() {
        check(&[i8::MIN, -1, 0, 1, i8::MAX]);
        check(&[0_u8, 1, 127, 128, u8::MAX]);
        check(&[i16::MIN, -1, 0, 1, i16::MAX]);
        check(&[0_u16, 1, 32_767, 32_768, u16::MAX]);
        check(&[i32::MIN, -1, 0, 1, i32::MAX]);
        check(&[0_u32, 1, 1 << 31, u32::MAX]);
        check(&[i64::MIN, -1, 0, 1, i64::MAX]);
        check(&[0_u64, 1, 1 << 63, u64::MAX]);
        check(&[i128::MIN, -1, 0, 1, i128::MAX]);
        check(&[i256::MIN, i256::MINUS_ONE, i256::ZERO, i256::MAX]);
    }

    #[test]
    fn floats_with_nan_greatest() {
        check(&[
            f32::NEG_INFINITY,
            -1.5,
            -0.0,
            0.0,
            2.5,
            f32::INFINITY,
            f32::NAN,
            -f32::NAN,
        ]);
        check(&[
            f64::NEG_INFINITY,
            -1.5,
            -0.0,
            0.0,
            2.5,
            f64::INFINITY,
            f64::NAN,
            -f64::NAN,
        ]);
        check(&[
            f16::NEG_INFINITY,
            f16::NEG_ZERO,
            f16::ZERO,
            f16::ONE,
            f16::INFINITY,
            f16::NAN,
        ]);
    }
}
