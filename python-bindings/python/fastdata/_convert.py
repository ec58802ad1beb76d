"""The ways to other libraries, each imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastdata.errors import InvalidArgumentError, UnsupportedError

if TYPE_CHECKING:
    from fastdata import Batch, Column, DataFrame


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
    return data.tolist() if hasattr(data, "tolist") else data


def _pandas_values(column: Any) -> Any:
    if column.dtype.kind in "iufb" and not hasattr(column.dtype, "na_value"):
        return column.to_numpy()
    missing = column.isna().tolist()
    return [None if absent else value for value, absent in zip(column.astype(object).tolist(), missing)]


def to_polars(frame: DataFrame) -> Any:
    polars = _library("polars")
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
    if column.null_count and kind.startswith(("Int", "UInt", "Bool")):
        dtype = "boolean" if kind == "Boolean" else kind
        return pandas.array(column.to_list(), dtype=dtype)
    return column.to_numpy()


def to_numpy(frame: DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy() for name in frame.columns}


def to_torch(frame: DataFrame) -> dict[str, Any]:
    torch = _library("torch")
    return {name: torch.from_dlpack(frame[name]) for name in frame.columns}


#: numpy's names for the units of Arrow's times, by their names in Arrow's types.
_UNITS = {"s": "s", "ms": "ms", "µs": "us", "us": "us", "ns": "ns"}


def column_to_numpy(column: Column, width: int | None, pad: Any, null: Any) -> Any:
    numpy = _library("numpy")
    kind = column.type
    if kind.startswith(("List", "LargeList", "FixedSizeList")):
        return numpy.asarray(column.to_tensor(width=width, pad=pad, null=null))
    if width is not None or pad is not None:
        raise InvalidArgumentError("width and pad are for columns of lists")
    if null is not None and column.null_count:
        return numpy.asarray([null if value is None else value for value in column.to_list()])
    times = _times(kind)
    if times is not None:
        return _times_to_numpy(numpy, column, times)
    if kind.startswith(("Int", "UInt", "Float", "Boolean")):
        if not column.null_count:
            return numpy.asarray(column.to_memory())
        if kind.startswith("Float"):
            return numpy.asarray([float("nan") if value is None else value for value in column.to_list()], dtype=kind.lower())
    values = column.to_list()
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


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


def _times_to_numpy(numpy: Any, column: Column, dtype: str) -> Any:
    if column.null_count:
        # Nulls of numpy's times are numbers of their own: NaT.
        return numpy.asarray([numpy.datetime64("NaT") if value is None else value for value in _ticks(column)], dtype=dtype)
    array = numpy.asarray(column.to_memory())
    if dtype == "datetime64[D]":
        return array.astype("int64").view(dtype)
    return array.view(dtype)


def _ticks(column: Column) -> list[Any]:
    return [value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value for value in column.to_list()]


def column_array(column: Column, dtype: Any, copy: bool | None) -> Any:
    numpy = _library("numpy")
    array = column.to_numpy()
    if copy is False and (column.null_count or array.dtype == object):
        raise ValueError(f"column {column.name} has no memory that numpy can look at without a copy")
    if dtype is not None and array.dtype != numpy.dtype(dtype):
        return array.astype(dtype)
    return array.copy() if copy else array
