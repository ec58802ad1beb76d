"""`fastdata blob` against a released Metaflow, both ways, on one datastore.

Metaflow runs in an environment of its own (FASTDATA_METAFLOW_PYTHON), as it pins what others need in other versions.
"""

import gzip
import hashlib
import json
import os
import pathlib
import random
import subprocess

import pytest

import command

PYTHON = os.environ.get("FASTDATA_METAFLOW_PYTHON")
PROBE = pathlib.Path(__file__).with_name("metaflow_probe.py")
TESTDATA = command.TESTDATA

pytestmark = pytest.mark.skipif(not PYTHON, reason="no Metaflow: FASTDATA_METAFLOW_PYTHON names no interpreter")

UNKNOWN = "error: DataException Unknown encoding version"


def metaflow(action, root, lines):
    """Lines of what the probe prints, one for each of `lines`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    environment["METAFLOW_USER"] = "test"
    done = subprocess.run(
        [PYTHON, PROBE, action, root], input="\n".join(map(str, lines)), capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def fastdata(*arguments):
    outcome = command.run("blob", *arguments)
    assert outcome.exit == 0, outcome.failure()
    return outcome.out


def contents():
    randomness = random.Random(1)
    text = "".join(f"step {idx}: loss {randomness.random():.3f}\n" for idx in range(100_000)).encode()
    return [b"", b"\x80\x04N.", text[:233], text[:52_000], randomness.randbytes(52_000), text[:3_000_000], randomness.randbytes(3_000_000)]


@pytest.fixture
def store(tmp_path):
    """The root of a flow's store, files with contents, and their SHA-1 keys."""
    files = []
    for idx, content in enumerate(contents()):
        files.append(tmp_path / f"content-{idx}")
        files[-1].write_bytes(content)
    keys = [hashlib.sha1(content).hexdigest() for content in contents()]
    root = tmp_path / "datastore" / "Flow" / "data"
    root.mkdir(parents=True)
    return root, files, keys


def test_what_metaflow_wrote_is_read(store):
    root, files, keys = store
    assert metaflow("save", root, files[:4]) == keys[:4]
    assert metaflow("save-raw", root, files[4:]) == keys[4:]
    for key, content in zip(keys, contents()):
        assert fastdata("cat", root, key) == content
    verified = json.loads(fastdata("verify", root, "--json"))
    assert (verified["checked_count"], verified["broken"]) == (len(keys), [])
    survey = json.loads(fastdata("stat", root.parent.parent, "--json"))
    assert survey["forms"]["v1 gzip"]["blob_count"] == 4
    assert survey["forms"]["v1 raw"]["blob_count"] == 3


@pytest.mark.parametrize("form", ["vanilla", "raw"])
def test_what_we_wrote_for_everybody_is_read(store, form):
    root, files, keys = store
    assert fastdata("put", root, *files, "--as", form).decode().split() == keys
    assert metaflow("load", root, keys) == keys
    # And is found there already.
    assert metaflow("save", root, files) == keys
    assert metaflow("load", root, keys) == keys


@pytest.mark.parametrize("form,version", [("lz4", 2), ("metaflow-fast", 3), ("metaflow-compact", 3)])
def test_newer_versions_are_refused_by_name(store, form, version):
    root, files, keys = store
    fastdata("put", root, *files, "--as", form)
    for line in metaflow("load", root, keys):
        assert line.startswith(f"{UNKNOWN} {version} for "), line
    # Migrated, everybody reads them.
    fastdata("migrate", root, "--to", "vanilla")
    assert metaflow("load", root, keys) == keys


def test_metaflows_blobs_migrate_there_and_back(store):
    root, files, keys = store
    metaflow("save", root, files)
    for form in ["metaflow-compact", "lz4", "metaflow-fast", "raw", "lz4", "vanilla"]:
        fastdata("migrate", root, "--to", form)
        for key, content in zip(keys, contents()):
            assert fastdata("cat", root, key) == content
    assert metaflow("load", root, keys) == keys


def blob(root, content, body, metadata):
    key = hashlib.sha1(content).hexdigest()
    folder = root / key[:2]
    folder.mkdir(exist_ok=True)
    (folder / key).write_bytes(body)
    if metadata is not None:
        (folder / f"{key}_meta").write_text(metadata)
    return key


V1 = '{"cas_raw": false, "cas_version": 1}'
RAW = '{"cas_raw": true, "cas_version": 1}'
TEXT = b"any content, " * 100
BROKEN = 6
# name, body, metadata, whether Metaflow reads it, our exit code: 0 where it is read
MATRIX = [
    ("gzip 3", gzip.compress(TEXT, 3), V1, True, 0),
    ("gzip 0, stored blocks", gzip.compress(TEXT, 0), V1, True, 0),
    ("several members", gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:]), V1, True, 0),
    ("zeros behind", gzip.compress(TEXT) + b"\0" * 9, V1, True, 0),
    ("raw", TEXT, RAW, True, 0),
    ("raw of any version", TEXT, '{"cas_raw": true, "cas_version": 99}', True, 0),
    ("fields that nobody knows", gzip.compress(TEXT), '{"cas_raw": false, "cas_version": 1, "fd_codec": "x"}', True, 0),
    ("gzip without metadata", gzip.compress(TEXT), None, True, 0),
    # The key tells us what it is.
    ("raw without metadata", TEXT, None, False, 0),
    ("version 9", TEXT, '{"cas_raw": false, "cas_version": 9}', False, 9),
    ("no version", gzip.compress(TEXT), "{}", False, BROKEN),
    ("truncated gzip", gzip.compress(TEXT)[:-9], V1, False, BROKEN),
    ("bytes behind", gzip.compress(TEXT) + b"more", V1, False, BROKEN),
]


@pytest.mark.parametrize("name,body,metadata,theirs,ours", MATRIX, ids=[row[0] for row in MATRIX])
def test_reader_matrix(tmp_path, name, body, metadata, theirs, ours):
    root = tmp_path / "datastore" / "Flow" / "data"
    root.mkdir(parents=True)
    key = blob(root, TEXT, body, metadata)
    [line] = metaflow("load", root, [key])
    assert (line == key) == theirs, line
    outcome = command.run("blob", "cat", root, key)
    assert outcome.exit == ours, outcome.failure()
    if ours == 0:
        assert outcome.out == TEXT


def test_another_content_under_a_key_is_an_error_for_us_alone(tmp_path):
    root = tmp_path / "datastore" / "Flow" / "data"
    root.mkdir(parents=True)
    key = blob(root, TEXT, gzip.compress(b"something else"), V1)
    [line] = metaflow("load", root, [key])
    assert line == hashlib.sha1(b"something else").hexdigest()
    assert command.run("blob", "cat", root, key).exit == BROKEN


FLOW = '''
from metaflow import FlowSpec, step

class Sums(FlowSpec):
    @step
    def start(self):
        self.parts = [list(range(n)) for n in (10, 1000, 100000)]
        self.next(self.add, foreach="parts")

    @step
    def add(self):
        self.numbers = self.input
        self.total = sum(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.totals = [i.total for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass

Sums()
'''


def test_a_whole_run_is_read(tmp_path):
    flow = tmp_path / "flow.py"
    flow.write_text(FLOW)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    environment |= {"METAFLOW_USER": "test", "HOME": str(tmp_path), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path)}
    done = subprocess.run([PYTHON, flow, "run"], capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    root = tmp_path / ".metaflow" / "Sums" / "data"
    verified = json.loads(fastdata("verify", root, "--json"))
    assert verified["broken"] == [] and verified["checked_count"] > 10
    # Every artifact that the run names is there, and a collector that is told of them keeps them.
    named = set()
    for data in root.parent.rglob("*.data.json"):
        named |= set(json.loads(data.read_text())["objects"].values())
    roots = tmp_path / "roots"
    roots.write_text("\n".join(named))
    collected = json.loads(fastdata("gc", root, "--roots", roots, "--grace", "0s", "--json"))
    assert collected["missing"] == [] and collected["kept_count"] == len(named)
    # Migrated to another form and back, Metaflow's own client still reads the run.
    fastdata("migrate", root, "--to", "metaflow-compact")
    fastdata("migrate", root, "--to", "vanilla")
    client = "from metaflow import Flow, namespace; namespace(None); print(Flow('Sums').latest_run['join'].task.data.totals)"
    done = subprocess.run([PYTHON, "-c", client], capture_output=True, text=True, timeout=300, env=environment, cwd=tmp_path)
    assert done.stdout.strip() == "[45, 499500, 4999950000]", done.stderr
