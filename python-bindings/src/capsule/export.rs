//! Capsules for consumers.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Schema};
use fastdata::{Column, DataFrame, Error, Result, Scan};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use super::stream::{Chunks, stream};
use crate::exceptions::{exception, unsupported};

pub(super) const SCHEMA: &CStr = c"arrow_schema";
pub(super) const ARRAY: &CStr = c"arrow_array";
pub(super) const STREAM: &CStr = c"arrow_array_stream";

/// A capsule of the type of `field`.
pub(crate) fn schema_capsule<'py>(
    py: Python<'py>,
    field: &Field,
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(field).map_err(|error| {
        unsupported(format!("a schema that Arrow's C interface lacks: {error}"))
    })?;
    PyCapsule::new_with_value(py, schema, SCHEMA)
}

/// The capsules of one batch.
pub(crate) fn array_capsules<'py>(
    py: Python<'py>,
    batch: &RecordBatch,
    requested: Option<&Field>,
) -> PyResult<Bound<'py, PyTuple>> {
    let wish = Wish::new(&batch.schema(), requested);
    let batch = wish.fulfil(batch).map_err(|error| exception(&error))?;
    let schema = schema_capsule(py, &struct_field(&batch.schema()))?;
    let array = FFI_ArrowArray::new(&StructArray::from(batch).to_data());
    let array = PyCapsule::new_with_value(py, array, ARRAY)?;
    PyTuple::new(py, [schema.into_any(), array.into_any()])
}

/// A fresh stream of the frame's chunks.
pub(crate) fn frame_capsule<'py>(
    py: Python<'py>,
    frame: &DataFrame,
    requested: Option<&Field>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let wish = Wish::new(frame.schema(), requested);
    let field = struct_field(&wish.schema);
    let chunks = frame.batches().to_vec().into_iter();
    let chunks: Chunks =
        Box::new(chunks.map(move |batch| Ok(StructArray::from(wish.fulfil(&batch)?).to_data())));
    PyCapsule::new_with_value(py, stream(field, chunks), STREAM)
}

/// A fresh run of the scan. It is started by the consumer's first call, which may come from any
/// thread; nothing in it waits for Python.
pub(crate) fn scan_capsule<'py>(
    py: Python<'py>,
    scan: &Scan,
    requested: Option<&Field>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let wish = Wish::new(scan.schema(), requested);
    let field = struct_field(&wish.schema);
    let scan = scan.clone();
    let batches = std::iter::once_with(move || scan.batches()).flat_map(|started| {
        let each: Box<dyn Iterator<Item = Result<RecordBatch>> + Send> = match started {
            Ok(batches) => Box::new(batches),
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        each
    });
    let chunks: Chunks =
        Box::new(batches.map(move |batch| Ok(StructArray::from(wish.fulfil(&batch?)?).to_data())));
    PyCapsule::new_with_value(py, stream(field, chunks), STREAM)
}

/// A fresh stream of the column's chunks.
pub(crate) fn column_capsule<'py>(
    py: Python<'py>,
    column: &Column,
    requested: Option<&Field>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let mut field = Field::clone(column.field());
    if let Some(requested) = requested
        && is_layout_of(field.data_type(), requested.data_type())
    {
        field.set_data_type(requested.data_type().clone());
    }
    let data_type = field.data_type().clone();
    let chunks = column.chunks().to_vec().into_iter();
    let chunks: Chunks =
        Box::new(chunks.map(move |chunk| Ok(in_layout(&chunk, &data_type)?.to_data())));
    PyCapsule::new_with_value(py, stream(field, chunks), STREAM)
}

/// A batch is a struct to Arrow's C interface.
pub(crate) fn struct_field(schema: &Schema) -> Field {
    let data_type = DataType::Struct(schema.fields().clone());
    Field::new("", data_type, false).with_metadata(schema.metadata().clone())
}

/// The schema that a consumer asked for, as far as it only is another layout of the same values.
struct Wish {
    schema: Arc<Schema>,
    changed: bool,
}

impl Wish {
    fn new(schema: &Arc<Schema>, requested: Option<&Field>) -> Self {
        let wanted = match requested.map(Field::data_type) {
            Some(DataType::Struct(fields)) if fields.len() == schema.fields().len() => fields,
            _ => {
                return Self {
                    schema: Arc::clone(schema),
                    changed: false,
                };
            }
        };
        let mut changed = false;
        let each = schema.fields().iter().zip(wanted);
        let fields: Vec<FieldRef> = each
            .map(|(field, wanted)| {
                let other = field.data_type() != wanted.data_type();
                match other && is_layout_of(field.data_type(), wanted.data_type()) {
                    true => {
                        changed = true;
                        let data_type = wanted.data_type().clone();
                        Arc::new(Field::clone(field).with_data_type(data_type))
                    }
                    false => Arc::clone(field),
                }
            })
            .collect();
        let metadata = schema.metadata().clone();
        Self {
            schema: Arc::new(Schema::new_with_metadata(fields, metadata)),
            changed,
        }
    }

    fn fulfil(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if !self.changed {
            return Ok(batch.clone());
        }
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns
            .map(|(column, field)| in_layout(column, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        let rows = batch.num_rows();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|cause| Error::invalid("columns in other layouts").with_source(cause))
    }
}

/// Whether values of `actual` are the same values in `wanted`.
fn is_layout_of(actual: &DataType, wanted: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Decimal128, Decimal256, Dictionary, LargeBinary, LargeUtf8, Utf8,
        Utf8View,
    };
    let text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let bytes = |data_type: &DataType| matches!(data_type, Binary | LargeBinary | BinaryView);
    match (actual, wanted) {
        (Dictionary(_, value), wanted) => text(value) && text(wanted),
        (Decimal128(p, s), Decimal256(q, t)) => p <= q && s == t,
        (actual, wanted) => text(actual) && text(wanted) || bytes(actual) && bytes(wanted),
    }
}

fn in_layout(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, data_type, &strict)
        .map_err(|cause| Error::invalid(format!("a column as {data_type}")).with_source(cause))
}
