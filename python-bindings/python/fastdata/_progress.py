"""How far a scan is: in terminals, in notebooks, or told to a function."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

#: Scans that are shorter show nothing.
FIRST_DRAW_SECONDS = 0.3


class Progress:
    """One look at a running scan."""

    __slots__ = ("bytes_expected", "bytes_fetched", "files_done", "files_planned", "rows", "seconds")

    def __init__(self, bytes_fetched: int, bytes_expected: int | None, files_done: int, files_planned: int, rows: int, seconds: float) -> None:
        self.bytes_fetched = bytes_fetched
        #: None while planning goes on.
        self.bytes_expected = bytes_expected
        self.files_done = files_done
        self.files_planned = files_planned
        self.rows = rows
        self.seconds = seconds

    def __str__(self) -> str:
        # Footers and what lies between two ranges are fetched too, so that small files come to more.
        total = f"/{_size(self.bytes_expected)}" if self.bytes_expected and self.bytes_expected >= self.bytes_fetched else ""
        more = "" if self.bytes_expected is not None else "+"
        rate = _size(self.bytes_fetched / self.seconds) if self.seconds else "0 B"
        return f"{_size(self.bytes_fetched)}{total} · {rate}/s · {self.files_done} of {self.files_planned}{more} files · {self.rows} rows"


class _Reporter:
    def __init__(self, show: Callable[[Progress], object], end: Callable[[], object]) -> None:
        self.started = time.monotonic()
        self.show, self.end = show, end

    def update(self, bytes_fetched: int, bytes_expected: int | None, files_done: int, files_planned: int, rows: int) -> None:
        seconds = time.monotonic() - self.started
        self.show(Progress(bytes_fetched, bytes_expected, files_done, files_planned, rows, seconds))

    def close(self) -> None:
        self.end()


def reporter(progress: bool | Callable[[Progress], object] | None) -> _Reporter | None:
    if callable(progress):
        return _Reporter(progress, lambda: None)
    if progress is False:
        return None
    notebook = _notebook()
    if notebook is not None:
        return notebook if progress else None
    # Somebody sits at a prompt; scripts stay quiet unless they ask, and files and pipes get no drawings.
    if (progress or hasattr(sys, "ps1")) and sys.stderr is not None and sys.stderr.isatty():
        return _terminal()
    return None


def _terminal() -> _Reporter:
    drawn = False

    def show(now: Progress) -> None:
        nonlocal drawn
        if now.seconds >= FIRST_DRAW_SECONDS:
            drawn = True
            print(f"\r\x1b[K{now}", end="", file=sys.stderr, flush=True)

    def end() -> None:
        if drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return _Reporter(show, end)


def _notebook() -> _Reporter | None:
    """A display that is updated in place, where IPython runs a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    handle: Any = None

    def show(now: Progress) -> None:
        nonlocal handle
        if now.seconds < FIRST_DRAW_SECONDS:
            return
        data = {"text/plain": str(now)}
        if handle is None:
            display: Any = importlib.import_module("IPython.display")
            handle = display.display(data, raw=True, display_id=True)
        else:
            handle.update(data, raw=True)

    def end() -> None:
        if handle is not None:
            handle.update({"text/plain": ""}, raw=True)

    return _Reporter(show, end)


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} TiB"
