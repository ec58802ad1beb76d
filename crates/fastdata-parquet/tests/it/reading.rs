//! A file in memory, read the way the scan reads it, and by the oracle.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::Schema;
use bytes::Bytes;
use fastdata_parquet::{
    ColumnReader, FieldProjection, FileMeta, FooterReader, FooterStep, ReadOptions, Result,
    RowRanges, chunk_ranges,
};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

/// The metadata of a file, starting from an absurdly small guess when `tail_bytes` is given.
pub(crate) fn open(file: &Bytes, options: &ReadOptions) -> Result<FileMeta> {
    let mut reader = FooterReader::new(file.len() as u64, options);
    let mut range = reader.first_range();
    loop {
        let tail = file.slice(range.start as usize..);
        match reader.decode(range.start, tail)? {
            FooterStep::Ready(meta) => return Ok(meta),
            FooterStep::Need(next, wanted) => (reader, range) = (next, wanted),
        }
    }
}

pub(crate) fn open_column(
    meta: &FileMeta,
    file: &Bytes,
    row_group: usize,
    field: &FieldProjection,
    rows: Option<&RowRanges>,
) -> Result<ColumnReader> {
    let ranges = chunk_ranges(meta, row_group, field, rows)?;
    let bytes = ranges.into_iter().map(|range| {
        let bytes = file.slice(range.start as usize..range.end as usize);
        (range, bytes)
    });
    ColumnReader::open(meta, row_group, field, bytes.collect())
}

/// Every column of every row group, in windows of `window` rows; each window is given to `visit`.
pub(crate) fn read_all(
    file: &Bytes,
    options: &ReadOptions,
    window: usize,
    mut visit: impl FnMut(usize, usize, usize, ArrayRef),
) -> Result<FileMeta> {
    let meta = open(file, options)?;
    let fields = meta.project_all()?;
    for (group, group_meta) in meta.row_groups().iter().enumerate() {
        for field in &fields {
            let reader = open_column(&meta, file, group, field, None)?;
            let rows = group_meta.num_rows as usize;
            for from in (0..rows).step_by(window) {
                let array = reader.read(from..(from + window).min(rows))?;
                assert_eq!(array.len(), window.min(rows - from));
                visit(group, field.index(), from, array);
            }
        }
    }
    Ok(meta)
}

/// One array for each column of each row group.
pub(crate) fn columns(
    file: &Bytes,
    options: &ReadOptions,
    window: usize,
) -> Result<(FileMeta, Vec<Vec<ArrayRef>>)> {
    let mut parts: Vec<Vec<Vec<ArrayRef>>> = Vec::new();
    let meta = read_all(file, options, window, |group, field, _, array| {
        parts.resize_with(parts.len().max(group + 1), Vec::new);
        let fields = &mut parts[group];
        fields.resize_with(fields.len().max(field + 1), Vec::new);
        fields[field].push(array);
    })?;
    let joined = parts
        .iter()
        .map(|fields| fields.iter().map(|windows| join(windows)).collect());
    Ok((meta, joined.collect()))
}

fn join(windows: &[ArrayRef]) -> ArrayRef {
    let arrays: Vec<_> = windows.iter().map(|array| array.as_ref()).collect();
    arrow_select::concat::concat(&arrays).unwrap()
}

/// What the `parquet` crate itself reads, all row groups as one batch.
pub(crate) fn oracle(file: &Bytes) -> Option<RecordBatch> {
    oracle_with(file, ArrowReaderOptions::new())
}

/// As [`oracle`], by Parquet's own types alone.
pub(crate) fn native_oracle(file: &Bytes) -> Option<RecordBatch> {
    oracle_with(
        file,
        ArrowReaderOptions::new().with_skip_arrow_metadata(true),
    )
}

fn oracle_with(file: &Bytes, options: ArrowReaderOptions) -> Option<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options)
        .ok()?
        .build()
        .ok()?;
    let schema = RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().ok()?;
    arrow_select::concat::concat_batches(&schema, &batches).ok()
}

/// All row groups of [`columns`] as one batch.
pub(crate) fn batch(file: &Bytes, options: &ReadOptions, window: usize) -> Result<RecordBatch> {
    let (meta, groups) = columns(file, options, window)?;
    let schema: std::sync::Arc<Schema> = meta.schema().clone();
    let arrays: Vec<ArrayRef> = (0..schema.fields().len())
        .map(|field| {
            let parts: Vec<ArrayRef> = groups.iter().map(|fields| fields[field].clone()).collect();
            if parts.is_empty() {
                arrow_array::new_empty_array(schema.field(field).data_type())
            } else {
                join(&parts)
            }
        })
        .collect();
    let rows = meta.num_rows() as usize;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options).unwrap())
}
