"""Frames: shapes, rows, columns, files."""

import pickle
import random

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import fastdata as fd


@pytest.fixture
def table():
    rng = random.Random(7)
    rows = 5000
    return pa.table(
        {
            "i": pa.array([None if rng.random() < 0.1 else rng.randrange(-100, 100) for _ in range(rows)], pa.int64()),
            "f": pa.array([rng.random() for _ in range(rows)]),
            "s": pa.array([None if rng.random() < 0.1 else "x" * rng.randrange(40) + str(rng.random()) for _ in range(rows)]),
            "b": pa.array([rng.choice([True, False, None]) for _ in range(rows)]),
            "d": pa.array([rng.choice(["red", "green", None]) for _ in range(rows)]).dictionary_encode(),
            "l": pa.array([None if rng.random() < 0.1 else [rng.randrange(5)] * rng.randrange(4) for _ in range(rows)], pa.list_(pa.int32())),
            "st": pa.array([{"p": rng.random(), "q": "z"} for _ in range(rows)]),
        }
    )


def rows_of(table):
    return pa.table(table).to_pylist()


def test_shape_and_names(table):
    frame = fd.DataFrame(table)
    assert (frame.num_rows, frame.num_columns, len(frame), frame.shape) == (5000, 7, 5000, (5000, 7))
    assert frame.columns == table.column_names == frame.schema.names
    assert frame.schema.field("i").type == "Int64" and frame.schema[-1].name == "st"
    assert "i" in frame and "nope" not in frame
    assert frame.nbytes > 5000 * 16
    assert frame.head(3).num_rows == 3 and frame[4990:].num_rows == 10
    assert frame[["s", "i"]].columns == ["s", "i"]
    assert frame.select("s", "i").columns == frame.select(["s", "i"]).columns == ["s", "i"]
    assert frame.drop("st", "l").columns == ["i", "f", "s", "b", "d"]
    assert frame.rename({"i": "j"}).columns[0] == "j"
    assert frame.unnest("st").columns[-2:] == ["p", "q"]
    assert frame.unnest("st")["p"].to_list() == [row["st"]["p"] for row in table.to_pylist()]


def test_unknown_columns_name_the_near_ones(table):
    frame = fd.DataFrame(table)
    for use in (lambda: frame["ff"], lambda: frame.select("ff"), lambda: frame.drop("ff"), lambda: frame.rename({"ff": "g"}), lambda: frame.take("ff")):
        with pytest.raises(fd.ColumnNotFoundError, match="did you mean `f`"):
            use()
    with pytest.raises(KeyError):
        frame["nothing like it"]
    with pytest.raises(ValueError, match="no_such"):
        frame.filter("no_such > 1")


@pytest.mark.parametrize("chunk_rows", [5000, 700])
def test_masks_and_positions_of_every_library(table, chunk_rows):
    frame = fd.concat([part for part in fd.DataFrame(table).split(chunk_rows)])
    mask = pc.fill_null(table["b"], False)
    expected = table.filter(mask)
    as_numpy = mask.to_numpy()
    for rows in (mask, mask.combine_chunks(), as_numpy, as_numpy.tolist(), pl.Series(as_numpy), pd.Series(as_numpy), fd.Column(as_numpy), tuple(as_numpy.tolist())):
        assert rows_of(frame.take(rows)) == expected.to_pylist(), type(rows)
        assert frame.filter(rows).equals(frame.take(rows))
    assert rows_of(frame.take("b")) == expected.to_pylist()
    assert frame.take("b", null_as=True).num_rows == pc.sum(pc.fill_null(table["b"], True)).as_py()
    positions = [4999, 0, 17, 17, 3000]
    for rows in (positions, np.array(positions), np.array(positions, dtype=np.uint16), np.array(positions * 2)[::2][:0], pl.Series(positions), pa.array(positions), pd.Series(positions), range(5)):
        assert rows_of(frame.take(rows)) == table.take(pa.array(list(rows), pa.int64())).to_pylist(), type(rows)
    many = np.random.default_rng(1).integers(0, 5000, 4000)
    assert rows_of(frame.take(many)) == table.take(many).to_pylist()
    assert rows_of(frame.take(pa.array([1, None]))) == [table.to_pylist()[1], dict.fromkeys(table.column_names)]


def absences(rng, rows, pattern):
    """Which values are null: none, all, some anywhere, or some side by side."""
    if pattern in ("none", "all"):
        return np.full(rows, pattern == "all")
    return rng.random(rows) < 0.3 if pattern == "scattered" else stretches(rng, rows)


def stretches(rng, rows):
    """True and false in turns, each for some rows."""
    lengths = rng.integers(1, 200, rows)
    return np.repeat(np.arange(rows) % 2 == rng.integers(2), lengths)[:rows]


def random_frame(rng, rows):
    words = ["", "ö", "a text that is longer than a view", "x" * 300, "red"]
    picks = rng.integers(0, len(words), rows)
    floats = rng.choice([0.0, -0.0, 1.5, float("inf"), 1e300], rows)
    values = {
        "i64": pl.Series(rng.integers(-(2**62), 2**62, rows), dtype=pl.Int64),
        "i32": pl.Series(rng.integers(-9, 9, rows), dtype=pl.Int32),
        "i16": pl.Series(rng.integers(-9, 9, rows), dtype=pl.Int16),
        "u8": pl.Series(rng.integers(0, 256, rows), dtype=pl.UInt8),
        "f64": pl.Series(floats, dtype=pl.Float64),
        "f32": pl.Series(floats.clip(-1e9, 1e9), dtype=pl.Float32),
        "b": pl.Series(rng.random(rows) < 0.5, dtype=pl.Boolean),
        "s": pl.Series([words[pick] for pick in picks], dtype=pl.String),
        "bin": pl.Series([words[pick].encode() for pick in picks[::-1]], dtype=pl.Binary),
        "cat": pl.Series([words[pick] for pick in picks], dtype=pl.Categorical),
        "d": pl.Series(rng.integers(0, 20_000, rows), dtype=pl.Int32).cast(pl.Date),
        "l": pl.Series([[1, None, pick][: pick % 4] for pick in picks.tolist()], dtype=pl.List(pl.Int64)),
        "ls": pl.Series([[words[pick], None] * (pick % 3) for pick in picks.tolist()], dtype=pl.List(pl.String)),
        "st": pl.Series([{"p": pick, "q": [words[pick]] if pick else None} for pick in picks.tolist()], dtype=pl.Struct({"p": pl.Int64, "q": pl.List(pl.String)})),
    }
    nulls = {name: absences(rng, rows, rng.choice(["none", "all", "scattered", "stretches"], p=[0.2, 0.1, 0.4, 0.3])) for name in values}
    return pl.DataFrame({name: pl.select(pl.when(pl.Series(~nulls[name])).then(series)).to_series() for name, series in values.items()})


@pytest.mark.parametrize("seed", range(12))
def test_random_rows_agree_with_polars(seed):
    rng = np.random.default_rng(seed)
    rows = int(rng.choice([1, 63, 64, 1000, 5000]))
    theirs = random_frame(rng, rows)
    cuts = [0, *sorted(rng.integers(0, rows + 1, rng.integers(0, 6)).tolist()), rows]
    # Gathered, as older Polars hands over slices of structs with children that are too short.
    ours = fd.concat([fd.DataFrame(theirs[list(range(start, end))]) for start, end in zip(cuts, cuts[1:])])
    assert ours.num_rows == rows

    def agree(frame, expected):
        got = frame.to_polars()
        assert got.schema == expected.schema
        assert got.to_dict(as_series=False) == expected.to_dict(as_series=False)

    agree(ours, theirs)
    masks = [rng.random(rows) < share for share in (0, 0.01, 0.5, 0.99, 1)] + [stretches(rng, rows), ~stretches(rng, rows)]
    for mask in masks:
        agree(ours.filter(mask), theirs.filter(pl.Series(mask)))
        start, end = sorted(rng.integers(0, rows + 1, 2).tolist())
        agree(ours[start:end].filter(mask[start:end]), theirs[start:end].filter(pl.Series(mask[start:end])))
    nullable = pl.select(pl.when(pl.Series(rng.random(rows) < 0.7)).then(pl.Series(masks[2]))).to_series()
    agree(ours.filter(nullable), theirs.filter(nullable))
    agree(ours.filter(nullable, null_as=True), theirs.filter(nullable.fill_null(True)))
    anywhere = rng.integers(0, rows, 2 * rows)
    for positions in (anywhere, np.sort(anywhere), np.unique(anywhere), np.sort(anywhere)[::-1], np.full(300, rows - 1), np.arange(rows), anywhere[:0], anywhere[:1]):
        agree(ours.take(positions), theirs[positions.tolist()])
    agree(ours.filter(masks[2]).take(range(int(masks[2].sum()))), theirs.filter(pl.Series(masks[2])))


def test_wrong_rows_are_refused(table):
    frame = fd.DataFrame(table)
    for wrong in ([True], [5000], [-1], [1.5], ["a"], np.zeros((2, 2)), object()):
        with pytest.raises(ValueError):
            frame.take(wrong)
    with pytest.raises(ValueError, match="take"):
        frame.filter([1, 2])
    with pytest.raises(ValueError, match="filter"):
        frame.take("i")


def test_conditions_agree_with_duckdb(table):
    duckdb = pytest.importorskip("duckdb")
    frame = fd.DataFrame(table)
    plain = table.drop_columns(["d"]).append_column("d", table["d"].cast(pa.string()))
    for where in ["i > 3", "i between -5 and 5 or s is null", "not (i < 0) and f >= 0.5", "s like 'xx%'", "d = 'red' and b", "d in ('green', 'blue')", "i is not null and (b is null or f < 0.1)"]:
        expected = duckdb.sql(f"select count(*) from plain where {where}").fetchall()[0][0]
        assert frame.filter(where).num_rows == expected, where
    assert plain.num_rows == frame.num_rows


def test_split_concat_and_batches(table):
    frame = fd.DataFrame(table)
    parts = frame.split(999)
    assert [part.num_rows for part in parts] == [999] * 5 + [5]
    again = fd.concat(parts)
    assert again.equals(frame) and parts[0].concat(*parts[1:]).equals(frame)
    assert [batch.num_rows for batch in again] == [999] * 5 + [5]
    assert sum(len(batch) for batch in frame.batches(max_rows=128)) == 5000
    with pytest.raises(ValueError):
        frame.split(0)
    with pytest.raises(ValueError):
        fd.concat([frame, frame.select("i")])
    with pytest.raises(ValueError):
        fd.concat([])


def test_pickles(table):
    frame = fd.DataFrame(table)
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        assert pickle.loads(pickle.dumps(frame, protocol)).equals(frame)
    part = fd.DataFrame(table.select(["s"])).filter("s like 'xxx%'")[10:12]
    assert len(pickle.dumps(part)) < 2000
    column = pickle.loads(pickle.dumps(frame["l"]))
    assert column.to_list() == table["l"].to_pylist()
    batch = pickle.loads(pickle.dumps(next(iter(frame))))
    assert batch["i"].to_list() == table["i"].to_pylist()
    empty = frame.head(0)
    assert pickle.loads(pickle.dumps(empty)).schema.names == frame.columns


def test_files(table, tmp_path):
    frame = fd.DataFrame(table)
    for compression in ("zstd", "snappy", "lz4", "none", None):
        path = tmp_path / f"{compression}.parquet"
        frame.write_parquet(path, compression=compression, row_group_rows=1000)
        assert pq.read_table(path).to_pylist() == table.to_pylist()
        assert pq.read_metadata(path).num_row_groups == 5
        assert rows_of(fd.Table(path).get_all()) == table.to_pylist()
    frame.select("i", "f", "s").write_csv(tmp_path / "rows.csv")
    text = (tmp_path / "rows.csv").read_text()
    assert text.startswith("i,f,s\n") and text.count("\n") == 5001
    again = pl.read_csv(tmp_path / "rows.csv")
    assert again["i"].to_list() == table["i"].to_pylist()
    frame.head(1).write_csv(tmp_path / "bare.tsv", separator="\t", header=False)
    assert (tmp_path / "bare.tsv").read_text().count("\n") == 1
    with pytest.raises(FileNotFoundError):
        frame.write_parquet(tmp_path / "no" / "such" / "folder.parquet")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    with pytest.raises(ValueError):
        frame.write_parquet(tmp_path / "x.parquet", compression="rar")


def test_mappings():
    frame = fd.DataFrame({"a": [1, None, 3], "b": ["x", None, ""], "c": [1, 2.5, None], "d": [True, False, None], "e": [b"1", b"", None], "n": [None] * 3, "p": np.arange(3, dtype="int16")})
    assert frame.to_dicts()[1] == {"a": None, "b": None, "c": 2.5, "d": False, "e": b"", "n": None, "p": 1}
    assert frame.schema.types == ["Int64", "Utf8View", "Float64", "Boolean", "BinaryView", "Null", "Int16"]
    for wrong in ({"a": [1, 2], "b": [1]}, {"a": [1, "x"]}, {"a": [True, 1]}, {"a": [object()]}, {"a": 3}):
        with pytest.raises(ValueError):
            fd.DataFrame(wrong)
    with pytest.raises(ValueError):
        fd.DataFrame(3)


def test_representations(table):
    frame = fd.DataFrame(table)
    assert "5000 rows (10 shown)" in repr(frame) and "i" in repr(frame)
    html = frame._repr_html_()
    assert "5,000 rows, 10 shown" in html and "<script" not in html
    nasty = fd.DataFrame({"<b>name</b>": ["<script>alert(1)</script>", "a & b"]})._repr_html_()
    assert "<script" not in nasty and "<b>name" not in nasty and "&lt;script&gt;" in nasty
    assert "Int64" in repr(frame["i"]) and "…" in repr(frame["i"])
    assert repr(frame.schema.field("f")) == "f: Float64"
