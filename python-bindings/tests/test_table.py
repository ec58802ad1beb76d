"""Tables: partitions, scans, groups, descriptions, and what goes wrong."""

import asyncio
import contextlib
import datetime
import http.server
import logging
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import threading

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastdata as fd

from conftest import run_python

DAY = "2026-02-14"


def test_partitions(events):
    day = events.get_partition(event_date=DAY)
    assert day.num_rows == events.get_partition({"event_date": datetime.date(2026, 2, 14)}).num_rows > 0
    assert set(day["event_date"].to_list()) == {datetime.date(2026, 2, 14)}
    some = events.get_partition(event_date=DAY, columns=["price", "user_id"])
    assert some.columns == ["price", "user_id"] and some.num_rows == day.num_rows
    days = [{"event_date": DAY}, {"event_date": "2026-02-15"}, {"event_date": DAY}]
    both = events.get_partitions(days, columns="event_date")
    assert both.num_rows == day.num_rows + events.get_partition(event_date="2026-02-15").num_rows
    assert events.partition_columns == ["event_date"]
    with pytest.raises(fd.InvalidArgumentError, match="user_id"):
        events.get_partition(user_id=3)
    for wrong in (lambda: events.get_partition(), lambda: events.get_partitions([]), lambda: events.get_partitions([{}])):
        with pytest.raises(ValueError, match="get_all"):
            wrong()


def test_scans(events):
    everything = events.get_all()
    assert everything.columns == events.schema.names
    scan = events.scan(["user_id", "price"], where="price > 100")
    frame = scan.collect()
    assert frame.columns == scan.columns == ["user_id", "price"]
    assert frame.num_rows == everything.filter("price > 100").num_rows
    batches = list(scan)
    assert sum(batch.num_rows for batch in batches) == frame.num_rows
    assert fd.concat([batch.to_frame() for batch in batches]).equals(frame)
    assert events.scan(limit=7).collect().num_rows == 7
    assert events.scan(partition={"event_date": DAY}).collect().equals(events.get_partition(event_date=DAY))
    assert events.scan([]).collect().num_rows == everything.num_rows
    with scan.batches() as running:
        first = next(running)
        assert first.schema.names == ["user_id", "price"]
    assert list(running) == []


def test_hand_over_to_others(events):
    scan = events.scan(["user_id", "price"], where="price > 100")
    frame = scan.collect()
    assert pl.DataFrame(scan).equals(frame.to_polars())
    assert pa.table(scan).num_rows == frame.num_rows
    assert duckdb.sql("select count(*), count(*) from scan").fetchall() == [(frame.num_rows, frame.num_rows)]
    assert scan.to_pandas().shape == frame.shape and scan.to_pyarrow().num_rows == frame.num_rows


def test_lazy_polars_pushes_down(events):
    eager = events.get_all().to_polars()
    lazy = events.to_lazy()
    assert lazy.collect_schema() == eager.schema
    query = (pl.col("price") > 100) & (pl.col("event_type") == "purchase") & pl.col("country").is_in(["DE", "US"])
    assert lazy.filter(query).select("user_id", "price").collect().equals(eager.filter(query).select("user_id", "price"))
    assert lazy.head(11).collect().equals(eager.head(11))
    assert lazy.filter(pl.col("price") < 5).head(3).collect().equals(eager.filter(pl.col("price") < 5).head(3))
    assert lazy.select(pl.len()).collect().item() == eager.height
    day = pl.col("event_date") == datetime.date(2026, 2, 14)
    assert lazy.filter(day).collect().equals(eager.filter(day))
    limited = events.scan(limit=50).to_lazy().filter(pl.col("price") > 20).collect()
    assert limited.equals(eager.head(50).filter(pl.col("price") > 20))


PUSHED = [
    (pl.col("i") > 3, '"i" > 3'),
    (3 < pl.col("i"), '"i" > 3'),
    ((pl.col("i") > 3) & (pl.col("i").cast(pl.Utf8) == "4"), '("i" > 3)'),
    ((pl.col("i") > 3) | (pl.col("s").str.to_lowercase() == "x"), None),
    (~(pl.col("s") == "it's"), "not (\"s\" = 'it''s')"),
    (pl.col("f").is_between(0, 1.5, closed="left"), '"f" >= 0 and "f" < 1.5'),
    (pl.col("s").str.starts_with("ab"), "\"s\" like 'ab%'"),
    (pl.col("s").str.starts_with("a%"), None),
    (pl.col("i") > 3.5, None),
    (pl.col("f") == float("inf"), None),
    (pl.col("d") >= datetime.date(2026, 1, 2), "\"d\" >= date '2026-01-02'"),
    (pl.col("t") < datetime.datetime(2026, 1, 2, 3), "\"t\" < timestamp '2026-01-02 03:00:00'"),
    (pl.col("i").is_null() | pl.col("f").is_not_null(), '("i" is null) or ("f" is not null)'),
]


@pytest.mark.parametrize("expression,expected", PUSHED, ids=range(len(PUSHED)))
def test_conditions_of_polars(expression, expected):
    from fastdata._pushdown import condition

    schema = pl.Schema({"i": pl.Int32, "f": pl.Float64, "s": pl.String, "d": pl.Date, "t": pl.Datetime("us")})
    assert condition(expression, schema) == expected


@pytest.mark.parametrize("by", ["rows", "bytes"])
def test_groups_share_out_every_row_once(events, by):
    whole = events.get_all(["event_id"] if "event_id" in events.schema else ["user_id", "price", "event_time"])
    groups = events.groups(7, by=by, columns=whole.columns)
    assert len(groups) == 7 and all(group.rows for group in groups)
    parts = [pickle.loads(pickle.dumps(group)).read() for group in groups]
    rows = sorted(map(str, (row for part in parts for row in part.to_dicts())))
    assert rows == sorted(map(str, whole.to_dicts()))
    sizes = [getattr(group, "rows" if by == "rows" else "size_bytes") for group in groups]
    assert max(sizes) < 2 * min(sizes)
    filtered = events.groups(3, where="price > 100", columns=["price"])
    assert sum(group.read().num_rows for group in filtered) == whole_where(events)
    with pytest.raises(ValueError):
        events.groups(0)
    with pytest.raises(ValueError):
        events.groups(2, by="moons")


def whole_where(events):
    return events.scan(["price"], where="price > 100").collect().num_rows


def test_groups_cut_one_file_between_row_groups(tmp_path):
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"n": range(10000)}), path, row_group_size=100)
    groups = fd.Table(path).groups(8)
    assert [len(group.files) for group in groups] == [1] * 8
    parts = [group.read()["n"].to_list() for group in groups]
    assert sorted(n for part in parts for n in part) == list(range(10000))
    assert max(map(len, parts)) - min(map(len, parts)) <= 200
    assert len(pickle.dumps(groups[0])) < 4000
    path.unlink()
    with pytest.raises(FileNotFoundError):
        groups[0].read()


def test_groups_keep_to_the_state_of_the_table_they_were_made_of(events, tmp_path):
    folder = pathlib.Path(events.describe()["location"])
    copied = tmp_path / "copied"
    shutil.copytree(folder, copied)
    table = fd.Table(copied)
    group = table.groups(2)[0]
    before = group.read().num_rows
    hint = copied / "metadata" / "version-hint.text"
    newest = sorted((copied / "metadata").glob("*.metadata.json"))[-1]
    if hint.exists():
        hint.unlink()
    shutil.copy(newest, newest.with_name("v999.metadata.json"))
    assert pickle.loads(pickle.dumps(group)).read().num_rows == before


def test_no_secret_travels():
    table = fd.Table("s3://bucket/table", access_key_id="canary-id", secret_access_key="canary-secret", session_token="canary-token", endpoint_url="http://127.0.0.1:9", region="here")
    sent = pickle.dumps(table)
    assert b"canary" not in sent and b"127.0.0.1:9" in sent
    assert "canary" not in repr(table) and pickle.loads(sent).sources == ["s3://bucket/table"]
    with pytest.raises(ValueError, match="no store option"):
        fd.Table("x", secret="y")


def test_descriptions(events):
    snapshots = events.snapshots()
    assert snapshots.columns == ["snapshot_id", "parent_id", "committed_at", "operation"] and snapshots.num_rows >= 2
    files, partitions = events.files(), events.partitions()
    assert files.columns == ["path", "partition", "rows", "size_bytes", "delete_files"]
    assert sum(partitions["files"].to_list()) == files.num_rows
    assert sum(partitions["rows"].to_list()) == sum(files["rows"].to_list())
    assert "event_date=2026-02-14" in partitions["partition"].to_list()
    assert events.describe()["kind"] == "iceberg table"
    explained = events.explain(where="price > 100", partition={"event_date": DAY})
    assert "skipped" in str(explained) and explained.to_dict()["schema"] == "fastdata.explain/1"
    assert explained.bytes_to_fetch > 0 and "<pre>" in explained._repr_html_()
    first = snapshots["snapshot_id"][0]
    older = fd.Table(events.sources[0], snapshot_id=first, warehouse=pathlib.Path(events.describe()["location"]).parents[1])
    assert older.get_all().num_rows != events.get_all().num_rows
    when = snapshots["committed_at"][0]
    for as_of in (when, when.isoformat(), int(when.timestamp() * 1000) + 1):
        again = fd.Table(events.describe()["location"], as_of=as_of)
        assert again.scan([]).collect().num_rows == older.scan([]).collect().num_rows
    assert "event_date" in events._repr_html_() and "price" in events.scan(where="price > 1")._repr_html_()
    assert "&lt;b&gt;" in fd.Table("<b>")._repr_html_()


def test_pickles(events):
    assert pickle.loads(pickle.dumps(events)).get_partition(event_date=DAY).num_rows > 0
    scan = events.scan(["price"], where="price > 100")
    assert pickle.loads(pickle.dumps(scan)).collect().equals(scan.collect())


def test_what_is_wrong_has_its_exception(events, tmp_path):
    def check(kind, builtin, match, work):
        with pytest.raises(kind, match=match) as caught:
            work()
        assert isinstance(caught.value, builtin) and isinstance(caught.value, fd.FastdataError)
        assert "\n" not in str(caught.value)
        return caught.value

    check(fd.NotFoundError, FileNotFoundError, "nowhere", lambda: fd.Table(tmp_path / "nowhere").get_all())
    check(fd.NotFoundError, FileNotFoundError, "no table", lambda: fd.Table("no.such", warehouse=tmp_path).get_all())
    check(fd.ColumnNotFoundError, KeyError, "prize.*price", lambda: events.scan(["prize"]))
    check(fd.ColumnNotFoundError, KeyError, "prize.*price", lambda: events.get_all("prize"))
    wrong = check(fd.InvalidArgumentError, ValueError, "prize", lambda: events.scan(["price"], where="prize > 3"))
    assert not isinstance(wrong, KeyError)
    check(fd.InvalidArgumentError, ValueError, "prize", lambda: events.scan(where="prize > 3"))
    check(fd.InvalidArgumentError, ValueError, "price >|expression|parse", lambda: events.scan(where="price >"))
    check(fd.InvalidArgumentError, ValueError, "as_of", lambda: fd.Table("x", as_of="yesterday"))
    check(fd.InvalidArgumentError, ValueError, "one of", lambda: fd.Table("x", as_of=3, ref="main"))
    check(fd.InvalidArgumentError, ValueError, "max_memory", lambda: fd.Table("x", max_memory="much"))
    path = tmp_path / "torn.parquet"
    pq.write_table(pa.table({"n": range(100000)}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert check(fd.CorruptDataError, ValueError, "torn", lambda: fd.Table(path).get_all()).kind == "corrupt_data"
    path.write_bytes(whole[:1000] + bytes(2000) + whole[3000:])
    check(fd.CorruptDataError, ValueError, "torn", lambda: fd.Table(path).get_all())
    with pytest.raises(ValueError, match="torn"):
        list(fd.Table(path).scan())
    with pytest.raises(Exception, match="torn"):
        pa.table(fd.Table(path).scan())
    path.write_bytes(whole)
    assert fd.Table(path).get_all().num_rows == 100000


class Refusing(http.server.BaseHTTPRequestHandler):
    """A bucket that lets nobody in, and one that is empty."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, code = (403, "AccessDenied") if self.path.startswith("/closed") else (404, "NoSuchKey")
        body = f"<Error><Code>{code}</Code><Message>no</Message><RequestId>R17</RequestId></Error>".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def test_what_is_wrong_with_a_bucket_has_its_exception(events):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = {"endpoint_url": f"http://127.0.0.1:{server.server_port}", "region": "here", "access_key_id": "canary-id", "secret_access_key": "canary-secret"}
        with pytest.raises(PermissionError, match="AccessDenied") as denied:
            fd.Table("s3://closed/key.parquet", **options).get_all()
        assert isinstance(denied.value, fd.AccessDeniedError) and not denied.value.retryable
        with pytest.raises(FileNotFoundError, match="key.parquet") as missing:
            fd.Table("s3://empty/key.parquet", **options).get_all()
        assert isinstance(missing.value, fd.NotFoundError)
        assert "canary" not in f"{denied.value}{missing.value}"
        server.shutdown()
    assert events.get_partition(event_date=DAY).num_rows > 0


def test_async(events):
    async def work():
        scan = events.scan(["price"])
        frame, others = await asyncio.gather(scan.collect_async(), asyncio.sleep(0, "ran"))
        assert others == "ran"
        rows = 0
        async for batch in scan:
            rows += batch.num_rows
        assert rows == frame.num_rows
        task = asyncio.create_task(scan.collect_async())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return frame

    assert asyncio.run(work()).num_rows == events.scan([]).collect().num_rows


def test_progress_and_log(events, caplog):
    seen = []
    with caplog.at_level(logging.DEBUG, "fastdata"):
        frame = events.get_all(progress=seen.append)
    assert any("rows" in record.message for record in caplog.records)
    # However short a scan is, it is told how it ended.
    assert seen[-1].rows == frame.num_rows and seen[-1].files_done == seen[-1].files_planned == events.files().num_rows
    assert 0 < seen[-1].bytes_fetched and seen[-1].bytes_expected > 0
    for now in seen:
        assert now.files_done <= now.files_planned and "files" in str(now)
    for one, other in zip(seen, seen[1:]):
        assert one.rows <= other.rows and one.bytes_fetched <= other.bytes_fetched and one.seconds <= other.seconds
    for read in (events.groups(1)[0].read, events.scan(["price"]).to_pyarrow):
        seen.clear()
        assert len(read(progress=seen.append)) == seen[-1].rows == frame.num_rows

    def stop(_):
        raise RuntimeError("enough")

    from fastdata._progress import reporter

    assert reporter(False) is None
    shown = reporter(stop)
    with pytest.raises(RuntimeError, match="enough"):
        shown.update(1, None, 0, 1, 0)
    with pytest.raises(RuntimeError, match="enough"):
        events.get_all(progress=stop)


DRAWN = """
import sys
import fastdata as fd
import fastdata._progress
fastdata._progress.FIRST_DRAW_SECONDS = float(sys.argv[3])
if sys.argv[4] == "prompt":
    sys.ps1 = "> "
frame = fd.Table("shop.events", warehouse=sys.argv[1]).get_all(progress={"True": True, "False": False, "None": None}[sys.argv[2]])
print(frame.num_rows, file=sys.stderr)
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
@pytest.mark.parametrize(
    "progress, after, where, is_drawn",
    [
        (True, 0, "script", True),
        (None, 0, "prompt", True),
        (None, 0, "script", False),
        (False, 0, "prompt", False),
        # Short scans show nothing.
        (True, 1e9, "script", False),
    ],
)
def test_progress_in_terminals(events, warehouse, progress, after, where, is_drawn):
    rows = events.scan([]).collect().num_rows
    ours, theirs = os.openpty()
    with subprocess.Popen([sys.executable, "-c", DRAWN, warehouse, str(progress), str(after), where], stderr=theirs) as running:
        os.close(theirs)
        text = b""
        # At the end, Linux has an error for it and others have nothing.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 4096):
                text += part
    os.close(ours)
    assert running.returncode == 0, text
    # Each look begins its line anew, and the last one leaves it to what comes then.
    start, *looks, end = text.decode().split("\r\x1b[K") if is_drawn else ["", text.decode()]
    assert start == "" and end.strip() == str(rows)
    assert not is_drawn or (f"{rows} rows" in looks[-1] and all("files" in look for look in looks))


@pytest.mark.parametrize("progress", [True, None, False])
def test_no_progress_in_files_and_pipes(events, warehouse, progress):
    done = run_python(DRAWN, warehouse, progress, 0, "prompt")
    assert done.stderr == f"{events.scan([]).collect().num_rows}\n"


def test_streams_are_logged_too(events, caplog):
    def told():
        messages = [record.message for record in caplog.records if record.name == "fastdata"]
        caplog.clear()
        return messages

    with caplog.at_level(logging.DEBUG, "fastdata"):
        rows = sum(batch.num_rows for batch in events.scan(["price"]))
        [line] = told()
        assert f"{rows} rows" in line
        asyncio.run(_collected(events.scan(["price"])))
        assert len(told()) == 1
        with events.scan(["price"]).batches() as batches:
            next(batches)
        assert told() == []


async def _collected(scan):
    return await scan.collect_async()


def test_batches_have_at_most_so_many_rows(warehouse):
    small = fd.Table("shop.events", warehouse=warehouse, batch_rows=1000)
    sizes = [batch.num_rows for batch in small.scan(["price"])]
    assert 0 < max(sizes) <= 1000
    assert sum(sizes) == small.get_all(["price"]).num_rows


def test_command_comes_with_the_wheel():
    done = run_python("import sys; from fastdata._command import main; main()", "--version")
    assert done.returncode == 0 and done.stdout.startswith("fastdata ")
    done = run_python("import sys; from fastdata._command import main; main()", "scan", "/no/such.parquet")
    assert done.returncode == 4 and done.stderr.startswith("fastdata: error:")
    assert run_python("from fastdata._command import main; main()", "frobnicate").returncode == 2
