"""Every Arrow type there and back, with each library that can hold it."""

import datetime
import decimal

import duckdb
import nanoarrow as na
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fastdata as fd

from conftest import run_python

D = datetime.date(2026, 2, 28)
T = datetime.datetime(2026, 2, 28, 23, 59, 59, 123456)
UTC = datetime.timezone.utc

TYPES = {
    "null": (pa.null(), [None, None]),
    "bool": (pa.bool_(), [True, False]),
    **{f"{sign}int{bits}": (getattr(pa, f"{sign}int{bits}")(), [1, 100]) for bits in (8, 16, 32, 64) for sign in ("", "u")},
    "float16": (pa.float16(), [np.float16(1.5), np.float16(-2)]),
    "float32": (pa.float32(), [1.5, -2.0]),
    "float64": (pa.float64(), [1.1, float("inf")]),
    "string": (pa.string(), ["a", "ö" * 40]),
    "large_string": (pa.large_string(), ["a", "ö" * 40]),
    "binary": (pa.binary(), [b"a", b"\0" * 40]),
    "large_binary": (pa.large_binary(), [b"a", b"\0" * 40]),
    "fixed_binary": (pa.binary(3), [b"abc", b"xyz"]),
    "date32": (pa.date32(), [D, datetime.date(1, 1, 1)]),
    "date64": (pa.date64(), [D, datetime.date(9999, 12, 31)]),
    "time32_s": (pa.time32("s"), [datetime.time(1, 2, 3), datetime.time(23, 59, 59)]),
    "time32_ms": (pa.time32("ms"), [datetime.time(1, 2, 3, 4000), datetime.time(23, 59, 59)]),
    "time64_us": (pa.time64("us"), [datetime.time(1, 2, 3, 4), datetime.time(23, 59, 59)]),
    "time64_ns": (pa.time64("ns"), [datetime.time(1, 2, 3, 4), datetime.time(23, 59, 59)]),
    **{f"timestamp_{unit}": (pa.timestamp(unit), [T.replace(microsecond=0), datetime.datetime(1969, 1, 1)]) for unit in ("s", "ms", "us", "ns")},
    "timestamp_utc": (pa.timestamp("us", "UTC"), [T.replace(tzinfo=UTC), datetime.datetime(1900, 1, 1, tzinfo=UTC)]),
    "timestamp_offset": (pa.timestamp("us", "+02:00"), [T.replace(tzinfo=UTC), datetime.datetime(1970, 1, 1, tzinfo=UTC)]),
    "duration_s": (pa.duration("s"), [datetime.timedelta(days=-400), datetime.timedelta(seconds=59)]),
    "duration_ms": (pa.duration("ms"), [datetime.timedelta(days=1, milliseconds=-5), datetime.timedelta(0)]),
    **{f"duration_{unit}": (pa.duration(unit), [datetime.timedelta(days=1, microseconds=5), datetime.timedelta(0)]) for unit in ("us", "ns")},
    "interval": (pa.month_day_nano_interval(), [(14, -15, 3_000_000_000_001), (0, 0, 0)]),
    "decimal128": (pa.decimal128(20, 3), [decimal.Decimal("1.234"), decimal.Decimal("-99999999999999999.999")]),
    "decimal256": (pa.decimal256(50, 2), [decimal.Decimal("1.23"), decimal.Decimal("-4.00")]),
    "list": (pa.list_(pa.int64()), [[1, None], []]),
    "large_list": (pa.large_list(pa.string()), [["a"], ["b", "c"]]),
    "fixed_list": (pa.list_(pa.float32(), 2), [[1.0, 2.0], [3.0, 4.0]]),
    "struct": (pa.struct([("p", pa.int32()), ("q", pa.list_(pa.string()))]), [{"p": 1, "q": ["x"]}, {"p": None, "q": None}]),
    "map": (pa.map_(pa.string(), pa.int32()), [[("a", 1)], [("b", None), ("c", 3)]]),
    **{f"runs_{bits}": (pa.run_end_encoded(getattr(pa, f"int{bits}")(), pa.string()), ["a", "a"]) for bits in (16, 32, 64)},
    **{f"union_{mode}": (pa.union([pa.field("0", pa.int64()), pa.field("1", pa.string())], mode), [7, "ö" * 40]) for mode in ("sparse", "dense")},
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", "b"]),
    "nested": (pa.list_(pa.struct([("x", pa.map_(pa.int32(), pa.list_(pa.bool_())))])), [[{"x": [(1, [True])]}], [None, {"x": None}]]),
}
# Older pyarrow has no views, and no small decimals.
if hasattr(pa, "string_view"):
    TYPES["string_view"] = (pa.string_view(), ["a", "ö" * 40])
    TYPES["binary_view"] = (pa.binary_view(), [b"a", b"\0" * 40])
if hasattr(pa, "list_view"):
    TYPES["list_view"] = (pa.list_view(pa.int64()), [[1, None], []])
    TYPES["large_list_view"] = (pa.large_list_view(pa.string()), [["a"], ["b", "c"]])
if hasattr(pa, "decimal32"):
    TYPES["decimal32"] = (pa.decimal32(9, 2), [decimal.Decimal("1.23"), decimal.Decimal("-9999999.99")])
    TYPES["decimal64"] = (pa.decimal64(18, 3), [decimal.Decimal("1.234"), decimal.Decimal("-999999999999999.999")])


def table_of(name):
    kind, values = TYPES[name]
    return pa.table({"c": pa.chunked_array([array_of([*values, None], kind), array_of([], kind), array_of([None, *reversed(values)], kind)])})


def array_of(values, kind):
    """`pa.array`, for unions of numbers and texts too; null is a number there."""
    if not pa.types.is_union(kind):
        return pa.array(values, kind)
    codes = pa.array([int(isinstance(value, str)) for value in values], pa.int8())
    if kind.mode == "sparse":
        children = [[value if code == child else None for value, code in zip(values, codes.to_pylist())] for child in (0, 1)]
    else:
        children = [[value for value, code in zip(values, codes.to_pylist()) if code == child] for child in (0, 1)]
    children = [pa.array(children[0], pa.int64()), pa.array(children[1], pa.string())]
    if kind.mode == "sparse":
        return pa.UnionArray.from_sparse(codes, children)
    seen = [0, 0]
    offsets = []
    for code in codes.to_pylist():
        offsets.append(seen[code])
        seen[code] += 1
    return pa.UnionArray.from_dense(codes, pa.array(offsets, pa.int32()), children)


@pytest.mark.parametrize("name", TYPES)
def test_pyarrow(name):
    table = table_of(name)
    frame = fd.DataFrame(table)
    again = pa.table(frame)
    assert again.schema.field("c").type == table.schema.field("c").type
    assert again.to_pylist() == table.to_pylist()
    # Older pyarrow takes other rows for slices of its own unions.
    assert pa.table(frame[1:5]).to_pylist() == table.to_pylist()[1:5]
    assert pa.chunked_array(frame["c"]).to_pylist() == table["c"].to_pylist()
    batch = frame.batches()[0]
    assert pa.record_batch(batch).to_pylist() == table[:3].to_pylist()
    positions = [5, 0, 2, 2]
    rows = table.to_pylist()
    assert pa.table(frame.take(positions)).to_pylist() == [rows[row] for row in positions]
    mask = [True, False, True, False, True, True]
    assert pa.table(frame.take(mask)).to_pylist() == [row for row, kept in zip(rows, mask) if kept]
    assert fd.DataFrame.from_ipc(frame.to_ipc()).equals(frame)


@pytest.mark.parametrize("name", TYPES)
def test_python_values(name):
    table = table_of(name)
    frame = fd.DataFrame(table)
    expected = [value.as_py() for value in table["c"]]
    assert frame["c"].to_list() == expected
    assert [frame["c"][row] for row in range(6)] == expected
    assert frame[1:5]["c"].to_list() == expected[1:5]
    assert frame.to_dicts() == table.to_pylist()


def test_values_of_runs_and_intervals():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3, 7], pa.int32()), pa.array([1.5, None, 2.5]))
    column = fd.Column(runs)
    assert column.to_list() == [1.5, 1.5, None, 2.5, 2.5, 2.5, 2.5]
    assert column.to_numpy().tolist() == column.to_list()
    # pyarrow makes no intervals of months.
    months = na.c_array_from_buffers(na.Schema(na.Type.INTERVAL_MONTHS), 3, [b"\x05", np.array([14, 0, -1], "int32")])
    assert fd.Column(months).to_list() == [14, None, -1]
    intervals = fd.Column(pa.array([(1, 2, 3), (-1, 0, -(10**18))], pa.month_day_nano_interval()))
    assert intervals.to_list() == [(1, 2, 3), (-1, 0, -(10**18))] and intervals.to_numpy().tolist() == intervals.to_list()


class Stream:
    """A table that shows nothing of itself but the stream, as our frames do."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("name", TYPES)
def test_polars(name):
    if name == "float16" and not hasattr(pl, "Float16"):
        pytest.skip("this Polars has no float16, and takes its bytes for something else")
    table = table_of(name)
    if name in ("decimal32", "decimal64"):
        # Polars 2.1 takes the bytes of these for wider numbers, and reads beyond them.
        with pytest.raises(fd.UnsupportedError, match="(?i)" + name):
            fd.DataFrame(table).to_polars()
        with pytest.raises(fd.UnsupportedError, match="(?i)" + name):
            fd.DataFrame({"c": pa.array([table["c"].to_pylist()], pa.list_(table["c"].type))}).to_lazy()
        return
    try:
        direct = pl.DataFrame(Stream(table))
    except (Exception, pl.exceptions.PanicException) as error:
        pytest.skip(f"Polars itself: {error}")
    frame = fd.DataFrame(table)
    assert same(frame.to_polars(), direct)
    assert same(pl.DataFrame(frame.batches()[0]), direct[:3])
    assert pl.Series(frame["c"]).to_list() == direct["c"].to_list()
    assert same(fd.DataFrame(direct).to_polars(), direct)


def same(ours, theirs):
    """`equals` of older versions cannot compare categories of different origin."""
    return ours.schema == theirs.schema and ours.to_dict(as_series=False) == theirs.to_dict(as_series=False)


@pytest.mark.parametrize("name", TYPES)
def test_duckdb(name):
    theirs = table_of(name)
    frame = fd.DataFrame(theirs)
    with duckdb.connect() as connection:
        try:
            expected = connection.sql("select * from theirs").fetchall()
        except duckdb.Error as error:
            pytest.skip(f"DuckDB itself: {error}")
        if name.startswith("runs") and expected != [("a",), ("a",), (None,), (None,), ("a",), ("a",)]:
            pytest.skip("this DuckDB takes other bytes for the values of runs")
        assert connection.sql("select * from frame").fetchall() == expected
        assert connection.sql("select count(*) from frame").fetchall() == [(6,)]
        back = fd.DataFrame(connection.sql("select * from frame"))
        assert connection.sql("select * from back").fetchall() == expected
        assert pa.table(back).to_pylist() == pa.table(connection.sql("select * from frame")).to_pylist()


@pytest.mark.parametrize("name", TYPES)
def test_nanoarrow(name):
    table = table_of(name)
    frame = fd.DataFrame(table)
    theirs = na.ArrayStream(table).read_all()
    ours = na.ArrayStream(frame).read_all()
    assert len(ours) == 6
    if name in ("string_view", "binary_view"):
        # It cannot hand these on, pyarrow's own neither: its process ends.
        return
    assert pa.table(fd.DataFrame(ours)).equals(table)
    assert pa.schema(ours.schema).equals(pa.schema(theirs.schema))
    try:
        expected = theirs.to_pylist()
    except Exception:
        # Its Python values are not made of these; the arrays are.
        return
    assert ours.to_pylist() == expected


@pytest.mark.parametrize("name", TYPES)
def test_pandas(name):
    table = table_of(name)
    try:
        direct = table.to_pandas()
    except Exception as error:
        pytest.skip(f"pyarrow itself: {error}")
    ours = fd.DataFrame(table).to_pandas()
    assert ours["c"].map(str).tolist() == direct["c"].map(str).tolist()
    try:
        expected = pa.Table.from_pandas(direct, preserve_index=False)
    except pa.ArrowException as error:
        pytest.skip(f"pyarrow itself, on the way back: {error}")
    again = fd.DataFrame(direct)
    assert again.columns == ["c"]
    assert pa.table(again).to_pylist() == expected.to_pylist()


def test_requested_schema_changes_the_layout_only():
    frame = fd.DataFrame(pa.table({"s": pa.array(["a", None], pa.string_view()), "n": [1, 2]}))
    wanted = pa.schema([("s", pa.large_string()), ("n", pa.string())])
    reader = pa.RecordBatchReader.from_stream(frame, schema=None)
    assert reader.schema.field("s").type == pa.string_view()
    capsule = frame.__arrow_c_stream__(wanted.__arrow_c_schema__())
    table = pa.RecordBatchReader._import_from_c_capsule(capsule).read_all()
    assert table.schema.field("s").type == pa.large_string() and table.schema.field("n").type == pa.int64()
    assert table.to_pylist() == pa.table(frame).to_pylist()


def test_streams_are_fresh_each_time_and_work_once():
    frame = fd.DataFrame({"n": [1, 2, 3]})
    assert pa.table(frame).equals(pa.table(frame))
    capsule = frame.__arrow_c_stream__()
    assert fd.DataFrame(capsule).num_rows == 3
    with pytest.raises(ValueError, match="taken already"):
        fd.DataFrame(capsule)


def test_memory_is_shared_not_copied():
    rows = 1 << 20
    frame = fd.DataFrame({"n": np.arange(rows)})
    view = memoryview(frame["n"].to_memory())
    assert view.readonly and view.format == "q" and view.shape == (rows,)
    one, other = frame["n"].to_numpy(), frame["n"].to_numpy()
    assert one.ctypes.data == other.ctypes.data and not one.flags.writeable
    assert np.from_dlpack(frame["n"]).ctypes.data == one.ctypes.data
    assert np.asarray(frame["n"]).ctypes.data == one.ctypes.data
    polars = frame.to_polars()
    assert polars["n"].to_numpy(allow_copy=False).ctypes.data == one.ctypes.data
    arrow = pa.table(frame)["n"].chunk(0)
    assert arrow.buffers()[1].address == one.ctypes.data
    assert frame[5:]["n"].to_numpy().ctypes.data == one.ctypes.data + 40
    del frame, view, other, polars, arrow
    assert one[-1] == rows - 1


def test_polars_shares_every_buffer():
    """In several chunks, with nulls and texts, too: what Polars holds lies where our values do."""

    def part(seed, rows=5000):
        rng = np.random.default_rng(seed)
        absent = rng.random(rows) < 0.2
        texts = [None if null else f"{number} and a longer text" for number, null in enumerate(absent)]
        columns = {
            "i": rng.integers(0, 9, rows),
            "n": pa.array(rng.integers(0, 9, rows).astype("int32"), mask=absent),
            "f": rng.random(rows),
            "t": pa.array(rng.integers(0, 10**15, rows), pa.timestamp("us"), mask=absent),
            "b": pa.array([None if null else number % 3 == 0 for number, null in enumerate(absent)]),
            "s": pa.array(texts, pa.string_view()),
            "l": pa.array([None if null else [1, 2] for null in absent], pa.large_list(pa.int64())),
        }
        return fd.DataFrame(pa.table(columns)), fd.DataFrame(pa.table({"o": pa.array(texts, pa.large_string())}))

    def buffers(column):
        return [[buffer and buffer.address for buffer in chunk.buffers()] for chunk in pa.chunked_array(column).chunks]

    parts = [part(seed) for seed in range(3)]
    for chunks in (1, 3):
        frame = fd.concat([both[0] for both in parts[:chunks]])
        polars = frame.to_polars()
        # Column by column: asked for its rows as one stream, Polars makes one chunk of each column first.
        for name in frame.columns:
            assert len(buffers(frame[name])) == chunks
            assert buffers(polars[name]) == buffers(frame[name]), name
        assert polars.to_dicts() == pa.table(frame).to_pylist()
        # Polars has views of texts behind offsets; the bytes stay where they are.
        texts = fd.concat([both[1] for both in parts[:chunks]])
        for ours, theirs in zip(buffers(texts["o"]), buffers(texts.to_polars()["o"]), strict=True):
            assert ours[-1] in theirs


def test_numpy_values():
    table = pa.table(
        {
            "b": [True, False, True],
            "f": pa.array([1.5, None, 2.5]),
            "i": pa.array([1, None, 3]),
            "d": pa.array([D, D, D]),
            "t": pa.array([T, None, T]),
            "u": pa.array([T, T, T], pa.timestamp("us", "UTC")),
            "s": ["a", None, "c"],
            "l": [[1.0, 2.0], [], [3.0]],
            "x": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int8(), 2)),
        }
    )
    frame = fd.DataFrame(table)
    arrays = frame.to_numpy()
    assert arrays["b"].dtype == bool and arrays["b"].tolist() == [True, False, True]
    assert np.isnan(arrays["f"][1]) and arrays["f"][2] == 2.5
    assert arrays["i"].tolist() == [1, None, 3] and arrays["s"].tolist() == ["a", None, "c"]
    assert arrays["d"].dtype == "datetime64[D]" and arrays["d"][0].item() == D
    assert arrays["t"][0].item() == T and np.isnat(arrays["t"][1]) and arrays["u"][0].item() == T
    assert arrays["l"].tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]]
    assert arrays["x"].dtype == np.int8 and arrays["x"].shape == (3, 2)
    assert frame["l"].to_numpy(width=1, pad=-1).tolist() == [[1.0], [-1.0], [3.0]]
    assert np.asarray(frame["x"].to_tensor()).tolist() == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(ValueError, match="null"):
        frame["i"].to_memory()
    with pytest.raises(ValueError, match="not a list"):
        frame["i"].to_tensor()
    nulls = fd.DataFrame(pa.table({"l": [[1, None], None]}))
    with pytest.raises(ValueError, match="null in row 0"):
        nulls["l"].to_numpy()
    assert nulls["l"].to_numpy(null=7, pad=9).tolist() == [[1, 7], [9, 9]]


COPIES = """
import sys, itertools
order = sys.argv[1].split(",")
for name in order:
    __import__(name)
import fastdata as fd, pyarrow as pa, polars as pl, duckdb
frame = fd.DataFrame({"n": list(range(1000)), "s": [str(n) * 5 for n in range(1000)]})
assert pa.table(frame).num_rows == pl.DataFrame(frame).height == 1000
kept = duckdb.sql("select * from frame where n % 2 = 0").arrow()
assert fd.DataFrame(kept).filter("n >= 500").num_rows == 250
print("well")
"""


@pytest.mark.parametrize("order", ["fastdata,pyarrow,polars,duckdb", "pyarrow,fastdata,duckdb,polars", "duckdb,polars,pyarrow,fastdata", "polars,fastdata,pyarrow,duckdb"])
def test_several_copies_of_arrow_in_one_process(order):
    done = run_python(COPIES, order)
    assert done.stdout.strip() == "well", done.stderr


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("pyarrow",):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import fastdata as fd, pandas as pd
frame = fd.DataFrame({"i": [1, None, 3], "s": ["a", None, "c"], "f": [1.0, 2.0, 3.0], "b": [True, None, False]})
out = frame.to_pandas()
assert out["f"].tolist() == [1.0, 2.0, 3.0] and out["i"].isna().tolist() == [False, True, False] and int(out["i"][2]) == 3
assert out["s"][0] == "a" and out["b"].isna()[1]
again = fd.DataFrame(out)
assert again["i"].to_list() == [1, None, 3] and again["f"].to_list() == [1.0, 2.0, 3.0] and again["s"].to_list() == ["a", None, "c"]
assert frame.take(pd.Series([True, False, True])).num_rows == 2
print("well")
"""


def test_pandas_without_pyarrow():
    done = run_python(BLOCKED)
    assert done.stdout.strip() == "well", done.stderr
