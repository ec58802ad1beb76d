//! From an atom and a batch to the test that its column's layout allows.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    BinaryType, BinaryViewType, ByteViewType, LargeBinaryType, LargeUtf8Type, StringViewType,
    Utf8Type,
};
use arrow_array::{
    Array, ArrayRef, GenericByteArray, GenericByteViewArray, RecordBatch,
    downcast_dictionary_array, downcast_run_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer, i256};
use arrow_schema::DataType;
use half::f16;

use super::columns::compare_columns;
use super::evaluate::{Node, test_array};
use super::like::Pattern;
use super::literal::Comparison;
use super::lower::{lower, native};
use super::row_test::{
    ByKey, ByteRows, BytesTest, Compare, CompareViews, InFew, InMany, Known, Native, RowTest,
};
use super::{Atom, ColumnPath, CompareOp, Datum, Test};
use crate::{Error, Result};

/// Lists up to this length are compared value by value: a vector comparison of 64 rows takes less
/// than two look-ups in a hash set.
const FEW_MAX: usize = 16;

const COST_BITS: u8 = 1;
const COST_NATIVE: u8 = 2;
const COST_KEY: u8 = 4;
const COST_LIST: u8 = 6;
const COST_VIEW: u8 = 8;
const COST_BYTES: u8 = 10;
const COST_PATTERN: u8 = 20;

/// The leaf that `column` names, and which of its rows are not null in it or in a struct above.
pub(super) fn leaf(
    column: &ColumnPath,
    batch: &RecordBatch,
) -> Result<(ArrayRef, Option<NullBuffer>)> {
    let missing = || Error::invalid(format!("the batch has no column {column}"));
    let (first, rest) = column.indices.split_first().ok_or_else(missing)?;
    let mut array = Arc::clone(batch.columns().get(*first).ok_or_else(missing)?);
    let mut valid = None;
    for child in rest {
        let parent = array.as_struct_opt().ok_or_else(missing)?;
        valid = NullBuffer::union(valid.as_ref(), parent.nulls());
        let child = Arc::clone(parent.columns().get(*child).ok_or_else(missing)?);
        array = child;
    }
    let valid = NullBuffer::union(valid.as_ref(), array.logical_nulls().as_ref());
    Ok((array, valid))
}

pub(super) fn compile_atom(atom: &Atom, batch: &RecordBatch) -> Result<Node> {
    let (array, valid) = leaf(&atom.column, batch)?;
    if let Test::CompareColumn(op, other) = &atom.test {
        let (right, right_valid) = leaf(other, batch)?;
        let test = compare_columns(&array, *op, &right).ok_or_else(|| {
            Error::invalid(format!(
                "column {} is {} and cannot be compared with column {other}, which is {}",
                atom.column,
                array.data_type(),
                right.data_type()
            ))
        })?;
        let valid = NullBuffer::union(valid.as_ref(), right_valid.as_ref());
        return Ok(Node::Rows {
            test,
            valid,
            cost: COST_BYTES,
        });
    }
    compile_test(&array, valid, &atom.test, &atom.column.data_type)
        .map_err(|error| Error::new(error.kind(), format!("column {}: {error}", atom.column)))
}

/// `valid` are the rows that count as not null, `bound_type` what the datums were bound to.
pub(super) fn compile_test(
    array: &dyn Array,
    valid: Option<NullBuffer>,
    test: &Test,
    bound_type: &DataType,
) -> Result<Node> {
    if let Test::IsNull | Test::IsNotNull = test {
        return Ok(null_test(valid, matches!(test, Test::IsNull)));
    }
    if valid
        .as_ref()
        .is_some_and(|valid| valid.null_count() == valid.len())
    {
        return Ok(Node::Constant(false));
    }
    let valid = valid.filter(|valid| valid.null_count() > 0);
    let rows = |test: Box<dyn RowTest>, cost: u8| Node::Rows {
        test,
        valid: valid.clone(),
        cost,
    };
    let not_null = || null_test(valid.clone(), false);
    let lowered = |node: Lowered| match node {
        Lowered::Never => Node::Constant(false),
        Lowered::NotNull => not_null(),
        Lowered::Rows(test, cost) => rows(test, cost),
    };
    macro_rules! native_test {
        ($native:ty) => {
            lowered(native_test::<$native>(array, test, bound_type)?)
        };
    }
    macro_rules! bytes_test {
        ($array:expr) => {{
            let (test, cost) = bytes_test($array.clone(), test, array.data_type())?;
            rows(test, cost)
        }};
    }
    Ok(match array.data_type() {
        DataType::Null => Node::Constant(false),
        DataType::Boolean => boolean_test(array.as_boolean().values(), test, valid)?,
        DataType::Int8 => native_test!(i8),
        DataType::Int16 => native_test!(i16),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) | DataType::Decimal32(..) => {
            native_test!(i32)
        }
        DataType::Int64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Decimal64(..) => native_test!(i64),
        DataType::UInt8 => native_test!(u8),
        DataType::UInt16 => native_test!(u16),
        DataType::UInt32 => native_test!(u32),
        DataType::UInt64 => native_test!(u64),
        DataType::Float16 => native_test!(f16),
        DataType::Float32 => native_test!(f32),
        DataType::Float64 => native_test!(f64),
        DataType::Decimal128(..) => native_test!(i128),
        DataType::Decimal256(..) => native_test!(i256),
        DataType::Utf8 => bytes_test!(array.as_bytes::<Utf8Type>()),
        DataType::LargeUtf8 => bytes_test!(array.as_bytes::<LargeUtf8Type>()),
        DataType::Binary => bytes_test!(array.as_bytes::<BinaryType>()),
        DataType::LargeBinary => bytes_test!(array.as_bytes::<LargeBinaryType>()),
        DataType::FixedSizeBinary(_) => bytes_test!(array.as_fixed_size_binary()),
        DataType::Utf8View => {
            let (test, cost) = views_test(array.as_byte_view::<StringViewType>(), test, array)?;
            rows(test, cost)
        }
        DataType::BinaryView => {
            let (test, cost) = views_test(array.as_byte_view::<BinaryViewType>(), test, array)?;
            rows(test, cost)
        }
        DataType::Dictionary(..) => rows(dictionary_test(array, test, bound_type)?, COST_KEY),
        DataType::RunEndEncoded(..) => {
            let bits = run_bits(array, test, bound_type)?;
            rows(
                Box::new(Known {
                    bits,
                    negated: false,
                }),
                COST_BITS,
            )
        }
        other => {
            return Err(Error::invalid(format!(
                "a predicate bound to {bound_type} met a column of {other}"
            )));
        }
    })
}

fn null_test(valid: Option<NullBuffer>, wanted: bool) -> Node {
    match valid.filter(|valid| valid.null_count() > 0) {
        None => Node::Constant(!wanted),
        Some(valid) => Node::Rows {
            test: Box::new(Known {
                bits: valid.into_inner(),
                negated: wanted,
            }),
            valid: None,
            cost: COST_BITS,
        },
    }
}

/// What a test of a fixed-width column comes to.
enum Lowered {
    Never,
    NotNull,
    Rows(Box<dyn RowTest>, u8),
}

fn native_test<T: Native>(
    array: &dyn Array,
    test: &Test,
    bound_type: &DataType,
) -> Result<Lowered> {
    let array_type = array.data_type();
    let values: ScalarBuffer<T> = native(array);
    match test {
        Test::Compare(op, datum) => {
            let place = lower(datum, bound_type, array_type)?;
            let (op, datum) = match place.compare(*op) {
                Comparison::Never => return Ok(Lowered::Never),
                Comparison::Test(Test::Compare(op, datum)) => (op, datum),
                Comparison::Test(_) => return Ok(Lowered::NotNull),
            };
            let (op, datum) = match without_nan(op, datum) {
                NumberTest::Never => return Ok(Lowered::Never),
                NumberTest::NotNull => return Ok(Lowered::NotNull),
                NumberTest::Compare(op, datum) => (op, datum),
            };
            let rhs = T::from_datum(&datum).ok_or_else(|| mismatch(&datum, array_type))?;
            Ok(Lowered::Rows(
                Box::new(Compare { values, op, rhs }),
                COST_NATIVE,
            ))
        }
        Test::In(listed) | Test::NotIn(listed) => {
            let negated = matches!(test, Test::NotIn(_));
            let mut natives = Vec::with_capacity(listed.len());
            let mut has_nan = false;
            for datum in listed {
                if let super::literal::Place::At(datum) = lower(datum, bound_type, array_type)? {
                    has_nan |= datum.is_nan();
                    natives
                        .push(T::from_datum(&datum).ok_or_else(|| mismatch(&datum, array_type))?);
                }
            }
            Ok(match natives.len() {
                0 if negated => Lowered::NotNull,
                0 => Lowered::Never,
                count if count <= FEW_MAX && !has_nan => Lowered::Rows(
                    Box::new(InFew {
                        values,
                        listed: natives,
                        negated,
                    }),
                    COST_LIST,
                ),
                _ => {
                    let listed = natives.into_iter().map(Native::key).collect();
                    Lowered::Rows(
                        Box::new(InMany {
                            values,
                            listed,
                            negated,
                        }),
                        COST_LIST,
                    )
                }
            })
        }
        other => Err(Error::invalid(format!(
            "{other:?} of a column of {array_type}"
        ))),
    }
}

#[cold]
fn mismatch(datum: &Datum, array_type: &DataType) -> Error {
    Error::invalid(format!("{datum:?} compared with a column of {array_type}"))
}

enum NumberTest {
    Never,
    NotNull,
    Compare(CompareOp, Datum),
}

/// A comparison with NaN, the greatest value, as one with infinity, the next.
fn without_nan(op: CompareOp, datum: Datum) -> NumberTest {
    if !datum.is_nan() {
        return NumberTest::Compare(op, datum);
    }
    let infinity = Datum::Float(f64::INFINITY);
    match op {
        CompareOp::Lt | CompareOp::NotEq => NumberTest::Compare(CompareOp::LtEq, infinity),
        CompareOp::Eq | CompareOp::GtEq => NumberTest::Compare(CompareOp::Gt, infinity),
        CompareOp::LtEq => NumberTest::NotNull,
        CompareOp::Gt => NumberTest::Never,
    }
}

fn boolean_test(values: &BooleanBuffer, test: &Test, valid: Option<NullBuffer>) -> Result<Node> {
    let holds = |value: bool| match test {
        Test::Compare(op, Datum::Boolean(rhs)) => Ok(op.holds(value.cmp(rhs))),
        Test::In(listed) => Ok(listed.contains(&Datum::Boolean(value))),
        Test::NotIn(listed) => Ok(!listed.contains(&Datum::Boolean(value))),
        other => Err(Error::invalid(format!("{other:?} of a column of Boolean"))),
    };
    Ok(match (holds(false)?, holds(true)?) {
        (false, false) => Node::Constant(false),
        (true, true) => null_test(valid, false),
        (negated, _) => Node::Rows {
            test: Box::new(Known {
                bits: values.clone(),
                negated,
            }),
            valid,
            cost: COST_BITS,
        },
    })
}

fn text(datum: &Datum, array_type: &DataType) -> Result<Vec<u8>> {
    match datum {
        Datum::String(text) => Ok(text.clone().into_bytes()),
        Datum::Binary(bytes) => Ok(bytes.clone()),
        other => Err(mismatch(other, array_type)),
    }
}

fn bytes_test<R: ByteRows + 'static>(
    rows: R,
    test: &Test,
    array_type: &DataType,
) -> Result<(Box<dyn RowTest>, u8)> {
    let boxed: Box<dyn RowTest> = match test {
        Test::Compare(op, datum) => {
            let (op, rhs) = (*op, text(datum, array_type)?);
            match op {
                CompareOp::Eq | CompareOp::NotEq => {
                    let wanted = op == CompareOp::Eq;
                    let condition = move || {
                        let rhs = rhs.clone();
                        move |value: &[u8]| (value == rhs) == wanted
                    };
                    Box::new(BytesTest { rows, condition })
                }
                _ => {
                    let condition = move || {
                        let rhs = rhs.clone();
                        move |value: &[u8]| op.holds(value.cmp(&rhs))
                    };
                    Box::new(BytesTest { rows, condition })
                }
            }
        }
        Test::In(listed) | Test::NotIn(listed) => {
            let negated = matches!(test, Test::NotIn(_));
            let listed = listed
                .iter()
                .map(|datum| text(datum, array_type))
                .collect::<Result<ahash::AHashSet<Vec<u8>>>>()?;
            let listed = Arc::new(listed);
            let condition = move || {
                let listed = Arc::clone(&listed);
                move |value: &[u8]| listed.contains(value) != negated
            };
            Box::new(BytesTest { rows, condition })
        }
        Test::Like {
            pattern,
            escape,
            negated,
            ignore_case,
        } => {
            let negated = *negated;
            let mut pattern = Pattern::parse(pattern, *escape)?;
            if *ignore_case {
                pattern = pattern.ignoring_case();
            }
            let pattern = Arc::new(pattern);
            let condition = move || {
                let pattern = Arc::clone(&pattern);
                let mut scratch = Vec::new();
                move |value: &[u8]| pattern.matches(value, &mut scratch) != negated
            };
            return Ok((Box::new(BytesTest { rows, condition }), COST_PATTERN));
        }
        other => {
            return Err(Error::invalid(format!(
                "{other:?} of a column of {array_type}"
            )));
        }
    };
    Ok((boxed, COST_BYTES))
}

fn views_test<T: ByteViewType + ?Sized>(
    views: &GenericByteViewArray<T>,
    test: &Test,
    array: &dyn Array,
) -> Result<(Box<dyn RowTest>, u8)> {
    match test {
        Test::Compare(op, datum) => {
            let text = text(datum, array.data_type())?;
            Ok((
                Box::new(CompareViews {
                    rows: views.clone(),
                    op: *op,
                    text,
                }),
                COST_VIEW,
            ))
        }
        _ => bytes_test(views.clone(), test, array.data_type()),
    }
}

fn dictionary_test(
    array: &dyn Array,
    test: &Test,
    bound_type: &DataType,
) -> Result<Box<dyn RowTest>> {
    downcast_dictionary_array! {
        array => {
            let answers = test_array(array.values(), test, bound_type)?.iter().collect();
            Ok(Box::new(ByKey { keys: array.keys().values().clone(), answers }))
        },
        other => Err(Error::unsupported(format!("a dictionary of {other}"))),
    }
}

/// The answer for every row of a run-end encoded array, from one answer a run.
fn run_bits(array: &dyn Array, test: &Test, bound_type: &DataType) -> Result<BooleanBuffer> {
    downcast_run_array! {
        array => {
            let answers = test_array(array.values(), test, bound_type)?;
            let rows = 0..array.len();
            Ok(rows.map(|row| answers.value(array.get_physical_index(row))).collect())
        },
        other => Err(Error::unsupported(format!("run-end encoding of {other}"))),
    }
}

/// The order of two byte strings by row.
pub(super) fn byte_rows(array: &dyn Array) -> Option<Box<dyn ByteRows>> {
    fn offsets<T: arrow_array::types::ByteArrayType>(array: &dyn Array) -> Box<dyn ByteRows> {
        let array: GenericByteArray<T> = array.as_bytes::<T>().clone();
        Box::new(array)
    }
    Some(match array.data_type() {
        DataType::Utf8 => offsets::<Utf8Type>(array),
        DataType::LargeUtf8 => offsets::<LargeUtf8Type>(array),
        DataType::Binary => offsets::<BinaryType>(array),
        DataType::LargeBinary => offsets::<LargeBinaryType>(array),
        DataType::Utf8View => Box::new(array.as_string_view().clone()),
        DataType::BinaryView => Box::new(array.as_binary_view().clone()),
        DataType::FixedSizeBinary(_) => Box::new(array.as_fixed_size_binary().clone()),
        _ => return None,
    })
}

/// The order of two rows of byte columns.
pub(super) fn compare_bytes(left: &dyn ByteRows, right: &dyn ByteRows, row: usize) -> Ordering {
    left.bytes(row).cmp(right.bytes(row))
}
