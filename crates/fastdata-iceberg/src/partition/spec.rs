//! A partition spec: which transforms of which columns a file's rows agree on.

use serde_json::Value as Json;

use super::Transform;
use crate::{Error, Result};

/// One field of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionField {
    /// The column's field id in the table's schemas.
    pub source_id: i32,
    /// The field's own id, by which manifests name it.
    pub field_id: i32,
    /// Its name.
    pub name: String,
    /// What is done to the column.
    pub transform: Transform,
}

/// One version of a table's partitioning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSpec {
    /// Its id in the table's metadata.
    pub id: i32,
    /// Its fields in order.
    pub fields: Vec<PartitionField>,
}

/// The field ids of partitions start here in tables too old to write them down.
const FIRST_PARTITION_FIELD_ID: i32 = 1000;

impl PartitionSpec {
    /// Whether a file of this spec holds rows of the whole table. A spec of nothing but `void`
    /// fields is what version 1 leaves behind when partitioning is dropped.
    pub fn is_unpartitioned(&self) -> bool {
        self.fields
            .iter()
            .all(|field| field.transform == Transform::Void)
    }

    /// Reads the fields of a spec: version 1 keeps them apart from the id.
    pub(crate) fn from_json(id: i32, fields: &Json) -> Result<Self> {
        let place = || format!("partition spec {id}");
        let fields = fields
            .as_array()
            .ok_or_else(|| Error::corrupt("\"fields\" is not an array").within(place()))?;
        let fields = fields
            .iter()
            .zip(FIRST_PARTITION_FIELD_ID..)
            .map(|(field, default_id)| field_from_json(field, default_id))
            .collect::<Result<_>>()
            .map_err(|error| error.within(place()))?;
        Ok(Self { id, fields })
    }
}

fn field_from_json(json: &Json, default_id: i32) -> Result<PartitionField> {
    let number = |name: &str| json.get(name).and_then(Json::as_i64);
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    let name = text("name").ok_or_else(|| Error::corrupt("a field without \"name\""))?;
    let transform = text("transform")
        .ok_or_else(|| Error::corrupt(format!("field {name:?} has no \"transform\"")))?;
    let int = |value: i64| {
        i32::try_from(value)
            .map_err(|_| Error::corrupt(format!("field {name:?} has id {value}, not an int")))
    };
    let field_id = int(number("field-id").unwrap_or(i64::from(default_id)))?;
    let (source_id, transform) = match (number("source-id"), json.get("source-ids")) {
        (Some(source), _) => (source, Transform::parse(transform)),
        // Transforms of several columns exist on paper only; what they mean is not known, so
        // they count for equality and say nothing about columns.
        (None, Some(Json::Array(sources))) => match sources.as_slice() {
            [source] => (source.as_i64().unwrap_or(-1), Transform::parse(transform)),
            _ => (-1, Transform::Unknown(transform.to_owned())),
        },
        _ => {
            return Err(Error::corrupt(format!(
                "field {name:?} has no \"source-id\""
            )));
        }
    };
    Ok(PartitionField {
        source_id: int(source_id)?,
        field_id,
        name: name.to_owned(),
        transform,
    })
}
