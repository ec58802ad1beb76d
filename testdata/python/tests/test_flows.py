"""`fastdata flow` on runs of a released Metaflow, and on pickles that mean harm.

Metaflow runs in an environment of its own (FASTDATA_METAFLOW_PYTHON).
"""

import hashlib
import html.parser
import json
import os
import pathlib
import pickle
import struct
import subprocess
import tarfile

import numpy
import pytest

import command
import metadata_service

PYTHON = os.environ.get("FASTDATA_METAFLOW_PYTHON")
FLOWS = pathlib.Path(__file__).with_name("metaflow_flows.py")

needs_metaflow = pytest.mark.skipif(not PYTHON, reason="no Metaflow: FASTDATA_METAFLOW_PYTHON names no interpreter")


def environment(folder):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    return kept | {"METAFLOW_USER": "test", "HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}


def run(folder, flow, *arguments, code=0):
    done = subprocess.run(
        [PYTHON, FLOWS, "run", *arguments], cwd=folder, capture_output=True, text=True, timeout=600, env=environment(folder) | {"FLOW": flow}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return (folder / ".metaflow" / flow / "latest_run").read_text()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A datastore with a run of each flow, two of the first."""
    folder = tmp_path_factory.mktemp("flows")
    made = {"first": run(folder, "Linear", "--tag", "nice", "--tag", "very nice"), "second": run(folder, "Linear", "--alpha", "0.75")}
    made |= {name: run(folder, name) for name in ("Foreach", "Branch")}
    made["Failing"] = run(folder, "Failing", code=1)
    return folder, made


def flow(folder, *arguments, exit=0):
    outcome = command.run("flow", *arguments, "--datastore", folder)
    assert outcome.exit == exit, outcome.failure()
    return outcome.out


def flow_json(folder, *arguments):
    return json.loads(flow(folder, *arguments, "--json"))


@needs_metaflow
def test_what_there_is(runs):
    folder, made = runs
    listed = flow_json(folder, "ls")
    assert listed["schema"] == "fastdata.flow.ls/1"
    assert {one["flow"]: one["run_count"] for one in listed["flows"]} == {"Branch": 1, "Failing": 1, "Foreach": 1, "Linear": 2}
    linear = flow_json(folder, "ls", "Linear")["runs"]
    assert [one["path"] for one in linear] == [f"Linear/{made['second']}", f"Linear/{made['first']}"]
    assert [one["state"] for one in linear] == ["succeeded", "succeeded"]
    assert sorted(linear[1]["tags"]) == ["nice", "very nice"]
    assert linear[0]["user"] == "test" and "user:test" in linear[0]["system_tags"]
    assert linear[0]["duration_ms"] > 0
    assert flow_json(folder, "ls", "Failing")["runs"][0]["state"] == "failed"
    steps = {one["step"]: one for one in flow_json(folder, "ls", f"Foreach/{made['Foreach']}")["steps"]}
    assert [(name, one["task_count"], one["attempt_count"]) for name, one in steps.items()] == [
        ("start", 1, 1), ("middle", 2, 2), ("work", 6, 7), ("gather", 2, 2), ("join", 1, 1), ("end", 1, 1)
    ]
    assert all(one["state"] == "succeeded" for one in steps.values())
    # The folder above and the datastore itself are the same to the command.
    assert flow_json(folder / ".metaflow", "ls") == listed
    for path in ("Nobody", "Linear/1", f"Linear/{made['first']}/nowhere", f"Linear/{made['first']}/start/99"):
        flow(folder, "show", path, exit=4)
    flow(folder, "show", "Linear//x", exit=2)
    flow(folder, "show", "../Linear", exit=2)


@needs_metaflow
def test_values(runs):
    folder, made = runs
    dumped = flow_json(folder, "dump", f"Linear/{made['first']}/start")
    values = {one["name"]: one["value"] for one in dumped["artifacts"]}
    expected = {
        "nothing": None, "yes": True, "number": 7, "negative": -5, "real": 0.25, "text": "grün\n", "items": [1, [2]],
        "pair": [1, "a"], "table": {"a": 1, "b": [None]}, "members": [3], "frozen": ["x"], "ordered": {"x": 1}, "alpha": 0.5,
    }
    assert {name: values[name] for name in expected} == expected
    texts = {
        "big": str(1 << 100), "raw": "b'\\x00\\xff'", "when": "datetime(2020-01-02T03:04:05.000006+00:00)",
        "price": "Decimal('1.50')", "path": "PurePosixPath('/a/b')", "own": "__main__.Own() {'value': 3}",
    }
    assert {name: values[name]["text"] for name in texts} == texts
    assert "IncludedFile('" in values["words"]["text"]
    assert "_graph_info" not in values
    types = {one["name"]: one["python_type"] for one in dumped["artifacts"]}
    assert (types["number"], types["when"], types["nothing"]) == ("int", "datetime.datetime", "NoneType")
    assert flow(folder, "dump", f"Linear/{made['first']}/end/2/total") == b"14\n"
    assert flow(folder, "dump", f"Linear/{made['first']}/start/1/raw", "--bytes") == b"\x00\xff"
    pickled = flow(folder, "dump", f"Linear/{made['first']}/start/1/table", "--pickle")
    assert pickle.loads(pickled) == expected["table"]
    assert flow(folder, "dump", "Linear/" + made["first"] + "/start/1/loop") == b"[[...]]\n"
    flow(folder, "dump", f"Linear/{made['first']}/start/1/missing", exit=4)
    flow(folder, "dump", f"Foreach/{made['Foreach']}/work", exit=2)
    flow(folder, "dump", f"Failing/{made['Failing']}", exit=4)


@needs_metaflow
def test_foreach_and_attempts(runs):
    folder, made = runs
    tasks = flow_json(folder, "ls", f"Foreach/{made['Foreach']}/work")["tasks"]
    shown = [flow_json(folder, "show", one["path"]) for one in tasks]
    [retried] = [one for one in shown if len(one["attempts"]) == 2]
    assert [one["is_ok"] for one in retried["attempts"]] == [False, True]
    assert retried["facts"]["foreach-execution-path"] == "middle:1,work:1"
    values = {one["name"]: one["preview"] for one in retried["artifacts"]}
    assert values["made"] == "'b2'"
    assert flow(folder, "logs", retried["path"], "--attempt", "0", "--stdout") == b"about to fail\n"
    assert b"ValueError: once" in flow(folder, "logs", retried["path"], "--attempt", "0", "--stderr")
    end = flow_json(folder, "dump", f"Foreach/{made['Foreach']}")
    [everything] = [one["value"] for one in end["artifacts"] if one["name"] == "all"]
    assert everything == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]


@needs_metaflow
def test_branch_and_switch(runs):
    folder, made = runs
    values = {one["name"]: one["value"] for one in flow_json(folder, "dump", "Branch")["artifacts"]}
    assert (values["sides"], values["count"]) == (["left", "right"], 3)
    assert "builtins.RuntimeError" in values["trouble"]["text"]
    steps = {one["step"]: one["task_count"] for one in flow_json(folder, "ls", f"Branch/{made['Branch']}")["steps"]}
    assert steps["turn"] == 3


@needs_metaflow
def test_logs(runs):
    folder, made = runs
    path = f"Linear/{made['first']}/start/1"
    assert flow(folder, "logs", path, "--stdout").decode() == "to stdout: grün\n"
    assert flow(folder, "logs", path, "--stderr") == b"to stderr\n"
    lines = [json.loads(line) for line in flow(folder, "logs", f"Linear/{made['first']}", "--json").splitlines()]
    assert sorted(one["text"] for one in lines) == ["to stderr", "to stdout: grün"]
    assert {one["task"] for one in lines} == {"start/1"} and all(one["time_us"] > 0 for one in lines)


@needs_metaflow
def test_differences(runs):
    folder, made = runs
    first, second = f"Linear/{made['first']}", f"Linear/{made['second']}"
    same = flow_json(folder, "diff", first, first)
    assert same["is_same"] and same["artifacts"] == []
    diff = flow_json(folder, "diff", first)
    assert (diff["before"], diff["after"]) == (first, second)
    assert [one["name"] for one in diff["parameters"]] == ["alpha"]
    # What has no other value has no other key, sets of texts aside, whose order is another in each process.
    assert {one["name"] for one in diff["artifacts"]} <= {"frozen"}
    flow(folder, "diff", "Linear", exit=2)


@needs_metaflow
def test_runs_that_a_service_knows(tmp_path):
    with metadata_service.serving() as service:
        known = environment(tmp_path) | {"FLOW": "Foreach", "METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": service.url}
        done = subprocess.run([PYTHON, FLOWS, "run", "--tag", "nice"], cwd=tmp_path, capture_output=True, text=True, timeout=600, env=known)
        assert done.returncode == 0, done.stdout + done.stderr
        here = ("--service", service.url)
        [flow_record] = flow_json(tmp_path, "ls", *here)["flows"]
        assert (flow_record["flow"], flow_record["run_count"]) == ("Foreach", 1)
        shown = flow_json(tmp_path, "show", "Foreach", *here)
        assert shown["state"] == "succeeded" and shown["tags"] == ["nice"]
        assert {one["step"]: one["attempt_count"] for one in shown["steps"]} == {
            "start": 1, "middle": 2, "work": 7, "gather": 2, "join": 1, "end": 1
        }
        values = {one["name"]: one["value"] for one in flow_json(tmp_path, "dump", "Foreach", *here)["artifacts"]}
        assert values["all"] == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
        assert b"about to fail" not in flow(tmp_path, "logs", "Foreach", *here)
        is_self_contained((flow(tmp_path, "report", "Foreach", "-o", tmp_path / "page.html", *here), (tmp_path / "page.html").read_text())[1])
        flow(tmp_path, "show", "Foreach/99", *here, exit=4)
    flow(tmp_path, "ls", *here, exit=1)


@pytest.mark.parametrize("archive", sorted((command.TESTDATA / "runs").glob("*.tar.gz")), ids=lambda path: path.name)
def test_runs_of_older_versions(archive, tmp_path):
    """Their pickles, attempts and logs are not those of today."""
    with tarfile.open(archive) as files:
        files.extractall(tmp_path, filter="data")
    shown = flow_json(tmp_path, "show", "Foreach")
    assert shown["state"] == "succeeded" and shown["duration_ms"] > 0
    assert {one["step"]: one["attempt_count"] for one in shown["steps"]} == {
        "start": 1, "middle": 2, "work": 7, "gather": 2, "join": 1, "end": 1
    }
    [everything] = [one["value"] for one in flow_json(tmp_path, "dump", "Foreach")["artifacts"] if one["name"] == "all"]
    assert everything == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    tasks = flow_json(tmp_path, "ls", "/".join([shown["path"], "work"]))["tasks"]
    [retried] = [one["path"] for one in tasks if one["attempt_count"] == 2]
    assert b"about to fail" in flow(tmp_path, "logs", retried, "--attempt", "0")
    flow(tmp_path, "report", "Foreach", "-o", tmp_path / "page.html")
    assert "Timeline" in " ".join(is_self_contained((tmp_path / "page.html").read_text()).text)
    if "Linear" in [one["flow"] for one in flow_json(tmp_path, "ls")["flows"]]:
        values = {one["name"]: one["value"] for one in flow_json(tmp_path, "dump", "Linear")["artifacts"]}
        assert (values["total"], values["text"], values["table"]) == (14, "grün\n", {"a": 1, "b": [None]})


class Page(html.parser.HTMLParser):
    """Tags in their order, closed in that order, and the text."""

    VOID = {"meta", "rect", "path", "line", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(text)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def is_self_contained(page):
    assert len(page.encode()) < 150_000
    parsed = Page(page)
    names = {tag for tag, _ in parsed.tags}
    assert not names & {"script", "iframe", "object", "embed", "link", "img", "form", "a"}
    for _, attributes in parsed.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "srcset", "action")]
    return parsed


@needs_metaflow
def test_reports(runs, tmp_path):
    folder, made = runs
    for name in ("Linear", "Foreach", "Branch", "Failing"):
        file = tmp_path / f"{name}.html"
        assert flow(folder, "report", name, "-o", file).decode().strip() == str(file)
        page = is_self_contained(file.read_text())
        text = " ".join(page.text)
        assert f"{name}/" in text and "Timeline" in text
        assert ("Compared with" in text) == (name == "Linear")
    assert "as planned" in (tmp_path / "Failing.html").read_text()
    assert sum(tag == "rect" for tag, _ in is_self_contained((tmp_path / "Foreach.html").read_text()).tags) == 6 + 14


def task_with(folder, artifacts, flow="Harm", logs=b""):
    """A datastore with one task, written by hand: pickles under their names."""
    root = folder / ".metaflow"
    task = root / flow / "1" / "start" / "1"
    task.mkdir(parents=True)
    objects, info = {}, {}
    for name, content in {"_task_ok": b"\x80\x04\x88.", **artifacts}.items():
        key = hashlib.sha1(content).hexdigest()
        blob = root / flow / "data" / key[:2] / key
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        blob.with_name(key + "_meta").write_text('{"cas_raw": true, "cas_version": 1}')
        objects[name] = key
        info[name] = {"size": len(content), "type": "<class 'object'>", "encoding": "pickle-v4"}
    (task / "0.attempt.json").write_text('{"time": 1795235123.5}')
    (task / "0.data.json").write_text(json.dumps({"objects": objects, "info": info}))
    (task / "0.task_stdout.log").write_bytes(logs)
    (task / "0.DONE.lock").write_text('""')
    return f"{flow}/1/start/1"


class Harmful:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def bomb():
    """A list that holds another one ten times, which holds another one ten times, and so on: ten billion values."""
    content = b"]q\0(" + b"N" * 10 + b"e"
    for number in range(10):
        content += b"0]q" + bytes([number + 1]) + b"(" + (b"h" + bytes([number])) * 10 + b"e"
    return content + b"."


def test_pickles_that_mean_harm(tmp_path):
    victim = tmp_path / "victim"
    deep = b"]" * 100_000 + b"a" * 99_999 + b"."
    task = task_with(
        tmp_path,
        {
            **{f"harm{protocol}": pickle.dumps(Harmful(victim), protocol) for protocol in range(6)},
            "deep": deep,
            "bomb": bomb(),
            "cut": pickle.dumps(list(range(1000)), 4)[:-5],
            "long": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b".",
            "none": b"",
            "text": b"this is no pickle",
            "fine": pickle.dumps([1], 4),
        },
    )
    dumped = {one["name"]: one["value"] for one in flow_json(tmp_path, "dump", task)["artifacts"]}
    for protocol in range(6):
        # `os.system` is called by the name of the module that defines it.
        assert dumped[f"harm{protocol}"]["text"] == f"posix.system('touch {victim}')"
    for name in ("deep", "bomb", "cut", "long", "none", "text"):
        assert "error" in dumped[name], name
    assert dumped["fine"] == [1]
    for name, exit in (("deep", 7), ("bomb", 7), ("cut", 6), ("long", 6), ("none", 6), ("text", 6), ("harm4", 0)):
        flow(tmp_path, "dump", f"{task}/{name}", exit=exit)
    flow(tmp_path, "show", task)
    flow(tmp_path, "report", "Harm", "-o", tmp_path / "page.html")
    assert not victim.exists()


def test_numpy(tmp_path):
    grid = numpy.arange(12, dtype=">i4").reshape(3, 4)
    kinds = {
        "grid": (grid, "array int32 (3, 4) [0, 1, 2, 3, 4, 5, …]"),
        "row": (numpy.array([0.5, -1.25]), "array float64 (2,) [0.5, -1.25]"),
        "bits": (numpy.array([True, False]), "array bool (2,) [True, False]"),
        "scalar": (numpy.float32(0.5), "float32(0.5)"),
        "fortran": (numpy.asfortranarray(numpy.ones((2, 2), dtype="u1")), "array uint8 (2, 2) [1, 1, 1, 1]"),
        "empty": (numpy.zeros((0, 3)), "array float64 (0, 3) []"),
        "objects": (numpy.array([None, "x"], dtype=object), "array object (2,)"),
    }
    for protocol in (2, 4, 5):
        folder = tmp_path / str(protocol)
        task = task_with(folder, {name: pickle.dumps(value, protocol) for name, (value, _) in kinds.items()}, flow="Numbers")
        for name, (_, expected) in kinds.items():
            assert flow(folder, "dump", f"{task}/{name}").decode().strip() == expected, (protocol, name)
        assert flow(folder, "dump", f"{task}/grid", "--bytes") == grid.tobytes()


def test_pages_are_escaped(tmp_path):
    markup = "</pre><script>alert(1)</script>'\"&"
    line = b"[MFLOG|0|2026-11-21T16:05:03.554281Z|task|x]" + markup.encode() + b"\x1b[31m\n"
    task_with(tmp_path, {"<b>name": pickle.dumps(markup), "keys": pickle.dumps({markup: markup})}, flow="<i>Harm", logs=line)
    flow(tmp_path, "report", "<i>Harm", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    is_self_contained(page)
    assert "<script" not in page and "<i>" not in page and "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_long_runs_are_cut_down(tmp_path):
    root = tmp_path / ".metaflow" / "Long" / "1"
    key = hashlib.sha1(b"\x80\x04\x88.").hexdigest()
    text = "a line that is printed again and again\n" * 1000
    for number in range(1, 1001):
        task = root / "work" / str(number)
        task.mkdir(parents=True)
        (task / "0.attempt.json").write_text(f'{{"time": {1795235123.5 + number}}}')
        info = {name: {"size": 1 << 40, "type": "<class 'x'>"} for name in ("value", "other")}
        (task / "0.data.json").write_text(json.dumps({"objects": {"_task_ok": key, "value": f"{number:040x}", "other": key}, "info": info}))
        (task / "0.task_stdout.log").write_text(text)
        (task / "0.DONE.lock").write_text('""')
    flow(tmp_path, "report", "Long", "-o", tmp_path / "page.html")
    page = is_self_contained((tmp_path / "page.html").read_text())
    text = " ".join(page.text)
    assert "more tasks are not drawn" in text and "more tasks are not shown" in text


def test_broken_datastores(tmp_path):
    task = task_with(tmp_path, {"x": pickle.dumps(1)})
    folder = tmp_path / ".metaflow" / task
    # An attempt that was begun hides the one before it, until it is done.
    assert flow(tmp_path, "dump", f"{task}/x") == b"1\n"
    (folder / "1.attempt.json").write_text('{"time": 1795235124.5}')
    assert flow_json(tmp_path, "show", task)["state"] == "unfinished"
    flow(tmp_path, "dump", f"{task}/x", exit=4)
    (folder / "1.runtime").write_text('{"return_code": -9, "killed": true, "success": false}')
    assert flow_json(tmp_path, "show", task)["state"] == "failed"
    (folder / "1.attempt.json").unlink()
    (folder / "0.data.json").write_text("{")
    flow(tmp_path, "dump", f"{task}/x", exit=6)
    (folder / "0.data.json").write_text(json.dumps({"objects": {"x": "../../../../etc/passwd", "_task_ok": "0" * 40}}))
    assert flow(tmp_path, "show", task, exit=4) == b""
    (folder / "0.data.json").unlink()
    (folder / "_meta").mkdir()
    for time in ("1e300", "-1e300", "1e15", "-5", "0"):
        (folder / "0.attempt.json").write_text(f'{{"time": {time}}}')
        fact = folder / "_meta" / f"sysmeta_attempt-done_{2**63 - 1}.json"
        fact.write_text(json.dumps({"field_name": "attempt-done", "value": "0", "ts_epoch": 2**63 - 1}))
        run = folder.parents[1] / "_meta"
        run.mkdir(exist_ok=True)
        (run / "_self.json").write_text(json.dumps({"flow_id": "Harm", "run_number": "1", "ts_epoch": -(2**63)}))
        for arguments in (["ls", "Harm"], ["show", "Harm"], ["show", task], ["report", "Harm", "-o", tmp_path / "page.html"]):
            flow(tmp_path, *arguments)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert flow_json(empty, "ls")["flows"] == []
