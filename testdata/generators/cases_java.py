"""Written through Iceberg's Java API: equality deletes of every kind, and the types that Spark lacks."""

import json

from case import Cases

CASES = Cases()


def files(e):
    return e.spark._jvm.IcebergFiles


def schema_json(*fields):
    """(id, name, type) or (id, name, type, required) to the JSON of a schema."""
    return json.dumps(
        {
            "type": "struct",
            "schema-id": 0,
            "fields": [{"id": f[0], "name": f[1], "type": f[2], "required": len(f) > 3 and f[3]} for f in fields],
        }
    )


def create(e, fields, partition=None, properties=None):
    """A table of exactly this schema. `partition` is a function from a PartitionSpec builder to the builder."""
    jvm = e.spark._jvm
    schema = jvm.org.apache.iceberg.SchemaParser.fromJson(schema_json(*fields))
    builder = jvm.org.apache.iceberg.PartitionSpec.builderFor(schema)
    spec = (partition(builder) if partition else builder).build()
    tables = jvm.org.apache.iceberg.hadoop.HadoopTables(e.spark._jsc.hadoopConfiguration())
    properties = {
        "format-version": "2",
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "1",
        **(properties or {}),
    }
    return tables.create(schema, spec, properties, f"/data/warehouse/t/{e.name}")


def rows(fields, *tuples):
    """Values in the order of `fields` to single-value JSON."""
    return [json.dumps({str(f[0]): v for f, v in zip(fields, values) if v is not None}) for values in tuples]


class Writer:
    """Numbers the files, so that names are the same in every run."""

    def __init__(self, e, table, fields):
        self.e, self.table, self.fields, self.count = e, table, fields, 0

    def name(self, kind):
        self.count += 1
        return f"{kind}-{self.count:03d}.parquet"

    def data(self, *tuples, fields=None, spec=0):
        fields = fields or self.fields
        texts = rows(fields, *tuples)
        return files(self.e).dataFile(self.table, schema_json(*fields), spec, texts, self.name("data"), "parquet")

    def equality(self, fields, ids, *tuples, spec=0, sample=None):
        sample = rows(self.fields, sample)[0] if sample else "{}"
        texts = rows(fields, *tuples)
        return files(self.e).equalityDeletes(self.table, schema_json(*fields), ids, spec, sample, texts, self.name("eq"))

    def positions(self, pairs, spec=0, sample=None):
        sample = rows(self.fields, sample)[0] if sample else "{}"
        paths, positions = [p for p, _ in pairs], [n for _, n in pairs]
        return files(self.e).positionDeletes(self.table, spec, sample, paths, positions, self.name("pos"))

    def append(self, *data):
        change = self.table.newAppend()
        for file in data:
            change.appendFile(file)
        change.commit()

    def delta(self, data=(), deletes=()):
        change = self.table.newRowDelta()
        for file in data:
            change.addRows(file)
        for file in deletes:
            change.addDeletes(file)
        change.commit()


ABC = [(1, "id", "long"), (2, "a", "string"), (3, "b", "int")]


@CASES("eq_null_keys", "global equality deletes: a null key deletes null rows; two sets of ids; later rows stay")
def eq_null_keys(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "x", 1), (2, None, 2), (3, "y", None), (4, None, None), (5, "", 0)))
    w.append(w.data((6, "x", None), (7, "z", 7)))
    w.delta(deletes=[w.equality([ABC[1]], [2], (None,), ("",))])
    w.delta(deletes=[w.equality([ABC[1], ABC[2]], [2, 3], ("x", None), ("y", 5))])
    w.append(w.data((8, None, 8), (9, "x", None)))
    w.delta(deletes=[w.equality([ABC[2]], [3], (7,))])
    e.query()
    e.query(columns=["id"])
    e.query(columns=["b"], where="id > 5")
    e.filters("a is null", "a = 'x'", "b is null and id > 5")


@CASES("eq_upserts", "rows and equality deletes of the same commit: the delete does not touch its own commit's rows; positions do")
def eq_upserts(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "a", 1), (2, "b", 2), (3, "c", 3)))
    for turn in range(3):
        data = w.data((1, f"a{turn}", 10 + turn), (4, f"d{turn}", turn), (1, f"aa{turn}", 20 + turn))
        deletes = [w.equality([ABC[0]], [1], (1,), (4,)), w.positions([(data.location(), 0)])]
        w.delta(data=[data], deletes=deletes)
    e.query()
    e.query(columns=["a"])
    e.filters("id = 1", "id <> 1")


@CASES("eq_partitioned", "equality deletes by partition, a global one after the spec became unpartitioned, null partitions")
def eq_partitioned(e):
    t = create(e, ABC, lambda b: b.identity("a"))
    w = Writer(e, t, ABC)
    parts = {a: w.data((1, a, 1), (2, a, 2), (3, a, 3), (4, a, None)) for a in ("p", "q", None)}
    w.append(*parts.values())
    w.delta(deletes=[w.equality([ABC[0]], [1], (1,), sample=(0, "p", 0))])
    w.delta(deletes=[w.equality([ABC[0]], [1], (2,), sample=(0, None, 0))])
    e.state("two partitions touched")
    t.updateSpec().removeField("a").commit()
    w.append(w.data((3, "p", 30), (5, "p", 50), spec=t.spec().specId()))
    w.delta(deletes=[w.equality([ABC[2]], [3], (3,), (None,), spec=t.spec().specId())])
    e.state("a global delete")
    t.updateSpec().addField(e.spark._jvm.org.apache.iceberg.expressions.Expressions.bucket("id", 2)).commit()
    w.append(w.data((7, "q", 70), spec=t.spec().specId()))
    e.query(name="three specs")
    e.filters("a = 'p'", "a is null", "id > 2")


@CASES("eq_void_spec", "a spec whose every field is void is unpartitioned, so its equality deletes are global")
def eq_void_spec(e):
    t = create(e, ABC, lambda b: b.identity("a"), {"format-version": "1"})
    w = Writer(e, t, ABC)
    w.append(w.data((1, "p", 1), (2, "p", 2)), w.data((2, "q", 2)))
    t.updateSpec().removeField("a").commit()
    t.updateProperties().set("format-version", "2").commit()
    void = t.spec().specId()
    w.append(w.data((2, "r", 3), (3, "r", 3), spec=void))
    w.delta(deletes=[w.equality([ABC[0]], [1], (2,), spec=void)])
    w.append(w.data((2, "s", 4), spec=void))
    e.query()


@CASES("eq_evolved", "key columns renamed, promoted, absent in older files, dropped since, with extra columns in the delete file")
def eq_evolved(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "x", 1), (2, "y", 2), (3, None, 3), (4, "z", 4)))
    w.delta(deletes=[w.equality([ABC[0], ABC[2]], [3], (99, 2))])
    long_type = getattr(e.spark._jvm.org.apache.iceberg.types.Types, "LongType").get()
    string_type = getattr(e.spark._jvm.org.apache.iceberg.types.Types, "StringType").get()
    t.updateSchema().renameColumn("b", "bee").updateColumn("b", long_type).addColumn("later", string_type).commit()
    now = [(1, "id", "long"), (2, "a", "string"), (3, "bee", "long"), (4, "later", "string")]
    w.fields = now
    w.append(w.data((5, "x", 5000000000, "l5"), (6, "y", 6, None), (7, None, 7, "l7")))
    w.delta(deletes=[w.equality([now[2]], [3], (5000000000,), (3,))])
    e.state("renamed and promoted")
    w.delta(deletes=[w.equality([now[3]], [4], ("l7",))])
    e.state("a key that older files lack")
    w.delta(deletes=[w.equality([now[1]], [2], ("z",))])
    before = e.query(name="one more key", snapshot_id=t.currentSnapshot().snapshotId())
    t.updateSchema().deleteColumn("a").commit()
    w.fields = [f for f in now if f[1] != "a"]
    w.append(w.data((8, 8, "l8"), fields=w.fields))
    # Iceberg 1.11 itself fails here ("Cannot find required field for ID 2"), although the spec says that a dropped
    # key still counts. The answer is the one from before the drop, without the column, and the new row.
    kept = [[row[0], row[2], row[3]] for row in before] + [[8, 8, "l8"]]
    e.add("a key dropped since", None, None, {}, [["id", "long"], ["bee", "long"], ["later", "string"]], kept)
    e.add(None, ["later"], "bee > 1", {}, [["later", "string"]], [[row[2]] for row in kept if row[1] is not None and row[1] > 1])


@CASES("eq_null_for_absent", "a null key in a column that older files lack deletes all of their rows")
def eq_null_for_absent(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "x", 1), (2, "y", 2)))
    t.updateSchema().addColumn("later", e.spark._jvm.org.apache.iceberg.types.Types.StringType.get()).commit()
    now = ABC + [(4, "later", "string")]
    w.fields = now
    w.append(w.data((3, "x", 3, "l"), (4, "y", 4, None)))
    w.delta(deletes=[w.equality([now[3], now[1]], [4, 2], (None, "y"))])
    e.query()


TYPED = [
    (1, "id", "long"), (2, "f", "float"), (3, "d", "double"), (4, "dec", "decimal(20, 4)"), (5, "dt", "date"), (6, "tz", "timestamptz"),
    (7, "ts", "timestamp"), (8, "bin", "binary"), (9, "b", "boolean"), (10, "fx", "fixed[4]"), (11, "u", "uuid"),
]


@CASES("eq_typed_keys", "equality deletes by float, double, decimal, date, timestamps, binary, boolean, fixed, uuid")
def eq_typed_keys(e):
    t = create(e, TYPED)
    w = Writer(e, t, TYPED)
    u = "f79c3e09-677c-4bbd-a479-3f349cb785e7"
    base = lambda i: (i, float(i), i / 4, f"{i}.2500", f"2024-01-0{i + 1}", f"2024-01-01T00:00:0{i}.000001+00:00", f"2024-01-01T00:00:0{i}.5", f"0{i}", i % 2 == 0, f"0000000{i}", u[:-1] + str(i))
    w.append(w.data(*[base(i) for i in range(9)]))
    w.append(w.data((20,) + (None,) * 10))
    for index in range(1, 11):
        if TYPED[index][1] == "b":
            continue
        w.delta(deletes=[w.equality([TYPED[index]], [TYPED[index][0]], (base(index % 9)[index],))])
        if index == 4:
            w.append(w.data(base(1), base(4)))
    w.delta(deletes=[w.equality([TYPED[8], TYPED[0]], [9, 1], (True, 8), (None, 20))])
    e.java_rows()
    e.query(columns=["id", "dec"], where="id < 9")


@CASES("eq_float_specials", "equality deletes of 0.0, -0.0 and infinities in floats: rows by Iceberg's own reader")
def eq_float_specials(e):
    fields = [(1, "id", "long"), (2, "d", "double")]
    t = create(e, fields)
    w = Writer(e, t, fields)
    w.append(w.data((1, 0.0), (2, -0.0), (3, 1.5), (4, None), (5, -1.5)))
    w.delta(deletes=[w.equality([fields[1]], [2], (-0.0,), (1.5,))])
    e.query()


NESTED = [
    (1, "id", "long"),
    (2, "s", {"type": "struct", "fields": [{"id": 3, "name": "k", "type": "int", "required": False}, {"id": 4, "name": "v", "type": "string", "required": False}]}),
]


@CASES("eq_nested_key", "the key is a field inside a struct; null structs match a null key")
def eq_nested_key(e):
    t = create(e, NESTED)
    w = Writer(e, t, NESTED)
    struct = lambda k, v: {k_: v_ for k_, v_ in (("3", k), ("4", v)) if v_ is not None}
    w.append(w.data((1, struct(1, "a")), (2, struct(2, "b")), (3, struct(None, "c")), (4, None), (5, struct(5, None))))
    inner = [(2, "s", {"type": "struct", "fields": [{"id": 3, "name": "k", "type": "int", "required": False}]})]
    w.delta(deletes=[w.equality(inner, [3], (struct(2, None),))])
    e.java_rows()
    e.query(name="by Spark")


@CASES("eq_many_id_sets", "five sets of ids, several commits, positions among them, compacted by hand: removed and added files")
def eq_many_id_sets(e):
    t = create(e, ABC, lambda b: b.bucket("id", 3))
    w = Writer(e, t, ABC)
    bucket = {}
    for i in range(60):
        bucket.setdefault(i % 3, []).append((i, f"s{i % 7}" if i % 11 else None, i % 5 if i % 13 else None))
    jvm = e.spark._jvm
    # Rows must lie in the bucket that their id hashes to.
    hashed = {}
    for group in bucket.values():
        for row in group:
            hash_of_id = jvm.org.apache.iceberg.util.BucketUtil.hash(row[0])
            hashed.setdefault((hash_of_id & 0x7FFFFFFF) % 3, []).append(row)
    written = {b: w.data(*values) for b, values in hashed.items()}
    w.append(*written.values())
    some = next(iter(hashed))
    w.delta(deletes=[w.equality([ABC[1]], [2], ("s1",), (None,), sample=hashed[some][0])])
    w.delta(deletes=[w.equality([ABC[1], ABC[2]], [2, 3], ("s2", 2), ("s3", None), sample=values[0]) for values in hashed.values()])
    w.delta(deletes=[w.equality([ABC[0]], [1], *[(row[0],) for row in values[::9]], sample=values[0]) for values in hashed.values()])
    w.delta(deletes=[w.equality([ABC[2], ABC[0]], [3, 1], (0, 45), (1, 46), (2, 47), sample=values[0]) for values in hashed.values()])
    w.delta(deletes=[w.positions([(written[b].location(), 1), (written[b].location(), 4)], sample=hashed[b][0]) for b in hashed])
    e.query()
    e.query(columns=["b"], where="a like 's%'")
    e.filters("id = 30", "a is null", "b > 2 and id < 40")


@CASES("types_of_java", "time, uuid, fixed, timestamps; identity, truncate and bucket partitions of types that Spark lacks")
def types_of_java(e):
    fields = [(1, "id", "long"), (2, "t", "time"), (3, "u", "uuid"), (4, "fx", "fixed[3]"), (5, "l", {"type": "list", "element-id": 6, "element": "uuid", "element-required": False})]
    t = create(e, fields, lambda b: b.identity("t").identity("u").identity("fx").bucket("u", 4).bucket("t", 4).bucket("fx", 4))
    w = Writer(e, t, fields)
    first = "f79c3e09-677c-4bbd-a479-3f349cb785e7"
    values = [
        (1, "00:00:00", first, "000102", [first, None]),
        (2, "23:59:59.999999", "00000000-0000-0000-0000-000000000000", "ffffff", []),
        (3, None, None, None, None),
        (4, "12:00:00.000001", "ffffffff-ffff-ffff-ffff-ffffffffffff", "7f0000", [None]),
    ]
    for row in values:
        w.append(w.data(row))
    answers = e.java_rows()
    schema = e.queries[0]["schema"]
    by_id = {row[0]: row for row in answers}
    for where, ids in (
        (f"u = '{first}'", [1]),
        (f"u in ('{first}', 'ffffffff-ffff-ffff-ffff-ffffffffffff')", [1, 4]),
        ("t > time '12:00:00'", [2, 4]),
        ("t = time '00:00:00'", [1]),
        ("fx >= X'7f0000'", [2, 4]),
        ("u is null", [3]),
    ):
        e.add(None, None, where, {}, schema, [by_id[i] for i in ids])


@CASES("required_missing", "a required column that a file lacks and that has no default: an error, not nulls")
def required_missing(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "a", 1)))
    t.updateSchema().allowIncompatibleChanges().addRequiredColumn("must", e.spark._jvm.org.apache.iceberg.types.Types.IntegerType.get()).commit()
    e.refused("corrupt", 6, "required column 'must' is absent from the file and has no default")
    e.rows_of(e.sql("SELECT id FROM {t}"), "what the file has", ["id"])


@CASES("positions_of_nothing", "a live position delete that names a file which is not (or no longer) in the table")
def positions_of_nothing(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    w.append(w.data((1, "a", 1), (2, "b", 2)))
    w.delta(deletes=[w.positions([("/data/warehouse/t/positions_of_nothing/data/elsewhere.parquet", 0)])])
    # Nothing in the metadata tells it from the delete of a file that was compacted since: Spark
    # reads on, and so must every reader.
    e.rows_of(e.sql("SELECT * FROM {t}"), "all")


@CASES("duplicate_file", "the same data file twice in one snapshot: undefined by the spec")
def duplicate_file(e):
    t = create(e, ABC)
    w = Writer(e, t, ABC)
    file = w.data((1, "a", 1), (2, "b", 2))
    w.append(file)
    t.newFastAppend().appendFile(file).commit()
    e.refused("corrupt", 6, "a path that is live twice in one snapshot")
