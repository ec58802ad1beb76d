"""Scans as lazy Polars frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastdata._convert import _library
from fastdata._pushdown import condition
from fastdata.errors import InvalidArgumentError, UnsupportedError

if TYPE_CHECKING:
    from fastdata import Scan


def scan_to_lazy(scan: Scan) -> Any:
    polars = _library("polars")
    plugins = _library("polars.io.plugins")
    schema = polars.Schema(_schema(polars, scan))

    def batches(with_columns: list[str] | None, predicate: Any | None, n_rows: int | None, batch_size: int | None) -> Iterator[Any]:
        del batch_size
        where = None if predicate is None else condition(predicate, schema)
        # A limit counts rows of the whole answer: ours may only be pushed when nothing is left to test.
        limit = n_rows if predicate is None else None
        columns = _columns(with_columns, predicate, schema)
        if scan._is_limited():
            # Its limit counts rows before the query's condition.
            where = None
        try:
            narrowed = scan._narrowed(columns, where, limit)
        except (InvalidArgumentError, UnsupportedError):
            narrowed = scan._narrowed(columns, None, limit)
        left = n_rows
        for batch in narrowed.batches():
            frame = batch.to_polars()
            if predicate is not None:
                frame = frame.filter(predicate)
            if with_columns is not None:
                frame = frame.select(with_columns)
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            yield frame
            if left == 0:
                return

    return plugins.register_io_source(batches, schema=schema)


def _columns(with_columns: list[str] | None, predicate: Any | None, schema: Any) -> list[str] | None:
    """The columns asked for and those that the rest of the condition needs, in the schema's order."""
    if with_columns is None:
        return None
    wanted = set(with_columns)
    if predicate is not None:
        wanted.update(predicate.meta.root_names())
    return [name for name in schema.names() if name in wanted]


def _schema(polars: Any, scan: Scan) -> Any:
    return polars.DataFrame(_Empty(scan)).schema


class _Empty:
    """No rows of a scan's schema, for libraries that learn a schema from rows."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.scan._narrowed(None, None, 0).__arrow_c_stream__(requested_schema)
