"""Starts one Spark with Iceberg and keeps what it returned.

`start(version)` gives a session whose catalog `local` is a Hadoop catalog at /data/warehouse: a neutral path,
because it ends up inside the metadata. `Tables` exports a finished table to `testdata/tables` and its expected
rows to `testdata/expected`.
"""

import datetime
import json
import os
import pathlib
import shutil

import canonical

WAREHOUSE = pathlib.Path("/data/warehouse")
ROOT = pathlib.Path(__file__).resolve().parents[2]
GEN = ROOT / "target" / "gen"
ICEBERG = "1.11.0"
RUNTIMES = {"3.5": ("spark3", "3.5_2.12"), "4.1": ("spark4", "4.1_2.13")}
JAVA_OPENS = (
    "-Duser.timezone=UTC -Duser.name=spark -Duser.home=/data/home -Dderby.system.home=/data/derby "
    "--add-opens=java.base/java.nio=ALL-UNNAMED"
)


def start(version):
    """One local thread, one shuffle partition, UTC; `version` is a key of RUNTIMES."""
    os.environ["TZ"] = "UTC"
    os.environ["HADOOP_USER_NAME"] = "spark"
    os.environ["SPARK_LOCAL_HOSTNAME"] = "localhost"
    from pyspark.sql import SparkSession

    venv, runtime = RUNTIMES[version]
    classpath = f"{GEN}/jars/iceberg-spark-runtime-{runtime}-{ICEBERG}.jar:{GEN}/classes-{venv}"
    conf = {
        "spark.driver.extraClassPath": classpath,
        "spark.driver.memory": "1500m",
        "spark.driver.extraJavaOptions": JAVA_OPENS,
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.inMemoryColumnarStorage.partitionPruning": "false",
        "spark.sql.timestampType": "TIMESTAMP_LTZ",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.local": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.local.type": "hadoop",
        "spark.sql.catalog.local.warehouse": str(WAREHOUSE),
        "spark.sql.catalog.local.table-default.write.metadata.delete-after-commit.enabled": "true",
        "spark.sql.catalog.local.table-default.write.metadata.previous-versions-max": "1",
        "spark.sql.catalog.local.cache-enabled": "false",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.warehouse.dir": "/data/hive",
        "spark.local.dir": "/data/spark-local",
    }
    builder = SparkSession.builder.master("local[1]").appName("testdata")
    for key, value in conf.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def java_table(spark, name, namespace="t"):
    """The org.apache.iceberg.Table behind local.<namespace>.<name>, through py4j."""
    location = f"{WAREHOUSE}/{namespace}/{name}"
    jvm = spark._jvm
    return jvm.org.apache.iceberg.hadoop.HadoopTables(spark._jsc.hadoopConfiguration()).load(location)


def encode(value, kind):
    """One value that PySpark collected, in the canonical form; `kind` is its Spark type."""
    from pyspark.sql import types as t

    if value is None:
        return None
    if type(kind).__name__ == "VariantType":
        return {"metadata": bytes(value.metadata).hex(), "value": bytes(value.value).hex()}
    if isinstance(kind, (t.FloatType, t.DoubleType)):
        return canonical.float_text(value)
    if isinstance(kind, t.DecimalType):
        return canonical.decimal_text(value, kind.scale)
    if isinstance(kind, t.BinaryType):
        return bytes(value).hex()
    if isinstance(kind, t.DateType):
        return value.isoformat()
    if isinstance(kind, t.TimestampType):
        return canonical.timestamp_text(value, True)
    if isinstance(kind, t.TimestampNTZType):
        return canonical.timestamp_text(value, False)
    if isinstance(kind, t.ArrayType):
        return [encode(item, kind.elementType) for item in value]
    if isinstance(kind, t.MapType):
        return canonical.sort_pairs([encode(k, kind.keyType), encode(v, kind.valueType)] for k, v in value.items())
    if isinstance(kind, t.StructType):
        return {field.name: encode(item, field.dataType) for field, item in zip(kind.fields, value)}
    return value


SIMPLE = {
    "BooleanType": "boolean",
    "IntegerType": "int",
    "LongType": "long",
    "FloatType": "float",
    "DoubleType": "double",
    "StringType": "string",
    "BinaryType": "binary",
    "DateType": "date",
    "TimestampType": "timestamptz",
    "TimestampNTZType": "timestamp",
    "VariantType": "struct<metadata:binary,value:binary>",
    "NullType": "unknown",
}


def type_name(kind):
    """A Spark type in Iceberg's words (uuid shows as string and fixed as binary: Spark has neither)."""
    from pyspark.sql import types as t

    if isinstance(kind, t.DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    if isinstance(kind, t.ArrayType):
        return f"list<{type_name(kind.elementType)}>"
    if isinstance(kind, t.MapType):
        return f"map<{type_name(kind.keyType)},{type_name(kind.valueType)}>"
    if isinstance(kind, t.StructType):
        return "struct<" + ",".join(f"{f.name}:{type_name(f.dataType)}" for f in kind.fields) + ">"
    return SIMPLE[type(kind).__name__]


class Expected:
    """The queries of one table and what its writer answered."""

    def __init__(self, spark, name, note, namespace="t"):
        self.spark = spark
        self.name = name
        self.full = f"local.{namespace}.`{name}`"
        self.namespace = namespace
        self.note = note
        self.queries = []
        self.views = {}

    def sql(self, text):
        return self.spark.sql(text.replace("{t}", self.full))

    def java(self):
        return java_table(self.spark, self.name, self.namespace)

    def _view(self, travel):
        """The table at one point of its history, held in memory so that no filter reaches its files' statistics.

        Spark itself answers differently with and without pruning (NaN), so pruning must not take part.
        """
        key = json.dumps(travel, sort_keys=True)
        if key not in self.views:
            reader = self.spark.read
            for name, value in travel.items():
                if name == "ref":
                    kind = self.java().refs().get(value)
                    reader = reader.option("branch" if kind.isBranch() else "tag", value)
                elif name == "as_of":
                    moment = datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.timezone.utc)
                    reader = reader.option("as-of-timestamp", str(round(moment.timestamp() * 1000)))
            view = f"view_{len(self.views)}"
            if "snapshot_id" in travel:
                frame = self.spark.sql(f"SELECT * FROM {self.full} VERSION AS OF {travel['snapshot_id']}")
            else:
                frame = reader.format("iceberg").load(self.full)
            frame.cache().createOrReplaceTempView(view)
            self.views[key] = view
        return self.views[key]

    def query(self, columns=None, where=None, spark_where=None, name=None, **travel):
        """Asks Spark and keeps the answer. `spark_where` is the same predicate where the two dialects differ."""
        names = "*" if columns is None else ", ".join("`" + c.replace("`", "``") + "`" for c in columns)
        text = f"SELECT {names} FROM {self._view(travel)}"
        if where is not None:
            text += f" WHERE {spark_where or where}"
        return self.rows_of(self.spark.sql(text), name, columns, where, travel)

    def rows_of(self, frame, name=None, columns=None, where=None, travel=None):
        """Keeps the rows of any frame as the answer to this query."""
        travel = travel or {}
        fields = frame.schema.fields
        rows = [[encode(value, field.dataType) for value, field in zip(row, fields)] for row in frame.collect()]
        self.add(name, columns, where, travel, [[f.name, type_name(f.dataType)] for f in fields], rows)
        return rows

    def state(self, name):
        """Every row of the table as it is now, asked by snapshot id because the table goes on."""
        self.query(name=name, snapshot_id=self.java().currentSnapshot().snapshotId())

    def filters(self, *wheres, columns=None):
        for where in wheres:
            self.query(columns=columns, where=where)

    def add(self, name, columns, where, travel, schema, rows):
        entry = {"name": name or where or (" ".join(f"{k}={v}" for k, v in travel.items()) or "all")}
        if columns is not None:
            entry["columns"] = columns
        if where is not None:
            entry["where"] = where
        entry.update(travel)
        entry["schema"] = schema
        entry["rows"] = sorted(rows, key=canonical.sort_key)
        self.queries.append(entry)

    def refused(self, kind, exit_code, why, **query):
        """A query that must end with this exit code rather than with rows."""
        self.queries.append({"name": query.pop("name", kind), **query, "refused": kind, "exit": exit_code, "why": why})

    def java_rows(self, snapshot_id=None):
        """Rows by Iceberg's own generic reader, for types that Spark lacks."""
        table = self.java()
        schema = json.loads(self.spark._jvm.org.apache.iceberg.SchemaParser.toJson(table.schema()))
        rows = []
        for text in self.spark._jvm.IcebergFiles.rows(table, snapshot_id):
            row = canonical.from_single_value(schema, json.loads(text))
            rows.append(list(row.values()))
        names = [[f["name"], canonical.type_text(f["type"])] for f in schema["fields"]]
        travel = {} if snapshot_id is None else {"snapshot_id": snapshot_id}
        self.add(None, None, None, travel, names, rows)
        return rows


def export(expected, writer, tables, answers):
    """Copies the table without checksum files and writes its expected rows."""
    source = WAREHOUSE / expected.namespace / expected.name
    target = tables / expected.name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*.crc"))
    write_answers(expected.name, writer, expected.note, expected.queries, answers)
    for view in expected.views.values():
        expected.spark.catalog.uncacheTable(view)


def write_answers(name, writer, note, queries, answers):
    answers.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(query, ensure_ascii=False) for query in queries]
    head = json.dumps({"table": name, "writer": writer, "note": note}, ensure_ascii=False)
    text = head[:-1] + ', "queries": [\n' + ",\n".join(lines) + "\n]}\n"
    json.loads(text)
    (answers / f"{name}.json").write_text(text)
