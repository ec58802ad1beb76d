//! What a file's metrics, together with its partition, say about its columns.

use fastdata_kernels::predicate::{ColumnFacts, ColumnPath, Datum, Facts, Presence};

use crate::manifest::ColumnMetrics;
use crate::partition::{PartitionFacts, intersect};
use crate::schema::{PrimitiveType, Schema};
use crate::value::Value;

/// The facts about one file, or about the files of one manifest when it has no metrics.
pub(super) struct FileFacts<'a> {
    pub(super) schema: &'a Schema,
    pub(super) partition: &'a PartitionFacts,
    /// The columns that `metrics` are of, in the same order.
    pub(super) wanted: &'a [i32],
    pub(super) metrics: &'a [ColumnMetrics<'a>],
    pub(super) record_count: i64,
}

impl Facts for FileFacts<'_> {
    fn column(&self, column: &ColumnPath) -> Option<ColumnFacts> {
        let id = column.field_id?;
        let partition = self.partition.column(id).map(|known| known.facts.clone());
        let metrics = self
            .wanted
            .iter()
            .position(|wanted| *wanted == id)
            .and_then(|index| self.metrics.get(index))
            .zip(self.schema.primitive(id))
            // Its bounds are of paths inside, its counts not said to be those of rows.
            .filter(|(_, of)| **of != PrimitiveType::Variant)
            .map(|(metrics, of)| {
                column_facts(metrics, of, self.record_count, column.indices.len() > 1)
            });
        match (partition, metrics) {
            (Some(partition), Some(metrics)) => Some(intersect(partition, metrics)),
            (one, other) => one.or(other),
        }
    }

    fn excludes(&self, column: &ColumnPath, value: &Datum) -> bool {
        let known = column.field_id.and_then(|id| self.partition.column(id));
        known.is_some_and(|known| known.excludes(value))
    }
}

/// Every part of the metrics may be absent, and counts may be -1: then nothing is known.
fn column_facts(
    metrics: &ColumnMetrics<'_>,
    of: &PrimitiveType,
    record_count: i64,
    is_nested: bool,
) -> ColumnFacts {
    let rows = metrics
        .value_count
        .filter(|count| *count >= 0)
        .unwrap_or(record_count);
    let nulls = match metrics.null_count {
        // Writers differ on whether a null struct counts as a null of its fields.
        Some(0) if is_nested => Presence::Maybe,
        Some(0) => Presence::None,
        Some(nulls) if nulls > 0 && nulls == rows && rows == record_count => Presence::All,
        _ => Presence::Maybe,
    };
    let is_float = matches!(of, PrimitiveType::Float | PrimitiveType::Double);
    let nans = match metrics.nan_count {
        _ if !is_float => Presence::None,
        Some(0) => Presence::None,
        _ => Presence::Maybe,
    };
    let bound = |bytes: Option<&[u8]>| Value::from_binary(bytes?, of)?.to_datum(of);
    ColumnFacts {
        min: bound(metrics.lower),
        max: bound(metrics.upper),
        nulls,
        nans,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(metrics: ColumnMetrics<'_>, of: PrimitiveType) -> ColumnFacts {
        column_facts(&metrics, &of, 10, false)
    }

    #[test]
    fn absent_and_negative_counts_say_nothing() {
        let nulls = |null_count, value_count| {
            let metrics = ColumnMetrics {
                null_count,
                value_count,
                ..ColumnMetrics::default()
            };
            facts(metrics, PrimitiveType::Int).nulls
        };
        assert_eq!(nulls(None, None), Presence::Maybe);
        assert_eq!(nulls(None, Some(10)), Presence::Maybe);
        assert_eq!(nulls(Some(-1), Some(-1)), Presence::Maybe);
        assert_eq!(nulls(Some(0), None), Presence::None);
        assert_eq!(nulls(Some(3), Some(10)), Presence::Maybe);
        assert_eq!(nulls(Some(10), Some(10)), Presence::All);
        assert_eq!(nulls(Some(10), None), Presence::All);
        assert_eq!(nulls(Some(12), Some(12)), Presence::Maybe);
        assert_eq!(nulls(Some(0), Some(0)), Presence::None);
    }

    #[test]
    fn nans_are_absent_only_when_counted() {
        let nans = |nan_count| {
            let metrics = ColumnMetrics {
                nan_count,
                ..ColumnMetrics::default()
            };
            facts(metrics, PrimitiveType::Double).nans
        };
        assert_eq!(nans(None), Presence::Maybe);
        assert_eq!(nans(Some(-1)), Presence::Maybe);
        assert_eq!(nans(Some(1)), Presence::Maybe);
        assert_eq!(nans(Some(0)), Presence::None);
    }

    #[test]
    fn bounds_that_do_not_fit_the_type_are_no_bounds() {
        let (four, three) = (5i32.to_le_bytes(), [1, 2, 3]);
        let metrics = ColumnMetrics {
            lower: Some(&four),
            upper: Some(&three),
            ..ColumnMetrics::default()
        };
        let facts = facts(metrics, PrimitiveType::Long);
        assert_eq!((facts.min, facts.max), (Some(Datum::Int(5)), None));
    }
}
