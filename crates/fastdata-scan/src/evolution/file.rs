//! The fields of a data file with the field ids that they stand for.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use fastdata_iceberg::NameMapping;

/// Key of the field id in an Arrow field's metadata, as Parquet readers write it.
const FIELD_ID_KEY: &str = "PARQUET:field_id";

/// How a file's columns meet the table's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchBy {
    /// By field id: Iceberg.
    Id,
    /// By exact name: plain Parquet files.
    Name,
}

/// One field of a data file.
#[derive(Debug, Clone)]
pub(crate) struct FileField {
    /// The field id that it carries or was given by a name mapping.
    pub(crate) id: Option<i32>,
    /// Its name in the file.
    pub(crate) name: String,
    /// Its type in the file.
    pub(crate) data_type: DataType,
    /// Position within its parent: the index path of Parquet projections is made of these.
    pub(crate) index: usize,
    /// Fields of a struct; the one element of a list; key and value of a map.
    pub(crate) children: Vec<FileField>,
}

/// The field id that `field` carries.
pub(crate) fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(FIELD_ID_KEY)?.parse().ok()
}

/// Whether any field of `fields`, at any depth, carries an id.
pub(crate) fn any_id(fields: &Fields) -> bool {
    fields
        .iter()
        .any(|field| field_id(field).is_some() || any_id(&children(field.data_type())))
}

/// The fields of `schema` with the ids that they carry themselves.
pub(crate) fn file_fields(schema: &Schema) -> Vec<FileField> {
    own_ids(schema.fields())
}

fn own_ids(fields: &Fields) -> Vec<FileField> {
    let with_id = |(index, field): (usize, &arrow_schema::FieldRef)| FileField {
        id: field_id(field),
        name: field.name().clone(),
        data_type: field.data_type().clone(),
        index,
        children: own_ids(&children(field.data_type())),
    };
    fields.iter().enumerate().map(with_id).collect()
}

/// Fields one level below `data_type`. The `entries` struct of a map is passed over, so that its
/// key and value stand for the map's children, as in Iceberg's schemas.
pub(crate) fn children(data_type: &DataType) -> Fields {
    match data_type {
        DataType::Struct(fields) => fields.clone(),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => Fields::from(vec![element.clone()]),
        DataType::Map(entries, _) => children(entries.data_type()),
        _ => Fields::empty(),
    }
}

/// Gives ids to the fields of a file that carries none, by the table's name mapping. A field that
/// the mapping does not name keeps no id, so that nothing can match it.
pub(crate) fn apply_mapping(fields: &mut [FileField], mapping: &NameMapping) {
    apply_names(fields, &mapping.fields);
}

fn apply_names(fields: &mut [FileField], mapped: &[fastdata_iceberg::MappedField]) {
    let by_name: BTreeMap<&str, &fastdata_iceberg::MappedField> = mapped
        .iter()
        .flat_map(|field| field.names.iter().map(move |name| (name.as_str(), field)))
        .collect();
    for field in fields {
        let Some(mapping) = by_name.get(field.name.as_str()) else {
            continue;
        };
        field.id = mapping.field_id;
        match &field.data_type {
            DataType::Struct(_) => apply_names(&mut field.children, &mapping.fields),
            // Iceberg names these levels `element`, `key` and `value` whatever the file calls them.
            DataType::Map(..) => apply_renamed(&mut field.children, &["key", "value"], mapping),
            _ => apply_renamed(&mut field.children, &["element"], mapping),
        }
    }
}

fn apply_renamed(
    children: &mut [FileField],
    names: &[&str],
    mapping: &fastdata_iceberg::MappedField,
) {
    for (child, name) in children.iter_mut().zip(names) {
        let own_name = std::mem::replace(&mut child.name, (*name).to_owned());
        apply_names(std::slice::from_mut(child), &mapping.fields);
        child.name = own_name;
    }
}

/// Gives the top-level fields of a file without ids the ids of the table's columns at the same
/// position, nested levels likewise. A guess that only the user may ask for.
pub(crate) fn apply_positions<'a>(
    fields: &mut [FileField],
    table: impl IntoIterator<Item = &'a FieldRef>,
) {
    for (field, column) in fields.iter_mut().zip(table) {
        field.id = field_id(column);
        apply_positions(&mut field.children, children(column.data_type()).iter());
    }
}
