//! Random trees over random batches against the definition, row by row.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{StringDictionaryBuilder, StringViewBuilder};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, UInt16Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, i256};
use arrow_schema::{DataType, Field, Fields};
use half::f16;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::written::{int, number, text};
use crate::predicate::compile::leaf;
use crate::predicate::literal::{Place, place};
use crate::predicate::names::resolve;
use crate::predicate::{
    Bound, ColumnFacts, ColumnName, ColumnPath, CompareOp, Datum, Facts, Literal, Predicate,
    Presence, bind,
};

const OPS: [CompareOp; 6] = [
    CompareOp::Eq,
    CompareOp::NotEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

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
    let path = resolve(column, &batch.schema()).unwrap().path;
    let (array, valid) = leaf(&path, batch).unwrap();
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
        let (array, valid) = leaf(column, self.batch).unwrap();
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
