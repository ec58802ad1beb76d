"""Every committed table gives the rows that its writer gives, by every query that was asked of it."""

import json
import shutil

import pytest

import command

EXPECTED = sorted((command.TESTDATA / "expected").glob("*.json"))
TABLES = command.TESTDATA / "tables"


def queries():
    for path in EXPECTED:
        document = json.loads(path.read_text())
        for index, query in enumerate(document["queries"]):
            yield pytest.param(document["table"], query, id=f"{document['table']}-{index}-{query['name']}")


def options(query):
    out = []
    if "snapshot_id" in query:
        out += ["--snapshot-id", query["snapshot_id"]]
    if "as_of" in query:
        out += ["--as-of", query["as_of"]]
    if "ref" in query:
        out += ["--ref", query["ref"]]
    return out


def refused(outcome, exit_code):
    assert outcome.exit == exit_code, f"must end with {exit_code}, {outcome.failure()}"
    assert len(outcome.err.strip().splitlines()) == 1, f"an error is one line: {outcome.err}"


def compare(outcome, query):
    table = command.table_of(outcome)
    got = [[f.name, command.loosened(command.type_text(f.type))] for f in table.schema]
    wanted = [[name, command.loosened(kind)] for name, kind in query["schema"]]
    assert got == wanted, f"schema: got {got}, expected {wanted}"
    rows = command.rows_of(table)
    for index, (_, kind) in enumerate(query["schema"]):
        # A uuid that Arrow holds as plain bytes, beside an answer that shows it as text.
        if kind in ("string", "uuid") and table.schema.field(index).type == "fixed_size_binary[16]":
            for row in rows:
                row[index] = None if row[index] is None else command.uuid_text(bytes.fromhex(row[index]))
    rows.sort(key=command.canonical.sort_key)
    assert rows == query["rows"], command.difference(rows, query["rows"])


@pytest.mark.parametrize("table, query", queries())
def test_query(table, query):
    source = TABLES / table / query.get("below", "")
    outcome = command.scan(source, query.get("columns"), query.get("where"), options(query))
    if "refused" in query:
        refused(outcome, query["exit"])
    elif outcome.exit != 0 and outcome.exit == query.get("may_refuse"):
        refused(outcome, query["may_refuse"])
    else:
        compare(outcome, query)


def current_rows(table):
    """The first query without filter and time travel, if the table has one."""
    queries = json.loads((command.TESTDATA / "expected" / f"{table}.json").read_text())["queries"]
    plain = [q for q in queries if "rows" in q and not {"columns", "where", "snapshot_id", "as_of", "ref", "below", "may_refuse"} & q.keys()]
    return plain[-1] if plain else None


PLAIN = [path.stem for path in EXPECTED if current_rows(path.stem)]


@pytest.mark.parametrize("table", PLAIN)
def test_count(table):
    """`-f count` never decodes a column and must still apply every delete."""
    outcome = command.run("scan", TABLES / table, "-f", "count")
    assert outcome.exit == 0, outcome.failure()
    assert int(outcome.out) == len(current_rows(table)["rows"])


@pytest.mark.parametrize("table", PLAIN[::3])
def test_by_name_with_one_thread(table):
    """The same rows by name in a warehouse, on one thread."""
    name = 'tables."' + table + '"' if not table.replace("_", "").isalnum() else f"tables.{table}"
    outcome = command.run("scan", name, "--warehouse", command.TESTDATA, "--threads", 1, "-f", "arrow", "--no-progress")
    compare(outcome, current_rows(table))


@pytest.mark.parametrize("table", ["mor_partitioned", "dv_partitioned", "migrated_hive", "eq_partitioned", "partition_odd_values"])
def test_after_a_move(table, tmp_path):
    """A copy in a folder of another name, given as folder, as metadata file, and with a trailing slash."""
    home = tmp_path / "new place +%20é" / "renamed"
    shutil.copytree(TABLES / table, home)
    newest = sorted((home / "metadata").glob("*.metadata.json"), key=lambda p: int("".join(filter(str.isdigit, p.name))))[-1]
    for source in (home, f"{home}/", newest):
        compare(command.scan(source), current_rows(table))


@pytest.mark.parametrize("table", ["tiny_row_groups", "dv_compacted", "mor_file_granularity"])
def test_limit_is_a_prefix_of_the_whole(table):
    whole = command.table_of(command.scan(TABLES / table))
    some = command.table_of(command.scan(TABLES / table, options=["-n", 7]))
    assert some.num_rows == 7
    rows = command.rows_of(whole)
    assert all(row in rows for row in command.rows_of(some))


@pytest.mark.parametrize(
    "options, exit_code",
    [(["--snapshot-id", 1], 4), (["--ref", "nothing"], 4), (["--as-of", "2001-01-01"], 4), (["-w", "nothing = 1"], 2), (["-c", "nothing"], 2), (["-w", "id ="], 2)],
)
def test_wrong_requests(options, exit_code):
    outcome = command.scan(TABLES / "mor_partitioned", options=options)
    refused(outcome, exit_code)
