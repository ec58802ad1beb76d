"""What `scan --explain` and `describe` say, and from which bytes they know it."""

import json
import pathlib
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import command

TABLES = command.TESTDATA / "tables"
GROUPS, GROUP_ROWS = 4, 1000


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Row groups of 1000 rows in small pages: ascending numbers, few words, ids that are all over the place."""
    path = tmp_path_factory.mktemp("explain") / "rows.parquet"
    rows = GROUPS * GROUP_ROWS
    table = pa.table(
        {
            "number": range(rows),
            "word": [f"word {row % 5 * 2}" for row in range(rows)],
            "id": [f"{row * 7919 % 65_536:08x}" for row in range(rows)],
        }
    )
    pq.write_table(
        table,
        path,
        row_group_size=GROUP_ROWS,
        use_dictionary=["word"],
        max_rows_per_page=100,
        write_batch_size=100,
        write_page_index=True,
        bloom_filter_options={"id": True},
    )
    return path


def explained(source, where=None):
    args = ["scan", source, "--explain=json"] + (["-w", where] if where else [])
    outcome = command.run(*args)
    assert outcome.exit == 0, outcome.failure()
    return json.loads(outcome.out)


def described(table):
    outcome = command.run("describe", TABLES / table, "--json")
    assert outcome.exit == 0, outcome.failure()
    return json.loads(outcome.out)


def reasons(plan):
    """Why parts of the files are skipped, in order."""
    return [part["skipped"] for node in plan["nodes"] for part in [node, *node["children"]] if part["skipped"]]


def test_pages_are_skipped_by_the_page_index(file):
    plan = explained(file, "number >= 1950 and number < 2000")
    assert plan["row_groups"] == {"read": 1, "skipped": 3}
    assert plan["pages"] == {"read": 1, "skipped": 9}
    assert plan["rows"] == 100
    assert "page index: 9 of 10 pages" in json.dumps(plan["nodes"])
    assert plan["bytes_to_fetch"] * 5 < explained(file, "number >= 1000 and number < 2000")["bytes_to_fetch"]


@pytest.mark.parametrize(
    "where, reason",
    [
        ("number < 0", "statistics"),
        ("word = 'word 3'", "dictionary"),
        (f"id = '{5000 * 7919 % 65_536:08x}'", "bloom filter"),
    ],
)
def test_row_groups_are_skipped_for_a_reason_that_is_told(file, where, reason):
    plan = explained(file, where)
    assert reasons(plan) == [reason] * GROUPS
    assert plan["row_groups"] == {"read": 0, "skipped": GROUPS}
    assert (plan["rows"], plan["bytes_to_fetch"], plan["requests"]) == (0, 0, 0)
    assert f"skipped: {reason}" in command.run("scan", file, "--explain", "-w", where).out.decode()


def test_no_data_page_is_read(file, tmp_path):
    """Files whose data pages are garbage have the same plan, but no rows."""
    copy = tmp_path / file.name
    spoil(file, copy)
    for where in (None, "number >= 1950 and number < 2000", "id = '00000001'"):
        whole, spoilt = explained(file, where), explained(copy, where)
        assert [node["children"] for node in spoilt["nodes"]] == [node["children"] for node in whole["nodes"]]
        assert [spoilt[key] for key in ("pages", "bytes_to_fetch", "requests", "rows")] == [
            whole[key] for key in ("pages", "bytes_to_fetch", "requests", "rows")
        ]
    assert command.scan(copy).exit == 6


def test_no_data_page_of_a_table_is_read(tmp_path):
    home = tmp_path / "mor_partitioned"
    shutil.copytree(TABLES / "mor_partitioned", home)
    for path in (home / "data").rglob("*.parquet"):
        if not path.name.endswith("-deletes.parquet"):
            spoil(path, path)
    spoilt, whole = explained(home, "id > 5"), explained(TABLES / "mor_partitioned", "id > 5")
    assert json.dumps(spoilt).replace(str(home), "") == json.dumps(whole).replace(str(TABLES / "mor_partitioned"), "")
    assert command.scan(home).exit == 6


def spoil(file, copy):
    """Copies a file without what its columns hold."""
    held = bytearray(file.read_bytes())
    meta = pq.ParquetFile(file).metadata
    for group in range(meta.num_row_groups):
        for column in range(meta.num_columns):
            chunk = meta.row_group(group).column(column)
            end = (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size
            held[chunk.data_page_offset : end] = b"\xff" * (end - chunk.data_page_offset)
    copy.write_bytes(held)


def test_delete_files_are_named():
    plan = explained(TABLES / "mor_partitioned")
    assert plan["files"] == {"read": 10, "skipped": 0} and plan["rows"] == 66
    deletes = [node for node in plan["nodes"] if node["kind"] == "delete file"]
    assert len(deletes) == 7 and all("positions" in node["details"] for node in deletes)


def test_partitions_are_skipped():
    plan = explained(TABLES / "mor_partitioned", "cat = 'a'")
    assert plan["files"]["skipped"] > 0 and set(reasons(plan)) <= {"partition", "no live files"}, reasons(plan)


@pytest.mark.parametrize("table, version, deletes", [("mor_partitioned", 2, (7, 0, 0)), ("dv_partitioned", 3, (0, 0, 12)), ("eq_partitioned", 2, None)])
def test_a_table_is_described(table, version, deletes):
    told = described(table)
    newest = max((TABLES / table / "metadata").glob("*.metadata.json"), key=lambda path: int("".join(filter(str.isdigit, path.name))))
    written = json.loads(newest.read_text())
    assert told["schema"] == "fastdata.describe/1"
    assert told["metadata_file"] == str(newest)
    assert told["format_version"] == written["format-version"] == version
    assert [(s["snapshot_id"], s["parent_id"], s["timestamp_ms"]) for s in told["snapshots"]] == [
        (s["snapshot-id"], s.get("parent-snapshot-id"), s["timestamp-ms"]) for s in written["snapshots"]
    ]
    assert told["snapshot_id"] == written["current-snapshot-id"]
    assert told["references"] == [
        {"name": name, "kind": ref["type"], "snapshot_id": ref["snapshot-id"]} for name, ref in written["refs"].items()
    ]
    summary = next(s for s in written["snapshots"] if s["snapshot-id"] == told["snapshot_id"])["summary"]
    assert (told["data_files"], told["data_rows"]) == (int(summary["total-data-files"]), int(summary["total-records"]))
    kinds = (told["position_delete_files"], told["equality_delete_files"], told["deletion_vectors"])
    assert sum(kinds) == int(summary["total-delete-files"]) > 0
    assert deletes is None or kinds == deletes
    assert told["data_bytes"] == live_bytes(TABLES / table)


def live_bytes(table):
    """What the data files of the plan take on the disk."""
    return sum(pathlib.Path(node["name"]).stat().st_size for node in explained(table)["nodes"] if node["kind"] == "file")


def test_partition_specs_are_described():
    assert described("mor_partitioned")["partition_spec"] == ["identity(cat)"]
    evolved = described("partition_evolution")
    assert evolved["partition_spec"] == []
    assert evolved["older_partition_specs"][:3] == ["day(ts)", "hour(ts)", "hour(ts), bucket[3](s)"]
    text = command.run("describe", TABLES / "partition_evolution").out.decode()
    assert "before: hour(ts), bucket[3](s)" in text
