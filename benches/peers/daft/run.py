"""Daft: its partition iterator for streams, `collect` into its own partitions for collecting."""

import functools
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import daft
from literal import python_value
from measure import main

VERSION = daft.__version__
COMPARE = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}


@functools.cache
def choose_runner(threads_count: int) -> None:
    """The thread pool is sized once a process; Daft refuses a second time."""
    daft.set_runner_native(threads_count)


def query(job):
    choose_runner(job["threads"])
    if job["source"] == "iceberg":
        from pyiceberg.table import StaticTable

        frame = daft.read_iceberg(StaticTable.from_metadata(job["paths"][0]))
    else:
        frame = daft.read_parquet(job["paths"])
    for term in job["filter"]:
        frame = frame.where(getattr(daft.col(term["column"]), COMPARE[term["op"]])(python_value(term)))
    return frame.select(*job["columns"]) if job["columns"] else frame


def stream(job, consume):
    for partition in query(job).iter_partitions():
        consume(partition)


def collect(job):
    return query(job).collect()


def plan(_job):
    raise NotImplementedError("Daft leaves planning to PyIceberg")


def arrow_batches(piece):
    return piece.to_arrow().to_batches()


if __name__ == "__main__":
    main(sys.modules[__name__])
