"""What notebooks show: plain HTML without scripts, in the colours of the page around it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastdata import DataFrame, Scan, Schema, Table

ROWS_SHOWN = 10
COLUMNS_SHOWN = 30
CELL_CHARACTERS = 80

# `currentColor` and transparency follow the theme, light or dark.
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_LINE = "border-bottom:1px solid color-mix(in srgb, currentColor 25%, transparent)"
_CELL = "padding:2px 8px;white-space:pre;vertical-align:top"
_FAINT = "opacity:.65;font-size:85%"


def text(words: str) -> str:
    return f"<pre>{escape(words)}</pre>"


def frame(frame: DataFrame) -> str:
    rows = frame.num_rows
    shown = frame.head(ROWS_SHOWN)
    names = frame.columns[:COLUMNS_SHOWN]
    types = frame.schema.types[:COLUMNS_SHOWN]
    hidden = frame.num_columns - len(names)
    head = "".join(
        f'<th style="{_CELL};{_LINE};text-align:{_align(kind)}">{escape(_cut(name))}<br><span style="{_FAINT};font-weight:normal">{escape(_cut(kind))}</span></th>'
        for name, kind in zip(names, types)
    )
    body = "".join("<tr>" + "".join(_cell(value, kind) for value, kind in zip(row, types)) + "</tr>" for row in shown._cells(ROWS_SHOWN))
    more = f", {len(names)} shown" if hidden else ""
    note = f"{rows:,} rows{f', {ROWS_SHOWN} shown' if rows > ROWS_SHOWN else ''} · {frame.num_columns} columns{more} · {_size(frame.nbytes)}"
    return f'<div style="overflow-x:auto"><table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p style="{_FAINT};margin:4px 8px">{note}</p></div>'


def scan(scan: Scan) -> str:
    return f"<div>{text(repr(scan)[1:-1])}{_columns(scan.schema)}</div>"


def table(table: Table) -> str:
    """Names, types and partitions; no word about a source that cannot be reached just for showing it."""
    head = escape(", ".join(table.sources))
    try:
        columns, partitions = _columns(table.schema), table.partition_columns
    except Exception as error:
        return f"<div><b>{head}</b><pre>{escape(str(error))}</pre></div>"
    by = f'<p style="{_FAINT};margin:4px 8px">partitioned by {escape(", ".join(partitions))}</p>' if partitions else ""
    return f"<div><b>{head}</b>{columns}{by}</div>"


def _columns(schema: Schema) -> str:
    rows = "".join(
        f'<tr><td style="{_CELL};{_LINE};text-align:left">{escape(_cut(name))}</td><td style="{_CELL};{_LINE};text-align:left"><span style="{_FAINT}">{escape(_cut(kind))}</span></td></tr>'
        for name, kind in zip(schema.names, schema.types)
    )
    return f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>'


def _cell(value: str, kind: str) -> str:
    faint = ";opacity:.5" if value == "NULL" else ""
    return f'<td style="{_CELL};{_LINE};text-align:{_align(kind)}{faint}">{escape(_cut(value))}</td>'


def _align(kind: str) -> str:
    return "right" if kind.startswith(("Int", "UInt", "Float", "Decimal")) else "left"


def _cut(value: str) -> str:
    return value if len(value) <= CELL_CHARACTERS else value[: CELL_CHARACTERS - 1] + "…"


def _size(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"
