//! Strings and binary as views: the views are moved, their bytes stay where they are.
//!
//! Unless few of them are left: then the buffers would hold on to much memory for little, and the
//! bytes are copied together. While the source lives on, that frees nothing yet, so fewer have to be.
#![expect(unsafe_code, reason = "bytes are copied into uninitialised memory")]

use std::collections::HashMap;
use std::iter;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_buffer::Buffer;
use arrow_data::ArrayData;

use super::array::fixed;
use super::output::{filled, for_each_piece};
use super::picks::{Job, Part, Sources};
use super::prefetch::prefetch;
use crate::threads::map_each;

/// Strings of at most this length lie in the view itself.
const INLINE_BYTES_MAX: usize = 12;
/// Buffers smaller than this in all are kept whatever is in use of them.
const SPARSE_BYTES_MIN: usize = 64 << 10;
/// Where a buffer made here is full; offsets within a view have 32 bits.
const BUFFER_BYTES_MAX: usize = 1 << 30;

/// Views that one task copies the bytes of.
const STRETCH: usize = 16 << 10;
/// How many views ahead bytes are asked for.
const AHEAD: usize = 16;

impl Sources {
    /// Bytes are copied together when fewer than one in so many is still in use. A page decoded for
    /// a filter that drops most rows is freed that way, while halves are not worth the copy.
    fn sparse_divisor(self) -> usize {
        match self {
            Sources::Dropped => 4,
            Sources::Kept => 16,
        }
    }
}

/// The views of the picked rows, and the buffers that they point into.
pub(super) fn select_views(chunks: &[ArrayData], job: &Job<'_>) -> Vec<Buffer> {
    let parts = &job.parts;
    let (buffers, places) = join_buffers(chunks);
    let views = fixed::<16>(chunks, parts);
    let views = if places.iter().all(|places| is_identity(places)) {
        views
    } else {
        renumbered(&views, &places, parts)
    };
    compacted(views, buffers, job.sources)
}

/// All distinct buffers, and for each chunk the place of its buffers among them.
fn join_buffers(chunks: &[ArrayData]) -> (Vec<Buffer>, Vec<Vec<u32>>) {
    let mut joined: Vec<Buffer> = Vec::new();
    let mut known: HashMap<(usize, usize), u32> = HashMap::new();
    let places = chunks
        .iter()
        .map(|chunk| {
            let buffers = chunk.buffers().iter().skip(1);
            buffers
                .map(|buffer| {
                    let key = (buffer.as_ptr().addr(), buffer.len());
                    *known.entry(key).or_insert_with(|| {
                        joined.push(buffer.clone());
                        u32::try_from(joined.len() - 1).unwrap_or(u32::MAX)
                    })
                })
                .collect()
        })
        .collect();
    (joined, places)
}

fn is_identity(places: &[u32]) -> bool {
    places
        .iter()
        .enumerate()
        .all(|(at, place)| at == *place as usize)
}

fn renumbered(views: &Buffer, places: &[Vec<u32>], parts: &[Part<'_>]) -> Buffer {
    let mut views: Vec<u128> = views.typed_data::<u128>().to_vec();
    let mut rest = views.as_mut_slice();
    for part in parts {
        let (views, behind) = rest.split_at_mut(part.count);
        rest = behind;
        let places = &places[part.chunk];
        if is_identity(places) {
            continue;
        }
        for view in views {
            // A null row may hold anything.
            if len_of(*view) > INLINE_BYTES_MAX
                && let Some(place) = places.get(buffer_of(*view))
            {
                *view = *view & !(u128::from(u32::MAX) << 64) | u128::from(*place) << 64;
            }
        }
    }
    Buffer::from_vec(views)
}

fn len_of(view: u128) -> usize {
    view as u32 as usize
}

fn buffer_of(view: u128) -> usize {
    (view >> 64) as u32 as usize
}

fn offset_of(view: u128) -> usize {
    (view >> 96) as u32 as usize
}

/// The bytes that a view points to, where it points anywhere.
fn target(view: u128, buffers: &[Buffer]) -> Option<&[u8]> {
    let len = len_of(view);
    if len <= INLINE_BYTES_MAX {
        return None;
    }
    let start = offset_of(view);
    buffers
        .get(buffer_of(view))?
        .as_slice()
        .get(start..start + len)
}

fn compacted(views: Buffer, buffers: Vec<Buffer>, sources: Sources) -> Vec<Buffer> {
    let held: usize = buffers.iter().map(Buffer::len).sum();
    let few = match held < SPARSE_BYTES_MIN {
        true => None,
        false => bytes_of_few(
            views.typed_data(),
            &buffers,
            held / sources.sparse_divisor(),
        ),
    };
    match few.and_then(|lens| Compaction::plan(&lens)) {
        Some(compaction) => compaction.run(views.typed_data(), &buffers),
        None => iter::once(views).chain(buffers).collect(),
    }
}

/// How many bytes each stretch of views points to; `None` when that is more than `limit` in all.
fn bytes_of_few(views: &[u128], buffers: &[Buffer], limit: usize) -> Option<Vec<usize>> {
    let total = AtomicUsize::new(0);
    let sum = |stretch: &[u128]| {
        let len = stretch
            .iter()
            .filter_map(|view| target(*view, buffers))
            .map(<[u8]>::len)
            .sum::<usize>();
        // Nobody goes on counting when it is known to be too much.
        (total.fetch_add(len, Ordering::Relaxed) + len <= limit).then_some(len)
    };
    let stretches: Vec<&[u128]> = views.chunks(STRETCH).collect();
    map_each(&stretches, |stretch| sum(stretch))
}

/// Where the bytes of every stretch of views go.
struct Compaction {
    /// Bytes of each new buffer.
    buffer_lens: Vec<usize>,
    /// For each stretch its buffer, where it starts in there, and how long it is.
    stretches: Vec<Stretch>,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    buffer: usize,
    start: usize,
    len: usize,
}

impl Compaction {
    /// `None` when a stretch is too long for one buffer: then few strings hold on to little more
    /// than themselves.
    fn plan(lens: &[usize]) -> Option<Self> {
        let mut plan = Self {
            buffer_lens: vec![0],
            stretches: Vec::with_capacity(lens.len()),
        };
        for len in lens.iter().copied() {
            if len > BUFFER_BYTES_MAX {
                return None;
            }
            let start = match plan.buffer_lens.last_mut() {
                Some(last) if *last + len <= BUFFER_BYTES_MAX => {
                    *last += len;
                    *last - len
                }
                _ => {
                    plan.buffer_lens.push(len);
                    0
                }
            };
            plan.stretches.push(Stretch {
                buffer: plan.buffer_lens.len() - 1,
                start,
                len,
            });
        }
        Some(plan)
    }

    /// The new views, and the new buffers behind them.
    fn run(&self, views: &[u128], buffers: &[Buffer]) -> Vec<Buffer> {
        let parts: Vec<&[u128]> = views.chunks(STRETCH).collect();
        let mut new_views = views.to_vec();
        let lens = parts.iter().map(|part| part.len());
        for_each_piece(&mut new_views, lens, |at, views| {
            self.stretches[at].point(views, buffers);
        });
        let mut all = vec![Buffer::from_vec(new_views)];
        for (buffer, len) in self.buffer_lens.iter().enumerate() {
            let first = self.stretches.partition_point(|s| s.buffer < buffer);
            let end = self.stretches.partition_point(|s| s.buffer <= buffer);
            let lens = self.stretches[first..end].iter().map(|stretch| stretch.len);
            let write = |out: &mut [MaybeUninit<u8>]| {
                for_each_piece(out, lens, |at, out| gather(parts[first + at], buffers, out));
            };
            // SAFETY: the pieces make up the buffer, and `gather` asserts that it filled its own.
            all.push(unsafe { filled(*len, write) });
        }
        all
    }
}

impl Stretch {
    /// Makes `views` point to where their bytes will be.
    fn point(&self, views: &mut [u128], buffers: &[Buffer]) {
        let mut offset = self.start;
        for view in views {
            let Some(bytes) = target(*view, buffers) else {
                continue;
            };
            let head = *view & u128::from(u64::MAX);
            *view = head | (self.buffer as u128) << 64 | (offset as u128) << 96;
            offset += bytes.len();
        }
    }
}

/// Writes the bytes of `views` one behind the other.
fn gather(views: &[u128], buffers: &[Buffer], out: &mut [MaybeUninit<u8>]) {
    let mut written = 0;
    for (at, view) in views.iter().enumerate() {
        // What is far apart in memory is waited for many at a time, not one by one.
        if let Some(ahead) = views.get(at + AHEAD)
            && let Some(bytes) = target(*ahead, buffers)
        {
            prefetch(bytes, 0);
            prefetch(bytes, bytes.len() - 1);
        }
        if let Some(bytes) = target(*view, buffers) {
            out[written..written + bytes.len()].write_copy_of_slice(bytes);
            written += bytes.len();
        }
    }
    assert_eq!(written, out.len(), "the views fill the output");
}
