"""Random tables by Spark, random questions, and the command's answers beside Spark's.

    target/gen/spark3/bin/python testdata/generators/differential.py write 3.5 0 100
    FASTDATA_BIN=target/release/fastdata target/gen/spark3/bin/python testdata/generators/differential.py check
    target/gen/spark3/bin/python testdata/generators/differential.py keep d3_17 random_17

`write` makes the tables of seeds 0 to 99 with one Spark, with Spark's answers, under target/gen/random. `check` asks
the command the same and counts: right, refused by name, failed with another error, wrong, crashed, and right but
for structs that Spark takes for null (see `hollow`). `keep` moves a
table and its answers to testdata/. Seeds of 4.1 are tables of format version 3 (some upgraded from 2), those of 3.5 of version 1 and 2.
"""

import collections
import datetime
import decimal
import json
import random
import shutil
import sys

import canonical
import session

sys.path.insert(0, str(session.ROOT / "testdata" / "python" / "tests"))
import command  # noqa: E402

RANDOM = session.GEN / "random"
NAMES = ["plain", "with space", "per%cent", "plus+", "ha#sh", "ünï", "UPPER", "a.b", "dash-ed", "q'uote", "select", "1st", "under_score"]
TEXTS = ["", " ", "a", "aa", "ab", "b", "B", "é", "日本語", "🎉", "a b", "a%b", "a/b", "a=b", "null", "a" * 30, "a" * 30 + "b", "x+y#z?"]


def types():
    from pyspark.sql import types as t

    return t


def random_leaf(rng):
    t = types()
    return rng.choice(
        [
            t.BooleanType(), t.IntegerType(), t.LongType(), t.FloatType(), t.DoubleType(), t.StringType(), t.StringType(), t.BinaryType(), t.DateType(),
            t.TimestampType(), t.TimestampNTZType(), t.DecimalType(7, 2), t.DecimalType(18, 3), t.DecimalType(31, 8),
        ]
    )


def random_type(rng, depth=0):
    t = types()
    choice = rng.random()
    if depth > 2 or choice < 0.72:
        return random_leaf(rng)
    if choice < 0.82:
        return t.ArrayType(random_type(rng, depth + 1))
    if choice < 0.94:
        return t.StructType([t.StructField(f"f{i}", random_type(rng, depth + 1)) for i in range(rng.randint(1, 3))])
    return t.MapType(rng.choice([t.StringType(), t.IntegerType()]), random_type(rng, depth + 1))


def random_value(rng, kind, nulls):
    t = types()
    if rng.random() < nulls:
        return None
    if isinstance(kind, t.BooleanType):
        return rng.random() < 0.5
    if isinstance(kind, t.IntegerType):
        return rng.choice([0, 1, -1, 7, 2**31 - 1, -(2**31), rng.randint(-50, 50)])
    if isinstance(kind, t.LongType):
        return rng.choice([0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, rng.randint(-50, 50)])
    if isinstance(kind, t.FloatType):
        return rng.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), rng.randint(-40, 40) / 4])
    if isinstance(kind, t.DoubleType):
        return rng.choice([0.0, -0.0, 0.1, 1e300, float("inf"), float("-inf"), float("nan"), rng.randint(-40, 40) / 4])
    if isinstance(kind, t.StringType):
        return rng.choice(TEXTS)
    if isinstance(kind, t.BinaryType):
        return bytearray(rng.choice([b"", b"\x00", b"\xff", b"\xff\xff", b"abc", b"abcdefghijklmnopqrstuvwxyz"]))
    if isinstance(kind, t.DateType):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.choice([0, -1, 1, rng.randint(-800, 800), rng.randint(-25000, 40000)]))
    if isinstance(kind, (t.TimestampType, t.TimestampNTZType)):
        micros = rng.choice([0, -1, 1, rng.randint(-(10**12), 10**12), rng.randint(-2 * 10**15, 3 * 10**15)])
        return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    if isinstance(kind, t.DecimalType):
        limit = 10**kind.precision - 1
        # The extremes only where truncation of a partition cannot overflow.
        unscaled = rng.choice([0, 1, -1, limit // 2, -(limit // 2), rng.randint(-5000, 5000)])
        return decimal.Decimal(unscaled).scaleb(-kind.scale, canonical.WIDE)
    if isinstance(kind, t.ArrayType):
        return [random_value(rng, kind.elementType, nulls) for _ in range(rng.choice([0, 1, 2, 4]))]
    if isinstance(kind, t.MapType):
        keys = {random_value(rng, kind.keyType, 0) for _ in range(rng.choice([0, 1, 3]))}
        return {key: random_value(rng, kind.valueType, nulls) for key in keys}
    return tuple(random_value(rng, field.dataType, nulls) for field in kind.fields)


def tick(name):
    return "`" + name.replace("`", "``") + "`"


def partition_field(rng, field):
    """A transform that this column takes, or None."""
    t = types()
    name, kind = tick(field.name), field.dataType
    choices = []
    if isinstance(kind, (t.IntegerType, t.LongType, t.DecimalType, t.StringType, t.BinaryType)):
        choices += [f"bucket({rng.randint(1, 5)}, {name})", f"truncate({rng.randint(1, 12)}, {name})", name]
    if isinstance(kind, (t.DateType, t.TimestampType, t.TimestampNTZType)):
        choices += [f"years({name})", f"months({name})", f"days({name})", name, f"bucket({rng.randint(1, 5)}, {name})"]
    if isinstance(kind, (t.TimestampType, t.TimestampNTZType)):
        choices.append(f"hours({name})")
    if isinstance(kind, (t.BooleanType, t.FloatType, t.DoubleType)):
        choices.append(name)
    if isinstance(kind, t.StructType) and rng.random() < 0.3:
        inner = [f for f in kind.fields if isinstance(f.dataType, (t.StringType, t.IntegerType, t.DateType))]
        choices += [f"{name}.{tick(f.name)}" for f in inner]
    return rng.choice(choices) if choices else None


class Condition:
    """A random predicate over the top-level and struct-field leaves of a schema, in our dialect and in Spark's."""

    def __init__(self, rng, schema, depth=0):
        choice = rng.random()
        if depth < 3 and choice < 0.35:
            op = rng.choice(["AND", "OR"])
            left, right = Condition(rng, schema, depth + 1), Condition(rng, schema, depth + 1)
            self.parts = ["(", *left.parts, f" {op} ", *right.parts, ")"]
        elif depth < 3 and choice < 0.42:
            self.parts = ["NOT (", *Condition(rng, schema, depth + 1).parts, ")"]
        else:
            self.parts = simple(rng, *rng.choice(leaves(schema)))

    @property
    def ours(self):
        return "".join(p if isinstance(p, str) else p[0] for p in self.parts)

    @property
    def spark(self):
        return "".join(p if isinstance(p, str) else p[1] for p in self.parts)


def leaves(schema, before=()):
    t = types()
    out = []
    for field in schema.fields:
        path = (*before, field.name)
        if isinstance(field.dataType, t.StructType):
            out += [(path, None)] + leaves(field.dataType, path)
        elif isinstance(field.dataType, (t.ArrayType, t.MapType)):
            out.append((path, None))
        else:
            out.append((path, field.dataType))
    return out


def literal(rng, kind):
    """(ours, Spark's) text of a literal of this type."""
    t = types()
    value = random_value(rng, kind, 0)
    while isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        value = random_value(rng, kind, 0)
    if isinstance(kind, t.BooleanType):
        return (str(value).lower(),) * 2
    if isinstance(kind, t.StringType):
        return "'" + value.replace("'", "''") + "'", "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(kind, t.BinaryType):
        return (f"X'{value.hex()}'",) * 2
    if isinstance(kind, t.DateType):
        return (f"DATE '{value}'",) * 2
    if isinstance(kind, t.TimestampType):
        return (f"TIMESTAMP '{value}'",) * 2
    if isinstance(kind, t.TimestampNTZType):
        return f"TIMESTAMP '{value}'", f"TIMESTAMP_NTZ '{value}'"
    if isinstance(kind, t.DecimalType):
        return f"{value:f}", f"{value:f}BD"
    if isinstance(kind, t.LongType):
        return str(value), f"{value}L" if value != -(2**63) else "(-9223372036854775807L - 1L)"
    if isinstance(kind, t.FloatType):
        return f"{value!r}", f"float({value!r}D)"
    if isinstance(kind, t.DoubleType):
        return f"{value!r}", f"{value!r}D"
    return (str(value),) * 2


def simple(rng, path, kind):
    t = types()
    name = (".".join(command.quoted(p) for p in path), ".".join(tick(p) for p in path))
    shape = rng.choice(["null", "not null"]) if kind is None else rng.choice(["cmp", "cmp", "cmp", "in", "not in", "between", "null", "not null", "like"])
    if shape == "null":
        return [name, " IS NULL"]
    if shape == "not null":
        return [name, " IS NOT NULL"]
    if shape == "like" and isinstance(kind, t.StringType):
        start = rng.choice(["a", "aa", "é", "", "a b", "x+"])
        return [name, rng.choice([" LIKE ", " NOT LIKE "]), f"'{start}%'"]
    if shape in ("in", "not in"):
        out = [name, f" {shape.upper()} ("]
        for index in range(rng.randint(1, 4)):
            out += [", "] * (index > 0) + [literal(rng, kind)]
        return out + [")"]
    if shape == "between":
        return [name, " BETWEEN ", literal(rng, kind), " AND ", literal(rng, kind)]
    return [name, f" {rng.choice(['=', '<>', '<', '<=', '>', '>='])} ", literal(rng, kind)]


class Table:
    """One random table: built by random steps, then asked."""

    def __init__(self, spark, seed, spark4):
        self.spark, self.seed = spark, seed
        self.rng = rng = random.Random(seed * 2 + spark4)
        self.version = rng.choice([2, 3, 3, 3]) if spark4 else rng.choice([1, 2, 2, 2])
        odd = rng.choice(["", "", " sp", "+p", "%25", "#h", "é"])
        self.name = f"d{'4' if spark4 else '3'}_{seed}{odd}"
        self.steps = []
        self.next_id = 0
        shutil.rmtree(session.WAREHOUSE / "t" / self.name, ignore_errors=True)
        self.expected = session.Expected(spark, self.name, f"random table {seed}")

    def sql(self, text):
        return self.expected.sql(text)

    def schema(self):
        return self.spark.table(self.expected.full).schema

    def create(self):
        t, rng = types(), self.rng
        names = rng.sample(NAMES, rng.randint(2, 6))
        fields = [t.StructField("id", t.LongType())] + [t.StructField(n, random_type(rng)) for n in names]
        columns = ", ".join(f"{tick(f.name)} {f.dataType.simpleString()}" for f in fields)
        parts = [p for p in (partition_field(rng, f) for f in fields if rng.random() < 0.35) if p][:3]
        parts = [p for i, p in enumerate(parts) if p.split("(")[0] != p or parts.index(p) == i]
        mode = rng.choice(["merge-on-read", "merge-on-read", "copy-on-write"]) if self.version > 1 else "copy-on-write"
        rows = rng.choice([3, 10, 40])
        properties = {
            "format-version": self.version,
            "write.delete.mode": mode,
            "write.update.mode": mode,
            "write.merge.mode": mode,
            "write.delete.granularity": rng.choice(["file", "partition"]),
            "write.parquet.compression-codec": rng.choice(["zstd", "snappy", "gzip", "uncompressed", "lz4_raw"]),
            "write.parquet.row-group-size-bytes": rng.choice([200, 2000, 1 << 27]),
            "write.parquet.row-group-check-min-record-count": rows,
            "write.parquet.row-group-check-max-record-count": rows,
            "write.parquet.page-row-limit": rng.choice([2, 7, 20000]),
            "write.parquet.dict-size-bytes": rng.choice([200, 2 << 20]),
            "write.metadata.metrics.default": rng.choice(["truncate(16)", "truncate(2)", "none", "counts", "full"]),
            "write.metadata.compression-codec": rng.choice(["none", "gzip"]),
            "write.object-storage.enabled": rng.choice(["false", "false", "true"]),
            "write.manifest.min-count-to-merge": rng.choice([2, 100]),
        }
        text = ", ".join(f"'{k}'='{v}'" for k, v in properties.items())
        by = f" PARTITIONED BY ({', '.join(parts)})" if parts else ""
        try:
            self.sql(f"CREATE TABLE {{t}} ({columns}) USING iceberg{by} TBLPROPERTIES ({text})")
        except Exception:
            self.sql(f"CREATE TABLE {{t}} ({columns}) USING iceberg TBLPROPERTIES ({text})")
        self.insert()

    def insert(self, to=""):
        rng = self.rng
        schema = self.schema()
        nulls = rng.choice([0, 0.15, 0.6])
        rows = []
        for _ in range(rng.choice([1, 5, 20, 60])):
            values = [random_value(rng, f.dataType, nulls) for f in schema.fields]
            for index, field in enumerate(schema.fields):
                if field.name == "id":
                    values[index] = self.next_id
            self.next_id += 1
            rows.append(tuple(values))
        frame = self.spark.createDataFrame(rows, schema).coalesce(1)
        (frame.writeTo(self.expected.full.rstrip() + to)).append()

    def id_condition(self):
        rng = self.rng
        return rng.choice([f"id % {rng.randint(2, 9)} = 1", f"id BETWEEN {rng.randint(0, 30)} AND {rng.randint(10, 60)}", Condition(rng, self.schema()).spark])

    def delete(self):
        self.sql(f"DELETE FROM {{t}} WHERE {self.id_condition()}")

    def update(self):
        fields = [f for f in self.schema().fields if f.name != "id"]
        if not fields:
            return
        field = self.rng.choice(fields)
        self.sql(f"UPDATE {{t}} SET {tick(field.name)} = NULL WHERE {self.id_condition()}")

    def overwrite(self):
        self.sql(f"INSERT OVERWRITE {{t}} SELECT * FROM {{t}} WHERE id % 3 <> {self.rng.randint(0, 2)}")

    def evolve(self):
        t, rng = types(), self.rng
        schema = self.schema()
        field = rng.choice([f for f in schema.fields if f.name != "id"] or schema.fields)
        name = tick(field.name)
        # A dropped name may come again with another type.
        fresh = tick(rng.choice([n for n in NAMES if n not in schema.names] or [f"n{rng.randint(0, 99)}"]))
        inner = name
        if isinstance(field.dataType, t.StructType):
            inner = f"{name}.{tick(rng.choice(field.dataType.fields).name)}"
        elif isinstance(field.dataType, t.ArrayType) and isinstance(field.dataType.elementType, t.StructType):
            inner = f"{name}.element.{tick(rng.choice(field.dataType.elementType.fields).name)}"
        parent = inner.rsplit(".`", 1)[0] if "." in inner and inner != name else None
        changes = [
            f"ADD COLUMN {fresh} {random_type(rng).simpleString()}",
            f"DROP COLUMN {name}",
            f"RENAME COLUMN {name} TO {fresh}",
            f"ALTER COLUMN {name} FIRST",
            f"ALTER COLUMN id AFTER {name}",
            *self.promotions(field),
        ]
        if parent:
            changes += [
                f"ADD COLUMN {parent}.`n{rng.randint(0, 3)}` {random_leaf(rng).simpleString()}",
                f"DROP COLUMN {inner}",
                f"RENAME COLUMN {inner} TO `r{rng.randint(0, 3)}`",
                f"ALTER COLUMN {inner} FIRST",
            ] * 2
        change = rng.choice(changes)
        self.sql(f"ALTER TABLE {{t}} {change}")
        return change

    def promotions(self, field):
        t = types()
        wider = {"IntegerType": "bigint", "FloatType": "double"}.get(type(field.dataType).__name__)
        if isinstance(field.dataType, t.DecimalType):
            wider = f"decimal({min(38, field.dataType.precision + 6)},{field.dataType.scale})"
        return [f"ALTER COLUMN {tick(field.name)} TYPE {wider}"] * 3 if wider else []

    def repartition(self):
        rng = self.rng
        names = list(self.spark.sql(f"DESCRIBE {self.expected.full}").collect())
        part = partition_field(rng, rng.choice(self.schema().fields))
        present = [row.data_type for row in names if row.col_name.startswith("Part ")]
        if present and rng.random() < 0.5:
            change = f"DROP PARTITION FIELD {rng.choice(present)}"
        elif part:
            change = f"ADD PARTITION FIELD {part}"
        else:
            return None
        self.sql(f"ALTER TABLE {{t}} {change}")
        return change

    def call(self, procedure, *arguments):
        escaped = f"t.`{self.name}`"
        self.spark.sql(f"CALL local.system.{procedure}(table => '{escaped}'{''.join(', ' + a for a in arguments)})")

    def compact(self):
        self.call("rewrite_data_files", "options => map('rewrite-all', 'true')")

    def compact_deletes(self):
        self.call("rewrite_position_delete_files", "options => map('rewrite-all', 'true')")

    def rewrite_manifests(self):
        self.call("rewrite_manifests")

    def upgrade(self):
        self.version = min(self.version + 1, 3 if self.spark.version.startswith("4") else 2)
        mode = "merge-on-read" if self.version > 1 else "copy-on-write"
        self.sql(f"ALTER TABLE {{t}} SET TBLPROPERTIES ('format-version'='{self.version}', 'write.delete.mode'='{mode}')")

    def tag(self):
        self.sql(f"ALTER TABLE {{t}} CREATE TAG `tag {len(self.steps)}`")

    def branch(self):
        name = f"branch{len(self.steps)}"
        self.sql(f"ALTER TABLE {{t}} CREATE BRANCH {name}")
        self.insert(f".branch_{name}")

    def build(self):
        self.create()
        kinds = [
            *[self.insert] * 3, *[self.delete] * 4, self.update, self.overwrite, *[self.evolve] * 4, *[self.repartition] * 2, self.compact, self.compact_deletes,
            self.rewrite_manifests, self.upgrade, self.tag, self.branch,
        ]
        for _ in range(self.rng.randint(3, 10)):
            step = self.rng.choice(kinds)
            try:
                self.steps.append(f"{step.__name__} {step() or ''}".strip())
            except Exception as error:
                # Not every change is possible (a partition's source cannot be dropped); the table is as before.
                self.steps.append(f"{step.__name__}: {str(error).splitlines()[0][:60]}")

    def ask(self):
        rng, e = self.rng, self.expected
        e.query()
        schema = self.schema()
        for _ in range(8):
            condition = Condition(rng, schema)
            columns = rng.choice([None, ["id"], rng.sample(schema.names, rng.randint(1, len(schema.names)))])
            e.query(columns=columns, where=condition.ours, spark_where=condition.spark)
        refs = [row.name for row in self.spark.sql(f"SELECT name FROM {e.full}.refs").collect() if row.name != "main"]
        spark4 = self.spark.version.startswith("4")
        for ref in refs if not spark4 else []:
            e.query(ref=ref)
        snapshots = [row.snapshot_id for row in self.spark.sql(f"SELECT snapshot_id FROM {e.full}.snapshots").collect()]
        for snapshot in rng.sample(snapshots, min(2, len(snapshots))):
            e.query(snapshot_id=snapshot)
            condition = Condition(rng, e.spark.sql(f"SELECT * FROM {e.full} VERSION AS OF {snapshot}").schema)
            e.query(columns=["id"], where=condition.ours, spark_where=condition.spark, snapshot_id=snapshot)
        self.ask_for_metadata_columns()


    def ask_for_metadata_columns(self):
        """Asks the table itself, since these columns are none of a view's; by `id` alone, whose statistics Spark keeps to."""
        columns = ["id", "_file", "_pos", "_spec_id"]
        if self.version > 2:
            columns += ["_row_id", "_last_updated_sequence_number"]
        if any(row.col_name.startswith("Part ") for row in self.spark.sql(f"DESCRIBE {self.expected.full}").collect()):
            columns.append("_partition")
        for where in (None, f"id > {self.rng.randint(0, 40)}", f"_pos >= {self.rng.randint(1, 9)} AND id < {self.rng.randint(9, 80)}"):
            frame = self.spark.sql(f"SELECT {', '.join(columns)} FROM {self.expected.full}" + (f" WHERE {where}" if where else ""))
            self.expected.rows_of(frame, f"metadata columns {where or ''}", columns, where)


def answer(table, query):
    """(class, detail) of one query."""
    import test_tables

    try:
        outcome = command.scan(RANDOM / "tables" / table, query.get("columns"), query.get("where"), test_tables.options(query))
    except AssertionError as error:
        return "crashed", str(error)
    if outcome.exit == 9:
        return "refused", outcome.err.strip()
    if outcome.exit != 0:
        return "failed", outcome.failure()
    try:
        test_tables.compare(outcome, query)
    except AssertionError as error:
        ours, theirs = command.rows_of(command.table_of(outcome)), query["rows"]
        if sorted(map(canonical.sort_key, map(hollow, ours))) == sorted(map(canonical.sort_key, map(hollow, theirs))):
            return "null structs", str(error)
        return "wrong", str(error)
    except Exception as error:
        return "wrong", f"not readable by pyarrow: {type(error).__name__}: {error}"
    return "right", ""


def hollow(value):
    """The value with every struct of nothing but nulls as null.

    Spark with Iceberg 1.11 mixes the two up, where a partition gives a field of a null struct and where a file holds
    none of a struct's wanted children.
    """
    if isinstance(value, dict):
        inner = {key: hollow(item) for key, item in value.items()}
        return inner if any(item is not None for item in inner.values()) else None
    return [hollow(item) for item in value] if isinstance(value, list) else value


def write(version, first, last):
    """Builds the tables of these seeds with one Spark and keeps them with Spark's answers under target/gen/random."""
    spark4 = version == "4.1"
    spark = session.start(version)
    spark.sql("CREATE NAMESPACE IF NOT EXISTS local.t")
    for seed in range(first, last):
        table = Table(spark, seed, spark4)
        trouble = ""
        try:
            table.build()
            table.ask()
        except Exception as error:
            trouble = " ".join(str(error).split())[:300]
        if not table.expected.queries:
            print(f"{table.name}: Spark could not read what it wrote: {trouble}", flush=True)
            continue
        if trouble:
            table.steps.append(f"Spark could not answer more: {trouble[:80]}")
        table.expected.note = f"random table: {'; '.join(table.steps)}"
        session.export(table.expected, f"Spark {spark.version}, Iceberg {session.ICEBERG}", RANDOM / "tables", RANDOM / "expected")
        shutil.rmtree(session.WAREHOUSE / "t" / table.name, ignore_errors=True)
        print(f"{table.name}: {len(table.expected.queries)} queries", flush=True)
    spark.stop()


def check():
    """Asks the command what Spark was asked, and counts."""
    total, tables, reasons = collections.Counter(), collections.Counter(), collections.Counter()
    failures = {}
    for path in sorted((RANDOM / "expected").glob("*.json")):
        document = json.loads(path.read_text())
        results = [(query, *answer(document["table"], query)) for query in document["queries"]]
        classes = collections.Counter(kind for _, kind, _ in results)
        total += classes
        worst = next(kind for kind in ("crashed", "wrong", "failed", "refused", "null structs", "right") if classes[kind])
        tables[worst] += 1
        if worst == "right":
            continue
        query, _, detail = next(result for result in results if result[1] == worst)
        asked = {key: query[key] for key in ("columns", "where", "snapshot_id", "ref") if key in query}
        reasons[f"{worst}: {without_paths(detail)[:110]}"] += 1
        failures[document["table"]] = [{"class": k, "detail": d, "query": q["name"]} for q, k, d in results if k != "right"]
        print(f"{document['table']}: {dict(classes)}: {asked}: {detail[:500]}", flush=True)
    (RANDOM / "failures.json").write_text(json.dumps(failures, indent=1, ensure_ascii=False))
    print(f"tables: {dict(tables)}; queries: {dict(total)}")
    for reason, count in reasons.most_common(15):
        print(f"{count:4d}  {reason}")


def without_paths(text):
    return " ".join(word for word in text.split() if "/" not in word)


def keep(table, name):
    """Moves one of the random tables to testdata/."""
    testdata = session.ROOT / "testdata"
    document = json.loads((RANDOM / "expected" / f"{table}.json").read_text())
    shutil.rmtree(testdata / "tables" / name, ignore_errors=True)
    shutil.copytree(RANDOM / "tables" / table, testdata / "tables" / name)
    session.write_answers(name, document["writer"], document["note"], document["queries"], testdata / "expected")


def main():
    match sys.argv[1:]:
        case ["write", version, first, last]:
            write(version, int(first), int(last))
        case ["check"]:
            check()
        case ["keep", table, name]:
            keep(table, name)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
