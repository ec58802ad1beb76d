//! Name mappings: field ids for files that were written without any.

use serde_json::Value as Json;

use crate::metadata::TableMetadata;
use crate::{Error, Limits, Result};

/// Names to field ids, level by level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMapping {
    /// The top level.
    pub fields: Vec<MappedField>,
}

/// One field of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedField {
    /// The id that the names stand for; without one, the column is not part of the table.
    pub field_id: Option<i32>,
    /// Names, any of which a file may use. A dot in one is part of it.
    pub names: Vec<String>,
    /// What lies below: a struct's fields, a list's `element`, a map's `key` and `value`.
    pub fields: Vec<MappedField>,
}

impl NameMapping {
    /// The property that holds a table's mapping.
    pub const PROPERTY: &str = "schema.name-mapping.default";

    /// The table's mapping, where it has one.
    pub fn of_table(metadata: &TableMetadata, limits: &Limits) -> Result<Option<Self>> {
        let property = metadata.properties().get(Self::PROPERTY);
        property.map(|json| Self::parse(json, limits)).transpose()
    }

    /// Reads the JSON of a mapping.
    pub fn parse(json: &str, limits: &Limits) -> Result<Self> {
        let json: Json = serde_json::from_str(json).map_err(|error| {
            Error::corrupt(format!("{}: not JSON", Self::PROPERTY)).with_source(error)
        })?;
        let fields = fields_from_json(&json, limits.nesting)
            .map_err(|error| error.within(Self::PROPERTY))?;
        Ok(Self { fields })
    }

    /// The top-level field with this name.
    pub fn find(&self, name: &str) -> Option<&MappedField> {
        find(&self.fields, name)
    }
}

impl MappedField {
    /// The field with this name right below this one.
    pub fn find(&self, name: &str) -> Option<&MappedField> {
        find(&self.fields, name)
    }
}

fn find<'a>(fields: &'a [MappedField], name: &str) -> Option<&'a MappedField> {
    fields
        .iter()
        .find(|field| field.names.iter().any(|known| known == name))
}

fn fields_from_json(json: &Json, levels: usize) -> Result<Vec<MappedField>> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::limit("nests deeper than Limits::nesting"));
    };
    // Some writers wrap the list, as a struct of a schema does.
    let items = json.get("fields").unwrap_or(json);
    let items = items
        .as_array()
        .ok_or_else(|| Error::corrupt("not an array of fields"))?;
    items
        .iter()
        .map(|item| {
            let field_id = match item.get("field-id") {
                None | Some(Json::Null) => None,
                Some(id) => Some(
                    id.as_i64()
                        .and_then(|id| i32::try_from(id).ok())
                        .ok_or_else(|| Error::corrupt("\"field-id\" is not an int"))?,
                ),
            };
            let names = item
                .get("names")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            let names = names
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| Error::corrupt("\"names\" holds more than names"))?;
            let fields = match item.get("fields") {
                None | Some(Json::Null) => Vec::new(),
                Some(fields) => fields_from_json(fields, levels)?,
            };
            Ok(MappedField {
                field_id,
                names,
                fields,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_are_found_at_their_level() {
        let json = r#"[
            {"field-id": 1, "names": ["id", "record_id", "a.b"]},
            {"field-id": 2, "names": ["tags"], "fields": [
                {"field-id": 3, "names": ["element"], "fields": [{"field-id": 4, "names": ["x"]}]}
            ]},
            {"names": ["gone"]}
        ]"#;
        let mapping = NameMapping::parse(json, &Limits::default()).unwrap();
        let id = |field: Option<&MappedField>| field.and_then(|field| field.field_id);
        assert_eq!(id(mapping.find("record_id")), Some(1));
        assert_eq!(id(mapping.find("a.b")), Some(1));
        assert_eq!(id(mapping.find("x")), None);
        let element = mapping
            .find("tags")
            .and_then(|tags| tags.find("element"))
            .unwrap();
        assert_eq!(id(element.find("x")), Some(4));
        assert_eq!(mapping.find("gone").unwrap().field_id, None);
        let wrapped = r#"{"type": "struct", "fields": [{"field-id": 1, "names": ["a"]}]}"#;
        assert_eq!(
            id(NameMapping::parse(wrapped, &Limits::default())
                .unwrap()
                .find("a")),
            Some(1)
        );
        assert!(NameMapping::parse("{}", &Limits::default()).is_err());
        assert!(NameMapping::parse("[{\"field-id\": \"1\"}]", &Limits::default()).is_err());
    }
}
