"""The table that `fastdata demo` writes, read by PyIceberg."""

import io
import os
import subprocess

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table import StaticTable

BIN = os.environ["FASTDATA_BIN"]


def scan(*args):
    output = subprocess.run([BIN, "scan", *args, "-f", "arrow"], capture_output=True, check=True)
    return pa.ipc.open_stream(io.BytesIO(output.stdout)).read_all()


def test_pyiceberg_reads_the_same_rows(tmp_path):
    subprocess.run([BIN, "demo", "--output", tmp_path], capture_output=True, check=True)
    location = tmp_path / "shop" / "events"
    table = StaticTable.from_metadata(str(location / "metadata" / "v3.metadata.json"))
    filters = [
        ("true", "event_id > 0"),
        ("event_date = date '2026-02-14'", "event_date = '2026-02-14'"),
        ("price > 400 and device is null", "price > 400 and device is null"),
    ]
    for ours, theirs in filters:
        order = [("event_id", "ascending")]
        expected = table.scan(row_filter=theirs).to_arrow().sort_by(order)
        actual = scan(str(location), "-w", ours).sort_by(order)
        assert actual.column_names == expected.column_names
        assert actual.num_rows == expected.num_rows > 0
        for name in actual.column_names:
            column = actual[name].cast(expected[name].type)
            assert column.combine_chunks() == expected[name].combine_chunks(), (ours, name)
    assert pc.min(scan(str(location), "-c", "event_id")["event_id"]).as_py() == 1
