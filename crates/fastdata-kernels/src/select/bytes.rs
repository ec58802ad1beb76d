//! Strings and binary behind offsets.
//!
//! Two passes: the lengths of the picked rows give every part its exact place, then each part
//! writes its offsets and its bytes, whatever the others do.
#![expect(unsafe_code, reason = "results are written into uninitialised memory")]

use std::mem::MaybeUninit;

use arrow_array::OffsetSizeTrait;
use arrow_buffer::Buffer;
use rayon::prelude::*;

use super::output::{filled, for_each_piece};
use super::picks::{Part, Picks};
use crate::{Error, ErrorKind, Result};

/// Copies of at most this many bytes are made as one of exactly this many where there is room.
const SHORT: usize = 32;

/// One chunk: its offsets (one more than rows) and all bytes that they point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteChunk<'a, O> {
    pub(super) offsets: &'a [O],
    pub(super) bytes: &'a [u8],
}

/// The bytes or child rows that a part's rows take: one number a part.
pub(super) fn spans<O: OffsetSizeTrait>(offsets: &[&[O]], parts: &[Part<'_>]) -> Vec<usize> {
    let span = |part: &Part<'_>| {
        let offsets = offsets[part.chunk];
        let mut sum = 0;
        part.picks.for_each_run(|start, len| {
            sum += offsets[start + len].as_usize() - offsets[start].as_usize();
        });
        sum
    };
    match parts {
        [only] => vec![span(only)],
        _ => parts.par_iter().map(span).collect(),
    }
}

/// The offsets of the output, which starts at zero; `spans` as [`spans`] gives them.
///
/// # Errors
///
/// `LimitExceeded` when the sum does not fit an offset.
pub(super) fn select_offsets<O: OffsetSizeTrait>(
    offsets: &[&[O]],
    parts: &[Part<'_>],
    spans: &[usize],
) -> Result<Buffer> {
    let total: usize = spans.iter().sum();
    if O::from_usize(total).is_none() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("a result of {total} bytes or child rows needs 64-bit offsets or views"),
        ));
    }
    let mut bases = Vec::with_capacity(spans.len());
    let mut base = 0;
    for span in spans {
        bases.push(base);
        base += span;
    }
    let count: usize = parts.iter().map(|part| part.count).sum();
    let write = |out: &mut [MaybeUninit<u8>]| {
        let (offset_bytes, _) = as_lanes::<O>(out);
        let Some((first, rest)) = offset_bytes.split_first_mut() else {
            return;
        };
        first.write(O::usize_as(0));
        for_each_piece(rest, parts.iter().map(|part| part.count), |at, out| {
            part_offsets(offsets[parts[at].chunk], &parts[at].picks, bases[at], out);
        });
    };
    // SAFETY: `first` and the pieces make up the whole slice, which is a whole number of offsets,
    // and `part_offsets` asserts that it wrote its piece in full.
    Ok(unsafe { filled((count + 1) * size_of::<O>(), write) })
}

fn part_offsets<O: OffsetSizeTrait>(
    offsets: &[O],
    picks: &Picks<'_>,
    mut base: usize,
    out: &mut [MaybeUninit<O>],
) {
    let mut written = 0;
    picks.for_each_run(|start, len| {
        // Wraps where a chunk's offsets are higher than the output's; the sum below is exact.
        let shift = base.wrapping_sub(offsets[start].as_usize());
        let ends = &offsets[start + 1..start + 1 + len];
        for (out, end) in out[written..written + len].iter_mut().zip(ends) {
            out.write(O::usize_as(end.as_usize().wrapping_add(shift)));
        }
        base = offsets[start + len].as_usize().wrapping_add(shift);
        written += len;
    });
    assert_eq!(written, out.len(), "the picks fill the output");
}

/// The bytes of the picked rows, one behind the other.
pub(super) fn select_bytes<O: OffsetSizeTrait>(
    chunks: &[ByteChunk<'_, O>],
    parts: &[Part<'_>],
    spans: &[usize],
) -> Buffer {
    let write = |out: &mut [MaybeUninit<u8>]| {
        for_each_piece(out, spans.iter().copied(), |at, out| {
            let chunk = chunks[parts[at].chunk];
            let mut written = 0;
            parts[at].picks.for_each_run(|start, len| {
                let (from, to) = (
                    chunk.offsets[start].as_usize(),
                    chunk.offsets[start + len].as_usize(),
                );
                copy(chunk.bytes, from, to - from, out, written);
                written += to - from;
            });
            assert_eq!(written, out.len(), "the picks fill the output");
        });
    };
    // SAFETY: the pieces make up the whole slice, and each is asserted to be written in full.
    unsafe { filled(spans.iter().sum(), write) }
}

/// Copies `len` bytes; what follows them in `out` may be overwritten with anything.
#[inline(always)]
fn copy(source: &[u8], from: usize, len: usize, out: &mut [MaybeUninit<u8>], at: usize) {
    if len <= SHORT
        && let Some(source) = source
            .get(from..)
            .and_then(|rest| rest.first_chunk::<SHORT>())
        && let Some(out) = out
            .get_mut(at..)
            .and_then(|rest| rest.first_chunk_mut::<SHORT>())
    {
        // A call of memcpy with a length that is not known costs more than the bytes.
        *out = source.map(MaybeUninit::new);
        return;
    }
    out[at..at + len].write_copy_of_slice(&source[from..from + len]);
}

/// `bytes` as values of `T`, and how many bytes were left over.
///
/// # Panics
///
/// When the memory is not aligned for `T`; results are aligned for all.
pub(super) fn as_lanes<T>(bytes: &mut [MaybeUninit<u8>]) -> (&mut [MaybeUninit<T>], usize) {
    let count = bytes.len() / size_of::<T>();
    let pointer: *mut MaybeUninit<T> = bytes.as_mut_ptr().cast();
    assert!(pointer.is_aligned(), "results are aligned");
    // SAFETY: the slice holds at least `count` values of `T`, is aligned for it (asserted above),
    // and any memory may be viewed as uninitialised.
    let lanes = unsafe { std::slice::from_raw_parts_mut(pointer, count) };
    (lanes, bytes.len() % size_of::<T>())
}
