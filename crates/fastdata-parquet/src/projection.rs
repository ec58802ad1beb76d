//! Which leaves of a top-level field are read.

use std::sync::Arc;

use arrow_schema::{DataType, FieldRef};

use crate::schema::leaf_count;
use crate::{Error, Result};

/// One top-level field with a chosen subset of its leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldProjection {
    root: usize,
    leaves: Vec<usize>,
    field: FieldRef,
}

impl FieldProjection {
    /// The part of `field` that `paths` name, each relative to it. Its leaves start at `leaf`.
    pub(crate) fn new(
        root: usize,
        leaf: usize,
        field: &FieldRef,
        paths: &[&[usize]],
    ) -> Result<Self> {
        let mut choice = Choice {
            next_leaf: leaf,
            leaves: Vec::new(),
        };
        let field = choice.field(field, paths)?;
        let field = field.ok_or_else(|| Error::invalid("a projection without columns"))?;
        Ok(Self {
            root,
            leaves: choice.leaves,
            field,
        })
    }

    /// Index of the field in [`crate::FileMeta::schema`].
    pub fn index(&self) -> usize {
        self.root
    }

    /// The field as it will come out: only the chosen children.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Leaf columns of the file that are read, ascending.
    pub fn leaves(&self) -> &[usize] {
        &self.leaves
    }
}

struct Choice {
    next_leaf: usize,
    leaves: Vec<usize>,
}

impl Choice {
    /// What of `field` is chosen, counting its leaves either way.
    fn field(&mut self, field: &FieldRef, paths: &[&[usize]]) -> Result<Option<FieldRef>> {
        if paths.iter().any(|path| path.is_empty()) || paths.is_empty() {
            let count = leaf_count(field.data_type());
            let leaves = self.next_leaf..self.next_leaf + count;
            self.next_leaf = leaves.end;
            if paths.is_empty() {
                return Ok(None);
            }
            self.leaves.extend(leaves);
            return Ok(Some(Arc::clone(field)));
        }
        let data_type = match field.data_type() {
            DataType::Struct(fields) => {
                let chosen = self.children(fields, paths)?;
                DataType::Struct(chosen.into())
            }
            DataType::List(item) => DataType::List(self.only(item, paths)?),
            DataType::LargeList(item) => DataType::LargeList(self.only(item, paths)?),
            DataType::FixedSizeList(item, len) => {
                DataType::FixedSizeList(self.only(item, paths)?, *len)
            }
            DataType::Map(entries, sorted) => DataType::Map(self.entries(entries, paths)?, *sorted),
            _ => {
                return Err(Error::invalid(format!(
                    "column {} has no children",
                    field.name()
                )));
            }
        };
        Ok(Some(Arc::new(
            field.as_ref().clone().with_data_type(data_type),
        )))
    }

    fn children(&mut self, fields: &[FieldRef], paths: &[&[usize]]) -> Result<Vec<FieldRef>> {
        if paths.iter().any(|path| path[0] >= fields.len()) {
            return Err(Error::invalid(
                "a path to a child that its struct does not have",
            ));
        }
        let mut chosen = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let of_child = paths.iter().filter(|path| path[0] == index);
            let below: Vec<_> = of_child.map(|path| &path[1..]).collect();
            chosen.extend(self.field(field, &below)?);
        }
        Ok(chosen)
    }

    fn only(&mut self, item: &FieldRef, paths: &[&[usize]]) -> Result<FieldRef> {
        let chosen = self.children(std::slice::from_ref(item), paths)?;
        chosen
            .into_iter()
            .next()
            .ok_or_else(|| Error::invalid("a list without items"))
    }

    /// Keys come along, because a map without them is none; values whole when only keys are named.
    fn entries(&mut self, entries: &FieldRef, paths: &[&[usize]]) -> Result<FieldRef> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(Error::invalid("a map without entries"));
        };
        let mut all: Vec<&[usize]> = vec![&[0]];
        all.extend(paths.iter().filter(|path| path[0] != 0));
        if all.len() == 1 {
            all.push(&[1]);
        }
        let chosen = self.children(fields, &all)?;
        Ok(Arc::new(
            entries
                .as_ref()
                .clone()
                .with_data_type(DataType::Struct(chosen.into())),
        ))
    }
}
