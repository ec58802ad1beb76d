"""Values: every type at its extremes, nulls at every level, predicates of every shape, statistics of every mode."""

from case import Cases

CASES = Cases()
V2 = "TBLPROPERTIES ('format-version'='2')"


@CASES("values_extreme", "all of Spark's types at their extremes, NaN and both zeros; one file per row, so statistics prune")
def values_extreme(e):
    e.sql(
        "CREATE TABLE {t} (id int, b boolean, i int, l bigint, f float, d double, d9 decimal(9,3), d18 decimal(18,0), d38 decimal(38,10), dt date, "
        f"ts timestamp_ntz, tz timestamp, s string, bin binary) USING iceberg {V2}"
    )
    rows = (
        "(1, true, 2147483647, 9223372036854775807L, float('Infinity'), double('Infinity'), 999999.999BD, 999999999999999999BD, 9999999999999999999999999999.9999999999BD, "
        "DATE '9999-12-31', TIMESTAMP_NTZ '9999-12-31 23:59:59.999999', TIMESTAMP '9999-12-31 23:59:59.999999', 'z', X'ff')",
        "(2, false, -2147483648, -9223372036854775808L, float('-Infinity'), double('-Infinity'), -999999.999BD, -999999999999999999BD, -9999999999999999999999999999.9999999999BD, "
        "DATE '0001-01-01', TIMESTAMP_NTZ '0001-01-01 00:00:00', TIMESTAMP '0001-01-02 00:00:00', '', X'')",
        "(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "(4, false, 0, 0L, float('NaN'), double('NaN'), 0BD, 0BD, 0BD, DATE '1970-01-01', TIMESTAMP_NTZ '1970-01-01 00:00:00', TIMESTAMP '1970-01-01 00:00:00', 'NaN', X'00')",
        "(5, true, -1, -1L, -0.0F, -0.0D, -0.001BD, -1BD, -0.0000000001BD, DATE '1969-12-31', TIMESTAMP_NTZ '1969-12-31 23:59:59.999999', TIMESTAMP '1969-12-31 23:59:59.999999', ' ', X'7fff')",
        "(6, true, 1, 1L, 0.0F, 0.0D, 0.001BD, 1BD, 0.0000000001BD, DATE '1970-01-02', TIMESTAMP_NTZ '1970-01-01 00:00:00.000001', TIMESTAMP '1970-01-01 00:00:00.000001', 'é', X'80')",
        "(7, false, 16777217, 9007199254740993L, 16777216F, 9007199254740992D, 0.1BD, 123456789012345678BD, 1.5BD, DATE '2000-02-29', TIMESTAMP_NTZ '2000-02-29 01:02:03.4', "
        "TIMESTAMP '2000-02-29 01:02:03.45', 'line\nbreak\t\"quote\" 100%_', X'0001020304')",
        "(8, true, 100, 100L, 0.1F, 0.1D, 0.1BD, 100BD, 0.1BD, DATE '2024-07-01', TIMESTAMP_NTZ '2024-07-01 12:00:00', TIMESTAMP '2024-07-01 12:00:00', '日本語🎉', X'ff00')",
    )
    for row in rows:
        e.sql(f"INSERT INTO {{t}} VALUES {row}")
    e.query()
    e.filters(
        "b", "not b", "b = false", "i > 2147483646", "i >= -2147483648", "i < -2147483647", "i between -1 and 1", "i in (1, 100, 16777217)", "i <> 0",
        "i > 99.5", "l = 9007199254740993", "l > 9223372036854775806", "l <= -9223372036854775808", "f > 1", "f >= 0", "f = 0", "f <> 0", "f < 0.1", "f > 16777215",
        "d > 1", "d <= 0", "d = 0.1", "d != 0.1", "d not in (0, 1)", "d < -1", "d is null", "d is not null", "d9 = 0.1", "d9 < 0", "d9 > 999999", "d9 in (0.001, -0.001)",
        "d18 = 123456789012345678", "d18 >= 999999999999999999", "d38 > 9999999999999999999999999999", "d38 between -0.0000000001 and 0.0000000001", "dt < date '1970-01-01'",
        "dt = date '2000-02-29'", "dt in (date '1970-01-02', date '9999-12-31')", "ts = timestamp '1970-01-01 00:00:00.000001'", "ts < timestamp '1970-01-01 00:00:00'",
        "tz >= timestamp '1970-01-01 00:00:00.000001'", "tz <= timestamp '1969-12-31 23:59:59.999999'", "s = ''", "s > 'z'", "s < 'a'", "s like '%n%'", "s like '日%'", "s like '_'",
        "s not like '%a%'", "bin = X''", "bin > X'7fff'", "bin < X'01'", "bin in (X'80', X'00')", "not (i > 0 or d > 0)", "i is null or (b and not (l < 50))",
        "id in (1, 2) and (s = '' or s is null)", "not (s is null) and not (f = 0)", "i not in (1, 0, 100)", "1 < i", "dt >= '2000-01-01'", columns=["id"],
    )
    e.query(columns=["id"], where="s like '%100\\%\\_' escape '\\'", spark_where="s like '%100\\\\%\\\\_' escape '\\\\'")
    e.query(columns=["id"], where="s not in ('z', null)", name="not in with a null: never true")
    e.query(columns=["id"], where="i in (1, null)", name="in with a null")


@CASES("nested_nulls", "null list, empty list, null element, null struct, null field: at every level, in small pages")
def nested_nulls(e):
    e.sql(
        "CREATE TABLE {t} (id int, l array<int>, ll array<array<string>>, ls array<struct<a:int,b:array<int>>>, s struct<x:struct<y:struct<z:int>>>, m map<string,int>, "
        "ml map<int,array<struct<k:string>>>, sl struct<l:array<map<string,double>>>) USING iceberg "
        "TBLPROPERTIES ('format-version'='2', 'write.parquet.page-row-limit'='2', 'write.parquet.row-group-size-bytes'='200', 'write.parquet.row-group-check-min-record-count'='4', "
        "'write.parquet.row-group-check-max-record-count'='4')"
    )
    rows = [
        (1, [1, 2], [["a", None], []], [{"a": 1, "b": [1]}, {"a": None, "b": None}], {"x": {"y": {"z": 1}}}, {"k": 1, "n": None}, {1: [{"k": "v"}, None], 2: []}, {"l": [{"a": 1.5}]}),
        (2, None, None, None, None, None, None, None),
        (3, [], [], [], {"x": None}, {}, {}, {"l": None}),
        (4, [None], [None], [None], {"x": {"y": None}}, {"": 0}, {3: None}, {"l": []}),
        (5, [None, 5, None], [[None], None, ["x", "y", "z"]], [{"a": 5, "b": []}, None, {"a": 6, "b": [None, 7]}], {"x": {"y": {"z": None}}}, {"a": 1, "b": 2, "c": 3}, {5: [None, {"k": None}]}, {"l": [None, {}, {"z": None}]}),
    ]
    schema = e.sql("SELECT * FROM {t}").schema
    many = [(i * 10 + row[0], *row[1:]) for i in range(8) for row in rows]
    e.spark.createDataFrame(many, schema).coalesce(1).writeTo(e.full).append()
    e.query()
    for column in ("l", "ll", "ls", "s", "m", "ml", "sl"):
        e.query(columns=[column])
    e.filters("l is null", "s is null", "s.x is null", "s.x.y is null", "s.x.y.z is null", "s.x.y.z = 1", "id > 33 and l is not null", "m is not null", columns=["id", "s", "l"])


@CASES("tiny_row_groups", "2,000 sorted rows in many row groups and pages, dictionary and plain, with position deletes and bloom filters")
def tiny_row_groups(e):
    e.sql(
        "CREATE TABLE {t} (id bigint, word string, v double, day date) USING iceberg TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read', "
        "'write.parquet.row-group-size-bytes'='2000', 'write.parquet.row-group-check-min-record-count'='100', 'write.parquet.row-group-check-max-record-count'='300', "
        "'write.parquet.page-row-limit'='40', 'write.parquet.bloom-filter-enabled.column.word'='true', 'write.parquet.bloom-filter-max-bytes'='256')"
    )
    e.sql(
        "INSERT INTO {t} SELECT id, concat('w', id * 7919 % 500), CASE WHEN id % 13 = 0 THEN NULL ELSE id / 8D END, date_add(DATE '2024-01-01', int(id div 50)) FROM range(0, 2000, 1, 1)"
    )
    e.sql("DELETE FROM {t} WHERE id % 97 = 5 OR id BETWEEN 640 AND 700")
    e.filters(
        "id between 630 and 710", "id = 1234", "word = 'w77'", "word in ('w1', 'nothing', 'w499') and id > 1500", "v is null and id < 60", "day = date '2024-01-13'",
        "day < date '2024-01-03' and v > 9.5", "id >= 1990 or id < 4", "v > 249", "word = 'absent'",
    )
    e.query(columns=["v"], where="id between 690 and 705")
    e.query(columns=["word"], where="word like 'w12%' and id < 700")


@CASES("statistics_modes", "metrics none, counts, truncate(2), full; long strings whose bounds are cut, all-null and all-NaN columns")
def statistics_modes(e):
    e.sql(
        "CREATE TABLE {t} (id int, n string, c string, t2 string, fu string, b2 binary, nul int, nan double) USING iceberg TBLPROPERTIES ('format-version'='2', "
        "'write.metadata.metrics.column.n'='none', 'write.metadata.metrics.column.c'='counts', 'write.metadata.metrics.column.t2'='truncate(2)', "
        "'write.metadata.metrics.column.fu'='full', 'write.metadata.metrics.column.b2'='truncate(2)')"
    )
    values = ("'aaaaaaaa'", "'aab'", "'zzzzzzzz'", "NULL", "'\U0010ffff\U0010ffff\U0010ffff'", "'aaé'")
    for i, value in enumerate(values):
        e.sql(f"INSERT INTO {{t}} VALUES ({i}, {value}, {value}, {value}, {value}, CAST({value} AS binary), NULL, double('NaN'))")
    e.query()
    for column in ("n", "c", "t2", "fu"):
        e.filters(
            f"{column} = 'aaaaaaaa'", f"{column} > 'aa'", f"{column} >= 'aab'", f"{column} < 'aab'", f"{column} is null", f"{column} is not null", f"{column} like 'aaa%'",
            f"{column} like 'aa%'", f"{column} <> 'aab'", f"{column} not in ('aab', 'zzzzzzzz')", f"{column} > 'zz'", columns=["id"],
        )
    e.filters("b2 > X'6161'", "b2 >= X'f48fbfbff5'", "b2 = X'616162'", "nul is null", "nul = 1", "nan > 5", "nan < 5", "nan <> 1", "nan = 1", columns=["id"])


@CASES("codecs", "a file of every codec that Spark writes")
def codecs(e):
    e.sql(f"CREATE TABLE {{t}} (id int, s string, l array<int>) USING iceberg {V2}")
    for i, codec in enumerate(("uncompressed", "snappy", "gzip", "zstd", "lz4_raw")):
        e.sql(f"ALTER TABLE {{t}} SET TBLPROPERTIES ('write.parquet.compression-codec'='{codec}')")
        e.sql(f"INSERT INTO {{t}} SELECT int(id) + {i * 10}, concat('{codec}', id % 3), array(int(id), NULL) FROM range(10)")
    e.query()
    e.filters("s like 'gzip%'", "id in (5, 15, 25, 35, 45)")
