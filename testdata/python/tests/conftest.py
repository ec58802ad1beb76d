"""Where things are: the command, the committed tables, the corpora beside the project."""

import os
import pathlib
import sys

ROOT = pathlib.Path(os.environ.get("FASTDATA_ROOT") or pathlib.Path(__file__).resolve().parents[3])
sys.path.insert(0, str(ROOT / "testdata" / "generators"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))


def pytest_configure(config):
    command = os.environ.get("FASTDATA_BIN")
    if not command or not os.access(command, os.X_OK):
        sys.exit(f"FASTDATA_BIN must name the built command, not {command!r}")
