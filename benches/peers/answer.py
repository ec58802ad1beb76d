"""What an engine returned, reduced to numbers that do not depend on the order of the rows.

Every value becomes an unsigned 64-bit number v: integers, dates and timestamps as they are, decimals
unscaled, strings as the sum of byte times one-based position. Per column the answer holds

* `nulls`: how many rows are null;
* `sum`: the sum of v, modulo 2^64;
* `keyed`: the sum of v times the v of the first column, modulo 2^64, so that columns whose rows do
  not belong together are noticed although each column by itself is right.

The Rust runner computes the same numbers (`benches/src/answer.rs`).
"""

import numpy as np
import pyarrow as pa

ROWS_PER_SLICE = 131_072
MASK = (1 << 64) - 1


class Summary:
    """The answer so far; batches may come in any order and any size."""

    def __init__(self):
        self.rows = 0
        self.columns = {}

    def add(self, batch) -> None:
        for begin in range(0, batch.num_rows, ROWS_PER_SLICE):
            self.add_slice(batch.slice(begin, ROWS_PER_SLICE))

    def add_slice(self, batch) -> None:
        self.rows += batch.num_rows
        key = None
        for name, array in zip(batch.schema.names, batch.columns):
            numbers = numbers_of(array)
            if key is None:
                key = numbers
            column = self.columns.setdefault(name, {"nulls": 0, "sum": 0, "keyed": 0})
            column["nulls"] += array.null_count
            column["sum"] = (column["sum"] + int(numbers.sum(dtype=np.uint64))) & MASK
            column["keyed"] = (column["keyed"] + int((numbers * key).sum(dtype=np.uint64))) & MASK

    def answer(self) -> dict:
        columns = [
            {"name": name, "nulls": c["nulls"], "sum": str(c["sum"]), "keyed": str(c["keyed"])}
            for name, c in self.columns.items()
        ]
        return {"rows": self.rows, "columns": columns}


def numbers_of(array: pa.Array) -> np.ndarray:
    """The v of every row; a null counts as zero."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    numbers = numbers_by_type(array, kind)
    if array.null_count:
        numbers = np.where(np.asarray(array.is_valid()), numbers, np.uint64(0))
    return numbers


def numbers_by_type(array: pa.Array, kind: pa.DataType) -> np.ndarray:
    if pa.types.is_integer(kind):
        return fixed_width(array, kind.bit_width)
    if pa.types.is_date32(kind):
        return fixed_width(array, 32)
    if pa.types.is_timestamp(kind):
        return fixed_width(array, 64)
    if pa.types.is_decimal(kind):
        return decimals(array, kind)
    if pa.types.is_string_view(kind):
        return strings(array.cast(pa.large_string()))
    if pa.types.is_string(kind):
        return strings(array.cast(pa.large_string()))
    if pa.types.is_large_string(kind):
        return strings(array)
    raise TypeError(f"the answer has no rule for {kind}")


def fixed_width(array: pa.Array, bits: int) -> np.ndarray:
    values = np.frombuffer(array.buffers()[1], dtype=f"i{bits // 8}")
    values = values[array.offset : array.offset + len(array)]
    return values.astype(np.int64).view(np.uint64)


def decimals(array: pa.Array, kind: pa.DataType) -> np.ndarray:
    width_bytes = kind.bit_width // 8
    if width_bytes < 8:
        return fixed_width(array, kind.bit_width)
    words = np.frombuffer(array.buffers()[1], dtype=np.uint64)
    words_per_value = width_bytes // 8
    begin = array.offset * words_per_value
    return words[begin : begin + len(array) * words_per_value : words_per_value]


def strings(array: pa.LargeStringArray) -> np.ndarray:
    if len(array) == 0:
        return np.zeros(0, dtype=np.uint64)
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)
    offsets = offsets[array.offset : array.offset + len(array) + 1]
    if offsets[-1] == offsets[0]:
        return np.zeros(len(array), dtype=np.uint64)
    data = np.frombuffer(array.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    starts = (offsets - offsets[0]).astype(np.uint64)
    # Running sums of byte and of byte times position, so that a row is a difference of two of them.
    plain = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(data, dtype=np.uint64, out=plain[1:])
    placed = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(data * np.arange(1, len(data) + 1, dtype=np.uint64), out=placed[1:])
    begin, end = starts[:-1], starts[1:]
    return (placed[end] - placed[begin]) - begin * (plain[end] - plain[begin])


def answer_of_files(files) -> dict:
    """The answer of planning: each file as its name and its row count."""
    summary = Summary()
    names = pa.array([path.rsplit("/", 1)[-1] for path, _ in files], pa.string())
    counts = pa.array([rows for _, rows in files], pa.int64())
    summary.add(pa.record_batch([counts, names], names=["record_count", "file_name"]))
    return summary.answer()


def answer_of_batches(batches) -> dict:
    summary = Summary()
    for batch in batches:
        summary.add(batch)
    return summary.answer()
