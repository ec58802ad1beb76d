"""Rows of Iceberg tables and Parquet files, in a process, as fast as the machine allows.

>>> import fastdata as fd
>>> frame = fd.DataFrame({"name": ["a", "b", "c"], "score": [1, 2, 3]})
>>> frame.filter("score > 1")["name"].to_list()
['b', 'c']
"""

from fastdata import errors, flows
from fastdata._fastdata import (
    Batch,
    Batches,
    Blobs,
    Column,
    DataFrame,
    Explain,
    Field,
    Group,
    Memory,
    Scan,
    Schema,
    Table,
    __version__,
    concat,
)
from fastdata.errors import (
    AccessDeniedError,
    CancelledError,
    ColumnNotFoundError,
    CorruptDataError,
    FastdataError,
    InternalError,
    InvalidArgumentError,
    LimitExceededError,
    NotFoundError,
    StorageError,
    UnsupportedError,
)

__all__ = [
    "AccessDeniedError",
    "Batch",
    "Batches",
    "Blobs",
    "CancelledError",
    "Column",
    "ColumnNotFoundError",
    "CorruptDataError",
    "DataFrame",
    "Explain",
    "FastdataError",
    "Field",
    "Group",
    "InternalError",
    "InvalidArgumentError",
    "LimitExceededError",
    "Memory",
    "NotFoundError",
    "Scan",
    "Schema",
    "StorageError",
    "Table",
    "UnsupportedError",
    "__version__",
    "concat",
    "errors",
    "flows",
]
