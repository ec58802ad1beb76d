//! Arrow values as Python objects.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::exceptions::{invalid, unsupported};

type Object<'py> = Bound<'py, PyAny>;

/// The value in `row`; `None` for null.
pub(crate) fn value<'py>(py: Python<'py>, array: &dyn Array, row: usize) -> PyResult<Object<'py>> {
    if array.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    macro_rules! number {
        ($type:ty) => {
            array
                .as_primitive::<$type>()
                .value(row)
                .into_bound_py_any(py)
        };
    }
    match array.data_type() {
        DataType::Null => Ok(py.None().into_bound(py)),
        DataType::Boolean => array.as_boolean().value(row).into_bound_py_any(py),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => {
            f32::from(array.as_primitive::<Float16Type>().value(row)).into_bound_py_any(py)
        }
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Utf8 => array.as_string::<i32>().value(row).into_bound_py_any(py),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into_bound_py_any(py),
        DataType::Utf8View => array.as_string_view().value(row).into_bound_py_any(py),
        DataType::Binary => bytes(py, array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => bytes(py, array.as_binary::<i64>().value(row)),
        DataType::BinaryView => bytes(py, array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => bytes(py, array.as_fixed_size_binary().value(row)),
        _ => composed(py, array, row),
    }
}

/// All values of `arrays`, in order.
pub(crate) fn list<'py>(py: Python<'py>, arrays: &[ArrayRef]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for array in arrays {
        for row in 0..array.len() {
            list.append(value(py, array.as_ref(), row)?)?;
        }
    }
    Ok(list)
}

fn bytes<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Object<'py>> {
    Ok(PyBytes::new(py, bytes).into_any())
}

/// Values that are objects of Python's own libraries, and those made of other values.
fn composed<'py>(py: Python<'py>, array: &dyn Array, row: usize) -> PyResult<Object<'py>> {
    match array.data_type() {
        DataType::Decimal32(..) => decimal(
            py,
            &array.as_primitive::<Decimal32Type>().value_as_string(row),
        ),
        DataType::Decimal64(..) => decimal(
            py,
            &array.as_primitive::<Decimal64Type>().value_as_string(row),
        ),
        DataType::Decimal128(..) => decimal(
            py,
            &array.as_primitive::<Decimal128Type>().value_as_string(row),
        ),
        DataType::Decimal256(..) => decimal(
            py,
            &array.as_primitive::<Decimal256Type>().value_as_string(row),
        ),
        data_type if data_type.is_temporal() => temporal(py, array, row),
        DataType::List(_) => items(py, &array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => items(py, &array.as_list::<i64>().value(row)),
        DataType::ListView(_) => items(py, &array.as_list_view::<i32>().value(row)),
        DataType::LargeListView(_) => items(py, &array.as_list_view::<i64>().value(row)),
        DataType::FixedSizeList(..) => items(py, &array.as_fixed_size_list().value(row)),
        DataType::Struct(fields) => {
            let dict = PyDict::new(py);
            for (field, child) in fields.iter().zip(array.as_struct().columns()) {
                dict.set_item(field.name(), value(py, child.as_ref(), row)?)?;
            }
            Ok(dict.into_any())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let pairs = PyList::empty(py);
            for entry in 0..entries.len() {
                let key = value(py, entries.column(0).as_ref(), entry)?;
                let item = value(py, entries.column(1).as_ref(), entry)?;
                pairs.append(PyTuple::new(py, [key, item])?)?;
            }
            Ok(pairs.into_any())
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = value(py, dictionary.keys(), row)?.extract()?;
            value(py, dictionary.values().as_ref(), key)
        }
        DataType::Union(..) => {
            let union = arrow_array::cast::downcast_array::<arrow_array::UnionArray>(array);
            value(py, union.value(row).as_ref(), 0)
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => run::<Int16Type>(py, array, row),
            DataType::Int32 => run::<Int32Type>(py, array, row),
            _ => run::<Int64Type>(py, array, row),
        },
        other => Err(unsupported(format!("values of {other} as Python objects"))),
    }
}

/// The value of the run that `row` lies in.
fn run<'py, E: RunEndIndexType>(
    py: Python<'py>,
    array: &dyn Array,
    row: usize,
) -> PyResult<Object<'py>> {
    let runs = array.as_run::<E>();
    value(py, runs.values().as_ref(), runs.get_physical_index(row))
}

fn items<'py>(py: Python<'py>, items: &ArrayRef) -> PyResult<Object<'py>> {
    Ok(list(py, std::slice::from_ref(items))?.into_any())
}

fn decimal<'py>(py: Python<'py>, text: &str) -> PyResult<Object<'py>> {
    py.import("decimal")?.getattr("Decimal")?.call1((text,))
}

fn temporal<'py>(py: Python<'py>, array: &dyn Array, row: usize) -> PyResult<Object<'py>> {
    match array.data_type() {
        DataType::Date32 => date(py, i64::from(array.as_primitive::<Date32Type>().value(row))),
        DataType::Date64 => {
            let ms = array.as_primitive::<Date64Type>().value(row);
            date(py, ms.div_euclid(86_400_000))
        }
        DataType::Time32(TimeUnit::Second) => time(
            py,
            i64::from(array.as_primitive::<Time32SecondType>().value(row)) * 1_000_000,
        ),
        DataType::Time32(_) => time(
            py,
            i64::from(array.as_primitive::<Time32MillisecondType>().value(row)) * 1000,
        ),
        DataType::Time64(TimeUnit::Nanosecond) => time(
            py,
            micros(
                array.as_primitive::<Time64NanosecondType>().value(row),
                TimeUnit::Nanosecond,
            )?,
        ),
        DataType::Time64(_) => time(py, array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(unit, zone) => {
            let ticks = ticks(array, row);
            timestamp(py, micros(ticks, *unit)?, zone.as_deref())
        }
        DataType::Duration(unit) => {
            let micros = micros(ticks(array, row), *unit)?;
            py.import("datetime")?
                .getattr("timedelta")?
                .call1((0, 0, micros))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let interval = array.as_primitive::<IntervalDayTimeType>().value(row);
            let micros = i64::from(interval.milliseconds) * 1000;
            py.import("datetime")?
                .getattr("timedelta")?
                .call1((interval.days, 0, micros))
        }
        DataType::Interval(IntervalUnit::YearMonth) => array
            .as_primitive::<IntervalYearMonthType>()
            .value(row)
            .into_bound_py_any(py),
        // Months have no length, so that there is no one object for it; pyarrow's is a tuple too.
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            (interval.months, interval.days, interval.nanoseconds).into_bound_py_any(py)
        }
        other => Err(unsupported(format!("values of {other} as Python objects"))),
    }
}

/// The 64-bit number behind a timestamp or a duration.
fn ticks(array: &dyn Array, row: usize) -> i64 {
    let data = array.to_data();
    data.buffer::<i64>(0)[row]
}

fn micros(ticks: i64, unit: TimeUnit) -> PyResult<i64> {
    let beyond = || invalid("a time that Python's datetime cannot hold; use to_numpy");
    match unit {
        TimeUnit::Second => ticks.checked_mul(1_000_000).ok_or_else(beyond),
        TimeUnit::Millisecond => ticks.checked_mul(1000).ok_or_else(beyond),
        TimeUnit::Microsecond => Ok(ticks),
        // Dropping what is below a microsecond would be another time.
        TimeUnit::Nanosecond if ticks % 1000 == 0 => Ok(ticks / 1000),
        TimeUnit::Nanosecond => Err(beyond()),
    }
}

fn date(py: Python<'_>, days: i64) -> PyResult<Object<'_>> {
    /// Day 1 of Python's calendar is 0001-01-01.
    const EPOCH_ORDINAL: i64 = 719_163;
    let ordinal = days.saturating_add(EPOCH_ORDINAL);
    py.import("datetime")?
        .getattr("date")?
        .call_method1("fromordinal", (ordinal,))
}

fn time(py: Python<'_>, micros: i64) -> PyResult<Object<'_>> {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let parts = (seconds / 3600, seconds / 60 % 60, seconds % 60, micros);
    py.import("datetime")?.getattr("time")?.call1(parts)
}

fn timestamp<'py>(py: Python<'py>, micros: i64, zone: Option<&str>) -> PyResult<Object<'py>> {
    let datetime = py.import("datetime")?;
    let since = datetime.getattr("timedelta")?.call1((0, 0, micros))?;
    let epoch = datetime.getattr("datetime")?.call1((1970, 1, 1))?;
    let naive = epoch.call_method1("__add__", (since,))?;
    let Some(zone) = zone else { return Ok(naive) };
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let replace = PyDict::new(py);
    replace.set_item("tzinfo", utc)?;
    let aware = naive.call_method("replace", (), Some(&replace))?;
    match zone {
        "UTC" | "Z" | "+00:00" => Ok(aware),
        zone => aware.call_method1("astimezone", (zone_of(py, zone)?,)),
    }
}

/// `+02:00`, or a name of the time zone database.
fn zone_of<'py>(py: Python<'py>, zone: &str) -> PyResult<Object<'py>> {
    let offset = zone.strip_prefix(['+', '-']).and_then(|clock| {
        let (hours, minutes) = clock.split_once(':')?;
        let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
        Some(if zone.starts_with('-') {
            -minutes
        } else {
            minutes
        })
    });
    let Some(minutes) = offset else {
        return py.import("zoneinfo")?.getattr("ZoneInfo")?.call1((zone,));
    };
    let datetime = py.import("datetime")?;
    let delta = datetime.getattr("timedelta")?.call1((0, minutes * 60))?;
    datetime.getattr("timezone")?.call1((delta,))
}
