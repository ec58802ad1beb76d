"""Files and names: migrated files without ids, odd paths, other formats, metadata under other names, spread-out data."""

import shutil

from case import Cases
from session import WAREHOUSE

CASES = Cases()
V2 = "TBLPROPERTIES ('format-version'='2')"


@CASES("migrated_hive", "add_files of a hive-style folder: no field ids, partition columns only in the manifest, odd folder names")
def migrated_hive(e):
    e.sql("CREATE TABLE {t} (id bigint, name string, p string, day date) USING iceberg PARTITIONED BY (p, day)")
    frame = e.spark.sql(
        "SELECT id, concat('n', id) AS name, CASE id % 4 WHEN 0 THEN 'a b' WHEN 1 THEN 'x%y+z' WHEN 2 THEN NULL ELSE 'ü=1' END AS p, "
        "date_add(DATE '2024-01-01', int(id % 2)) AS day FROM range(12)"
    ).coalesce(1)
    source = f"{WAREHOUSE}/t/migrated_hive/data/old"
    frame.write.partitionBy("p", "day").parquet(source)
    e.sql(f"CALL local.system.add_files(table => 't.migrated_hive', source_table => '`parquet`.`{source}`')")
    e.state("as added")
    e.sql("ALTER TABLE {t} SET TBLPROPERTIES ('write.delete.mode'='merge-on-read')")
    e.sql("DELETE FROM {t} WHERE id IN (0, 1, 2, 3)")
    e.query()
    e.query(columns=["p"])
    e.filters("p = 'a b'", "p is null", "p = 'x%y+z' and day = date '2024-01-02'", "p = 'ü=1'", "day = date '2024-01-01' and id > 5", "p <> 'a b'")


@CASES("migrated_nested", "files without ids read by nested name mapping, after renames, drops, additions and reorders")
def migrated_nested(e):
    e.sql("CREATE TABLE {t} (id bigint, s struct<a:int,b:struct<c:string>>, l array<struct<x:int,y:int>>, m map<string,struct<v:int>>, plain array<int>) USING iceberg")
    frame = e.spark.sql(
        "SELECT 1L AS id, named_struct('a', 1, 'b', named_struct('c', 'deep')) AS s, array(named_struct('x', 1, 'y', 2), NULL) AS l, map('k', named_struct('v', 5)) AS m, array(1, NULL) AS plain "
        "UNION ALL SELECT 2L, NULL, NULL, NULL, NULL UNION ALL SELECT 3L, named_struct('a', NULL, 'b', NULL), array(), map(), array()"
    ).coalesce(1)
    source = f"{WAREHOUSE}/t/migrated_nested/data/old"
    frame.write.parquet(source)
    e.sql(f"CALL local.system.add_files(table => 't.migrated_nested', source_table => '`parquet`.`{source}`')")
    for change in ("RENAME COLUMN s.a TO renamed", "ADD COLUMN s.extra int", "DROP COLUMN l.element.x", "RENAME COLUMN id TO key", "ALTER COLUMN m FIRST", "ADD COLUMN id bigint"):
        e.sql("ALTER TABLE {t} " + change)
    e.query(name="evolved")
    e.filters("key = 2", "s.renamed is null", "id = 2", columns=["key", "id"])


@CASES("migrated_old_encodings", "files by older habits: INT96 and millisecond timestamps, lists named bag and array_element, fixed-length decimals")
def migrated_old_encodings(e):
    e.sql("CREATE TABLE {t} (id int, tz timestamp, l array<int>, ls array<struct<a:int>>, d decimal(9,2), m map<string,int>) USING iceberg")
    base = (
        "SELECT int(id) AS id, TIMESTAMP '1999-12-31 23:59:59.123' + make_interval(0, 0, 0, int(id), 0, 0, 0) AS tz, CASE WHEN id = 2 THEN NULL WHEN id = 3 THEN array() ELSE array(int(id), NULL, 7) END AS l, "
        "CASE WHEN id = 2 THEN NULL ELSE array(named_struct('a', int(id)), NULL) END AS ls, CAST(id * 1.25 - 2 AS decimal(9,2)) AS d, map('k', int(id)) AS m FROM range(5)"
    )
    for folder, kind, legacy in (("int96", "INT96", "false"), ("millis", "TIMESTAMP_MILLIS", "true"), ("micros", "TIMESTAMP_MICROS", "true")):
        e.spark.conf.set("spark.sql.parquet.outputTimestampType", kind)
        e.spark.conf.set("spark.sql.parquet.writeLegacyFormat", legacy)
        source = f"{WAREHOUSE}/t/migrated_old_encodings/data/{folder}"
        e.spark.sql(base).coalesce(1).write.parquet(source)
        e.sql(f"CALL local.system.add_files(table => 't.migrated_old_encodings', source_table => '`parquet`.`{source}`')")
    e.spark.conf.unset("spark.sql.parquet.outputTimestampType")
    e.spark.conf.unset("spark.sql.parquet.writeLegacyFormat")
    e.query()
    e.query(columns=["ls", "tz"])
    # Iceberg 1.11 writes the bounds of the millisecond file in milliseconds although they mean microseconds, so that
    # any pruning by them, Spark's too, loses its rows: filters on `tz` are asked of the files of the other kinds only.
    e.filters("d < 0", "l is null", columns=["id"])
    e.query(columns=["tz"], where="tz < timestamp '1970-02-01 00:00:00'", name="lying bounds must not let rows through")


@CASES("migrated_two_level_lists", "lists of two levels, which Iceberg's own reader of 1.11 does not read: rows by Spark's Parquet reader")
def migrated_two_level_lists(e):
    e.sql("CREATE TABLE {t} (id int, l array<int>, ls array<struct<a:int>>, lt array<struct<b:int,c:int>>) USING iceberg")
    frame = e.spark.sql(
        "SELECT int(id) AS id, CASE WHEN id = 2 THEN NULL WHEN id = 3 THEN filter(array(1), x -> false) ELSE array(int(id), 7) END AS l, CASE WHEN id = 2 THEN NULL ELSE "
        "array(named_struct('a', int(id)), named_struct('a', CAST(NULL AS int))) END AS ls, array(named_struct('b', int(id), 'c', CAST(NULL AS int))) AS lt FROM range(5)"
    ).coalesce(1)
    e.spark.conf.set("spark.sql.parquet.writeLegacyFormat", "true")
    source = f"{WAREHOUSE}/t/migrated_two_level_lists/data/old"
    frame.write.parquet(source)
    e.spark.conf.unset("spark.sql.parquet.writeLegacyFormat")
    e.sql(f"CALL local.system.add_files(table => 't.migrated_two_level_lists', source_table => '`parquet`.`{source}`')")
    e.rows_of(e.spark.read.parquet(source))


@CASES("odd name +%25#é&=?", "a table folder with a space, plus, percent escape, hash, question mark, unicode")
def odd_name(e):
    e.sql(f"CREATE TABLE {{t}} (id int, p string) USING iceberg PARTITIONED BY (p) TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read')")
    e.sql("INSERT INTO {t} VALUES (1, 'a+b'), (2, 'a b'), (3, '100%'), (4, NULL), (5, 'a b')")
    e.sql("DELETE FROM {t} WHERE id = 5")
    e.query()
    e.filters("p = 'a b'", "p = '100%'", "p is null")


@CASES("object_layout", "data under hash folders (write.object-storage.enabled) and a write.data.path of its own")
def object_layout(e):
    location = f"{WAREHOUSE}/t/object_layout"
    e.sql(
        "CREATE TABLE {t} (id int, p string) USING iceberg PARTITIONED BY (p) TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read', "
        f"'write.object-storage.enabled'='true', 'write.data.path'='{location}/else where')"
    )
    e.sql("INSERT INTO {t} VALUES (1, 'a'), (2, 'b'), (3, 'b')")
    e.sql("DELETE FROM {t} WHERE id = 3")
    e.query()
    e.filters("p = 'b'")


@CASES("orc_files", "data files in ORC")
def orc_files(e):
    other_format(e, "orc")


@CASES("avro_files", "data files in Avro")
def avro_files(e):
    other_format(e, "avro")


def other_format(e, name):
    e.sql(f"CREATE TABLE {{t}} (id int, p string) USING iceberg PARTITIONED BY (p) TBLPROPERTIES ('format-version'='2', 'write.format.default'='{name}')")
    e.sql("INSERT INTO {t} VALUES (1, 'a'), (2, 'b')")
    e.sql("ALTER TABLE {t} SET TBLPROPERTIES ('write.format.default'='parquet')")
    e.sql("INSERT INTO {t} VALUES (3, 'c')")
    e.refused("unsupported", 9, f"{name.upper()} data files are not read")
    e.query(where="p = 'c'", name="the partition that has only Parquet files")


@CASES("avro_position_deletes", "position deletes in an Avro file")
def avro_position_deletes(e):
    e.sql("CREATE TABLE {t} (id int) USING iceberg TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read', 'write.delete.format.default'='avro')")
    e.sql("INSERT INTO {t} VALUES (1), (2), (3)")
    e.sql("DELETE FROM {t} WHERE id = 2")
    e.refused("unsupported", 9, "delete files in Avro are not read")


@CASES("metadata_gzip", "metadata written as gzip")
def metadata_gzip(e):
    e.sql("CREATE TABLE {t} (id int) USING iceberg TBLPROPERTIES ('format-version'='2', 'write.metadata.compression-codec'='gzip')")
    for i in range(11):
        e.sql(f"INSERT INTO {{t}} VALUES ({i})")
    e.query()


@CASES("metadata_no_hint", "no version hint, versions past 9: the newest is found by number")
def metadata_no_hint(e):
    e.sql(f"CREATE TABLE {{t}} (id int) USING iceberg {V2}")
    for i in range(11):
        e.sql(f"INSERT INTO {{t}} VALUES ({i})")
    e.query()
    (WAREHOUSE / "t" / "metadata_no_hint" / "metadata" / "version-hint.text").unlink()


@CASES("metadata_uuid_names", "metadata names of other catalogs: 00003-uuid.metadata.json, no hint")
def metadata_uuid_names(e):
    e.sql(f"CREATE TABLE {{t}} (id int, v string) USING iceberg {V2}")
    e.sql("INSERT INTO {t} VALUES (1, 'a')")
    e.sql("INSERT INTO {t} VALUES (2, 'b')")
    e.query()
    folder = WAREHOUSE / "t" / "metadata_uuid_names" / "metadata"
    for path in list(folder.glob("v*.metadata.json")):
        number = int(path.name[1:].split(".")[0])
        path.rename(folder / f"{number:05d}-0e2f5a4c-1d3b-4c5d-8e6f-00000000000{number}.metadata.json")
    (folder / "version-hint.text").unlink()


@CASES("moved_twice", "copied below another folder name than the metadata says")
def moved_twice(e):
    e.sql(f"CREATE TABLE {{t}} (id int, p string) USING iceberg PARTITIONED BY (p) TBLPROPERTIES ('format-version'='2', 'write.delete.mode'='merge-on-read')")
    e.sql("INSERT INTO {t} VALUES (1, 'a'), (2, 'a'), (3, 'b')")
    e.sql("DELETE FROM {t} WHERE id = 2")
    e.query()
    inner = WAREHOUSE / "t" / "moved_twice"
    shutil.move(inner, WAREHOUSE / "t" / "moved_aside")
    (inner / "new home").mkdir(parents=True)
    shutil.move(WAREHOUSE / "t" / "moved_aside", inner / "new home" / "table")
    for query in e.queries:
        query["below"] = "new home/table"


@CASES("case_twins", "two columns equal but for case; hive-style twin in the partition")
def case_twins(e):
    e.spark.conf.set("spark.sql.caseSensitive", "true")
    e.sql(f"CREATE TABLE {{t}} (ID int, id string, Id date) USING iceberg PARTITIONED BY (id) {V2}")
    e.sql("INSERT INTO {t} VALUES (1, 'a', DATE '2024-01-01'), (2, 'b', NULL)")
    e.query()
    e.query(columns=["id"])
    e.query(columns=["ID"], where="id = 'b'")
    e.query(columns=["Id", "ID"], where="ID = 1")
    e.spark.conf.set("spark.sql.caseSensitive", "false")
