"""`fd.flows`: runs of flows, read without unpickling, and what the real Metaflow says about the same runs."""

import datetime
import decimal
import hashlib
import json
import os
import pathlib
import pickle
import subprocess

import fastdata as fd
import numpy as np
import pytest
from conftest import ROOT

PYTHON = os.environ.get("FASTDATA_METAFLOW_PYTHON")
FLOWS = ROOT / "testdata/python/tests/metaflow_flows.py"


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    """A datastore with two runs of one flow, by Metaflow."""
    if not PYTHON:
        pytest.skip("no Metaflow: FASTDATA_METAFLOW_PYTHON names no interpreter")
    folder = tmp_path_factory.mktemp("flows")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    kept |= {"METAFLOW_USER": "test", "HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    for name, *arguments in (["Linear", "--tag", "nice"], ["Linear", "--alpha", "0.75"], ["Foreach"]):
        command = [PYTHON, FLOWS, "run", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, env=kept | {"FLOW": name})
        assert done.returncode == 0, done.stdout + done.stderr
    return fd.flows.Flows(folder)


def test_runs(flows):
    assert flows.names() == ["Foreach", "Linear"]
    assert flows.root.endswith("/.metaflow")
    newest, oldest = flows.runs("Linear")
    assert flows.run("Linear").path == newest.path == f"Linear/{newest.id}"
    assert (oldest.tags, oldest.user, oldest.flow) == (["nice"], "test", "Linear")
    assert "user:test" in oldest.system_tags
    assert newest.state() == "succeeded"
    assert oldest.created < newest.created < newest.finished()
    assert newest.created.tzinfo == datetime.timezone.utc
    assert newest.steps() == ["start", "end"]
    assert newest.previous().id == oldest.id and oldest.previous() is None
    assert newest.origin() is None
    assert newest.parameters()["alpha"].value() == 0.75
    assert newest["total"].value() == 14
    diff = newest.diff(oldest)
    assert [one["name"] for one in diff["parameters"]] == ["alpha"]
    page = newest.report(previous=oldest)
    assert page.startswith("<!doctype html>") and "<script" not in page and len(page.encode()) < 150_000
    assert repr(newest) == f"<fastdata.flows.Run {newest.path}>"


def test_tags(flows):
    run = flows.runs("Linear")[0].change_tags(add=["a", "b"])
    assert sorted(run.tags) == ["a", "b"]
    run = run.change_tags(add=["c"], remove=["a"])
    assert sorted(flows.runs("Linear")[0].tags) == ["b", "c"]
    with pytest.raises(fd.InvalidArgumentError):
        run.change_tags(remove=["user:test"])
    with pytest.raises(fd.InvalidArgumentError):
        run.change_tags(add=[" "])
    # Metaflow reads them too.
    code = "import metaflow, sys; metaflow.namespace(None); print(sorted(metaflow.Run(sys.argv[1]).user_tags))"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    folder = str(pathlib.Path(flows.root).parent)
    kept |= {"METAFLOW_USER": "test", "HOME": folder, "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder}
    done = subprocess.run([PYTHON, "-c", code, run.path], capture_output=True, text=True, timeout=300, env=kept)
    assert done.stdout.strip() == "['b', 'c']", done.stderr


def test_values(flows):
    [task] = flows.run("Linear").tasks("start")
    values = {name: artifact.value() for name, artifact in task.artifacts().items()}
    expected = {
        "nothing": None, "yes": True, "number": 7, "negative": -5, "big": 1 << 100, "real": 0.25, "text": "grün\n", "raw": b"\x00\xff",
        "items": [1, [2]], "pair": (1, "a"), "table": {"a": 1, "b": [None]}, "members": {3}, "frozen": frozenset(["x"]),
        "when": datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc), "price": decimal.Decimal("1.50"),
        "path": pathlib.PurePosixPath("/a/b"), "ordered": {"x": 1},
    }
    for name, value in expected.items():
        assert values[name] == value and type(values[name]) is type(value), name
    own = values["own"]
    assert isinstance(own, fd.flows.Opaque) and own.type == "__main__.Own" and own.data is None
    artifact = task["table"]
    assert pickle.loads(artifact.pickle()) == expected["table"]
    assert artifact.key == hashlib.sha1(bytes(artifact.pickle())).hexdigest()
    assert (artifact.name, artifact.type, artifact.nbytes) == ("table", "dict", len(bytes(artifact.pickle())))
    assert "_graph_info" not in values and "_graph_info" in task.artifacts(internal=True)
    assert task.log("stdout") == "to stdout: grün\n" and task.log("stderr") == "to stderr\n"
    assert task.facts()["ds-type"] == "local"
    with pytest.raises(fd.NotFoundError):
        task["missing"]
    with pytest.raises(fd.InvalidArgumentError):
        task.log("all")


def test_attempts(flows):
    tasks = flows.run("Foreach").tasks("work")
    assert sorted(task.attempts() for task in tasks) == [1, 1, 1, 1, 1, 2]
    [retried] = [task for task in tasks if task.attempts() == 2]
    assert retried.log("stdout", attempt=0) == "about to fail\n" and retried.log("stdout") == ""
    assert retried.state() == "succeeded" and retried.started() < retried.finished()
    assert flows.task(retried.path)["made"].value() == "b2"
    assert len(flows.run("Foreach").tasks()) == 13


def test_what_is_not_there(flows):
    for path in ("Nobody", "Linear/1"):
        with pytest.raises(fd.NotFoundError):
            flows.run(path)
    with pytest.raises(fd.NotFoundError):
        flows.task("Linear/1/2/3")
    with pytest.raises(fd.InvalidArgumentError):
        flows.run("Linear/../x")
    assert flows.runs("Nobody") == []


def datastore(folder, artifacts):
    """A run with one task, written by hand."""
    root = folder / ".metaflow"
    task = root / "Hand" / "1" / "start" / "1"
    task.mkdir(parents=True)
    objects, info = {}, {}
    for name, content in {"_task_ok": b"\x80\x04\x88.", **artifacts}.items():
        objects[name] = hashlib.sha1(content).hexdigest()
        blob = root / "Hand" / "data" / objects[name][:2] / objects[name]
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        blob.with_name(blob.name + "_meta").write_text('{"cas_raw": true, "cas_version": 1}')
        info[name] = {"size": len(content), "type": "<class 'object'>"}
    (task / "0.attempt.json").write_text('{"time": 1795235123.5}')
    (task / "0.data.json").write_text(json.dumps({"objects": objects, "info": info}))
    (task / "0.DONE.lock").write_text('""')
    return fd.flows.Flows(folder).task("Hand/1/start/1")


class Harmful:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def test_nothing_runs(tmp_path):
    victim = tmp_path / "victim"
    task = datastore(tmp_path, {"harm": pickle.dumps(Harmful(victim)), "cut": b"\x80\x04]", "odd": b"\x80\x04\x8f(]\x90."})
    value = task["harm"].value()
    assert isinstance(value, fd.flows.Opaque) and value.text == f"posix.system('touch {victim}')"
    assert not victim.exists()
    with pytest.raises(fd.CorruptDataError):
        task["cut"].value()
    # A set of a list, which Python does not know.
    assert isinstance(task["odd"].value(), fd.flows.Opaque)


def test_arrays(tmp_path):
    grid = np.arange(12, dtype="<i4").reshape(3, 4)
    value = datastore(tmp_path, {"grid": pickle.dumps(grid, 5)})["grid"].value()
    assert (value.dtype, value.shape) == ("<i4", (3, 4))
    assert np.array_equal(np.frombuffer(value.data, dtype=value.dtype).reshape(value.shape), grid)
