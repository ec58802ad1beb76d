//! What partition values say about the columns of the rows.

use std::cmp::Ordering;

use fastdata_kernels::predicate::{ColumnFacts, Datum, Presence};

use super::bucket::LiteralHash;
use super::range::source_range;
use super::{PartitionSpec, RawValue, SourceTypes, Transform, Tuple};
use crate::manifest::PartitionSummary;
use crate::schema::PrimitiveType;
use crate::value::Value;

/// What is known about one column from one or more partition fields.
#[derive(Debug, Clone)]
pub(crate) struct ColumnConstraint {
    pub(crate) field_id: i32,
    pub(crate) facts: ColumnFacts,
    /// The column's type now, for hashing literals.
    source: PrimitiveType,
    /// (number of buckets, least bucket, greatest bucket)
    buckets: Vec<(u32, i64, i64)>,
}

/// What is known about the columns of a file, or of a manifest's files.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartitionFacts {
    columns: Vec<ColumnConstraint>,
}

impl PartitionFacts {
    /// The facts that a file's tuple proves, for the columns in `wanted`.
    pub(crate) fn of_tuple(
        spec: &PartitionSpec,
        tuple: &Tuple,
        types: &SourceTypes,
        wanted: &[i32],
    ) -> Self {
        let mut facts = Self::default();
        for (index, field) in spec.fields.iter().enumerate() {
            let Some(source) = wanted_type(types, wanted, field.source_id) else {
                continue;
            };
            if !speaks_of_column(&field.transform) {
                continue;
            }
            match tuple.0.get(index) {
                None | Some(RawValue::Missing) => {}
                // Every transform but void gives null for null and only for null.
                Some(RawValue::Null) => facts.add(ColumnConstraint {
                    field_id: field.source_id,
                    facts: nothing_but(Presence::All, Presence::None),
                    source: source.clone(),
                    buckets: Vec::new(),
                }),
                Some(_) => {
                    let value = tuple.typed(index, &field.transform, source);
                    let nan = value.as_ref().is_some_and(is_nan);
                    let nans = match (nan, may_be_nan(source)) {
                        (true, _) => Presence::All,
                        (false, true) if value.is_none() => Presence::Maybe,
                        _ => Presence::None,
                    };
                    let value = value.filter(|value| !is_nan(value));
                    facts.add(constraint(
                        field.source_id,
                        &field.transform,
                        source,
                        nothing_but(Presence::None, nans),
                        value.as_ref().zip(value.as_ref()),
                    ));
                }
            }
        }
        facts
    }

    /// The facts that hold for all files of a manifest, by the summaries in the manifest list.
    pub(crate) fn of_summaries(
        spec: &PartitionSpec,
        summaries: &[PartitionSummary],
        types: &SourceTypes,
        wanted: &[i32],
    ) -> Self {
        let mut facts = Self::default();
        for (field, summary) in spec.fields.iter().zip(summaries) {
            let Some(source) = wanted_type(types, wanted, field.source_id) else {
                continue;
            };
            let Some(result) = field.transform.result(source) else {
                continue;
            };
            let bound = |bytes: &Option<Vec<u8>>| Value::from_binary(bytes.as_deref()?, &result);
            let (mut lower, mut upper) = (bound(&summary.lower), bound(&summary.upper));
            // Java orders UUIDs as signed numbers here, so only equal bounds mean anything.
            let unordered = result == PrimitiveType::Uuid && lower != upper;
            if unordered || lower.as_ref().is_some_and(is_nan) || upper.as_ref().is_some_and(is_nan)
            {
                (lower, upper) = (None, None);
            }
            let nulls = match summary.contains_null {
                Some(false) => Presence::None,
                _ => Presence::Maybe,
            };
            let nans = match summary.contains_nan {
                _ if !may_be_nan(source) => Presence::None,
                Some(false) => Presence::None,
                _ => Presence::Maybe,
            };
            let bounds = lower.as_ref().zip(upper.as_ref());
            let known = nothing_but(nulls, nans);
            facts.add(constraint(
                field.source_id,
                &field.transform,
                source,
                known,
                bounds,
            ));
        }
        facts
    }

    pub(crate) fn column(&self, field_id: i32) -> Option<&ColumnConstraint> {
        self.columns
            .iter()
            .find(|column| column.field_id == field_id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Several fields may speak of one column: all of them hold.
    fn add(&mut self, constraint: ColumnConstraint) {
        match self
            .columns
            .iter_mut()
            .find(|known| known.field_id == constraint.field_id)
        {
            Some(known) => {
                known.facts = intersect(known.facts.clone(), constraint.facts);
                known.buckets.extend(constraint.buckets);
            }
            None => self.columns.push(constraint),
        }
    }
}

impl ColumnConstraint {
    /// Whether no row equals `value`, by the buckets or because all are null.
    pub(crate) fn excludes(&self, value: &Datum) -> bool {
        if self.facts.nulls == Presence::All {
            return true;
        }
        if self.buckets.is_empty() {
            return false;
        }
        match LiteralHash::of(value, &self.source) {
            LiteralHash::NoRow => true,
            LiteralHash::Unknown => false,
            LiteralHash::Hash(hash) => self.buckets.iter().any(|(buckets, least, greatest)| {
                let bucket = (hash & i32::MAX.unsigned_abs()).checked_rem(*buckets);
                bucket.is_some_and(|bucket| !(*least..=*greatest).contains(&i64::from(bucket)))
            }),
        }
    }
}

/// Both hold: the narrower bound and the surer answer.
pub(crate) fn intersect(one: ColumnFacts, other: ColumnFacts) -> ColumnFacts {
    let pick = |one: Option<Datum>, other: Option<Datum>, wanted: Ordering| match (one, other) {
        (Some(one), Some(other)) if other.compare(&one) == Some(wanted) => Some(other),
        (None, other) => other,
        (one, _) => one,
    };
    let surer = |one: Presence, other: Presence| if one == Presence::Maybe { other } else { one };
    ColumnFacts {
        min: pick(one.min, other.min, Ordering::Greater),
        max: pick(one.max, other.max, Ordering::Less),
        nulls: surer(one.nulls, other.nulls),
        nans: surer(one.nans, other.nans),
    }
}

fn constraint(
    field_id: i32,
    transform: &Transform,
    source: &PrimitiveType,
    mut facts: ColumnFacts,
    bounds: Option<(&Value, &Value)>,
) -> ColumnConstraint {
    let mut buckets = Vec::new();
    match (transform, bounds) {
        (Transform::Bucket(count), Some((Value::Int(least), Value::Int(greatest)))) => {
            buckets.push((*count, *least, *greatest));
        }
        (_, Some((lower, upper))) => {
            (facts.min, facts.max) = source_range(transform, lower, upper, source);
        }
        (_, None) => {}
    }
    ColumnConstraint {
        field_id,
        facts,
        source: source.clone(),
        buckets,
    }
}

fn wanted_type<'a>(types: &'a SourceTypes, wanted: &[i32], id: i32) -> Option<&'a PrimitiveType> {
    wanted.contains(&id).then(|| types.get(id)).flatten()
}

fn speaks_of_column(transform: &Transform) -> bool {
    !matches!(transform, Transform::Void | Transform::Unknown(_))
}

fn nothing_but(nulls: Presence, nans: Presence) -> ColumnFacts {
    ColumnFacts {
        min: None,
        max: None,
        nulls,
        nans,
    }
}

fn may_be_nan(of: &PrimitiveType) -> bool {
    matches!(of, PrimitiveType::Float | PrimitiveType::Double)
}

fn is_nan(value: &Value) -> bool {
    match value {
        Value::Float(value) => value.is_nan(),
        Value::Double(value) => value.is_nan(),
        _ => false,
    }
}
