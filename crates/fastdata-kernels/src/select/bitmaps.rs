//! Bits moved by picks: validity and booleans.
//!
//! Output bits of two parts share bytes, so this goes on one thread; it moves an eighth of a byte a
//! row.
#![expect(
    unsafe_code,
    reason = "the processor's bit extraction, chosen at run time"
)]

use arrow_buffer::BooleanBuffer;

use super::picks::{Part, Picks};
use crate::bits::{BitSlice, BitWriter, WORD, low_bits};

/// The picked bits of `sources`, one per chunk; a chunk without a bitmap counts as all ones.
pub(super) fn select_bits(sources: &[Option<BitSlice<'_>>], parts: &[Part<'_>]) -> BooleanBuffer {
    let count = parts.iter().map(|part| part.count).sum();
    let mut out = BitWriter::with_capacity(count);
    for part in parts {
        let Some(source) = sources[part.chunk] else {
            out.push_run(true, part.count);
            continue;
        };
        match &part.picks {
            Picks::Range(rows) => out.push_slice(source, rows.start, rows.len()),
            Picks::Runs(runs) => {
                runs.iter()
                    .for_each(|run| out.push_slice(source, run.start, run.len));
            }
            Picks::Rows32(rows) => gather(source, rows, |row| row as usize, &mut out),
            Picks::Rows64(rows) => gather(source, rows, |row| row as usize, &mut out),
            Picks::Bits { bits, first_row } => extract(source, *bits, *first_row, &mut out),
        }
    }
    assert_eq!(out.len(), count, "the picks fill the output");
    out.finish()
}

fn gather<T: Copy>(
    source: BitSlice<'_>,
    rows: &[T],
    index: impl Fn(T) -> usize,
    out: &mut BitWriter,
) {
    for rows in rows.chunks(WORD) {
        let word = rows.iter().enumerate().fold(0, |word, (at, row)| {
            word | u64::from(source.bit(index(*row))) << at
        });
        out.push(word, rows.len());
    }
}

fn extract(source: BitSlice<'_>, bits: BitSlice<'_>, first_row: usize, out: &mut BitWriter) {
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("popcnt") {
        // SAFETY: both features were detected in the line above.
        unsafe { extract_bmi2(source, bits, first_row, out) };
        return;
    }
    extract_with(source, bits, first_row, out, extract_word);
}

/// # Safety
///
/// - The processor has BMI2 and POPCNT.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi2,popcnt")]
fn extract_bmi2(source: BitSlice<'_>, bits: BitSlice<'_>, first_row: usize, out: &mut BitWriter) {
    debug_assert!(is_x86_feature_detected!("bmi2"));
    debug_assert!(is_x86_feature_detected!("popcnt"));
    extract_with(source, bits, first_row, out, |word, mask| {
        std::arch::x86_64::_pext_u64(word, mask)
    });
}

#[inline(always)]
fn extract_with(
    source: BitSlice<'_>,
    bits: BitSlice<'_>,
    first_row: usize,
    out: &mut BitWriter,
    extract_word: impl Fn(u64, u64) -> u64,
) {
    for (at, mask) in bits.words().enumerate() {
        if mask != 0 {
            let word = source.bits_from(first_row + at * WORD);
            out.push(extract_word(word, mask), mask.count_ones() as usize);
        }
    }
}

/// The scalar twin of `pext`: the bits of `word` that `mask` names, moved together.
fn extract_word(word: u64, mut mask: u64) -> u64 {
    if mask == u64::MAX {
        return word;
    }
    let (mut result, mut at) = (0, 0);
    while mask != 0 {
        result |= (word >> mask.trailing_zeros() & 1) << at;
        at += 1;
        mask &= mask - 1;
    }
    debug_assert!(result & !low_bits(at) == 0);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_agree_at_all_offsets() {
        let random = |seed: u32| {
            move |row: usize| (row as u32 ^ seed).wrapping_mul(2_654_435_761) >> 31 == 1
        };
        let source: BooleanBuffer = (0..400).map(random(1)).collect();
        let mask: BooleanBuffer = (0..400).map(random(77)).collect();
        let step = if cfg!(miri) { 37 } else { 1 };
        for offset in (0..=64).step_by(step) {
            for len in (0..=256).step_by(step) {
                let bits = mask.slice(64 - offset, len);
                let source = source.slice(offset, 256 + 64);
                let (source, slice) = (BitSlice::new(&source), BitSlice::new(&bits));
                let (mut fast, mut scalar) =
                    (BitWriter::with_capacity(len), BitWriter::with_capacity(len));
                extract(source, slice, 9, &mut fast);
                extract_with(source, slice, 9, &mut scalar, extract_word);
                let expected: BooleanBuffer =
                    bits.set_indices().map(|row| source.bit(9 + row)).collect();
                assert_eq!(fast.finish(), expected);
                assert_eq!(scalar.finish(), expected);
            }
        }
    }
}
