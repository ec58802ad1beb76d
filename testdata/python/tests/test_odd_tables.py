"""Tables changed by hand into what other writers leave: no name mapping, compressed metadata, files without row groups."""

import json
import os
import pathlib
import shutil
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, UUIDType

import command
import test_tables

# Migrated tables whose columns lie in their files as in the table.
IN_ORDER = ["migrated_hive", "migrated_two_level_lists"]


def newest(table):
    return max((table / "metadata").glob("*.metadata.json"), key=lambda path: int("".join(filter(str.isdigit, path.name.split("-")[0]))))


def copied(table, tmp_path):
    home = tmp_path / table
    shutil.copytree(test_tables.TABLES / table, home)
    return home


def without_mapping(table, tmp_path):
    """A copy whose files without field ids have no name mapping either."""
    home = copied(table, tmp_path)
    text = json.loads(newest(home).read_text())
    del text["properties"]["schema.name-mapping.default"]
    newest(home).write_text(json.dumps(text))
    return home


@pytest.mark.parametrize("table", [*IN_ORDER, "migrated_nested", "migrated_old_encodings"])
def test_nobody_guesses_columns_unasked(table, tmp_path):
    outcome = command.scan(without_mapping(table, tmp_path))
    test_tables.refused(outcome, 9)
    assert "no field ids" in outcome.err and "map-by-position" in outcome.err, outcome.err


@pytest.mark.parametrize("table", IN_ORDER)
def test_columns_by_position_when_asked(table, tmp_path):
    home = without_mapping(table, tmp_path)
    wanted = test_tables.current_rows(table)
    test_tables.compare(command.scan(home, options=["--map-by-position"]), wanted)
    test_tables.compare(command.scan(home, env={"FASTDATA_MAP_BY_POSITION": "true"}), wanted)
    test_tables.refused(command.scan(home, env={"FASTDATA_MAP_BY_POSITION": "false"}), 9)


def test_a_column_by_position_must_have_a_type_that_fits(tmp_path):
    """In the files of this table the columns lie in another order."""
    outcome = command.scan(without_mapping("migrated_nested", tmp_path), options=["--map-by-position"])
    test_tables.refused(outcome, 9)
    assert "column `m` is Int64 in the file" in outcome.err, outcome.err


@pytest.mark.parametrize("suffix", [".zstd.metadata.json", ".metadata.json.zst", ".metadata.json"])
def test_metadata_compressed_by_zstd(suffix, tmp_path):
    home = copied("dv_partitioned", tmp_path)
    plain = newest(home)
    packed = pa.compress(plain.read_bytes(), codec="zstd", asbytes=True)
    plain.unlink()
    path = plain.with_name(plain.name.removesuffix(".metadata.json") + suffix)
    path.write_bytes(packed)
    wanted = test_tables.current_rows("dv_partitioned")
    for source in (home, path):
        test_tables.compare(command.scan(source), wanted)
    path.write_bytes(packed[: len(packed) // 2])
    test_tables.refused(command.scan(home), 6)


@pytest.mark.parametrize("hint", ["version-hint.text", "version-hint.txt"])
def test_a_hint_decides_between_files_of_one_version(hint, tmp_path):
    home = copied("mor_partitioned", tmp_path)
    (home / "metadata" / "version-hint.text").unlink(missing_ok=True)
    right = newest(home)
    other = json.loads(right.read_text())
    other["current-snapshot-id"] = -1
    other["refs"] = {}
    os.rename(right, right.with_name("00099-right.metadata.json"))
    right.with_name("00099-lost.metadata.json").write_text(json.dumps(other))
    outcome = command.scan(home)
    test_tables.refused(outcome, 2)
    assert "00099-lost.metadata.json, 00099-right.metadata.json" in outcome.err
    (home / "metadata" / hint).write_text("00099-right.metadata.json\n")
    test_tables.compare(command.scan(home), test_tables.current_rows("mor_partitioned"))


@pytest.fixture
def written(tmp_path):
    """A table of two files by PyIceberg, and where its files lie."""
    catalog = InMemoryCatalog("here", warehouse=str(tmp_path))
    catalog.create_namespace("ns")
    fields = [NestedField(1, "id", LongType()), NestedField(2, "key", UUIDType())]
    table = catalog.create_table("ns.keys", Schema(*fields))
    for start in (0, 3):
        table.append(rows(start, start + 3).cast(table.schema().as_arrow()))
    paths = sorted(task.file.file_path for task in table.scan().plan_files())
    home = pathlib.Path(table.location().removeprefix("file://"))
    return home, [pathlib.Path(path.removeprefix("file://")) for path in paths]


def rows(start, end):
    keys = [uuid.UUID(int=n << 64 | n).bytes for n in range(start, end)]
    return pa.table({"id": pa.array(range(start, end), pa.int64()), "key": pa.array(keys, pa.binary(16))})


def replace(path, table):
    """Writes a file anew with the field ids that it had, and no logical types."""
    ids = {"id": b"1", "key": b"2"}
    fields = [field.with_metadata({b"PARQUET:field_id": ids[field.name]}) for field in table.schema]
    table = table.cast(pa.schema(fields))
    size = path.stat().st_size
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        if table.num_rows:
            writer.write_table(table)
    return size


def test_a_uuid_that_its_file_calls_sixteen_bytes(written):
    home, paths = written
    wanted = command.rows_of(command.table_of(command.scan(home)))
    assert [row[1] for row in wanted] == [str(uuid.UUID(int=n << 64 | n)) for n in range(6)]
    held = [pq.read_table(path, arrow_extensions_enabled=False) for path in paths]
    for path, table in zip(paths, held):
        replace(path, table.cast(pa.schema([("id", pa.int64()), ("key", pa.binary(16))])))
        assert "UUID" not in str(pq.ParquetFile(path).schema)
    assert command.rows_of(command.table_of(command.scan(home))) == wanted
    one = command.table_of(command.scan(home, where=f"key = '{wanted[4][1]}'"))
    assert command.rows_of(one) == [wanted[4]]


def test_a_file_without_row_groups(written):
    home, paths = written
    gone = pq.read_table(paths[0], columns=["id"])["id"].to_pylist()
    replace(paths[0], rows(0, 0))
    assert pq.ParquetFile(paths[0]).metadata.num_row_groups == 0
    left = [n for n in range(6) if n not in gone]
    for options, where in (((), None), ((), "id >= 0"), (("--threads", 1), None)):
        table = command.table_of(command.scan(home, where=where, options=options))
        assert sorted(table["id"].to_pylist()) == left
    assert command.run("scan", home, "--explain").exit == 0
