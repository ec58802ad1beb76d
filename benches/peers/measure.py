"""The frame every peer program runs in: one job in, one line of JSON out.

A job is one workload in one mode for one engine. The process of a peer serves exactly one job, so
that memory held by one measurement is never there in the next, and times it inside the process, so
that starting Python does not count:

1. one untimed run, which brings files, code and allocator to their steady state;
2. `timed_count` timed runs;
3. when the job says `check`, one more run whose rows are summed up into an answer.

The job arrives on standard input:

    {"mode": "stream" | "collect" | "plan", "source": "parquet" | "iceberg", "paths": [...],
     "columns": [...] | null, "filter": [{"column": ..., "op": ..., "value": ..., "kind": ...}],
     "threads": N, "timed_count": N, "check": bool}

`stream` hands every batch to a consumer that drops it; `collect` ends with all rows in memory at
once; `plan` ends with the list of data files that a scan would read.
"""

import ctypes
import gc
import json
import resource
import sys
import time
import traceback

from answer import Summary, answer_of_batches, answer_of_files


def main(engine) -> None:
    """Serves one job with `engine`, a module that has `VERSION`, `open`, and the modes it knows."""
    job = json.load(sys.stdin)
    try:
        report = {"version": engine.VERSION, **measure(engine, job)}
    except NotImplementedError as refusal:
        report = {"version": engine.VERSION, "refused": str(refusal)}
    except Exception as failure:
        traceback.print_exc(file=sys.stderr)
        report = {"version": engine.VERSION, "failed": f"{type(failure).__name__}: {failure}"[:300]}
    print(json.dumps(report))


def measure(engine, job: dict) -> dict:
    run = {"stream": run_stream, "collect": run_collect, "plan": run_plan}[job["mode"]]
    run(engine, job)
    wall_ns, cpu_ns = [], []
    for _ in range(job["timed_count"]):
        gc.collect()
        cpu_begin, wall_begin = time.process_time_ns(), time.perf_counter_ns()
        kept = run(engine, job)
        wall_ns.append(time.perf_counter_ns() - wall_begin)
        cpu_ns.append(time.process_time_ns() - cpu_begin)
        del kept
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {"wall_ns": wall_ns, "cpu_ns": cpu_ns, "peak_rss_bytes": peak_kib * 1024}
    if job["check"]:
        release_memory()
        report["answer"] = checked_answer(engine, job)
    return report


def run_stream(engine, job: dict) -> None:
    engine.stream(job, drop)


def drop(_batch) -> None:
    """The consumer of a timed stream: the batch dies when this returns."""


def run_collect(engine, job: dict):
    return engine.collect(job)


def run_plan(engine, job: dict):
    return engine.plan(job)


def checked_answer(engine, job: dict) -> dict:
    if job["mode"] == "plan":
        return answer_of_files(engine.plan(job))
    if job["mode"] == "collect":
        return answer_of_batches(engine.arrow_batches(engine.collect(job)))
    summary = Summary()

    def consume(piece) -> None:
        for batch in engine.arrow_batches(piece):
            summary.add(batch)

    engine.stream(job, consume)
    return summary.answer()


def release_memory() -> None:
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        pass
