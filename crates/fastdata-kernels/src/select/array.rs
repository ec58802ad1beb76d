//! One output array from picks of chunks, by layout.
#![expect(
    unsafe_code,
    reason = "arrays are put together from buffers that were just written"
)]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, NullArray, UInt64Array, make_array, new_empty_array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;

use super::bitmaps::select_bits;
use super::bytes::{ByteChunk, Span, as_lanes, select_bytes, select_offsets};
use super::lanes::select_lanes;
use super::nested::{select_fixed_size_list, select_list};
use super::output::{filled, for_each_piece};
use super::picks::{Job, Part};
use super::views::select_views;
use crate::bits::{BitSlice, nulls};
use crate::{Error, Result};

/// The picked rows of the job's chunks as one array.
pub(super) fn select(job: &Job<'_>) -> Result<ArrayRef> {
    debug_assert!(job.is_in_bounds());
    let Some(first) = job.chunks.first() else {
        return Err(Error::invalid(
            "no chunks: the type of the result is not known",
        ));
    };
    let data_type = first.data_type();
    if let Some(other) = job
        .chunks
        .iter()
        .find(|chunk| chunk.data_type() != data_type)
    {
        return Err(Error::invalid(format!(
            "chunks of two types: {data_type} and {}",
            other.data_type()
        )));
    }
    if job.count() == 0 {
        return Ok(new_empty_array(data_type));
    }
    match data_type {
        DataType::Null => Ok(Arc::new(NullArray::new(job.count()))),
        DataType::Dictionary(..) => select_dictionary(job),
        DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => select_by_rows(job),
        _ => {
            let data: Vec<ArrayData> = job.chunks.iter().map(|chunk| chunk.to_data()).collect();
            select_data(data_type, &data, job)
        }
    }
}

fn select_data(data_type: &DataType, chunks: &[ArrayData], job: &Job<'_>) -> Result<ArrayRef> {
    let parts = &job.parts;
    let valid = select_validity(chunks, parts);
    let build = |buffers: Vec<Buffer>, children: Vec<ArrayData>| {
        assemble(data_type, job.count(), buffers, children, valid.clone())
    };
    Ok(match data_type {
        DataType::Boolean => build(vec![select_booleans(chunks, parts)], vec![]),
        DataType::Utf8 | DataType::Binary => build(select_strings::<i32>(chunks, parts)?, vec![]),
        DataType::LargeUtf8 | DataType::LargeBinary => {
            build(select_strings::<i64>(chunks, parts)?, vec![])
        }
        DataType::Utf8View | DataType::BinaryView => build(select_views(chunks, job), vec![]),
        DataType::FixedSizeBinary(width) => {
            let width = usize::try_from(*width).unwrap_or(0);
            build(vec![select_fixed_width(chunks, parts, width)], vec![])
        }
        DataType::List(_) | DataType::Map(..) => {
            let (offsets, child) = select_list::<i32>(chunks, job)?;
            build(vec![offsets], vec![child])
        }
        DataType::LargeList(_) => {
            let (offsets, child) = select_list::<i64>(chunks, job)?;
            build(vec![offsets], vec![child])
        }
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or(0);
            build(vec![], vec![select_fixed_size_list(chunks, job, size)?])
        }
        DataType::Struct(fields) => {
            let children = (0..fields.len())
                .map(|field| {
                    let columns: Vec<ArrayRef> = job
                        .chunks
                        .iter()
                        .map(|chunk| struct_field(*chunk, field))
                        .collect();
                    let chunks = columns.iter().map(|column| column.as_ref()).collect();
                    let job = Job {
                        chunks,
                        parts: parts.clone(),
                        sources: job.sources,
                    };
                    Ok(select(&job)?.to_data())
                })
                .collect::<Result<Vec<ArrayData>>>()?;
            build(vec![], children)
        }
        other => match other.primitive_width() {
            Some(width) => build(vec![select_fixed_width(chunks, parts, width)], vec![]),
            None => return Err(Error::unsupported(format!("selecting rows of {other}"))),
        },
    })
}

/// An array from buffers that hold what its type's layout asks for.
fn assemble(
    data_type: &DataType,
    len: usize,
    buffers: Vec<Buffer>,
    children: Vec<ArrayData>,
    valid: Option<NullBuffer>,
) -> ArrayRef {
    let builder = ArrayData::builder(data_type.clone())
        .len(len)
        .buffers(buffers)
        .child_data(children)
        .nulls(valid);
    // SAFETY: every branch of `select_data` makes the buffers of the type from those of valid
    // arrays of the same type: values and views are copied whole, offsets are sums of non-negative
    // lengths from zero on that were checked to fit, bytes are whole strings, children have the
    // rows that the offsets speak of. The kernels assert that each buffer was written in full.
    make_array(unsafe { builder.build_unchecked() })
}

/// `array` with other nulls.
///
/// # Panics
///
/// When `nulls` is of another length.
pub(super) fn with_validity(array: &dyn Array, nulls: Option<NullBuffer>) -> ArrayRef {
    assert!(
        nulls
            .as_ref()
            .is_none_or(|nulls| nulls.len() == array.len()),
        "a bit for every row"
    );
    let builder = array.to_data().into_builder().nulls(nulls);
    // SAFETY: the array was valid, and the validity that replaces its own has its length (asserted
    // above).
    make_array(unsafe { builder.build_unchecked() })
}

fn struct_field(array: &dyn Array, field: usize) -> ArrayRef {
    use arrow_array::cast::AsArray;
    Arc::clone(array.as_struct().column(field))
}

fn select_validity(chunks: &[ArrayData], parts: &[Part<'_>]) -> Option<NullBuffer> {
    if chunks.iter().all(|chunk| chunk.null_count() == 0) {
        return None;
    }
    let sources: Vec<Option<BitSlice<'_>>> = chunks
        .iter()
        .map(|chunk| chunk.nulls().map(|valid| BitSlice::new(valid.inner())))
        .collect();
    nulls(select_bits(&sources, parts))
}

fn select_booleans(chunks: &[ArrayData], parts: &[Part<'_>]) -> Buffer {
    let values: Vec<BooleanBuffer> = chunks
        .iter()
        .map(|chunk| match chunk.buffers() {
            [values, ..] => BooleanBuffer::new(values.clone(), chunk.offset(), chunk.len()),
            [] => BooleanBuffer::new_unset(chunk.len()),
        })
        .collect();
    let sources: Vec<Option<BitSlice<'_>>> = values
        .iter()
        .map(|bits| Some(BitSlice::new(bits)))
        .collect();
    select_bits(&sources, parts).into_inner()
}

fn select_fixed_width(chunks: &[ArrayData], parts: &[Part<'_>], width: usize) -> Buffer {
    match width {
        0 => Buffer::from_vec(Vec::<u8>::new()),
        1 => fixed::<1>(chunks, parts),
        2 => fixed::<2>(chunks, parts),
        4 => fixed::<4>(chunks, parts),
        8 => fixed::<8>(chunks, parts),
        12 => fixed::<12>(chunks, parts),
        16 => fixed::<16>(chunks, parts),
        20 => fixed::<20>(chunks, parts),
        32 => fixed::<32>(chunks, parts),
        // Other fixed-size binaries are strings whose lengths happen to be equal.
        _ => any_width(chunks, parts, width),
    }
}

/// The values of a fixed-width chunk as lanes.
pub(super) fn lanes_of<const W: usize>(chunk: &ArrayData) -> &[[u8; W]] {
    let bytes = chunk
        .buffers()
        .first()
        .map_or(&[][..], |values| values.as_slice());
    let lanes = bytes.as_chunks::<W>().0;
    &lanes[chunk.offset()..chunk.offset() + chunk.len()]
}

pub(super) fn fixed<const W: usize>(chunks: &[ArrayData], parts: &[Part<'_>]) -> Buffer {
    let sources: Vec<&[[u8; W]]> = chunks.iter().map(lanes_of::<W>).collect();
    let count: usize = parts.iter().map(|part| part.count).sum();
    let write = |out: &mut [std::mem::MaybeUninit<u8>]| {
        let (lanes, _) = as_lanes::<[u8; W]>(out);
        for_each_piece(lanes, parts.iter().map(|part| part.count), |at, out| {
            select_lanes(sources[parts[at].chunk], &parts[at], out);
        });
    };
    // SAFETY: the output is a whole number of lanes, which the pieces make up, and `select_lanes`
    // asserts that it wrote its piece in full.
    unsafe { filled(count * W, write) }
}

fn any_width(chunks: &[ArrayData], parts: &[Part<'_>], width: usize) -> Buffer {
    let offsets: Vec<Vec<i64>> = chunks
        .iter()
        .map(|chunk| (0..=chunk.len() as i64).collect())
        .collect();
    let byte_chunks: Vec<ByteChunk<'_, i64>> = chunks
        .iter()
        .zip(&offsets)
        .map(|(chunk, offsets)| ByteChunk::of_values(offsets, chunk, width))
        .collect();
    // A row takes one value.
    let spans: Vec<Span<i64>> = parts.iter().map(|part| Span::of_len(part.count)).collect();
    select_bytes(&byte_chunks, parts, &spans)
}

/// The offsets of a chunk of strings or lists: one more than it has rows.
pub(super) fn offsets_of<O: arrow_array::OffsetSizeTrait>(chunk: &ArrayData) -> &[O] {
    const { assert!(size_of::<O>() == 4 || size_of::<O>() == 8) };
    match chunk.buffers() {
        [offsets, ..] if !offsets.is_empty() => {
            &offsets.typed_data::<O>()[chunk.offset()..=chunk.offset() + chunk.len()]
        }
        // An empty array may come without its one offset.
        _ => &[],
    }
}

fn select_strings<O: arrow_array::OffsetSizeTrait>(
    chunks: &[ArrayData],
    parts: &[Part<'_>],
) -> Result<Vec<Buffer>> {
    let byte_chunks: Vec<ByteChunk<'_, O>> = chunks
        .iter()
        .map(|chunk| ByteChunk {
            offsets: offsets_of(chunk),
            bytes: chunk
                .buffers()
                .get(1)
                .map_or(&[][..], |values| values.as_slice()),
            width: 1,
        })
        .collect();
    let (out_offsets, spans) = select_offsets(&byte_chunks, parts)?;
    Ok(vec![out_offsets, select_bytes(&byte_chunks, parts, &spans)])
}

/// Keys alone where all chunks share their values; else each chunk by itself, and then what
/// `arrow-select` does to bring dictionaries together.
fn select_dictionary(job: &Job<'_>) -> Result<ArrayRef> {
    let data: Vec<ArrayData> = job.chunks.iter().map(|chunk| chunk.to_data()).collect();
    let values: Vec<&ArrayData> = data
        .iter()
        .filter_map(|data| data.child_data().first())
        .collect();
    let Some(first) = values.first() else {
        return Err(Error::invalid("a dictionary without values"));
    };
    let data_type = job.chunks[0].data_type();
    if values.iter().all(|other| other.ptr_eq(first)) {
        let DataType::Dictionary(keys, _) = data_type else {
            return Err(Error::invalid(format!("{data_type} is no dictionary")));
        };
        let width = keys.primitive_width().unwrap_or(0);
        let buffers = vec![select_fixed_width(&data, &job.parts, width)];
        let valid = select_validity(&data, &job.parts);
        return Ok(assemble(
            data_type,
            job.count(),
            buffers,
            vec![(*first).clone()],
            valid,
        ));
    }
    each_chunk_then_concat(job, &select)
}

/// The fallback: row numbers for `arrow-select`'s take.
fn select_by_rows(job: &Job<'_>) -> Result<ArrayRef> {
    each_chunk_then_concat(job, &|job| {
        let mut rows = Vec::with_capacity(job.count());
        for part in &job.parts {
            part.picks.for_each_run(|start, len| {
                rows.extend((start..start + len).map(|row| row as u64));
            });
        }
        arrow_select::take::take(job.chunks[0], &UInt64Array::from(rows), None).map_err(|cause| {
            let data_type = job.chunks[0].data_type();
            Error::unsupported(format!("selecting rows of {data_type}")).with_source(cause)
        })
    })
}

/// Parts of one chunk that follow each other are selected together by `select`.
fn each_chunk_then_concat(
    job: &Job<'_>,
    select: &dyn Fn(&Job<'_>) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    let pieces = job
        .parts
        .chunk_by(|a, b| a.chunk == b.chunk)
        .filter(|parts| parts.iter().any(|part| part.count > 0))
        .map(|parts| {
            let chunks = vec![job.chunks[parts[0].chunk]];
            let parts = parts
                .iter()
                .map(|part| Part {
                    chunk: 0,
                    ..part.clone()
                })
                .collect::<Vec<_>>();
            select(&Job {
                chunks,
                parts,
                sources: job.sources,
            })
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    match pieces.as_slice() {
        [only] => Ok(Arc::clone(only)),
        _ => {
            let pieces: Vec<&dyn Array> = pieces.iter().map(|piece| piece.as_ref()).collect();
            arrow_select::concat::concat(&pieces).map_err(|cause| {
                let data_type = job.chunks[0].data_type();
                Error::new(
                    crate::ErrorKind::LimitExceeded,
                    format!("bringing {} pieces of {data_type} together", pieces.len()),
                )
                .with_source(cause)
            })
        }
    }
}
