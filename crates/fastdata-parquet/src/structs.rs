//! Structs without lists inside: their leaves are decoded like flat columns, and put together.
//!
//! What a struct adds to its leaves is in their definition levels. A leaf is null where its level is
//! not the highest, a struct where the level of any leaf below it does not reach the struct's own.

use std::sync::Arc;

use arrow_array::{ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, FieldRef, Fields};

use crate::decode::{
    Leaf, Validity, Window, picked_pages, read_leaf, read_leaf_rows, too_few_rows,
};
use crate::page::{Chunk, Lifetime, Visit};
use crate::{Error, FieldProjection, FileMeta, Result, RowRanges};

/// A struct column of one row group.
#[derive(Debug)]
pub(crate) struct Structs {
    root: Node,
    leaves: Vec<StructLeaf>,
}

#[derive(Debug)]
struct StructLeaf {
    chunk: Chunk,
    decoder: Leaf,
    optional: bool,
    /// Levels of the structs around it of which it tells whether they are null.
    tells: Vec<u16>,
}

#[derive(Debug)]
enum Node {
    /// A leaf, by its place among the leaves.
    Leaf(usize),
    Struct {
        fields: Fields,
        children: Vec<Node>,
        /// Which leaf tells where it is null, and at which of the leaf's places; `None` when it
        /// never is.
        nulls: Option<(usize, usize)>,
    },
}

/// What the columns of a struct are like, before any is opened.
#[derive(Debug)]
pub(crate) struct Shape {
    root: Node,
    leaves: Vec<ShapeLeaf>,
}

#[derive(Debug)]
struct ShapeLeaf {
    decoder: Leaf,
    optional: bool,
    tells: Vec<u16>,
}

impl Shape {
    /// The shape of `field`, or `None` where it is no struct of leaves that are decoded here.
    pub(crate) fn of(
        meta: &FileMeta,
        row_group: usize,
        field: &FieldProjection,
    ) -> Result<Option<Self>> {
        let mut walk = Walk {
            meta,
            row_group,
            numbers: field.leaves(),
            leaves: Vec::new(),
        };
        let is_struct = matches!(field.field().data_type(), DataType::Struct(_));
        let root = match is_struct {
            true => walk.node(field.field(), 0)?,
            false => None,
        };
        let is_whole = walk.leaves.len() == field.leaves().len();
        Ok(root.filter(|_| is_whole).map(|root| Self {
            root,
            leaves: walk.leaves,
        }))
    }

    /// The column, given the chunks of its leaves in their order.
    pub(crate) fn open(self, chunks: Vec<Chunk>) -> Structs {
        let leaf = |(leaf, chunk): (ShapeLeaf, Chunk)| StructLeaf {
            chunk,
            decoder: leaf.decoder,
            optional: leaf.optional,
            tells: leaf.tells,
        };
        Structs {
            root: self.root,
            leaves: self.leaves.into_iter().zip(chunks).map(leaf).collect(),
        }
    }
}

struct Walk<'a> {
    meta: &'a FileMeta,
    row_group: usize,
    /// The leaves' numbers in the file.
    numbers: &'a [usize],
    leaves: Vec<ShapeLeaf>,
}

impl Walk<'_> {
    /// The node of `field`, whose parent is present at definition level `level`.
    fn node(&mut self, field: &FieldRef, level: u16) -> Result<Option<Node>> {
        let level = level + u16::from(field.is_nullable());
        let DataType::Struct(fields) = field.data_type() else {
            return self.leaf(field, level);
        };
        let first = self.leaves.len();
        let mut children = Vec::with_capacity(fields.len());
        for field in fields {
            match self.node(field, level)? {
                Some(child) => children.push(child),
                None => return Ok(None),
            }
        }
        let Some(teller) = self.leaves.get_mut(first) else {
            return Ok(None);
        };
        // A struct that is required is null where one around it is: its children have nothing there
        // either, and Arrow wants to know why.
        let nulls = (level > 0).then(|| {
            teller.tells.push(level);
            (first, teller.tells.len() - 1)
        });
        Ok(Some(Node::Struct {
            fields: fields.clone(),
            children,
            nulls,
        }))
    }

    fn leaf(&mut self, field: &FieldRef, level: u16) -> Result<Option<Node>> {
        let Some(&number) = self.numbers.get(self.leaves.len()) else {
            return Ok(None);
        };
        let descr = self.meta.column(self.row_group, number)?.column_descr();
        let width = usize::try_from(descr.type_length()).unwrap_or(0);
        let decoder = Leaf::choose(
            descr.physical_type(),
            width,
            field.data_type(),
            self.meta.options().int96,
        );
        let is_flat = descr.max_rep_level() == 0 && descr.max_def_level().unsigned_abs() == level;
        let Some(decoder) = decoder.filter(|_| is_flat) else {
            return Ok(None);
        };
        self.leaves.push(ShapeLeaf {
            decoder,
            optional: level > 0,
            tells: Vec::new(),
        });
        Ok(Some(Node::Leaf(self.leaves.len() - 1)))
    }
}

/// One leaf, read.
struct Read {
    array: ArrayRef,
    /// For each of [`StructLeaf::tells`].
    nulls: Vec<Option<NullBuffer>>,
}

impl Structs {
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.leaves.iter().map(|leaf| &leaf.chunk)
    }

    /// The rows of `window` that are in `wanted`; all of them when that is `None`.
    pub(crate) fn read(
        &self,
        window: std::ops::Range<usize>,
        wanted: Option<&RowRanges>,
    ) -> Result<ArrayRef> {
        let leaves = self
            .leaves
            .iter()
            .map(|leaf| leaf.read(window.clone(), wanted))
            .collect::<Result<Vec<_>>>()?;
        self.root.assemble(&leaves)
    }
}

impl StructLeaf {
    fn read(&self, rows: std::ops::Range<usize>, wanted: Option<&RowRanges>) -> Result<Read> {
        let window = Window {
            rows,
            optional: self.optional,
        };
        // In front of the values, so that the pages are still there when those are decoded.
        let nulls = match self.tells.is_empty() {
            true => Vec::new(),
            false => self.nulls(&window, wanted)?,
        };
        let array = match wanted {
            None => read_leaf(&self.decoder, &self.chunk, &window)?,
            Some(wanted) => read_leaf_rows(&self.decoder, &self.chunk, &window, wanted)?,
        };
        Ok(Read { array, nulls })
    }

    fn nulls(
        &self,
        window: &Window,
        wanted: Option<&RowRanges>,
    ) -> Result<Vec<Option<NullBuffer>>> {
        let row_count = wanted.map_or(window.rows.len(), RowRanges::row_count);
        let validity = || Validity::with_capacity(row_count);
        let mut told: Vec<Validity> = self.tells.iter().map(|_| validity()).collect();
        match wanted {
            None => {
                for page in window.pages(&self.chunk) {
                    let (visit, skip) = page?;
                    self.look_at(visit, &mut told, |bytes, level, validity| {
                        validity
                            .append_levels(bytes, skip, visit.rows, level)
                            .map(|_| ())
                    })?;
                }
            }
            Some(wanted) => {
                for page in picked_pages(&self.chunk, window, wanted)? {
                    self.look_at(page.visit, &mut told, |bytes, level, validity| {
                        let mut span = Validity::with_capacity(page.span);
                        span.append_levels(bytes, page.skip, page.span, level)?;
                        for range in &page.ranges {
                            validity.append_part(&span, range.clone());
                        }
                        Ok(())
                    })?;
                }
            }
        }
        match told.iter().all(|validity| validity.len() == row_count) {
            true => Ok(told.into_iter().map(Validity::finish).collect()),
            false if self.chunk.is_whole() => Err(too_few_rows()),
            false => Err(Error::invalid("a page of the rows was not fetched")),
        }
    }

    /// Calls `look` for each of the structs with a page that is read again for its values.
    fn look_at(
        &self,
        visit: Visit,
        told: &mut [Validity],
        look: impl Fn(&crate::page::PageBytes<'_>, u16, &mut Validity) -> Result<()>,
    ) -> Result<()> {
        // A visit that reads no rows leaves the page where it is.
        let visit = Visit { rows: 0, ..visit };
        self.chunk.with_page(visit, Lifetime::Call, |bytes| {
            let mut told = self.tells.iter().zip(told);
            told.try_for_each(|(level, validity)| look(bytes, *level, validity))
        })
    }
}

impl Node {
    fn assemble(&self, leaves: &[Read]) -> Result<ArrayRef> {
        let lost = || Error::invalid("a struct without one of its leaves");
        match self {
            Self::Leaf(index) => Ok(leaves.get(*index).ok_or_else(lost)?.array.clone()),
            Self::Struct {
                fields,
                children,
                nulls,
            } => {
                let children = children
                    .iter()
                    .map(|child| child.assemble(leaves))
                    .collect::<Result<Vec<_>>>()?;
                let nulls = match nulls {
                    None => None,
                    Some((leaf, place)) => {
                        let told = leaves.get(*leaf).and_then(|read| read.nulls.get(*place));
                        told.ok_or_else(lost)?.clone()
                    }
                };
                Ok(Arc::new(StructArray::try_new(
                    fields.clone(),
                    children,
                    nulls,
                )?))
            }
        }
    }
}
