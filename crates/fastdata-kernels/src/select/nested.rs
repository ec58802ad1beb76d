//! Lists, maps and fixed-size lists: the picked rows become runs of child rows.

use arrow_array::{Array, ArrayRef, OffsetSizeTrait, make_array};
use arrow_buffer::Buffer;
use arrow_data::ArrayData;

use super::array::{offsets_of, select};
use super::bytes::{select_offsets, spans};
use super::picks::{Job, Part, Picks, Run};
use crate::{Error, Result};

/// The offsets and the child of the picked lists (or maps, which have the same layout).
pub(super) fn select_list<O: OffsetSizeTrait>(
    chunks: &[ArrayData],
    parts: &[Part<'_>],
) -> Result<(Buffer, ArrayData)> {
    let offsets: Vec<&[O]> = chunks.iter().map(offsets_of).collect();
    let spans = spans(&offsets, parts);
    let out_offsets = select_offsets(&offsets, parts, &spans)?;
    let child = select_children(chunks, parts, &|chunk, start, len| {
        let offsets = offsets[chunk];
        let from = offsets[start].as_usize();
        Run {
            start: from,
            len: offsets[start + len].as_usize() - from,
        }
    })?;
    debug_assert_eq!(child.len(), spans.iter().sum::<usize>());
    Ok((out_offsets, child))
}

/// The child of the picked lists of `size` rows each.
pub(super) fn select_fixed_size_list(
    chunks: &[ArrayData],
    parts: &[Part<'_>],
    size: usize,
) -> Result<ArrayData> {
    select_children(chunks, parts, &|chunk, start, len| Run {
        start: (chunks[chunk].offset() + start) * size,
        len: len * size,
    })
}

/// `child_run` says which child rows belong to a run of rows of a chunk.
fn select_children(
    chunks: &[ArrayData],
    parts: &[Part<'_>],
    child_run: &dyn Fn(usize, usize, usize) -> Run,
) -> Result<ArrayData> {
    let children = chunks
        .iter()
        .map(|chunk| {
            chunk
                .child_data()
                .first()
                .map(|child| make_array(child.clone()))
        })
        .collect::<Option<Vec<ArrayRef>>>()
        .ok_or_else(|| Error::invalid("a list without a child"))?;
    let runs: Vec<Vec<Run>> = parts
        .iter()
        .map(|part| {
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
        })
        .collect();
    let child_parts = parts
        .iter()
        .zip(&runs)
        .map(|(part, runs)| Part {
            chunk: part.chunk,
            picks: Picks::Runs(runs),
            count: runs.iter().map(|run| run.len).sum(),
        })
        .collect();
    let chunks = children.iter().map(|child| child.as_ref()).collect();
    Ok(select(&Job {
        chunks,
        parts: child_parts,
    })?
    .to_data())
}
