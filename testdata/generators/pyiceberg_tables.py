"""Tables written by PyIceberg: `target/gen/pyiceberg/bin/python testdata/generators/pyiceberg_tables.py`.

What they hold is known here row by row, so the expected rows are those that were put in, checked against PyIceberg's
own answer where it has one.
"""

import datetime
import decimal
import pathlib
import shutil
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pyiceberg
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import (
    BinaryType, DateType, DecimalType, FixedType, FloatType, IntegerType, ListType, LongType, MapType, NestedField, StringType,
    StructType, TimestampType, TimestamptzType, TimeType, UUIDType,
)

import canonical
import session

WAREHOUSE = pathlib.Path("/data/warehouse/py")
TESTDATA = pathlib.Path(__file__).resolve().parents[1]


def encode(value):
    """What Arrow's `to_pylist` gives, in the canonical form."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return canonical.float_text(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return canonical.timestamp_text(value.replace(tzinfo=None), value.tzinfo is not None)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dict):
        return {k: encode(v) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return canonical.sort_pairs([encode(k), encode(v)] for k, v in value)
    return [encode(item) for item in value]


class PyTable:
    def __init__(self, catalog, name, note, schema, spec=None, **properties):
        self.name, self.note, self.queries = name, note, []
        kwargs = {"partition_spec": spec} if spec else {}
        self.table = catalog.create_table(f"py.{name}", schema, location=str(WAREHOUSE / name), properties=properties, **kwargs)

    def arrow(self, *rows):
        return pa.Table.from_pylist(list(rows), schema=self.table.schema().as_arrow())

    def expect(self, rows, name=None, **query):
        """`rows` are dicts of what must come back, in the table's column order."""
        schema = [[f.name, type_text(f.field_type)] for f in self.table.schema().fields]
        wanted = query.get("columns")
        if wanted:
            schema = [pair for pair in schema if pair[0] in wanted]
        encoded = [[encode(row.get(column)) for column, _ in schema] for row in rows]
        entry = {"name": name or query.get("where") or "all", **query, "schema": schema}
        entry["rows"] = sorted(encoded, key=canonical.sort_key)
        self.queries.append(entry)

    def check(self, rows):
        """PyIceberg must itself return `rows`, or the generator is wrong."""
        seen = self.table.scan().to_arrow().to_pylist()
        key = lambda row: canonical.sort_key({k: encode(v) for k, v in row.items()})
        assert sorted(map(key, seen)) == sorted(map(key, self.arrow(*rows).to_pylist())), (seen, rows)

    def export(self):
        target = TESTDATA / "tables" / self.name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(WAREHOUSE / self.name, target)
        session.write_answers(self.name, f"PyIceberg {pyiceberg.__version__}", self.note, self.queries, TESTDATA / "expected")
        print(f"{self.name}: {len(self.queries)} queries")


def type_text(kind):
    if isinstance(kind, StructType):
        return "struct<" + ",".join(f"{f.name}:{type_text(f.field_type)}" for f in kind.fields) + ">"
    if isinstance(kind, ListType):
        return f"list<{type_text(kind.element_type)}>"
    if isinstance(kind, MapType):
        return f"map<{type_text(kind.key_type)},{type_text(kind.value_type)}>"
    return str(kind).replace(" ", "")


def py_types(catalog):
    schema = Schema(
        NestedField(1, "id", LongType(), required=True),
        NestedField(2, "t", TimeType()),
        NestedField(3, "u", UUIDType()),
        NestedField(4, "fx", FixedType(3)),
        NestedField(5, "dec", DecimalType(38, 9)),
        NestedField(6, "tz", TimestamptzType()),
        NestedField(7, "f", FloatType()),
        NestedField(8, "m", MapType(9, StringType(), 10, ListType(11, IntegerType(), False), False)),
        NestedField(12, "bin", BinaryType()),
    )
    table = PyTable(catalog, "py_types", "time, uuid, fixed, wide decimals and maps of lists by PyIceberg", schema)
    utc = datetime.timezone.utc
    one = {
        "id": 1, "t": datetime.time(23, 59, 59, 999999), "u": uuid.UUID(int=1).bytes, "fx": b"\x00\x01\xff", "dec": decimal.Decimal("-12345678901234567890123456789.123456789"),
        "tz": datetime.datetime(2024, 2, 29, 1, 2, 3, 4, utc), "f": 0.5, "m": [("b", [1, None]), ("a", None), ("", [])], "bin": b"",
    }
    two = {"id": 2}
    table.table.append(table.arrow(one, two))
    text = {**one, "u": str(uuid.UUID(int=1))}
    table.expect([text, two])
    table.expect([text], where=f"u = '{uuid.UUID(int=1)}'")
    table.expect([two], where="t is null")
    table.expect([text], where="dec < -12345678901234567890123456789")
    table.export()


def py_partitioned(catalog):
    schema = Schema(
        NestedField(1, "id", LongType()), NestedField(2, "day", DateType()), NestedField(3, "ts", TimestampType()), NestedField(4, "name", StringType())
    )
    spec = PartitionSpec(
        PartitionField(2, 1000, IdentityTransform(), "day"), PartitionField(3, 1001, DayTransform(), "ts_day"), PartitionField(1, 1002, BucketTransform(3), "id_bucket")
    )
    table = PyTable(catalog, "py_partitioned", "append, dynamic partition overwrite, delete by filter, evolution by PyIceberg", schema, spec)
    day = lambda n: datetime.date(2024, 1, 1) + datetime.timedelta(days=n)
    row = lambda i: {"id": i, "day": day(i % 3) if i % 5 else None, "ts": datetime.datetime(2024, 1, 1, i), "name": f"n{i} é+%"}
    rows = [row(i) for i in range(12)]
    table.table.append(table.arrow(*rows))
    table.table.delete("id in (3, 4)")
    rows = [r for r in rows if r["id"] not in (3, 4)]
    table.table.append(table.arrow(row(20), row(21)))
    rows += [row(20), row(21)]
    table.check(rows)
    with table.table.update_schema() as change:
        change.rename_column("name", "label")
        change.add_column("extra", LongType())
        change.move_first("name")
    rows = [{"label": r["name"], **{k: v for k, v in r.items() if k != "name"}} for r in rows]
    with table.table.update_spec() as change:
        change.remove_field("id_bucket")
        change.add_field("label", IdentityTransform(), "label_id")
    more = {"label": "p q", "id": 30, "day": day(1), "ts": datetime.datetime(2024, 1, 2, 3), "extra": 5}
    table.table.append(table.arrow(more))
    rows.append(more)
    table.check(rows)
    table.expect(rows)
    table.expect([r for r in rows if r["day"] == day(1)], where="day = date '2024-01-02'")
    table.expect([r for r in rows if r["day"] is None], where="day is null")
    table.expect([r for r in rows if r["id"] == 20], where="id = 20")
    table.expect([r for r in rows if r["ts"] >= datetime.datetime(2024, 1, 1, 10)], where="ts >= timestamp '2024-01-01 10:00:00'")
    table.expect([r for r in rows if r["label"] == "p q"], where="label = 'p q'")
    table.expect([r for r in rows if r.get("extra")], where="extra > 1", columns=["label", "extra"])
    table.export()


def py_add_files(catalog):
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "s", StructType(NestedField(3, "x", IntegerType()), NestedField(4, "y", StringType()))))
    table = PyTable(catalog, "py_add_files", "files without ids added by PyIceberg: name mapping, then renames", schema)
    folder = WAREHOUSE / "py_add_files" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"id": 1, "s": {"x": 1, "y": "a"}}, {"id": 2, "s": None}, {"id": None, "s": {"x": None, "y": None}}]
    arrow = pa.schema([("id", pa.int64()), ("s", pa.struct([("x", pa.int32()), ("y", pa.string())]))])
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow), folder / "plain.parquet")
    table.table.add_files([str(folder / "plain.parquet")])
    with table.table.update_schema() as change:
        change.rename_column(("s", "x"), "renamed")
        change.rename_column("id", "key")
    rows = [{"key": r["id"], "s": None if r["s"] is None else {"renamed": r["s"]["x"], "y": r["s"]["y"]}} for r in rows]
    table.expect(rows)
    table.expect([rows[0]], where="s.renamed = 1")
    table.expect([rows[2]], where="key is null", columns=["key"])
    table.export()


def main():
    shutil.rmtree(WAREHOUSE, ignore_errors=True)
    WAREHOUSE.mkdir(parents=True)
    catalog = SqlCatalog("py", uri="sqlite:///:memory:", warehouse=f"file://{WAREHOUSE}")
    catalog.create_namespace("py")
    for write in (py_types, py_partitioned, py_add_files):
        write(catalog)


if __name__ == "__main__":
    main()
