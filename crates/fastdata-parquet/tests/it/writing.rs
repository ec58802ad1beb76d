//! Random columns and random ways to write them.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::types::*;
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, ListArray, MapArray, PrimitiveArray, RecordBatch,
    StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, i256};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A file of random columns.
pub(crate) fn random_file(seed: u64) -> Bytes {
    let mut rng = StdRng::seed_from_u64(seed);
    let rows = match rng.random_range(0..4) {
        0 => rng.random_range(0..20),
        1 => rng.random_range(0..300),
        _ => rng.random_range(0..6000),
    };
    let fields: Vec<Field> = (0..rng.random_range(1..6))
        .map(|index| {
            let depth = if rng.random_bool(0.3) { 2 } else { 0 };
            let data_type = random_type(&mut rng, depth);
            Field::new(format!("c{index}"), data_type, rng.random_bool(0.7))
        })
        .collect();
    let arrays = fields
        .iter()
        .map(|field| random_array(&mut rng, field, rows))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema, arrays).unwrap();
    write(&batch, random_properties(&mut rng, &batch))
}

pub(crate) fn write(batch: &RecordBatch, properties: WriterProperties) -> Bytes {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    Bytes::from(file)
}

fn random_properties(rng: &mut StdRng, batch: &RecordBatch) -> WriterProperties {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(Default::default()),
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::LZ4,
        Compression::BROTLI(Default::default()),
    ];
    let version = if rng.random_bool(0.5) {
        WriterVersion::PARQUET_1_0
    } else {
        WriterVersion::PARQUET_2_0
    };
    let mut properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(codecs[rng.random_range(0..codecs.len())])
        .set_dictionary_enabled(rng.random_bool(0.6))
        .set_dictionary_page_size_limit([100, 1000, 1 << 20][rng.random_range(0..3)])
        .set_data_page_size_limit([64, 1000, 1 << 20][rng.random_range(0..3)])
        .set_data_page_row_count_limit([7, 100, 20_000][rng.random_range(0..3)])
        .set_write_batch_size([5, 100, 1024][rng.random_range(0..3)])
        .set_max_row_group_row_count(Some([50, 1000, 100_000][rng.random_range(0..3)]))
        .set_statistics_enabled(EnabledStatistics::Page);
    for field in batch.schema().fields() {
        let encodings: &[Encoding] = match field.data_type() {
            DataType::Boolean => &[Encoding::PLAIN, Encoding::RLE],
            DataType::Int32 | DataType::Int64 | DataType::UInt16 | DataType::Date32 => &[
                Encoding::PLAIN,
                Encoding::DELTA_BINARY_PACKED,
                Encoding::BYTE_STREAM_SPLIT,
            ],
            DataType::Float32 | DataType::Float64 => {
                &[Encoding::PLAIN, Encoding::BYTE_STREAM_SPLIT]
            }
            DataType::Utf8 | DataType::Binary => &[
                Encoding::PLAIN,
                Encoding::DELTA_LENGTH_BYTE_ARRAY,
                Encoding::DELTA_BYTE_ARRAY,
            ],
            DataType::FixedSizeBinary(_) | DataType::Float16 | DataType::Decimal128(38, _) => &[
                Encoding::PLAIN,
                Encoding::DELTA_BYTE_ARRAY,
                Encoding::BYTE_STREAM_SPLIT,
            ],
            _ => continue,
        };
        let path = ColumnPath::from(field.name().as_str());
        properties =
            properties.set_column_encoding(path, encodings[rng.random_range(0..encodings.len())]);
    }
    properties.build()
}

fn random_type(rng: &mut StdRng, depth: u32) -> DataType {
    if depth > 0 {
        let item = |rng: &mut StdRng, name: &str| {
            let data_type = random_type(rng, depth - 1);
            Arc::new(Field::new(name, data_type, rng.random_bool(0.6)))
        };
        return match rng.random_range(0..5) {
            0 => DataType::List(item(rng, "item")),
            1 => DataType::Struct(Fields::from(vec![item(rng, "a"), item(rng, "b")])),
            2 => {
                let key = Arc::new(Field::new("key", DataType::Utf8, false));
                let entries = Fields::from(vec![key, item(rng, "value")]);
                let entries = Field::new("entries", DataType::Struct(entries), false);
                DataType::Map(Arc::new(entries), false)
            }
            3 => DataType::FixedSizeList(item(rng, "item"), 3),
            _ => random_type(rng, 0),
        };
    }
    let leaves = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Millisecond),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Paris".into())),
        DataType::Duration(TimeUnit::Microsecond),
        DataType::Decimal128(9, 2),
        DataType::Decimal128(18, 3),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(60, 5),
        DataType::Decimal64(15, 2),
        DataType::Utf8,
        DataType::Utf8,
        DataType::Binary,
        DataType::FixedSizeBinary(5),
        DataType::FixedSizeBinary(16),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ];
    leaves[rng.random_range(0..leaves.len())].clone()
}

/// Numbers in one of a few shapes: runs, few distinct, ascending, anything.
fn random_ints(rng: &mut StdRng, rows: usize) -> Vec<i64> {
    let shape = rng.random_range(0..4);
    let mut last = rng.random_range(-1000..1000);
    (0..rows)
        .map(|_| {
            last = match shape {
                0 if rng.random_bool(0.95) => last,
                0 => rng.random_range(0..5),
                1 => rng.random_range(0..30),
                2 => last + rng.random_range(0..4),
                _ => rng.random(),
            };
            last
        })
        .collect()
}

fn random_nulls(rng: &mut StdRng, field: &Field, rows: usize) -> Option<NullBuffer> {
    if !field.is_nullable() {
        return None;
    }
    let share = [0.0, 0.02, 0.5, 0.99, 1.0][rng.random_range(0..5)];
    let mut null = false;
    let runs = rng.random_bool(0.5);
    Some(NullBuffer::from_iter((0..rows).map(|_| {
        if !runs || rng.random_bool(0.05) {
            null = rng.random_bool(share);
        }
        !null
    })))
}

pub(crate) fn random_array(rng: &mut StdRng, field: &Field, rows: usize) -> ArrayRef {
    let nulls = random_nulls(rng, field, rows);
    macro_rules! primitive {
        ($t:ty, $convert:expr) => {{
            let values = random_ints(rng, rows).into_iter().map($convert);
            let array = PrimitiveArray::<$t>::new(values.collect(), nulls);
            Arc::new(array.with_data_type(field.data_type().clone()))
        }};
    }
    match field.data_type() {
        DataType::Boolean => {
            let values = random_ints(rng, rows)
                .into_iter()
                .map(|value| value & 1 == 1);
            Arc::new(BooleanArray::new(values.collect(), nulls))
        }
        DataType::Int8 => primitive!(Int8Type, |v| v as i8),
        DataType::Int16 => primitive!(Int16Type, |v| v as i16),
        DataType::Int32 => primitive!(Int32Type, |v| v as i32),
        DataType::Int64 => primitive!(Int64Type, |v| v),
        DataType::UInt8 => primitive!(UInt8Type, |v| v as u8),
        DataType::UInt16 => primitive!(UInt16Type, |v| v as u16),
        DataType::UInt32 => primitive!(UInt32Type, |v| v as u32),
        DataType::UInt64 => primitive!(UInt64Type, |v| v as u64),
        DataType::Float16 => primitive!(Float16Type, |v| half::f16::from_bits(v as u16)),
        DataType::Float32 => primitive!(Float32Type, |v| f32::from_bits(v as u32)),
        DataType::Float64 => primitive!(Float64Type, |v| v as f64 / 7.0),
        DataType::Date32 => primitive!(Date32Type, |v| v as i32),
        DataType::Date64 => primitive!(Date64Type, |v| v % 10_000 * 86_400_000),
        DataType::Time32(_) => primitive!(Time32MillisecondType, |v| (v % 86_400_000) as i32),
        DataType::Time64(TimeUnit::Microsecond) => primitive!(Time64MicrosecondType, |v| v),
        DataType::Time64(_) => primitive!(Time64NanosecondType, |v| v),
        DataType::Timestamp(TimeUnit::Second, _) => primitive!(TimestampSecondType, |v| v),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            primitive!(TimestampMillisecondType, |v| v)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive!(TimestampMicrosecondType, |v| v)
        }
        DataType::Timestamp(_, _) => primitive!(TimestampNanosecondType, |v| v),
        DataType::Duration(_) => primitive!(DurationMicrosecondType, |v| v),
        DataType::Decimal64(_, _) => primitive!(Decimal64Type, |v| v % 1_000_000_000_000),
        DataType::Decimal128(9, _) => primitive!(Decimal128Type, |v| i128::from(v % 999_999_999)),
        DataType::Decimal128(18, _) => {
            primitive!(Decimal128Type, |v| i128::from(v % 999_999_999_999_999_999))
        }
        DataType::Decimal128(_, _) => primitive!(Decimal128Type, |v| i128::from(v) << 30),
        DataType::Decimal256(_, _) => {
            primitive!(Decimal256Type, |v| i256::from_i128(i128::from(v) << 60))
        }
        DataType::Utf8 => Arc::new(random_strings(rng, rows, nulls.as_ref())),
        DataType::Binary => {
            let mut builder = BinaryBuilder::new();
            for (row, value) in random_ints(rng, rows).into_iter().enumerate() {
                let bytes = value
                    .to_be_bytes()
                    .repeat((value.unsigned_abs() % 5) as usize);
                let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
                builder.append_option(valid.then_some(bytes));
            }
            Arc::new(builder.finish())
        }
        DataType::FixedSizeBinary(width) => {
            let mut builder = FixedSizeBinaryBuilder::new(*width);
            for (row, value) in random_ints(rng, rows).into_iter().enumerate() {
                let bytes = value.to_le_bytes().repeat(2);
                match nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                    true => builder.append_value(&bytes[..*width as usize]).unwrap(),
                    false => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        DataType::Dictionary(_, _) => {
            let strings = random_strings(rng, rows, nulls.as_ref());
            arrow_cast::cast(&strings, field.data_type()).unwrap()
        }
        DataType::List(item) => {
            let (offsets, items) = random_lengths(rng, rows);
            let items = random_array(rng, item, items);
            Arc::new(ListArray::new(item.clone(), offsets, items, nulls))
        }
        DataType::FixedSizeList(item, len) => {
            let items = random_array(rng, item, rows * *len as usize);
            Arc::new(
                FixedSizeListArray::try_new_with_length(item.clone(), *len, items, nulls, rows)
                    .unwrap(),
            )
        }
        DataType::Struct(fields) => {
            let arrays = fields
                .iter()
                .map(|field| random_array(rng, field, rows))
                .collect();
            Arc::new(StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows).unwrap())
        }
        DataType::Map(entries, sorted) => {
            let (offsets, items) = random_lengths(rng, rows);
            let DataType::Struct(fields) = entries.data_type() else {
                unreachable!()
            };
            let arrays = fields
                .iter()
                .map(|field| random_array(rng, field, items))
                .collect();
            let items = StructArray::new(fields.clone(), arrays, None);
            Arc::new(MapArray::new(
                entries.clone(),
                offsets,
                items,
                nulls,
                *sorted,
            ))
        }
        other => panic!("no generator for {other}"),
    }
}

fn random_lengths(rng: &mut StdRng, rows: usize) -> (OffsetBuffer<i32>, usize) {
    let lengths: Vec<usize> = (0..rows).map(|_| rng.random_range(0..4)).collect();
    (
        OffsetBuffer::from_lengths(lengths.iter().copied()),
        lengths.iter().sum(),
    )
}

fn random_strings(
    rng: &mut StdRng,
    rows: usize,
    nulls: Option<&NullBuffer>,
) -> arrow_array::StringArray {
    let mut builder = StringBuilder::new();
    let long = rng.random_bool(0.3);
    for (row, value) in random_ints(rng, rows).into_iter().enumerate() {
        let text = match value.rem_euclid(7) {
            0 => String::new(),
            1 => "exactly twelve".chars().take(12).collect(),
            2 => format!("äöü€𝄞 {value}"),
            _ if long => "long ".repeat((value.rem_euclid(60)) as usize),
            _ => format!("value {value}"),
        };
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
        builder.append_option(valid.then_some(text));
    }
    builder.finish()
}
