"""Filter and take of ten million rows: every library in turns, answers checked, medians printed.

    python kernels.py OUTPUT.json [--rows N] [--rounds N] [--only PART]

All libraries work on the same values in one process, each in its own form of them, prepared before
the clock starts: fastdata, Polars and pyarrow on Arrow columns, numpy on arrays, pandas on a frame as
it makes it of the Arrow table. DuckDB scans the Arrow table and hands an Arrow table back; it has no
take by positions, and numpy no nulls.
"""

import argparse
import gc
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import fastdata as fd

SELECTIVITIES = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99]
CHUNKS = 64
CORES = os.cpu_count()
# Columns of fewer bytes stay in the caches of a core.
CACHE_BYTES = 2 << 20


def values(kind, rows, rng, nulls):
    mask = rng.random(rows) < 0.1 if nulls else None
    if kind == "int64":
        return pa.array(rng.integers(0, 1 << 60, rows), mask=mask)
    if kind == "float64":
        return pa.array(rng.random(rows), mask=mask)
    if kind == "bool":
        return pa.array(rng.random(rows) < 0.5, mask=mask)
    if kind.startswith("string"):
        width = int(kind[6:])
        letters = rng.integers(97, 123, rows * width, dtype=np.uint8)
        offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int64)
        large = pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(letters))
        array = large.cast(pa.string_view())
        if mask is not None:
            array = pa.compute.if_else(pa.array(mask), pa.scalar(None, pa.large_string()), large).cast(pa.string_view())
        return array
    if kind == "dictionary":
        return pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 100, rows, dtype=np.int32), mask=mask), pa.array([f"category {n}" for n in range(100)]))
    if kind == "list":
        lengths = rng.integers(0, 5, rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rng.random(int(offsets[-1]))), mask=None if mask is None else pa.array(mask))
    raise ValueError(kind)


def chosen(rows, rng, selectivity, clustered):
    if not clustered:
        return rng.random(rows) < selectivity
    mask = np.zeros(rows, dtype=bool)
    run = 1000
    starts = rng.choice(rows // run, max(1, int(rows // run * selectivity)), replace=False) * run
    for start in starts:
        mask[start : start + run] = True
    return mask


class Case:
    """One question: the same rows of the same column, asked of everybody."""

    def __init__(self, name, kind, rows, selectivity, *, clustered=False, chunks=1, nulls=False, take=None):
        self.name, self.take = name, take
        rng = np.random.default_rng(7)
        kinds = ["int64", "float64", "string8", "bool"] if kind == "table" else [kind]
        columns = {one: values(one, rows, rng, nulls) for one in kinds}
        table = pa.table(columns)
        if chunks > 1:
            step = -(-rows // chunks)
            table = pa.concat_tables([table.slice(start, step) for start in range(0, rows, step)])
        self.mask = chosen(rows, rng, selectivity, clustered)
        self.positions = np.flatnonzero(self.mask)
        if take == "random":
            rng.shuffle(self.positions)
        self.table = table

    def engines(self):
        """A closure for each library that can do it, and what turns its answer into an Arrow table."""
        table, mask, positions = self.table, self.mask, self.positions
        frame = fd.DataFrame(table)
        offsets = table.cast(pa.schema([field.with_type(pa.large_string()) if field.type == pa.string_view() else field for field in table.schema]))
        polars = pl.DataFrame(table)
        pandas = offsets.to_pandas()
        if self.take:
            rows = fd.Column(positions)
            series, arrow = pl.Series(positions), pa.array(positions)
            yield "fastdata", lambda: frame.take(rows)
            yield "polars", lambda: polars[series]
            yield "pyarrow", lambda: offsets.take(arrow)
            yield "pandas", lambda: pandas.take(positions)
        else:
            keep = pa.array(mask)
            rows, series = fd.Column(keep), pl.Series(keep)
            yield "fastdata", lambda: frame.take(rows)
            yield "polars", lambda: polars.filter(series)
            yield "pyarrow", lambda: offsets.filter(keep)
            yield "pandas", lambda: pandas[mask]
            source = offsets.append_column("keep", keep)
            connection = duckdb.connect()
            names = ", ".join(f'"{name}"' for name in table.column_names)
            connection.register("source", source)
            yield "duckdb", lambda: connection.sql(f"select {names} from source where keep").to_arrow_table()
        if table.num_columns == 1 and table.column(0).null_count == 0 and table.schema.types[0] in (pa.int64(), pa.float64(), pa.bool_()):
            array = table.column(0).to_numpy()
            yield "numpy", (lambda: array[positions]) if self.take else (lambda: array[mask])

    def check(self, answer):
        """fastdata's answer is pyarrow's."""
        wanted = self.table.cast(pa.schema([field.with_type(pa.large_string()) if field.type == pa.string_view() else field for field in self.table.schema]))
        wanted = wanted.take(pa.array(self.positions)) if self.take else wanted.filter(pa.array(self.mask))
        given = pa.table(answer).cast(wanted.schema)
        assert given.num_rows == wanted.num_rows == len(self.positions)
        for name in wanted.column_names:
            assert given[name].combine_chunks().equals(wanted[name].combine_chunks()), (self.name, name)

    def floor_ms(self, answer_bytes, rounds):
        """What the memory alone takes, with all cores, in memory that was touched before.

        A filter reads the mask and, of each column, the lines of 64 bytes that its rows are in (a line
        for each row, unless the column has fewer), one behind the other, and writes the answer. A take
        reads a word for each position in the positions' order, from as many words as the column has;
        from a column that fits the caches it reads nothing but the positions.
        """
        count, rows = len(self.positions), self.table.num_rows
        columns = [column.nbytes for column in self.table.columns]
        scattered = [size for size in columns if self.take and size > CACHE_BYTES]
        order = [self.positions * (size // 8) // rows for size in scattered]
        values = [np.ones(size // 8, dtype=np.uint64) for size in scattered]
        taken = np.ones(count, dtype=np.uint64)
        streamed = count * 8 if self.take else rows // 8 + sum(min(size, count * 64) for size in columns)
        source = np.ones(streamed // 8 + 1, dtype=np.uint64)
        answer = np.ones(answer_bytes // 8 + 1, dtype=np.uint64)

        def work(core):
            def share(array):
                return array[len(array) * core // CORES : len(array) * (core + 1) // CORES]

            np.bitwise_or.reduce(share(source))
            for words, places in zip(values, order):
                np.take(words, share(places), out=share(taken), mode="clip")
            share(answer).fill(1)

        times = []
        with ThreadPoolExecutor(CORES) as threads:
            for _ in range(rounds + 1):
                start = time.perf_counter()
                list(threads.map(work, range(CORES)))
                times.append(time.perf_counter() - start)
        return statistics.median(times[1:]) * 1e3


def cases(rows, part):
    kinds = ["int64", "float64", "bool", "string8", "string40", "dictionary", "list", "table"]
    if part in (None, "filter"):
        for kind in kinds:
            for selectivity in SELECTIVITIES:
                yield Case(f"filter {kind}, {selectivity:.1%}", kind, rows, selectivity)
    if part in (None, "shapes"):
        for kind in kinds:
            for selectivity in (0.01, 0.5):
                yield Case(f"filter {kind}, {selectivity:.1%}, runs", kind, rows, selectivity, clustered=True)
                yield Case(f"filter {kind}, {selectivity:.1%}, {CHUNKS} chunks", kind, rows, selectivity, chunks=CHUNKS)
                yield Case(f"filter {kind}, {selectivity:.1%}, 10 % null", kind, rows, selectivity, nulls=True)
    if part in (None, "take"):
        for kind in kinds:
            for selectivity in SELECTIVITIES:
                for order in ("sorted", "random"):
                    yield Case(f"take {kind}, {selectivity:.1%}, {order}", kind, rows, selectivity, take=order)
            yield Case(f"take {kind}, 1.0%, random, {CHUNKS} chunks", kind, rows, 0.01, chunks=CHUNKS, take="random")
            yield Case(f"take {kind}, 1.0%, random, 10 % null", kind, rows, 0.01, nulls=True, take="random")


def measure(case, rounds):
    engines = list(case.engines())
    answer_bytes = 0
    for name, work in engines:
        answer = work()
        if name == "fastdata":
            case.check(answer)
            answer_bytes = answer.nbytes
        del answer
    times = {name: [] for name, _ in engines}
    for turn in range(rounds):
        for name, work in engines[turn % len(engines) :] + engines[: turn % len(engines)]:
            gc.collect()
            start = time.perf_counter()
            answer = work()
            times[name].append(time.perf_counter() - start)
            del answer
    medians = {name: statistics.median(each) * 1e3 for name, each in times.items()}
    return {"case": case.name, "rows": case.table.num_rows, "ms": medians, "floor_ms": case.floor_ms(answer_bytes, rounds)}


ENGINES = ["fastdata", "polars", "pyarrow", "pandas", "duckdb", "numpy"]


def row(result):
    """A line of the table; `true` when the bar is met: 5 × pandas, and 1.5 × Polars or 1.2 × the floor."""
    ms, floor = result["ms"], result["floor_ms"]
    ours = ms["fastdata"]
    times = [f"{ms[name]:.1f}" if name in ms else "" for name in ENGINES]
    over_pandas, over_polars = ms["pandas"] / ours, ms["polars"] / ours
    met = (over_pandas >= 5 and over_polars >= 1.5) or ours <= 1.2 * floor
    cells = [result["case"], *times, f"{floor:.1f}", f"{over_pandas:.1f}", f"{over_polars:.1f}", "" if met else "✗"]
    return "| " + " | ".join(cells) + " |", met


def table(results):
    rows = [row(result) for result in results]
    print("| case | " + " | ".join(ENGINES) + " | floor | pandas over ours | Polars over ours | |")
    print("|---" * (len(ENGINES) + 5) + "|")
    for line, _ in rows:
        print(line)
    print(f"| {sum(met for _, met in rows)} of {len(rows)} meet the bar |" + " |" * (len(ENGINES) + 4), flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("output")
    arguments.add_argument("--rows", type=int, default=10_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", choices=["filter", "shapes", "take"])
    options = arguments.parse_args()
    results = []
    for case in cases(options.rows, options.only):
        result = measure(case, options.rounds)
        results.append(result)
        shown = "  ".join(f"{name} {ms:.2f}" for name, ms in result["ms"].items())
        print(f"{result['case']:<40} {shown}  floor {result['floor_ms']:.2f} ms", flush=True)
    table(results)
    with open(options.output, "w") as output:
        json.dump({"schema": "fastdata.kernels-bench/1", "results": results}, output, indent=1)


if __name__ == "__main__":
    main()
