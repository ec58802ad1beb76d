//! Columns of Python's own values.

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, DurationMicrosecondArray, Float64Array, Int64Array,
    ListArray, NullArray, StringArray, StructArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::exceptions::invalid;

type Values<'a, 'py> = &'a [Bound<'py, PyAny>];

/// Day 1 of Python's calendar is 0001-01-01; Arrow's is 1970-01-01.
const EPOCH_ORDINAL: i32 = 719_163;
/// Lists of lists of lists: more are a mistake, or a list in itself.
const DEPTH_MAX: usize = 100;

/// Python values of one kind, and `None`.
pub(crate) fn sequence(name: &str, values: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let values: Vec<Bound<'_, PyAny>> = values
        .try_iter()
        .map_err(|_| {
            invalid(format!(
                "`{name}` is neither an Arrow object nor a sequence"
            ))
        })?
        .collect::<PyResult<_>>()?;
    array(name, &values, 0)
}

/// numpy's numbers and booleans as Python's; others as they are.
fn unwrapped<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match value.hasattr("dtype")? && value.hasattr("item")? && value.getattr("ndim")?.eq(0)? {
        true => value.call_method0("item"),
        false => Ok(value.clone()),
    }
}

fn array(name: &str, values: Values<'_, '_>, depth: usize) -> PyResult<ArrayRef> {
    if depth > DEPTH_MAX {
        return Err(invalid(format!(
            "`{name}` is nested more than {DEPTH_MAX} times"
        )));
    }
    let Some(first) = values.iter().find(|value| !value.is_none()) else {
        return Ok(Arc::new(NullArray::new(values.len())));
    };
    if unwrapped(first)?.as_ptr() != first.as_ptr() {
        let values = values.iter().map(unwrapped).collect::<PyResult<Vec<_>>>()?;
        return array(name, &values, depth + 1);
    }
    let any_float = || values.iter().any(|value| value.is_instance_of::<PyFloat>());
    let mixed = |error: PyErr| invalid(format!("`{name}` holds values of several kinds: {error}"));
    if first.is_instance_of::<PyBool>() {
        let values = typed::<bool, PyBool>(values, true).map_err(mixed)?;
        Ok(Arc::new(BooleanArray::from(values)))
    } else if first.is_instance_of::<PyInt>() && !any_float() {
        let values = typed::<i64, PyInt>(values, false).map_err(mixed)?;
        Ok(Arc::new(Int64Array::from(values)))
    } else if first.is_instance_of::<PyFloat>() || first.is_instance_of::<PyInt>() {
        let values = values.iter().map(|value| value.extract::<Option<f64>>());
        let values = values.collect::<PyResult<Vec<_>>>().map_err(mixed)?;
        Ok(Arc::new(Float64Array::from(values)))
    } else if first.is_instance_of::<PyString>() {
        let mut builder = StringViewBuilder::new();
        for value in typed::<String, PyString>(values, false).map_err(mixed)? {
            builder.append_option(value);
        }
        Ok(Arc::new(builder.finish()))
    } else if first.is_instance_of::<PyBytes>() {
        let mut builder = BinaryViewBuilder::new();
        for value in typed::<Vec<u8>, PyBytes>(values, false).map_err(mixed)? {
            builder.append_option(value);
        }
        Ok(Arc::new(builder.finish()))
    } else if first.is_instance_of::<PyList>() || first.is_instance_of::<PyTuple>() {
        lists(name, values, depth).map_err(mixed)
    } else if first.is_instance_of::<PyDict>() {
        structs(name, values, depth).map_err(mixed)
    } else {
        match times(first, values).map_err(mixed)? {
            Some(array) => Ok(array),
            None => Err(invalid(format!(
                "`{name}` holds values of {}, which no column is made of; pass an Arrow array",
                first.get_type().name()?
            ))),
        }
    }
}

/// Each value as `T`; Python's type must be `P`. To Python `True` is a number, to us it is none.
fn typed<'py, T, P>(values: Values<'_, 'py>, flags: bool) -> PyResult<Vec<Option<T>>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
    P: pyo3::PyTypeInfo,
{
    each(values, |value| {
        let flag = value.is_instance_of::<PyBool>();
        let exact = value.is_instance_of::<P>() && flag == flags;
        match exact {
            true => value.extract::<T>(),
            false => Err(among_others(value)),
        }
    })
}

fn each<'py, T>(
    values: Values<'_, 'py>,
    mut one: impl FnMut(&Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<Option<T>>> {
    let one = |value: &Bound<'py, PyAny>| match value.is_none() {
        true => Ok(None),
        false => one(value).map(Some),
    };
    values.iter().map(one).collect()
}

fn among_others(value: &Bound<'_, PyAny>) -> PyErr {
    match value.get_type().name() {
        Ok(name) => invalid(format!("{name} among others")),
        Err(error) => error,
    }
}

fn lists(name: &str, values: Values<'_, '_>, depth: usize) -> PyResult<ArrayRef> {
    let mut items = Vec::new();
    let mut lens = Vec::with_capacity(values.len());
    for value in values {
        let before = items.len();
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            for item in value.try_iter()? {
                items.push(item?);
            }
        } else if !value.is_none() {
            return Err(among_others(value));
        }
        lens.push(items.len() - before);
    }
    if i32::try_from(items.len()).is_err() {
        return Err(invalid("more items than 32-bit offsets reach"));
    }
    let items = array(name, &items, depth + 1)?;
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lens);
    let nulls = nulls(values);
    let lists = ListArray::try_new(field, offsets, items, nulls);
    lists
        .map(|lists| Arc::new(lists) as ArrayRef)
        .map_err(|error| invalid(error.to_string()))
}

/// Dictionaries as structs, whose fields are all their keys in the order of their first appearance.
fn structs(name: &str, values: Values<'_, '_>, depth: usize) -> PyResult<ArrayRef> {
    let mut names: Vec<String> = Vec::new();
    for value in values.iter().filter(|value| !value.is_none()) {
        let dict = value.cast::<PyDict>().map_err(|_| among_others(value))?;
        for key in dict.keys() {
            let key: String = key.extract()?;
            if !names.contains(&key) {
                names.push(key);
            }
        }
    }
    if names.is_empty() {
        return Err(invalid("dictionaries without any key"));
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for key in names {
        let items = values.iter().map(|value| {
            let item = match value.cast::<PyDict>() {
                Ok(dict) => dict.get_item(&key)?,
                Err(_) => None,
            };
            Ok(item.unwrap_or_else(|| value.py().None().into_bound(value.py())))
        });
        let items = items.collect::<PyResult<Vec<_>>>()?;
        let column = array(&format!("{name}.{key}"), &items, depth + 1)?;
        fields.push(Field::new(key, column.data_type().clone(), true));
        columns.push(column);
    }
    let structs = StructArray::try_new(fields.into(), columns, nulls(values));
    structs
        .map(|structs| Arc::new(structs) as ArrayRef)
        .map_err(|error| invalid(error.to_string()))
}

fn nulls(values: Values<'_, '_>) -> Option<NullBuffer> {
    let nulls: NullBuffer = values.iter().map(|value| !value.is_none()).collect();
    (nulls.null_count() > 0).then_some(nulls)
}

/// Values of `datetime` and `decimal`, by what `first` is; `None` for others.
fn times(first: &Bound<'_, PyAny>, values: Values<'_, '_>) -> PyResult<Option<ArrayRef>> {
    let py = first.py();
    let datetime = py.import("datetime")?;
    let class = |name: &str| datetime.getattr(name);
    // A datetime is a date to Python, so it comes first.
    if first.is_instance(&class("datetime")?)? {
        return timestamps(first, values).map(Some);
    }
    let all = |class: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| match value.is_instance(class)? {
        true => Ok(()),
        false => Err(among_others(value)),
    };
    let date = class("date")?;
    if first.is_instance(&date)? {
        let days = each(values, |value| {
            all(&date, value)?;
            if value.is_instance(&class("datetime")?)? {
                return Err(among_others(value));
            }
            Ok(value.call_method0("toordinal")?.extract::<i32>()? - EPOCH_ORDINAL)
        })?;
        return Ok(Some(Arc::new(Date32Array::from(days))));
    }
    let time = class("time")?;
    if first.is_instance(&time)? {
        let micros = each(values, |value| {
            all(&time, value)?;
            micros_of_day(value)
        })?;
        return Ok(Some(Arc::new(Time64MicrosecondArray::from(micros))));
    }
    let delta = class("timedelta")?;
    if first.is_instance(&delta)? {
        let micros = each(values, |value| {
            all(&delta, value)?;
            micros_of_delta(value)
        })?;
        return Ok(Some(Arc::new(DurationMicrosecondArray::from(micros))));
    }
    let decimal = py.import("decimal")?.getattr("Decimal")?;
    match first.is_instance(&decimal)? {
        true => decimals(&decimal, values).map(Some),
        false => Ok(None),
    }
}

fn timestamps(first: &Bound<'_, PyAny>, values: Values<'_, '_>) -> PyResult<ArrayRef> {
    let py = first.py();
    let datetime = py.import("datetime")?;
    let class = datetime.getattr("datetime")?;
    let is_aware = |value: &Bound<'_, PyAny>| -> PyResult<bool> {
        Ok(!value.call_method0("utcoffset")?.is_none())
    };
    let aware = is_aware(first)?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let zone = match aware {
        true => utc,
        false => py.None().into_bound(py),
    };
    let epoch = class.call1((1970, 1, 1, 0, 0, 0, 0, zone))?;
    let micros = each(values, |value| {
        if !value.is_instance(&class)? {
            return Err(among_others(value));
        }
        if is_aware(value)? != aware {
            return Err(invalid("times with a zone and without one"));
        }
        // pandas' timestamps have what a datetime lacks.
        let finer = value.getattr("nanosecond").ok();
        if finer.is_some_and(|finer| finer.extract::<i64>().is_ok_and(|finer| finer != 0)) {
            return Err(invalid(
                "nanoseconds, which a datetime has not; pass an array",
            ));
        }
        micros_of_delta(&value.call_method1("__sub__", (&epoch,))?)
    })?;
    let array = TimestampMicrosecondArray::from(micros);
    Ok(match aware {
        true => Arc::new(array.with_timezone("UTC")),
        false => Arc::new(array),
    })
}

fn micros_of_delta(delta: &Bound<'_, PyAny>) -> PyResult<i64> {
    let part = |name: &str| delta.getattr(name)?.extract::<i64>();
    // Python's timedelta has at most a billion days, which fits.
    let seconds = part("days")? * 86_400 + part("seconds")?;
    let micros = seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(part("microseconds").ok()?));
    micros.ok_or_else(|| invalid("a time span of more than 64 bits of microseconds"))
}

fn micros_of_day(time: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !time.getattr("tzinfo")?.is_none() {
        return Err(invalid("a time of day with a zone"));
    }
    let part = |name: &str| time.getattr(name)?.extract::<i64>();
    let seconds = part("hour")? * 3600 + part("minute")? * 60 + part("second")?;
    Ok(seconds * 1_000_000 + part("microsecond")?)
}

/// As few digits as hold all of them.
fn decimals(class: &Bound<'_, PyAny>, values: Values<'_, '_>) -> PyResult<ArrayRef> {
    let (mut whole, mut scale) = (1, 0);
    let texts = each(values, |value| {
        if !value.is_instance(class)? {
            return Err(among_others(value));
        }
        if !value.call_method0("is_finite")?.extract::<bool>()? {
            return Err(invalid(format!("{value}, which no decimal column holds")));
        }
        let text: String = value.call_method1("__format__", ("f",))?.extract()?;
        let digits = text.trim_start_matches('-');
        let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
        whole = whole.max(before.len());
        scale = scale.max(behind.len());
        Ok(text)
    })?;
    let beyond = || invalid("a decimal of more than 76 digits");
    let precision = u8::try_from(whole + scale).map_err(|_| beyond())?;
    let scale = i8::try_from(scale).map_err(|_| beyond())?;
    let data_type = match precision {
        ..=38 => DataType::Decimal128(precision, scale),
        39..=76 => DataType::Decimal256(precision, scale),
        _ => return Err(beyond()),
    };
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(&StringArray::from(texts), &data_type, &strict)
        .map_err(|error| invalid(error.to_string()))
}
