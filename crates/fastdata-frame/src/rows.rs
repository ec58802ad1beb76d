//! Choosing rows.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::{DataType, Field};
use fastdata_kernels::predicate::bind;
use fastdata_kernels::select::{
    ChunkedPositions, Mask, NullAs, Positions, concat, filter_array, filter_chunked, take_array,
    take_chunked,
};
use fastdata_kernels::threads::map_each;
use fastdata_scan::{ErrorKind, parse_filter};

use crate::column::{PARALLEL_PICKS_MIN, PARALLEL_VALUES_MIN, threaded};
use crate::columns::batch_of;
use crate::frame::check_schema;
use crate::{Column, DataFrame, Error, Result};

/// Conditions on fewer rows than this are evaluated by the calling thread, which is also how many one
/// thread evaluates at once.
const EVALUATED_ROWS: usize = 32 << 10;
/// Positions in several chunks are looked up when they are fewer than one in so many rows.
const CONCAT_DIVISOR: usize = 8;

/// Which rows to take.
#[derive(Debug, Clone)]
pub enum Rows {
    /// Where the value is true; there is one for every row.
    Mask(Column),
    /// Those with these numbers, counted from 0, in this order. A null number gives a row of nulls.
    Positions(Column),
}

impl DataFrame {
    /// The first `count` rows, or all when there are fewer. Nothing is copied.
    pub fn head(&self, count: usize) -> Self {
        self.range(0, count.min(self.num_rows()))
    }

    /// `count` rows from row `start` on. Nothing is copied.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the range passes the end.
    pub fn slice(&self, start: usize, count: usize) -> Result<Self> {
        match start.checked_add(count) {
            Some(end) if end <= self.num_rows() => Ok(self.range(start, count)),
            _ => Err(Error::invalid(format!(
                "{count} rows from row {start} on of a frame of {} rows",
                self.num_rows()
            ))),
        }
    }

    fn range(&self, start: usize, count: usize) -> Self {
        let (mut skip, mut left) = (start, count);
        let mut chunks = Vec::new();
        for batch in self.batches() {
            if left == 0 {
                break;
            }
            let rows = batch.num_rows();
            if skip < rows {
                let taken = left.min(rows - skip);
                chunks.push(batch.slice(skip, taken));
                left -= taken;
            }
            skip = skip.saturating_sub(rows);
        }
        Self::of_chunks(Arc::clone(self.schema()), chunks)
    }

    /// Frames of at most `rows_max` rows each, in order. Nothing is copied.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when `rows_max` is 0.
    pub fn split(&self, rows_max: usize) -> Result<Vec<Self>> {
        if rows_max == 0 {
            return Err(Error::invalid(
                "a frame cannot be split into parts of 0 rows",
            ));
        }
        let starts = (0..self.num_rows()).step_by(rows_max);
        Ok(starts
            .map(|start| self.range(start, rows_max.min(self.num_rows() - start)))
            .collect())
    }

    /// The rows of all `frames`, in order. Nothing is copied.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there is no frame, or when names or types differ.
    pub fn concat(frames: &[Self]) -> Result<Self> {
        let Some(first) = frames.first() else {
            return Err(Error::invalid("no frame to concatenate"));
        };
        let mut chunks = Vec::new();
        for frame in frames {
            check_schema(first.schema(), frame.schema())?;
            chunks.extend_from_slice(frame.batches());
        }
        let any_null = |index: usize| {
            let mut frames = frames.iter();
            frames.any(|frame| frame.schema().field(index).is_nullable())
        };
        let mut fields = arrow_schema::SchemaBuilder::from(first.schema().as_ref());
        for index in 0..first.num_columns() {
            if any_null(index) && !first.schema().field(index).is_nullable() {
                let field = first.schema().field(index).clone().with_nullable(true);
                *fields.field_mut(index) = Arc::new(field);
            }
        }
        let schema = Arc::new(fields.finish());
        let chunks = chunks
            .into_iter()
            .map(|chunk| {
                let rows = chunk.num_rows();
                batch_of(Arc::clone(&schema), chunk.columns().to_vec(), rows)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::of_chunks(schema, chunks))
    }

    /// The rows for which `condition` is true, in SQL's expression syntax and three-valued logic.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the condition does not parse or names a column that is not there.
    pub fn filter(&self, condition: &str) -> Result<Self> {
        let bound = bind(&parse_filter(condition)?, self.schema())?;
        let evaluate = |batch: &RecordBatch| Ok(bound.evaluate(batch)?);
        let work = || {
            let masks = match self.batches() {
                [only] => vec![Mask::new(evaluate_in_pieces(only, &evaluate)?)],
                chunks => {
                    let mask = |chunk| Ok(Mask::new(evaluate(chunk)?));
                    map_each::<_, _, Result<Vec<_>>>(chunks, mask)?
                }
            };
            self.filter_masks(&masks)
        };
        threaded(self.num_rows() >= EVALUATED_ROWS, work)
    }

    /// The rows that `rows` choose; `nulls` says what a null in a mask means.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when a mask is of another length or no boolean column, when a position is
    /// out of range or no integer; as [`fastdata_kernels::select::take_array`] for null positions.
    pub fn take(&self, rows: &Rows, nulls: NullAs) -> Result<Self> {
        match rows {
            Rows::Mask(mask) => self.take_mask(mask, nulls),
            Rows::Positions(positions) => self.take_positions(positions),
        }
    }

    /// The rows for which the boolean column `name` is true.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there is no such column or it is not boolean.
    pub fn take_where(&self, name: &str, nulls: NullAs) -> Result<Self> {
        self.take_mask(&self.column(name)?, nulls)
    }

    fn take_mask(&self, mask: &Column, nulls: NullAs) -> Result<Self> {
        if *mask.field().data_type() != DataType::Boolean {
            return Err(Error::invalid(format!(
                "rows are taken by booleans, not by {}; write a condition with filter",
                mask.field().data_type()
            )));
        }
        if mask.len() != self.num_rows() {
            return Err(Error::invalid(format!(
                "a mask of {} rows for a frame of {} rows",
                mask.len(),
                self.num_rows()
            )));
        }
        let pieces = aligned(mask, self.batches())?;
        let masks = || -> Vec<Mask> { map_each(&pieces, |piece| Mask::from_boolean(piece, nulls)) };
        let guesses = pieces.iter().map(|piece| Mask::guess_count(piece.values()));
        if self.are_many_picks(guesses.sum()) {
            return threaded(self.is_large(), || self.filter_masks(&masks()));
        }
        // By the time that another thread is awake, this one knows which the few rows are.
        let masks = masks();
        let kept = masks.iter().map(Mask::count).sum();
        threaded(self.are_many_picks(kept), || self.filter_masks(&masks))
    }

    /// One mask for each chunk; the result is one chunk, unless 32-bit offsets do not reach so far.
    fn filter_masks(&self, masks: &[Mask]) -> Result<Self> {
        let rows: usize = masks.iter().map(Mask::count).sum();
        if rows == self.num_rows() {
            return Ok(self.clone());
        }
        let columns = self.each_column(|_, chunks| Ok(filter_chunked(chunks, masks)?));
        let chunks = match columns {
            Ok(columns) => vec![batch_of(Arc::clone(self.schema()), columns, rows)?],
            Err(error) if error.kind() == ErrorKind::LimitExceeded => {
                self.filter_each_chunk(masks)?
            }
            Err(error) => return Err(error),
        };
        Ok(Self::of_chunks(Arc::clone(self.schema()), chunks))
    }

    fn filter_each_chunk(&self, masks: &[Mask]) -> Result<Vec<RecordBatch>> {
        let chunks = self.batches().iter().zip(masks);
        chunks
            .map(|(batch, mask)| {
                let filter = |column: &ArrayRef| Ok(filter_array(column, mask)?);
                let columns = map_each::<_, _, Result<Vec<_>>>(batch.columns(), filter)?;
                batch_of(Arc::clone(self.schema()), columns, mask.count())
            })
            .collect()
    }

    fn take_positions(&self, positions: &Column) -> Result<Self> {
        let positions = positions.to_array()?;
        let batch = threaded(self.are_many_picks(positions.len()), || {
            let positions = Positions::new(positions.as_ref(), self.num_rows())?;
            let columns = match self.batches() {
                [] | [_] => self.take_of_one(&positions)?,
                // Bringing the chunks together costs a pass over all rows, looking up each number
                // costs more a row: few rows of many are looked up.
                _ if positions.len() < self.num_rows() / CONCAT_DIVISOR => {
                    self.take_of_many(&positions)?
                }
                _ => self.take_of_all(&positions)?,
            };
            batch_of(Arc::clone(self.schema()), columns, positions.len())
        })?;
        Ok(Self::of_chunks(Arc::clone(self.schema()), vec![batch]))
    }

    fn take_of_one(&self, positions: &Positions) -> Result<Vec<ArrayRef>> {
        self.each_column(|field, chunks| match chunks {
            [only] => Ok(take_array(*only, positions)?),
            // No rows, so all positions are null.
            _ => Ok(new_null_array(field.data_type(), positions.len())),
        })
    }

    fn take_of_many(&self, positions: &Positions) -> Result<Vec<ArrayRef>> {
        let lens: Vec<usize> = self.batches().iter().map(RecordBatch::num_rows).collect();
        let positions = ChunkedPositions::new(positions, &lens)?;
        self.each_column(|_, chunks| Ok(take_chunked(chunks, &positions)?))
    }

    fn take_of_all(&self, positions: &Positions) -> Result<Vec<ArrayRef>> {
        let whole = self.each_column(|_, chunks| Ok(take_array(&concat(chunks)?, positions)?));
        match whole {
            // All of it does not fit 32-bit offsets; the rows that are wanted may.
            Err(error) if error.kind() == ErrorKind::LimitExceeded => self.take_of_many(positions),
            whole => whole,
        }
    }

    /// What `select` makes of each column, given its field and its chunks.
    fn each_column(
        &self,
        select: impl Fn(&Field, &[&dyn Array]) -> Result<ArrayRef> + Sync,
    ) -> Result<Vec<ArrayRef>> {
        let indices: Vec<usize> = (0..self.num_columns()).collect();
        map_each(&indices, |index| {
            let chunks = self.column_chunks(*index);
            let chunks: Vec<&dyn Array> = chunks.iter().map(|chunk| chunk.as_ref()).collect();
            select(self.schema().field(*index), &chunks)
        })
    }

    /// Whether picking `count` rows of all columns is worth waking threads.
    fn are_many_picks(&self, count: usize) -> bool {
        count * self.num_columns() >= PARALLEL_PICKS_MIN
    }

    /// Whether moving rows of all columns is worth waking threads.
    fn is_large(&self) -> bool {
        self.num_rows() * self.num_columns() >= PARALLEL_VALUES_MIN
    }
}

/// `mask` cut where the chunks of a frame are cut.
fn aligned(mask: &Column, chunks: &[RecordBatch]) -> Result<Vec<BooleanArray>> {
    let same = mask.chunks().len() == chunks.len()
        && mask
            .chunks()
            .iter()
            .zip(chunks)
            .all(|(piece, chunk)| piece.len() == chunk.num_rows());
    if same {
        let pieces = mask.chunks().iter();
        return Ok(pieces.map(|piece| piece.as_boolean().clone()).collect());
    }
    let whole = mask.to_array()?;
    let whole = whole.as_boolean();
    let mut start = 0;
    Ok(chunks
        .iter()
        .map(|chunk| {
            let piece = whole.slice(start, chunk.num_rows());
            start += chunk.num_rows();
            piece
        })
        .collect())
}

/// One long chunk is evaluated piece by piece on all threads.
fn evaluate_in_pieces(
    batch: &RecordBatch,
    evaluate: &(dyn Fn(&RecordBatch) -> Result<BooleanBuffer> + Sync),
) -> Result<BooleanBuffer> {
    let rows = batch.num_rows();
    if rows < 2 * EVALUATED_ROWS {
        return evaluate(batch);
    }
    let starts: Vec<usize> = (0..rows).step_by(EVALUATED_ROWS).collect();
    let pieces: Result<Vec<BooleanBuffer>> = map_each(&starts, |start| {
        evaluate(&batch.slice(*start, EVALUATED_ROWS.min(rows - start)))
    });
    let pieces = pieces?;
    let mut bits = arrow_array::builder::BooleanBufferBuilder::new(rows);
    for piece in &pieces {
        bits.append_buffer(piece);
    }
    Ok(bits.finish())
}
