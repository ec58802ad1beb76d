"""PyIceberg: its own planning, and its reader over pyarrow."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa
from measure import main
from pyiceberg.expressions import AlwaysTrue, And, EqualTo, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from pyiceberg.table import StaticTable

VERSION = version("pyiceberg")
COMPARE = {"=": EqualTo, "<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}


def scan(job):
    if job["source"] != "iceberg":
        raise NotImplementedError("PyIceberg reads tables, not files")
    pa.set_cpu_count(job["threads"])
    os.environ["PYICEBERG_MAX_WORKERS"] = str(job["threads"])
    expression = AlwaysTrue()
    for term in job["filter"]:
        expression = And(expression, COMPARE[term["op"]](term["column"], term["value"]))
    table = StaticTable.from_metadata(job["paths"][0])
    return table.scan(row_filter=expression, selected_fields=tuple(job["columns"] or ["*"]))


def stream(job, consume):
    for batch in scan(job).to_arrow_batch_reader():
        consume(batch)


def collect(job):
    return scan(job).to_arrow()


def plan(job):
    return [(task.file.file_path, task.file.record_count) for task in scan(job).plan_files()]


def arrow_batches(piece):
    return piece.to_batches() if isinstance(piece, pa.Table) else [piece]


if __name__ == "__main__":
    main(sys.modules[__name__])
