"""The ways to other libraries, each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastdata.errors import InvalidArgumentError, UnsupportedError

if TYPE_CHECKING:
    from fastdata import Batch, Column, DataFrame, Field, Schema


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UnsupportedError(f"this needs {name}, which is not installed") from error


def restore_column(frame: DataFrame) -> Column:
    return frame[frame.columns[0]]


def restore_batch(frame: DataFrame) -> Batch:
    from fastdata import Batch

    return Batch._of_frame(frame)


def restore_schema(frame: DataFrame) -> Schema:
    return frame.schema


def restore_field(schema: Schema) -> Field:
    return schema[0]


def as_arrow(data: Any) -> Any:
    """What has no Arrow interface of its own, or one that needs a library that is not there."""
    if type(data).__module__.split(".")[0] != "pandas":
        return data
    try:
        importlib.import_module("pyarrow")
    except ImportError:
        if hasattr(data, "items") and hasattr(data, "columns"):
            return {str(name): _pandas_values(column) for name, column in data.items()}
    return data


def as_values(data: Any) -> Any:
    """A series or an array as Python values, whatever stands for null in it as None."""
    if hasattr(data, "isna"):
        data = _pandas_values(data)
    if getattr(getattr(data, "dtype", None), "kind", "") in ("m", "M"):
        return _column_of_times(data)
    return data.tolist() if hasattr(data, "tolist") else data


def _column_of_times(array: Any, zone: str | None = None) -> Any:
    """numpy's times as a column; coarse units become days or seconds."""
    from fastdata import Column

    numpy = _library("numpy")
    kind = array.dtype.kind
    unit, _ = numpy.datetime_data(array.dtype)
    if unit in ("Y", "M", "W", "D") and kind == "M":
        unit = "D"
    elif unit not in _UNITS.values():
        # Nothing is finer than nanoseconds.
        unit = "s" if unit in ("Y", "M", "W", "D", "h", "m") else "ns"
    try:
        ticks = array.astype(f"{kind}8[{unit}]", casting="safe")
    except TypeError as error:
        raise InvalidArgumentError(f"times of type {array.dtype}: {error}") from error
    return Column._of_times(ticks.view("int64"), unit, zone, kind == "m")


def _pandas_values(column: Any) -> Any:
    if column.dtype.kind in "iufb" and not hasattr(column.dtype, "na_value"):
        return column.to_numpy()
    if column.dtype.kind == "m" and str(column.dtype).startswith("timedelta64"):
        return column.to_numpy()
    if column.dtype.kind == "M" and str(column.dtype).startswith("datetime64"):
        zone = getattr(column.dtype, "tz", None)
        if zone is None:
            return column.to_numpy()
        return _column_of_times(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), str(zone))
    missing = column.isna().tolist()
    return [None if absent else value for value, absent in zip(column.astype(object).tolist(), missing)]


def to_polars(frame: DataFrame) -> Any:
    polars = _library("polars")
    schema = frame.schema
    for name, kind in zip(schema.names, schema.types):
        # Polars would take their bytes for those of wider numbers, and read beyond them.
        if "Decimal32(" in kind or "Decimal64(" in kind:
            raise UnsupportedError(f"column {name} is {kind}, which Polars does not read; cast it to Decimal128 first")
    return polars.DataFrame(frame)


def frame_to_lazy(frame: DataFrame) -> Any:
    return to_polars(frame).lazy()


def to_pyarrow(frame: DataFrame) -> Any:
    return _library("pyarrow").table(frame)


def to_pandas(frame: DataFrame) -> Any:
    pandas = _library("pandas")
    try:
        importlib.import_module("pyarrow")
    except ImportError:
        return pandas.DataFrame({name: _pandas_column(pandas, frame[name]) for name in frame.columns}, copy=False)
    return _offsets(to_pyarrow(frame)).to_pandas()


def _offsets(table: Any) -> Any:
    """Strings behind offsets: older versions of pyarrow do not know what to do with views."""
    pyarrow = _library("pyarrow")
    layouts = {"string_view": pyarrow.large_string(), "binary_view": pyarrow.large_binary()}
    schema = table.schema
    for index, field in enumerate(schema):
        if str(field.type) in layouts:
            schema = schema.set(index, field.with_type(layouts[str(field.type)]))
    return table if schema.equals(table.schema) else table.cast(schema)


def _pandas_column(pandas: Any, column: Column) -> Any:
    """Without pyarrow: numbers by numpy, with pandas' own kinds where there are nulls."""
    kind = column.type
    if column.null_count and kind.startswith(("Int", "UInt", "Bool")) and not kind.startswith("Interval"):
        values, nulls = _masked(column)
        array = pandas.arrays.BooleanArray if kind == "Boolean" else pandas.arrays.IntegerArray
        return array(values, nulls)
    array = column.to_numpy()
    zone = _zone(kind)
    return pandas.Series(array).dt.tz_localize("UTC").dt.tz_convert(zone) if zone else array


def _zone(kind: str) -> str | None:
    """The time zone of a type such as `Timestamp(µs, "UTC")`."""
    return kind.split('"')[1] if kind.startswith("Timestamp(") and '"' in kind else None


def to_numpy(frame: DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy() for name in frame.columns}


def to_torch(frame: DataFrame, copy: bool) -> dict[str, Any]:
    torch = _library("torch")
    tensors = {name: torch.from_dlpack(frame[name]) for name in frame.columns}
    return {name: tensor.clone() for name, tensor in tensors.items()} if copy else tensors


#: numpy's names for the units of Arrow's times, by their names in Arrow's types.
_UNITS = {"s": "s", "ms": "ms", "µs": "us", "us": "us", "ns": "ns"}


def column_to_numpy(column: Column, width: int | None, pad: Any, null: Any) -> Any:
    numpy = _library("numpy")
    kind = column.type
    if kind.startswith(("List", "LargeList", "FixedSizeList")):
        return numpy.asarray(column.to_tensor(width=width, pad=pad, null=null))
    if width is not None or pad is not None:
        raise InvalidArgumentError("width and pad are for columns of lists")
    times = _times(kind)
    if times is not None or kind.startswith(("Int", "UInt", "Float", "Boolean")) and not kind.startswith("Interval"):
        if not column.null_count:
            return _seen_as(numpy.asarray(column.to_memory()), times)
        if null is not None or times is not None or kind.startswith("Float"):
            values, nulls = _masked(column)
            array = _seen_as(values, times)
            missing = null if null is not None else array.dtype.type("nan" if times is None else "NaT")
            array[nulls] = _value_of(numpy, array.dtype, missing)
            return array
    if null is not None and column.null_count:
        return numpy.asarray([null if value is None else value for value in column.to_list()])
    values = column.to_list()
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


def _masked(column: Column) -> tuple[Any, Any]:
    """A copy of the numbers, whatever lies under nulls, and an array that says which are null."""
    numpy = _library("numpy")
    values, nulls = column._masked()
    return numpy.array(values), numpy.asarray(nulls)


def _value_of(numpy: Any, dtype: Any, value: Any) -> Any:
    """`value` as one of `dtype`, if it is one."""
    try:
        typed = numpy.asarray(value).astype(dtype)[()]
        same = dtype.kind in "mM" or typed == value or (typed != typed and value != value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"null={value!r} is no value of {dtype}") from error
    if not same:
        raise InvalidArgumentError(f"null={value!r} is no value of {dtype}")
    return typed


def _seen_as(array: Any, times: str | None) -> Any:
    """Numbers as the times that they count."""
    if times is None:
        return array
    return array.astype("int64").view(times) if array.dtype.itemsize < 8 else array.view(times)


def _times(kind: str) -> str | None:
    if kind == "Date32":
        return "datetime64[D]"
    if kind == "Date64":
        return "datetime64[ms]"
    for name, dtype in (("Timestamp", "datetime64"), ("Duration", "timedelta64")):
        if kind.startswith(name + "("):
            unit = kind[len(name) + 1 :].split(",")[0].rstrip(")").strip()
            return f"{dtype}[{_UNITS[unit]}]"
    return None


def column_array(column: Column, dtype: Any, copy: bool | None) -> Any:
    numpy = _library("numpy")
    array = column.to_numpy()
    if copy is False and (column.null_count or array.dtype == object):
        raise ValueError(f"column {column.name} has no memory that numpy can look at without a copy")
    if dtype is not None and array.dtype != numpy.dtype(dtype):
        return array.astype(dtype)
    return array.copy() if copy else array
