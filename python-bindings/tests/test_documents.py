"""The examples of the README, of docs/python.md and of the docstrings run; the stubs tell the truth."""

import ast
import doctest
import os
import re
import subprocess
import sys

import pytest

import fastdata as fd

from conftest import PACKAGE, ROOT, run_python

DOCUMENTS = ["README.md", "docs/python.md", "python-bindings/README.md"]


def examples(document):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_run(document, warehouse, tmp_path):
    (tmp_path / "fastdata-demo").symlink_to(warehouse)
    code = "\n".join(examples(document))
    assert "import fastdata as fd" in code
    done = run_python(code, cwd=tmp_path, env={**os.environ, "FASTDATA_WAREHOUSE": str(warehouse)})
    assert done.returncode == 0, done.stderr


def test_docstrings_run():
    """The classes' examples stand in the stubs, where editors look for them."""
    stubs = ast.parse((ROOT / "python-bindings/python/fastdata/_fastdata.pyi").read_text())
    texts = [ast.get_docstring(node) for node in ast.walk(stubs) if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    found = [doctest.DocTestParser().get_doctest(text, {}, "stubs", None, 0) for text in texts if text]
    assert sum(len(test.examples) for test in found) >= 8
    for test in found:
        assert doctest.DocTestRunner().run(test).failed == 0
    assert doctest.testmod(fd).failed == 0


def test_stubs_agree_with_the_package():
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "fastdata", "--ignore-disjoint-bases"], capture_output=True, text=True, timeout=600, env={**os.environ, "MYPYPATH": PACKAGE or ""})
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_hold(tmp_path):
    """The package's own code and every example, as a strict type checker sees them."""
    files = []
    for document in DOCUMENTS:
        name = re.sub(r"\W", "_", document) + ".py"
        (tmp_path / name).write_text("\n".join(examples(document)))
        files.append(name)
    options = ["--strict", "--ignore-missing-imports", "--cache-dir", str(tmp_path / "cache")]
    package = ROOT / "python-bindings/python/fastdata"
    for what in ([str(package)], files):
        done = subprocess.run([sys.executable, "-m", "mypy", *options, *what], cwd=tmp_path, capture_output=True, text=True, timeout=600, env={**os.environ, "MYPYPATH": PACKAGE or ""})
        assert done.returncode == 0, done.stdout + done.stderr
