"""The compiled part of fastdata: see `fastdata` for the names to import."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, final, overload, type_check_only

from fastdata._progress import Progress

__all__ = ["Artifact", "Batch", "Batches", "Blobs", "Column", "DataFrame", "Explain", "Field", "Flows", "Group", "Memory", "Opaque", "Run", "Scan", "Schema", "Table", "Task", "__version__", "_command", "concat"]

__version__: str

@type_check_only
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@type_check_only
class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

_Values: TypeAlias = _ArrowStream | _ArrowArray | Sequence[Any] | Any
_Source: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
_Progress: TypeAlias = bool | Callable[[Progress], object] | None
_Columns: TypeAlias = str | Sequence[str] | None
_Partition: TypeAlias = Mapping[str, Any]

@final
class Table:
    """Where rows come from: an Iceberg table, or Parquet files of one schema.

    `source` is `namespace.table` (looked up in `warehouse`, or in the warehouse of the settings
    file), the location of a table, its metadata file, or a Parquet file, folder or glob; paths of
    this machine, `s3://`, `gs://` or `az://`. Nothing is read before a method asks for it.

    `as_of` is a datetime, its ISO text or milliseconds since the epoch, UTC where no zone is named.
    `max_memory` bounds what a streaming scan holds, in bytes or as text such as `"2GiB"`.

    >>> import fastdata as fd
    >>> fd.Table("shop.events")
    <fastdata.Table shop.events>
    """

    def __new__(
        cls,
        source: _Source,
        /,
        *,
        snapshot_id: int | None = None,
        as_of: Any | None = None,
        ref: str | None = None,
        warehouse: str | os.PathLike[str] | None = None,
        config: str | os.PathLike[str] | None = None,
        max_memory: int | str | None = None,
        threads: int = 0,
        batch_rows: int | None = None,
        map_by_position: bool = False,
        **store: Any,
    ) -> Self: ...
    @property
    def sources(self) -> list[str]:
        """What the table was opened as."""

    @property
    def schema(self) -> Schema:
        """Names and types of the columns. Reads metadata."""

    @property
    def partition_columns(self) -> list[str]:
        """The columns that partitions are named by. Reads metadata."""

    def get_partition(self, partition: _Partition | None = None, /, *, columns: _Columns = None, progress: _Progress = None, **values: Any) -> DataFrame:
        """The rows of one partition: `get_partition(day=3)` or `get_partition({"day": 3})`.

        Raises InvalidArgumentError for a column that is no partition column.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.get_partition(event_date="2026-02-14", columns=["price", "device"]).columns
        ['price', 'device']
        """

    def get_partitions(self, partitions: Sequence[_Partition], /, *, columns: _Columns = None, progress: _Progress = None) -> DataFrame:
        """The rows of any of several partitions; a row that several of them name comes once.

        Raises as `get_partition` does.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> days = [{"event_date": "2026-02-14"}, {"event_date": "2026-02-15"}]
        >>> events.get_partitions(days).num_rows == sum(events.get_partition(day).num_rows for day in days)
        True
        """

    def get_all(self, columns: _Columns = None, *, progress: _Progress = None) -> DataFrame:
        """All rows.

        Raises ColumnNotFoundError.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.get_all(["price", "device"]).columns
        ['price', 'device']
        """

    def scan(self, columns: _Columns = None, *, where: str | None = None, partition: _Partition | Sequence[_Partition] | None = None, limit: int | None = None) -> Scan:
        """A scan, to collect, to stream or to hand to another library.

        `where` is a condition in SQL's syntax. Raises InvalidArgumentError for a condition that does
        not parse or a column that is not there.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.scan(["price"], where="price > 90", limit=5).collect().shape
        (5, 1)
        """

    def groups(self, count: int, *, by: Literal["rows", "bytes"] = "rows", columns: _Columns = None, where: str | None = None, partition: _Partition | Sequence[_Partition] | None = None) -> list[Group]:
        """`count` parts of about the same number of rows or bytes, for as many tasks.

        Each is small and can be pickled; it reads the table as it is now, wherever it is read.

        Raises InvalidArgumentError for no groups.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> groups = events.groups(3, columns="price")
        >>> sum(group.read().num_rows for group in groups) == events.get_all("price").num_rows
        True
        """

    def explain(self, columns: _Columns = None, *, where: str | None = None, partition: _Partition | Sequence[_Partition] | None = None, limit: int | None = None) -> Explain:
        """What a scan would read, and why it skips the rest.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.explain("price", where="event_date = '2026-02-14'").rows < events.explain("price").rows
        True
        """

    def snapshots(self) -> DataFrame:
        """The snapshots, oldest first: snapshot_id, parent_id, committed_at, operation.

        Parquet files have none.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.snapshots()["operation"].to_list()
        ['append', 'append', 'delete']
        """

    def partitions(self) -> DataFrame:
        """The partitions that have files: partition, files, rows, size_bytes.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.partitions()["partition"][0]
        'event_date=2026-01-01'
        """

    def files(self) -> DataFrame:
        """The data files: path, partition, rows, size_bytes, delete_files.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.files().columns
        ['path', 'partition', 'rows', 'size_bytes', 'delete_files']
        """

    def describe(self) -> dict[str, Any]:
        """Location, snapshots, partition spec and sizes, as `fastdata describe --json` has them.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.describe()["snapshot_id"]
        3
        """

    def to_lazy(self) -> Any:
        """A lazy Polars frame: columns, conditions and limits of its query are pushed into the scan.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.to_lazy().select("price").head(5).collect().height
        5
        """

    def _repr_html_(self) -> str: ...
    @staticmethod
    def _restore(json: str) -> Table: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Scan:
    """Rows to read: a source, columns and a condition. Each use reads anew.

    >>> import fastdata as fd
    >>> scan = fd.Table("shop.events", warehouse="fastdata-demo").scan(["price"], limit=3)
    >>> scan
    <fastdata.Scan of shop.events>
    >>> len(scan.collect())
    3
    """

    @property
    def schema(self) -> Schema:
        """Names and types of the columns that come out."""

    @property
    def columns(self) -> list[str]:
        """The columns' names."""

    def collect(self, *, progress: _Progress = None) -> DataFrame:
        """All rows. Ctrl-C ends the scan.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.scan(["price"], limit=3).collect().shape
        (3, 1)
        """

    def collect_async(self) -> Awaitable[DataFrame]:
        """All rows, while other tasks of the event loop run; cancelling the task ends the scan."""

    def batches(self) -> Batches:
        """Starts the scan; the batches come in order and in bounded memory.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> with events.scan(["price"]).batches() as batches:
        ...     next(batches).columns
        ['price']
        """

    def __iter__(self) -> Batches: ...
    def __aiter__(self) -> Batches: ...
    def explain(self) -> Explain:
        """What would be read, and why the rest is skipped.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> print(str(events.scan(where="event_date = '2026-02-14'").explain()).splitlines()[1])
        ├─ columns: event_id, event_date, event_time, user_id, country, event_type, price, device
        """

    def to_polars(self, *, progress: _Progress = None) -> Any:
        """As a Polars frame.

        Raises as `DataFrame.to_polars` does.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.scan(["price"], limit=3).to_polars().shape
        (3, 1)
        """

    def to_pandas(self, *, progress: _Progress = None) -> Any:
        """As a pandas frame.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.scan(["price"], limit=3).to_pandas().shape
        (3, 1)
        """

    def to_pyarrow(self, *, progress: _Progress = None) -> Any:
        """As a pyarrow table.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> events.scan(["price"], limit=3).to_pyarrow().num_rows
        3
        """

    def to_lazy(self) -> Any:
        """As a lazy Polars frame: columns, conditions and limits of its query are pushed into the scan."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def _repr_html_(self) -> str: ...
    def _narrowed(self, columns: list[str] | None, where: str | None, limit: int | None) -> Scan: ...
    def _is_limited(self) -> bool: ...
    @staticmethod
    def _restore(json: str) -> Scan: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Batches:
    """The batches of a running scan. Use it once, or start another scan.

    >>> import fastdata as fd
    >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
    >>> sum(batch.num_rows for batch in events.scan([]).batches()) == events.scan([]).collect().num_rows
    True
    """

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Batch: ...
    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Batch]: ...
    def collect(self) -> DataFrame:
        """The rows that are still to come, as a frame."""

    def close(self) -> None:
        """Ends the scan; nothing comes any more."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_raised: object) -> None: ...

@final
class Group:
    """Some files and row groups of a table: small, without secrets, the same rows wherever it is read.

    >>> import fastdata as fd
    >>> import pickle
    >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
    >>> first, second = events.groups(2, columns="price")
    >>> pickle.loads(pickle.dumps(first)).read().columns
    ['price']
    """

    @property
    def rows(self) -> int:
        """Rows before condition and deletes."""

    @property
    def size_bytes(self) -> int:
        """Compressed bytes of the files and row groups."""

    @property
    def files(self) -> list[str]:
        """Addresses of the files."""

    def read(self, *, progress: _Progress = None) -> DataFrame:
        """The group's rows. Raises NotFoundError when one of its files is gone.

        >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
        >>> sum(len(group.read()) for group in events.groups(2)) == len(events.get_all())
        True
        """

    def scan(self) -> Scan:
        """A scan of the group's rows."""

    def to_json(self) -> str:
        """The group as JSON, for other ways than pickle to send it."""

    @staticmethod
    def from_json(json: str) -> Group:
        """The group that `json` holds."""

    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Explain:
    """What a scan would read, and why it skips the rest. `str()` gives the tree.

    >>> import fastdata as fd
    >>> events = fd.Table("shop.events", warehouse="fastdata-demo")
    >>> explain = events.explain("price")
    >>> explain.to_dict()["bytes_to_fetch"] == explain.bytes_to_fetch > 0
    True
    """

    @property
    def bytes_to_fetch(self) -> int:
        """Bytes of column chunks that the scan would fetch."""

    @property
    def rows(self) -> int:
        """Rows in what is read, before condition and deletes."""

    def to_dict(self) -> dict[str, Any]:
        """Everything as a dictionary, of the layout of `fastdata scan --explain=json`."""

    def _repr_html_(self) -> str: ...

@final
class Field:
    """Name and type of one column.

    >>> import fastdata as fd
    >>> field = fd.DataFrame({"n": [1, 2]}).schema[0]
    >>> field.name, field.type, field.nullable
    ('n', 'Int64', True)
    """

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def type(self) -> str:
        """The column's Arrow type, as text."""

    @property
    def nullable(self) -> bool:
        """Whether the column may have nulls."""

    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __arrow_c_schema__(self) -> object: ...
    __hash__: None  # type: ignore[assignment]

@final
class Schema:
    """Names and types of all columns, in order.

    >>> import fastdata as fd
    >>> schema = fd.DataFrame({"n": [1, 2], "s": ["a", None]}).schema
    >>> schema.names, schema.types
    (['n', 's'], ['Int64', 'Utf8View'])
    """

    @property
    def names(self) -> list[str]:
        """The columns' names."""

    @property
    def types(self) -> list[str]:
        """The columns' Arrow types, as texts."""

    def __len__(self) -> int: ...
    def __contains__(self, key: str, /) -> bool: ...
    def __getitem__(self, key: int, /) -> Field: ...
    def field(self, name: str) -> Field:
        """The field of the column called `name`.

        Raises ColumnNotFoundError.

        >>> fd.DataFrame({"n": [1.5]}).schema.field("n").type
        'Float64'
        """

    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __arrow_c_schema__(self) -> object: ...
    __hash__: None  # type: ignore[assignment]

@final
class Column:
    """The values of one column.

    >>> import fastdata as fd
    >>> fd.Column([1, None, 3], name="n").null_count
    1
    """

    def __new__(cls, values: _Values, /, name: str = "value") -> Self: ...
    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def type(self) -> str:
        """The column's Arrow type, as text."""

    @property
    def null_count(self) -> int:
        """Values that are null."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: int, /) -> Any: ...
    def to_list(self) -> list[Any]:
        """All values as Python objects; null is `None`.

        A `Decimal`, a `datetime` and the like; lists of lists, dictionaries for structs, pairs for maps. An interval
        is its months, or (months, days, nanoseconds); one of days and milliseconds is a `timedelta`.

        Raises InvalidArgumentError for a time that Python's `datetime` cannot hold.

        >>> fd.Column([1, None, 3]).to_list()
        [1, None, 3]
        """

    def to_numpy(self, *, width: int | None = None, pad: Any | None = None, null: Any | None = None) -> Any:
        """All values as a numpy array, without a copy for numbers without nulls in one chunk.

        Lists become a matrix: `width` values a row, shorter lists followed by `pad` (zero), `null` in
        the place of nulls. Elsewhere `null` is a value of the column's type too; without it nulls of
        floats are NaN, those of times NaT, and other columns with nulls become arrays of objects.

        Raises `InvalidArgumentError` for a null in lists that nothing stands for, and for a `null` or
        `pad` that is no value of the column's type.

        >>> import fastdata as fd
        >>> fd.Column([1, None, 3]).to_numpy(null=0).tolist()
        [1, 0, 3]
        """

    def to_tensor(self, *, width: int | None = None, pad: Any | None = None, null: Any | None = None) -> Memory:
        """Lists of numbers as memory of two dimensions, as `to_numpy` has it.

        Raises as `to_numpy` does, and for a column that holds no lists.

        >>> import numpy as np
        >>> np.asarray(fd.Column([[1, 2], [3]]).to_tensor(pad=0)).tolist()
        [[1, 2], [3, 0]]
        """

    def to_memory(self) -> Memory:
        """Numbers without nulls as memory that numpy, torch and others read in place.

        Raises InvalidArgumentError for nulls, and UnsupportedError for values that are no numbers.

        >>> memoryview(fd.Column([1.5, 2.5]).to_memory()).tolist()
        [1.5, 2.5]
        """

    def _masked(self) -> tuple[Memory, Memory]: ...
    @staticmethod
    def _of_times(ticks: object, unit: str, zone: str | None, is_duration: bool) -> Column: ...
    def __array__(self, dtype: Any | None = None, copy: bool | None = None) -> Any: ...
    def __dlpack__(self, **options: Any) -> object: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Memory:
    """Numbers in row-major order, read-only: for `memoryview`, `numpy.asarray` and `from_dlpack`.

    >>> import fastdata as fd
    >>> memory = fd.Column([1, 2, 3]).to_memory()
    >>> memory.shape, memory.format, memory.nbytes
    ((3,), 'q', 24)
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each dimension."""

    @property
    def format(self) -> str:
        """Letter of one value's type, as the `struct` module has it."""

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""

    def __len__(self) -> int: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...
        def __release_buffer__(self, buffer: memoryview, /) -> None: ...

    def __dlpack__(self, *, stream: Any | None = None, max_version: tuple[int, int] | None = None, dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> object: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...

@final
class Batch:
    """Some rows of a scan, as they come.

    >>> import fastdata as fd
    >>> [batch] = fd.DataFrame({"n": [1, 2, 3]}).batches()
    >>> batch["n"].to_list()
    [1, 2, 3]
    """

    @property
    def num_rows(self) -> int:
        """Rows."""

    @property
    def num_columns(self) -> int:
        """Columns."""

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""

    @property
    def columns(self) -> list[str]:
        """The columns' names."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: str, /) -> Column: ...
    def to_frame(self) -> DataFrame:
        """The batch as a frame, without a copy."""

    def to_polars(self) -> Any:
        """The batch as a Polars frame."""

    def to_pandas(self) -> Any:
        """The batch as a pandas frame."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    @staticmethod
    def _of_frame(frame: DataFrame) -> Batch: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class DataFrame:
    """Rows of named columns, immutable and cheap to slice.

    Made of any Arrow object (of Polars, pyarrow, DuckDB, pandas, …) or of a mapping from names to
    columns: Arrow arrays, numpy arrays, or lists of Python's numbers, texts, bytes, dates, times,
    decimals, lists and dictionaries. `[name]` is a column, `[[name, …]]` a frame of columns, `[start:stop]` a frame of rows.

    >>> import fastdata as fd
    >>> frame = fd.DataFrame({"n": [1, 2, 3]})
    >>> frame[1:]["n"].to_list()
    [2, 3]
    """

    def __new__(cls, data: _ArrowStream | _ArrowArray | Mapping[str, _Values] | Any, /) -> Self: ...
    @property
    def num_rows(self) -> int:
        """Rows."""

    @property
    def num_columns(self) -> int:
        """Columns."""

    @property
    def nbytes(self) -> int:
        """Bytes of the rows' values in memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""

    @property
    def columns(self) -> list[str]:
        """The columns' names."""

    def __len__(self) -> int: ...
    def __contains__(self, key: str, /) -> bool: ...
    @overload
    def __getitem__(self, key: str, /) -> Column: ...
    @overload
    def __getitem__(self, key: slice | list[str], /) -> DataFrame: ...
    def __iter__(self) -> Iterator[Batch]: ...
    def head(self, count: int = 10) -> DataFrame:
        """The first `count` rows, without a copy.

        >>> fd.DataFrame({"n": [1, 2, 3]}).head(2)["n"].to_list()
        [1, 2]
        """

    def slice(self, start: int, count: int) -> DataFrame:
        """`count` rows from row `start` on, without a copy.

        Raises InvalidArgumentError for rows out of range.

        >>> fd.DataFrame({"n": [1, 2, 3]}).slice(1, 2)["n"].to_list()
        [2, 3]
        """

    def select(self, *names: str | Sequence[str]) -> DataFrame:
        """The named columns, in this order. Raises ColumnNotFoundError.

        >>> fd.DataFrame({"n": [1], "s": ["a"], "t": ["b"]}).select("t", "n").columns
        ['t', 'n']
        """

    def drop(self, *names: str | Sequence[str]) -> DataFrame:
        """All columns but the named ones. Raises ColumnNotFoundError.

        >>> fd.DataFrame({"n": [1], "s": ["a"], "t": ["b"]}).drop("s").columns
        ['n', 't']
        """

    def rename(self, names: dict[str, str]) -> DataFrame:
        """The columns under other names, given from old to new.

        Raises ColumnNotFoundError, and InvalidArgumentError for a name that is there already.

        >>> fd.DataFrame({"n": [1], "s": ["a"]}).rename({"s": "t"}).columns
        ['n', 't']
        """

    def unnest(self, name: str) -> DataFrame:
        """The fields of a struct column as columns in its place.

        Raises ColumnNotFoundError, and InvalidArgumentError for a column that is no struct or a name that is there
        already.

        >>> fd.DataFrame({"n": [1], "s": [{"x": 2, "y": 3}]}).unnest("s").to_dicts()
        [{'n': 1, 'x': 2, 'y': 3}]
        """

    def take(self, rows: str | _Values, *, null_as: bool = False) -> DataFrame:
        """Rows by the name of a boolean column, a mask, or row numbers counted from 0.

        `null_as` says what a null in a mask means. Raises InvalidArgumentError for a mask of another
        length or a row number out of range.

        >>> frame = fd.DataFrame({"n": [1, 2, 3]})
        >>> frame.take([2, 0, 0])["n"].to_list(), frame.take([True, False, True])["n"].to_list()
        ([3, 1, 1], [1, 3])
        """

    def filter(self, condition: str | _Values, *, null_as: bool = False) -> DataFrame:
        """Rows for which a condition in SQL's syntax is true, or those of a mask.

        >>> import fastdata as fd
        >>> fd.DataFrame({"n": [1, None, 3]}).filter("n > 1 or n is null").num_rows
        2
        """

    def split(self, max_rows: int) -> list[DataFrame]:
        """Frames of at most `max_rows` rows each, without a copy.

        Raises InvalidArgumentError for no rows each.

        >>> [len(part) for part in fd.DataFrame({"n": [1, 2, 3]}).split(2)]
        [2, 1]
        """

    def concat(self, *others: DataFrame) -> DataFrame:
        """The rows of this frame and then those of `others`, without a copy.

        Raises InvalidArgumentError for other columns or types.

        >>> fd.DataFrame({"n": [1]}).concat(fd.DataFrame({"n": [2]}), fd.DataFrame({"n": [3]}))["n"].to_list()
        [1, 2, 3]
        """

    def batches(self, max_rows: int | None = None) -> list[Batch]:
        """The chunks as batches; of at most `max_rows` rows when given.

        >>> [batch.num_rows for batch in fd.DataFrame({"n": [1, 2, 3]}).batches(2)]
        [2, 1]
        """

    def equals(self, other: DataFrame) -> bool:
        """Whether both frames have the same names, types and values.

        >>> fd.DataFrame({"n": [1]}).equals(fd.DataFrame({"n": [1.0]}))
        False
        """

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each row as a dictionary.

        Raises as `Column.to_list` does.

        >>> fd.DataFrame({"n": [1, 2], "s": ["a", None]}).to_dicts()
        [{'n': 1, 's': 'a'}, {'n': 2, 's': None}]
        """

    def write_parquet(self, path: str | os.PathLike[str], *, compression: Literal["zstd", "snappy", "lz4", "none"] | None = "zstd", row_group_rows: int = 1048576) -> None:
        """Writes a Parquet file; it appears under its name when it is complete.

        Raises NotFoundError, a FileNotFoundError, where there is no such folder.

        >>> fd.DataFrame({"n": [1, 2, 3]}).write_parquet("numbers.parquet")
        >>> fd.Table("numbers.parquet").get_all()["n"].to_list()
        [1, 2, 3]
        """

    def write_csv(self, path: str | os.PathLike[str], *, separator: str = ",", header: bool = True) -> None:
        """Writes separated values: null as an empty field, an empty string as `""`.

        Raises as `write_parquet` does.

        >>> fd.DataFrame({"n": [1, None], "s": ["", None]}).write_csv("rows.csv")
        >>> print(open("rows.csv").read(), end="")
        n,s
        1,""
        ,
        """

    def to_polars(self) -> Any:
        """As a Polars frame, without a copy of the values.

        Each chunk stays one. Raises UnsupportedError where Polars is not installed, and for decimals of 32 or 64 bits, whose bytes it
        would take for wider ones.

        >>> fd.DataFrame({"n": [1, 2, 3]}).to_polars()["n"].sum()
        6
        """

    def to_lazy(self) -> Any:
        """As a lazy Polars frame.

        >>> fd.DataFrame({"n": [1, 2, 3]}).to_lazy().collect().height
        3
        """

    def to_pandas(self) -> Any:
        """As a pandas frame: through pyarrow where it is installed, through numpy otherwise.

        Raises UnsupportedError where pandas is not installed.

        >>> fd.DataFrame({"n": [1, 2, 3]}).to_pandas()["n"].tolist()
        [1, 2, 3]
        """

    def to_pyarrow(self) -> Any:
        """As a pyarrow table, without a copy of the values.

        Raises UnsupportedError where pyarrow is not installed.

        >>> fd.DataFrame({"n": [1, 2, 3]}).to_pyarrow().num_rows
        3
        """

    def to_numpy(self) -> dict[str, Any]:
        """As a dictionary from names to numpy arrays.

        Raises as `Column.to_numpy` does.

        >>> fd.DataFrame({"n": [1, 2, 3]}).to_numpy()["n"].tolist()
        [1, 2, 3]
        """

    def to_torch(self, *, copy: bool = False) -> dict[str, Any]:
        """As a dictionary from names to torch tensors, through DLPack.

        torch knows no read-only memory: unless `copy`, what is written into a tensor is written into
        this frame. Raises `InvalidArgumentError` for a column with nulls, and `UnsupportedError` for one
        that holds no numbers.
        """

    def to_ipc(self) -> bytes:
        """The frame as an Arrow IPC stream.

        >>> frame = fd.DataFrame({"n": [1, 2, 3]})
        >>> fd.DataFrame.from_ipc(frame.to_ipc()).equals(frame)
        True
        """

    @staticmethod
    def from_ipc(stream: bytes) -> DataFrame:
        """The frame that an Arrow IPC stream holds."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def _cells(self, rows: int) -> list[list[str]]: ...
    def _repr_html_(self) -> str: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Blobs:
    """Blobs below one root, a folder or the URL of a prefix in a bucket, each under the hash of its content.

    `write_as`: "fast" (LZ4 where it pays) or "compact" under BLAKE3 keys; for Metaflow's layout, under SHA-1 keys, "vanilla" (every
    Metaflow reads it), "raw", "lz4", "metaflow-fast", "metaflow-compact". `durability`, in folders: "none", "batch", "full".
    `check=False` does not compare what is read with its key. Other arguments reach the object store, as those of `Table` do.

    >>> import fastdata as fd
    >>> blobs = fd.Blobs("blobs")
    >>> key = blobs.save(b"abc")
    >>> bytes(blobs.load(key))
    b'abc'
    """

    def __new__(
        cls,
        root: str | os.PathLike[str],
        /,
        *,
        write_as: str = "fast",
        durability: str = "none",
        check: bool = True,
        **store: Any,
    ) -> Self: ...
    def save(self, buffer: Any) -> str:
        """Keeps the bytes of a contiguous buffer, read where they are, and gives their key. Nobody may write to it meanwhile.

        >>> fd.Blobs("blobs").save(b"abc")[:9]
        'b3_6437b3'
        """

    def save_many(self, buffers: Sequence[Any]) -> list[str]:
        """Keeps the bytes of all `buffers` and gives their keys, in order.

        >>> len(fd.Blobs("blobs").save_many([b"abc", b"def"]))
        2
        """

    def load(self, key: str) -> Memory:
        """The bytes that were saved under `key`, as a buffer: `bytes(…)`, `memoryview(…)` and `numpy.frombuffer(…)` take it.

        Raises NotFoundError, and CorruptDataError when the bytes are not those of the key.

        >>> blobs = fd.Blobs("blobs")
        >>> bytes(blobs.load(blobs.save(b"abc")))
        b'abc'
        """

    def load_many(self, keys: Sequence[str]) -> list[Memory]:
        """The bytes that were saved under `keys`, in order.

        >>> blobs = fd.Blobs("blobs")
        >>> [bytes(blob) for blob in blobs.load_many(blobs.save_many([b"abc", b"def"]))]
        [b'abc', b'def']
        """

    def open_range(self, key: str, start: int, stop: int) -> Memory:
        """The bytes from `start` up to `stop`: only the blocks that hold them are read.

        Raises InvalidArgumentError for bytes beyond the end.

        >>> blobs = fd.Blobs("blobs")
        >>> bytes(blobs.open_range(blobs.save(b"abcdef"), 2, 4))
        b'cd'
        """

    def exists(self, key: str) -> bool:
        """Whether something was saved under `key`.

        >>> fd.Blobs("blobs").exists("b3_" + "0" * 64)
        False
        """

    def keys(self) -> list[str]:
        """Every key.

        >>> blobs = fd.Blobs("blobs")
        >>> blobs.save(b"abc") in blobs.keys()
        True
        """

@final
class Flows:
    """The runs of a datastore of Metaflow's layout: a folder `.metaflow`, a folder that has one, or the URL of a prefix in a bucket.

    Without `root` the one that Metaflow would use here. `service`: the address of a metadata service, where runs are not known by files
    beside their artifacts. Other arguments reach the object store, as those of `Table` do.

    >>> import tempfile
    >>> from fastdata.flows import Flows
    >>> Flows(tempfile.mkdtemp()).runs("Train")
    []
    """

    def __new__(cls, root: str | os.PathLike[str] | None = None, /, *, service: str | None = None, **store: Any) -> Self: ...
    @property
    def root(self) -> str:
        """The root of the datastore."""

    def names(self) -> list[str]:
        """The names of all flows."""

    def runs(self, flow: str) -> list[Run]:
        """The runs of a flow, the newest first."""

    def run(self, path: str) -> Run:
        """The run at "Flow/run", or the newest one of "Flow"."""

    def task(self, path: str) -> Task:
        """The task at "Flow/run/step/task"."""

@final
class Run:
    """A run of a flow. `run["name"]` is an artifact of its last step.

    >>> from fastdata.flows import Flows
    >>> run = Flows(".").run("Linear")
    >>> run.state(), run.steps(), run["name"].value()
    ('succeeded', ['start', 'end'], 'Linear')
    """

    @property
    def path(self) -> str:
        """ "Flow/run"."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def flow(self) -> str:
        """The flow."""

    @property
    def user(self) -> str | None:
        """Who began it."""

    @property
    def created(self) -> datetime | None:
        """When it was begun, in UTC."""

    @property
    def tags(self) -> list[str]:
        """Tags of users."""

    @property
    def system_tags(self) -> list[str]:
        """Tags of the system."""

    def state(self) -> str:
        """How far it has come: "succeeded", "failed" or "unfinished"."""

    def finished(self) -> datetime | None:
        """When its last step ended, in UTC."""

    def steps(self) -> list[str]:
        """The names of its steps, in the order in which they were begun."""

    def tasks(self, step: str | None = None) -> list[Task]:
        """Its tasks, or those of one step."""

    def parameters(self) -> dict[str, Artifact]:
        """Its parameters and constants, by name."""

    def __getitem__(self, name: str, /) -> Artifact: ...
    def origin(self) -> str | None:
        """The id of the run whose results it has taken over."""

    def previous(self) -> Run | None:
        """The run of the same flow that was begun before it."""

    def diff(self, before: Run) -> dict[str, Any]:
        """What differs from `before`: parameters, steps, artifacts by their keys."""

    def report(self, *, previous: Run | None = None) -> str:
        """A page of HTML about it, below 150 kB and without scripts; compared with `previous`."""

    def change_tags(self, *, add: Sequence[str] = ..., remove: Sequence[str] = ...) -> Run:
        """Adds and removes tags of users."""

@final
class Task:
    """A task of a run. `task["name"]` is one of its artifacts. What counts is its latest attempt, when that is done.

    >>> from fastdata.flows import Flows
    >>> start, end = Flows(".").run("Linear").tasks()
    >>> start.step, start["pair"].value()
    ('start', (1, 'a'))
    """

    @property
    def path(self) -> str:
        """ "Flow/run/step/task"."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def step(self) -> str:
        """The step."""

    def state(self) -> str:
        """How far it has come: "succeeded", "failed" or "unfinished"."""

    def attempts(self) -> int:
        """How many attempts were started."""

    def started(self) -> datetime | None:
        """When its first attempt was started, in UTC."""

    def finished(self) -> datetime | None:
        """When its last attempt was done, in UTC."""

    def artifacts(self, *, internal: bool = False) -> dict[str, Artifact]:
        """Its artifacts, by name; with `internal` those of Metaflow too."""

    def __getitem__(self, name: str, /) -> Artifact: ...
    def log(self, stream: str = "both", *, attempt: int | None = None) -> str:
        """What its latest attempt printed to "stdout", "stderr" or "both", by time; or an attempt of that number."""

    def facts(self) -> dict[str, str]:
        """What is known of it, by name."""

@final
class Artifact:
    """An artifact of a task, whose bytes are brought when they are asked for.

    >>> from fastdata.flows import Flows
    >>> artifact = Flows(".").run("Linear")["price"]
    >>> artifact.type, artifact.value()
    ('decimal.Decimal', Decimal('1.50'))
    """

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> str:
        """The name of its type."""

    @property
    def nbytes(self) -> int:
        """Bytes of its pickle."""

    @property
    def key(self) -> str:
        """The hash of its pickle: equal keys, equal contents."""

    def pickle(self) -> Memory:
        """Its pickle, as it was saved. `pickle.loads` runs what a pickle says: only for those whom you trust."""

    def value(self) -> Any:
        """Its value, without unpickling: plain values and those of `datetime`, `decimal` and `pathlib`; the rest is `Opaque`."""

@final
class Opaque:
    """An object that a pickle describes. It is never made: nothing of it is imported or called.

    >>> from fastdata.flows import Flows
    >>> Flows(".").run("Linear")["own"].value()
    <fastdata.flows.Opaque __main__.Own() {'value': 3}>
    """

    @property
    def type(self) -> str:
        """The name of the class, or of what would make the object."""

    @property
    def text(self) -> str:
        """What it would be made of, as text."""

    @property
    def dtype(self) -> str | None:
        """Of a NumPy array its type, as "<f8"."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of a NumPy array its shape."""

    @property
    def data(self) -> Memory | None:
        """Of a NumPy array its bytes, which `numpy.frombuffer` takes."""

def concat(frames: Sequence[DataFrame]) -> DataFrame:
    """The rows of all `frames`, in order, without a copy.

    Raises InvalidArgumentError for no frames, and for other columns or types.

    >>> fd.concat([fd.DataFrame({"n": [1]}), fd.DataFrame({"n": [2]})])["n"].to_list()
    [1, 2]
    """

def _command(arguments: Sequence[str]) -> int: ...
