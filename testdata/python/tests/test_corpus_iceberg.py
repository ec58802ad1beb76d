"""The 40 tables of duckdb-iceberg (Spark, PyIceberg, DuckDB, BigQuery): the expected rows or the expected refusal.

What is expected was taken from the README of the corpus and from the tests of its source; row counts where nothing
more is known.
"""

import pytest

import command

FOLDER = command.CORPORA / "iceberg" / "duckdb-iceberg"
UUID = "{uuid}"


def case(path, rows=None, values=None, columns=None, where=None, exit_code=0, options=(), id_=None):
    return pytest.param(path, rows, values, columns, where, exit_code, options, id=id_ or (f"{path}: {where}" if where else path))


PARTITIONED = {
    "bigint": 2, "binary": 2, "bool": 2, "decimal_bigint": 10, "decimal_hugeint": 15, "decimal_integer": 3, "decimal_smallint": 2,
    "double": 2, "float": 2, "integer": 2, "fixed_length_binary/default.db/partition_fixed_length_binary": 2, "time/default.db/partition_time": 2,
    "timestamp/default.db/partition_timestamp": 2, "timestamptz/default.db/partition_timestamptz": 2,
}
ADDED = "add_columns_with_defaults/default.db/add_columns_with_defaults"
ADDED_NESTED = "add_columns_with_defaults_in_struct/default.db/add_columns_with_defaults_in_struct"
CROSS = "equality_delete_cross_partition/warehouse/ns/t"
EXTRA = "equality_delete_extra_column/warehouse/ns/t"
MERCH = "iceberg_v1_repro/repro/merch_v1"
MERCH_ROWS = [[2, "nba", 20], [3, "mlb", 30], [4, "nhl", 40], [6, "nba", 60]]

CASES = [
    case(ADDED, 3),
    case(ADDED_NESTED, 2),
    case("big_query_error", values=[[1, "Alice", "2024-01-01 10:00"], [2, "Bob", "2024-02-01 11:30"]]),
    case("case_sensitive_names/default.db/case_sensitive_names", 3),
    case("column_mapping/warehouse/default.db/my_table", 3),
    case("custom_write_paths", 0),
    case(CROSS, values=[[0, 999, "p0-k999"], [1, 100, "p1-k100"], [1, 888, "p1-k888"]]),
    case(f"{EXTRA}/metadata/vfinal.metadata.json", values=[[1, "a"], [3, "c"]]),
    case("equality_deletes/warehouse/mydb/mytable", values=[[4, "d", "2025-01-04"], [5, "e", "2025-01-05"]]),
    case("equality_deletes/warehouse/mydb/mytable_partitioned", 3),
    case("expression_filter", values=[[1, "foo"], [2, "bar"], [3, "baz"]]),
    case("generated_bounds", 0, where="block_number between 5000000 and 5000100"),
    case("generated_bounds", exit_code=5, id_="generated_bounds: its data files lie in a bucket that is not there"),
    case("hive_partitioned_table", 6),
    case("hive_partitioned_table", 1, where="event_date = date '2024-01-02'"),
    case("iceberg/lineitem_iceberg", 51793),
    case("iceberg/lineitem_iceberg_gz", 111968),
    case("iceberg/lineitem_iceberg_gz_no_hint", 111968),
    case("iceberg/lineitem_iceberg_no_hint", 51793),
    case("iceberg_v1_deprecated/default/legacy_v1", values=[[1, "alpha", 10], [2, "beta", 20], [3, "alpha", None]]),
    case(f"{MERCH}/metadata/00003-*.metadata.json", values=MERCH_ROWS),
    case(f"{MERCH}/metadata/00004-*.metadata.json", values=MERCH_ROWS),
    case("is_null_is_not_null", 8),
    case("is_null_is_not_null", 4, where="{2} is null"),
    case("is_null_is_not_null", 4, where="{2} is not null"),
    case("legacy_bare_deletion_vector/warehouse/default/legacy_bare_deletion_vector", exit_code=6),
    case("map_stats/default.db/map_stats", 2),
    case("map_stats/default.db/map_stats", 1, where="{1} >= timestamp '2026-01-01' and {1} < timestamp '2026-01-02'"),
    case("name_mapping/warehouse_1/mydb/t1", 10000),
    case("null_stats/default/test_nulls", 9),
    case("null_stats/default/test_nulls", 5, where="flag is null"),
    case("null_stats/default/test_nulls", 4, where="flag is not null"),
    *[case(f"partition_{name}", count) for name, count in PARTITIONED.items()],
    case("timestamptz_ns", 0),
    case("uuid", 10),
    case("uuid", 1, where=UUID),
]


def prepared(path, where):
    """Globs in the path and placeholders in the filter, resolved."""
    found = sorted(FOLDER.glob(path)) if "*" in path else [FOLDER / path]
    assert found, path
    source = found[-1]
    if where and "{" in where:
        table = command.table_of(command.scan(source))
        if where == UUID:
            first = command.values(table.column(0))[0]
            text = first if "-" in first else command.uuid_text(bytes.fromhex(first))
            return source, f"{command.quoted(table.column_names[0])} = '{text}'"
        for index, column in enumerate(table.column_names, 1):
            where = where.replace("{%d}" % index, command.quoted(column))
        return source, where
    return source, where


@pytest.mark.parametrize("path, rows, values, columns, where, exit_code, options", CASES)
def test_table(path, rows, values, columns, where, exit_code, options):
    if not FOLDER.is_dir():
        pytest.skip("SKIPPED: no corpus: the tables of other programs were not read")
    source, where = prepared(path, where)
    outcome = command.scan(source, columns, where, options)
    if exit_code:
        assert outcome.exit == exit_code, outcome.failure()
        return
    table = command.table_of(outcome)
    if values is None:
        assert table.num_rows == rows
    else:
        got = [[plain(v) for v in row] for row in command.rows_of(table)]
        assert got == values


def plain(value):
    """`2024-01-01T10:00:00.000000Z` as the README writes it."""
    if isinstance(value, str) and len(value) > 19 and value[10] == "T":
        return value[:16].replace("T", " ")
    return value
