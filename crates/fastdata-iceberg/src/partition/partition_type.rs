//! The partitions of all specs of a table as one struct: what the metadata column `_partition`
//! holds.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_schema::{Field, Fields};

use super::{PartitionField, PartitionSpec, RawValue, Transform, Tuple};
use crate::metadata::TableMetadata;
use crate::schema::{PrimitiveType, StringLayout, Type, type_to_arrow};
use crate::value::null_array;
use crate::{Error, Result};

/// The fields of all specs, each once, by their ids.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionType {
    fields: Vec<UnifiedField>,
}

#[derive(Debug, Clone, PartialEq)]
struct UnifiedField {
    field_id: i32,
    name: String,
    source_id: i32,
    transform: Transform,
    result: PrimitiveType,
}

impl PartitionType {
    /// The fields of all specs of a table whose column is still there, under the names that the
    /// newest spec gives them.
    pub fn of(metadata: &TableMetadata) -> Result<Self> {
        let mut specs: Vec<&Arc<PartitionSpec>> = metadata.partition_specs().iter().collect();
        specs.sort_by_key(|spec| std::cmp::Reverse(spec.id));
        let mut fields: Vec<UnifiedField> = Vec::new();
        for field in specs.into_iter().flat_map(|spec| &spec.fields) {
            if let Transform::Unknown(name) = &field.transform {
                return Err(Error::unsupported(format!(
                    "the column _partition of a table with the transform {name}"
                )));
            }
            let Some(Type::Primitive(source)) = metadata
                .current_schema()
                .field(field.source_id)
                .map(|source| &source.field_type)
            else {
                continue;
            };
            let known = fields
                .iter_mut()
                .find(|known| known.field_id == field.field_id);
            match known {
                Some(known) => known.merge(field, source)?,
                None => fields.push(UnifiedField {
                    field_id: field.field_id,
                    name: field.name.clone(),
                    source_id: field.source_id,
                    transform: field.transform.clone(),
                    result: result(&field.transform, source),
                }),
            }
        }
        fields.sort_by_key(|field| field.field_id);
        Ok(Self { fields })
    }

    /// Whether no spec has a field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields of the struct. They carry no ids: ids of partition fields and of columns may be
    /// the same numbers.
    pub fn to_arrow(&self, layout: StringLayout) -> Result<Fields> {
        let fields = self.fields.iter().map(|field| {
            let data_type = type_to_arrow(&Type::Primitive(field.result.clone()), layout)?;
            Ok(Field::new(&field.name, data_type, true))
        });
        fields.collect()
    }

    /// One row: the partition `tuple` of `spec`, with null for the fields of other specs. Strings
    /// are laid out with [`StringLayout::Offsets`].
    pub(crate) fn value(&self, spec: &PartitionSpec, tuple: &Tuple) -> Result<ArrayRef> {
        let values = self.fields.iter().map(|field| {
            let position = spec
                .fields
                .iter()
                .position(|own| own.field_id == field.field_id);
            match position.and_then(|position| tuple.0.get(position)) {
                None | Some(RawValue::Missing | RawValue::Null) => null_array(&field.result),
                Some(raw) => {
                    let value = raw.typed(&field.result).ok_or_else(|| {
                        Error::corrupt(format!(
                            "the value of partition field {:?} is not a {}",
                            field.name, field.result
                        ))
                    })?;
                    value.to_array(&field.result)
                }
            }
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        let fields = self.to_arrow(StringLayout::Offsets)?;
        let row = StructArray::try_new(fields, values, None).map_err(|source| {
            Error::corrupt("a partition does not fit its type").with_source(source)
        })?;
        Ok(Arc::new(row))
    }
}

impl UnifiedField {
    /// Takes in the same field of an older spec.
    fn merge(&mut self, older: &PartitionField, source: &PrimitiveType) -> Result<()> {
        let is_same = self.transform == older.transform;
        let is_void = [&self.transform, &older.transform].contains(&&Transform::Void);
        if self.source_id != older.source_id || !(is_same || is_void) {
            return Err(Error::unsupported(format!(
                "the column _partition of a table whose partition fields {:?} and {:?} have one id",
                self.name, older.name
            )));
        }
        // What version 1 dropped is void in newer specs, and had a type of its own.
        if self.transform == Transform::Void {
            self.transform = older.transform.clone();
            self.result = result(&older.transform, source);
        }
        Ok(())
    }
}

/// A void field has the type of its column.
fn result(transform: &Transform, source: &PrimitiveType) -> PrimitiveType {
    transform.result(source).unwrap_or_else(|| source.clone())
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Int32Type};
    use arrow_array::{Array, StructArray};

    use super::*;
    use crate::{Limits, Result};

    /// A table with columns id (1, long), day (2, date) and name (3, string), and these specs.
    fn partition_type(specs: &str) -> Result<(TableMetadata, PartitionType)> {
        let json = format!(
            r#"{{"format-version": 2, "location": "/t", "current-schema-id": 0, "default-spec-id": 0,
                "schemas": [{{"type": "struct", "schema-id": 0, "fields": [
                    {{"id": 1, "name": "id", "type": "long", "required": true}},
                    {{"id": 2, "name": "day", "type": "timestamp", "required": false}},
                    {{"id": 3, "name": "name", "type": "string", "required": false}}]}}],
                "partition-specs": [{specs}]}}"#
        );
        let metadata = TableMetadata::parse(json.as_bytes(), &Limits::default())?;
        let of = PartitionType::of(&metadata)?;
        Ok((metadata, of))
    }

    fn names(of: &PartitionType) -> Vec<String> {
        let fields = of.to_arrow(StringLayout::Offsets).unwrap();
        let shown = |field: &Arc<Field>| format!("{}: {}", field.name(), field.data_type());
        fields.iter().map(shown).collect()
    }

    const FIRST: &str = r#"{"spec-id": 0, "fields": [
        {"source-id": 3, "field-id": 1001, "name": "old", "transform": "identity"},
        {"source-id": 9, "field-id": 1002, "name": "gone", "transform": "identity"},
        {"source-id": 2, "field-id": 1000, "name": "d", "transform": "day"}]}"#;
    const SECOND: &str = r#"{"spec-id": 1, "fields": [
        {"source-id": 3, "field-id": 1001, "name": "new", "transform": "void"},
        {"source-id": 1, "field-id": 1003, "name": "b", "transform": "bucket[4]"}]}"#;

    #[test]
    fn fields_are_those_of_all_specs_under_their_newest_names() {
        let (metadata, of) = partition_type(&format!("{FIRST}, {SECOND}")).unwrap();
        assert_eq!(names(&of), ["d: Date32", "new: Utf8", "b: Int32"]);

        let tuple = Tuple(vec![
            RawValue::Bytes(b"x".to_vec()),
            RawValue::Null,
            RawValue::Int(7),
        ]);
        let row = of
            .value(metadata.partition_spec(0).unwrap(), &tuple)
            .unwrap();
        let row: &StructArray = row.as_struct();
        assert_eq!(row.column(0).as_primitive::<Date32Type>().value(0), 7);
        assert_eq!(row.column(1).as_string::<i32>().value(0), "x");
        assert!(row.column(2).is_null(0));

        let tuple = Tuple(vec![RawValue::Null, RawValue::Int(3)]);
        let row = of
            .value(metadata.partition_spec(1).unwrap(), &tuple)
            .unwrap();
        let row: &StructArray = row.as_struct();
        assert!(row.column(0).is_null(0) && row.column(1).is_null(0));
        assert_eq!(row.column(2).as_primitive::<Int32Type>().value(0), 3);
    }

    #[test]
    fn what_has_no_type_is_refused_and_no_fields_are_no_struct() {
        let (_, of) = partition_type(r#"{"spec-id": 0, "fields": []}"#).unwrap();
        assert!(of.is_empty());
        for (second, word) in [
            (
                r#"{"source-id": 1, "field-id": 1003, "name": "z", "transform": "zorder"}"#,
                "zorder",
            ),
            (
                r#"{"source-id": 1, "field-id": 1001, "name": "c", "transform": "identity"}"#,
                "one id",
            ),
        ] {
            let specs = format!(r#"{FIRST}, {{"spec-id": 1, "fields": [{second}]}}"#);
            let error = partition_type(&specs).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
