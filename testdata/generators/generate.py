"""Writes `testdata/tables` and `testdata/expected`: `target/gen/spark3/bin/python testdata/generators/generate.py 3.5 [TABLE…]`.

Each case is a function in a `cases_*` module with the table's name and the Spark that writes it.
"""

import importlib
import pathlib
import shutil
import sys
import traceback

import session

MODULES = ["cases_deletes", "cases_partitions", "cases_evolution", "cases_values", "cases_files", "cases_java", "cases_v3"]


def main():
    version, wanted = sys.argv[1], set(sys.argv[2:])
    cases = []
    for module in MODULES:
        if (pathlib.Path(__file__).parent / f"{module}.py").exists():
            cases += importlib.import_module(module).CASES
    unknown = wanted - {case.table for case in cases}
    if unknown:
        sys.exit(f"no such table: {sorted(unknown)}")
    import pyspark

    writer = f"Spark {pyspark.__version__}, Iceberg {session.ICEBERG}"
    testdata = session.ROOT / "testdata"
    spark = session.start(version)
    spark.sql("CREATE NAMESPACE IF NOT EXISTS local.t")
    failed = []
    for case in cases:
        if case.spark != version or (wanted and case.table not in wanted):
            continue
        shutil.rmtree(session.WAREHOUSE / "t" / case.table, ignore_errors=True)
        expected = session.Expected(spark, case.table, case.note)
        try:
            case.write(expected)
            session.export(expected, writer, testdata / "tables", testdata / "expected")
            print(f"{case.table}: {len(expected.queries)} queries", flush=True)
        except Exception as error:
            failed.append(case.table)
            traceback.print_exc()
            print(f"{case.table}: FAILED {str(error)[:500]}", flush=True)
    spark.stop()
    sys.exit(f"failed: {failed}" if failed else 0)


if __name__ == "__main__":
    main()
