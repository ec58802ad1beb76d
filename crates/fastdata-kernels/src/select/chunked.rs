//! Rows by position of a column in chunks: each row number becomes a chunk and a row of it.
//!
//! The rows of each chunk are moved together, one chunk behind the other, and then brought into
//! order: what was scattered over all chunks is close together by then.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_buffer::NullBuffer;

use super::Positions;
use super::array::select;
use super::picks::{Job, Part, Picks, Sources};
use super::positions::parts_of;
use super::take::with_nulls_of;
use crate::{Error, Result};

/// Entries of the table that leads from a row number to its chunk, for each chunk.
const ENTRIES_PER_CHUNK: usize = 4;

/// Row numbers of a column in chunks of given lengths, looked up once and applied to many columns.
///
/// ```
/// use arrow_array::{Array, Int64Array};
/// use fastdata_kernels::select::{ChunkedPositions, Positions, take_chunked};
///
/// let (first, second) = (Int64Array::from(vec![10, 11]), Int64Array::from(vec![12, 13]));
/// let positions = Positions::new(&Int64Array::from(vec![3, 0, 2]), 4)?;
/// let positions = ChunkedPositions::new(&positions, &[2, 2])?;
/// let taken = take_chunked(&[&first, &second], &positions)?;
/// assert_eq!(&taken, &(std::sync::Arc::new(Int64Array::from(vec![13, 10, 12])) as _));
/// # Ok::<(), fastdata_kernels::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChunkedPositions {
    chunk_lens: Vec<usize>,
    /// For each chunk the end of its rows in `rows`.
    ends: Vec<usize>,
    /// Rows within the first chunk, then those within the next.
    rows: Vec<u64>,
    /// For each position its place in `rows`, unless they are in order.
    order: Option<Vec<u64>>,
    valid: Option<NullBuffer>,
}

impl ChunkedPositions {
    /// Looks up which of the chunks, `chunk_lens` rows long each, holds each position.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the chunks have fewer rows than the positions' bound.
    pub fn new(positions: &Positions, chunk_lens: &[usize]) -> Result<Self> {
        let finder = ChunkFinder::new(chunk_lens);
        if finder.row_count() < positions.bound() {
            return Err(Error::invalid(format!(
                "positions up to {} in chunks of {} rows",
                positions.bound(),
                finder.row_count()
            )));
        }
        let mut chunked = Self {
            chunk_lens: chunk_lens.to_vec(),
            ends: vec![0; chunk_lens.len()],
            rows: Vec::new(),
            order: None,
            valid: positions.valid().cloned(),
        };
        // Without any row all positions are null, and there is nothing to look up.
        if finder.row_count() > 0 {
            let chunks: Vec<u32> = positions.rows().map(|row| finder.chunk_of(row)).collect();
            chunked.sort(positions, &chunks, &finder);
        }
        Ok(chunked)
    }

    /// `chunks` has the chunk of each position.
    fn sort(&mut self, positions: &Positions, chunks: &[u32], finder: &ChunkFinder) {
        for chunk in chunks {
            self.ends[*chunk as usize] += 1;
        }
        let mut sum = 0;
        for end in &mut self.ends {
            sum += *end;
            *end = sum - *end;
        }
        self.rows = vec![0; chunks.len()];
        let mut order = Vec::with_capacity(chunks.len());
        for (row, chunk) in positions.rows().zip(chunks) {
            let chunk = *chunk as usize;
            let place = self.ends[chunk];
            self.rows[place] = (row - finder.starts[chunk]) as u64;
            order.push(place as u64);
            // From where the chunk's rows begin to where they end.
            self.ends[chunk] += 1;
        }
        let sorted = order
            .iter()
            .enumerate()
            .all(|(at, place)| at as u64 == *place);
        self.order = (!sorted).then_some(order);
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        match (&self.valid, self.rows.len()) {
            (Some(valid), 0) => valid.len(),
            (_, len) => len,
        }
    }

    /// True when no row is selected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut start = 0;
        let mut parts = Vec::new();
        for (chunk, end) in self.ends.iter().copied().enumerate() {
            parts.extend(parts_of(chunk, &self.rows[start..end], Picks::Rows64));
            start = end;
        }
        parts
    }
}

/// The rows of `chunks`, one behind the other, at `positions`, in their order; null where the
/// position is null.
///
/// # Errors
///
/// `InvalidArgument` when the chunks are not as long as those that the positions were looked up in,
/// or of different types; else as [`super::take_array`].
pub fn take_chunked(chunks: &[&dyn Array], positions: &ChunkedPositions) -> Result<ArrayRef> {
    let lens = chunks.iter().map(|chunk| chunk.len());
    let Some(first) = chunks
        .first()
        .filter(|_| lens.eq(positions.chunk_lens.iter().copied()))
    else {
        return Err(Error::invalid(format!(
            "positions in other chunks than these {}",
            chunks.len()
        )));
    };
    if positions.rows.is_empty() {
        // No chunk has a row, so all positions are null.
        return Ok(new_null_array(first.data_type(), positions.len()));
    }
    let gathered = select(&Job {
        chunks: chunks.to_vec(),
        parts: positions.parts(),
        sources: Sources::Kept,
    })?;
    let taken = match &positions.order {
        None => gathered,
        Some(order) => select(&Job {
            chunks: vec![gathered.as_ref()],
            parts: parts_of(0, order, Picks::Rows64).collect(),
            sources: Sources::Kept,
        })?,
    };
    with_nulls_of(taken, positions.valid.as_ref())
}

/// From a row number to its chunk: a table leads close to it.
struct ChunkFinder {
    /// First row of each chunk, and one more: the end of the last.
    starts: Vec<usize>,
    /// The chunk of the first of every `1 << shift` rows.
    table: Vec<u32>,
    shift: u32,
}

impl ChunkFinder {
    fn new(chunk_lens: &[usize]) -> Self {
        let mut starts = Vec::with_capacity(chunk_lens.len() + 1);
        starts.push(0);
        let mut end = 0;
        for len in chunk_lens {
            end += len;
            starts.push(end);
        }
        let entries_max = ENTRIES_PER_CHUNK * chunk_lens.len().max(1);
        let shift = (end / entries_max).checked_ilog2().map_or(0, |log| log + 1);
        let table = (0..=end >> shift)
            .map(|entry| {
                let row = entry << shift;
                // Chunks without rows end where they start and are passed over.
                (starts.partition_point(|start| *start <= row) - 1) as u32
            })
            .collect();
        Self {
            starts,
            table,
            shift,
        }
    }

    fn row_count(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The chunk of `row`, which is below the number of rows.
    fn chunk_of(&self, row: usize) -> u32 {
        let mut chunk = self.table[row >> self.shift];
        while self.starts[chunk as usize + 1] <= row {
            chunk += 1;
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found() {
        for lens in [
            vec![1],
            vec![0, 3, 0, 0, 2, 0],
            vec![100, 1, 1, 1, 1_000, 7],
            (0..70).collect(),
        ] {
            let finder = ChunkFinder::new(&lens);
            let expected = lens
                .iter()
                .enumerate()
                .flat_map(|(chunk, len)| std::iter::repeat_n(chunk as u32, *len));
            let found = (0..finder.row_count()).map(|row| finder.chunk_of(row));
            assert!(found.eq(expected), "{lens:?}");
            assert!(finder.table.len() <= 2 * ENTRIES_PER_CHUNK * lens.len() + 1);
        }
    }
}
