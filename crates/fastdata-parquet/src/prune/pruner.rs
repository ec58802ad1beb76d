//! The pruner: a machine that asks for bytes, cheapest first, until nothing more can be learnt.

use std::ops::Range;

use bytes::Bytes;
use fastdata_kernels::predicate::{Atom, Bound, CompareOp, Test};

use super::facts::{GroupFacts, Leaf, leaf_of};
use super::pages::{PageFilter, PageIndexes};
use super::probe::{Probe, has_complete_dictionary};
use super::{PruneOutcome, Pruned, RowGroupPlan};
use crate::index::{ColumnIndex, OffsetIndex};
use crate::{Error, FieldProjection, FileMeta, Result, RowRanges};

/// Bytes fetched for a bloom filter whose length the footer does not tell.
const BLOOM_GUESS_BYTES: u64 = 4 << 10;

/// Largest dictionary that is fetched only to prune, and the least part of a chunk that it may be.
const DICTIONARY_BYTES_MAX: u64 = 1 << 20;
const DICTIONARY_SHARE_MIN: u64 = 4;

/// Which structures a [`Pruner`] may ask for beyond the footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneOptions {
    /// Column and offset indexes.
    pub page_index: bool,
    /// Bloom filters.
    pub bloom: bool,
    /// Dictionary pages.
    pub dictionary: bool,
}

impl Default for PruneOptions {
    fn default() -> Self {
        Self {
            page_index: true,
            bloom: true,
            dictionary: true,
        }
    }
}

/// Prunes by what the footer says, then asks for what could prune more, cheapest first.
pub struct Pruner {
    meta: FileMeta,
    options: PruneOptions,
    /// Leaves that will be read: their offset indexes are wanted where pages were pruned.
    reading: Vec<usize>,
    groups: Vec<Group>,
    report: Vec<Pruned>,
    stage: Stage,
    wanted: Vec<(Want, Range<u64>)>,
    pages_total: usize,
    pages_pruned: usize,
}

/// A row group that is still alive.
struct Group {
    row_group: usize,
    residual: Bound,
    rows: Option<RowRanges>,
    probes: Vec<Probe>,
    indexes: PageIndexes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Bloom,
    BloomRest,
    PageIndex,
    Dictionary,
    Offsets,
    Done,
}

/// What a wanted range is for: row group, leaf, structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Want {
    row_group: usize,
    leaf: usize,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Bloom,
    BloomGuess,
    ColumnIndex,
    OffsetIndex,
    Dictionary,
}

impl std::fmt::Debug for Pruner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alive: Vec<_> = self.groups.iter().map(|group| group.row_group).collect();
        f.debug_struct("Pruner")
            .field("stage", &self.stage)
            .field("alive", &alive)
            .finish_non_exhaustive()
    }
}

impl Pruner {
    /// Prunes by row-group statistics at once. `bound` is bound to [`FileMeta::schema`].
    pub fn new(meta: &FileMeta, bound: &Bound, options: PruneOptions) -> Self {
        let groups = (0..meta.row_groups().len()).map(|row_group| Group {
            row_group,
            residual: bound.clone(),
            rows: None,
            probes: Vec::new(),
            indexes: PageIndexes::new(),
        });
        let mut pruner = Self {
            meta: meta.clone(),
            options,
            reading: Vec::new(),
            groups: groups.collect(),
            report: Vec::new(),
            stage: Stage::Bloom,
            wanted: Vec::new(),
            pages_total: 0,
            pages_pruned: 0,
        };
        pruner.settle("statistics");
        pruner.enter(Stage::Bloom);
        pruner
    }

    /// Names the fields that will be read, so that where pages are pruned the offset indexes of
    /// these fields are fetched too and [`crate::chunk_ranges`] can leave pages out.
    #[must_use]
    pub fn reading(mut self, fields: &[FieldProjection]) -> Self {
        self.reading = fields
            .iter()
            .flat_map(|field| field.leaves().iter().copied())
            .collect();
        self
    }

    /// Byte ranges that could prune more, or none.
    pub fn wanted(&self) -> Vec<Range<u64>> {
        self.wanted.iter().map(|(_, range)| range.clone()).collect()
    }

    /// Takes the bytes of the ranges of [`Self::wanted`], in order.
    pub fn supply(&mut self, bytes: Vec<Bytes>) -> Result<()> {
        if bytes.len() != self.wanted.len() {
            return Err(Error::invalid("other bytes than the pruner asked for"));
        }
        let wanted = std::mem::take(&mut self.wanted);
        let mut more = Vec::new();
        for ((want, range), bytes) in wanted.into_iter().zip(bytes) {
            if bytes.len() as u64 == range.end - range.start {
                self.take(want, &range, &bytes, &mut more);
            }
        }
        match self.stage {
            Stage::Bloom if !more.is_empty() => {
                self.stage = Stage::BloomRest;
                self.wanted = more;
            }
            Stage::Bloom | Stage::BloomRest => {
                self.settle("bloom filter");
                self.enter(Stage::PageIndex);
            }
            Stage::PageIndex => {
                self.filter_pages();
                self.enter(Stage::Dictionary);
            }
            Stage::Dictionary => {
                self.settle("dictionary");
                self.enter(Stage::Offsets);
            }
            Stage::Offsets | Stage::Done => self.stage = Stage::Done,
        }
        Ok(())
    }

    /// What is left. May be called at any time: what was not supplied does not prune.
    pub fn finish(mut self) -> PruneOutcome {
        self.report.sort_by_key(|pruned| pruned.row_group);
        let total = self.meta.row_groups().len();
        let plans: Vec<_> = self
            .groups
            .into_iter()
            .map(|group| {
                let meta = &self.meta.row_groups()[group.row_group];
                RowGroupPlan {
                    row_group: group.row_group,
                    first_row: meta.first_row,
                    num_rows: meta.num_rows,
                    rows: group.rows,
                }
            })
            .collect();
        PruneOutcome {
            row_groups_total: total,
            row_groups_pruned: total - plans.len(),
            pages_total: self.pages_total,
            pages_pruned: self.pages_pruned,
            report: self.report,
            plans,
        }
    }

    /// Moves on to `stage`, or to the first one behind it that wants something.
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        loop {
            self.wanted = match self.stage {
                Stage::Bloom if self.options.bloom => self.want_bloom(),
                Stage::PageIndex if self.options.page_index => self.want_page_index(),
                Stage::Dictionary if self.options.dictionary => self.want_dictionary(),
                Stage::Offsets if self.options.page_index => self.want_offsets(),
                _ => Vec::new(),
            };
            let end = self.meta.file_bytes();
            self.wanted
                .retain(|(_, range)| range.start < range.end && range.end <= end);
            if !self.wanted.is_empty() || self.stage == Stage::Done {
                return;
            }
            self.stage = match self.stage {
                Stage::Bloom | Stage::BloomRest => Stage::PageIndex,
                Stage::PageIndex => Stage::Dictionary,
                Stage::Dictionary => Stage::Offsets,
                Stage::Offsets | Stage::Done => Stage::Done,
            };
        }
    }

    fn settle(&mut self, reason: &str) {
        let (meta, report) = (&self.meta, &mut self.report);
        self.groups.retain_mut(|group| {
            let facts = GroupFacts {
                meta,
                row_group: group.row_group,
                probes: &group.probes,
            };
            group.residual = group.residual.settle(&facts);
            let alive = group.residual != Bound::Constant(false);
            if !alive {
                let reason = reason.to_owned();
                report.push(Pruned {
                    row_group: group.row_group,
                    whole: true,
                    reason,
                });
            }
            alive
        });
    }

    /// Leaves of the atoms that `asks` picks, in each group.
    fn for_each_leaf(&self, asks: fn(&Atom) -> bool, mut want: impl FnMut(&Group, &Leaf)) {
        for group in &self.groups {
            let mut leaves: Vec<Leaf> = Vec::new();
            for_each_atom(&group.residual, &mut |atom| {
                if let Some(leaf) = leaf_of(&self.meta, &atom.column).filter(|_| asks(atom))
                    && !leaves.contains(&leaf)
                {
                    leaves.push(leaf);
                }
            });
            leaves.iter().for_each(|leaf| want(group, leaf));
        }
    }

    fn want_bloom(&self) -> Vec<(Want, Range<u64>)> {
        let mut wanted = Vec::new();
        self.for_each_leaf(asks_for_values, |group, leaf| {
            let Ok(chunk) = self.meta.column(group.row_group, leaf.index) else {
                return;
            };
            let Some(start) = chunk
                .bloom_filter_offset()
                .and_then(|at| u64::try_from(at).ok())
            else {
                return;
            };
            let len = chunk
                .bloom_filter_length()
                .and_then(|len| u64::try_from(len).ok());
            let part = if len.is_some() {
                Part::Bloom
            } else {
                Part::BloomGuess
            };
            let guess_end = self
                .meta
                .file_bytes()
                .min(start.saturating_add(BLOOM_GUESS_BYTES));
            let end = len.map_or(guess_end, |len| start.saturating_add(len));
            wanted.push((
                Want {
                    row_group: group.row_group,
                    leaf: leaf.index,
                    part,
                },
                start..end,
            ));
        });
        wanted
    }

    fn want_page_index(&self) -> Vec<(Want, Range<u64>)> {
        let mut wanted = Vec::new();
        self.for_each_leaf(asks_for_bounds, |group, leaf| {
            let Ok(chunk) = self.meta.column(group.row_group, leaf.index) else {
                return;
            };
            let column = place(chunk.column_index_offset(), chunk.column_index_length());
            let offset = place(chunk.offset_index_offset(), chunk.offset_index_length());
            if let (Some(column), Some(offset)) = (column, offset) {
                let (row_group, leaf) = (group.row_group, leaf.index);
                // Offsets first: the column index is checked against their number of pages.
                wanted.push((
                    Want {
                        row_group,
                        leaf,
                        part: Part::OffsetIndex,
                    },
                    offset,
                ));
                wanted.push((
                    Want {
                        row_group,
                        leaf,
                        part: Part::ColumnIndex,
                    },
                    column,
                ));
            }
        });
        wanted
    }

    fn want_dictionary(&self) -> Vec<(Want, Range<u64>)> {
        let mut wanted = Vec::new();
        self.for_each_leaf(asks_for_values, |group, leaf| {
            let has_bloom = group
                .probes
                .iter()
                .any(|probe| probe.leaf() == leaf.index && probe.is_bloom());
            let Ok(chunk) = self.meta.column(group.row_group, leaf.index) else {
                return;
            };
            let Ok(range) = self.meta.column_range(group.row_group, leaf.index) else {
                return;
            };
            let Ok(data) = u64::try_from(chunk.data_page_offset()) else {
                return;
            };
            let bytes = data.saturating_sub(range.start);
            let worth = bytes > 0
                && bytes <= DICTIONARY_BYTES_MAX
                && bytes * DICTIONARY_SHARE_MIN <= range.end - range.start;
            if worth && !has_bloom && has_complete_dictionary(chunk) {
                let want = Want {
                    row_group: group.row_group,
                    leaf: leaf.index,
                    part: Part::Dictionary,
                };
                wanted.push((want, range.start..data));
            }
        });
        wanted
    }

    fn want_offsets(&self) -> Vec<(Want, Range<u64>)> {
        let mut wanted = Vec::new();
        for group in self.groups.iter().filter(|group| group.rows.is_some()) {
            for &leaf in &self.reading {
                let Ok(chunk) = self.meta.column(group.row_group, leaf) else {
                    continue;
                };
                let offset = place(chunk.offset_index_offset(), chunk.offset_index_length());
                let known = self.meta.offset_index(group.row_group, leaf).is_some();
                if let Some(range) = offset.filter(|_| !known) {
                    let part = Part::OffsetIndex;
                    wanted.push((
                        Want {
                            row_group: group.row_group,
                            leaf,
                            part,
                        },
                        range,
                    ));
                }
            }
        }
        wanted
    }

    fn take(
        &mut self,
        want: Want,
        range: &Range<u64>,
        bytes: &Bytes,
        more: &mut Vec<(Want, Range<u64>)>,
    ) {
        let Want {
            row_group,
            leaf,
            part,
        } = want;
        let Some(group) = self
            .groups
            .iter_mut()
            .find(|group| group.row_group == row_group)
        else {
            return;
        };
        match part {
            Part::Bloom => group.probes.extend(Probe::bloom(leaf, bytes)),
            Part::BloomGuess => match bloom_bytes(bytes) {
                Some(len) if len <= bytes.len() as u64 => {
                    let len = usize::try_from(len).unwrap_or(0);
                    group.probes.extend(Probe::bloom(leaf, &bytes.slice(..len)));
                }
                Some(len) if range.start.saturating_add(len) <= self.meta.file_bytes() => {
                    let want = Want {
                        part: Part::Bloom,
                        ..want
                    };
                    more.push((want, range.start..range.start + len));
                }
                _ => {}
            },
            Part::OffsetIndex => {
                let chunk = self.meta.column_range(row_group, leaf);
                let rows = self.meta.group_rows(row_group);
                if let (Ok(chunk), Ok(rows)) = (chunk, rows)
                    && let Ok(index) = OffsetIndex::decode(bytes, &chunk, rows)
                {
                    self.meta.keep_offset_index(row_group, leaf, index);
                }
            }
            Part::ColumnIndex => {
                if let Some(offsets) = self.meta.offset_index(row_group, leaf)
                    && let Ok(index) = ColumnIndex::decode(bytes, offsets.pages.len())
                {
                    group.indexes.insert(leaf, (offsets, index));
                }
            }
            Part::Dictionary => {
                let (Ok(chunk), Some(found)) = (
                    self.meta.column(row_group, leaf),
                    leaf_of_residual(&self.meta, &group.residual, leaf),
                ) else {
                    return;
                };
                let limits = &self.meta.options().limits;
                group
                    .probes
                    .extend(Probe::dictionary(chunk, &found, bytes, limits));
            }
        }
    }

    fn filter_pages(&mut self) {
        let (meta, report) = (&self.meta, &mut self.report);
        let (mut total, mut pruned) = (0, 0);
        self.groups.retain_mut(|group| {
            let Ok(num_rows) = meta.group_rows(group.row_group) else {
                return true;
            };
            let (row_group, indexes) = (group.row_group, &group.indexes);
            if indexes.is_empty() {
                return true;
            }
            let rows = PageFilter {
                meta,
                row_group,
                num_rows,
                indexes,
            }
            .rows(&group.residual);
            let (mut of, mut gone) = (0, 0);
            for (offsets, _) in indexes.values() {
                of += offsets.pages.len();
                let wanted = offsets
                    .rows(num_rows)
                    .filter(|(_, page)| rows.touches(page));
                gone += offsets.pages.len() - wanted.count();
            }
            total += of;
            pruned += gone;
            if rows.row_count() == num_rows {
                return true;
            }
            let whole = rows.is_empty();
            let reason = format!("page index: {gone} of {of} pages");
            report.push(Pruned {
                row_group,
                whole,
                reason,
            });
            group.rows = Some(rows);
            !whole
        });
        self.pages_total += total;
        self.pages_pruned += pruned;
    }
}

fn for_each_atom(bound: &Bound, visit: &mut dyn FnMut(&Atom)) {
    match bound {
        Bound::Constant(_) => {}
        Bound::Atom(atom) => visit(atom),
        Bound::And(parts) | Bound::Or(parts) => {
            parts.iter().for_each(|part| for_each_atom(part, visit));
        }
    }
}

fn leaf_of_residual(meta: &FileMeta, residual: &Bound, index: usize) -> Option<Leaf> {
    let mut found = None;
    for_each_atom(residual, &mut |atom| {
        found = found
            .take()
            .or_else(|| leaf_of(meta, &atom.column).filter(|leaf| leaf.index == index));
    });
    found
}

/// Whether knowing which values are absent can settle the atom.
fn asks_for_values(atom: &Atom) -> bool {
    matches!(atom.test, Test::Compare(CompareOp::Eq, _) | Test::In(_))
}

/// Whether bounds or null counts can settle the atom.
fn asks_for_bounds(atom: &Atom) -> bool {
    !matches!(atom.test, Test::CompareColumn(..))
}

fn place(offset: Option<i64>, len: Option<i32>) -> Option<Range<u64>> {
    let (offset, len) = (u64::try_from(offset?).ok()?, u64::try_from(len?).ok()?);
    Some(offset..offset.checked_add(len)?)
}

/// Bytes of a bloom filter, header included, from the start of it.
fn bloom_bytes(bytes: &[u8]) -> Option<u64> {
    let mut thrift = crate::thrift::Compact::new(bytes);
    let mut bits = None;
    let read = thrift.structure(|thrift, id, wire| {
        let is_len = id == 1 && wire == 5;
        if is_len {
            bits = u64::try_from(thrift.int32()?).ok();
        }
        Ok(is_len)
    });
    read.ok()?;
    Some(bits? + thrift.position() as u64)
}
