//! One version of a table's columns.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::json::{member_i32, struct_from_json};
use super::{NestedField, PrimitiveType, StructType, Type};
use crate::{Error, Limits, Result};

/// One version of a table's columns: fields at every level, found by id.
#[derive(Debug, Clone)]
pub struct Schema {
    id: i32,
    root: StructType,
    /// Every field at every level.
    by_id: HashMap<i32, Arc<NestedField>>,
    identifier_field_ids: Vec<i32>,
}

impl Schema {
    /// A schema of these top-level fields. Ids that occur twice are refused.
    pub fn new(id: i32, fields: Vec<Arc<NestedField>>) -> Result<Self> {
        let root = StructType { fields };
        let mut by_id = HashMap::new();
        index(&root.fields.iter().collect::<Vec<_>>(), &mut by_id)?;
        Ok(Self {
            id,
            root,
            by_id,
            identifier_field_ids: Vec::new(),
        })
    }

    /// Reads the JSON of a schema; one without `schema-id` has id 0.
    pub(crate) fn from_json(json: &Json, limits: &Limits) -> Result<Self> {
        let root = struct_from_json(json, limits.nesting)?;
        let id = member_i32(json, "schema-id")?.unwrap_or(0);
        let mut schema = Self::new(id, root.fields)?;
        if let Some(ids) = json.get("identifier-field-ids").and_then(Json::as_array) {
            schema.identifier_field_ids = ids
                .iter()
                .filter_map(|id| i32::try_from(id.as_i64()?).ok())
                .collect();
        }
        Ok(schema)
    }

    /// Its id in the table's metadata.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The top-level fields in order.
    pub fn fields(&self) -> &[Arc<NestedField>] {
        &self.root.fields
    }

    /// The field with this id, at any level.
    pub fn field(&self, id: i32) -> Option<&Arc<NestedField>> {
        self.by_id.get(&id)
    }

    /// The primitive type of the field with this id.
    pub fn primitive(&self, id: i32) -> Option<&PrimitiveType> {
        self.field(id)?.field_type.as_primitive()
    }

    /// The ids of the fields that together identify a row, where the table names some.
    pub fn identifier_field_ids(&self) -> &[i32] {
        &self.identifier_field_ids
    }

    /// The same schema with only these top-level fields, in this order.
    pub fn project(&self, field_ids: &[i32]) -> Result<Schema> {
        let fields = field_ids
            .iter()
            .map(|id| {
                let found = self.root.fields.iter().find(|field| field.id == *id);
                found.cloned().ok_or_else(|| {
                    Error::invalid(format!("schema {} has no top-level field {id}", self.id))
                })
            })
            .collect::<Result<_>>()?;
        Schema::new(self.id, fields)
    }
}

fn index(fields: &[&Arc<NestedField>], by_id: &mut HashMap<i32, Arc<NestedField>>) -> Result<()> {
    for field in fields {
        if let Some(other) = by_id.insert(field.id, Arc::clone(field)) {
            return Err(Error::corrupt(format!(
                "field id {} stands for both {:?} and {:?}",
                field.id, other.name, field.name
            )));
        }
        if !matches!(field.field_type, Type::Primitive(_)) {
            index(&field.field_type.children(), by_id)?;
        }
    }
    Ok(())
}
