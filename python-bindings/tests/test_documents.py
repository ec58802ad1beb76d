"""The examples of the README, of docs/python.md and of the docstrings run; the stubs tell the truth."""

import ast
import doctest
import os
import re
import shutil
import subprocess
import sys

import pytest

import fastdata as fd

from conftest import PACKAGE, ROOT, examples, run_python

DOCUMENTS = ["README.md", "docs/python.md", "python-bindings/README.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_run(document, warehouse, tmp_path):
    (tmp_path / "fastdata-demo").symlink_to(warehouse)
    code = examples(document)
    assert "import fastdata as fd" in code
    done = run_python(code, cwd=tmp_path, env={**os.environ, "FASTDATA_WAREHOUSE": str(warehouse)})
    assert done.returncode == 0, done.stderr


def test_docstrings_run(warehouse, tmp_path, monkeypatch):
    """The classes' examples stand in the stubs, where editors look for them. They find the demo's table and Metaflow's runs beside them."""
    (tmp_path / "fastdata-demo").symlink_to(warehouse)
    shutil.unpack_archive(ROOT / "testdata/runs/metaflow-2.13.tar.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, text in docstrings().items():
        test = doctest.DocTestParser().get_doctest(text, {"fd": fd}, name, None, 0)
        assert doctest.DocTestRunner().run(test).failed == 0, name
    assert doctest.testmod(fd).failed == 0 and doctest.testmod(fd.flows).failed == 0


#: Methods without an example: what they do is told by the others' or takes more than one.
PLAIN = {
    "Batches": ["collect", "close"],
    "Batch": ["to_frame", "to_polars", "to_pandas"],
    "DataFrame": ["to_torch", "from_ipc"],
    "Explain": ["to_dict"],
    "Group": ["scan", "to_json", "from_json"],
    "Scan": ["collect_async", "to_lazy"],
}


def test_every_public_class_and_method_has_an_example():
    texts = docstrings()
    names = [name for name in fd.__all__ if name in texts]
    assert {"Table", "Scan", "DataFrame", "Column", "Blobs", "concat"} <= set(names) and len(names) == 13
    for name in list(names):
        if isinstance(getattr(fd, name), type):
            methods = [key for key in vars(getattr(fd, name)) if not key.startswith("_") and callable(getattr(getattr(fd, name), key))]
            assert set(PLAIN.get(name, [])) <= set(methods)
            names += [f"{name}.{method}" for method in methods if method not in PLAIN.get(name, [])]
    names += fd.flows.__all__
    assert [name for name in names if ">>> " not in texts[name]] == []


def docstrings():
    """By name, those of the stubs' classes, methods and functions."""
    found = {}
    stubs = ast.parse((ROOT / "python-bindings/python/fastdata/_fastdata.pyi").read_text())
    for node in stubs.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{method.name}": ast.get_docstring(method) or "" for method in node.body if isinstance(method, ast.FunctionDef)}
    return found


def test_stubs_agree_with_the_package():
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "fastdata", "--ignore-disjoint-bases"], capture_output=True, text=True, timeout=600, env={**os.environ, "MYPYPATH": PACKAGE or ""})
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_hold(tmp_path):
    """The package's own code and every example, as a strict type checker sees them."""
    files = []
    for document in DOCUMENTS:
        name = re.sub(r"\W", "_", document) + ".py"
        (tmp_path / name).write_text(examples(document))
        files.append(name)
    options = ["--strict", "--ignore-missing-imports", "--cache-dir", str(tmp_path / "cache")]
    package = ROOT / "python-bindings/python/fastdata"
    for what in ([str(package)], files):
        done = subprocess.run([sys.executable, "-m", "mypy", *options, *what], cwd=tmp_path, capture_output=True, text=True, timeout=600, env={**os.environ, "MYPYPATH": PACKAGE or ""})
        assert done.returncode == 0, done.stdout + done.stderr
