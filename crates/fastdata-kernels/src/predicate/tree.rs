//! The predicate as written: columns by name, literals without a type.

use std::fmt;

/// A column by name; more than one part names a field inside a struct (`a.b`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnName(pub Vec<String>);

impl ColumnName {
    /// A top-level column.
    pub fn top(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum CompareOp {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

/// A literal as written. Its type is decided by the column that it meets when bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// An exact number: `unscaled` × 10^-`scale`. `12` is (12, 0), `1.50` is (150, 2).
    Number {
        /// All digits, sign included.
        unscaled: i128,
        /// Digits behind the point.
        scale: u8,
    },
    /// A number written with an exponent, or beyond 38 digits.
    Float(f64),
    /// `'text'`; also how dates, times, timestamps and UUIDs are written.
    String(String),
    /// `X'00ff'`
    Binary(Vec<u8>),
}

/// A condition over named columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// `column op literal`
    Compare {
        /// Left side.
        column: ColumnName,
        /// The comparison.
        op: CompareOp,
        /// Right side.
        literal: Literal,
    },
    /// `left op right`, both columns of one row.
    CompareColumns {
        /// Left side.
        left: ColumnName,
        /// The comparison.
        op: CompareOp,
        /// Right side.
        right: ColumnName,
    },
    /// `column [not] in (…)`; a null among the literals makes every miss null, as in SQL.
    In {
        /// The column tested.
        column: ColumnName,
        /// The list.
        literals: Vec<Literal>,
        /// `not in`
        negated: bool,
    },
    /// `column [not] like pattern [escape c]`
    Like {
        /// The column tested.
        column: ColumnName,
        /// `%` is any run of characters, `_` any one character.
        pattern: String,
        /// Takes the meaning from a following `%` or `_`.
        escape: Option<char>,
        /// `not like`
        negated: bool,
        /// `ilike`: compared after Unicode lower-casing of both sides.
        ignore_case: bool,
    },
    /// `column is [not] null`
    IsNull {
        /// The column tested.
        column: ColumnName,
        /// `is not null`
        negated: bool,
    },
    /// A boolean column standing alone.
    IsTrue(ColumnName),
    /// A constant condition; `None` is SQL's null.
    Constant(Option<bool>),
    /// All of them.
    And(Vec<Predicate>),
    /// Any of them.
    Or(Vec<Predicate>),
    /// Not, in three-valued logic: not null is null.
    Not(Box<Predicate>),
}

impl Predicate {
    /// Every column that the condition names, in order of first mention.
    pub fn columns(&self) -> Vec<&ColumnName> {
        let mut found = Vec::new();
        self.collect_columns(&mut found);
        found
    }

    fn collect_columns<'a>(&'a self, found: &mut Vec<&'a ColumnName>) {
        let mut add = |column: &'a ColumnName| {
            if !found.contains(&column) {
                found.push(column);
            }
        };
        match self {
            Self::Compare { column, .. }
            | Self::In { column, .. }
            | Self::Like { column, .. }
            | Self::IsNull { column, .. }
            | Self::IsTrue(column) => add(column),
            Self::CompareColumns { left, right, .. } => {
                add(left);
                add(right);
            }
            Self::Constant(_) => {}
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.collect_columns(found));
            }
            Self::Not(inner) => inner.collect_columns(found),
        }
    }
}
