//! `-p KEY=VALUE`: equality on the columns that a source is partitioned by.

use std::collections::BTreeSet;

use arrow_schema::{DataType, Schema};
use fastdata_iceberg::Transform;
use fastdata_kernels::predicate::{ColumnName, CompareOp, Literal, Predicate};

use crate::evolution::field_id;
use crate::expression::parse_literal;
use crate::source::Source;
use crate::{Error, Result};

/// Hive's word for null in a folder's name; as a value of `-p` it means null too.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// Names of the columns that `source` is partitioned by: sources of identity partitions in any
/// spec of a table, columns named by folders.
pub(crate) fn partition_columns(source: &Source, schema: &Schema) -> BTreeSet<String> {
    match source {
        Source::Files(files) => files
            .iter()
            .flat_map(|file| &file.hive)
            .map(|hive| hive.name.clone())
            .collect(),
        Source::Table(table) => {
            let identity = table
                .metadata
                .partition_specs()
                .iter()
                .flat_map(|spec| &spec.fields)
                .filter(|field| field.transform == Transform::Identity)
                .map(|field| field.source_id);
            let ids: BTreeSet<i32> = identity.collect();
            let is_source = |field: &&arrow_schema::FieldRef| {
                field_id(field).is_some_and(|id| ids.contains(&id))
            };
            schema
                .fields()
                .iter()
                .filter(is_source)
                .map(|field| field.name().clone())
                .collect()
        }
    }
}

/// The condition that `name` equals `value`.
pub(crate) fn partition_predicate(
    name: &str,
    value: &str,
    allowed: &BTreeSet<String>,
    schema: &Schema,
) -> Result<Predicate> {
    if !allowed.contains(name) {
        let known: Vec<&str> = allowed.iter().map(String::as_str).collect();
        return Err(Error::invalid(match known.is_empty() {
            true => format!("`{name}` is no partition column: the source has none (use a filter)"),
            false => format!(
                "`{name}` is no partition column; they are {} (use a filter for others)",
                known.join(", ")
            ),
        }));
    }
    let column = ColumnName::top(name);
    if value == HIVE_NULL {
        return Ok(Predicate::IsNull {
            column,
            negated: false,
        });
    }
    let field = schema.field_with_name(name).map_err(|_| {
        Error::invalid(format!(
            "the partition column `{name}` is not a column of the schema"
        ))
    })?;
    let literal = match field.data_type() {
        data_type if data_type.is_numeric() => parse_literal(value)?,
        DataType::Boolean => match value.to_ascii_lowercase().as_str() {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            _ => {
                return Err(Error::invalid(format!(
                    "`{name}` is true or false, not `{value}`"
                )));
            }
        },
        _ => Literal::String(value.to_owned()),
    };
    Ok(Predicate::Compare {
        column,
        op: CompareOp::Eq,
        literal,
    })
}
