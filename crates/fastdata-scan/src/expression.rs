//! SQL's expression syntax → [`Predicate`]. Parsing is `sqlparser`'s; this file only says which of
//! its trees have a meaning here and refuses the others by name.

use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate};
use sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, Ident, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::{Error, ErrorKind, Result};

/// Longest filter text accepted; longer ones are programs, not conditions.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Parses a condition such as `score > 0.5 and day between '2026-01-01' and '2026-01-31'`.
///
/// Names are quoted with `"` or backticks; `a.b` names a field of a struct.
///
/// ```
/// use fastdata_scan::parse_filter;
///
/// let filter = parse_filter("score > 0.5 and kind in ('view', 'click')")?;
/// assert!(matches!(filter, fastdata_kernels::predicate::Predicate::And(parts) if parts.len() == 2));
/// # Ok::<(), fastdata_scan::Error>(())
/// ```
pub fn parse_filter(text: &str) -> Result<Predicate> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "the filter has {} bytes; at most {TEXT_BYTES_MAX} are accepted",
                text.len()
            ),
        ));
    }
    let dialect = GenericDialect {};
    let fail = |source: sqlparser::parser::ParserError| {
        Error::invalid(format!("the filter does not parse: {source}"))
    };
    let mut parser = Parser::new(&dialect).try_with_sql(text).map_err(fail)?;
    let tree = parser.parse_expr().map_err(fail)?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(Error::invalid(format!(
            "the filter does not parse: unexpected `{}` after the condition",
            rest.token
        )));
    }
    condition(&tree)
}

fn condition(tree: &Expr) -> Result<Predicate> {
    match tree {
        Expr::Nested(inner) => condition(inner),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => Ok(Predicate::Not(Box::new(condition(expr)?))),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => Ok(Predicate::And(vec![condition(left)?, condition(right)?])),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => Ok(Predicate::Or(vec![condition(left)?, condition(right)?])),
        Expr::BinaryOp { left, op, right } => comparison(left, op, right),
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => between(expr, *negated, low, high),
        Expr::InList {
            expr,
            list,
            negated,
        } => Ok(Predicate::In {
            column: column(expr)?,
            literals: list.iter().map(literal).collect::<Result<_>>()?,
            negated: *negated,
        }),
        Expr::Like {
            negated,
            any: false,
            expr,
            pattern,
            escape_char,
        } => like(expr, pattern, escape_char.as_deref(), *negated, false),
        Expr::ILike {
            negated,
            any: false,
            expr,
            pattern,
            escape_char,
        } => like(expr, pattern, escape_char.as_deref(), *negated, true),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) => null_test(inner, false),
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => null_test(inner, true),
        Expr::IsTrue(inner) => known(inner, true),
        Expr::IsFalse(inner) => known(inner, false),
        Expr::IsNotTrue(inner) => Ok(Predicate::Not(Box::new(known(inner, true)?))),
        Expr::IsNotFalse(inner) => Ok(Predicate::Not(Box::new(known(inner, false)?))),
        Expr::IsDistinctFrom(left, right) => {
            Ok(Predicate::Not(Box::new(not_distinct(left, right)?)))
        }
        Expr::IsNotDistinctFrom(left, right) => not_distinct(left, right),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Ok(Predicate::IsTrue(column(tree)?)),
        Expr::Value(_) => match literal(tree)? {
            Literal::Boolean(value) => Ok(Predicate::Constant(Some(value))),
            Literal::Null => Ok(Predicate::Constant(None)),
            _ => Err(Error::invalid(format!(
                "`{tree}` is a value, not a condition"
            ))),
        },
        _ => Err(not_served(tree)),
    }
}

fn comparison(left: &Expr, op: &BinaryOperator, right: &Expr) -> Result<Predicate> {
    let op = match op {
        BinaryOperator::Eq => CompareOp::Eq,
        BinaryOperator::NotEq => CompareOp::NotEq,
        BinaryOperator::Lt => CompareOp::Lt,
        BinaryOperator::LtEq => CompareOp::LtEq,
        BinaryOperator::Gt => CompareOp::Gt,
        BinaryOperator::GtEq => CompareOp::GtEq,
        other => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the operator `{other}` is not supported in filters"),
            ));
        }
    };
    match (is_column(left), is_column(right)) {
        (true, true) => Ok(Predicate::CompareColumns {
            left: column(left)?,
            op,
            right: column(right)?,
        }),
        (true, false) => Ok(Predicate::Compare {
            column: column(left)?,
            op,
            literal: literal(right)?,
        }),
        (false, true) => Ok(Predicate::Compare {
            column: column(right)?,
            op: mirrored(op),
            literal: literal(left)?,
        }),
        (false, false) => {
            let unserved = [left, right]
                .into_iter()
                .find(|side| literal(side).is_err());
            Err(match unserved {
                Some(side) => not_served(side),
                None => Error::invalid(format!("`{left} … {right}` compares no column")),
            })
        }
    }
}

/// The operator that says the same with its sides exchanged.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::LtEq => CompareOp::GtEq,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::GtEq => CompareOp::LtEq,
        same => same,
    }
}

fn between(expr: &Expr, negated: bool, low: &Expr, high: &Expr) -> Result<Predicate> {
    let inside = Predicate::And(vec![
        comparison(expr, &BinaryOperator::GtEq, low)?,
        comparison(expr, &BinaryOperator::LtEq, high)?,
    ]);
    Ok(if negated {
        Predicate::Not(Box::new(inside))
    } else {
        inside
    })
}

fn like(
    expr: &Expr,
    pattern: &Expr,
    escape: Option<&Expr>,
    negated: bool,
    ignore_case: bool,
) -> Result<Predicate> {
    let Literal::String(pattern) = literal(pattern)? else {
        return Err(Error::invalid(format!(
            "the pattern of `like` must be a string: `{pattern}`"
        )));
    };
    let escape = match escape.map(literal).transpose()? {
        None => None,
        Some(Literal::String(text)) if text.chars().count() == 1 => text.chars().next(),
        Some(other) => {
            return Err(Error::invalid(format!(
                "`escape` takes one character, not {other:?}"
            )));
        }
    };
    Ok(Predicate::Like {
        column: column(expr)?,
        pattern,
        escape,
        negated,
        ignore_case,
    })
}

/// `inner is [not] null`. Of a condition it asks whether its truth is unknown; that is served for
/// columns only.
fn null_test(inner: &Expr, negated: bool) -> Result<Predicate> {
    Ok(Predicate::IsNull {
        column: column(inner)?,
        negated,
    })
}

/// `inner is true` / `is false`: never null itself.
fn known(inner: &Expr, truth: bool) -> Result<Predicate> {
    let column = column(inner)?;
    let value = Predicate::IsTrue(column.clone());
    let value = if truth {
        value
    } else {
        Predicate::Not(Box::new(value))
    };
    Ok(Predicate::And(vec![
        Predicate::IsNull {
            column,
            negated: true,
        },
        value,
    ]))
}

/// `left is not distinct from right`: equality for which null equals null, never null itself.
fn not_distinct(left: &Expr, right: &Expr) -> Result<Predicate> {
    let (name, value) = if is_column(left) {
        (left, right)
    } else {
        (right, left)
    };
    let name = column(name)?;
    if is_column(value) {
        let other = column(value)?;
        let null = |column: &ColumnName, negated| Predicate::IsNull {
            column: column.clone(),
            negated,
        };
        return Ok(Predicate::Or(vec![
            Predicate::And(vec![null(&name, false), null(&other, false)]),
            Predicate::And(vec![
                null(&name, true),
                null(&other, true),
                Predicate::CompareColumns {
                    left: name,
                    op: CompareOp::Eq,
                    right: other,
                },
            ]),
        ]));
    }
    Ok(match literal(value)? {
        Literal::Null => Predicate::IsNull {
            column: name,
            negated: false,
        },
        literal => Predicate::And(vec![
            Predicate::IsNull {
                column: name.clone(),
                negated: true,
            },
            Predicate::Compare {
                column: name,
                op: CompareOp::Eq,
                literal,
            },
        ]),
    })
}

fn is_column(tree: &Expr) -> bool {
    match tree {
        Expr::Nested(inner) => is_column(inner),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        _ => false,
    }
}

fn column(tree: &Expr) -> Result<ColumnName> {
    let part = |ident: &Ident| ident.value.clone();
    match tree {
        Expr::Nested(inner) => column(inner),
        Expr::Identifier(ident) => Ok(ColumnName(vec![part(ident)])),
        Expr::CompoundIdentifier(idents) => Ok(ColumnName(idents.iter().map(part).collect())),
        _ => Err(not_served(tree)),
    }
}

fn literal(tree: &Expr) -> Result<Literal> {
    match tree {
        Expr::Nested(inner) => literal(inner),
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => literal(expr),
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => negated(literal(expr)?, tree),
        Expr::Value(value) => plain_value(&value.value, tree),
        Expr::TypedString(typed) if serves_as_text(&typed.data_type) => {
            plain_value(&typed.value.value, tree)
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type,
            ..
        } if serves_as_text(data_type) => match literal(expr)? {
            text @ (Literal::String(_) | Literal::Null) => Ok(text),
            _ => Err(not_served(tree)),
        },
        _ => Err(not_served(tree)),
    }
}

/// Types whose literal is a text that the column's own type then reads.
fn serves_as_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Date
            | DataType::Time(..)
            | DataType::Timestamp(..)
            | DataType::TimestampNtz(..)
            | DataType::Datetime(..)
            | DataType::Uuid
            | DataType::Varchar(None)
            | DataType::Text
            | DataType::String(None)
    )
}

fn plain_value(value: &Value, tree: &Expr) -> Result<Literal> {
    match value {
        Value::Null => Ok(Literal::Null),
        Value::Boolean(value) => Ok(Literal::Boolean(*value)),
        Value::Number(text, _) => number(text),
        Value::SingleQuotedString(text)
        | Value::NationalStringLiteral(text)
        | Value::EscapedStringLiteral(text) => Ok(Literal::String(text.clone())),
        Value::HexStringLiteral(digits) => hex(digits),
        _ => Err(not_served(tree)),
    }
}

fn negated(value: Literal, tree: &Expr) -> Result<Literal> {
    match value {
        Literal::Number { unscaled, scale } => Ok(Literal::Number {
            unscaled: -unscaled,
            scale,
        }),
        Literal::Float(value) => Ok(Literal::Float(-value)),
        Literal::Null => Ok(Literal::Null),
        _ => Err(Error::invalid(format!(
            "`{tree}` negates something that is not a number"
        ))),
    }
}

/// A number as `-p` has it: digits with sign, point or exponent.
pub(crate) fn parse_literal(text: &str) -> Result<Literal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Err(Error::invalid(format!("`{text}` is not a number")));
    }
    match (number(digits)?, text.starts_with('-')) {
        (Literal::Number { unscaled, scale }, true) => Ok(Literal::Number {
            unscaled: -unscaled,
            scale,
        }),
        (Literal::Float(value), true) => Ok(Literal::Float(-value)),
        (literal, _) => Ok(literal),
    }
}

/// `12`, `1.50`, `.5`, `1e-3`: exact when the digits fit 38 places, a float otherwise.
fn number(text: &str) -> Result<Literal> {
    let bad = || Error::invalid(format!("`{text}` is not a number"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) && whole.len() + fraction.len() <= 38 {
        let all = format!("{whole}{fraction}");
        let unscaled = all.parse::<i128>().map_err(|_| bad())?;
        let scale = u8::try_from(fraction.len()).map_err(|_| bad())?;
        return Ok(Literal::Number { unscaled, scale });
    }
    text.parse::<f64>().map(Literal::Float).map_err(|_| bad())
}

fn hex(digits: &str) -> Result<Literal> {
    let bad = || {
        Error::invalid(format!(
            "X'{digits}' is not a run of hexadecimal byte pairs"
        ))
    };
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(bad());
    }
    let byte = |at: usize| {
        digits
            .get(at..at + 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .ok_or_else(bad)
    };
    (0..digits.len())
        .step_by(2)
        .map(byte)
        .collect::<Result<_>>()
        .map(Literal::Binary)
}

fn not_served(tree: &Expr) -> Error {
    let mut shown = tree.to_string();
    if shown.chars().count() > 80 {
        shown = shown.chars().take(80).chain(['…']).collect();
    }
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "`{shown}` is not supported in filters: they compare columns with literals or columns \
             (=, !=, <, <=, >, >=, in, between, like, ilike, is null, and, or, not)"
        ),
    )
}

#[cfg(test)]
#[path = "expression/tests.rs"]
mod tests;
