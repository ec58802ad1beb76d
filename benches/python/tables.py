"""From an Iceberg table to a Polars frame: each library in a process of its own, in turns.

    python tables.py METADATA.json OUTPUT.json [--rounds N] NAME=INTERPRETER…

A process does one untimed run and then the timed one, measured inside: starting Python and importing
do not count, reading metadata does. The frame's height and the sum of its numbers must agree.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

FOUR = ["l_orderkey", "l_quantity", "l_extendedprice", "l_shipdate"]
QUESTIONS = {"one partition of 60": (None, 202207), "4 columns": (FOUR, None), "everything": (None, None)}


def with_fastdata(metadata, columns, month):
    import fastdata as fd

    table = fd.Table(metadata)
    frame = table.get_partition(l_month=month, columns=columns) if month else table.get_all(columns)
    return frame.to_polars()


def with_polars(metadata, columns, month):
    import polars as pl

    frame = pl.scan_iceberg(metadata)
    if month:
        frame = frame.filter(pl.col("l_month") == month)
    return (frame.select(columns) if columns else frame).collect()


def with_pyiceberg(metadata, columns, month):
    import polars as pl
    from pyiceberg.table import StaticTable

    options = {"selected_fields": tuple(columns)} if columns else {}
    if month:
        options["row_filter"] = f"l_month == {month}"
    return pl.from_arrow(StaticTable.from_metadata(metadata).scan(**options).to_arrow())


def with_daft(metadata, columns, month):
    import daft
    import pyarrow
    from pyiceberg.table import StaticTable

    frame = daft.read_iceberg(StaticTable.from_metadata(metadata))
    if month:
        frame = frame.where(daft.col("l_month") == month)
    table = (frame.select(*columns) if columns else frame).to_arrow()
    # Daft's environment has no Polars; a table of Arrow is what it hands over.
    assert isinstance(table, pyarrow.Table)
    return table


def with_duckdb(metadata, columns, month):
    from pathlib import Path

    import duckdb
    import duckdb_extension_avro
    import duckdb_extension_iceberg

    connection = duckdb.connect()
    for module, name in ((duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
        connection.load_extension(str(next(Path(module.__file__).parent.glob(f"extensions/*/{name}.duckdb_extension"))))
    where = f" where l_month = {month}" if month else ""
    return connection.sql(f"select {', '.join(columns) if columns else '*'} from iceberg_scan('{metadata}'){where}").fetch_arrow_table()


def work(engine, metadata, question):
    run = globals()[f"with_{engine}"]
    columns, month = QUESTIONS[question]
    run(metadata, columns, month)
    start = time.perf_counter()
    frame = run(metadata, columns, month)
    seconds = time.perf_counter() - start
    names = frame.column_names if hasattr(frame, "column_names") else frame.columns
    if hasattr(frame, "column_names"):
        import pyarrow.compute

        total = pyarrow.compute.sum(frame["l_orderkey"]).as_py()
        rows = frame.num_rows
    else:
        total, rows = frame["l_orderkey"].sum(), frame.height
    print(json.dumps({"seconds": seconds, "rows": rows, "columns": len(names), "total": total}))


def main():
    if sys.argv[1] == "--work":
        return work(*sys.argv[2:])
    arguments = argparse.ArgumentParser()
    arguments.add_argument("metadata")
    arguments.add_argument("output")
    arguments.add_argument("engines", nargs="+")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    engines = dict(engine.split("=", 1) for engine in options.engines)
    results = []
    for question in QUESTIONS:
        seconds, answers = {name: [] for name in engines}, set()
        for turn in range(options.rounds):
            names = list(engines)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                done = subprocess.run([engines[name], __file__, "--work", name, options.metadata, question], capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{name}: {done.stderr}")
                answer = json.loads(done.stdout)
                seconds[name].append(answer["seconds"])
                answers.add((answer["rows"], answer["columns"], answer["total"]))
        assert len(answers) == 1, answers
        medians = {name: statistics.median(each) for name, each in seconds.items()}
        results.append({"question": question, "rows": answers.pop()[0], "seconds": medians})
        print(f"{question:<22}", "  ".join(f"{name} {each:.3f}" for name, each in medians.items()), "s", flush=True)
    print("| question | rows | " + " | ".join(engines) + " | fastest other over ours |")
    print("|---" * (len(engines) + 3) + "|")
    for result in results:
        seconds = result["seconds"]
        ratio = min(each for name, each in seconds.items() if name != "fastdata") / seconds["fastdata"]
        cells = [result["question"], f"{result['rows']:,}", *(f"{seconds[name]:.3f} s" for name in engines), f"{ratio:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)
    with open(options.output, "w") as output:
        json.dump({"schema": "fastdata.tables-bench/1", "results": results}, output, indent=1)


if __name__ == "__main__":
    main()
