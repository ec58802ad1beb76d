"""PyTorch and TensorFlow: tensors without a copy, and their libraries in one process with ours."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import fastdata as fd

from conftest import run_python

CODECS = ["snappy", "zstd", "gzip", "brotli", "lz4"]

# Each brings codecs, and a C++ or Rust run time, of its own. What is read behind the imports uses ours and pyarrow's.
ORDER = """
import sys
order, files = sys.argv[1].split(","), sys.argv[2:]
for name in order:
    __import__(name)
import fastdata as fd, pyarrow as pa, pyarrow.parquet as pq, numpy as np
for path in files:
    ours, theirs = fd.Table(path).get_all(), pq.read_table(path)
    assert pa.table(ours).cast(theirs.schema).equals(theirs), path
    assert fd.DataFrame(theirs).filter("n >= 10000").num_rows == theirs.num_rows // 2, path
    total = sum(range(theirs.num_rows))
    if "torch" in order:
        import torch
        assert int(torch.from_dlpack(ours["n"]).sum()) == total, path
    if "tensorflow" in order:
        import tensorflow as tf
        assert int(tf.reduce_sum(tf.constant(ours["n"].to_numpy()))) == total, path
print("well")
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("codecs")
    table = pa.table({"n": range(20_000), "s": [f"row {n % 700}" for n in range(20_000)]})
    for codec in CODECS:
        pq.write_table(table, folder / f"{codec}.parquet", compression=codec)
    return [folder / f"{codec}.parquet" for codec in CODECS]


@pytest.mark.parametrize("library", ["tensorflow", "torch"])
@pytest.mark.parametrize("places", list(itertools.permutations(range(3))), ids=lambda places: "".join(map(str, places)))
def test_every_order_of_imports(files, library, places):
    names = ["fastdata", "pyarrow", library]
    done = run_python(ORDER, ",".join(names[place] for place in places), *files)
    assert done.stdout.strip() == "well", done.stderr


@pytest.mark.parametrize("order", ["fastdata,tensorflow,torch,pyarrow", "torch,tensorflow,pyarrow,fastdata"])
def test_all_of_them(files, order):
    done = run_python(ORDER, order, *files)
    assert done.stdout.strip() == "well", done.stderr


def test_torch_shares_the_memory():
    frame = fd.DataFrame({"i": np.arange(4), "f": np.arange(4, dtype="float32"), "b": [True, False, True, True]})
    tensors = frame.to_torch()
    assert tensors["i"].dtype == torch.int64 and tensors["i"].tolist() == [0, 1, 2, 3]
    assert tensors["f"].dtype == torch.float32 and tensors["f"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert tensors["b"].dtype == torch.bool and tensors["b"].tolist() == [True, False, True, True]
    assert tensors["i"].data_ptr() == frame["i"].to_numpy().ctypes.data
    copied = frame.to_torch(copy=True)["i"]
    copied[0] = 9
    assert frame["i"].to_list() == [0, 1, 2, 3]


def test_torch_outlives_the_frame():
    tensor = fd.DataFrame({"i": np.arange(100_000)}).to_torch()["i"]
    assert int(tensor.sum()) == sum(range(100_000))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64"])
def test_torch_of_every_number(dtype):
    values = np.array([0, 1, 2, 100], dtype)
    tensor = fd.DataFrame({"x": values}).to_torch()["x"]
    assert tensor.numpy().dtype == values.dtype and tensor.tolist() == values.tolist()


def test_lists_become_matrices():
    column = fd.DataFrame(pa.table({"l": pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2))}))["l"]
    assert torch.from_dlpack(column.to_tensor()).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.int16()], ids=str)
def test_lists_of_different_lengths_become_matrices(kind):
    lists = pa.array([[1, 2, 3], [4], None], pa.list_(kind))
    column = fd.DataFrame(pa.table({"l": lists}))["l"]
    tensor = torch.from_dlpack(column.to_tensor(width=2, pad=7, null=9))
    assert tensor.tolist() == [[1, 2], [4, 7], [7, 7]]
    assert tensor.numpy().dtype == kind.to_pandas_dtype()


def test_torch_has_no_nulls():
    with pytest.raises(fd.InvalidArgumentError, match="nulls"):
        fd.DataFrame({"i": [1, None]}).to_torch()
