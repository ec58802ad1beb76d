"""The bar of a scan that takes long: on stderr, when that is a terminal and nobody has turned it off."""

import os
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import command

ROWS = 500_000


@pytest.fixture
def file(tmp_path):
    """More rows than a pipe holds: who scans it waits for its reader."""
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": range(ROWS)}), path)
    return path


class Scan:
    """A running scan whose stdout is a pipe and whose stderr is a terminal or a pipe."""

    def __init__(self, file, *args, terminal=True, env=None):
        self.screen, theirs = os.openpty() if terminal else os.pipe()
        env = command.environment({"TERM": "xterm", **(env or {})})
        words = [command.BINARY, "scan", str(file), "-f", "ndjson", *args]
        self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, env=env)
        os.close(theirs)

    def first_drawn(self):
        """Waits until something is drawn. Nothing ever drawn is an empty text when the scan has ended."""
        try:
            return os.read(self.screen, 1 << 16)
        except OSError:
            # Linux's answer when nobody holds the other side of a terminal any more.
            return b""

    def finish(self):
        """The rows on stdout and all that was still drawn."""
        rows = self.child.stdout.read().count(b"\n")
        drawn = b""
        while part := self.first_drawn():
            drawn += part
        os.close(self.screen)
        assert self.child.wait() == 0, drawn
        return rows, drawn


def test_the_bar_is_drawn_on_a_terminal_only(file):
    quiet = [
        Scan(file, terminal=False),
        Scan(file, "--no-progress"),
        Scan(file, env={"FASTDATA_NO_PROGRESS": "true"}),
    ]
    shown = Scan(file)
    # By the time that this one has drawn its bar, the others, begun before it, would have drawn theirs.
    assert "0 B/" in shown.first_drawn().decode()
    rows, drawn = shown.finish()
    assert rows == ROWS
    # Its last line was wiped out.
    _, left, end = drawn.rpartition(b"left")
    assert left and b"\x1b[2K" in end, drawn[-200:]
    for scan in quiet:
        assert scan.finish() == (ROWS, b"")
