"""The answers that come with the corpora, value by value: hyparquet's rows, Apache's tables of text, Iceberg's variants."""

import csv
import io
import json
import math
import re
import struct

import pytest

import command

ROWS = command.CORPORA / "parquet" / "hyparquet" / "files"
APACHE = command.CORPORA / "parquet" / "parquet-testing"
TEXTS = sorted((APACHE / "data").glob("*_expect.csv"))
# Their answers are variants put together again; we give the parts of a variant as they are stored.
VARIANTS = "shredded-"
FILES = [path for path in sorted(ROWS.glob("*.parquet")) if not path.name.startswith(VARIANTS)]
GEOMETRIES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection")
PLAIN = re.compile(r"Variant\(metadata=.*?, value=Variant\(type=(BOOLEAN_TRUE|BOOLEAN_FALSE|INT\d+|STRING), value=(.*)\)\)")
EXACT_MAX = 1 << 53


def name(path):
    return path.name


def test_the_answers_are_there():
    if not ROWS.is_dir() or not APACHE.is_dir():
        pytest.skip("SKIPPED: no corpus: the answers of other programs were not compared")
    assert len(FILES) > 50 and len(TEXTS) == 4


@pytest.mark.parametrize("path", FILES, ids=name)
def test_rows_as_hyparquet_has_them(path):
    outcome = command.run("scan", path, "-f", "json", "--no-progress")
    assert outcome.exit == 0, outcome.failure()
    got = [list(row.values()) for row in json.loads(outcome.out)]
    wanted = json.loads(path.with_suffix(".json").read_text())
    assert len(got) == len(wanted)
    for at, (ours, theirs) in enumerate(zip(got, wanted)):
        assert same(ours, theirs), f"row {at}: {str(ours)[:400]} for {str(theirs)[:400]}"


def same(ours, theirs):
    """Whether a value of our JSON is one of hyparquet's, which is what JavaScript can hold."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        # A field that is null may be left out.
        return theirs.keys() <= ours.keys() and all(same(value, theirs.get(key)) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, list) or isinstance(ours, dict):
        # Empty lists and structs without values are null there.
        return theirs is None and not any(ours.values() if isinstance(ours, dict) else ours)
    if isinstance(ours, str):
        return ours == theirs or moment(ours, theirs) or bytes_of(ours, theirs)
    if isinstance(ours, bool) or ours is None or isinstance(theirs, bool) or theirs is None:
        return ours is theirs
    if isinstance(ours, int) and isinstance(theirs, int) and abs(theirs) < EXACT_MAX:
        return ours == theirs
    # Numbers of 64 bits, or floats of 32 that are written with the digits of 64.
    return math.isclose(ours, theirs, rel_tol=1e-15) or ours == shortest(theirs)


def shortest(number):
    """The shortest text of a float of 32 bits, as a number."""
    near = struct.unpack("f", struct.pack("f", number))[0]
    return next(short for digits in range(1, 18) if struct.pack("f", short := float(f"{near:.{digits}g}")) == struct.pack("f", near))


def moment(ours, theirs):
    """Whether both are the same time. JavaScript writes six digits of a far year, all of the milliseconds, and always a zone."""
    parts = [re.fullmatch(r"\+?0*(\d+-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z?", text) if isinstance(text, str) else None for text in (ours, theirs)]
    return all(parts) and parts[0][1] == parts[1][1] and (parts[0][2] or "").rstrip("0") == (parts[1][2] or "").rstrip("0")


def bytes_of(ours, theirs):
    """Hexadecimal digits against a text, a list of bytes, a uuid, or the kind of a geometry."""
    if re.fullmatch("([0-9a-f]{2})*", ours) is None:
        return False
    raw = bytes.fromhex(ours)
    if isinstance(theirs, list):
        return list(raw) == theirs
    if isinstance(theirs, dict):
        return GEOMETRIES[int.from_bytes(raw[1:5], "little") % 1000 - 1] == theirs["type"]
    return isinstance(theirs, str) and (raw == theirs.encode() or command.uuid_text(raw) == theirs)


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_rows_as_apache_has_them(path):
    outcome = command.run("scan", path.with_name(path.name.replace("_expect.csv", ".parquet")), "-f", "csv", "--no-progress")
    assert outcome.exit == 0, outcome.failure()
    got = list(csv.reader(io.StringIO(outcome.out.decode())))[1:]
    wanted = list(csv.reader(io.StringIO(path.read_text())))[1:]
    assert len(got) == len(wanted) >= 100
    for at, (ours, theirs) in enumerate(zip(got, wanted)):
        assert ours == theirs, f"row {at}"


def cases():
    """Files of one variant that is a plain value: its kind and its text."""
    file = APACHE / "shredded_variant" / "cases.json"
    for case in json.loads(file.read_text()) if file.is_file() else ():
        plain = PLAIN.fullmatch(case.get("variant", ""))
        if plain and "error_message" not in case:
            yield file.with_name(case["parquet_file"]), *plain.groups()


def test_a_shredded_value_is_in_its_part():
    """A value that was not shredded is in the bytes of `value`, which nobody here decodes."""
    if not APACHE.is_dir():
        pytest.skip("SKIPPED: no corpus: no variants were compared")
    compared = 0
    for path, kind, text in cases():
        outcome = command.run("scan", path, "-f", "json", "--no-progress")
        assert outcome.exit == 0, f"{path.name}: {outcome.failure()}"
        [row] = json.loads(outcome.out)
        part = row["var"].get("typed_value")
        if part is None:
            assert row["var"]["value"], path.name
            continue
        assert row["var"].get("value") is None, path.name
        assert (part if kind == "STRING" else json.dumps(part)) == text, path.name
        compared += 1
    assert compared >= 12
