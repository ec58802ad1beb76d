//! The predicate after its names and literals met a schema.

use arrow_schema::DataType;

use super::{CompareOp, Datum};

/// Where a column stands in the schema that the predicate was bound to.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnPath {
    /// Index of the top-level field, then of the child within each struct.
    pub indices: Vec<usize>,
    /// Name as the schema spells it, parts joined by dots: for messages and explain.
    pub name: String,
    /// `PARQUET:field_id` of the field, where the schema carries one.
    pub field_id: Option<i32>,
    /// Type of the leaf.
    pub data_type: DataType,
}

/// A condition in negation normal form: only [`Bound::And`] and [`Bound::Or`] over atoms.
///
/// `Not` was pushed into the atoms by `bind` (`not (a < 5)` is `a >= 5`, null for null either
/// way). So replacing an atom that is false *or null* by `Constant(false)` keeps the rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// True for all rows, or for none (false and null are one here).
    Constant(bool),
    /// One test of one column, or of two.
    Atom(Atom),
    /// All of them; never empty, never nested directly.
    And(Vec<Bound>),
    /// Any of them; never empty, never nested directly.
    Or(Vec<Bound>),
}

/// A test of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// The column tested.
    pub column: ColumnPath,
    /// The test.
    pub test: Test,
}

/// What an [`Atom`] asks of its column. All but [`Test::IsNull`] are false for null.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `column op value`
    Compare(CompareOp, Datum),
    /// `column op other`
    CompareColumn(CompareOp, ColumnPath),
    /// Equal to one of the values: sorted, distinct, never empty.
    In(Vec<Datum>),
    /// Not null, and equal to none of the values: sorted, distinct, never empty.
    NotIn(Vec<Datum>),
    /// `like` and `ilike`, or their negation (not null and no match).
    Like {
        /// The pattern as written.
        pattern: String,
        /// Its escape character.
        escape: Option<char>,
        /// `not like`
        negated: bool,
        /// `ilike`
        ignore_case: bool,
    },
    /// `is null`
    IsNull,
    /// `is not null`
    IsNotNull,
}

impl Bound {
    /// The columns that the condition reads, each once, in the order of their first use.
    pub fn columns(&self) -> Vec<&ColumnPath> {
        let mut found: Vec<&ColumnPath> = Vec::new();
        self.visit_columns(&mut |column| {
            if !found.iter().any(|known| known.indices == column.indices) {
                found.push(column);
            }
        });
        found
    }

    fn visit_columns<'a>(&'a self, visit: &mut dyn FnMut(&'a ColumnPath)) {
        match self {
            Bound::Constant(_) => {}
            Bound::Atom(atom) => {
                visit(&atom.column);
                if let Test::CompareColumn(_, other) = &atom.test {
                    visit(other);
                }
            }
            Bound::And(parts) | Bound::Or(parts) => {
                parts.iter().for_each(|part| part.visit_columns(visit));
            }
        }
    }

    /// The same condition over other columns: `place` says where each stands in another schema,
    /// whose types must be comparable with the datums as they are. `None` when `place` knows no
    /// place for one of them.
    pub fn remap(&self, place: &dyn Fn(&ColumnPath) -> Option<ColumnPath>) -> Option<Bound> {
        let remap_all = |parts: &[Bound]| {
            parts
                .iter()
                .map(|part| part.remap(place))
                .collect::<Option<Vec<Bound>>>()
        };
        Some(match self {
            Bound::Constant(value) => Bound::Constant(*value),
            Bound::Atom(Atom { column, test }) => {
                let test = match test {
                    Test::CompareColumn(op, other) => Test::CompareColumn(*op, place(other)?),
                    same => same.clone(),
                };
                Bound::Atom(Atom {
                    column: place(column)?,
                    test,
                })
            }
            Bound::And(parts) => Bound::And(remap_all(parts)?),
            Bound::Or(parts) => Bound::Or(remap_all(parts)?),
        })
    }
}
