//! Dictionary indices to values, fused with the decoding of the indices.
//!
//! Indices pass through a small block on the stack: unpacked, compared once as a block with the
//! size of the dictionary, then used without a check each.

#![expect(
    unsafe_code,
    reason = "indices are checked in blocks, and AVX2 is detected at run time"
)]

use std::ops::Range;

use super::hybrid::{Hybrid, Run};
use super::pod::Pod;
use crate::{Error, Result};

/// Indices in a block: small enough for the first-level cache beside dictionary and output.
const BLOCK: usize = 512;

/// Fills `out` with the dictionary's values for the next indices.
pub(crate) fn gather<T: Pod>(
    indices: &mut Hybrid<'_>,
    dictionary: &[T],
    out: &mut [T],
) -> Result<()> {
    let mut block = [0_u32; BLOCK];
    let mut done = 0;
    while done < out.len() {
        match indices.next(out.len() - done)? {
            Run::Repeat(index, count) => {
                let value = *dictionary.get(index as usize).ok_or_else(outside)?;
                out[done..done + count].fill(value);
                done += count;
            }
            Run::Packed(packed) => {
                let target = &mut out[done..done + packed.count];
                for (number, slots) in target.chunks_mut(BLOCK).enumerate() {
                    let block = &mut block[..slots.len()];
                    packed.unpack(number * BLOCK, block);
                    take_block(dictionary, block, slots)?;
                }
                done += packed.count;
            }
        }
    }
    Ok(())
}

/// Up to this many packed indices in a row are taken one by one: setting up a block costs more.
const SINGLE_MAX: usize = 8;

/// Fills `out` with the dictionary's values for the indices at `ranges`, which ascend and count
/// from the cursor on.
pub(crate) fn gather_ranges<T: Pod>(
    indices: &mut Hybrid<'_>,
    dictionary: &[T],
    ranges: &[Range<usize>],
    out: &mut [T],
) -> Result<()> {
    let (mut next, mut done) = (0, 0);
    for range in ranges {
        indices.skip(range.start - next)?;
        next = range.end;
        let target = &mut out[done..done + range.len()];
        done += range.len();
        if target.len() > SINGLE_MAX {
            gather(indices, dictionary, target)?;
            continue;
        }
        let mut at = 0;
        while at < target.len() {
            let run = indices.next(target.len() - at)?;
            for offset in 0..run.len() {
                let index = match run {
                    Run::Repeat(index, _) => index,
                    Run::Packed(packed) => packed.get(offset),
                };
                target[at + offset] = *dictionary.get(index as usize).ok_or_else(outside)?;
            }
            at += run.len();
        }
    }
    Ok(())
}

fn take_block<T: Pod>(dictionary: &[T], indices: &[u32], out: &mut [T]) -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 was just detected.
        return unsafe { take_block_avx2(dictionary, indices, out) };
    }
    take_block_body(dictionary, indices, out)
}

/// [`take_block_body`] compiled for AVX2.
///
/// # Safety
/// The machine has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn take_block_avx2<T: Pod>(dictionary: &[T], indices: &[u32], out: &mut [T]) -> Result<()> {
    take_block_body(dictionary, indices, out)
}

#[inline(always)]
fn take_block_body<T: Pod>(dictionary: &[T], indices: &[u32], out: &mut [T]) -> Result<()> {
    let greatest = indices
        .iter()
        .fold(0, |greatest, &index| index.max(greatest));
    if greatest as usize >= dictionary.len() {
        return Err(outside());
    }
    for (slot, &index) in out.iter_mut().zip(indices) {
        // SAFETY: `index <= greatest < dictionary.len()`, checked above for the whole block.
        let value = unsafe { dictionary.as_ptr().add(index as usize) };
        // Copied as bytes, sixteen are one load and one store; as an integer they are two of each.
        // SAFETY: `value` is an entry of the dictionary, which does not overlap the exclusive slot.
        unsafe { std::ptr::copy_nonoverlapping(value, slot, 1) };
    }
    Ok(())
}

/// Moves `stored` values from the front of `out` to the positions that `valid` names, in order;
/// the others become `T::default()`.
pub(crate) fn spread<T: Pod>(out: &mut [T], stored: usize, valid: impl Fn(usize) -> bool) {
    let mut from = stored;
    for to in (0..out.len()).rev() {
        // What is left in front is already in place.
        if from == to + 1 {
            return;
        }
        out[to] = if valid(to) {
            from -= 1;
            out[from]
        } else {
            T::default()
        };
    }
}

#[cold]
pub(crate) fn outside() -> Error {
    Error::corrupt("an index outside of the dictionary")
}
