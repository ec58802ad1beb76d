//! Python's arguments as Rust's.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float16Array, Float64Array, Int64Array, RecordBatch,
};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use fastdata::{Column, DataFrame, NullAs, Rows};
use half::f16;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyString};

use crate::capsule::{Imported, import};
use crate::column::Column as PyColumn;
use crate::exceptions::{exception, invalid};
use crate::sequence::sequence;

/// One name or several.
#[derive(FromPyObject)]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Several(names) => names,
        }
    }
}

/// What a null in a mask means.
pub(crate) fn nulls(null_as: bool) -> NullAs {
    match null_as {
        true => NullAs::True,
        false => NullAs::False,
    }
}

/// Text of a partition's value: as folders and `-p` of the command have it.
pub(crate) fn partition_value(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_none() {
        return Ok("__HIVE_DEFAULT_PARTITION__".to_owned());
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(if flag.is_true() { "true" } else { "false" }.to_owned());
    }
    if value.hasattr("isoformat")? {
        return value.call_method0("isoformat")?.extract();
    }
    if value.cast::<PyBytes>().is_ok() {
        return Err(invalid(
            "a partition's value is a number, a text or a date, not bytes",
        ));
    }
    Ok(value.str()?.to_string())
}

/// `{"day": 3}` as pairs of texts.
pub(crate) fn partition(values: &Bound<'_, PyDict>) -> PyResult<Vec<(String, String)>> {
    let pair = |(name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((name.extract()?, partition_value(&value)?))
    };
    values.iter().map(pair).collect()
}

/// A mask or row numbers.
pub(crate) fn rows(object: &Bound<'_, PyAny>) -> PyResult<Rows> {
    let column = plain(column("rows", object)?)?;
    match column.field().data_type() {
        DataType::Boolean => Ok(Rows::Mask(column)),
        data_type if data_type.is_integer() => Ok(Rows::Positions(column)),
        DataType::Null if column.is_empty() => Ok(Rows::Positions(empty_positions()?)),
        other => Err(invalid(format!(
            "rows are chosen by booleans or row numbers, not by {other}"
        ))),
    }
}

/// The values themselves where they are told by keys or runs.
fn plain(column: Column) -> PyResult<Column> {
    let data_type = match column.field().data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::RunEndEncoded(_, values) => values.data_type().clone(),
        _ => return Ok(column),
    };
    let array = column.to_array().map_err(|error| exception(&error))?;
    let array = cast(&array, &data_type).map_err(|error| invalid(format!("rows: {error}")))?;
    column_of("rows", array)
}

fn empty_positions() -> PyResult<Column> {
    let none: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    column_of("rows", none)
}

/// A column from whatever holds values: a column of ours, an Arrow object, a buffer such as a numpy
/// array, or a sequence of Python values.
pub(crate) fn column(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Column> {
    if let Ok(column) = object.cast::<PyColumn>() {
        return Ok(column.get().inner().clone());
    }
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>() {
        // Python would take it for a sequence of letters.
        return Err(invalid(format!(
            "`{name}` is one value, not a column of them"
        )));
    }
    if let Some(imported) = import(object)? {
        return imported_column(name, &imported);
    }
    if let Some(array) = buffer(object)? {
        return column_of(name, array);
    }
    // Series of pandas, arrays of objects: values as Python has them.
    let convert = object.py().import("fastdata._convert")?;
    let values = convert.call_method1("as_values", (object,))?;
    if let Ok(column) = values.cast::<PyColumn>() {
        return Ok(column.get().inner().clone());
    }
    column_of(name, sequence(name, &values)?)
}

fn imported_column(name: &str, imported: &Imported) -> PyResult<Column> {
    let field = Arc::new(Field::clone(&imported.named(name)).with_name(name));
    let schema = Arc::new(Schema::new(vec![Arc::clone(&field)]));
    let batches = imported
        .chunks
        .iter()
        .map(|chunk| one_column(&schema, Arc::clone(chunk)));
    let batches = batches.collect::<PyResult<Vec<_>>>()?;
    DataFrame::new(schema, batches)
        .and_then(|frame| frame.column_at(0))
        .map_err(|error| exception(&error))
}

fn one_column(schema: &Arc<Schema>, array: ArrayRef) -> PyResult<RecordBatch> {
    RecordBatch::try_new(Arc::clone(schema), vec![array])
        .map_err(|error| invalid(format!("a column that contradicts its type: {error}")))
}

pub(crate) fn column_of(name: &str, array: ArrayRef) -> PyResult<Column> {
    let field = Field::new(name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = one_column(&schema, array)?;
    DataFrame::new(schema, vec![batch])
        .and_then(|frame| frame.column_at(0))
        .map_err(|error| exception(&error))
}

/// The values of a one-dimensional buffer of numbers or booleans.
fn buffer(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    macro_rules! of {
        ($($type:ty => $array:ty),*) => {
            $(if let Ok(buffer) = PyBuffer::<$type>::get(object) {
                one_dimension(buffer.dimensions())?;
                let values = buffer.to_vec(object.py())?;
                return Ok(Some(Arc::new(<$array>::from(values))));
            })*
        };
    }
    use arrow_array::{
        Float32Array, Int8Array, Int16Array, Int32Array, UInt8Array, UInt16Array, UInt32Array,
        UInt64Array,
    };
    let Some(format) = format_of(object)? else {
        return Ok(None);
    };
    match format.as_bytes() {
        // `PyBuffer` would read the bytes of big-endian numbers in our order.
        [b'>' | b'!', ..] => return Ok(None),
        b"?" => return booleans(object).map(Some),
        b"e" | b"<e" | b"=e" => return halves(object).map(Some),
        _ => {}
    }
    of!(
        i64 => Int64Array, i32 => Int32Array, i16 => Int16Array, i8 => Int8Array,
        u64 => UInt64Array, u32 => UInt32Array, u16 => UInt16Array,
        f64 => Float64Array, f32 => Float32Array
    );
    let Ok(buffer) = PyBuffer::<u8>::get(object) else {
        return Ok(None);
    };
    one_dimension(buffer.dimensions())?;
    let values = buffer.to_vec(object.py())?;
    Ok(Some(Arc::new(UInt8Array::from(values))))
}

/// What the items of a buffer are, in the letters of Python's `struct`; `None` where there is no buffer.
fn format_of(object: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let view = object.py().import("builtins")?.getattr("memoryview")?;
    match view.call1((object,)) {
        Ok(memory) => memory.getattr("format")?.extract().map(Some),
        Err(_) => Ok(None),
    }
}

/// No Rust type stands for items that are booleans (`?`): they are seen as bytes.
fn booleans(object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let bytes = bytes_of(object)?;
    let values: BooleanArray = bytes
        .as_bytes()
        .iter()
        .map(|byte| Some(*byte != 0))
        .collect();
    Ok(Arc::new(values))
}

/// Nor for floats of 16 bits (`e`), which come in this machine's order.
fn halves(object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let bytes = bytes_of(object)?;
    let (pairs, _) = bytes.as_bytes().as_chunks();
    let values = pairs.iter().copied().map(f16::from_le_bytes);
    Ok(Arc::new(Float16Array::from_iter_values(values)))
}

/// The bytes of a one-dimensional buffer, strides or not.
fn bytes_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let view = object.py().import("builtins")?.getattr("memoryview")?;
    let memory = view.call1((object,))?;
    one_dimension(memory.getattr("ndim")?.extract()?)?;
    Ok(memory.call_method0("tobytes")?.cast_into()?)
}

/// A column of points in time or durations; the lowest number is null.
pub(crate) fn times(
    ticks: &Bound<'_, PyAny>,
    unit: &str,
    zone: Option<&str>,
    is_duration: bool,
) -> PyResult<Column> {
    let unit_of = |name| match name {
        "s" => Ok(TimeUnit::Second),
        "ms" => Ok(TimeUnit::Millisecond),
        "us" => Ok(TimeUnit::Microsecond),
        "ns" => Ok(TimeUnit::Nanosecond),
        other => Err(invalid(format!("times in units of {other}"))),
    };
    let data_type = match (unit, is_duration) {
        ("D", false) => DataType::Date32,
        (unit, false) => DataType::Timestamp(unit_of(unit)?, zone.map(Into::into)),
        (unit, true) => DataType::Duration(unit_of(unit)?),
    };
    let ticks = column("ticks", ticks)?.to_array();
    let ticks = ticks.map_err(|error| exception(&error))?;
    let Some(ticks) = ticks.as_primitive_opt::<Int64Type>() else {
        return Err(invalid("times are 64-bit numbers"));
    };
    let valid = ticks.values().iter().map(|ticks| *ticks != i64::MIN);
    let ticks = Int64Array::new(ticks.values().clone(), Some(valid.collect()));
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let ticks: ArrayRef = match data_type {
        // Days have 32 bits.
        DataType::Date32 => cast_with_options(&ticks, &DataType::Int32, &strict)
            .map_err(|error| invalid(error.to_string()))?,
        _ => Arc::new(ticks),
    };
    let array = cast_with_options(&ticks, &data_type, &strict);
    column_of("value", array.map_err(|error| invalid(error.to_string()))?)
}

fn one_dimension(dimensions: usize) -> PyResult<()> {
    match dimensions {
        1 => Ok(()),
        other => Err(invalid(format!("a column has one dimension, not {other}"))),
    }
}

/// A frame of a mapping from names to columns of one length.
pub(crate) fn frame_of_mapping(columns: &Bound<'_, PyDict>) -> PyResult<DataFrame> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (name, values) in columns {
        let name: String = name.extract()?;
        let column = column(&name, &values)?;
        let array = column.to_array().map_err(|error| exception(&error))?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let rows = arrays.first().map_or(0, |array| array.len());
    if let Some(other) = arrays.iter().position(|array| array.len() != rows) {
        return Err(invalid(format!(
            "column `{}` has {} rows, `{}` has {rows}",
            fields[other].name(),
            arrays[other].len(),
            fields[0].name()
        )));
    }
    let schema = Arc::new(Schema::new(fields));
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map(DataFrame::from)
        .map_err(|error| invalid(error.to_string()))
}

/// A frame of what another library hands over: batches, or one column that gets the name `value`.
pub(crate) fn frame_of_arrow(imported: &Imported) -> PyResult<DataFrame> {
    let DataType::Struct(fields) = imported.field.data_type() else {
        let column = imported_column("value", imported)?;
        let schema = Arc::new(Schema::new(vec![Arc::clone(column.field())]));
        let chunks = column.chunks().iter();
        let batches = chunks.map(|chunk| one_column(&schema, Arc::clone(chunk)));
        let batches = batches.collect::<PyResult<Vec<_>>>()?;
        return DataFrame::new(schema, batches).map_err(|error| exception(&error));
    };
    let metadata = imported.field.metadata().clone();
    let schema = Arc::new(Schema::new_with_metadata(fields.clone(), metadata));
    let batches = imported.chunks.iter().map(|chunk| {
        if chunk.null_count() > 0 {
            return Err(invalid(
                "rows that are null as a whole are no rows of a frame",
            ));
        }
        let rows = chunk.len();
        let structs = chunk.as_struct();
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = structs.columns().to_vec();
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(|error| invalid(format!("rows that contradict their schema: {error}")))
    });
    let batches = batches.collect::<PyResult<Vec<_>>>()?;
    DataFrame::new(schema, batches).map_err(|error| exception(&error))
}
