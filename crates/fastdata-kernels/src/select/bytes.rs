//! Strings, binary and lists of plain values behind offsets.
//!
//! Two passes: the offsets of the picked rows give every part its exact place, then each part writes
//! its bytes, whatever the others do.
#![expect(unsafe_code, reason = "results are written into uninitialised memory")]

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use arrow_array::OffsetSizeTrait;
use arrow_buffer::Buffer;
use arrow_data::ArrayData;

use super::output::{filled, for_each_piece};
use super::picks::{Part, Picks};
use super::prefetch::prefetch;
use crate::{Error, ErrorKind, Result};

/// Copies of at most this many bytes are made as one of exactly this many where there is room.
const SHORT: usize = 32;
/// How many rows ahead the bytes of single rows are asked for.
const AHEAD: usize = 24;

/// One chunk: its offsets (one more than rows) and all bytes that they point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteChunk<'a, O> {
    pub(super) offsets: &'a [O],
    pub(super) bytes: &'a [u8],
    /// Bytes that an offset counts as one.
    pub(super) width: usize,
}

impl<'a, O> ByteChunk<'a, O> {
    /// `offsets` into the values of `child`, which have `width` bytes each.
    pub(super) fn of_values(offsets: &'a [O], child: &'a ArrayData, width: usize) -> Self {
        let bytes = child.buffers().first().map(|values| values.as_slice());
        let first = child.offset() * width;
        Self {
            offsets,
            bytes: bytes
                .and_then(|bytes| bytes.get(first..))
                .unwrap_or_default(),
            width,
        }
    }
}

/// What the rows of a part take.
#[derive(Debug)]
pub(super) struct Span<O> {
    /// Bytes or child rows, as the offsets count.
    pub(super) len: usize,
    /// Where each row starts and ends, when they are single ones. They may be anywhere, so that looking
    /// it up a second time would mean waiting for memory a second time.
    places: Option<Vec<[O; 2]>>,
}

impl<O> Span<O> {
    pub(super) fn of_len(len: usize) -> Self {
        Self { len, places: None }
    }
}

/// The offsets of the output, which starts at zero, and what each part's rows take.
///
/// # Errors
///
/// `LimitExceeded` when the sum does not fit an offset.
pub(super) fn select_offsets<O: OffsetSizeTrait>(
    chunks: &[ByteChunk<'_, O>],
    parts: &[Part<'_>],
) -> Result<(Buffer, Vec<Span<O>>)> {
    let spans: Vec<OnceLock<Span<O>>> = parts.iter().map(|_| OnceLock::new()).collect();
    let count: usize = parts.iter().map(|part| part.count).sum();
    let lens = || parts.iter().map(|part| part.count);
    let write = |out: &mut [MaybeUninit<u8>]| {
        let (offset_bytes, _) = as_lanes::<O>(out);
        let Some((first, rest)) = offset_bytes.split_first_mut() else {
            return;
        };
        first.write(O::usize_as(0));
        // Each part counts from zero until it is known where it starts.
        for_each_piece(rest, lens(), |at, out| {
            let offsets = chunks[parts[at].chunk].offsets;
            spans[at].get_or_init(|| part_offsets(offsets, &parts[at].picks, out));
        });
        let bases = bases(&spans);
        for_each_piece(rest, lens(), |at, out| add_base(out, bases[at]));
    };
    // SAFETY: `first` and the pieces make up the whole slice, which is a whole number of offsets,
    // and `part_offsets` asserts that it wrote its piece in full.
    let offsets = unsafe { filled((count + 1) * size_of::<O>(), write) };
    let spans: Vec<Span<O>> = spans.into_iter().filter_map(OnceLock::into_inner).collect();
    let total: usize = spans.iter().map(|span| span.len).sum();
    if O::from_usize(total).is_none() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("a result of {total} bytes or child rows needs 64-bit offsets or views"),
        ));
    }
    Ok((offsets, spans))
}

/// Where each part's bytes or child rows start.
fn bases<O>(spans: &[OnceLock<Span<O>>]) -> Vec<usize> {
    let lens = spans
        .iter()
        .map(|span| span.get().map_or(0, |span| span.len));
    let starts = lens.scan(0, |base, len| {
        let start = *base;
        *base += len;
        Some(start)
    });
    starts.collect()
}

/// Writes where the picked rows end, counted from zero. A number that does not fit is written wrapped;
/// the caller refuses the sum.
fn part_offsets<O: OffsetSizeTrait>(
    offsets: &[O],
    picks: &Picks<'_>,
    out: &mut [MaybeUninit<O>],
) -> Span<O> {
    match picks {
        Picks::Rows32(rows) => row_offsets(offsets, rows, |row| row as usize, out),
        Picks::Rows64(rows) => row_offsets(offsets, rows, |row| row as usize, out),
        _ => Span::of_len(run_offsets(offsets, picks, out)),
    }
}

fn row_offsets<O: OffsetSizeTrait, T: Copy>(
    offsets: &[O],
    rows: &[T],
    index: impl Fn(T) -> usize,
    out: &mut [MaybeUninit<O>],
) -> Span<O> {
    assert_eq!(rows.len(), out.len(), "the picks fill the output");
    let mut places = Vec::with_capacity(rows.len());
    let mut end = 0_usize;
    for (row, out) in rows.iter().zip(out) {
        let row = index(*row);
        let place = [offsets[row], offsets[row + 1]];
        end += place[1].as_usize() - place[0].as_usize();
        out.write(O::usize_as(end));
        places.push(place);
    }
    Span {
        len: end,
        places: Some(places),
    }
}

fn run_offsets<O: OffsetSizeTrait>(
    offsets: &[O],
    picks: &Picks<'_>,
    out: &mut [MaybeUninit<O>],
) -> usize {
    let (mut written, mut end) = (0, 0_usize);
    picks.for_each_run(|start, len| {
        // Wraps where a chunk's offsets are higher than the output's; the sum below is exact.
        let shift = end.wrapping_sub(offsets[start].as_usize());
        let ends = &offsets[start + 1..start + 1 + len];
        for (out, end) in out[written..written + len].iter_mut().zip(ends) {
            out.write(O::usize_as(end.as_usize().wrapping_add(shift)));
        }
        end = offsets[start + len].as_usize().wrapping_add(shift);
        written += len;
    });
    assert_eq!(written, out.len(), "the picks fill the output");
    end
}

fn add_base<O: OffsetSizeTrait>(offsets: &mut [MaybeUninit<O>], base: usize) {
    if base == 0 {
        return;
    }
    for offset in offsets {
        // SAFETY: `part_offsets` wrote all of them before this is called.
        let from_zero = unsafe { offset.assume_init() };
        // Wraps where the sum does not fit, which is refused.
        offset.write(O::usize_as(from_zero.as_usize().wrapping_add(base)));
    }
}

/// The bytes of the picked rows, one behind the other.
pub(super) fn select_bytes<O: OffsetSizeTrait>(
    chunks: &[ByteChunk<'_, O>],
    parts: &[Part<'_>],
    spans: &[Span<O>],
) -> Buffer {
    // All chunks of a column have one type.
    let width = chunks.first().map_or(1, |chunk| chunk.width);
    let lens = spans.iter().map(|span| span.len * width);
    let write = |out: &mut [MaybeUninit<u8>]| {
        for_each_piece(out, lens.clone(), |at, out| {
            let (chunk, picks) = (&chunks[parts[at].chunk], &parts[at].picks);
            let places = spans[at].places.as_deref();
            match width {
                // Known to the compiler, where there are many.
                1 => part_bytes(chunk, 1, picks, places, out),
                8 => part_bytes(chunk, 8, picks, places, out),
                _ => part_bytes(chunk, width, picks, places, out),
            }
        });
    };
    // SAFETY: the pieces make up the whole slice, and `part_bytes` asserts that it wrote its piece
    // in full.
    unsafe { filled(lens.clone().sum(), write) }
}

#[inline(always)]
fn part_bytes<O: OffsetSizeTrait>(
    chunk: &ByteChunk<'_, O>,
    width: usize,
    picks: &Picks<'_>,
    places: Option<&[[O; 2]]>,
    out: &mut [MaybeUninit<u8>],
) {
    let mut written = 0;
    let mut move_bytes = |from: O, to: O| {
        let (from, to) = (from.as_usize() * width, to.as_usize() * width);
        copy(chunk.bytes, from, to - from, out, written);
        written += to - from;
    };
    match places {
        Some(places) => {
            for (at, [from, to]) in places.iter().enumerate() {
                // What is far apart in memory is waited for many at a time, not one by one.
                if let Some([ahead, _]) = places.get(at + AHEAD) {
                    prefetch(chunk.bytes, ahead.as_usize() * width);
                }
                move_bytes(*from, *to);
            }
        }
        None => picks.for_each_run(|start, len| {
            move_bytes(chunk.offsets[start], chunk.offsets[start + len]);
        }),
    }
    assert_eq!(written, out.len(), "the picks fill the output");
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
