"""DuckDB: a record batch reader for streams, an Arrow table for collecting."""

import functools
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import duckdb
import pyarrow as pa
from literal import sql_condition
from measure import main

VERSION = duckdb.__version__


@functools.cache
def connect(threads_count: int):
    connection = duckdb.connect(config={"threads": threads_count})
    connection.execute("set preserve_insertion_order = false")
    return connection


def query(job):
    if job["source"] != "parquet":
        raise NotImplementedError("the Iceberg extension for this DuckDB is not published on PyPI")
    columns = ", ".join(job["columns"]) if job["columns"] else "*"
    condition = sql_condition(job)
    where = f" where {condition}" if condition else ""
    return connect(job["threads"]).sql(f"select {columns} from read_parquet({job['paths']!r}){where}")


def stream(job, consume):
    for batch in query(job).to_arrow_reader(131_072):
        consume(batch)


def collect(job):
    return query(job).to_arrow_table()


def arrow_batches(piece):
    return piece.to_batches() if isinstance(piece, pa.Table) else [piece]


if __name__ == "__main__":
    main(sys.modules[__name__])
