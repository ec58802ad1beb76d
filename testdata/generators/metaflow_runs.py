"""Runs two flows with the Metaflow of the interpreter that runs this, and keeps what they leave: testdata/runs/metaflow-<version>.tar.gz.

For versions from 2.2 on: `python -m venv old && old/bin/pip install metaflow==2.2.0 'setuptools<70'`, then `old/bin/python metaflow_runs.py`.
"""

import importlib.metadata
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FLOWS = HERE.parent / "python/tests/metaflow_flows.py"


def main():
    version = importlib.metadata.version("metaflow")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # A copy, so that no path of a checkout gets into the runs.
        for name in (FLOWS.name, "metaflow_probe.py"):
            (folder / name).write_bytes(FLOWS.with_name(name).read_bytes())
        known = {"PATH": os.environ["PATH"], "METAFLOW_USER": "test", "HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
        for flow in ("Linear", "Foreach"):
            subprocess.run([sys.executable, FLOWS.name, "run"], cwd=folder, check=True, env=known | {"FLOW": flow})
        target = HERE.parent / "runs" / f"metaflow-{version}.tar.gz"
        target.parent.mkdir(exist_ok=True)
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted((folder / ".metaflow").rglob("*")):
                if path.is_file():
                    entry = tarfile.TarInfo(str(path.relative_to(folder)))
                    content = path.read_bytes()
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))


main()
