"""DataFusion: the record batch stream for streams, an Arrow table for collecting."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import pyarrow as pa
from datafusion import SessionConfig, SessionContext
from literal import sql_condition
from measure import main

VERSION = version("datafusion")


def query(job):
    if job["source"] != "parquet":
        raise NotImplementedError("the wheel has no Iceberg reader")
    config = (
        SessionConfig()
        .with_target_partitions(job["threads"])
        .with_batch_size(8192)
        .set("datafusion.execution.parquet.pushdown_filters", "true" if job["filter"] else "false")
        .set("datafusion.execution.parquet.reorder_filters", "true" if job["filter"] else "false")
    )
    context = SessionContext(config)
    folder = {str(Path(path).parent) for path in job["paths"]}
    source = folder.pop() if len(job["paths"]) > 1 else job["paths"][0]
    context.register_parquet("source", source)
    columns = ", ".join(job["columns"]) if job["columns"] else "*"
    condition = sql_condition(job)
    where = f" where {condition}" if condition else ""
    return context.sql(f"select {columns} from source{where}")


def stream(job, consume):
    for batch in query(job).execute_stream():
        consume(batch.to_pyarrow())


def collect(job):
    # Twice as fast as `collect`, which wraps every batch in a Python object.
    return query(job).to_arrow_table()


def arrow_batches(piece):
    return piece.to_batches() if isinstance(piece, pa.Table) else [piece]


if __name__ == "__main__":
    main(sys.modules[__name__])
