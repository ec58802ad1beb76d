//! A bound predicate as SQL, for explain and messages.

use std::fmt;

use arrow_schema::DataType;

use super::{Atom, Bound, ColumnPath, CompareOp, Datum, Test};

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CompareOp::Eq => "=",
            CompareOp::NotEq => "!=",
            CompareOp::Lt => "<",
            CompareOp::LtEq => "<=",
            CompareOp::Gt => ">",
            CompareOp::GtEq => ">=",
        })
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        if self.name.chars().all(plain) && !self.name.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "\"{}\"", self.name.replace('"', "\"\""))
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Constant(value) => write!(f, "{value}"),
            Bound::Atom(atom) => write!(f, "{atom}"),
            Bound::And(parts) => join(f, parts, " and "),
            Bound::Or(parts) => join(f, parts, " or "),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Bound], word: &str) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match part {
            Bound::And(_) | Bound::Or(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = &self.column;
        let data_type = &column.data_type;
        match &self.test {
            Test::Compare(op, value) => write!(f, "{column} {op} {}", Shown(value, data_type)),
            Test::CompareColumn(op, other) => write!(f, "{column} {op} {other}"),
            Test::In(values) => {
                write!(f, "{column} in ")?;
                list(f, values, data_type)
            }
            Test::NotIn(values) => {
                write!(f, "{column} not in ")?;
                list(f, values, data_type)
            }
            Test::Like {
                pattern,
                escape,
                negated,
                ignore_case,
            } => {
                let not = if *negated { "not " } else { "" };
                let word = if *ignore_case { "ilike" } else { "like" };
                write!(f, "{column} {not}{word} {}", Quoted(pattern))?;
                match escape {
                    Some(c) => write!(f, " escape {}", Quoted(&c.to_string())),
                    None => Ok(()),
                }
            }
            Test::IsNull => write!(f, "{column} is null"),
            Test::IsNotNull => write!(f, "{column} is not null"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, values: &[Datum], data_type: &DataType) -> fmt::Result {
    // A list of thousands of ids would drown the plan it is shown in.
    const SHOWN_MAX: usize = 20;
    f.write_str("(")?;
    for (at, value) in values.iter().take(SHOWN_MAX).enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        write!(f, "{comma}{}", Shown(value, data_type))?;
    }
    match values.len().checked_sub(SHOWN_MAX) {
        Some(more) if more > 0 => write!(f, ", … {more} more)"),
        _ => f.write_str(")"),
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

struct Shown<'a>(&'a Datum, &'a DataType);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Datum::Boolean(value) => write!(f, "{value}"),
            Datum::Int(value) => write!(f, "{value}"),
            Datum::Float(value) if value.is_finite() => write!(f, "{value}"),
            Datum::Float(value) => write!(f, "'{value}'"),
            Datum::Decimal(value) => {
                let scale = match self.1 {
                    DataType::Decimal32(_, scale)
                    | DataType::Decimal64(_, scale)
                    | DataType::Decimal128(_, scale)
                    | DataType::Decimal256(_, scale) => *scale,
                    _ => 0,
                };
                decimal(f, &value.to_string(), scale)
            }
            Datum::Date(days) => match chrono::NaiveDate::from_epoch_days(*days) {
                Some(date) => write!(f, "'{date}'"),
                None => write!(f, "date {days}"),
            },
            Datum::Time(nanoseconds) => {
                let time = u32::try_from(nanoseconds / 1_000_000_000)
                    .ok()
                    .and_then(|seconds| {
                        let rest = u32::try_from(nanoseconds % 1_000_000_000).ok()?;
                        chrono::NaiveTime::from_num_seconds_from_midnight_opt(seconds, rest)
                    });
                match time {
                    Some(time) => write!(f, "'{time}'"),
                    None => write!(f, "time {nanoseconds} ns"),
                }
            }
            Datum::Timestamp(nanoseconds) => timestamp(f, *nanoseconds, self.1),
            Datum::String(value) => write!(f, "{}", Quoted(value)),
            Datum::Binary(value) => {
                f.write_str("X'")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
        }
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, unscaled: &str, scale: i8) -> fmt::Result {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", unscaled),
    };
    match usize::try_from(scale) {
        Ok(0) => write!(f, "{sign}{digits}"),
        Ok(scale) => {
            let digits = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            write!(f, "{sign}{whole}.{fraction}")
        }
        Err(_) => write!(
            f,
            "{sign}{digits}{}",
            "0".repeat(usize::from(scale.unsigned_abs()))
        ),
    }
}

fn timestamp(f: &mut fmt::Formatter<'_>, nanoseconds: i128, data_type: &DataType) -> fmt::Result {
    const NANOSECONDS: i128 = 1_000_000_000;
    let at = i64::try_from(nanoseconds.div_euclid(NANOSECONDS))
        .ok()
        .and_then(|seconds| {
            let rest = u32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).ok()?;
            chrono::DateTime::from_timestamp(seconds, rest)
        });
    let zone = if matches!(data_type, DataType::Timestamp(_, Some(_))) {
        "Z"
    } else {
        ""
    };
    match at {
        Some(at) => write!(
            f,
            "'{}{zone}'",
            at.naive_utc().format("%Y-%m-%d %H:%M:%S%.f")
        ),
        None => write!(f, "timestamp {nanoseconds} ns"),
    }
}
