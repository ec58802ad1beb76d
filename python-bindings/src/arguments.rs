//! Python's arguments as Rust's.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, RecordBatch,
};
use arrow_schema::{DataType, Field, Schema};
use fastdata::{Column, DataFrame, NullAs, Rows};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::capsule::{Imported, import};
use crate::column::Column as PyColumn;
use crate::exceptions::{exception, invalid};

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
    let column = column("rows", object)?;
    match column.field().data_type() {
        DataType::Boolean => Ok(Rows::Mask(column)),
        data_type if data_type.is_integer() => Ok(Rows::Positions(column)),
        DataType::Null if column.is_empty() => Ok(Rows::Positions(empty_positions()?)),
        other => Err(invalid(format!(
            "rows are chosen by booleans or row numbers, not by {other}"
        ))),
    }
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
    if let Some(imported) = import(object)? {
        return imported_column(name, &imported);
    }
    if let Some(array) = buffer(object)? {
        return column_of(name, array);
    }
    // Series of pandas, arrays of objects: values as Python has them.
    let convert = object.py().import("fastdata._convert")?;
    let values = convert.call_method1("as_values", (object,))?;
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
    if object.cast::<PyBytes>().is_ok() || object.cast::<PyList>().is_ok() {
        return Ok(None);
    }
    of!(
        i64 => Int64Array, i32 => Int32Array, i16 => Int16Array, i8 => Int8Array,
        u64 => UInt64Array, u32 => UInt32Array, u16 => UInt16Array,
        f64 => Float64Array, f32 => Float32Array
    );
    let Ok(buffer) = PyBuffer::<u8>::get(object) else {
        return booleans(object);
    };
    one_dimension(buffer.dimensions())?;
    let values = buffer.to_vec(object.py())?;
    Ok(Some(Arc::new(UInt8Array::from(values))))
}

/// Buffers of booleans (`?`) have a format that no Rust type stands for: they are seen as bytes.
fn booleans(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayRef>> {
    let memory = match object
        .py()
        .import("builtins")?
        .getattr("memoryview")?
        .call1((object,))
    {
        Ok(memory) => memory,
        // No buffer at all.
        Err(_) => return Ok(None),
    };
    if memory.getattr("format")?.extract::<String>()? != "?" {
        return Ok(None);
    }
    one_dimension(memory.getattr("ndim")?.extract()?)?;
    let bytes = memory.call_method0("tobytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let values: BooleanArray = bytes.iter().map(|byte| Some(*byte != 0)).collect();
    Ok(Some(Arc::new(values)))
}

fn one_dimension(dimensions: usize) -> PyResult<()> {
    match dimensions {
        1 => Ok(()),
        other => Err(invalid(format!("a column has one dimension, not {other}"))),
    }
}

/// Python values of one kind, and `None`.
fn sequence(name: &str, values: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let values: Vec<Bound<'_, PyAny>> = values
        .try_iter()
        .map_err(|_| {
            invalid(format!(
                "`{name}` is neither an Arrow object nor a sequence"
            ))
        })?
        .collect::<PyResult<_>>()?;
    let Some(first) = values.iter().find(|value| !value.is_none()) else {
        return Ok(Arc::new(NullArray::new(values.len())));
    };
    let any_float = || values.iter().any(|value| value.is_instance_of::<PyFloat>());
    let mixed = |error: PyErr| invalid(format!("`{name}` holds values of several kinds: {error}"));
    if first.is_instance_of::<PyBool>() {
        let values = typed::<bool, PyBool>(&values, true).map_err(mixed)?;
        Ok(Arc::new(BooleanArray::from(values)))
    } else if first.is_instance_of::<PyInt>() && !any_float() {
        let values = typed::<i64, PyInt>(&values, false).map_err(mixed)?;
        Ok(Arc::new(Int64Array::from(values)))
    } else if first.is_instance_of::<PyFloat>() || first.is_instance_of::<PyInt>() {
        let values = values.iter().map(|value| value.extract::<Option<f64>>());
        let values = values.collect::<PyResult<Vec<_>>>().map_err(mixed)?;
        Ok(Arc::new(Float64Array::from(values)))
    } else if first.is_instance_of::<PyString>() {
        let mut builder = StringViewBuilder::new();
        for value in typed::<String, PyString>(&values, false).map_err(mixed)? {
            builder.append_option(value);
        }
        Ok(Arc::new(builder.finish()))
    } else if first.is_instance_of::<PyBytes>() {
        let mut builder = BinaryViewBuilder::new();
        for value in typed::<Vec<u8>, PyBytes>(&values, false).map_err(mixed)? {
            builder.append_option(value);
        }
        Ok(Arc::new(builder.finish()))
    } else {
        Err(invalid(format!(
            "`{name}` holds values of {}; pass an Arrow array for other types than booleans, \
             numbers, texts and bytes",
            first.get_type().name()?
        )))
    }
}

/// Each value as `T`; Python's type must be `P`. To Python `True` is a number, to us it is none.
fn typed<'py, T, P>(values: &[Bound<'py, PyAny>], flags: bool) -> PyResult<Vec<Option<T>>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    P: pyo3::PyTypeInfo,
{
    let one = |value: &Bound<'py, PyAny>| {
        if value.is_none() {
            return Ok(None);
        }
        let flag = value.is_instance_of::<PyBool>();
        let exact = value.is_instance_of::<P>() && flag == flags;
        match exact {
            true => value.extract::<T>().map(Some),
            false => Err(invalid(format!(
                "{} among others",
                value.get_type().name()?
            ))),
        }
    };
    values.iter().map(one).collect()
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
        let structs = arrow_array::cast::AsArray::as_struct(chunk);
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = structs.columns().to_vec();
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(|error| invalid(format!("rows that contradict their schema: {error}")))
    });
    let batches = batches.collect::<PyResult<Vec<_>>>()?;
    DataFrame::new(schema, batches).map_err(|error| exception(&error))
}
