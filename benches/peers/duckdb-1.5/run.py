"""DuckDB 1.5 with its Iceberg extension, which reaches PyPI for this version only."""

import functools
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow as pa
from literal import sql_condition
from measure import main

VERSION = duckdb.__version__


def extension_path(module, name: str) -> str:
    return str(next(Path(module.__file__).parent.glob(f"extensions/*/{name}.duckdb_extension")))


@functools.cache
def connect(threads_count: int):
    """One connection a process: loading the extensions counts as starting, not as scanning."""
    connection = duckdb.connect(config={"threads": threads_count})
    connection.load_extension(extension_path(duckdb_extension_avro, "avro"))
    connection.load_extension(extension_path(duckdb_extension_iceberg, "iceberg"))
    connection.execute("set preserve_insertion_order = false")
    return connection


def query(job):
    if job["source"] != "iceberg":
        raise NotImplementedError("Parquet files are measured with the newer DuckDB")
    columns = ", ".join(job["columns"]) if job["columns"] else "*"
    condition = sql_condition(job)
    where = f" where {condition}" if condition else ""
    return connect(job["threads"]).sql(f"select {columns} from iceberg_scan('{job['paths'][0]}'){where}")


def stream(job, consume):
    for batch in query(job).fetch_record_batch(131_072):
        consume(batch)


def collect(job):
    return query(job).fetch_arrow_table()


def plan(_job):
    raise NotImplementedError("DuckDB's planning cannot be called by itself")


def arrow_batches(piece):
    return piece.to_batches() if isinstance(piece, pa.Table) else [piece]


if __name__ == "__main__":
    main(sys.modules[__name__])
