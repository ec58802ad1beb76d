"""Files are read while later manifests are still on their way: a store that holds the last one back."""

import contextlib
import http.server
import json
import pathlib
import threading
import urllib.parse

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

import command

APPENDS, ROWS = 4, 10
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table with a manifest for each append, and its manifests in the order of the plan."""
    root = tmp_path_factory.mktemp("lake")
    catalog = InMemoryCatalog("here", warehouse=str(root))
    catalog.create_namespace("ns")
    made = catalog.create_table("ns.numbers", Schema(NestedField(1, "id", LongType())))
    for part in range(APPENDS):
        made.append(pa.table({"id": pa.array(range(part * ROWS, part * ROWS + ROWS), pa.int64())}))
    manifests = [manifest.manifest_path.rsplit("/", 1)[-1] for manifest in made.current_snapshot().manifests(made.io)]
    assert len(manifests) == APPENDS
    return root, pathlib.Path(made.location().removeprefix("file://")).relative_to(root), manifests


class Bucket(http.server.BaseHTTPRequestHandler):
    """Objects below a folder. One waits until a data file was asked for."""

    protocol_version = "HTTP/1.1"

    def key(self):
        return urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix("/lake").strip("/")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
        if "list-type" in query:
            return self.answer(200, self.listing(query.get("prefix", [""])[0]))
        key, server = self.key(), self.server
        path = server.root / key
        if not path.is_file():
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        if key.endswith(".parquet"):
            server.data_was_asked_for.set()
        if key.endswith(server.held_back):
            # The wait ends in a failure, not in a pass, when the plan has to be whole first.
            server.released_by_data = server.data_was_asked_for.wait(timeout=30)
        held = path.read_bytes()
        asked = self.headers.get("Range")
        if asked is None:
            return self.answer(200, held)
        first, last = asked.removeprefix("bytes=").split("-")
        start = int(first) if first else max(0, len(held) - int(last))
        end = min(int(last) + 1, len(held)) if first and last else len(held)
        self.answer(206, held[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(held)}"})

    def listing(self, prefix):
        found = [path for path in sorted(self.server.root.rglob("*")) if path.is_file()]
        keys = [(path.relative_to(self.server.root).as_posix(), path.stat().st_size) for path in found]
        entry = "<Contents><Key>{}</Key><Size>{}</Size><ETag>&quot;1&quot;</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        entries = "".join(entry.format(*pair) for pair in keys if pair[0].startswith(prefix))
        return f"<ListBucketResult><Name>lake</Name><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()

    def answer(self, status, body, headers=None):
        self.send_response(status)
        held = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Length": len(body), **(headers or {})}
        for name, value in held.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(root, held_back):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.root, server.held_back = root, held_back
    server.data_was_asked_for, server.released_by_data = threading.Event(), None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_files_are_read_before_the_plan_is_whole(table):
    root, home, manifests = table
    with served(root, manifests[-1]) as server:
        endpoint = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
        outcome = command.run("scan", f"s3://lake/{home.as_posix()}/metadata/{newest(root / home)}", "-f", "ndjson", env=endpoint)
    assert outcome.exit == 0, outcome.failure()
    assert server.released_by_data is True, "the whole plan was waited for"
    assert sorted(json.loads(line)["id"] for line in outcome.out.splitlines()) == list(range(APPENDS * ROWS))


def newest(home):
    return sorted(path.name for path in (home / "metadata").glob("*.metadata.json"))[-1]
