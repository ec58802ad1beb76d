//! From names and literals to columns and datums.

use std::cmp::Ordering;

use arrow_schema::{DataType, Schema};

use super::literal::{Comparison, Place, place};
use super::names::{Resolved, resolve};
use super::{
    Atom, Bound, ColumnName, ColumnPath, CompareOp, Datum, Literal, Predicate, Test, like,
};
use crate::{Error, Result};

/// Binds `predicate` to `schema`: names are resolved, `not` is pushed into the atoms, and literals
/// are converted to their column's type without rounding.
///
/// - A name is matched as spelled, else by the one column that differs in case alone. Later parts
///   name fields of structs. Dictionary and run-end encoded columns bind as their values.
/// - A literal that its column cannot hold becomes the comparison that says the same: for an
///   integer column `a < 1.5` is `a <= 1` and `a != 1.5` is `a is not null`. Decimals, dates, times
///   and timestamps alike.
/// - Against a float column a number is rounded to the nearest float of the column's own width:
///   `x = 0.1` finds the `Float32` that `0.1` was stored as. `'NaN'`, `'inf'` and `'-inf'` are
///   understood there.
/// - Strings are understood as dates, times, timestamps and UUIDs where the column is one, and as
///   their bytes against binary columns. A timestamp without a zone means UTC, a date against a
///   timestamp means midnight, and against a timestamp column without a zone an offset is applied
///   before the comparison.
/// - Lists, maps, structs and the like allow only `is [not] null`.
///
/// # Errors
///
/// `InvalidArgument`: an unknown column (with the near names), an ambiguous one, a literal that
/// cannot be compared with its column (naming both types), a pattern that ends in its escape.
pub fn bind(predicate: &Predicate, schema: &Schema) -> Result<Bound> {
    Binder { schema }.bind(predicate, false)
}

struct Binder<'a> {
    schema: &'a Schema,
}

impl Binder<'_> {
    /// `negated` counts the `not`s above, odd or even.
    fn bind(&self, predicate: &Predicate, negated: bool) -> Result<Bound> {
        match predicate {
            Predicate::Compare {
                column,
                op,
                literal,
            } => self.compare(column, if negated { op.negated() } else { *op }, literal),
            Predicate::CompareColumns { left, op, right } => {
                self.compare_columns(left, if negated { op.negated() } else { *op }, right)
            }
            Predicate::In {
                column,
                literals,
                negated: not,
            } => self.contained(column, literals, *not != negated),
            Predicate::Like {
                column,
                pattern,
                escape,
                negated: not,
                ignore_case,
            } => self.like(column, pattern, *escape, *not != negated, *ignore_case),
            Predicate::IsNull {
                column,
                negated: not,
            } => {
                let test = if *not != negated {
                    Test::IsNotNull
                } else {
                    Test::IsNull
                };
                Ok(atom(resolve(column, self.schema)?.path, test))
            }
            Predicate::IsTrue(column) => {
                self.compare(column, CompareOp::Eq, &Literal::Boolean(!negated))
            }
            Predicate::Constant(value) => {
                Ok(Bound::Constant(value.is_some_and(|value| value != negated)))
            }
            Predicate::Not(inner) => self.bind(inner, !negated),
            Predicate::And(parts) | Predicate::Or(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.bind(part, negated))
                    .collect::<Result<Vec<Bound>>>()?;
                let conjunction = matches!(predicate, Predicate::And(_)) != negated;
                Ok(if conjunction {
                    Bound::all(parts)
                } else {
                    Bound::any(parts)
                })
            }
        }
    }

    fn compare(&self, column: &ColumnName, op: CompareOp, literal: &Literal) -> Result<Bound> {
        let Resolved { path, is_uuid } = comparable(column, self.schema)?;
        if *literal == Literal::Null || path.data_type == DataType::Null {
            return Ok(Bound::Constant(false));
        }
        match place(literal, &path.data_type, is_uuid, &path)?.compare(op) {
            Comparison::Never => Ok(Bound::Constant(false)),
            Comparison::Test(test) => Ok(atom(path, test)),
        }
    }

    fn compare_columns(
        &self,
        left: &ColumnName,
        op: CompareOp,
        right: &ColumnName,
    ) -> Result<Bound> {
        let left = comparable(left, self.schema)?.path;
        let right = comparable(right, self.schema)?.path;
        if left.data_type == DataType::Null || right.data_type == DataType::Null {
            return Ok(Bound::Constant(false));
        }
        if !are_comparable(&left.data_type, &right.data_type) {
            return Err(Error::invalid(format!(
                "column {left} is {} and cannot be compared with column {right}, which is {}",
                left.data_type, right.data_type
            )));
        }
        Ok(atom(left, Test::CompareColumn(op, right)))
    }

    fn contained(&self, column: &ColumnName, literals: &[Literal], negated: bool) -> Result<Bound> {
        let Resolved { path, is_uuid } = comparable(column, self.schema)?;
        if literals.is_empty() {
            return Ok(Bound::Constant(negated));
        }
        let mut values = Vec::with_capacity(literals.len());
        let mut has_null = path.data_type == DataType::Null;
        for literal in literals {
            if *literal == Literal::Null || path.data_type == DataType::Null {
                has_null = true;
            } else if let Place::At(datum) = place(literal, &path.data_type, is_uuid, &path)? {
                values.push(datum);
            }
        }
        values.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
        values.dedup_by(|a, b| a.compare(b) == Some(Ordering::Equal));
        Ok(match (negated, has_null, values.as_slice()) {
            // Every miss is null.
            (true, true, _) | (false, _, []) => Bound::Constant(false),
            (true, false, []) => atom(path, Test::IsNotNull),
            (true, false, [one]) => atom(path, Test::Compare(CompareOp::NotEq, one.clone())),
            (false, _, [one]) => atom(path, Test::Compare(CompareOp::Eq, one.clone())),
            (true, false, _) => atom(path, Test::NotIn(values)),
            (false, _, _) => atom(path, Test::In(values)),
        })
    }

    fn like(
        &self,
        column: &ColumnName,
        pattern: &str,
        escape: Option<char>,
        negated: bool,
        ignore_case: bool,
    ) -> Result<Bound> {
        let path = comparable(column, self.schema)?.path;
        match &path.data_type {
            DataType::Null => return Ok(Bound::Constant(false)),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {}
            other => {
                return Err(Error::invalid(format!(
                    "column {path} is {other} and cannot be compared with a string pattern"
                )));
            }
        }
        let parsed = like::Pattern::parse(pattern, escape)?;
        let test = if parsed.is_anything() {
            // Also the negation is a constant: no value fails to match.
            if negated {
                return Ok(Bound::Constant(false));
            }
            Test::IsNotNull
        } else if let (Some(text), false) = (parsed.as_literal(), ignore_case) {
            let op = if negated {
                CompareOp::NotEq
            } else {
                CompareOp::Eq
            };
            Test::Compare(op, Datum::String(text.to_owned()))
        } else {
            Test::Like {
                pattern: pattern.to_owned(),
                escape,
                negated,
                ignore_case,
            }
        };
        Ok(atom(path, test))
    }
}

fn atom(column: ColumnPath, test: Test) -> Bound {
    Bound::Atom(Atom { column, test })
}

/// A column whose values have an order here.
fn comparable(name: &ColumnName, schema: &Schema) -> Result<Resolved> {
    let resolved = resolve(name, schema)?;
    let data_type = &resolved.path.data_type;
    if family(data_type).is_none() && *data_type != DataType::Null {
        return Err(Error::invalid(format!(
            "column {} is {data_type}, of which only is [not] null can be asked",
            resolved.path
        )));
    }
    Ok(resolved)
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Family {
    Boolean,
    Int,
    Float,
    Decimal,
    Date,
    Time,
    Timestamp,
    String,
    Binary,
}

fn family(data_type: &DataType) -> Option<Family> {
    Some(match data_type {
        DataType::Boolean => Family::Boolean,
        number if number.is_integer() => Family::Int,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Family::Float,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Family::Decimal,
        DataType::Date32 | DataType::Date64 => Family::Date,
        DataType::Time32(_) | DataType::Time64(_) => Family::Time,
        DataType::Timestamp(..) => Family::Timestamp,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::String,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Family::Binary,
        _ => return None,
    })
}

/// Families whose values can be compared without rounding either side.
fn are_comparable(left: &DataType, right: &DataType) -> bool {
    use Family::{Date, Decimal, Float, Int, Timestamp};
    match (family(left), family(right)) {
        (Some(a), Some(b)) if a == b => true,
        (Some(Int), Some(Float | Decimal)) | (Some(Float | Decimal), Some(Int)) => true,
        (Some(Date), Some(Timestamp)) | (Some(Timestamp), Some(Date)) => true,
        _ => false,
    }
}

impl CompareOp {
    /// The comparison that is true exactly where this one is false.
    #[must_use]
    pub fn negated(self) -> CompareOp {
        match self {
            CompareOp::Eq => CompareOp::NotEq,
            CompareOp::NotEq => CompareOp::Eq,
            CompareOp::Lt => CompareOp::GtEq,
            CompareOp::LtEq => CompareOp::Gt,
            CompareOp::Gt => CompareOp::LtEq,
            CompareOp::GtEq => CompareOp::Lt,
        }
    }

    /// Whether it holds between two values that stand in `order`.
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            CompareOp::Eq => order.is_eq(),
            CompareOp::NotEq => order.is_ne(),
            CompareOp::Lt => order.is_lt(),
            CompareOp::LtEq => order.is_le(),
            CompareOp::Gt => order.is_gt(),
            CompareOp::GtEq => order.is_ge(),
        }
    }
}

impl Bound {
    /// The conjunction, flattened and folded: false wins, true vanishes, one part stands alone.
    pub fn all(parts: impl IntoIterator<Item = Bound>) -> Bound {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Bound::Constant(true) => {}
                Bound::Constant(false) => return Bound::Constant(false),
                Bound::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Bound::Constant(true),
            1 => kept.swap_remove(0),
            _ => Bound::And(kept),
        }
    }

    /// The disjunction, flattened and folded: true wins, false vanishes, one part stands alone.
    pub fn any(parts: impl IntoIterator<Item = Bound>) -> Bound {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Bound::Constant(false) => {}
                Bound::Constant(true) => return Bound::Constant(true),
                Bound::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Bound::Constant(false),
            1 => kept.swap_remove(0),
            _ => Bound::Or(kept),
        }
    }
}
