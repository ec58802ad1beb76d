//! From a column's name to its place in a schema.

use arrow_schema::{DataType, FieldRef, Schema};

use super::{ColumnName, ColumnPath};
use crate::{Error, Result};

/// Metadata key under which the Parquet reader leaves a field's id.
const FIELD_ID_KEY: &str = "PARQUET:field_id";

/// A column found, with what the bind step needs besides its path.
pub(super) struct Resolved {
    pub(super) path: ColumnPath,
    /// The field says that its sixteen bytes are a UUID.
    pub(super) is_uuid: bool,
}

/// Finds `name` in `schema`: by exact spelling, else by the only spelling that differs in case
/// alone; parts after the first are fields of structs.
pub(super) fn resolve(name: &ColumnName, schema: &Schema) -> Result<Resolved> {
    let mut fields = schema.fields();
    let mut indices = Vec::with_capacity(name.0.len());
    let mut spelled = Vec::with_capacity(name.0.len());
    let mut found: Option<&FieldRef> = None;
    for (depth, part) in name.0.iter().enumerate() {
        if let Some(parent) = found {
            fields = match value_type(parent.data_type()) {
                DataType::Struct(children) => children,
                other => {
                    return Err(Error::invalid(format!(
                        "column {name}: {} is {other}, which has no field {part}",
                        spelled.join(".")
                    )));
                }
            };
        }
        let place = match find(part, fields.iter().map(|field| field.name().as_str())) {
            Found::One(place) => place,
            Found::Many(spellings) => {
                return Err(Error::invalid(format!(
                    "column {name} is ambiguous: {}",
                    spellings.join(", ")
                )));
            }
            // A dot may also be part of a column's own name.
            Found::None if depth == 0 && name.0.len() > 1 => {
                let whole = ColumnName::top(name.to_string());
                if schema
                    .fields()
                    .iter()
                    .any(|field| *field.name() == whole.0[0])
                {
                    return resolve(&whole, schema);
                }
                return Err(unknown(
                    name,
                    part,
                    fields.iter().map(|field| field.name().as_str()),
                ));
            }
            Found::None => {
                return Err(unknown(
                    name,
                    part,
                    fields.iter().map(|field| field.name().as_str()),
                ));
            }
        };
        let field = &fields[place];
        indices.push(place);
        spelled.push(field.name().as_str());
        found = Some(field);
    }
    let field = found.ok_or_else(|| Error::invalid("a column with an empty name"))?;
    Ok(Resolved {
        path: ColumnPath {
            indices,
            name: spelled.join("."),
            field_id: field
                .metadata()
                .get(FIELD_ID_KEY)
                .and_then(|id| id.parse().ok()),
            data_type: value_type(field.data_type()).clone(),
        },
        is_uuid: field.extension_type_name() == Some("arrow.uuid"),
    })
}

/// The type of the values behind dictionary and run-end encoding.
fn value_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => value_type(values),
        DataType::RunEndEncoded(_, values) => value_type(values.data_type()),
        plain => plain,
    }
}

enum Found<'a> {
    None,
    One(usize),
    Many(Vec<&'a str>),
}

fn find<'a>(wanted: &str, names: impl Iterator<Item = &'a str> + Clone) -> Found<'a> {
    let pick = |matches: &dyn Fn(&str) -> bool| {
        let hits: Vec<(usize, &str)> = names
            .clone()
            .enumerate()
            .filter(|(_, name)| matches(name))
            .collect();
        match hits.as_slice() {
            [] => Found::None,
            [(place, _)] => Found::One(*place),
            _ => Found::Many(hits.into_iter().map(|(_, name)| name).collect()),
        }
    };
    match pick(&|name| name == wanted) {
        Found::None => {
            let wanted = wanted.to_lowercase();
            pick(&|name| name.to_lowercase() == wanted)
        }
        decided => decided,
    }
}

#[cold]
fn unknown<'a>(name: &ColumnName, part: &str, names: impl Iterator<Item = &'a str>) -> Error {
    const SHOWN_MAX: usize = 3;
    let wanted = part.to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .map(|known| (distance(&wanted, &known.to_lowercase()), known))
        .filter(|(apart, known)| {
            *apart <= 1 + wanted.chars().count() / 3
                || known.to_lowercase().contains(&wanted) && wanted.len() > 1
        })
        .collect();
    near.sort();
    let near: Vec<&str> = near
        .into_iter()
        .take(SHOWN_MAX)
        .map(|(_, known)| known)
        .collect();
    if near.is_empty() {
        Error::invalid(format!("there is no column {name}"))
    } else {
        Error::invalid(format!(
            "there is no column {name}; near names: {}",
            near.join(", ")
        ))
    }
}

/// Edit distance (insert, delete, replace) in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
