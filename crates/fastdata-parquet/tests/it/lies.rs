//! Statistics that cannot be right are not believed. A wrong bound that could be right is beyond
//! anybody who reads.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate};
use fastdata_parquet::{ErrorKind, ReadOptions};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ParquetMetaDataReader, ParquetMetaDataWriter};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;

use crate::pruning::{check_in, compare, number};
use crate::{reading, writing};

const ROWS: i64 = 100;

/// One row group of numbers, floats with NaN and negative zero, and words beyond ASCII.
fn file() -> Bytes {
    let float = |row| match row % 10 {
        0 => None,
        1 => Some(f64::NAN),
        2 => Some(-0.0),
        _ => Some(row as f64),
    };
    let word = |row| (row % 4 != 0).then(|| ["a", "é", "z"][row as usize % 3]);
    let columns: [(&str, ArrayRef); 3] = [
        ("number", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        (
            "float",
            Arc::new(Float64Array::from_iter((0..ROWS).map(float))),
        ),
        (
            "word",
            Arc::new(StringArray::from_iter((0..ROWS).map(word))),
        ),
    ];
    let columns = columns.map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false)
        .build();
    writing::write(&batch, properties)
}

/// The same file, but its footer says this about column `column`.
fn claiming(column: usize, claim: Option<&Statistics>) -> Bytes {
    const TAIL_BYTES: usize = 8;
    let file = file();
    let meta = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .unwrap();
    let tail = file.len() - TAIL_BYTES;
    let footer = u32::from_le_bytes(file[tail..tail + 4].try_into().unwrap()) as usize;
    let mut out = file[..tail - footer].to_vec();
    let [group] = meta.row_groups() else {
        panic!("one row group");
    };
    let mut columns = group.columns().to_vec();
    let builder = columns[column].clone().into_builder().clear_statistics();
    columns[column] = match claim {
        Some(claim) => builder.set_statistics(claim.clone()),
        None => builder,
    }
    .build()
    .unwrap();
    let group = group.clone().into_builder().set_column_metadata(columns);
    let meta = meta
        .clone()
        .into_builder()
        .set_row_groups(vec![group.build().unwrap()])
        .build();
    ParquetMetaDataWriter::new(&mut out, &meta)
        .finish()
        .unwrap();
    Bytes::from(out)
}

fn integers(min: Option<i64>, max: Option<i64>) -> Statistics {
    Statistics::int64(min, max, None, Some(0), false)
}

fn floats(min: Option<f64>, max: Option<f64>, deprecated: bool) -> Statistics {
    Statistics::double(min, max, None, None, deprecated)
}

fn bytes(min: &[u8], max: &[u8], deprecated: bool) -> Statistics {
    let [min, max] = [min, max].map(|bytes| Some(ByteArray::from(bytes.to_vec())));
    Statistics::byte_array(min, max, None, None, deprecated)
}

/// No condition on `column` loses a row.
#[track_caller]
fn nothing_is_lost(column: &str, literals: &[Literal], file: &Bytes) {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    for literal in literals {
        for op in [Lt, LtEq, Gt, GtEq, Eq, NotEq] {
            check_in(file, &compare(column, op, literal.clone()));
        }
    }
    for negated in [false, true] {
        let column = ColumnName::top(column);
        check_in(file, &Predicate::IsNull { column, negated });
    }
}

#[test]
fn what_could_be_right_prunes() {
    let file = claiming(0, Some(&integers(Some(0), Some(ROWS - 1))));
    let outcome = check_in(&file, &compare("number", CompareOp::GtEq, number(1000)));
    assert_eq!(outcome.row_groups_pruned, 1);
}

#[test]
fn inverted_half_and_absent_bounds_lose_nothing() {
    let literals = [-1, 0, 50, 99, 100].map(number);
    for claim in [
        None,
        Some(integers(Some(99), Some(0))),
        Some(integers(Some(i64::MAX), Some(i64::MIN))),
        Some(integers(Some(0), None)),
        Some(integers(None, Some(99))),
        Some(integers(None, None)),
        // More nulls than rows: not "only nulls".
        Some(Statistics::int64(None, None, None, Some(101), false)),
        Some(Statistics::int64(None, None, None, None, false)),
    ] {
        nothing_is_lost("number", &literals, &claiming(0, claim.as_ref()));
    }
}

#[test]
fn bounds_that_are_nan_or_of_an_unknown_order_lose_nothing() {
    let literals = [-1.0, 0.0, -0.0, 50.5, 99.0, 1e9, f64::NAN].map(Literal::Float);
    for claim in [
        floats(Some(f64::NAN), Some(f64::NAN), false),
        floats(Some(f64::NAN), Some(99.0), false),
        floats(Some(-0.0), Some(f64::NAN), false),
        floats(Some(99.0), Some(0.0), false),
        // Zeros of either sign are one number.
        floats(Some(0.0), Some(99.0), false),
        // The old fields say nothing about floats.
        floats(Some(1e6), Some(1e7), true),
    ] {
        nothing_is_lost("float", &literals, &claiming(1, Some(&claim)));
    }
}

#[test]
fn bounds_that_are_no_text_or_of_an_unknown_order_lose_nothing() {
    let literals = ["", "a", "b", "z", "é", "ü"].map(|text| Literal::String(text.into()));
    for claim in [
        bytes("é".as_bytes(), b"a", false),
        bytes(b"\xff\xfe", b"\xff\xff", false),
        bytes(b"", "é".as_bytes(), false),
        // The old fields compare signed bytes: right for numbers only.
        bytes(b"m", b"n", true),
    ] {
        nothing_is_lost("word", &literals, &claiming(2, Some(&claim)));
    }
}

#[test]
fn bounds_that_are_too_short_are_an_error() {
    for column in [0, 1] {
        let file = claiming(column, Some(&bytes(b"abc", b"abc", false)));
        let error = reading::open(&file, &ReadOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}
