//! From a literal as written to its exact place among a column's values.
//!
//! A literal need not be a value of the column's type: `1.5` lies between two integers, `300`
//! above every `UInt8`. [`Place`] says which, and [`Place::compare`] turns a comparison with such a
//! literal into one that the type can express, without rounding.

use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

use super::{CompareOp, Datum, Literal, Test};
use crate::predicate::instant;
use crate::{Error, Result};

/// Where a literal stands among the values that a column's type has, in their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// Smaller than all of them.
    Below,
    /// It is this value.
    At(Datum),
    /// Greater than this value and smaller than the next one.
    After(Datum),
    /// Greater than all of them.
    Above,
}

/// What a comparison with a literal comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Comparison {
    /// True for no row.
    Never,
    /// This test (`IsNotNull` where it holds for every value).
    Test(Test),
}

impl Place {
    /// `column op literal`.
    pub(super) fn compare(self, op: CompareOp) -> Comparison {
        use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let (op, datum) = match (self, op) {
            (Place::At(datum), op) => (op, datum),
            (Place::After(floor), Lt | LtEq) => (LtEq, floor),
            (Place::After(floor), Gt | GtEq) => (Gt, floor),
            (Place::After(_), Eq) => return Comparison::Never,
            (Place::After(_), NotEq) => return Comparison::Test(Test::IsNotNull),
            (Place::Below, Gt | GtEq | NotEq) | (Place::Above, Lt | LtEq | NotEq) => {
                return Comparison::Test(Test::IsNotNull);
            }
            (Place::Below | Place::Above, _) => return Comparison::Never,
        };
        Comparison::Test(Test::Compare(op, datum))
    }
}

/// Places a literal other than `null` among the values of `data_type`.
///
/// # Errors
///
/// `InvalidArgument` when the two are not comparable; the message names both types and `column`.
pub(super) fn place(
    literal: &Literal,
    data_type: &DataType,
    is_uuid: bool,
    column: &dyn std::fmt::Display,
) -> Result<Place> {
    let mismatch = || {
        Error::invalid(format!(
            "column {column} is {data_type} and cannot be compared with {}",
            describe(literal)
        ))
    };
    match data_type {
        DataType::Boolean => match literal {
            Literal::Boolean(value) => Ok(Place::At(Datum::Boolean(*value))),
            _ => Err(mismatch()),
        },
        number if number.is_integer() => Exact::of(literal)
            .ok_or_else(mismatch)
            .map(|exact| exact.among_integers(number)),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            float(literal, data_type).ok_or_else(mismatch)
        }
        DataType::Decimal32(_, scale) => decimal(literal, *scale, 32).ok_or_else(mismatch),
        DataType::Decimal64(_, scale) => decimal(literal, *scale, 64).ok_or_else(mismatch),
        DataType::Decimal128(_, scale) => decimal(literal, *scale, 128).ok_or_else(mismatch),
        DataType::Decimal256(_, scale) => decimal(literal, *scale, 256).ok_or_else(mismatch),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match literal {
            Literal::String(value) => Ok(Place::At(Datum::String(value.clone()))),
            _ => Err(mismatch()),
        },
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => match literal {
            Literal::Binary(value) => Ok(Place::At(Datum::Binary(value.clone()))),
            // Files without a string annotation hold text in binary columns.
            Literal::String(value) => Ok(Place::At(Datum::Binary(value.clone().into_bytes()))),
            _ => Err(mismatch()),
        },
        DataType::FixedSizeBinary(width) => match literal {
            Literal::Binary(value) => Ok(Place::At(Datum::Binary(value.clone()))),
            Literal::String(text) if *width == 16 || is_uuid => match uuid(text) {
                Some(bytes) => Ok(Place::At(Datum::Binary(bytes.to_vec()))),
                None => Err(mismatch()),
            },
            _ => Err(mismatch()),
        },
        DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(_, _)
        | DataType::Time32(_)
        | DataType::Time64(_) => match literal {
            Literal::String(text) => moment(text, data_type)
                .map_err(|why| Error::invalid(format!("column {column} is {data_type}: {why}"))),
            _ => Err(mismatch()),
        },
        _ => Err(mismatch()),
    }
}

/// The literal as a message names it: its type and, where short, itself.
fn describe(literal: &Literal) -> String {
    const SHOWN_MAX: usize = 40;
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(value) => format!("the boolean {value}"),
        Literal::Number { unscaled, scale: 0 } => format!("the number {unscaled}"),
        Literal::Number { unscaled, scale } => format!("the number {unscaled}e-{scale}"),
        Literal::Float(value) => format!("the number {value}"),
        Literal::String(text) if text.chars().count() <= SHOWN_MAX => {
            format!("the string '{}'", text.escape_debug())
        }
        Literal::String(_) => "a string".to_owned(),
        Literal::Binary(bytes) => format!("a binary of {} bytes", bytes.len()),
    }
}

/// A number without rounding: `unscaled` × 10^`exponent`, or beyond every number.
enum Exact {
    Finite { unscaled: i128, exponent: i32 },
    Below,
    Above,
}

impl Exact {
    /// `None` for literals that are not numbers. A float stands for the shortest decimal that
    /// reads back as it: `1e-1` is what the user wrote, not the binary fraction beside it.
    fn of(literal: &Literal) -> Option<Exact> {
        match literal {
            Literal::Number { unscaled, scale } => Some(Exact::Finite {
                unscaled: *unscaled,
                exponent: -i32::from(*scale),
            }),
            // NaN is greater than every number.
            Literal::Float(value) if value.is_nan() || *value == f64::INFINITY => {
                Some(Exact::Above)
            }
            Literal::Float(value) if *value == f64::NEG_INFINITY => Some(Exact::Below),
            Literal::Float(value) => {
                let text = format!("{value:e}");
                let (digits, exponent) = text.split_once('e')?;
                let fraction = digits
                    .split_once('.')
                    .map_or(0, |(_, fraction)| fraction.len());
                Some(Exact::Finite {
                    unscaled: digits.replace('.', "").parse().ok()?,
                    exponent: exponent.parse::<i32>().ok()? - i32::try_from(fraction).ok()?,
                })
            }
            _ => None,
        }
    }

    /// The greatest whole multiple of 10^-`scale` that is not greater, and whether it is equal.
    fn floor_at(&self, scale: i8) -> Floor {
        let (unscaled, exponent) = match self {
            Exact::Finite { unscaled: 0, .. } => return Floor::At(i256::ZERO, true),
            Exact::Finite { unscaled, exponent } => {
                (i256::from_i128(*unscaled), exponent + i32::from(scale))
            }
            Exact::Below => return Floor::Below,
            Exact::Above => return Floor::Above,
        };
        let beyond = if unscaled.is_negative() {
            Floor::Below
        } else {
            Floor::Above
        };
        if exponent >= 0 {
            let raised = power_of_ten(exponent).and_then(|factor| unscaled.checked_mul(factor));
            return raised.map_or(beyond, |value| Floor::At(value, true));
        }
        let Some(divisor) = power_of_ten(-exponent) else {
            // Smaller than any step: between zero and a neighbour.
            let floor = if unscaled.is_negative() {
                i256::MINUS_ONE
            } else {
                i256::ZERO
            };
            return Floor::At(floor, false);
        };
        let (quotient, remainder) = (
            unscaled.checked_div(divisor).unwrap_or(i256::ZERO),
            unscaled.checked_rem(divisor).unwrap_or(i256::ZERO),
        );
        match remainder {
            i256::ZERO => Floor::At(quotient, true),
            left if left.is_negative() => Floor::At(quotient.wrapping_sub(i256::ONE), false),
            _ => Floor::At(quotient, false),
        }
    }

    fn among_integers(&self, data_type: &DataType) -> Place {
        let (min, max) = match data_type {
            DataType::Int8 => (i128::from(i8::MIN), i128::from(i8::MAX)),
            DataType::Int16 => (i128::from(i16::MIN), i128::from(i16::MAX)),
            DataType::Int32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
            DataType::UInt8 => (0, i128::from(u8::MAX)),
            DataType::UInt16 => (0, i128::from(u16::MAX)),
            DataType::UInt32 => (0, i128::from(u32::MAX)),
            DataType::UInt64 => (0, i128::from(u64::MAX)),
            _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        let datum = |value: i256| Datum::Int(value.to_i128().unwrap_or(max));
        self.floor_at(0)
            .within(i256::from_i128(min), i256::from_i128(max), datum)
    }
}

/// A floor, see [`Exact::floor_at`].
enum Floor {
    Below,
    At(i256, bool),
    Above,
}

impl Floor {
    fn within(self, min: i256, max: i256, datum: impl Fn(i256) -> Datum) -> Place {
        match self {
            Floor::Below => Place::Below,
            Floor::Above => Place::Above,
            Floor::At(value, _) if value < min => Place::Below,
            Floor::At(value, _) if value > max => Place::Above,
            Floor::At(value, true) => Place::At(datum(value)),
            // Between the greatest value and nothing.
            Floor::At(value, false) if value == max => Place::Above,
            Floor::At(value, false) => Place::After(datum(value)),
        }
    }
}

/// 10^`exponent`, where 256 bits hold it.
fn power_of_ten(exponent: i32) -> Option<i256> {
    const EXPONENT_MAX: u32 = 76;
    let exponent = u32::try_from(exponent)
        .ok()
        .filter(|exponent| *exponent <= EXPONENT_MAX)?;
    i256::from_i128(10).checked_pow(exponent)
}

/// Bounded by what the column's integers can hold, not by its precision: arrays are not checked
/// against that, and a value beyond it must still compare right.
fn decimal(literal: &Literal, scale: i8, bits: u32) -> Option<Place> {
    let (min, max) = match bits {
        32 => (
            i256::from_i128(i32::MIN.into()),
            i256::from_i128(i32::MAX.into()),
        ),
        64 => (
            i256::from_i128(i64::MIN.into()),
            i256::from_i128(i64::MAX.into()),
        ),
        128 => (i256::from_i128(i128::MIN), i256::from_i128(i128::MAX)),
        _ => (i256::MIN, i256::MAX),
    };
    Some(
        Exact::of(literal)?
            .floor_at(scale)
            .within(min, max, Datum::Decimal),
    )
}

/// The float nearest to the literal *in the column's own width* (so `f32_column = 0.1` finds what
/// was stored from `0.1`); a finite literal beyond the greatest finite value stays below infinity.
fn float(literal: &Literal, data_type: &DataType) -> Option<Place> {
    let text = match literal {
        Literal::Number { unscaled, scale } => format!("{unscaled}e-{scale}"),
        Literal::Float(value) => format!("{value:e}"),
        Literal::String(text) => {
            // There is no other way to write these.
            let value = match text.to_ascii_lowercase().as_str() {
                "nan" => f64::NAN,
                "inf" | "+inf" | "infinity" | "+infinity" => f64::INFINITY,
                "-inf" | "-infinity" => f64::NEG_INFINITY,
                _ => return None,
            };
            return Some(Place::At(Datum::Float(value)));
        }
        _ => return None,
    };
    if let Literal::Float(value) = literal
        && !value.is_finite()
    {
        return Some(Place::At(Datum::Float(*value)));
    }
    let (value, max) = match data_type {
        DataType::Float16 => (
            half::f16::from_f64(text.parse().ok()?).to_f64(),
            half::f16::MAX.to_f64(),
        ),
        DataType::Float32 => (f64::from(text.parse::<f32>().ok()?), f64::from(f32::MAX)),
        _ => (text.parse().ok()?, f64::MAX),
    };
    Some(match value {
        f64::INFINITY => Place::After(Datum::Float(max)),
        // Between minus infinity and the smallest finite value.
        f64::NEG_INFINITY => Place::After(Datum::Float(f64::NEG_INFINITY)),
        // One zero.
        _ => Place::At(Datum::Float(value + 0.0)),
    })
}

/// `550e8400-e29b-41d4-a716-446655440000`, the dashes at their places or none at all.
fn uuid(text: &str) -> Option<[u8; 16]> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let dashed = text.len() == 36;
    if !text.is_ascii() || !(dashed || text.len() == 32) {
        return None;
    }
    let mut value: u128 = 0;
    for (at, byte) in text.bytes().enumerate() {
        if dashed && DASHES.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        value = value << 4 | u128::from(char::from(byte).to_digit(16)?);
    }
    Some(value.to_be_bytes())
}

/// Dates, times and timestamps. A date against a timestamp means its midnight, a zone-less
/// timestamp means UTC, a timestamp with an offset is that instant; against a column without a zone
/// it is the same instant's UTC clock.
fn moment(text: &str, data_type: &DataType) -> std::result::Result<Place, String> {
    match data_type {
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let nanoseconds = instant::time(text)
                .ok_or_else(|| format!("'{text}' is not a time such as '23:59:59.5'"))?;
            let step = nanoseconds_per(*unit);
            let floor = Datum::Time(nanoseconds - nanoseconds % step);
            Ok(if nanoseconds % step == 0 {
                Place::At(floor)
            } else {
                Place::After(floor)
            })
        }
        _ => {
            let nanoseconds = instant::timestamp(text).ok_or_else(|| {
                format!("'{text}' is not a date or timestamp such as '2026-01-15 08:30:00'")
            })?;
            Ok(match data_type {
                DataType::Date32 | DataType::Date64 => {
                    let days = nanoseconds.div_euclid(instant::DAY_NS);
                    let floor = Datum::Date(
                        i32::try_from(days).map_err(|_| format!("'{text}' is out of range"))?,
                    );
                    match nanoseconds.rem_euclid(instant::DAY_NS) {
                        0 => Place::At(floor),
                        _ => Place::After(floor),
                    }
                }
                DataType::Timestamp(unit, _) => {
                    let step = i128::from(nanoseconds_per(*unit));
                    let units = nanoseconds.div_euclid(step);
                    if units > i128::from(i64::MAX) {
                        Place::Above
                    } else if units < i128::from(i64::MIN) {
                        Place::Below
                    } else if nanoseconds.rem_euclid(step) == 0 {
                        Place::At(Datum::Timestamp(nanoseconds))
                    } else {
                        Place::After(Datum::Timestamp(units * step))
                    }
                }
                _ => return Err(format!("'{text}' does not fit")),
            })
        }
    }
}

/// Nanoseconds in one `unit`.
pub(super) fn nanoseconds_per(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}
