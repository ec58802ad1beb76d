"""Conditions of Polars in the syntax of `where`.

Polars tests every row again, so what has no translation is left out: the answer may let more rows
through, never fewer. Only columns and values of one kind are compared: where Polars would convert
one of them first, its rounding is not ours.
"""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

_COMPARISONS = {"Eq": "=", "NotEq": "<>", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">="}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_EPOCH = datetime.datetime(1970, 1, 1)


class _Untranslated(Exception):
    """A part that has no counterpart."""


def condition(predicate: Any, schema: Any) -> str | None:
    """As much of `predicate` as can be said, or None."""
    try:
        tree = json.loads(predicate.meta.serialize(format="json"))
    except Exception:
        # The form of Polars' trees is its own affair and may change.
        return None
    return _weaker(tree, {name: _kind(dtype) for name, dtype in schema.items()})


def _weaker(tree: Any, kinds: dict[str, str]) -> str | None:
    """A condition that holds wherever `tree` does."""
    match tree:
        case {"BinaryExpr": {"left": left, "op": "And" | "LogicalAnd", "right": right}}:
            parts = [part for part in (_weaker(left, kinds), _weaker(right, kinds)) if part is not None]
            return " and ".join(f"({part})" for part in parts) or None
    try:
        return _exact(tree, kinds)
    except _Untranslated:
        return None


def _exact(tree: Any, kinds: dict[str, str]) -> str:
    match tree:
        case {"BinaryExpr": {"left": left, "op": "And" | "LogicalAnd", "right": right}}:
            return f"({_exact(left, kinds)}) and ({_exact(right, kinds)})"
        case {"BinaryExpr": {"left": left, "op": "Or" | "LogicalOr", "right": right}}:
            return f"({_exact(left, kinds)}) or ({_exact(right, kinds)})"
        case {"BinaryExpr": {"left": {"Column": name}, "op": op, "right": {"Literal": literal}}} if op in _COMPARISONS:
            return f"{_name(name, kinds)} {_COMPARISONS[op]} {_literal(literal, kinds[name])}"
        case {"BinaryExpr": {"left": {"Literal": literal}, "op": op, "right": {"Column": name}}} if op in _COMPARISONS:
            return f"{_name(name, kinds)} {_MIRRORED[_COMPARISONS[op]]} {_literal(literal, kinds[name])}"
        case {"Function": {"input": [{"Column": name}], "function": {"Boolean": "IsNull"}}}:
            return f"{_name(name, kinds)} is null"
        case {"Function": {"input": [{"Column": name}], "function": {"Boolean": "IsNotNull"}}}:
            return f"{_name(name, kinds)} is not null"
        case {"Function": {"input": [part], "function": {"Boolean": "Not"}}}:
            return f"not ({_exact(part, kinds)})"
        case {"Function": {"input": [{"Column": name}, {"Literal": low}, {"Literal": high}], "function": {"Boolean": {"IsBetween": {"closed": closed}}}}}:
            above = ">=" if closed in ("Both", "Left") else ">"
            below = "<=" if closed in ("Both", "Right") else "<"
            column = _name(name, kinds)
            return f"{column} {above} {_literal(low, kinds[name])} and {column} {below} {_literal(high, kinds[name])}"
        case {"Function": {"input": [{"Column": name}, {"Literal": {"Scalar": {"String": prefix}}}], "function": {"StringExpr": "StartsWith"}}}:
            # The characters of patterns would mean something else in one.
            if kinds.get(name) == "text" and not set(prefix) & set("%_\\"):
                return f"{_name(name, kinds)} like {_quoted(prefix + '%')}"
    raise _Untranslated


def _kind(dtype: Any) -> str:
    name = str(dtype)
    if name.startswith(("Int", "UInt")):
        return "integer"
    if name.startswith("Datetime"):
        return "instant" if "time_zone=None" in name else "other"
    return {"Float64": "float", "String": "text", "Boolean": "flag", "Date": "date"}.get(name, "other")


def _name(name: str, kinds: dict[str, str]) -> str:
    if name not in kinds:
        raise _Untranslated
    return '"' + name.replace('"', '""') + '"'


def _literal(literal: Any, kind: str) -> str:
    """A value of the column's kind."""
    match literal:
        case {"Dyn": value} | {"Scalar": value} if isinstance(value, dict) and len(value) == 1:
            [(written, held)] = value.items()
        case _:
            raise _Untranslated
    if written.startswith(("Int", "UInt")) and type(held) is int:
        if kind == "integer" or (kind == "float" and abs(held) < 2**53):
            return str(held)
    elif (kind, written) in (("float", "Float"), ("float", "Float64")) and type(held) is float and math.isfinite(held):
        return repr(held)
    elif (kind, written) in (("text", "Str"), ("text", "String")):
        return _quoted(held)
    elif (kind, written) == ("flag", "Boolean"):
        return "true" if held else "false"
    elif (kind, written) == ("date", "Date"):
        return f"date '{_instant(held * 86_400_000_000).date().isoformat()}'"
    elif (kind, written) == ("instant", "Datetime"):
        ticks, unit, zone = held
        if zone is None and unit in ("Microseconds", "Milliseconds"):
            return f"timestamp '{_instant(ticks * (1000 if unit == 'Milliseconds' else 1)).isoformat(sep=' ')}'"
    raise _Untranslated


def _instant(micros: int) -> datetime.datetime:
    try:
        return _EPOCH + datetime.timedelta(microseconds=micros)
    except OverflowError:
        raise _Untranslated from None


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
