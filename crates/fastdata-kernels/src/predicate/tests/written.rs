//! Short ways to write literals and comparisons.

use crate::predicate::{ColumnName, CompareOp, Literal, Predicate};

pub(super) fn int(value: i128) -> Literal {
    Literal::Number {
        unscaled: value,
        scale: 0,
    }
}

pub(super) fn number(unscaled: i128, scale: u8) -> Literal {
    Literal::Number { unscaled, scale }
}

pub(super) fn text(value: &str) -> Literal {
    Literal::String(value.to_owned())
}

pub(super) fn compare(column: &str, op: CompareOp, literal: Literal) -> Predicate {
    Predicate::Compare {
        column: ColumnName::top(column),
        op,
        literal,
    }
}
