"""Writes the Iceberg tables of the benchmark: `lineitem` in 60 partitions, and metadata alone for planning.

    python iceberg_tables.py SOURCE_FOLDER OUTPUT_FOLDER

SOURCE_FOLDER holds the Parquet files that `tpchgen-cli` wrote. The rows keep their order and their
values; each sixtieth of them becomes one partition of a column `l_month` (202001 to 202412) and is
appended on its own, as a monthly load would do it. Compression is zstd, PyIceberg's default.
"""

import json
import struct
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import DateType, DecimalType, IntegerType, LongType, NestedField, StringType

MONTHS = [year * 100 + month for year in range(2020, 2025) for month in range(1, 13)]
PLANNED_FILES_COUNT = 10_000

COLUMN_TYPES = {
    "l_orderkey": LongType(),
    "l_partkey": LongType(),
    "l_suppkey": LongType(),
    "l_linenumber": IntegerType(),
    "l_quantity": DecimalType(15, 2),
    "l_extendedprice": DecimalType(15, 2),
    "l_discount": DecimalType(15, 2),
    "l_tax": DecimalType(15, 2),
    "l_returnflag": StringType(),
    "l_linestatus": StringType(),
    "l_shipdate": DateType(),
    "l_commitdate": DateType(),
    "l_receiptdate": DateType(),
    "l_shipinstruct": StringType(),
    "l_shipmode": StringType(),
    "l_comment": StringType(),
    "l_month": IntegerType(),
}


def lineitem_schema() -> Schema:
    fields = [
        NestedField(field_id, name, kind, required=False)
        for field_id, (name, kind) in enumerate(COLUMN_TYPES.items(), start=1)
    ]
    return Schema(*fields)


def month_spec(schema: Schema) -> PartitionSpec:
    source_id = schema.find_field("l_month").field_id
    return PartitionSpec(
        PartitionField(source_id=source_id, field_id=1000, transform=IdentityTransform(), name="l_month")
    )


def month_slices(source: Path):
    """The rows in order, cut into as many slices as there are months."""
    files = sorted(source.glob("*.parquet"), key=lambda path: int(path.name.split(".")[1]))
    months_per_file = len(MONTHS) // len(files)
    assert months_per_file * len(files) == len(MONTHS), "the months must divide evenly among the files"
    for file_idx, path in enumerate(files):
        table = pq.read_table(path)
        for part in range(months_per_file):
            begin = table.num_rows * part // months_per_file
            end = table.num_rows * (part + 1) // months_per_file
            month = MONTHS[file_idx * months_per_file + part]
            rows = table.slice(begin, end - begin)
            month_column = pa.repeat(pa.scalar(month, pa.int32()), rows.num_rows)
            yield rows.append_column("l_month", month_column)


def write_lineitem(catalog: SqlCatalog, source: Path, arrow_schema: pa.Schema) -> str:
    schema = lineitem_schema()
    table = catalog.create_table("bench.lineitem", schema=schema, partition_spec=month_spec(schema))
    for rows in month_slices(source):
        table.append(rows.cast(arrow_schema))
    return table.metadata_location


def bound(kind, number: int) -> bytes:
    """One value in Iceberg's single-value serialisation."""
    if isinstance(kind, LongType):
        return struct.pack("<q", number)
    if isinstance(kind, (IntegerType, DateType)):
        return struct.pack("<i", number)
    if isinstance(kind, DecimalType):
        return number.to_bytes((number.bit_length() + 8) // 8, "big", signed=True)
    return f"value {number:010}".encode()


def planned_file(table, schema: Schema, idx: int) -> DataFile:
    """An entry such as a writer would make for a file of lineitem; the file itself does not exist."""
    month = MONTHS[idx % len(MONTHS)]
    ids = range(1, len(COLUMN_TYPES) + 1)
    rows = 400_000 + idx
    lower, upper = {}, {}
    for field in schema.fields:
        low, high = (month, month) if field.name == "l_month" else (idx * 10, idx * 10 + 1_000)
        lower[field.field_id] = bound(field.field_type, low)
        upper[field.field_id] = bound(field.field_type, high)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"{table.location()}/data/l_month={month}/00000-{idx:05}-planned.parquet",
        file_format=FileFormat.PARQUET,
        partition=Record(month),
        record_count=rows,
        file_size_in_bytes=25_000_000 + idx,
        column_sizes={i: 1_000_000 + idx + i for i in ids},
        value_counts={i: rows for i in ids},
        null_value_counts={i: 0 for i in ids},
        nan_value_counts={},
        lower_bounds=lower,
        upper_bounds=upper,
        split_offsets=[4],
        sort_order_id=0,
        spec_id=table.spec().spec_id,
        equality_ids=None,
        key_metadata=None,
    )


def write_planned(catalog: SqlCatalog) -> str:
    schema = lineitem_schema()
    table = catalog.create_table("bench.planned", schema=schema, partition_spec=month_spec(schema))
    with table.transaction() as transaction:
        with transaction.update_snapshot().fast_append() as append:
            for idx in range(PLANNED_FILES_COUNT):
                append.append_data_file(planned_file(table, table.schema(), idx))
    return table.metadata_location


def main() -> None:
    source, output = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    output.mkdir(parents=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{output}/catalog.db", warehouse=f"file://{output}")
    catalog.create_namespace("bench")
    arrow_schema = lineitem_schema().as_arrow()
    locations = {
        "lineitem": write_lineitem(catalog, source, arrow_schema),
        "planned": write_planned(catalog),
    }
    (output / "tables.json").write_text(json.dumps(locations, indent=2) + "\n")


if __name__ == "__main__":
    main()
