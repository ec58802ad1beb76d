"""The package under test, and a table to read: FASTDATA_PACKAGE names the folder it was built into."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(os.environ.get("FASTDATA_ROOT") or pathlib.Path(__file__).resolve().parents[2])
TESTS = pathlib.Path(__file__).resolve().parent
PACKAGE = os.environ.get("FASTDATA_PACKAGE")
if PACKAGE:
    sys.path.insert(0, PACKAGE)
    os.environ["PYTHONPATH"] = PACKAGE
for name in [name for name in os.environ if name.startswith("AWS_") or (name.startswith("FASTDATA_") and name not in ("FASTDATA_PACKAGE", "FASTDATA_ROOT", "FASTDATA_METAFLOW_PYTHON"))]:
    del os.environ[name]
os.environ["XDG_CONFIG_HOME"] = "/nonexistent"


def run_python(code, *arguments, **options):
    """A fresh interpreter that runs `code`; a guard against hangs, no measure of time."""
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)


def examples(document):
    """The Python in a document, as one program."""
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(blocks)


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warehouse")
    made = run_python("import sys; from fastdata._command import main; main()", "demo", "--output", folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def events(warehouse):
    import fastdata as fd

    return fd.Table("shop.events", warehouse=warehouse)
