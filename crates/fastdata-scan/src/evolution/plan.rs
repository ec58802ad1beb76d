//! How one column of the table comes out of one file.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Field, FieldRef};

use fastdata_iceberg::{EXTENSION_NAME_KEY, VARIANT_EXTENSION};

use super::convert::Conversion;
use super::file::{FileField, MatchBy, children, field_id};
use crate::{Error, ErrorKind, Result};

/// The recipe for one field.
#[derive(Debug, Clone)]
pub(crate) enum FieldPlan {
    /// The file lacks it: one value (maybe null) for all rows. The array has length 1.
    Constant(ArrayRef),
    /// A leaf of the file, converted where the table widened it.
    Leaf(Conversion),
    /// A struct rebuilt from its children.
    Struct(Vec<ChildPlan>),
    /// A list whose elements are adapted.
    List(Box<FieldPlan>),
    /// A map whose keys and values are adapted.
    Map(Box<FieldPlan>, Box<FieldPlan>),
}

/// One child of a struct.
#[derive(Debug, Clone)]
pub(crate) struct ChildPlan {
    /// Its position in the struct as the file's projection delivers it; `None` for constants.
    pub(crate) position: Option<usize>,
    /// Its recipe.
    pub(crate) plan: FieldPlan,
}

/// Values for fields that a file lacks.
pub(crate) trait Missing {
    /// The value of `field` in files without it: an identity partition's value, an initial default,
    /// or null. The array has length 1 and the type of `field`. A required field that has no
    /// default is an error.
    fn value(&self, field: &Field) -> Result<ArrayRef>;
}

/// Plans `target` from the candidates of its level. Index paths of the leaves to read, relative to
/// the file's schema, are appended to `leaves`; `prefix` is the path of the parent.
pub(crate) fn plan_field(
    target: &Field,
    candidates: &[FileField],
    by: MatchBy,
    missing: &dyn Missing,
    prefix: &[usize],
    leaves: &mut Vec<Vec<usize>>,
) -> Result<(Option<usize>, FieldPlan)> {
    match find(target, candidates, by)? {
        None => Ok((None, FieldPlan::Constant(missing.value(target)?))),
        Some(source) => {
            let mut path = prefix.to_vec();
            path.push(source.index);
            let context = PlanContext { by, missing };
            let plan = context.plan_present(target, source, &path, leaves)?;
            Ok((Some(source.index), plan))
        }
    }
}

fn find<'a>(
    target: &Field,
    candidates: &'a [FileField],
    by: MatchBy,
) -> Result<Option<&'a FileField>> {
    let id = field_id(target);
    let is_match = |candidate: &&FileField| match by {
        MatchBy::Id => id.is_some() && candidate.id == id,
        MatchBy::Name => candidate.name == *target.name(),
    };
    let mut matches = candidates.iter().filter(is_match);
    let first = matches.next();
    if let (Some(first), Some(second)) = (first, matches.next()) {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!(
                "columns `{}` and `{}` of the file both claim to be column `{}`",
                first.name,
                second.name,
                target.name()
            ),
        ));
    }
    Ok(first)
}

struct PlanContext<'a> {
    by: MatchBy,
    missing: &'a dyn Missing,
}

impl PlanContext<'_> {
    fn plan_present(
        &self,
        target: &Field,
        source: &FileField,
        path: &[usize],
        leaves: &mut Vec<Vec<usize>>,
    ) -> Result<FieldPlan> {
        match (target.data_type(), &source.data_type) {
            (DataType::Struct(fields), DataType::Struct(_)) if is_variant(target) => {
                let children = self.plan_variant(target, fields, source, path, leaves)?;
                Ok(FieldPlan::Struct(children))
            }
            (DataType::Struct(fields), DataType::Struct(_)) => {
                let children = self.plan_children(fields, source, path, leaves)?;
                Ok(FieldPlan::Struct(children))
            }
            (
                DataType::List(_) | DataType::LargeList(_),
                DataType::List(_) | DataType::LargeList(_),
            ) => {
                let element = self.only_child(target, source, 0, &step(path, &[0]), leaves)?;
                Ok(FieldPlan::List(Box::new(element)))
            }
            (DataType::Map(..), DataType::Map(..)) => {
                let key = self.only_child(target, source, 0, &step(path, &[0, 0]), leaves)?;
                let value = self.only_child(target, source, 1, &step(path, &[0, 1]), leaves)?;
                Ok(FieldPlan::Map(Box::new(key), Box::new(value)))
            }
            (to, from) => {
                leaves.push(path.to_vec());
                let conversion = Conversion::between(from, to).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unsupported,
                        format!(
                            "column `{}` is {from} in the file and {to} in the table; that \
                             conversion is not known to be exact",
                            target.name()
                        ),
                    )
                })?;
                Ok(FieldPlan::Leaf(conversion))
            }
        }
    }

    /// The parts of a variant have names and no ids.
    fn plan_variant(
        &self,
        target: &Field,
        fields: &arrow_schema::Fields,
        source: &FileField,
        path: &[usize],
        leaves: &mut Vec<Vec<usize>>,
    ) -> Result<Vec<ChildPlan>> {
        let is_typed = |child: &FileField| child.name == "typed_value";
        if source.children.iter().any(is_typed) {
            return Err(Error::unsupported(format!(
                "the variant column `{}` is shredded in the file",
                target.name()
            )));
        }
        let by_name = PlanContext {
            by: MatchBy::Name,
            ..*self
        };
        by_name.plan_children(fields, source, path, leaves)
    }

    fn plan_children(
        &self,
        fields: &arrow_schema::Fields,
        source: &FileField,
        path: &[usize],
        leaves: &mut Vec<Vec<usize>>,
    ) -> Result<Vec<ChildPlan>> {
        let mut planned = Vec::with_capacity(fields.len());
        for field in fields {
            planned.push(plan_field(
                field,
                &source.children,
                self.by,
                self.missing,
                path,
                leaves,
            )?);
        }
        let mut present: Vec<usize> = planned.iter().filter_map(|(index, _)| *index).collect();
        present.sort_unstable();
        if present.is_empty() {
            // No child that the file has is wanted, but whether the struct is null is: it takes
            // one leaf to know.
            leaves.push(first_leaf(source, path));
        }
        let child = |(index, plan): (Option<usize>, FieldPlan)| ChildPlan {
            position: index.and_then(|index| present.iter().position(|other| *other == index)),
            plan,
        };
        Ok(planned.into_iter().map(child).collect())
    }

    /// The element of a list, the key or the value of a map. They match by place: an id may be
    /// absent in the file, and where both sides have one they must agree.
    fn only_child(
        &self,
        target: &Field,
        source: &FileField,
        place: usize,
        path: &[usize],
        leaves: &mut Vec<Vec<usize>>,
    ) -> Result<FieldPlan> {
        let targets = children(target.data_type());
        let (Some(child), Some(found)) = (targets.get(place), source.children.get(place)) else {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "column `{}` has a list or map without its inner field",
                    target.name()
                ),
            ));
        };
        match (self.by, field_id(child), found.id) {
            (MatchBy::Id, Some(wanted), Some(got)) if wanted != got => Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "`{}` has field id {got} inside, the table {wanted}",
                    target.name()
                ),
            )),
            _ => self.plan_present(child, found, path, leaves),
        }
    }
}

/// Whether `field` holds the two parts of a variant.
fn is_variant(field: &Field) -> bool {
    let extension = field.metadata().get(EXTENSION_NAME_KEY);
    extension.is_some_and(|name| name == VARIANT_EXTENSION)
}

fn step(path: &[usize], steps: &[usize]) -> Vec<usize> {
    path.iter().chain(steps).copied().collect()
}

/// Path of the first leaf below `source`.
fn first_leaf(source: &FileField, path: &[usize]) -> Vec<usize> {
    let mut path = path.to_vec();
    let mut field = source;
    while let Some(child) = field.children.first() {
        match field.data_type {
            DataType::Struct(_) => path.push(child.index),
            DataType::Map(..) => path.extend([0, 0]),
            _ => path.push(0),
        }
        field = child;
    }
    path
}

/// Whether `plan` delivers one leaf of the file, through structs only, in a form that the leaf's
/// statistics speak for.
pub(crate) fn leaf_keeps_statistics(plan: &FieldPlan) -> bool {
    match plan {
        FieldPlan::Leaf(conversion) => conversion.keeps_statistics(),
        FieldPlan::Struct(children) => match children.as_slice() {
            [
                ChildPlan {
                    position: Some(_),
                    plan,
                },
            ] => leaf_keeps_statistics(plan),
            _ => false,
        },
        FieldPlan::Constant(_) | FieldPlan::List(_) | FieldPlan::Map(..) => false,
    }
}

/// The field that `fields` of a struct are pruned to when only `path` below it is wanted.
pub(crate) fn prune_to_path(field: &FieldRef, path: &[usize]) -> Option<Field> {
    let Some((first, rest)) = path.split_first() else {
        return Some(field.as_ref().clone());
    };
    let DataType::Struct(fields) = field.data_type() else {
        return None;
    };
    let child = prune_to_path(fields.get(*first)?, rest)?;
    let pruned = DataType::Struct(vec![child].into());
    Some(field.as_ref().clone().with_data_type(pruned))
}
