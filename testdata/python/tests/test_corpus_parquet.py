"""Parquet files of other people's programs: pyarrow's values, a named refusal, or an error; never a crash."""

import pathlib

import pyarrow.parquet as pq
import pytest

import command

FOLDER = command.CORPORA / "parquet"
HOSTILE = ("bad_data", "fuzzing", "encoding-fuzzing")

# Files that must be refused, by the end of their path: the exit code and the reason.
REFUSED = {
    "datapage_v1-corrupt-checksum.parquet": (6, "the checksum of a page is wrong; pyarrow looks at checksums only when asked"),
    "rle-dict-uncompressed-corrupt-checksum.parquet": (6, "the checksum of a page is wrong"),
    "int96_from_spark.parquet": (9, "years that 64 bits of nanoseconds cannot hold; pyarrow wraps them around"),
    "large_string_map.brotli.parquet": (7, "one page of 1 GiB, over the limit of 256 MiB"),
}
# Files that pyarrow cannot read and we can: how many rows they hold, from the corpus's own notes.
BEYOND_PYARROW = {"incorrect_map_schema.parquet": 1}


def files():
    if not FOLDER.is_dir():
        return [], []
    sound, hostile = [], []
    for path in sorted(FOLDER.rglob("*")):
        if not path.is_file() or path.suffix in (".md", ".json", ".txt", ".csv", ".proto", ".yaml", ".snappy"):
            continue
        if HOSTILE[0] in path.parts or HOSTILE[1] in path.parts or HOSTILE[2] in path.parts:
            hostile.append(path)
        elif path.read_bytes()[:4] in (b"PAR1", b"PARE"):
            sound.append(path)
    return sound, hostile


SOUND, HOSTILE_FILES = files()


def name(path):
    return str(pathlib.PurePath(path).relative_to(FOLDER))


def oracle(path):
    """pyarrow's table, or why it has none."""
    try:
        return pq.ParquetFile(path).read(), None
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def known(table, path):
    return next((value for end, value in table.items() if name(path).endswith(end)), None)


def test_the_corpus_is_there():
    if not FOLDER.is_dir():
        pytest.skip(f"SKIPPED: no corpus at {FOLDER.name}: the files of other programs were not read")
    assert len(SOUND) > 200 and len(HOSTILE_FILES) > 50


@pytest.mark.parametrize("path", SOUND, ids=name)
def test_file(path):
    outcome = command.scan(path, cpu_seconds=30)
    expected_refusal = known(REFUSED, path)
    if expected_refusal:
        exit_code, _ = expected_refusal
        assert outcome.exit == exit_code, f"must end with {exit_code}, {outcome.failure()}"
        return
    wanted, reason = oracle(path)
    if wanted is None:
        rows = known(BEYOND_PYARROW, path)
        if rows is None:
            assert outcome.exit in (6, 9), f"pyarrow: {reason}; we: {outcome.failure()}"
        else:
            assert command.table_of(outcome).num_rows == rows
        return
    got = command.table_of(outcome)
    assert got.column_names == wanted.column_names
    assert got.num_rows == wanted.num_rows
    for index, column in enumerate(got.column_names):
        ours = command.values(got.column(index), "nanos")
        theirs = command.values(wanted.column(index), "nanos")
        if ours != theirs:
            at = next(i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1])
            types = f"{got.schema.field(index).type} / {wanted.schema.field(index).type}"
            pytest.fail(f"column {column} ({types}) row {at}: {str(ours[at])[:300]} for {str(theirs[at])[:300]}")


@pytest.mark.parametrize("path", HOSTILE_FILES, ids=name)
def test_hostile_file(path):
    """Data or an error, in bounded time and memory."""
    outcome = command.scan(path, cpu_seconds=command.CPU_SECONDS)
    assert outcome.exit in (0, 6, 7, 9), outcome.failure()
    assert outcome.rss_bytes < command.MEMORY_BYTES, f"{outcome.rss_bytes >> 20} MiB"
    if outcome.exit == 0:
        command.table_of(outcome)
    else:
        assert len(outcome.err.strip().splitlines()) == 1, outcome.err
