"""Runs of Rust flows as a released Metaflow reads them, and Metaflow flows that take their input from them.

The flows are the examples of `fastdata-flow` (FASTDATA_FLOW_EXAMPLES names their folder). Metaflow runs in an environment of its own
(FASTDATA_METAFLOW_PYTHON).
"""

import io
import json
import os
import pathlib
import subprocess

import polars
import pyarrow.ipc
import pytest

PYTHON = os.environ.get("FASTDATA_METAFLOW_PYTHON")
EXAMPLES = os.environ.get("FASTDATA_FLOW_EXAMPLES")
PROBE = pathlib.Path(__file__).with_name("flow_probe.py")

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="no Metaflow: FASTDATA_METAFLOW_PYTHON names no interpreter"),
    pytest.mark.skipif(not EXAMPLES, reason="no example flows: FASTDATA_FLOW_EXAMPLES names no folder"),
]


def environment(folder):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    settings = {"METAFLOW_USER": "tester", "HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    return kept | settings | {"METAFLOW_DEFAULT_DATASTORE": "local", "METAFLOW_DEFAULT_METADATA": "local"}


def call(folder, *command, code=0):
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=600, env=environment(folder))
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def rust(folder, example, *arguments, code=0):
    return call(folder, pathlib.Path(EXAMPLES) / example, *arguments, code=code).strip()


def probe(folder, path):
    """What Metaflow's client says of a run: its state, and each task with its artifacts."""
    return json.loads(call(folder, PYTHON, PROBE, "read", path).splitlines()[-1])


def of_step(run, step):
    return [task for task in run["tasks"] if task["step"] == step]


def test_a_row_with_tags(tmp_path):
    path = rust(tmp_path, "linear", "run", "--tag", "mine")
    run = probe(tmp_path, path)
    assert run["successful"] and run["finished"] and run["finished_at"]
    assert run["user_tags"] == ["mine"] and "user:tester" in run["system_tags"]
    assert run["data"] == {"greeting": "hello", "numbers": [1.5, 2.5, 3.0], "sum": 7.0, "name": "Linear"}
    [end] = of_step(run, "end")
    assert end["stdout"] == "hello, the sum is 7\n"
    assert run["latest"] == path
    rust(tmp_path, "linear", "tag", "--add", "more")
    assert probe(tmp_path, path)["user_tags"] == ["mine", "more"]


def test_branches_and_parents(tmp_path):
    run = probe(tmp_path, rust(tmp_path, "branch", "run"))
    assert run["data"]["results"] == [55, 3628800]
    [join] = of_step(run, "join")
    assert sorted(parent.split("/")[2] for parent in join["parents"]) == ["product", "sum"]


def test_nested_foreachs(tmp_path):
    run = probe(tmp_path, rust(tmp_path, "nested_foreach", "run"))
    assert run["data"]["total"] == 19
    cells = of_step(run, "cell")
    assert sorted(cell["data"]["square"] for cell in cells) == [1, 1, 4, 4, 9]
    assert sorted(cell["index"] for cell in cells) == [0, 0, 1, 1, 2]
    assert all(len(cell["parents"]) == 1 for cell in cells)


def test_switch_and_recursion(tmp_path):
    run = probe(tmp_path, rust(tmp_path, "switch", "run"))
    assert run["data"]["how"] == "by hand" and of_step(run, "by_machine") == []
    run = probe(tmp_path, rust(tmp_path, "recursion", "run"))
    assert run["successful"] and len(of_step(run, "improve")) == 4


def test_failures(tmp_path):
    run = probe(tmp_path, rust(tmp_path, "retry", "run"))
    [start] = of_step(run, "start")
    assert start["attempt"] == 2 and "no luck" not in start["stderr"]
    run = probe(tmp_path, rust(tmp_path, "catch", "run"))
    assert run["data"]["failures"] == [None, "division by zero", "the process died in each attempt"]
    rust(tmp_path, "trouble", "run", "--how", "panic", code=1)
    run = probe(tmp_path, "Trouble")
    assert not run["successful"] and not run["finished"]
    [middle] = of_step(run, "middle")
    assert not middle["successful"] and middle["exception"] == "panicked: on purpose"
    assert "panicked" in middle["stderr"]


def test_resumed(tmp_path):
    first = rust(tmp_path, "recursion", "run")
    again = probe(tmp_path, rust(tmp_path, "recursion", "resume", "--from", "end"))
    assert again["successful"] and again["origin"] == first.split("/")[1]


def test_frames(tmp_path):
    path = rust(tmp_path, "tables", "run", "--rows", "3000")
    call(tmp_path, PYTHON, PROBE, "save", path, "result", tmp_path / "result.arrow")
    content = (tmp_path / "result.arrow").read_bytes()
    expected = polars.read_parquet(tmp_path / "tables" / "result.parquet")
    assert polars.read_ipc_stream(io.BytesIO(content)).equals(expected)
    assert pyarrow.ipc.open_stream(content).read_all().num_rows == 1000


def test_input_of_a_metaflow_flow(tmp_path):
    """A Metaflow flow reads a run of ours; and a run of ours is resumed beside it in one datastore."""
    path = rust(tmp_path, "foreach", "run")
    call(tmp_path, PYTHON, PROBE.with_name("flow_reader.py"), "run", "--source", path)
    run = probe(tmp_path, "Reader")
    assert run["successful"] and run["data"]["total"] == 24


def test_input_from_a_metaflow_flow(tmp_path):
    """A flow of ours reads a run of Metaflow's, in the same datastore."""
    call(tmp_path, PYTHON, PROBE.with_name("flow_writer.py"), "run")
    run = (tmp_path / ".metaflow" / "Writer" / "latest_run").read_text()
    path = rust(tmp_path, "past_run", "run", "--source", f"Writer/{run}", "--artifact", "numbers")
    assert probe(tmp_path, path)["data"]["sum"] == 42
