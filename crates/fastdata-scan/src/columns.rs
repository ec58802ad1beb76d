//! Which columns a scan returns and which its filter needs, resolved against the source's schema.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use fastdata_kernels::predicate::{Bound, ColumnPath};

use crate::evolution::{field_id, prune_to_path};
use crate::{Error, Result};

/// One column that is read: a top-level column, or a field inside structs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnRequest {
    /// Index of the top-level field in the source's schema, then of the child of each struct.
    pub(crate) path: Vec<usize>,
    /// The top-level field with only the wanted child inside.
    pub(crate) root: Field,
    /// The column as it is handed on: named by its dotted path, nullable if any level is.
    pub(crate) field: FieldRef,
}

/// What a scan reads, the same for every file.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Schema of the source: what names were resolved against.
    pub(crate) source: SchemaRef,
    /// How many fields of `source` are the source's own; metadata columns are behind them.
    pub(crate) own: usize,
    /// Schema of the batches that come out.
    pub(crate) output: SchemaRef,
    /// Columns to read: those returned first, in output order, then those only the filter needs.
    pub(crate) requests: Vec<ColumnRequest>,
    /// How many of `requests` are returned.
    pub(crate) returned: usize,
    /// The filter, bound to `source`.
    pub(crate) filter: Bound,
}

impl Columns {
    /// Resolves `names` (`None`: all `own` columns) and takes in the filter's columns.
    pub(crate) fn resolve(
        source: SchemaRef,
        own: usize,
        names: Option<&[String]>,
        filter: Bound,
    ) -> Result<Self> {
        let mut requests = match names {
            None => (0..own)
                .map(|index| request(&source, vec![index]))
                .collect::<Result<Vec<_>>>()?,
            Some(names) => names
                .iter()
                .map(|name| request(&source, find_path(&source, name)?))
                .collect::<Result<Vec<_>>>()?,
        };
        let output = requests
            .iter()
            .map(|request| request.field.clone())
            .collect::<Vec<_>>();
        let returned = requests.len();
        for column in filter.columns() {
            if !requests
                .iter()
                .any(|request| request.path == column.indices)
            {
                requests.push(request(&source, column.indices.clone())?);
            }
        }
        let output = Arc::new(Schema::new_with_metadata(output, source.metadata().clone()));
        Ok(Self {
            source,
            own,
            output,
            requests,
            returned,
            filter,
        })
    }

    /// Positions in [`Columns::requests`] of the columns that `filter` names, in its own order of
    /// first mention, and `filter` rewritten to a batch of just these columns.
    pub(crate) fn filter_batch(&self, filter: &Bound) -> Result<(Vec<usize>, Bound, SchemaRef)> {
        let columns: Vec<Vec<usize>> = filter
            .columns()
            .into_iter()
            .map(|column| column.indices.clone())
            .collect();
        let rewritten = filter.remap(&|path: &ColumnPath| {
            let position = columns
                .iter()
                .position(|indices| *indices == path.indices)?;
            Some(ColumnPath {
                indices: vec![position],
                ..path.clone()
            })
        });
        let lost = || Error::invalid("the filter names a column that the scan does not read");
        let positions = columns
            .iter()
            .map(|path| {
                self.requests
                    .iter()
                    .position(|request| request.path == *path)
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(lost)?;
        let fields: Vec<FieldRef> = positions
            .iter()
            .filter_map(|position| self.requests.get(*position))
            .map(|request| request.field.clone())
            .collect();
        Ok((
            positions,
            rewritten.ok_or_else(lost)?,
            Arc::new(Schema::new(fields)),
        ))
    }
}

/// The request for the column at `path`.
fn request(source: &SchemaRef, path: Vec<usize>) -> Result<ColumnRequest> {
    let lost = || Error::invalid("a column path leads outside the schema");
    let (first, rest) = path.split_first().ok_or_else(lost)?;
    let top = source.fields().get(*first).ok_or_else(lost)?;
    let root = prune_to_path(top, rest).ok_or_else(lost)?;
    let (mut name, mut nullable, mut leaf) = (top.name().clone(), top.is_nullable(), top);
    for index in rest {
        let DataType::Struct(children) = leaf.data_type() else {
            return Err(lost());
        };
        leaf = children.get(*index).ok_or_else(lost)?;
        name = format!("{name}.{}", leaf.name());
        nullable |= leaf.is_nullable();
    }
    let mut field = leaf
        .as_ref()
        .clone()
        .with_name(name)
        .with_nullable(nullable);
    if field_id(&field).is_some_and(|id| id < 0) {
        // The mark of a column that folders name; nobody outside knows it.
        field = field.with_metadata(Default::default());
    }
    Ok(ColumnRequest {
        path,
        root,
        field: Arc::new(field),
    })
}

/// The request for the column with field id `id`, at the top level or inside structs.
pub(crate) fn request_of_id(source: &SchemaRef, id: i32) -> Option<ColumnRequest> {
    fn find(fields: &arrow_schema::Fields, id: i32) -> Option<Vec<usize>> {
        fields.iter().enumerate().find_map(|(index, field)| {
            if field_id(field) == Some(id) {
                return Some(vec![index]);
            }
            let DataType::Struct(children) = field.data_type() else {
                return None;
            };
            find(children, id).map(|rest| [vec![index], rest].concat())
        })
    }
    request(source, find(source.fields(), id)?).ok()
}

/// The index path of the column that the user calls `name`: a top-level name as it stands (dots
/// included), else a path through structs; exact spelling first, then without regard to case when
/// that finds only one.
pub(crate) fn find_path(source: &Schema, name: &str) -> Result<Vec<usize>> {
    if let Some(index) = find_name(source.fields().iter(), name)? {
        return Ok(vec![index]);
    }
    let mut path = Vec::new();
    let mut fields = source.fields().clone();
    for part in name.split('.') {
        let Some(index) = find_name(fields.iter(), part)? else {
            return Err(unknown(source, name));
        };
        path.push(index);
        fields = match fields[index].data_type() {
            DataType::Struct(children) => children.clone(),
            _ => arrow_schema::Fields::empty(),
        };
    }
    Ok(path)
}

fn find_name<'a>(
    fields: impl Iterator<Item = &'a FieldRef> + Clone,
    name: &str,
) -> Result<Option<usize>> {
    let positions = |is_match: &dyn Fn(&str) -> bool| {
        let named = fields
            .clone()
            .enumerate()
            .filter(|(_, field)| is_match(field.name()));
        named.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let exact = positions(&|other| other == name);
    let found = if exact.is_empty() {
        let folded = name.to_lowercase();
        positions(&|other| other.to_lowercase() == folded)
    } else {
        exact
    };
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(*only)),
        _ => Err(Error::invalid(format!(
            "`{name}` names {} columns of the source",
            found.len()
        ))),
    }
}

fn unknown(source: &Schema, name: &str) -> Error {
    let mut near: Vec<(usize, &str)> = source
        .fields()
        .iter()
        .map(|field| {
            (
                edit_distance(&name.to_lowercase(), &field.name().to_lowercase()),
                field,
            )
        })
        .filter(|(distance, field)| *distance <= 2.max(field.name().chars().count() / 3))
        .map(|(distance, field)| (distance, field.name().as_str()))
        .collect();
    near.sort_unstable();
    let hint = match near.as_slice() {
        [] => {
            let names: Vec<&str> = source
                .fields()
                .iter()
                .take(20)
                .map(|field| field.name().as_str())
                .collect();
            format!("the columns are {}", names.join(", "))
        }
        near => {
            let names: Vec<&str> = near.iter().take(3).map(|(_, name)| *name).collect();
            format!("did you mean {}?", names.join(" or "))
        }
    };
    Error::invalid(format!("no column `{name}`; {hint}"))
}

/// Levenshtein's distance, for suggestions only.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row[j + 1];
            let cost = usize::from(from != *to);
            let best = (diagonal + cost).min(left + 1).min(above + 1);
            row[j] = left;
            diagonal = above;
            left = best;
        }
        row[b.len()] = left;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let inner = DataType::Struct(vec![Field::new("x", DataType::Int32, false)].into());
        Schema::new(vec![
            Field::new("score", DataType::Float64, false),
            Field::new("a.b", DataType::Int32, true),
            Field::new("point", inner, true),
            Field::new("Case", DataType::Int32, true),
            Field::new("case", DataType::Int32, true),
        ])
    }

    #[test]
    fn names_resolve_exactly_then_loosely() {
        assert_eq!(find_path(&schema(), "SCORE").unwrap(), [0]);
        assert_eq!(find_path(&schema(), "a.b").unwrap(), [1]);
        assert_eq!(find_path(&schema(), "point.x").unwrap(), [2, 0]);
        assert_eq!(find_path(&schema(), "Case").unwrap(), [3]);
        assert!(
            find_path(&schema(), "CASE")
                .unwrap_err()
                .to_string()
                .contains("names 2 columns")
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_near_ones() {
        let message = find_path(&schema(), "scroe").unwrap_err().to_string();
        assert!(message.contains("did you mean score?"), "{message}");
        let message = find_path(&schema(), "zzzzzz").unwrap_err().to_string();
        assert!(message.contains("the columns are score"), "{message}");
    }

    #[test]
    fn a_field_of_a_nullable_struct_is_nullable() {
        let column = request(&Arc::new(schema()), vec![2, 0]).unwrap();
        assert_eq!(column.field.name(), "point.x");
        assert!(column.field.is_nullable());
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
