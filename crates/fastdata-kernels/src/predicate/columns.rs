//! Comparing two columns of one batch, row by row.

use std::cmp::Ordering;

use arrow_array::{Array, ArrayRef, downcast_dictionary_array, downcast_run_array};
use arrow_buffer::i256;
use arrow_schema::DataType;
use half::f16;

use super::CompareOp;
use super::compile::{byte_rows, compare_bytes};
use super::datum::Datum;
use super::instant::DAY_NS;
use super::lower::native;
use super::row_test::{CompareNatives, CompareRows, Native, RowTest};

/// `None` when the two are not comparable.
pub(super) fn compare_columns(
    left: &ArrayRef,
    op: CompareOp,
    right: &ArrayRef,
) -> Option<Box<dyn RowTest>> {
    let (left, right) = (expanded(left)?, expanded(right)?);
    if left.data_type() == right.data_type()
        && let Some(test) = same_native(&left, op, &right)
    {
        return Some(test);
    }
    if let (Some(a), Some(b)) = (byte_rows(&left), byte_rows(&right)) {
        let order = move |row| compare_bytes(a.as_ref(), b.as_ref(), row);
        return Some(Box::new(CompareRows { op, order }));
    }
    let (left_scale, right_scale) = (scale(&left), scale(&right));
    // A row that both columns have tells whether their datums have an order at all.
    let comparable = |a: &DataType, b: &DataType| {
        let (a, b) = (sample(a)?, sample(b)?);
        compare_datums(&a, 0, &b, 0)
    };
    comparable(left.data_type(), right.data_type())?;
    let order = move |row| {
        // Null rows are not asked for; the types were found comparable above.
        match (Datum::at(&left, row), Datum::at(&right, row)) {
            (Ok(Some(a)), Ok(Some(b))) => {
                compare_datums(&a, left_scale, &b, right_scale).unwrap_or(Ordering::Equal)
            }
            _ => Ordering::Equal,
        }
    };
    Some(Box::new(CompareRows { op, order }))
}

/// Dictionary and run-end encoding undone.
fn expanded(array: &ArrayRef) -> Option<ArrayRef> {
    let values = match array.data_type() {
        DataType::Dictionary(..) => {
            let array = array.as_ref();
            downcast_dictionary_array! {
                array => arrow_select::take::take(array.values(), array.keys(), None).ok()?,
                _ => return None,
            }
        }
        DataType::RunEndEncoded(..) => {
            let array = array.as_ref();
            downcast_run_array! {
                array => {
                    let rows: Vec<u64> =
                        (0..array.len()).map(|row| array.get_physical_index(row) as u64).collect();
                    let rows = arrow_array::UInt64Array::from(rows);
                    arrow_select::take::take(array.values(), &rows, None).ok()?
                },
                _ => return None,
            }
        }
        _ => return Some(array.clone()),
    };
    expanded(&values)
}

fn same_native(left: &dyn Array, op: CompareOp, right: &dyn Array) -> Option<Box<dyn RowTest>> {
    fn test<T: Native>(left: &dyn Array, op: CompareOp, right: &dyn Array) -> Box<dyn RowTest> {
        Box::new(CompareNatives::<T> {
            left: native(left),
            right: native(right),
            op,
        })
    }
    Some(match left.data_type() {
        DataType::Int8 => test::<i8>(left, op, right),
        DataType::Int16 => test::<i16>(left, op, right),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) | DataType::Decimal32(..) => {
            test::<i32>(left, op, right)
        }
        DataType::Int64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Decimal64(..) => test::<i64>(left, op, right),
        DataType::UInt8 => test::<u8>(left, op, right),
        DataType::UInt16 => test::<u16>(left, op, right),
        DataType::UInt32 => test::<u32>(left, op, right),
        DataType::UInt64 => test::<u64>(left, op, right),
        DataType::Float16 => test::<f16>(left, op, right),
        DataType::Float32 => test::<f32>(left, op, right),
        DataType::Float64 => test::<f64>(left, op, right),
        DataType::Decimal128(..) => test::<i128>(left, op, right),
        DataType::Decimal256(..) => test::<i256>(left, op, right),
        _ => return None,
    })
}

fn scale(array: &dyn Array) -> i8 {
    match array.data_type() {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}

/// Some datum of the kind that [`Datum::at`] gives for a type.
fn sample(data_type: &DataType) -> Option<Datum> {
    Some(match data_type {
        DataType::Boolean => Datum::Boolean(false),
        number if number.is_integer() => Datum::Int(0),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Datum::Float(0.0),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Datum::Decimal(i256::ZERO),
        DataType::Date32 | DataType::Date64 => Datum::Date(0),
        DataType::Time32(_) | DataType::Time64(_) => Datum::Time(0),
        DataType::Timestamp(..) => Datum::Timestamp(0),
        _ => return None,
    })
}

/// The order of two values without rounding either; `None` when their kinds have none.
fn compare_datums(a: &Datum, a_scale: i8, b: &Datum, b_scale: i8) -> Option<Ordering> {
    Some(match (a, b) {
        (Datum::Decimal(a), Datum::Decimal(b)) => compare_decimals(*a, a_scale, *b, b_scale),
        (Datum::Int(a), Datum::Decimal(b)) => compare_decimals(i256::from_i128(*a), 0, *b, b_scale),
        (Datum::Decimal(a), Datum::Int(b)) => compare_decimals(*a, a_scale, i256::from_i128(*b), 0),
        (Datum::Int(a), Datum::Float(b)) => compare_int_with_float(*a, *b),
        (Datum::Float(a), Datum::Int(b)) => compare_int_with_float(*b, *a).reverse(),
        (Datum::Date(a), Datum::Timestamp(b)) => (i128::from(*a) * DAY_NS).cmp(b),
        (Datum::Timestamp(a), Datum::Date(b)) => a.cmp(&(i128::from(*b) * DAY_NS)),
        _ => return a.compare(b),
    })
}

fn compare_decimals(a: i256, a_scale: i8, b: i256, b_scale: i8) -> Ordering {
    let apart = i32::from(a_scale) - i32::from(b_scale);
    let raise = |value: i256, digits: u32| {
        let factor = i256::from_i128(10).checked_pow(digits);
        factor.and_then(|factor| value.checked_mul(factor))
    };
    // What 256 bits cannot hold is further from zero than all that they can.
    let beyond = |value: i256| value.cmp(&i256::ZERO);
    match apart {
        0 => a.cmp(&b),
        1.. => raise(b, apart.unsigned_abs()).map_or(beyond(b).reverse(), |b| a.cmp(&b)),
        _ => raise(a, apart.unsigned_abs()).map_or(beyond(a), |a| a.cmp(&b)),
    }
}

fn compare_int_with_float(int: i128, float: f64) -> Ordering {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() || float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    let floor = float.floor();
    let tie = if float > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    };
    int.cmp(&(floor as i128)).then(tie)
}
