"""Format version 3: deletion vectors, defaults, row lineage, variant, nanoseconds, unknown."""

import cases_java
from case import Cases
from cases_deletes import MIXED_FILTERS, rows, snapshots

CASES = Cases()
V3 = (
    "'format-version'='3', 'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', 'write.merge.mode'='merge-on-read'"
)


@CASES("dv_partitioned", "deletion vectors, several in one Puffin file, replaced by later ones, in partitions", spark="4.1")
def dv_partitioned(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ({V3})")
    for first in (0, 20, 40):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 20)}")
    e.sql("DELETE FROM {t} WHERE id % 5 = 1")
    first = snapshots(e)[-1]
    e.sql("DELETE FROM {t} WHERE id % 7 = 2")
    e.sql("UPDATE {t} SET v = v + 1000 WHERE id % 10 = 5")
    e.query()
    e.query(columns=["v"])
    e.query(snapshot_id=first)
    e.filters(*MIXED_FILTERS)


@CASES("dv_after_v2", "v2 position deletes, upgraded to v3, deleted again: a vector hides the older position deletes of its file", spark="4.1")
def dv_after_v2(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({V3.replace('3', '2', 1)})")
    for first in (0, 20, 40):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 20)}")
    e.sql("DELETE FROM {t} WHERE id IN (1, 21, 41)")
    e.sql("ALTER TABLE {t} SET TBLPROPERTIES ('format-version'='3')")
    e.sql("DELETE FROM {t} WHERE id IN (2, 3, 22)")
    e.query()
    e.filters(*MIXED_FILTERS)


@CASES("dv_compacted", "vectors, compaction, vectors again, tiny row groups", spark="4.1")
def dv_compacted(e):
    e.sql(
        f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({V3}, 'write.parquet.row-group-size-bytes'='500', "
        "'write.parquet.row-group-check-min-record-count'='20', 'write.parquet.row-group-check-max-record-count'='40', 'write.parquet.page-row-limit'='10')"
    )
    e.sql(f"INSERT INTO {{t}} SELECT /*+ COALESCE(1) */ * FROM ({rows(0, 300)})")
    e.sql("DELETE FROM {t} WHERE id BETWEEN 40 AND 70 OR id % 50 = 0")
    e.sql("CALL local.system.rewrite_data_files(table => 't.dv_compacted', options => map('rewrite-all', 'true'))")
    e.sql("DELETE FROM {t} WHERE id % 9 = 4")
    e.query()
    e.filters(*MIXED_FILTERS, "id between 35 and 75", "id > 290", "v > 35 and id < 100")


@CASES("row_lineage", "row ids and last-updated sequence numbers, kept by an update", spark="4.1")
def row_lineage(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, v string) USING iceberg TBLPROPERTIES ({V3})")
    e.sql("INSERT INTO {t} VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    e.sql("INSERT INTO {t} VALUES (4, 'd'), (5, 'e')")
    e.sql("UPDATE {t} SET v = 'changed' WHERE id = 2")
    e.query()
    names = ["id", "_row_id", "_last_updated_sequence_number"]
    e.rows_of(e.sql("SELECT id, _row_id, _last_updated_sequence_number FROM {t}"), "lineage", names)


@CASES("metadata_columns", "the columns that every table has: partitions of three specs, rows that kept their ids, files from before version 3 with and without ids", spark="4.1")
def metadata_columns(e):
    v2 = V3.replace("'format-version'='3'", "'format-version'='2'")
    e.sql(
        f"CREATE TABLE {{t}} (id bigint, ts timestamp_ntz, cat string) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ({v2}, 'write.parquet.row-group-size-bytes'='200', "
        "'write.parquet.row-group-check-min-record-count'='5', 'write.parquet.row-group-check-max-record-count'='5', 'write.parquet.page-row-limit'='2')"
    )
    fill = "SELECT /*+ COALESCE(1) */ id, TIMESTAMP_NTZ '2026-01-01 00:00:00' + make_interval(0, 0, 0, 0, id), CASE WHEN id % 7 = 3 THEN NULL ELSE concat('c ', id % 2) END FROM range({}, {})"
    e.sql("INSERT INTO {t} " + fill.format(0, 30))
    e.sql("DELETE FROM {t} WHERE id IN (4, 5, 18)")
    e.sql("ALTER TABLE {t} SET TBLPROPERTIES ('format-version'='3')")
    before = snapshots(e)[-1]
    e.sql("ALTER TABLE {t} ADD PARTITION FIELD bucket(2, id) AS shard")
    e.sql("INSERT INTO {t} " + fill.format(30, 50))
    e.sql("UPDATE {t} SET cat = 'changed' WHERE id IN (1, 33, 40)")
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD cat")
    e.sql("ALTER TABLE {t} ADD PARTITION FIELD days(ts)")
    e.sql("INSERT INTO {t} " + fill.format(50, 60))
    e.sql("CALL local.system.rewrite_data_files(table => 't.metadata_columns', where => 'id < 45', options => map('rewrite-all', 'true'))")
    e.sql("DELETE FROM {t} WHERE id % 10 = 9")
    names = ["id", "_file", "_pos", "_spec_id", "_partition", "_row_id", "_last_updated_sequence_number"]
    e.query()
    for columns, where in (
        (names, None),
        (["_row_id"], "id > 20"),
        (["id", "_pos"], "_pos between 3 and 6"),
        (["id"], "_row_id > 20 and _row_id < 40"),
        (["_last_updated_sequence_number", "cat"], "_last_updated_sequence_number > 4"),
        (["id"], "_spec_id = 1"),
        (["id", "_partition"], "_partition.shard = 1"),
        (["_partition"], "id in (3, 31, 55)"),
    ):
        text = f"SELECT {', '.join(columns)} FROM {e.full}" + (f" WHERE {where}" if where else "")
        e.rows_of(e.sql(text), f"{', '.join(columns)} {where or ''}".strip(), columns, where)
    frame = e.sql(f"SELECT id, _row_id, _last_updated_sequence_number, _spec_id FROM {e.full} VERSION AS OF {before}")
    e.rows_of(frame, "before row lineage", frame.columns, travel={"snapshot_id": before})
    e.refused("unsupported", 9, "deleted rows are not brought back", columns=["id", "_deleted"])


@CASES("variant", "variant columns, plain and inside of others", spark="4.1")
def variant(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, v variant, s struct<inner:variant,n:int>, l array<variant>) USING iceberg TBLPROPERTIES ({V3})")
    for row in (
        "1, parse_json('{\"a\": 1, \"b\": [true, null]}'), named_struct('inner', parse_json('[1.5]'), 'n', 1), array(parse_json('null'), NULL)",
        "2, NULL, NULL, NULL",
        "3, parse_json('\"text\"'), named_struct('inner', NULL, 'n', 2), array()",
        "4, parse_json('null'), named_struct('inner', parse_json('{}'), 'n', NULL), array(parse_json('1'), parse_json('2'))",
    ):
        e.sql(f"INSERT INTO {{t}} SELECT {row}")
    e.sql("DELETE FROM {t} WHERE id = 4")
    e.sql("ALTER TABLE {t} RENAME COLUMN v TO value")
    e.sql("ALTER TABLE {t} ADD COLUMN late variant")
    frame = e.sql("SELECT * FROM {t}")
    e.rows_of(frame, "all")
    for where in ("value is null", "value is not null", "s.inner is null", "late is null"):
        e.rows_of(e.sql(f"SELECT id, value, late FROM {e.full} WHERE {where}"), where, ["id", "value", "late"], where)
    e.query(columns=["id"])


@CASES("variant_shredded", "a variant column whose files hold typed parts", spark="4.1")
def variant_shredded(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, v variant) USING iceberg TBLPROPERTIES ({V3}, 'write.parquet.shred-variants'='true')")
    e.sql("INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, parse_json(concat('{\"a\": ', id, ', \"b\": \"x\"}')) FROM range(0, 20)")
    e.refused("unsupported", 9, "the file's variants are shredded")
    e.query(columns=["id"])


@CASES("initial_defaults", "columns added with defaults, top and nested: old files show the default, written nulls stay null", spark="4.1")
def initial_defaults(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, s struct<a:int>) USING iceberg TBLPROPERTIES ({V3})")
    e.sql("INSERT INTO {t} VALUES (1, named_struct('a', 1)), (2, NULL)")
    t, jvm = e.java(), e.spark._jvm
    types, literal = jvm.org.apache.iceberg.types.Types, jvm.org.apache.iceberg.expressions.Literal.of
    change = t.updateSchema()
    decimal = jvm.java.math.BigDecimal("-12.50")
    for name, kind, default in (
        ("i", types.IntegerType.get(), literal(7)),
        ("l", types.LongType.get(), literal(5000000000)),
        ("d", types.DoubleType.get(), literal(1.5)),
        ("b", types.BooleanType.get(), literal(True)),
        ("txt", types.StringType.get(), literal("défaut")),
        ("dec", types.DecimalType.of(9, 2), literal(decimal)),
        ("dt", types.DateType.get(), literal("2024-02-29").to(types.DateType.get())),
        ("ts", types.TimestampType.withoutZone(), literal("2024-02-29T12:00:00.000001").to(types.TimestampType.withoutZone())),
        ("tz", types.TimestampType.withZone(), literal("2024-02-29T12:00:00.000001+00:00").to(types.TimestampType.withZone())),
        ("bin", types.BinaryType.get(), literal(jvm.java.nio.ByteBuffer.wrap(bytearray(b"\x00\xff")))),
    ):
        change = change.addColumn(name, kind, default)
    change = change.addRequiredColumn("must", types.StringType.get(), literal("required"))
    change.addColumn("s", "n", types.IntegerType.get(), literal(99)).commit()
    e.sql(
        "INSERT INTO {t} VALUES (3, named_struct('a', 3, 'n', NULL), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'given'), "
        "(4, named_struct('a', 4, 'n', 5), 1, 2L, 3D, false, 'x', 1BD, DATE '2020-01-01', TIMESTAMP_NTZ '2020-01-01 00:00:00', TIMESTAMP '2020-01-01 00:00:00', X'01', 'given')"
    )
    e.java().updateSchema().renameColumn("i", "eye").updateColumnDefault("i", literal(8)).commit()
    e.query()
    e.query(columns=["dec", "txt"])
    e.query(columns=["s"])
    e.filters("eye = 7", "txt = 'défaut'", "eye is null", "dec < 0", "dt > date '2024-01-01'", "b", "must = 'required'", "s.n = 99", "ts = timestamp '2024-02-29 12:00:00.000001'", columns=["id"])


@CASES("nanoseconds", "timestamp_ns and timestamptz_ns, partitioned by day and hour, through the Java API", spark="4.1")
def nanoseconds(e):
    fields = [(1, "id", "long"), (2, "ts", "timestamp_ns"), (3, "tz", "timestamptz_ns")]
    t = cases_java.create(e, fields, lambda b: b.day("ts").hour("tz"), {"format-version": "3"})
    w = cases_java.Writer(e, t, fields)
    for row in (
        (1, "2024-01-01T00:00:00.000000001", "2024-01-01T00:00:00.123456789+00:00"),
        (2, "1969-12-31T23:59:59.999999999", "1969-12-31T23:59:59.999999999+00:00"),
        (3, None, None),
    ):
        w.append(w.data(row))
    by_id = {row[0]: row for row in e.java_rows()}
    schema = e.queries[0]["schema"]
    for where, ids in (
        ("ts = timestamp '2024-01-01 00:00:00.000000001'", [1]),
        ("ts < timestamp '1970-01-01 00:00:00'", [2]),
        ("tz > timestamp '2024-01-01 00:00:00.123456788'", [1]),
        ("tz is null", [3]),
    ):
        e.add(None, None, where, {}, schema, [by_id[i] for i in ids])


@CASES("unknown_type", "a column of type unknown: null in every row", spark="4.1")
def unknown_type(e):
    fields = [(1, "id", "long"), (2, "u", "unknown")]
    t = cases_java.create(e, fields, None, {"format-version": "3"})
    w = cases_java.Writer(e, t, fields)
    w.append(w.data((1,), (2,)))
    e.add(None, None, None, {}, [["id", "long"], ["u", "unknown"]], [[1, None], [2, None]])
    e.queries[-1]["may_refuse"] = 9
    e.add(None, ["id"], None, {}, [["id", "long"]], [[1], [2]])


@CASES("v3_equality_deletes", "equality deletes beside deletion vectors in v3", spark="4.1")
def v3_equality_deletes(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({V3})")
    e.sql(f"INSERT INTO {{t}} {rows(0, 20)}")
    e.sql("DELETE FROM {t} WHERE id IN (0, 1)")
    t = e.java()
    fields = [(1, "id", "long"), (2, "cat", "string"), (3, "v", "double")]
    w = cases_java.Writer(e, t, fields)
    w.delta(deletes=[w.equality([fields[1]], [2], (None,))])
    e.sql(f"INSERT INTO {{t}} {rows(20, 30)}")
    e.query()
    e.filters(*MIXED_FILTERS)
