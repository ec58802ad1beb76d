//! Lists, maps and fixed-size lists: the picked rows become runs of child rows. Lists of plain values
//! are moved like strings.
#![expect(
    unsafe_code,
    reason = "a child is put together from values just written"
)]

use arrow_array::{Array, ArrayRef, OffsetSizeTrait, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;
use arrow_schema::DataType;

use super::array::{offsets_of, select};
use super::bytes::{ByteChunk, select_bytes, select_offsets};
use super::picks::{Job, Part, Picks, Run};
use crate::threads::map_each;
use crate::{Error, Result};

/// The offsets and the child of the picked lists (or maps, which have the same layout).
pub(super) fn select_list<O: OffsetSizeTrait>(
    chunks: &[ArrayData],
    job: &Job<'_>,
) -> Result<(Buffer, ArrayData)> {
    let children = children(chunks)?;
    let width = plain_width(&children);
    let lists: Vec<ByteChunk<'_, O>> = chunks
        .iter()
        .zip(&children)
        .map(|(chunk, child)| ByteChunk::of_values(offsets_of(chunk), child, width.unwrap_or(0)))
        .collect();
    let (offsets, spans) = select_offsets(&lists, &job.parts)?;
    let len = spans.iter().map(|span| span.len).sum();
    let child = match width {
        Some(_) => {
            let values = select_bytes(&lists, &job.parts, &spans);
            plain_child(children[0].data_type(), len, values)
        }
        None => select_children(&children, job, &|chunk, start, len| {
            let offsets = lists[chunk].offsets;
            let from = offsets[start].as_usize();
            Run {
                start: from,
                len: offsets[start + len].as_usize() - from,
            }
        })?,
    };
    debug_assert_eq!(child.len(), len);
    Ok((offsets, child))
}

/// Bytes of each value of children that have no nulls, and nothing but values of one width.
fn plain_width(children: &[&ArrayData]) -> Option<usize> {
    let without_nulls = children.iter().all(|child| child.null_count() == 0);
    let first = children.first().filter(|_| without_nulls)?;
    let alike = children
        .iter()
        .all(|child| child.data_type() == first.data_type());
    first
        .data_type()
        .primitive_width()
        .filter(|_| alike && first.data_type().is_primitive())
}

fn plain_child(data_type: &DataType, len: usize, values: Buffer) -> ArrayData {
    let builder = ArrayData::builder(data_type.clone())
        .len(len)
        .add_buffer(values);
    // SAFETY: the type is primitive, and `values` are `len` values of its width, copied whole.
    unsafe { builder.build_unchecked() }
}

/// The child of the picked lists of `size` rows each.
pub(super) fn select_fixed_size_list(
    chunks: &[ArrayData],
    job: &Job<'_>,
    size: usize,
) -> Result<ArrayData> {
    select_children(&children(chunks)?, job, &|chunk, start, len| Run {
        start: (chunks[chunk].offset() + start) * size,
        len: len * size,
    })
}

fn children(chunks: &[ArrayData]) -> Result<Vec<&ArrayData>> {
    chunks
        .iter()
        .map(|chunk| chunk.child_data().first())
        .collect::<Option<_>>()
        .ok_or_else(|| Error::invalid("a list without a child"))
}

/// `child_run` says which child rows belong to a run of rows of a chunk.
fn select_children(
    children: &[&ArrayData],
    job: &Job<'_>,
    child_run: &(dyn Fn(usize, usize, usize) -> Run + Sync),
) -> Result<ArrayData> {
    let runs: Vec<Vec<Run>> = map_each(&job.parts, |part| child_runs(part, child_run));
    let parts = job.parts.iter().zip(&runs);
    let parts = parts.map(|(part, runs)| Part {
        chunk: part.chunk,
        picks: Picks::Runs(runs),
        count: runs.iter().map(|run| run.len).sum(),
    });
    let arrays: Vec<ArrayRef> = children
        .iter()
        .map(|child| make_array((*child).clone()))
        .collect();
    let job = Job {
        chunks: arrays.iter().map(|child| child.as_ref()).collect(),
        parts: parts.collect(),
        sources: job.sources,
    };
    Ok(select(&job)?.to_data())
}

fn child_runs(part: &Part<'_>, child_run: &dyn Fn(usize, usize, usize) -> Run) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    part.picks.for_each_run(|start, len| {
        let run = child_run(part.chunk, start, len);
        match runs.last_mut() {
            // Lists that follow each other have children that do.
            Some(last) if last.start + last.len == run.start => last.len += run.len,
            _ if run.len > 0 => runs.push(run),
            _ => {}
        }
    });
    runs
}
