"""Row-level changes by Spark: merge-on-read, copy-on-write, compaction, snapshots, branches and tags."""

from case import Cases

CASES = Cases()

MERGE_ON_READ = (
    "'format-version'='2', 'write.delete.mode'='merge-on-read', 'write.update.mode'='merge-on-read', "
    "'write.merge.mode'='merge-on-read'"
)
MIXED_FILTERS = (
    "id > 30",
    "id in (3, 4, 5, 41)",
    "cat is null",
    "cat = 'b' and v < 0",
    "v is null or v > 20.5",
    "cat not in ('a', 'b')",
    "not (id between 5 and 50)",
)


def rows(first, last):
    """`id`, a category with nulls, a double with nulls: the same for the same range."""
    return (
        f"SELECT id, CASE id % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'c' END AS cat, "
        f"CASE WHEN id % 7 = 0 THEN NULL ELSE (id * 37 % 100) / 2.0D - 10 END AS v FROM range({first}, {last})"
    )


@CASES("mor_partitioned", "position deletes of three commits in a table partitioned by identity, null partition too")
def mor_partitioned(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ({MERGE_ON_READ})")
    e.sql(f"INSERT INTO {{t}} {rows(0, 40)}")
    e.sql("DELETE FROM {t} WHERE id IN (1, 2, 3, 4, 20, 21)")
    first = snapshots(e)[-1]
    e.sql(f"INSERT INTO {{t}} {rows(40, 60)}")
    e.sql("UPDATE {t} SET v = v + 1000 WHERE id % 10 = 5")
    e.sql("DELETE FROM {t} WHERE cat IS NULL AND id > 50")
    e.query()
    e.query(columns=["v"])
    e.query(columns=["v", "id"], where="cat = 'a'")
    e.filters(*MIXED_FILTERS)
    e.query(snapshot_id=first)
    e.query(snapshot_id=first, where="v > 0", columns=["id"])


@CASES("mor_file_granularity", "one position delete file per data file, unpartitioned, with MERGE")
def mor_file_granularity(e):
    e.sql(
        f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg "
        f"TBLPROPERTIES ({MERGE_ON_READ}, 'write.delete.granularity'='file')"
    )
    for first in (0, 20, 40):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 20)}")
    e.sql("DELETE FROM {t} WHERE id % 6 = 1")
    e.spark.sql(rows(10, 70)).selectExpr("id", "cat", "v * 2 AS v").createOrReplaceTempView("changes")
    e.sql(
        "MERGE INTO {t} USING changes AS s ON {t}.id = s.id "
        "WHEN MATCHED AND s.id % 3 = 0 THEN DELETE WHEN MATCHED AND s.id % 5 = 0 THEN UPDATE SET v = s.v "
        "WHEN NOT MATCHED THEN INSERT *"
    )
    e.query()
    e.filters(*MIXED_FILTERS)


@CASES("mor_partition_granularity", "one position delete file for several data files of a partition")
def mor_partition_granularity(e):
    e.sql(
        f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (bucket(2, id)) "
        f"TBLPROPERTIES ({MERGE_ON_READ}, 'write.delete.granularity'='partition')"
    )
    for first in (0, 20, 40):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 20)}")
    e.sql("DELETE FROM {t} WHERE id % 4 = 2")
    e.sql("UPDATE {t} SET cat = 'updated' WHERE id < 9")
    e.query()
    e.filters(*MIXED_FILTERS)


@CASES("cow_overwrites", "copy-on-write delete, update, merge; dynamic and static overwrite; truncate of one partition")
def cow_overwrites(e):
    e.sql("CREATE TABLE {t} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ('format-version'='2')")
    e.sql(f"INSERT INTO {{t}} {rows(0, 60)}")
    e.sql("DELETE FROM {t} WHERE id IN (1, 2, 3)")
    e.sql("UPDATE {t} SET v = -1 WHERE id = 8")
    e.sql("INSERT OVERWRITE {t} SELECT id, 'b' AS cat, v FROM " + f"({rows(100, 103)})")
    before = snapshots(e)[-1]
    e.sql("DELETE FROM {t} WHERE cat = 'c'")
    e.query()
    e.filters(*MIXED_FILTERS)
    e.query(snapshot_id=before)


@CASES("compacted", "rewrite_data_files, rewrite_position_delete_files, rewrite_manifests, expired snapshots, dangling deletes")
def compacted(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ({MERGE_ON_READ})")
    for first in (0, 15, 30, 45):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 15)}")
        e.sql(f"DELETE FROM {{t}} WHERE id = {first + 3} OR id = {first + 4}")
    e.sql("CALL local.system.rewrite_data_files(table => 't.compacted', where => 'cat = \"a\"', options => map('rewrite-all', 'true'))")
    e.sql("DELETE FROM {t} WHERE id % 11 = 0")
    e.sql("CALL local.system.rewrite_position_delete_files(table => 't.compacted', options => map('rewrite-all', 'true'))")
    e.sql("CALL local.system.rewrite_manifests(table => 't.compacted')")
    e.sql(f"INSERT INTO {{t}} {rows(60, 70)}")
    e.sql("CALL local.system.expire_snapshots(table => 't.compacted', older_than => TIMESTAMP '2099-01-01 00:00:00', retain_last => 2)")
    e.query()
    e.filters(*MIXED_FILTERS)


@CASES("compacted_dangling", "compaction left position deletes that name rewritten files: dangling by design, not an error")
def compacted_dangling(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({MERGE_ON_READ}, 'write.delete.granularity'='partition')")
    for first in (0, 20):
        e.sql(f"INSERT INTO {{t}} {rows(first, first + 20)}")
    e.sql("DELETE FROM {t} WHERE id % 5 = 1")
    e.sql("CALL local.system.rewrite_data_files(table => 't.compacted_dangling', options => map('rewrite-all', 'true', 'use-starting-sequence-number', 'true'))")
    e.query()
    e.filters(*MIXED_FILTERS)


@CASES("branches_and_tags", "branch and tag with schema changes after them, as-of times, rollback, cherry-pick, fast-forward")
def branches_and_tags(e):
    import time

    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({MERGE_ON_READ})")
    e.sql(f"INSERT INTO {{t}} {rows(0, 8)}")
    e.sql("ALTER TABLE {t} CREATE TAG `v1.0`")
    first = snapshots(e)[-1]
    time.sleep(0.1)
    e.sql("ALTER TABLE {t} CREATE BRANCH audit")
    e.sql(f"INSERT INTO {e.full}.branch_audit {rows(100, 104)}")
    e.sql(f"DELETE FROM {e.full}.branch_audit WHERE id = 2")
    e.sql("ALTER TABLE {t} ADD COLUMN extra int")
    e.sql("ALTER TABLE {t} RENAME COLUMN v TO value")
    e.sql("INSERT INTO {t} VALUES (200, 'z', 1.5D, 7)")
    second = snapshots(e)[-1]
    time.sleep(0.1)
    e.sql("INSERT INTO {t} VALUES (201, 'z', 2.5D, 8)")
    bad = current(e)
    time.sleep(0.1)
    e.sql(f"CALL local.system.rollback_to_snapshot('t.branches_and_tags', {second})")
    time.sleep(0.1)
    e.sql("INSERT INTO {t} VALUES (202, 'y', NULL, 9)")
    e.sql("ALTER TABLE {t} DROP COLUMN cat")
    e.query()
    e.query(ref="audit")
    e.query(ref="audit", where="id >= 100", columns=["id"])
    e.query(ref="v1.0")
    e.query(ref="main")
    e.query(snapshot_id=first)
    e.query(snapshot_id=bad)
    log = e.sql("SELECT made_current_at, snapshot_id FROM " + f"{e.full}.history ORDER BY made_current_at").collect()
    for entry in log:
        e.query(as_of=entry.made_current_at.isoformat(timespec="milliseconds"), name=f"as of its own time: {entry.snapshot_id}")
    e.query(where="extra > 7 or value is null")


@CASES("emptied", "one snapshot whose every file was deleted by metadata alone")
def emptied(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg PARTITIONED BY (cat) TBLPROPERTIES ({MERGE_ON_READ})")
    e.sql(f"INSERT INTO {{t}} {rows(0, 8)}")
    e.sql("DELETE FROM {t}")
    e.query()
    e.query(columns=["v", "cat"], where="id > 3")


@CASES("never_written", "created and never written: no current snapshot")
def never_written(e):
    e.sql("CREATE TABLE {t} (id bigint, s struct<a:int,b:array<string>>) USING iceberg")
    e.query()
    e.query(columns=["s"])


@CASES("deleted_row_by_row", "every row deleted by position, file still live")
def deleted_row_by_row(e):
    e.sql(f"CREATE TABLE {{t}} (id bigint, cat string, v double) USING iceberg TBLPROPERTIES ({MERGE_ON_READ})")
    e.sql(f"INSERT INTO {{t}} {rows(0, 12)}")
    for half in ("id % 2 = 0", "id % 2 = 1 AND id < 11"):
        e.sql(f"DELETE FROM {{t}} WHERE {half}")
    e.state("one row left")
    e.sql("DELETE FROM {t} WHERE abs(id) = 11")
    e.query()
    e.query(where="id >= 0")


def snapshots(e):
    return [row.snapshot_id for row in e.sql("SELECT snapshot_id FROM " + f"{e.full}.snapshots ORDER BY committed_at").collect()]


def current(e):
    return e.java().currentSnapshot().snapshotId()
