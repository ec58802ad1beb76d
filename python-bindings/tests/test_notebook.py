"""docs/python.ipynb runs in a real kernel, and what it shows is looked at."""

import os

import nbformat
from nbclient import NotebookClient

from conftest import ROOT


def test_notebook_runs_and_shows_frames(warehouse, tmp_path):
    (tmp_path / "fastdata-demo").symlink_to(warehouse)
    notebook = nbformat.read(ROOT / "docs/python.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute(env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")})
    shown = [output["data"] for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == "execute_result"]
    table, day, dear, plan, rows, height, means, same = shown
    assert "partitioned by event_date" in table["text/html"]
    frame = day["text/html"]
    assert frame.count("<tr>") == 11 and "10 shown" in frame and "<script" not in frame and "event_time" in frame
    assert "user_id" in dear["text/html"] and dear["text/html"].count("<th ") == 3
    assert plan["text/html"].startswith("<pre>scan ")
    assert int(rows["text/plain"]) > 0 and int(height["text/plain"]) > 1
    assert means["text/plain"].startswith("[(") and same["text/plain"] == "True"


PROGRESS = """
import fastdata as fd, fastdata._progress, IPython
fastdata._progress.FIRST_DRAW_SECONDS = 0
publisher = IPython.get_ipython().display_pub
seen, publish = [], publisher.publish
def watched(data, *arguments, **options):
    seen.append((data["text/plain"], options.get("update", False)))
    return publish(data, *arguments, **options)
publisher.publish = watched
table = fd.Table("shop.events", warehouse="fastdata-demo")
rows = table.get_all(progress=True).num_rows
first, *others, last = seen
assert not first[1] and all(update for _, update in [*others, last]), seen
assert f"{rows} rows" in (others or [first])[-1][0] and last[0] == "", seen
seen.clear()
table.get_all(), table.get_all(progress=False)
assert seen == [], seen
"""


def test_progress_is_updated_in_place(warehouse, tmp_path):
    (tmp_path / "fastdata-demo").symlink_to(warehouse)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROGRESS)])
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute(env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")})
    [output] = notebook.cells[0].outputs
    assert output.output_type == "display_data" and output.data == {"text/plain": ""}
