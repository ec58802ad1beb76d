"""Every transform over every type that takes it, partition evolution, odd partition values."""

from case import Cases

CASES = Cases()

V2 = "TBLPROPERTIES ('format-version'='2')"
TYPED = """
    SELECT 1 AS id, true AS b, 5 AS i, 10000000000L AS l, 1.5F AS f, 2.25D AS d, 14.20BD AS dec, 12345678901234567.12345BD AS dec_wide,
      DATE '2017-11-16' AS dt, TIMESTAMP_NTZ '2017-11-16 22:31:08.000001' AS ts, TIMESTAMP '2017-11-16 22:31:08' AS tz, 'iceberg' AS s, X'00010203' AS bin
    UNION ALL SELECT 2, false, -7, -10000000000L, -0.0F, 0.0D, -14.20BD, -0.00001BD, DATE '1969-12-31', TIMESTAMP_NTZ '1969-12-31 23:59:59.999999',
      TIMESTAMP '1969-12-31 23:59:59.999999', '', X''
    UNION ALL SELECT 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    UNION ALL SELECT 4, true, 2147483647, 9223372036854775807L, float('Infinity'), double('-Infinity'), 9999999.99BD, 99999999999999999999.99999BD,
      DATE '0001-01-01', TIMESTAMP_NTZ '0001-01-01 00:00:00', TIMESTAMP '9999-12-31 23:59:59.999999', 'ünïcode 日本 🎉 long enough', X'ffffffffff'
    UNION ALL SELECT 5, false, -2147483648, -9223372036854775808L, 0.0F, -0.0D, 0.01BD, 0BD, DATE '2024-02-29', TIMESTAMP_NTZ '2024-02-29 12:00:00',
      TIMESTAMP '2024-02-29 12:34:56.789012', 'ice', X'7f'
    UNION ALL SELECT 6, true, 5, 34L, 1.5F, 2.25D, 14.20BD, 1BD, DATE '2017-11-16', TIMESTAMP_NTZ '2017-11-16 22:00:00', TIMESTAMP '2017-11-16 23:31:08', 'iceberg!', X'00010204'
"""
COLUMNS = (
    "id int, b boolean, i int, l bigint, f float, d double, dec decimal(9,2), dec_wide decimal(25,5), dt date, ts timestamp_ntz, "
    "tz timestamp, s string, bin binary"
)
FILTERS = (
    "b = true",
    "b is null",
    "not b",
    "i = 5",
    "i > 0 and i < 100",
    "i != 5",
    "i not in (5, -7)",
    "l in (34, 10000000000, 1)",
    "l <= -10000000000",
    "f >= 1.5",
    "f = 0",
    "d < 0",
    "d = 0",
    "d is not null and d != 2.25",
    "dec = 14.20",
    "dec < 0",
    "dec > 14.2 or dec_wide < 0",
    "dec_wide > 1000000000000000",
    "dt = date '2017-11-16'",
    "dt < date '1970-01-01'",
    "dt between date '2017-01-01' and date '2024-12-31'",
    "ts >= timestamp '2017-11-16 22:31:08'",
    "ts < timestamp '1970-01-01 00:00:00'",
    "tz = timestamp '2017-11-16 22:31:08'",
    "tz > timestamp '2017-11-16 22:31:08'",
    "s = 'iceberg'",
    "s like 'ice%'",
    "s >= 'iceberg'",
    "s = ''",
    "s in ('ice', 'nothing')",
    "bin = X'00010203'",
    "bin >= X'7f'",
    "bin is null",
    "id > 2 and (s like 'ü%' or i is null)",
)


def typed(e, partitions):
    e.sql(f"CREATE TABLE {{t}} ({COLUMNS}) USING iceberg PARTITIONED BY ({partitions}) {V2}")
    e.sql("SET spark.sql.timestampType=TIMESTAMP_LTZ")
    e.sql(f"INSERT INTO {{t}} {TYPED}")
    e.query()
    e.filters(*FILTERS, columns=["id"])


@CASES("partition_identity", "identity of every type at once, nulls, extremes, both zeros")
def partition_identity(e):
    typed(e, "b, i, l, dec, dec_wide, dt, ts, tz, s, bin")


@CASES("partition_identity_floats", "identity of float and double, infinities and both zeros")
def partition_identity_floats(e):
    typed(e, "f, d")


@CASES("partition_bucket", "bucket of every type that has one")
def partition_bucket(e):
    typed(e, "bucket(3, i), bucket(4, l), bucket(5, dec), bucket(6, dec_wide), bucket(7, dt), bucket(8, ts), bucket(9, tz), bucket(10, s), bucket(11, bin)")


@CASES("partition_truncate", "truncate: negative numbers, code points, bytes, unscaled decimals")
def partition_truncate(e):
    typed(e, "truncate(10, i), truncate(1000, l), truncate(50, dec), truncate(7, dec_wide), truncate(3, s), truncate(2, bin)")


@CASES("partition_years", "years of date, timestamp, timestamptz before and after 1970")
def partition_years(e):
    typed(e, "years(dt), years(ts), years(tz)")


@CASES("partition_months", "months of date, timestamp, timestamptz before and after 1970")
def partition_months(e):
    typed(e, "months(dt), months(ts), months(tz)")


@CASES("partition_days_hours", "days of date, hours of timestamp and timestamptz before and after 1970")
def partition_days_hours(e):
    typed(e, "days(dt), hours(ts), hours(tz)")


@CASES("partition_days", "days of timestamp and timestamptz")
def partition_days(e):
    typed(e, "days(ts), days(tz)")


@CASES("partition_void_v1", "v1: dropped partition fields become void; later fields added")
def partition_void_v1(e):
    e.sql(f"CREATE TABLE {{t}} ({COLUMNS}) USING iceberg PARTITIONED BY (i, days(dt)) TBLPROPERTIES ('format-version'='1')")
    e.sql(f"INSERT INTO {{t}} {TYPED}")
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD i")
    e.sql(f"INSERT INTO {{t}} SELECT id + 10, b, i, l, f, d, dec, dec_wide, dt, ts, tz, s, bin FROM ({TYPED})")
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD days(dt)")
    e.sql("ALTER TABLE {t} ADD PARTITION FIELD truncate(2, s)")
    e.sql(f"INSERT INTO {{t}} SELECT id + 20, b, i, l, f, d, dec, dec_wide, dt, ts, tz, s, bin FROM ({TYPED})")
    e.query()
    e.filters(*FILTERS, columns=["id"])


@CASES("partition_evolution", "days, then hours, bucket, identity, then none; deletes by position under each spec")
def partition_evolution(e):
    e.sql(
        f"CREATE TABLE {{t}} ({COLUMNS}) USING iceberg PARTITIONED BY (days(ts)) "
        "TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read')"
    )

    def insert(offset):
        e.sql(f"INSERT INTO {{t}} SELECT id + {offset}, b, i, l, f, d, dec, dec_wide, dt, ts, tz, s, bin FROM ({TYPED})")

    insert(0)
    e.sql("DELETE FROM {t} WHERE id = 2")
    e.sql("ALTER TABLE {t} REPLACE PARTITION FIELD days(ts) WITH hours(ts)")
    insert(10)
    e.sql("ALTER TABLE {t} ADD PARTITION FIELD bucket(3, s) AS bucket_of_s")
    insert(20)
    e.sql("DELETE FROM {t} WHERE id IN (4, 14, 24)")
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD hours(ts)")
    e.sql("ALTER TABLE {t} ADD PARTITION FIELD i")
    insert(30)
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD bucket_of_s")
    e.sql("ALTER TABLE {t} DROP PARTITION FIELD i")
    insert(40)
    e.sql("UPDATE {t} SET s = 'changed' WHERE id % 10 = 1")
    e.query()
    e.filters(*FILTERS, columns=["id", "s"])


@CASES("partition_nested_source", "partitioned by fields inside a struct")
def partition_nested_source(e):
    e.sql(
        "CREATE TABLE {t} (id int, e struct<kind:string,at:timestamp_ntz,n:struct<x:int>>) USING iceberg "
        f"PARTITIONED BY (e.kind, days(e.at), bucket(4, e.n.x)) {V2}"
    )
    e.sql(
        "INSERT INTO {t} SELECT 1, named_struct('kind', 'a', 'at', TIMESTAMP_NTZ '2024-01-01 05:00:00', 'n', named_struct('x', 1)) UNION ALL "
        "SELECT 2, named_struct('kind', 'b', 'at', TIMESTAMP_NTZ '2024-01-02 05:00:00', 'n', named_struct('x', CAST(NULL AS int))) UNION ALL "
        "SELECT 3, named_struct('kind', CAST(NULL AS string), 'at', CAST(NULL AS timestamp_ntz), 'n', CAST(NULL AS struct<x:int>)) UNION ALL "
        "SELECT 4, CAST(NULL AS struct<kind:string,at:timestamp_ntz,n:struct<x:int>>)"
    )
    e.query(where="id < 4")
    # Spark with Iceberg 1.11 makes the null struct a struct of nulls, because the partition gives one of its fields.
    e.add("the null struct", None, "id = 4", {}, e.queries[0]["schema"], [[4, None]])
    e.filters("e.kind = 'a'", "e.kind is null", "e.n.x = 1", "e.at >= timestamp '2024-01-02 00:00:00'", columns=["id"])


@CASES("partition_odd_values", "string partitions full of separators, escapes and unicode")
def partition_odd_values(e):
    values = ["a b", "a%b", "a+b", "a#b", "a?b", "a/b", "a=b", "a&b", "a:b", "%20", "%2F", "..", " ", "", "ü日本🎉", "null", "a'b", 'a"b', "a\\b", "a,b;c", "__HIVE_DEFAULT_PARTITION__"]
    e.sql(f"CREATE TABLE {{t}} (id int, p string) USING iceberg PARTITIONED BY (p) {V2}")
    frame = e.spark.createDataFrame([(i, v) for i, v in enumerate(values)] + [(99, None)], "id int, p string")
    frame.coalesce(1).sortWithinPartitions("p").writeTo(e.full).append()
    e.query()
    for value in values:
        quoted = value.replace("'", "''")
        spark = value.replace("\\", "\\\\").replace("'", "\\'")
        e.query(where=f"p = '{quoted}'", spark_where=f"p = '{spark}'")
    e.query(where="p is null")


@CASES("partition_odd_names", "columns and partition fields with spaces, dots, quotes, unicode, keywords, leading digits")
def partition_odd_names(e):
    e.sql(
        "CREATE TABLE {t} (`the id` int, `a.b` string, `ünï` int, `select` int, `q\"t` string, `1st` int, `x-y` int, `A%20b` string) USING iceberg "
        f"PARTITIONED BY (`a.b`, `ünï`, `select`, `q\"t`, `1st`, `x-y`, `A%20b`) {V2}"
    )
    e.sql("INSERT INTO {t} VALUES (1, 'p', 1, 10, 'q', 100, 7, 'z'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, 'p', 2, 20, 'r', 200, 8, 'w')")
    e.query()
    e.query(columns=["the id", "a.b"])
    for where in ('"a.b" = \'p\'', '"ünï" = 2', '"select" >= 20', '"q""t" = \'q\'', '"1st" is null', '"x-y" in (7, 9)', '"A%20b" > \'w\'', '"the id" <> 2'):
        spark = where.replace('""', "\0").replace('"', "`").replace("\0", '"')
        e.query(columns=["the id"], where=where, spark_where=spark)
