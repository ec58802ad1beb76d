//! Bit-packed integers to `u32`: AVX2 where the machine has it, else a scalar twin.
//!
//! Eight values of `width` bits fill exactly `width` bytes, so groups of eight start on a byte. The
//! vector path loads the four bytes that hold each value into its own lane by a byte shuffle, then
//! shifts and masks; that works up to 25 bits, where value and shift still fit 32.

#![expect(unsafe_code, reason = "vector intrinsics behind run-time detection")]

/// Widest value that the vector path handles.
const VECTOR_WIDTH_MAX: u32 = 25;

/// Unpacks `out.len()` values of `width <= 32` bits that start at bit `first_bit` of `bytes`.
/// Bits behind the end of `bytes` read as zero.
pub(crate) fn unpack(bytes: &[u8], first_bit: usize, width: u32, out: &mut [u32]) {
    debug_assert!(width <= 32);
    if width == 0 {
        out.fill(0);
        return;
    }
    // Up to seven values one by one, until a group starts on a byte.
    let mut done = 0;
    while done < out.len() && !(first_bit + done * width as usize).is_multiple_of(8) {
        out[done] = one(bytes, first_bit + done * width as usize, width);
        done += 1;
    }
    let start = (first_bit + done * width as usize) / 8;
    if let Some(bytes) = bytes.get(start..) {
        done += groups(bytes, width, &mut out[done..]);
    }
    for (index, slot) in out.iter_mut().enumerate().skip(done) {
        *slot = one(bytes, first_bit + index * width as usize, width);
    }
}

/// One value; what lies behind the end reads as zero.
#[inline]
fn one(bytes: &[u8], bit: usize, width: u32) -> u32 {
    let from = (bit / 8).min(bytes.len());
    let window = match bytes[from..].first_chunk::<8>() {
        Some(window) => *window,
        None => {
            let mut window = [0_u8; 8];
            window[..bytes.len() - from].copy_from_slice(&bytes[from..]);
            window
        }
    };
    let mask = u32::MAX >> (32 - width);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask keeps at most 32 bits"
    )]
    let low = (u64::from_le_bytes(window) >> (bit % 8)) as u32;
    low & mask
}

/// Whole groups of eight from a byte boundary, as far as full windows can be loaded. Returns how
/// many values were written, a multiple of eight.
fn groups(bytes: &[u8], width: u32, out: &mut [u32]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if width <= VECTOR_WIDTH_MAX && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected, and the width is in `1..=VECTOR_WIDTH_MAX`.
        return unsafe { avx2::groups(bytes, width, out) };
    }
    groups_scalar(bytes, width, out)
}

fn groups_scalar(bytes: &[u8], width: u32, out: &mut [u32]) -> usize {
    let width_bytes = width as usize;
    let fit = out.len() / 8;
    let mut done = 0;
    for (group, slots) in out.chunks_exact_mut(8).enumerate().take(fit) {
        let Some(window) = bytes.get(group * width_bytes..(group + 1) * width_bytes) else {
            break;
        };
        for (index, slot) in slots.iter_mut().enumerate() {
            *slot = one(window, index * width_bytes, width);
        }
        done += 8;
    }
    done
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! The vector path.

    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_and_si256, _mm256_loadu_si256, _mm256_set_m128i, _mm256_set1_epi32,
        _mm256_shuffle_epi8, _mm256_srlv_epi32, _mm256_storeu_si256,
    };

    use super::VECTOR_WIDTH_MAX;

    const WIDTHS: usize = VECTOR_WIDTH_MAX as usize + 1;

    /// For each width: which byte of its half each byte of a lane takes.
    static SHUFFLE: [[u8; 32]; WIDTHS] = shuffles();
    /// For each width: how far each lane is shifted right.
    static SHIFT: [[u32; 8]; WIDTHS] = shifts();

    /// Bit at which value `index` starts within its 16-byte half. The upper half is loaded from
    /// byte `width / 2`, so for odd widths its first value starts at bit 4.
    const fn start_bit(width: usize, index: usize) -> usize {
        let half_start = if index < 4 { 0 } else { width / 2 * 8 };
        index * width - half_start
    }

    const fn shuffles() -> [[u8; 32]; WIDTHS] {
        let mut table = [[0; 32]; WIDTHS];
        let mut width = 1;
        while width < WIDTHS {
            let mut byte = 0;
            while byte < 32 {
                #[expect(clippy::cast_possible_truncation, reason = "at most 15")]
                let source = (start_bit(width, byte / 4) / 8 + byte % 4) as u8;
                // 16 and above lie in no half; their bits are masked away, so any byte will do.
                table[width][byte] = if source < 16 { source } else { 0x80 };
                byte += 1;
            }
            width += 1;
        }
        table
    }

    const fn shifts() -> [[u32; 8]; WIDTHS] {
        let mut table = [[0; 8]; WIDTHS];
        let mut width = 1;
        while width < WIDTHS {
            let mut index = 0;
            while index < 8 {
                #[expect(clippy::cast_possible_truncation, reason = "below 8")]
                let shift = (start_bit(width, index) % 8) as u32;
                table[width][index] = shift;
                index += 1;
            }
            width += 1;
        }
        table
    }

    /// As `groups_scalar`.
    ///
    /// # Safety
    /// The machine has AVX2, and `width` is in `1..=VECTOR_WIDTH_MAX`.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn groups(bytes: &[u8], width: u32, out: &mut [u32]) -> usize {
        debug_assert!((1..=VECTOR_WIDTH_MAX).contains(&width));
        let width = width as usize;
        // SAFETY: tables of 32 bytes each.
        let shuffle = unsafe { _mm256_loadu_si256(SHUFFLE[width].as_ptr().cast()) };
        // SAFETY: as above.
        let shift = unsafe { _mm256_loadu_si256(SHIFT[width].as_ptr().cast()) };
        let mask = _mm256_set1_epi32((u32::MAX >> (32 - width)).cast_signed());
        let window_bytes = width / 2 + 16;
        // The last group must leave a whole window readable.
        let readable = match bytes.len().checked_sub(window_bytes) {
            Some(spare) => spare / width + 1,
            None => 0,
        };
        let count = readable.min(out.len() / 8);
        for group in 0..count {
            // SAFETY: `group < readable`, so `group * width + window_bytes <= bytes.len()`.
            let window = unsafe { bytes.as_ptr().add(group * width) };
            // SAFETY: 16 bytes, within the window.
            let low = unsafe { _mm_loadu_si128(window.cast()) };
            // SAFETY: 16 bytes from `width / 2`, the end of the window.
            let high = unsafe { _mm_loadu_si128(window.add(width / 2).cast()) };
            let lanes = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), shuffle);
            let values = _mm256_and_si256(_mm256_srlv_epi32(lanes, shift), mask);
            // SAFETY: `group < out.len() / 8`, so eight slots from `group * 8` exist.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(group * 8).cast(), values) };
        }
        count * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_offset_and_length_agrees_with_one_bit_at_a_time() {
        let bytes: Vec<u8> = (0..300_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let bit = |at: usize| {
            bytes
                .get(at / 8)
                .map_or(0, |byte| u32::from(byte >> (at % 8) & 1))
        };
        for width in 0..=32_u32 {
            for first in 0..17 {
                for len in [0, 1, 7, 8, 9, 15, 16, 31, 40, 67] {
                    let mut out = vec![u32::MAX; len];
                    unpack(&bytes, first, width, &mut out);
                    for (index, &value) in out.iter().enumerate() {
                        let at = first + index * width as usize;
                        let expected = (0..width).fold(0, |sum, b| sum | bit(at + b as usize) << b);
                        assert_eq!(value, expected, "width {width} first {first} index {index}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_scalar_twin_agrees() {
        let bytes: Vec<u8> = (0..400_u32)
            .map(|n| (n.wrapping_mul(40_503) >> 5) as u8)
            .collect();
        for width in 1..=32 {
            let (mut left, mut right) = (vec![0; 64], vec![0; 64]);
            let done = groups(&bytes, width, &mut left);
            groups_scalar(&bytes, width, &mut right);
            assert_eq!(left[..done], right[..done], "width {width}");
        }
    }
}
