"""Values in: Python's, numpy's and pandas' own. Values out: as numpy's numbers and times, and by DLPack."""

import datetime
import decimal
import pickle
import types

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fastdata as fd

from conftest import run_python

DAY = datetime.date(2026, 2, 28)
TIME = datetime.datetime(2026, 2, 28, 23, 59, 59, 123456)
UTC = datetime.timezone.utc
BERLIN = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    "values, kind",
    [
        ([DAY, None, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)], pa.date32()),
        ([TIME, None, datetime.datetime(1, 1, 1)], pa.timestamp("us")),
        ([TIME.replace(tzinfo=UTC), None, TIME.replace(tzinfo=BERLIN)], pa.timestamp("us", "UTC")),
        ([datetime.timedelta(days=-1, microseconds=5), None, datetime.timedelta(0)], pa.duration("us")),
        ([datetime.time(23, 59, 59, 999999), None], pa.time64("us")),
        ([decimal.Decimal("1.50"), None, decimal.Decimal("-1E+3"), decimal.Decimal("0.001")], pa.decimal128(7, 3)),
        ([decimal.Decimal(10) ** 60], pa.decimal256(61, 0)),
        ([[1, None], None, [], (2,)], pa.list_(pa.int64())),
        ([[["a"], None], [[]]], pa.list_(pa.list_(pa.string_view()))),
        ([{"a": 1}, None, {"b": [DAY]}], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.date32()))])),
    ],
)
def test_python_values(values, kind):
    column = fd.DataFrame({"c": values})["c"]
    assert pa.chunked_array(column).type == kind
    # Structs have all fields, and lists are lists.
    expected = pa.array([list(value) if isinstance(value, tuple) else value for value in values], kind).to_pylist()
    assert column.to_list() == expected


@pytest.mark.parametrize(
    "values",
    [
        [DAY, TIME],
        [TIME, DAY],
        [TIME, TIME.replace(tzinfo=UTC)],
        [DAY, "2026-02-28"],
        [datetime.timedelta(0), 1],
        [datetime.time(1, 2, tzinfo=UTC)],
        [decimal.Decimal("nan")],
        [decimal.Decimal(10) ** 90],
        [decimal.Decimal(1), 1],
        [[1], 2],
        [[1], ["a"]],
        [{"a": 1}, [1]],
        [{}],
        [pd.Timestamp(1)],
        [object()],
    ],
)
def test_mixed_values_are_refused(values):
    with pytest.raises(fd.InvalidArgumentError):
        fd.DataFrame({"c": values})


@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "float32", "float64"])
def test_big_endian_arrays_are_not_misread(dtype):
    array = np.array([5, 0, 99, 5], dtype=np.dtype(dtype).newbyteorder(">"))
    assert fd.Column(array).to_list() == [5, 0, 99, 5]
    if dtype[0] != "f":
        assert fd.DataFrame({"n": list(range(100))}).take(array)["n"].to_list() == [5, 0, 99, 5]


def test_lists_of_numpy_scalars():
    frame = fd.DataFrame({"n": [1, 2, 3]})
    assert frame.take([np.True_, np.False_, np.True_])["n"].to_list() == [1, 3]
    assert frame.take(list(np.array([2, 0], "uint8")))["n"].to_list() == [3, 1]
    column = fd.Column([None, np.float32(1.5), 2])
    assert column.type == "Float64" and column.to_list() == [None, 1.5, 2.0]


def test_a_text_is_no_column():
    for value in ("abc", b"abc"):
        with pytest.raises(fd.InvalidArgumentError, match="one value"):
            fd.DataFrame({"c": value})
    with pytest.raises(fd.InvalidArgumentError):
        fd.DataFrame({"n": [1, 2]}).take(b"01")


def test_an_empty_mask_for_no_rows():
    frame = fd.DataFrame({"n": [1]})
    assert frame[:0].filter([]).num_rows == frame[:0].take([]).num_rows == frame.take([]).num_rows == 0
    with pytest.raises(fd.InvalidArgumentError):
        frame.filter([])


def test_columns_of_one_name_are_refused():
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    for data in (twice, twice.to_batches()[0]):
        with pytest.raises(fd.InvalidArgumentError, match="two columns"):
            fd.DataFrame(data)


def test_schemas_and_fields_are_picklable():
    schema = fd.DataFrame(pa.table({"a": pa.array([1], pa.decimal128(5, 2)), "b": [{"x": [1]}]})).schema
    assert pickle.loads(pickle.dumps(schema)) == schema
    assert pickle.loads(pickle.dumps(schema[1])) == schema[1]


def test_any_mapping_makes_a_frame():
    frame = fd.DataFrame(types.MappingProxyType({"a": [1, 2]}))
    assert frame.to_dicts() == [{"a": 1}, {"a": 2}]


def test_a_list_in_itself_is_refused():
    values = []
    values.append(values)
    with pytest.raises(fd.InvalidArgumentError, match="nested"):
        fd.DataFrame({"c": [values]})


@pytest.mark.parametrize("unit", ["D", "s", "ms", "us", "ns"])
def test_numpy_times_there_and_back(unit):
    times = np.array(["2026-02-28", "NaT", "1969-01-01"], f"datetime64[{unit}]")
    column = fd.DataFrame({"c": times})["c"]
    assert column.null_count == 1
    again = column.to_numpy()
    assert again.dtype == times.dtype
    np.testing.assert_array_equal(again, times)
    assert pl.Series(column).null_count() == 1


def test_coarse_and_odd_units():
    months = fd.Column(np.array(["2026-02", "NaT"], "datetime64[M]"))
    assert months.to_list() == [datetime.date(2026, 2, 1), None]
    hours = fd.Column(np.array(["2026-02-28T05"], "datetime64[h]"))
    assert hours.type.startswith("Timestamp(s") and hours[0] == datetime.datetime(2026, 2, 28, 5)
    assert fd.Column(np.array([2, "NaT"], "timedelta64[m]")).to_list() == [datetime.timedelta(minutes=2), None]
    assert fd.Column(np.array([3], "timedelta64[ns]")).to_numpy().tolist() == [3]
    assert fd.Column(np.array([3], "timedelta64[10ms]")).to_list() == [datetime.timedelta(milliseconds=30)]
    with pytest.raises(fd.InvalidArgumentError):
        fd.Column(np.array([1], "datetime64[ps]"))
    with pytest.raises(fd.InvalidArgumentError):
        fd.Column(np.array([1], "timedelta64[Y]"))


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+05:30"])
def test_times_with_nulls_are_the_same_instants(zone):
    kind = pa.timestamp("us", zone)
    whole = fd.Column(pa.array([TIME, TIME], kind)).to_numpy()
    with_nulls = fd.Column(pa.array([TIME, None], kind)).to_numpy()
    assert with_nulls[0] == whole[0] and np.isnat(with_nulls[1])


def test_times_beyond_python():
    ticks = pa.array([1_000_000_000_123_456_789, None], pa.timestamp("ns"))
    assert fd.Column(ticks).to_numpy()[0] == np.datetime64(1_000_000_000_123_456_789, "ns")
    assert fd.Column(pa.array([10**17, None], pa.timestamp("s"))).to_numpy()[0] == np.datetime64(10**17, "s")
    assert fd.Column(pa.array([10**8, None], pa.date32())).to_numpy()[0] == np.datetime64(10**8, "D")
    durations = fd.Column(pa.array([7, None], pa.duration("ns"))).to_numpy()
    assert durations[0] == np.timedelta64(7, "ns") and np.isnat(durations[1])


def test_what_stands_for_null_has_the_columns_type():
    column = fd.Column(pa.array([1, None, 3], pa.int8()))
    filled = column.to_numpy(null=-1)
    assert filled.dtype == np.int8 and filled.tolist() == [1, -1, 3]
    assert fd.Column(pa.array([True, None])).to_numpy(null=False).tolist() == [True, False]
    assert np.isnan(fd.Column(pa.array([1.5, None], pa.float32())).to_numpy()[1])
    assert fd.Column(pa.array([1.5, None])).to_numpy(null=0).tolist() == [1.5, 0.0]
    assert fd.Column(["a", None]).to_numpy(null="").tolist() == ["a", ""]
    for wrong in (300, 1.5, "x", [1, 2]):
        with pytest.raises(fd.InvalidArgumentError, match="null="):
            column.to_numpy(null=wrong)


def test_masks_and_positions_by_keys_and_runs():
    frame = fd.DataFrame({"n": list(range(6))})
    keep = pa.array([True, True, None, False, False, True])
    for mask in (keep.dictionary_encode(), pa.compute.run_end_encode(keep)):
        assert frame.take(mask)["n"].to_list() == [0, 1, 5]
        assert frame.filter(mask, null_as=True)["n"].to_list() == [0, 1, 2, 5]
    assert frame.take(pa.array([3, 3, 0]).dictionary_encode())["n"].to_list() == [3, 3, 0]
    assert frame.take(pa.array([3, None]).dictionary_encode())["n"].to_list() == [3, None]
    with pytest.raises(fd.InvalidArgumentError):
        frame.take(pa.array(["a"] * 6).dictionary_encode())


def test_dlpack_copies_when_asked():
    column = fd.Column(np.arange(5))
    shared, copied = np.from_dlpack(column, copy=False), np.from_dlpack(column, copy=True)
    assert not shared.flags.writeable and copied.flags.writeable
    copied[0] = 9
    assert shared.tolist() == column.to_list() == [0, 1, 2, 3, 4]
    # The consumer keeps what it was given.
    del column
    assert shared.sum() == 10 and copied.sum() == 19


WITHOUT_PYARROW = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import datetime
import fastdata as fd, pandas as pd
frame = pd.DataFrame({
    "t": pd.to_datetime(["2026-02-28 23:59:59.123456789", None]),
    "z": pd.to_datetime(["2026-02-28", None]).tz_localize("Europe/Berlin"),
    "d": pd.to_timedelta(["1s", None]),
    "i": pd.array([2**53 + 1, None], dtype="Int64"),
    "c": pd.Categorical(["x", None]),
})
ours = fd.DataFrame(frame)
assert ours["t"].type == "Timestamp(ns)" and ours["z"].type.endswith('"Europe/Berlin")'), ours.schema
assert [ours[name].null_count for name in ours.columns] == [1] * 5
again = ours.to_pandas()
for name in "tzdi":
    assert again[name].dtype == frame[name].dtype, (name, again.dtypes, frame.dtypes)
    assert again[name][0] == frame[name][0] and again[name].isna().tolist() == [False, True], name
assert again["c"][0] == "x"
print("well")
"""


def test_pandas_times_without_pyarrow():
    done = run_python(WITHOUT_PYARROW)
    assert done.stdout.strip() == "well", done.stderr
