//! All rows of a scan in columns that are contiguous.
//!
//! Where no row is dropped, the row groups say how many there are: columns of a fixed width are
//! then allocated once and decoded into their places. What has no fixed width, and everything where
//! rows are filtered or deleted, is decoded in windows and put together at the end, column by column.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, make_array, new_empty_array};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, SchemaRef};
use fastdata_kernels::select::concat;
use fastdata_memory::{BufferPart, PartedBuffer, PooledBuffer};
use futures::stream::{self, TryStreamExt};
use rayon::prelude::*;

use crate::context::Context;
use crate::pipeline::{GroupWindow, batches, limited, loaded, opened, windows_ahead, windows_of};
use crate::read::{OpenFile, RowGroup, read_column};
use crate::runtime::on_decoders;
use crate::source::Source;
use crate::stats::add;
use crate::{Error, ErrorKind, Result};

/// Rows are only claimed until their pages are decoded. A column may be allocated for so many bytes
/// without a question, and beyond that for so many times the bytes that are stored for it: runs of
/// one value reach more, and are put together from windows instead.
const UNQUESTIONED_BYTES: u64 = 64 << 20;
const UNFOLDED_MAX: u64 = 1000;

/// Runs the scan; the answer is one batch, however many rows there are.
pub(crate) async fn collect(
    context: Arc<Context>,
    source: Arc<Source>,
    limit_rows: Option<u64>,
) -> Result<RecordBatch> {
    let cancel = context.cancel.clone();
    let outcome = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        outcome = run(context.clone(), source, limit_rows) => outcome,
    };
    context.counters.finish();
    outcome
}

async fn run(
    context: Arc<Context>,
    source: Arc<Source>,
    limit_rows: Option<u64>,
) -> Result<RecordBatch> {
    let files: Vec<OpenFile> = opened(&context, source)?.try_collect().await?;
    let keeps_all = |file: &OpenFile| !file.evaluates_filter() && file.deletes.is_empty();
    if limit_rows.is_none() && files.iter().all(keeps_all) {
        return in_place(context, files).await;
    }
    let files = stream::iter(files.into_iter().map(Ok));
    let batches = batches(&context, files);
    let parts: Vec<RecordBatch> = limited(context.clone(), batches, limit_rows)
        .try_collect()
        .await?;
    let schema = context.columns.output.clone();
    on_decoders(&context.pool, move || joined(&schema, parts)).await
}

/// The batches as one, column by column, so that at most one column is there twice.
fn joined(schema: &SchemaRef, parts: Vec<RecordBatch>) -> Result<RecordBatch> {
    let row_count = parts.iter().map(RecordBatch::num_rows).sum();
    let mut columns: Vec<Vec<ArrayRef>> =
        vec![Vec::with_capacity(parts.len()); schema.fields().len()];
    for part in parts {
        for (column, array) in columns.iter_mut().zip(part.columns()) {
            column.push(array.clone());
        }
    }
    let arrays = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(arrays, field)| contiguous(arrays, field.data_type()))
        .collect::<Result<Vec<_>>>()?;
    batch(schema, arrays, row_count)
}

fn batch(schema: &SchemaRef, arrays: Vec<ArrayRef>, row_count: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(|source| Error::corrupt(format!("the files break the schema: {source}")))
}

fn contiguous(arrays: Vec<ArrayRef>, data_type: &DataType) -> Result<ArrayRef> {
    if arrays.is_empty() {
        return Ok(new_empty_array(data_type));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    Ok(concat(&arrays)?)
}

/// A column on its way.
enum Column {
    /// Of a fixed width: its memory, and what of it is not given away yet.
    Placed {
        whole: PartedBuffer,
        rest: BufferPart,
        value_bytes: usize,
        nulls: Nulls,
    },
    /// Put together at the end.
    Arrays(Vec<ArrayRef>),
}

/// What a window came to for one column.
enum Piece {
    /// Its values are in place; where the nulls are.
    Placed(Option<NullBuffer>),
    Array(ArrayRef),
}

async fn in_place(context: Arc<Context>, files: Vec<OpenFile>) -> Result<RecordBatch> {
    let row_count = row_count(&files)?;
    let mut columns = allocate(&context, &files, row_count);
    let files = stream::iter(files.into_iter().map(Ok));
    let mut windows = std::pin::pin!(windows_of(loaded(&context, files)));
    let mut at_work = stream::FuturesOrdered::new();
    let mut rows_seen = 0;
    loop {
        // Every thread has the next window waiting.
        while at_work.len() < windows_ahead(context.threads) {
            let Some(window) = windows.try_next().await? else {
                break;
            };
            let parts = take_parts(&mut columns, window.1.row_count())?;
            let pool = context.pool.clone();
            at_work.push_back(async move {
                on_decoders(&pool, move || read_pieces(window, parts)).await
            });
        }
        let Some(pieces) = at_work.try_next().await? else {
            break;
        };
        let (rows, pieces) = pieces;
        rows_seen += rows;
        for (column, piece) in columns.iter_mut().zip(pieces) {
            match (column, piece) {
                (Column::Placed { nulls, .. }, Piece::Placed(of_window)) => {
                    nulls.append(of_window.as_ref(), rows);
                }
                (Column::Arrays(arrays), Piece::Array(array)) => arrays.push(array),
                _ => return Err(lost()),
            }
        }
    }
    if rows_seen != row_count {
        return Err(lost());
    }
    let schema = context.columns.output.clone();
    let whole = on_decoders(&context.pool, move || finish(&schema, columns, row_count)).await?;
    add(&context.counters.rows_returned, row_count as u64);
    add(
        &context.counters.bytes_returned,
        whole.get_array_memory_size() as u64,
    );
    Ok(whole)
}

fn row_count(files: &[OpenFile]) -> Result<usize> {
    let plans = files.iter().flat_map(|file| &file.row_groups);
    plans
        .map(|plan| usize::try_from(plan.num_rows).ok())
        .try_fold(0_usize, |sum, rows| sum.checked_add(rows?))
        .ok_or_else(|| Error::corrupt("more rows than this machine can hold"))
}

/// Memory for the returned columns of a fixed width, where it can be answered for.
fn allocate(context: &Context, files: &[OpenFile], row_count: usize) -> Vec<Column> {
    let fields = context.columns.output.fields().iter().enumerate();
    let place = |(position, field): (usize, &Arc<arrow_schema::Field>)| {
        let value_bytes = field.data_type().primitive_width()?;
        let len = row_count.checked_mul(value_bytes)?;
        let stored = files
            .iter()
            .map(|file| file.stored_bytes(position))
            .sum::<u64>();
        if len as u64 > UNQUESTIONED_BYTES.max(stored.saturating_mul(UNFOLDED_MAX)) {
            return None;
        }
        let (whole, rest) = PooledBuffer::with_len(len).into_parts();
        Some(Column::Placed {
            whole,
            rest,
            value_bytes,
            nulls: Nulls::default(),
        })
    };
    fields
        .map(|field| place(field).unwrap_or_else(|| Column::Arrays(Vec::new())))
        .collect()
}

/// The places of the next `rows` rows.
fn take_parts(columns: &mut [Column], rows: usize) -> Result<Vec<Option<BufferPart>>> {
    let take = |column: &mut Column| match column {
        Column::Arrays(_) => Ok(None),
        Column::Placed {
            rest, value_bytes, ..
        } => match rows.checked_mul(*value_bytes) {
            Some(len) if len <= rest.len() => Ok(Some(rest.split_to(len))),
            _ => Err(lost()),
        },
    };
    columns.iter_mut().map(take).collect()
}

/// Decodes a window, columns side by side: into `parts` where there is one.
fn read_pieces(
    (group, rows): GroupWindow,
    parts: Vec<Option<BufferPart>>,
) -> Result<(usize, Vec<Piece>)> {
    group.context.cancel.check()?;
    add(&group.context.counters.rows_read, rows.row_count() as u64);
    let pieces = parts
        .into_par_iter()
        .enumerate()
        .map(|(position, part)| match part {
            None => Ok(Piece::Array(read_column(&group, position, &rows, &rows)?)),
            Some(part) => Ok(Piece::Placed(read_placed(&group, position, &rows, part)?)),
        })
        .collect::<Result<Vec<_>>>();
    match pieces {
        Ok(pieces) => Ok((rows.row_count(), pieces)),
        Err(error) => Err(error.at(&group.place())),
    }
}

/// The values of a column of a fixed width into `part`, decoded there when the file has them as the
/// scan wants them.
fn read_placed(
    group: &RowGroup,
    position: usize,
    rows: &fastdata_parquet::RowRanges,
    mut part: BufferPart,
) -> Result<Option<NullBuffer>> {
    let out = part.as_mut_slice();
    if let (true, [range]) = (group.file.delivers_as_is(position), rows.ranges()) {
        let reader = group.reader(position)?;
        if reader
            .value_bytes()
            .and_then(|bytes| bytes.checked_mul(range.len()))
            == Some(out.len())
        {
            return Ok(reader.read_into(range.clone(), out)?);
        }
    }
    let data = read_column(group, position, rows, rows)?.to_data();
    let value_bytes = out.len().checked_div(data.len()).unwrap_or(0);
    let from = data.offset() * value_bytes;
    let values = data
        .buffers()
        .first()
        .and_then(|values| values.get(from..from + out.len()));
    out.copy_from_slice(values.ok_or_else(lost)?);
    Ok(data.nulls().cloned())
}

fn finish(schema: &SchemaRef, columns: Vec<Column>, row_count: usize) -> Result<RecordBatch> {
    let array = |(column, field): (Column, &Arc<arrow_schema::Field>)| match column {
        Column::Arrays(arrays) => contiguous(arrays, field.data_type()),
        Column::Placed {
            whole, rest, nulls, ..
        } => {
            drop(rest);
            let values = whole.join().ok_or_else(lost)?;
            let data = ArrayData::builder(field.data_type().clone())
                .len(row_count)
                .add_buffer(Buffer::from(values.into_bytes()))
                .nulls(nulls.finish());
            let data = data
                .build()
                .map_err(|source| Error::corrupt(format!("the files break the schema: {source}")));
            Ok(make_array(data?))
        }
    };
    let arrays = columns
        .into_iter()
        .zip(schema.fields())
        .map(array)
        .collect::<Result<Vec<_>>>()?;
    batch(schema, arrays, row_count)
}

/// Validity put together from windows; there is no bitmap before the first null.
#[derive(Default)]
struct Nulls {
    len: usize,
    bits: Option<BooleanBufferBuilder>,
}

impl Nulls {
    fn append(&mut self, nulls: Option<&NullBuffer>, rows: usize) {
        let len = self.len;
        self.len += rows;
        if nulls.is_none() && self.bits.is_none() {
            return;
        }
        let bits = self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(len + rows);
            bits.append_n(len, true);
            bits
        });
        match nulls {
            None => bits.append_n(rows, true),
            Some(nulls) => bits.append_buffer(nulls.inner()),
        }
    }

    fn finish(self) -> Option<NullBuffer> {
        self.bits.map(|mut bits| NullBuffer::new(bits.finish()))
    }
}

fn lost() -> Error {
    Error::corrupt("a window came to other rows than were planned")
}
