"""The README's Python where nothing but the package is installed, and with one other library beside it."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import venv

import pytest

from conftest import PACKAGE, examples

#: The line of the README that hands a frame to another library.
HAND_OVER = "frame = dear.to_polars()"

VALUES = {
    "polars": "frame['price'].to_list()",
    "pandas": "frame['price'].tolist()",
    "pyarrow": "frame['price'].to_pylist()",
}


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def needs(name, found):
    """The distribution called `name` and those that it needs."""
    if name in found:
        return found
    distribution = importlib.metadata.distribution(name)
    found[name] = distribution
    for requirement in distribution.requires or []:
        if "extra ==" in requirement:
            continue
        try:
            needs(re.match(r"[\w.-]+", requirement)[0], found)
        except importlib.metadata.PackageNotFoundError:
            # For another platform or version of Python.
            pass
    return found


def run(interpreter, code, folder, warehouse, library=None):
    """Runs `code` with the package and `library`, whose files are linked to."""
    beside = folder / "beside"
    beside.mkdir()
    for distribution in needs(library, {}).values() if library else []:
        places = {pathlib.Path(str(file)).parts[0] for file in distribution.files}
        for place in places - {"..", "__pycache__"}:
            link = beside / place
            if not link.exists():
                link.symlink_to(distribution.locate_file(place))
    (folder / "fastdata-demo").symlink_to(warehouse)
    environment = {"PYTHONPATH": f"{PACKAGE}{os.pathsep}{beside}", "XDG_CONFIG_HOME": "/nonexistent"}
    return subprocess.run([interpreter, "-s", "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.skipif(not PACKAGE, reason="no package that is built")
def test_nothing_but_the_package(interpreter, warehouse, tmp_path):
    code = examples("README.md")
    assert HAND_OVER in code
    others = "import importlib.util\nassert not any(map(importlib.util.find_spec, ['numpy', 'polars', 'pandas', 'pyarrow']))\n"
    rows = "\nassert 0 < dear.num_rows < day.num_rows and rows.num_rows > 0\nprint('well')\n"
    done = run(interpreter, others + code.replace(HAND_OVER, "pass") + rows, tmp_path, warehouse)
    assert done.returncode == 0 and done.stdout.endswith("well\n"), done.stderr


@pytest.mark.skipif(not PACKAGE, reason="no package that is built")
@pytest.mark.parametrize("library", VALUES)
def test_one_library_beside_it(interpreter, warehouse, tmp_path, library):
    code = examples("README.md").replace("to_polars()", f"to_{library}()")
    others = [other for other in VALUES if other != library]
    alone = f"import importlib.util\nassert not any(map(importlib.util.find_spec, {others}))\n"
    same = f"\nassert len(frame) == dear.num_rows > 0 and {VALUES[library]} == dear['price'].to_list()\nprint('well')\n"
    done = run(interpreter, alone + code + same, tmp_path, warehouse, library)
    assert done.returncode == 0 and done.stdout.endswith("well\n"), done.stderr
