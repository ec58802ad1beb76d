"""The extension in a released, unmodified Metaflow: what it saves is read without it.

Metaflow runs in an environment of its own (FASTDATA_METAFLOW_PYTHON).
"""

import os
import pathlib
import subprocess

import pytest

from conftest import PACKAGE, ROOT

PYTHON = os.environ.get("FASTDATA_METAFLOW_PYTHON")
EXTENSION = ROOT / "python-bindings" / "metaflow-extension"

pytestmark = pytest.mark.skipif(not (PYTHON and PACKAGE), reason="no Metaflow, or no package that is built")

FLOW = '''
import numpy
from metaflow import FlowSpec, step

class Sums(FlowSpec):
    @step
    def start(self):
        self.parts = [10, 1000, 100000]
        self.noise = numpy.random.default_rng(1).random(1_000_000)
        self.text = "a line of a log\\n" * 10000
        self.next(self.add, foreach="parts")

    @step
    def add(self):
        self.total = sum(range(self.input))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.totals = [i.total for i in inputs]
        self.merge_artifacts(inputs, exclude=["total"])
        self.next(self.end)

    @step
    def end(self):
        print("sum", self.noise.sum(), len(self.text))

if __name__ == "__main__":
    Sums()
'''

CLIENT = """
from metaflow import Flow, namespace
namespace(None)
run = Flow("Sums").latest_run
print(run.successful, run["join"].task.data.totals, round(run.data.noise.sum(), 6), len(run.data.text))
"""


def environment(folder, extension, mode=None):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("METAFLOW_", "PYTHONPATH"))}
    kept |= {"METAFLOW_USER": "test", "HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    # What Metaflow's client has read once it does not read again.
    kept["METAFLOW_CLIENT_CACHE_PATH"] = str(folder / f"cache-{extension}")
    if extension:
        kept["PYTHONPATH"] = f"{PACKAGE}:{EXTENSION}"
    if mode:
        kept["METAFLOW_FASTDATA_MODE"] = mode
    return kept


def python(folder, *arguments, **settings):
    return subprocess.run(
        [PYTHON, *arguments], capture_output=True, text=True, timeout=300, cwd=folder, env=environment(folder, **settings)
    )


def run_flow(folder, **settings):
    (folder / "flow.py").write_text(FLOW)
    done = python(folder, "flow.py", "run", **settings)
    assert done.returncode == 0, done.stdout + done.stderr


def read(folder, **settings):
    done = python(folder, "-c", CLIENT, **settings)
    return done.stdout.strip(), done.stderr


def stored(folder):
    """Which `_meta` texts there are, and whether anything of ours wrote."""
    data = folder / ".metaflow" / "Sums" / "data"
    return {path.read_text() for path in data.glob("??/*_meta")}, (data / ".fastdata").is_dir()


RIGHT = "True [45, 499500, 4999950000]"


def test_the_default_mode_is_read_without_us(tmp_path):
    run_flow(tmp_path, extension=True)
    assert stored(tmp_path)[1], "the extension did not save"
    with_us, _ = read(tmp_path, extension=True)
    without, error = read(tmp_path, extension=False)
    assert without.startswith(RIGHT) and without == with_us, error
    metas, _ = stored(tmp_path)
    assert metas == {'{"cas_raw": true, "cas_version": 1}', '{"cas_raw": false, "cas_version": 1}'}


def test_what_metaflow_saved_is_read_with_us(tmp_path):
    run_flow(tmp_path, extension=False)
    assert not stored(tmp_path)[1]
    without, _ = read(tmp_path, extension=False)
    with_us, error = read(tmp_path, extension=True)
    assert with_us.startswith(RIGHT) and without == with_us, error


@pytest.mark.parametrize("mode,version", [("lz4", 2), ("fastdata", 3)])
def test_the_other_modes_stop_who_cannot_read_them(tmp_path, mode, version):
    run_flow(tmp_path, extension=True, mode=mode)
    # Every mode reads all versions.
    with_us, error = read(tmp_path, extension=True)
    assert with_us.startswith(RIGHT), error
    without, error = read(tmp_path, extension=False)
    assert not without.startswith(RIGHT)
    assert f"Unknown encoding version {version}" in error, error


def test_a_wrong_mode_is_named(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    done = python(tmp_path, "flow.py", "run", extension=True, mode="zip")
    assert done.returncode != 0
    assert "METAFLOW_FASTDATA_MODE" in done.stdout + done.stderr


def test_metaflow_finds_the_installed_wheel(tmp_path):
    """Built by setuptools, whose top_level.txt is how Metaflow finds it."""
    source, wheel = tmp_path / "source", tmp_path / "wheel"
    subprocess.run(["cp", "-r", EXTENSION, source], check=True)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    wheel.mkdir()
    done = subprocess.run([PYTHON, "-c", build, wheel], cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    [path] = wheel.glob("*.whl")
    listed = subprocess.run([PYTHON, "-m", "zipfile", "-l", path], capture_output=True, text=True, check=True).stdout
    assert "top_level.txt" in listed
    names = [line.split()[0] for line in listed.splitlines()]
    assert "metaflow_extensions/fastdata_rs/datastore/content_addressed_store/__init__.py" in names
    assert not any(pathlib.Path(name).parts[:3] == ("metaflow_extensions", "fastdata_rs", "__init__.py") for name in names)
    assert "metaflow_extensions/__init__.py" not in names
