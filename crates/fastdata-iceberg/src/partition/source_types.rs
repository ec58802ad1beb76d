//! The types of the columns that partition specs refer to.

use std::collections::HashMap;

use crate::metadata::{TableMetadata, TableView};
use crate::schema::{PrimitiveType, Type};

/// Primitive columns by field id: as the view has them, and where it lacks one, as some older
/// schema does. Specs go on to name columns that were dropped.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceTypes(HashMap<i32, PrimitiveType>);

impl SourceTypes {
    pub(crate) fn of(metadata: &TableMetadata, view: &TableView) -> Self {
        let mut types = HashMap::new();
        let sources = metadata
            .partition_specs()
            .iter()
            .flat_map(|spec| &spec.fields);
        for id in sources.map(|field| field.source_id) {
            let schemas = std::iter::once(&view.schema).chain(metadata.schemas().iter().rev());
            let mut fields = schemas.filter_map(|schema| schema.field(id));
            if let Some(Type::Primitive(primitive)) = fields.next().map(|field| &field.field_type) {
                types.insert(id, primitive.clone());
            }
        }
        Self(types)
    }

    pub(crate) fn get(&self, id: i32) -> Option<&PrimitiveType> {
        self.0.get(&id)
    }
}

impl FromIterator<(i32, PrimitiveType)> for SourceTypes {
    fn from_iter<I: IntoIterator<Item = (i32, PrimitiveType)>>(types: I) -> Self {
        Self(types.into_iter().collect())
    }
}
