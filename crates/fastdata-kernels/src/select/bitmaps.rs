//! Bits moved by picks: validity and booleans.
//!
//! Output bits of two parts share words: each part writes the words that it does not end in, its bits
//! of the last are added when all are done.
#![expect(
    unsafe_code,
    reason = "the processor's bit extraction, chosen at run time, into uninitialised memory"
)]

#[cfg(target_arch = "x86_64")]
mod avx512;

use std::mem::MaybeUninit;

use arrow_buffer::BooleanBuffer;

use super::bytes::as_lanes;
use super::output::{filled, map_pieces};
use super::picks::{Part, Picks};
use crate::bits::{BLOCK, BitSlice, BitWriter, WORD, low_bits};

/// The picked bits of `sources`, one per chunk; a chunk without a bitmap counts as all ones.
pub(super) fn select_bits(sources: &[Option<BitSlice<'_>>], parts: &[Part<'_>]) -> BooleanBuffer {
    if let [part] = parts {
        let mut out = BitWriter::with_capacity(part.count);
        select_part(sources[part.chunk], part, &mut out);
        return out.finish();
    }
    let mut count = 0;
    let placed: Vec<Placed<'_>> = parts
        .iter()
        .map(|part| {
            let start = count;
            count += part.count;
            Placed { start, part }
        })
        .collect();
    let write = |out: &mut [MaybeUninit<u8>]| {
        let (out, _) = as_lanes::<u64>(out);
        let (own, last) = out.split_at_mut(count / WORD);
        // A last word in part is nobody's, and gets the bits of those that end in it.
        last.iter_mut().for_each(|word| _ = word.write(0));
        let lens = placed.iter().map(Placed::own_words);
        let shared = map_pieces(own, lens, |at, own| {
            let placed = &placed[at];
            placed.write(sources[placed.part.chunk], own)
        });
        for (placed, bits) in placed.iter().zip(shared) {
            if bits != 0 {
                // SAFETY: every word was written: by the part that owns it, or above.
                let word = unsafe { out[placed.end() / WORD].assume_init_mut() };
                *word |= bits.to_le();
            }
        }
    };
    // SAFETY: the output is a whole number of words; each part writes all of its own, and the last.
    let words = unsafe { filled(count.div_ceil(WORD) * size_of::<u64>(), write) };
    BooleanBuffer::new(words, 0, count)
}

/// A part and the bit of the output where it begins.
struct Placed<'a> {
    start: usize,
    part: &'a Part<'a>,
}

impl Placed<'_> {
    fn end(&self) -> usize {
        self.start + self.part.count
    }

    /// Words of the output that only this part writes as a whole: from the one that it begins in up to
    /// the one that it ends in, which belongs to who goes on from there.
    fn own_words(&self) -> usize {
        self.end() / WORD - self.start / WORD
    }

    /// Writes its own words and returns its bits of the word that it ends in.
    fn write(&self, source: Option<BitSlice<'_>>, own: &mut [MaybeUninit<u64>]) -> u64 {
        let filled = self.start % WORD;
        let mut bits = BitWriter::with_capacity(filled + self.part.count);
        bits.push(0, filled);
        select_part(source, self.part, &mut bits);
        let words = bits.into_words();
        let (whole, rest) = words.split_at(own.len());
        for (out, word) in own.iter_mut().zip(whole) {
            out.write(word.to_le());
        }
        rest.first().copied().unwrap_or(0)
    }
}

/// Appends the bits that `part` picks of its `source`.
fn select_part(source: Option<BitSlice<'_>>, part: &Part<'_>, out: &mut BitWriter) {
    let end = out.len() + part.count;
    match (source, &part.picks) {
        (None, _) => out.push_run(true, part.count),
        (Some(source), Picks::Range(rows)) => out.push_slice(source, rows.start, rows.len()),
        (Some(source), Picks::Runs(runs)) => {
            runs.iter()
                .for_each(|run| out.push_slice(source, run.start, run.len));
        }
        (Some(source), Picks::Rows32(rows)) => gather(source, rows, out),
        (Some(source), Picks::Rows64(rows)) => gather(source, rows, out),
        (Some(source), Picks::Bits { bits, first_row }) => extract(source, *bits, *first_row, out),
    }
    assert_eq!(out.len(), end, "the picks fill the output");
}

fn gather<T: Row>(source: BitSlice<'_>, rows: &[T], out: &mut BitWriter) {
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && avx512::is_available() {
        // SAFETY: the features were detected in the line above.
        return unsafe { avx512::gather(source, rows, out) };
    }
    gather_scalar(source, rows, out);
}

/// The scalar twin.
fn gather_scalar<T: Row>(source: BitSlice<'_>, rows: &[T], out: &mut BitWriter) {
    for rows in rows.chunks(WORD) {
        let word = rows.iter().enumerate().fold(0, |word, (at, row)| {
            word | u64::from(source.bit(row.index())) << at
        });
        out.push(word, rows.len());
    }
}

/// A row number.
trait Row: Copy {
    fn index(self) -> usize;
}

impl Row for u32 {
    fn index(self) -> usize {
        self as usize
    }
}

impl Row for u64 {
    fn index(self) -> usize {
        self as usize
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
    let source = source.slice(first_row, bits.len());
    let (mut masks, mut words) = ([0; BLOCK], [0; BLOCK]);
    out.in_registers(|out| {
        let mut first = 0;
        while first * WORD < bits.len() {
            let count = bits.read_block(first, &mut masks);
            source.read_block(first, &mut words);
            for (mask, word) in masks[..count].iter().zip(&words) {
                out.push(extract_word(*word, *mask), mask.count_ones() as usize);
            }
            first += BLOCK;
        }
    });
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

    /// Parts that begin and end in the same word, at its ends, or in none.
    #[test]
    fn parts_that_share_words_are_put_together() {
        let source: BooleanBuffer = (0..400).map(|row| row * row % 7 < 3).collect();
        let slice = Some(BitSlice::new(&source));
        let lens: [&[usize]; 5] = [
            &[1, 2, 3, 0, 4],
            &[64, 0, 64, 1],
            &[63, 1, 64, 200],
            &[10, 300, 5, 5, 0],
            &[3; 100],
        ];
        for lens in lens {
            let part = |(at, len): (usize, &usize)| Part {
                chunk: at % 2,
                count: *len,
                picks: Picks::Range(at..at + len),
            };
            let parts: Vec<Part<'_>> = lens.iter().enumerate().map(part).collect();
            let expected: BooleanBuffer = lens
                .iter()
                .enumerate()
                .flat_map(|(at, len)| (at..at + len).map(move |row| (at, row)))
                .map(|(at, row)| at % 2 == 1 || source.value(row))
                .collect();
            assert_eq!(select_bits(&[slice, None], &parts), expected, "{lens:?}");
        }
    }

    #[test]
    fn gathers_agree_at_all_offsets() {
        let random = |at: usize| (at as u32).wrapping_mul(2_654_435_761) as usize >> 8;
        let source: BooleanBuffer = (0..400).map(|at| random(at) % 2 == 0).collect();
        let step = if cfg!(miri) { 37 } else { 1 };
        for offset in (0..=64).step_by(step) {
            // Up to the last byte, which is not the last of a word.
            for len in (1..=336).step_by(step) {
                let bits = source.slice(offset, len);
                let rows: Vec<u64> = (0..len + 3).map(|at| (random(at) % len) as u64).collect();
                let narrow: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
                let expected: BooleanBuffer =
                    rows.iter().map(|row| bits.value(*row as usize)).collect();
                let slice = BitSlice::new(&bits);
                let mut outs = [(); 4].map(|()| BitWriter::with_capacity(len + 3));
                gather(slice, &rows, &mut outs[0]);
                gather_scalar(slice, &rows, &mut outs[1]);
                gather(slice, &narrow, &mut outs[2]);
                gather_scalar(slice, &narrow, &mut outs[3]);
                for out in outs {
                    assert_eq!(out.finish(), expected);
                }
            }
        }
    }
}
