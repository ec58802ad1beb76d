//! Strings and binary as views: the views are moved, their bytes stay where they are.
//!
//! Unless few of them are left: then the buffers would hold on to much memory for little, and the
//! bytes are copied together.

use std::collections::HashMap;

use arrow_buffer::Buffer;
use arrow_data::ArrayData;

use super::array::fixed;
use super::picks::Part;

/// Strings of at most this length lie in the view itself.
const INLINE_BYTES_MAX: usize = 12;
/// Bytes are copied together when fewer than one in so many is still in use. A page decoded for a
/// filter that drops most rows is freed that way, while halves are not worth the copy.
const SPARSE_DIVISOR: usize = 4;
/// Buffers smaller than this in all are kept whatever is in use of them.
const SPARSE_BYTES_MIN: usize = 64 << 10;
/// Where a buffer made here is full; offsets within a view have 32 bits.
const BUFFER_BYTES_MAX: usize = 1 << 30;

/// The views of the picked rows, and the buffers that they point into.
pub(super) fn select_views(chunks: &[ArrayData], parts: &[Part<'_>]) -> Vec<Buffer> {
    let (buffers, places) = join_buffers(chunks);
    let views = fixed::<16>(chunks, parts);
    let views = if places.iter().all(|places| is_identity(places)) {
        views
    } else {
        renumbered(&views, &places, parts)
    };
    compacted(views, buffers)
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

fn compacted(views: Buffer, buffers: Vec<Buffer>) -> Vec<Buffer> {
    let held: usize = buffers.iter().map(Buffer::len).sum();
    let with = |views: Buffer, buffers: Vec<Buffer>| {
        let mut all = Vec::with_capacity(1 + buffers.len());
        all.push(views);
        all.extend(buffers);
        all
    };
    if held < SPARSE_BYTES_MIN {
        return with(views, buffers);
    }
    let limit = held / SPARSE_DIVISOR;
    let mut used = 0;
    for view in views.typed_data::<u128>() {
        let len = len_of(*view);
        used += if len > INLINE_BYTES_MAX { len } else { 0 };
        if used > limit {
            return with(views, buffers);
        }
    }
    let mut views = views.typed_data::<u128>().to_vec();
    let mut filled: Vec<Vec<u8>> = Vec::new();
    for view in &mut views {
        let Some(bytes) = target(*view, &buffers) else {
            continue;
        };
        if filled
            .last()
            .is_none_or(|last| last.len() + bytes.len() > BUFFER_BYTES_MAX)
        {
            filled.push(Vec::with_capacity(
                used.min(BUFFER_BYTES_MAX).max(bytes.len()),
            ));
        }
        let place = filled.len() - 1;
        if let Some(last) = filled.last_mut() {
            let head = *view & u128::from(u64::MAX);
            *view = head | (place as u128) << 64 | (last.len() as u128) << 96;
            last.extend_from_slice(bytes);
        }
    }
    with(
        Buffer::from_vec(views),
        filled.into_iter().map(Buffer::from_vec).collect(),
    )
}
