//! Binding, evaluating and settling against a naive evaluation of the tree, row by row.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{StringDictionaryBuilder, StringViewBuilder};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray, TimestampMicrosecondArray, UInt16Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, i256};
use arrow_schema::{DataType, Field, Fields, Schema};
use half::f16;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::literal::{Place, place};
use super::*;
use crate::ErrorKind;

const OPS: [CompareOp; 6] = [
    CompareOp::Eq,
    CompareOp::NotEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

fn int(value: i128) -> Literal {
    Literal::Number {
        unscaled: value,
        scale: 0,
    }
}

fn number(unscaled: i128, scale: u8) -> Literal {
    Literal::Number { unscaled, scale }
}

fn text(value: &str) -> Literal {
    Literal::String(value.to_owned())
}

fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: ColumnName::top(column),
        op,
        literal,
    }
}

fn shown(predicate: &Predicate, schema: &Schema) -> String {
    match bind(predicate, schema) {
        Ok(bound) => bound.to_string(),
        Err(error) => format!("{:?}: {error}", error.kind()),
    }
}

/// One column `c` of `data_type`, one comparison, and what it is bound to.
#[track_caller]
fn check_bound(data_type: DataType, op: CompareOp, literal: Literal, expected: &str) {
    let schema = Schema::new(vec![Field::new("c", data_type, true)]);
    assert_eq!(shown(&compare("c", op, literal), &schema), expected);
}

#[test]
fn literals_become_the_exact_comparison() {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let int8 = || DataType::Int8;
    check_bound(int8(), Lt, number(15, 1), "c <= 1");
    check_bound(int8(), GtEq, number(15, 1), "c > 1");
    check_bound(int8(), Gt, number(-15, 1), "c > -2");
    check_bound(int8(), Eq, number(15, 1), "false");
    check_bound(int8(), NotEq, number(15, 1), "c is not null");
    check_bound(int8(), Eq, number(150, 1), "c = 15");
    check_bound(int8(), Lt, int(128), "c is not null");
    check_bound(int8(), LtEq, number(1275, 1), "c is not null");
    check_bound(int8(), Gt, int(-129), "c is not null");
    check_bound(int8(), GtEq, int(128), "false");
    check_bound(int8(), Eq, Literal::Null, "false");
    check_bound(int8(), Lt, Literal::Float(f64::NAN), "c is not null");
    check_bound(DataType::Int64, Eq, Literal::Float(1e3), "c = 1000");
    check_bound(
        DataType::UInt64,
        LtEq,
        int(u64::MAX.into()),
        "c <= 18446744073709551615",
    );
    check_bound(DataType::UInt64, GtEq, int(-1), "c is not null");
    check_bound(DataType::Int64, Lt, Literal::Float(1e300), "c is not null");
    check_bound(DataType::Int64, Gt, Literal::Float(1e-300), "c > 0");
    check_bound(DataType::Int64, Lt, Literal::Float(-1e-300), "c <= -1");
    let decimal = || DataType::Decimal128(10, 2);
    check_bound(decimal(), Lt, number(1_234, 3), "c <= 1.23");
    check_bound(decimal(), Eq, number(-5, 1), "c = -0.50");
    check_bound(decimal(), Eq, Literal::Float(0.1), "c = 0.10");
    check_bound(
        DataType::Decimal32(9, 2),
        Lt,
        int(i128::MAX),
        "c is not null",
    );
    check_bound(
        DataType::Decimal256(76, 0),
        Eq,
        int(i128::MAX),
        &format!("c = {}", i128::MAX),
    );
    check_bound(DataType::Decimal64(10, -2), GtEq, int(250), "c > 200");
    check_bound(
        DataType::Float32,
        Eq,
        number(1, 1),
        "c = 0.10000000149011612",
    );
    check_bound(
        DataType::Float32,
        Lt,
        Literal::Float(1e300),
        "c <= 340282346638528860000000000000000000000",
    );
    check_bound(DataType::Float64, Eq, text("nan"), "c = 'NaN'");
    check_bound(DataType::Float64, Gt, Literal::Float(-0.0), "c > 0");
    check_bound(DataType::Float16, Eq, int(70_000), "false");
}

#[test]
fn strings_become_dates_times_and_uuids() {
    use CompareOp::{Eq, Gt, GtEq, Lt};
    use arrow_schema::TimeUnit::{Microsecond, Millisecond, Second};
    let zoned = || DataType::Timestamp(Microsecond, Some("UTC".into()));
    let local = || DataType::Timestamp(Millisecond, None);
    check_bound(DataType::Date32, Eq, text("2026-01-15"), "c = '2026-01-15'");
    check_bound(
        DataType::Date32,
        Lt,
        text("2026-01-15 12:00"),
        "c <= '2026-01-15'",
    );
    check_bound(
        DataType::Date64,
        GtEq,
        text("1969-12-31"),
        "c >= '1969-12-31'",
    );
    check_bound(
        zoned(),
        GtEq,
        text("2026-01-15"),
        "c >= '2026-01-15 00:00:00Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15T08:30:00.5"),
        "c = '2026-01-15 08:30:00.500Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15 08:30+02:00"),
        "c = '2026-01-15 06:30:00Z'",
    );
    check_bound(
        zoned(),
        Eq,
        text("2026-01-15 08:30:00 UTC"),
        "c = '2026-01-15 08:30:00Z'",
    );
    check_bound(
        local(),
        Gt,
        text("2026-01-15 08:30:00.0005"),
        "c > '2026-01-15 08:30:00'",
    );
    check_bound(
        local(),
        Eq,
        text("2026-01-15 08:30:00Z"),
        "c = '2026-01-15 08:30:00'",
    );
    check_bound(
        local(),
        Lt,
        text("-0044-03-15"),
        "c < '-0044-03-15 00:00:00'",
    );
    check_bound(
        DataType::Time32(Second),
        Lt,
        text("08:30:00.5"),
        "c <= '08:30:00'",
    );
    check_bound(
        DataType::Time64(Microsecond),
        Eq,
        text("08:30:00.000001"),
        "c = '08:30:00.000001'",
    );
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    let hex = "c = X'550e8400e29b41d4a716446655440000'";
    check_bound(DataType::FixedSizeBinary(16), Eq, text(uuid), hex);
    check_bound(
        DataType::FixedSizeBinary(16),
        Eq,
        text(&uuid.replace('-', "")),
        hex,
    );
    check_bound(DataType::BinaryView, Eq, text("ab"), "c = X'6162'");
    check_bound(
        DataType::Binary,
        Eq,
        Literal::Binary(vec![0, 255]),
        "c = X'00ff'",
    );
    for wrong in [
        "2026-02-30",
        "2026-1-1",
        "15.01.2026",
        "2026-01-15 25:00",
        "2026-01-15 08",
        "",
        "+026-01-01",
    ] {
        let schema = Schema::new(vec![Field::new("c", zoned(), true)]);
        let error = bind(&compare("c", Eq, text(wrong)), &schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}");
    }
}

#[test]
fn wrong_pairs_name_both_types() {
    use CompareOp::Eq;
    let refused = |data_type: DataType, literal: Literal, words: [&str; 2]| {
        let schema = Schema::new(vec![Field::new("c", data_type, true)]);
        let error = bind(&compare("c", Eq, literal), &schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    };
    refused(DataType::Int64, text("5"), ["Int64", "string '5'"]);
    refused(DataType::Utf8, int(5), ["Utf8", "number 5"]);
    refused(DataType::Boolean, int(1), ["Boolean", "number 1"]);
    refused(
        DataType::Int32,
        Literal::Boolean(true),
        ["Int32", "boolean true"],
    );
    refused(
        DataType::FixedSizeBinary(16),
        text("x"),
        ["FixedSizeBinary(16)", "string 'x'"],
    );
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
    refused(list.clone(), int(1), ["List", "is [not] null"]);
    let schema = Schema::new(vec![Field::new("c", list, true)]);
    let is_null = Predicate::IsNull {
        column: ColumnName::top("c"),
        negated: false,
    };
    assert_eq!(shown(&is_null, &schema), "c is null");
}

#[test]
fn names_are_found_exactly_then_in_any_case() {
    let inner = Fields::from(vec![Field::new("City", DataType::Utf8, true)]);
    let schema = Schema::new(vec![
        Field::new("Score", DataType::Int32, true)
            .with_metadata(HashMap::from([("PARQUET:field_id".into(), "7".into())])),
        Field::new("id", DataType::Int32, true),
        Field::new("ID", DataType::Int32, true),
        Field::new("home", DataType::Struct(inner), true),
        Field::new("a.b", DataType::Int32, true),
    ]);
    let named = |parts: &[&str]| Predicate::IsNull {
        column: ColumnName(parts.iter().map(|part| (*part).to_owned()).collect()),
        negated: false,
    };
    assert_eq!(shown(&named(&["score"]), &schema), "Score is null");
    assert_eq!(shown(&named(&["id"]), &schema), "id is null");
    assert_eq!(
        shown(&named(&["HOME", "city"]), &schema),
        "home.City is null"
    );
    assert_eq!(shown(&named(&["a", "b"]), &schema), "a.b is null");
    assert!(shown(&named(&["Id"]), &schema).contains("ambiguous: id, ID"));
    assert!(shown(&named(&["scor"]), &schema).contains("near names: Score"));
    assert!(shown(&named(&["home", "cty"]), &schema).contains("near names: City"));
    assert!(shown(&named(&["score", "x"]), &schema).contains("has no field x"));
    assert!(
        shown(&named(&["nothing"]), &schema).starts_with("InvalidArgument: there is no column")
    );
    let bound = bind(&named(&["score"]), &schema).unwrap();
    assert_eq!(bound.columns()[0].field_id, Some(7));
    let moved = bound.remap(&|column| {
        Some(ColumnPath {
            indices: vec![3],
            ..column.clone()
        })
    });
    assert_eq!(moved.unwrap().columns()[0].indices, [3]);
    assert_eq!(bound.remap(&|_| None), None);
}

#[test]
fn explain_reads_as_sql() {
    let schema = Schema::new(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("odd name", DataType::Utf8, true),
    ]);
    let name = || ColumnName::top("odd name");
    let like = Predicate::Like {
        column: name(),
        pattern: "it's%".into(),
        escape: None,
        negated: false,
        ignore_case: false,
    };
    let listed = Predicate::In {
        column: ColumnName::top("a"),
        literals: vec![int(3), int(1)],
        negated: true,
    };
    let whole = Predicate::Not(Box::new(Predicate::And(vec![
        Predicate::Or(vec![like, compare("a", CompareOp::Lt, int(5))]),
        listed,
    ])));
    assert_eq!(
        shown(&whole, &schema),
        "(\"odd name\" not like 'it''s%' and a >= 5) or a in (1, 3)"
    );
}

/// The truth of `predicate` for one row, by the definition of three-valued logic.
fn naive(predicate: &Predicate, batch: &RecordBatch, row: usize) -> Option<bool> {
    match predicate {
        Predicate::Compare {
            column,
            op,
            literal,
        } => {
            let (value, data_type) = cell(column, batch, row);
            order(&value?, literal, &data_type).map(|order| op.holds(order))
        }
        Predicate::In {
            column,
            literals,
            negated,
        } => {
            let (value, data_type) = cell(column, batch, row);
            let value = value?;
            let mut result = Some(false);
            for literal in literals {
                match order(&value, literal, &data_type) {
                    Some(Ordering::Equal) => return Some(!negated),
                    Some(_) => {}
                    None => result = None,
                }
            }
            result.map(|found| found != *negated)
        }
        Predicate::IsNull { column, negated } => {
            Some(cell(column, batch, row).0.is_none() != *negated)
        }
        Predicate::IsTrue(column) => match cell(column, batch, row).0? {
            Datum::Boolean(value) => Some(value),
            other => panic!("{other:?} is no boolean"),
        },
        Predicate::CompareColumns { left, op, right } => {
            let (left, right) = (cell(left, batch, row).0?, cell(right, batch, row).0?);
            Some(op.holds(left.compare(&right).unwrap()))
        }
        Predicate::Constant(value) => *value,
        Predicate::Not(inner) => naive(inner, batch, row).map(|value| !value),
        Predicate::And(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| naive(part, batch, row)).collect();
            let all = truths.iter().all(|truth| *truth == Some(true));
            if truths.contains(&Some(false)) {
                Some(false)
            } else {
                all.then_some(true)
            }
        }
        Predicate::Or(parts) => {
            let truths: Vec<_> = parts.iter().map(|part| naive(part, batch, row)).collect();
            let none = truths.iter().all(|truth| *truth == Some(false));
            if truths.contains(&Some(true)) {
                Some(true)
            } else {
                none.then_some(false)
            }
        }
        Predicate::Like {
            column,
            pattern,
            negated,
            ..
        } => match cell(column, batch, row).0? {
            Datum::String(value) => {
                let prefix = pattern.strip_suffix('%').unwrap();
                Some(value.starts_with(prefix) != *negated)
            }
            other => panic!("{other:?} is no string"),
        },
    }
}

fn cell(column: &ColumnName, batch: &RecordBatch, row: usize) -> (Option<Datum>, DataType) {
    let path = super::names::resolve(column, &batch.schema()).unwrap().path;
    let (array, valid) = super::compile::leaf(&path, batch).unwrap();
    let value = valid
        .is_none_or(|valid| valid.is_valid(row))
        .then(|| Datum::at(&array, row).unwrap().unwrap());
    (value, path.data_type)
}

/// How a value stands to a literal; by decimal text where both are numbers, so that the
/// conversion under test takes no part.
fn order(value: &Datum, literal: &Literal, data_type: &DataType) -> Option<Ordering> {
    let exact = match (value, literal) {
        (_, Literal::Null) => return None,
        (Datum::Int(value), Literal::Number { unscaled, scale }) => {
            Some((value * 10_i128.pow((*scale).into())).cmp(unscaled))
        }
        (Datum::Decimal(value), Literal::Number { unscaled, scale }) => {
            let DataType::Decimal128(_, column_scale) = data_type else {
                panic!("{data_type}")
            };
            let ten = i256::from_i128(10);
            let value = *value * ten.checked_pow((*scale).into()).unwrap();
            let literal =
                i256::from_i128(*unscaled) * ten.checked_pow(*column_scale as u32).unwrap();
            Some(value.cmp(&literal))
        }
        _ => None,
    };
    exact.or_else(|| match place(literal, data_type, false, &"c").unwrap() {
        Place::At(datum) => Some(value.compare(&datum).unwrap()),
        other => panic!("{literal:?} against {data_type} is {other:?}"),
    })
}

struct Generator {
    rng: StdRng,
}

impl Generator {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())].clone()
    }

    /// `rows` values of `pool`, some null.
    fn options<T: Clone>(&mut self, pool: &[T], rows: usize) -> Vec<Option<T>> {
        let null_share = self.pick(&[0.0, 0.1, 0.5, 1.0]);
        (0..rows)
            .map(|_| (!self.rng.random_bool(null_share)).then(|| self.pick(pool)))
            .collect()
    }

    fn batch(&mut self, rows: usize) -> RecordBatch {
        const WORDS: [&str; 9] = [
            "",
            "a",
            "ab",
            "abc",
            "abcdefghijkl",
            "abcdefghijklm",
            "abcdefghijklz",
            "b",
            "é",
        ];
        let words = self.options(&WORDS, rows);
        let mut views = StringViewBuilder::new();
        let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
        for word in &words {
            views.append_option(*word);
            dictionary.append_option(*word);
        }
        let floats = [
            f64::NEG_INFINITY,
            -1.5,
            -0.0,
            0.0,
            2.5,
            f64::INFINITY,
            f64::NAN,
            -f64::NAN,
        ];
        let inner: ArrayRef = Arc::new(Int32Array::from(self.options(&[1, 2, 3], rows)));
        let fields = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
        let outer: BooleanBuffer = (0..rows).map(|_| self.rng.random_bool(0.7)).collect();
        let nested = StructArray::new(fields, vec![inner], Some(NullBuffer::new(outer)));
        let decimals = Decimal128Array::from(self.options(&[-150, -1, 0, 99, 100, 150], rows))
            .with_precision_and_scale(10, 2)
            .unwrap();
        let keys = Int32Array::from(self.options(&[0, 1, 2], rows));
        let ints = DictionaryArray::<Int32Type>::new(
            keys,
            Arc::new(Int64Array::from(vec![Some(-2), None, Some(3)])),
        );
        let times = TimestampMicrosecondArray::from(self.options(&[-1, 0, 1_000_000], rows));
        let columns: Vec<(&str, ArrayRef)> = vec![
            (
                "i8",
                Arc::new(Int8Array::from(
                    self.options(&[-128, -2, -1, 0, 1, 2, 127], rows),
                )),
            ),
            (
                "i64",
                Arc::new(Int64Array::from(
                    self.options(&[-3, -2, -1, 0, 1, 2, 3], rows),
                )),
            ),
            (
                "j64",
                Arc::new(Int64Array::from(
                    self.options(&[-3, -2, -1, 0, 1, 2, 3], rows),
                )),
            ),
            (
                "u16",
                Arc::new(UInt16Array::from(self.options(&[0, 1, 2, 3, 65_535], rows))),
            ),
            (
                "f64",
                Arc::new(Float64Array::from(self.options(&floats, rows))),
            ),
            (
                "f32",
                Arc::new(Float32Array::from(
                    self.options(&floats.map(|f| f as f32), rows),
                )),
            ),
            (
                "f16",
                Arc::new(Float16Array::from(
                    self.options(&floats.map(f16::from_f64), rows),
                )),
            ),
            (
                "b",
                Arc::new(BooleanArray::from(self.options(&[true, false], rows))),
            ),
            ("dec", Arc::new(decimals)),
            ("ts", Arc::new(times)),
            ("s", Arc::new(StringArray::from(words.clone()))),
            ("large", Arc::new(LargeStringArray::from(words))),
            ("view", Arc::new(views.finish())),
            ("dict", Arc::new(dictionary.finish())),
            ("ints", Arc::new(ints)),
            ("nested", Arc::new(nested)),
        ];
        RecordBatch::try_from_iter_with_nullable(
            columns
                .into_iter()
                .map(|(name, column)| (name, column, true)),
        )
        .unwrap()
    }

    fn literal(&mut self, column: &str) -> Literal {
        if self.rng.random_bool(0.05) {
            return Literal::Null;
        }
        match column {
            "i8" | "i64" | "j64" | "u16" | "ints" | "x" => {
                let unscaled = self.rng.random_range(-40..40);
                self.pick(&[
                    number(unscaled, 1),
                    int(unscaled / 8),
                    int(300),
                    int(-70_000),
                ])
            }
            "dec" => number(self.rng.random_range(-2_000..2_000), 3),
            "f64" | "f32" | "f16" => self.pick(&[
                int(0),
                number(25, 1),
                number(-15, 1),
                text("NaN"),
                text("inf"),
            ]),
            "b" => Literal::Boolean(self.rng.random_bool(0.5)),
            "ts" => self.pick(&[text("1970-01-01"), text("1970-01-01 00:00:01Z")]),
            _ => self.pick(&[
                text("ab"),
                text("abcdefghijklm"),
                text(""),
                text("b"),
                text("zzz"),
            ]),
        }
    }

    fn name(&mut self) -> (ColumnName, &'static str) {
        const NAMES: [&str; 15] = [
            "i8", "i64", "j64", "u16", "f64", "f32", "f16", "b", "dec", "ts", "s", "large", "view",
            "dict", "ints",
        ];
        if self.rng.random_bool(0.1) {
            return (ColumnName(vec!["nested".into(), "x".into()]), "x");
        }
        let name = self.pick(&NAMES);
        (ColumnName::top(name), name)
    }

    fn predicate(&mut self, depth: usize) -> Predicate {
        let kind = if depth == 0 {
            self.rng.random_range(0..7)
        } else {
            self.rng.random_range(0..12)
        };
        let (column, name) = self.name();
        match kind {
            0..=2 => Predicate::Compare {
                op: self.pick(&OPS),
                literal: self.literal(name),
                column,
            },
            3 => {
                let count = self.pick(&[1, 2, 3, 20]);
                let literals = (0..count).map(|_| self.literal(name)).collect();
                Predicate::In {
                    column,
                    literals,
                    negated: self.rng.random_bool(0.5),
                }
            }
            4 => Predicate::IsNull {
                column,
                negated: self.rng.random_bool(0.5),
            },
            5 => match self.rng.random_range(0..4) {
                0 => Predicate::IsTrue(ColumnName::top("b")),
                1 => Predicate::Constant(self.pick(&[Some(true), Some(false), None])),
                _ => {
                    let (left, right) = self.pick(&[
                        ("i64", "j64"),
                        ("i8", "u16"),
                        ("f64", "f32"),
                        ("f64", "f64"),
                        ("s", "view"),
                        ("dict", "large"),
                        ("ints", "i8"),
                    ]);
                    Predicate::CompareColumns {
                        left: ColumnName::top(left),
                        op: self.pick(&OPS),
                        right: ColumnName::top(right),
                    }
                }
            },
            6 => Predicate::Like {
                column: ColumnName::top(self.pick(&["s", "large", "view", "dict"])),
                pattern: self
                    .pick(&["a%", "abcdef%", "%", "abcdefghijklm%", "z%", "b%"])
                    .into(),
                escape: None,
                negated: self.rng.random_bool(0.5),
                ignore_case: false,
            },
            7 => Predicate::Not(Box::new(self.predicate(depth - 1))),
            other => {
                let count = self.rng.random_range(1..4);
                let parts = (0..count).map(|_| self.predicate(depth - 1)).collect();
                if other % 2 == 0 {
                    Predicate::And(parts)
                } else {
                    Predicate::Or(parts)
                }
            }
        }
    }
}

/// Facts of a batch's own columns: as tight as they can be, loosened, or partly absent.
struct BatchFacts<'a> {
    batch: &'a RecordBatch,
    noise: u64,
}

impl BatchFacts<'_> {
    fn values(&self, column: &ColumnPath) -> Vec<Option<Datum>> {
        let (array, valid) = super::compile::leaf(column, self.batch).unwrap();
        (0..self.batch.num_rows())
            .map(|row| {
                let is_valid = valid.as_ref().is_none_or(|valid| valid.is_valid(row));
                is_valid.then(|| Datum::at(&array, row).unwrap().unwrap())
            })
            .collect()
    }

    /// A number that differs by column and is the same whenever the column is asked for.
    fn noise(&self, column: &ColumnPath) -> u64 {
        let sum: u64 = column.name.bytes().map(u64::from).sum();
        self.noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(sum)
            >> 7
    }
}

fn presence(count: usize, all: usize) -> Presence {
    match count {
        0 => Presence::None,
        count if count == all => Presence::All,
        _ => Presence::Maybe,
    }
}

impl Facts for BatchFacts<'_> {
    fn column(&self, column: &ColumnPath) -> Option<ColumnFacts> {
        let noise = self.noise(column);
        let values = self.values(column);
        let rows = values.len();
        let known: Vec<Datum> = values.into_iter().flatten().collect();
        let mut numbers: Vec<Datum> = known.iter().filter(|d| !d.is_nan()).cloned().collect();
        numbers.sort_by(|a, b| a.compare(b).unwrap());
        let nans = known.len() - numbers.len();
        let (mut min, mut max) = (numbers.first().cloned(), numbers.last().cloned());
        if noise % 3 == 1 {
            min = min.map(|min| loosened(min, -1));
            max = max.map(|max| loosened(max, 1));
        }
        if noise % 5 == 1 {
            min = None;
        }
        if noise % 7 == 1 && min.is_some() && max.is_some() {
            std::mem::swap(&mut min, &mut max);
        }
        let blur = |presence| {
            if noise.is_multiple_of(4) {
                Presence::Maybe
            } else {
                presence
            }
        };
        (!noise.is_multiple_of(11)).then(|| ColumnFacts {
            min,
            max,
            nulls: blur(presence(rows - known.len(), rows)),
            nans: blur(presence(nans, rows)),
        })
    }

    fn excludes(&self, column: &ColumnPath, value: &Datum) -> bool {
        let equal = |known: &Datum| known.compare(value) == Some(Ordering::Equal);
        self.noise(column).is_multiple_of(2) && !self.values(column).iter().flatten().any(equal)
    }
}

fn loosened(datum: Datum, by: i32) -> Datum {
    match datum {
        Datum::Int(value) => Datum::Int(value + i128::from(by)),
        Datum::Float(value) => Datum::Float(value + f64::from(by)),
        Datum::String(value) if by < 0 => Datum::String(value.chars().take(1).collect()),
        Datum::String(value) => Datum::String(value + "~"),
        other => other,
    }
}

/// Random trees over random batches: evaluated as by the definition, and unchanged by settling.
#[test]
fn evaluating_and_settling_agree_with_the_definition() {
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(7),
    };
    let mut settled_away = 0;
    for round in 0..300 {
        // Mostly few rows, where facts decide; now and then more than a chunk's worth of words.
        let rows = generator.pick(&[0, 1, 2, 3, 5, 64, 65, 130]);
        let batch = generator.batch(rows);
        let sliced = batch.slice(rows / 3, rows - rows / 3);
        for turn in 0..12 {
            let predicate = generator.predicate(turn % 4);
            let bound = bind(&predicate, &batch.schema()).unwrap();
            for batch in [&batch, &sliced] {
                let mask = bound.evaluate(batch).unwrap();
                let expected: BooleanBuffer = (0..batch.num_rows())
                    .map(|row| naive(&predicate, batch, row) == Some(true))
                    .collect();
                assert_eq!(
                    mask, expected,
                    "round {round}: {predicate:?} bound as {bound}"
                );
                let facts = BatchFacts {
                    batch,
                    noise: round * 31 + turn as u64,
                };
                let residual = bound.settle(&facts);
                let kept = residual.evaluate(batch).unwrap();
                assert_eq!(kept, mask, "round {round}: {bound} settled as {residual}");
                settled_away += usize::from(matches!(residual, Bound::Constant(_)));
            }
        }
    }
    assert!(
        settled_away > 1_000,
        "facts decided only {settled_away} of 7,200"
    );
}

/// Chunks, threads and short cuts: a batch of many chunks gives what its pieces give.
#[test]
fn large_batches_agree_with_their_pieces() {
    let mut generator = Generator {
        rng: StdRng::seed_from_u64(11),
    };
    let batch = generator.batch(150_000);
    for depth in 0..12 {
        let bound = bind(&generator.predicate(depth % 4), &batch.schema()).unwrap();
        let whole = bound.evaluate(&batch).unwrap();
        for (offset, len) in [(0, 64), (1, 100), (16_380, 70), (140_000, 10_000)] {
            let piece = bound.evaluate(&batch.slice(offset, len)).unwrap();
            assert_eq!(whole.slice(offset, len), piece, "{bound} at {offset}");
        }
    }
}

#[test]
fn facts_settle_what_they_should() {
    struct Fixed(ColumnFacts);
    impl Facts for Fixed {
        fn column(&self, _: &ColumnPath) -> Option<ColumnFacts> {
            Some(self.0.clone())
        }
        fn excludes(&self, _: &ColumnPath, value: &Datum) -> bool {
            *value == Datum::Int(15)
        }
    }
    let facts = |min: Datum, max: Datum, nulls: Presence, nans: Presence| {
        Fixed(ColumnFacts {
            min: Some(min),
            max: Some(max),
            nulls,
            nans,
        })
    };
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int32, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let settled = |predicate: &Predicate, facts: &Fixed| {
        bind(predicate, &schema).unwrap().settle(facts).to_string()
    };
    use CompareOp::{Eq, Gt, GtEq, Lt, NotEq};
    use Presence::{All, Maybe, None};
    let ints = |nulls| facts(Datum::Int(10), Datum::Int(20), nulls, None);
    assert_eq!(settled(&compare("i", Lt, int(10)), &ints(None)), "false");
    assert_eq!(settled(&compare("i", GtEq, int(10)), &ints(None)), "true");
    assert_eq!(
        settled(&compare("i", GtEq, int(10)), &ints(Maybe)),
        "i >= 10"
    );
    assert_eq!(settled(&compare("i", GtEq, int(10)), &ints(All)), "false");
    assert_eq!(settled(&compare("i", Eq, int(15)), &ints(None)), "false");
    assert_eq!(
        settled(&compare("i", NotEq, int(15)), &ints(Maybe)),
        "i is not null"
    );
    let listed = |negated| Predicate::In {
        column: ColumnName::top("i"),
        literals: [5, 11, 15, 25].map(int).to_vec(),
        negated,
    };
    assert_eq!(settled(&listed(false), &ints(None)), "i = 11");
    assert_eq!(settled(&listed(true), &ints(None)), "i != 11");
    let nonsense = facts(Datum::Int(20), Datum::Int(10), None, None);
    assert_eq!(settled(&compare("i", Eq, int(99)), &nonsense), "i = 99");
    let floats = |nans| facts(Datum::Float(1.0), Datum::Float(2.0), None, nans);
    assert_eq!(settled(&compare("f", Gt, int(5)), &floats(None)), "false");
    assert_eq!(settled(&compare("f", Gt, int(5)), &floats(Maybe)), "f > 5");
    assert_eq!(settled(&compare("f", Lt, int(5)), &floats(Maybe)), "f < 5");
    assert_eq!(settled(&compare("f", Lt, int(1)), &floats(Maybe)), "false");
    assert_eq!(
        settled(&compare("f", Eq, text("NaN")), &floats(None)),
        "false"
    );
    assert_eq!(
        settled(&compare("f", Lt, text("NaN")), &floats(None)),
        "true"
    );
    let strings = facts(
        Datum::String("abd".into()),
        Datum::String("abz".into()),
        None,
        None,
    );
    let like = |pattern: &str, negated| Predicate::Like {
        column: ColumnName::top("s"),
        pattern: pattern.into(),
        escape: Option::None,
        negated,
        ignore_case: false,
    };
    assert_eq!(settled(&like("abc%", false), &strings), "false");
    assert_eq!(settled(&like("ab%", false), &strings), "true");
    assert_eq!(settled(&like("ab%", true), &strings), "false");
    assert_eq!(settled(&like("b%x", true), &strings), "true");
    assert_eq!(settled(&like("abe%", false), &strings), "s like 'abe%'");
}

/// A batch whose columns are of other layouts and units than those the predicate was bound to.
#[test]
fn batches_of_other_layouts_are_understood() {
    let schema = Schema::new(vec![
        Field::new("i", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Utf8, true),
    ]);
    let batch = RecordBatch::try_from_iter([
        ("i", Arc::new(Int8Array::from(vec![1, 2, 127])) as ArrayRef),
        (
            "f",
            Arc::new(Float32Array::from(vec![0.1, 0.2, f32::NAN])) as ArrayRef,
        ),
        (
            "s",
            Arc::new(StringViewArray::from(vec!["a", "b", "c"])) as ArrayRef,
        ),
    ])
    .unwrap();
    let kept = |predicate: Predicate| -> Vec<bool> {
        bind(&predicate, &schema)
            .unwrap()
            .evaluate(&batch)
            .unwrap()
            .iter()
            .collect()
    };
    assert_eq!(kept(compare("i", CompareOp::Lt, int(1_000))), [true; 3]);
    assert_eq!(
        kept(compare("i", CompareOp::GtEq, int(2))),
        [false, true, true]
    );
    // 0.1 as a float of 32 bits is greater than 0.1 as one of 64.
    assert_eq!(kept(compare("f", CompareOp::Gt, number(1, 1))), [true; 3]);
    assert_eq!(
        kept(compare("f", CompareOp::LtEq, number(1, 1))),
        [false; 3]
    );
    assert_eq!(
        kept(compare("s", CompareOp::Eq, text("b"))),
        [false, true, false]
    );
    let wrong = bind(&compare("s", CompareOp::Eq, text("b")), &schema)
        .unwrap()
        .remap(&|column| {
            Some(ColumnPath {
                indices: vec![0],
                ..column.clone()
            })
        });
    let error = wrong.unwrap().evaluate(&batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
