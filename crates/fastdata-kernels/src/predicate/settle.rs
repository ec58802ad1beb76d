//! What statistics already decide about a predicate.
//!
//! An atom can be dropped in two ways: no row satisfies it, or every row does. Bounds may be loose
//! for both: what holds for all of `min..=max` holds for the values inside. Two kinds of rows lie
//! outside of the bounds and are counted apart: nulls, which satisfy nothing but `is null`, and NaN.

use std::cmp::Ordering;

use arrow_schema::DataType;

use super::like::Pattern;
use super::{Atom, Bound, ColumnPath, CompareOp, Datum, Test};

/// Whether something occurs in a set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// In no row.
    None,
    /// In some rows, or nobody knows.
    Maybe,
    /// In every row.
    All,
}

/// What is known about the values of one column within a set of rows (a file, a row group, a page).
///
/// Every field may be unknown. A wrong fact loses rows, so whoever fills this leaves out what it
/// cannot vouch for. Bounds may be loose (truncated strings, bounds of a whole file for one of its
/// pages) as long as they bound. Datums are in the representation of the bound column: decimals at
/// its scale, timestamps in nanoseconds. Bounds that contradict each other, are NaN or of another
/// variant count as unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnFacts {
    /// No non-null, non-NaN value is smaller.
    pub min: Option<Datum>,
    /// No non-null, non-NaN value is greater.
    pub max: Option<Datum>,
    /// Nulls among the rows.
    pub nulls: Presence,
    /// NaNs among the rows; read for float columns only.
    pub nans: Presence,
}

/// The source of facts, by column.
///
/// # Contract
///
/// Implemented by whoever holds statistics (a row group, a page, a file of a manifest), called by
/// [`Bound::settle`]. Both answers must hold for every row of the set that is being settled.
pub trait Facts {
    /// Bounds and null counts of `column`, or `None` when nothing is known.
    fn column(&self, column: &ColumnPath) -> Option<ColumnFacts>;

    /// True only when it is certain that no row of `column` equals `value`
    /// (a bloom filter, a complete dictionary, a bucket partition). Equal in the order of
    /// [`Datum::compare`]: `-0.0` is `0.0`, NaN is NaN.
    fn excludes(&self, column: &ColumnPath, value: &Datum) -> bool;
}

impl Bound {
    /// The residual: this condition with every atom that `facts` decide replaced by a constant and
    /// the constants folded. `Constant(false)` means that no row can match, `Constant(true)` that
    /// every row does.
    #[must_use]
    pub fn settle(&self, facts: &dyn Facts) -> Bound {
        match self {
            Bound::Constant(value) => Bound::Constant(*value),
            Bound::Atom(atom) => settle_atom(atom, facts),
            Bound::And(parts) => Bound::all(parts.iter().map(|part| part.settle(facts))),
            Bound::Or(parts) => Bound::any(parts.iter().map(|part| part.settle(facts))),
        }
    }
}

/// What is still possible for an atom, over the rows that the facts speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcomes {
    /// Some row may satisfy it.
    may_hold: bool,
    /// Some row may fail to.
    may_fail: bool,
}

impl Outcomes {
    const UNKNOWN: Outcomes = Outcomes {
        may_hold: true,
        may_fail: true,
    };
    const NO_ROWS: Outcomes = Outcomes {
        may_hold: false,
        may_fail: false,
    };

    fn of(holds: bool) -> Outcomes {
        Outcomes {
            may_hold: holds,
            may_fail: !holds,
        }
    }

    fn or(self, other: Outcomes) -> Outcomes {
        Outcomes {
            may_hold: self.may_hold || other.may_hold,
            may_fail: self.may_fail || other.may_fail,
        }
    }

    /// For a test that is false for null.
    fn with_nulls(self, nulls: Presence) -> Outcomes {
        match nulls {
            Presence::None => self,
            Presence::Maybe => Outcomes {
                may_fail: true,
                ..self
            },
            Presence::All => Outcomes::of(false),
        }
    }

    fn settled(self) -> Option<bool> {
        match self {
            Outcomes {
                may_hold: false, ..
            } => Some(false),
            Outcomes {
                may_fail: false, ..
            } => Some(true),
            _ => None,
        }
    }
}

/// The facts about one column, made consistent.
struct Known {
    min: Option<Datum>,
    max: Option<Datum>,
    nulls: Presence,
    nans: Presence,
}

impl Known {
    fn of(column: &ColumnPath, facts: &dyn Facts) -> Known {
        let is_float = matches!(
            column.data_type,
            DataType::Float16 | DataType::Float32 | DataType::Float64
        );
        let Some(facts) = facts.column(column) else {
            let nans = if is_float {
                Presence::Maybe
            } else {
                Presence::None
            };
            return Known {
                min: None,
                max: None,
                nulls: Presence::Maybe,
                nans,
            };
        };
        let nans = if is_float { facts.nans } else { Presence::None };
        let usable = |bound: Option<Datum>| bound.filter(|datum| !datum.is_nan());
        let (mut min, mut max) = (usable(facts.min), usable(facts.max));
        if let (Some(low), Some(high)) = (&min, &max)
            && !matches!(low.compare(high), Some(Ordering::Less | Ordering::Equal))
        {
            (min, max) = (None, None);
        }
        Known {
            min,
            max,
            nulls: facts.nulls,
            nans,
        }
    }

    /// How `min` stands to `value`, if both are known and comparable.
    fn min_to(&self, value: &Datum) -> Option<Ordering> {
        self.min.as_ref()?.compare(value)
    }

    fn max_to(&self, value: &Datum) -> Option<Ordering> {
        self.max.as_ref()?.compare(value)
    }

    /// `value op datum` over all numbers, NaN and nulls.
    fn compare(&self, op: CompareOp, datum: &Datum) -> Outcomes {
        let ordinary = if self.nans == Presence::All {
            Outcomes::NO_ROWS
        } else {
            self.compare_ordinary(op, datum)
        };
        let nan = if self.nans == Presence::None {
            Outcomes::NO_ROWS
        } else {
            let order = if datum.is_nan() {
                Ordering::Equal
            } else {
                Ordering::Greater
            };
            Outcomes::of(op.holds(order))
        };
        ordinary.or(nan).with_nulls(self.nulls)
    }

    fn compare_ordinary(&self, op: CompareOp, datum: &Datum) -> Outcomes {
        if datum.is_nan() {
            return Outcomes::of(op.holds(Ordering::Less));
        }
        let (min, max) = (self.min_to(datum), self.max_to(datum));
        // Which of the three orders some value may have to the datum.
        let less = min.is_none_or(Ordering::is_lt);
        let greater = max.is_none_or(Ordering::is_gt);
        let equal = min.is_none_or(Ordering::is_le) && max.is_none_or(Ordering::is_ge);
        let possible = [
            (less, Ordering::Less),
            (equal, Ordering::Equal),
            (greater, Ordering::Greater),
        ];
        possible
            .into_iter()
            .filter(|(possible, _)| *possible)
            .fold(Outcomes::NO_ROWS, |sum, (_, order)| {
                sum.or(Outcomes::of(op.holds(order)))
            })
    }

    fn like(&self, pattern: &Pattern, negated: bool) -> Outcomes {
        let prefix = pattern.prefix();
        let outside = match (&self.min, &self.max) {
            (Some(Datum::String(min)), _) if after_prefix(min, prefix) => true,
            (_, Some(Datum::String(max))) if max.as_bytes() < prefix.as_bytes() => true,
            _ => false,
        };
        let inside = match (&self.min, &self.max) {
            (Some(Datum::String(min)), Some(Datum::String(max))) => {
                pattern.is_prefix() && min.starts_with(prefix) && max.starts_with(prefix)
            }
            _ => false,
        };
        let values = match (outside, inside) {
            (true, _) => Outcomes::of(negated),
            (_, true) => Outcomes::of(!negated),
            _ => Outcomes::UNKNOWN,
        };
        values.with_nulls(self.nulls)
    }
}

/// True when `text` and all that is greater lies behind every string that begins with `prefix`.
fn after_prefix(text: &str, prefix: &str) -> bool {
    text.as_bytes() > prefix.as_bytes() && !text.starts_with(prefix)
}

fn settle_atom(atom: &Atom, facts: &dyn Facts) -> Bound {
    let Atom { column, test } = atom;
    let known = Known::of(column, facts);
    let outcomes = match test {
        Test::IsNull => null_outcomes(known.nulls, true),
        Test::IsNotNull => null_outcomes(known.nulls, false),
        Test::Compare(op, datum) => return settle_compare(atom, *op, datum, &known, facts),
        Test::In(values) => return settle_list(atom, values, false, &known, facts),
        Test::NotIn(values) => return settle_list(atom, values, true, &known, facts),
        Test::CompareColumn(op, other) => {
            compare_columns(column, &known, *op, other, &Known::of(other, facts))
        }
        Test::Like {
            pattern,
            escape,
            negated,
            ignore_case,
        } => {
            match Pattern::parse(pattern, *escape) {
                // The bounds are in the order of the bytes, which other cases do not follow.
                Ok(pattern) if !ignore_case => known.like(&pattern, *negated),
                _ => Outcomes::UNKNOWN.with_nulls(known.nulls),
            }
        }
    };
    outcomes
        .settled()
        .map_or_else(|| Bound::Atom(atom.clone()), Bound::Constant)
}

fn null_outcomes(nulls: Presence, wanted: bool) -> Outcomes {
    match nulls {
        Presence::None => Outcomes::of(!wanted),
        Presence::Maybe => Outcomes::UNKNOWN,
        Presence::All => Outcomes::of(wanted),
    }
}

/// What a condition that holds for every value but not for null comes to.
fn not_null(column: &ColumnPath, nulls: Presence) -> Bound {
    match null_outcomes(nulls, false).settled() {
        Some(constant) => Bound::Constant(constant),
        None => Bound::Atom(Atom {
            column: column.clone(),
            test: Test::IsNotNull,
        }),
    }
}

fn settle_compare(
    atom: &Atom,
    op: CompareOp,
    datum: &Datum,
    known: &Known,
    facts: &dyn Facts,
) -> Bound {
    if let Some(constant) = known.compare(op, datum).settled() {
        return Bound::Constant(constant);
    }
    match op {
        CompareOp::Eq if facts.excludes(&atom.column, datum) => Bound::Constant(false),
        CompareOp::NotEq if facts.excludes(&atom.column, datum) => {
            not_null(&atom.column, known.nulls)
        }
        _ => Bound::Atom(atom.clone()),
    }
}

fn settle_list(
    atom: &Atom,
    values: &[Datum],
    negated: bool,
    known: &Known,
    facts: &dyn Facts,
) -> Bound {
    let column = &atom.column;
    if known.nulls == Presence::All {
        return Bound::Constant(false);
    }
    let mut possible = Vec::with_capacity(values.len());
    for value in values {
        match known.compare(CompareOp::Eq, value).settled() {
            // Every row equals it.
            Some(true) => return Bound::Constant(!negated),
            Some(false) => {}
            None if facts.excludes(column, value) => {}
            None => possible.push(value),
        }
    }
    let all_values_listed = covers(&possible, known);
    match (negated, possible.as_slice()) {
        (false, []) => Bound::Constant(false),
        (true, []) => not_null(column, known.nulls),
        (true, _) if all_values_listed => Bound::Constant(false),
        (false, _) if all_values_listed => not_null(column, known.nulls),
        (_, kept) if kept.len() == values.len() => Bound::Atom(atom.clone()),
        (_, [one]) => {
            let op = if negated {
                CompareOp::NotEq
            } else {
                CompareOp::Eq
            };
            Bound::Atom(Atom {
                column: column.clone(),
                test: Test::Compare(op, (*one).clone()),
            })
        }
        (_, kept) => {
            let kept = kept.iter().map(|value| (*value).clone()).collect();
            let test = if negated {
                Test::NotIn(kept)
            } else {
                Test::In(kept)
            };
            Bound::Atom(Atom {
                column: column.clone(),
                test,
            })
        }
    }
}

/// Whether every value that the rows may have is among `listed`: they are all one value, and NaN
/// is listed where it may occur.
fn covers(listed: &[&Datum], known: &Known) -> bool {
    let contains = |wanted: &dyn Fn(&Datum) -> bool| listed.iter().any(|value| wanted(value));
    let one_value = contains(&|value| {
        known.min_to(value) == Some(Ordering::Equal) && known.max_to(value) == Some(Ordering::Equal)
    });
    let nan = contains(&Datum::is_nan);
    (one_value || known.nans == Presence::All) && (nan || known.nans == Presence::None)
}

fn compare_columns(
    left: &ColumnPath,
    left_known: &Known,
    op: CompareOp,
    right: &ColumnPath,
    right_known: &Known,
) -> Outcomes {
    if left_known.nulls == Presence::All || right_known.nulls == Presence::All {
        return Outcomes::of(false);
    }
    let both_free = |presence: &dyn Fn(&Known) -> Presence| {
        presence(left_known) == Presence::None && presence(right_known) == Presence::None
    };
    // Decimals of two scales have datums of two units.
    if !both_free(&|known| known.nans) || left.data_type != right.data_type {
        return Outcomes::UNKNOWN;
    }
    let order = |a: &Option<Datum>, b: &Option<Datum>| a.as_ref()?.compare(b.as_ref()?);
    let low = order(&left_known.min, &right_known.max);
    let high = order(&left_known.max, &right_known.min);
    let less = low.is_none_or(Ordering::is_lt);
    let greater = high.is_none_or(Ordering::is_gt);
    let equal = low.is_none_or(Ordering::is_le) && high.is_none_or(Ordering::is_ge);
    let possible = [
        (less, Ordering::Less),
        (equal, Ordering::Equal),
        (greater, Ordering::Greater),
    ];
    let values = possible
        .into_iter()
        .filter(|(possible, _)| *possible)
        .fold(Outcomes::NO_ROWS, |sum, (_, order)| {
            sum.or(Outcomes::of(op.holds(order)))
        });
    let nulls = if both_free(&|known| known.nulls) {
        Presence::None
    } else {
        Presence::Maybe
    };
    values.with_nulls(nulls)
}
