//! Entries of a manifest: read in place, and only what is asked for.
//!
//! The reader walks the writer's record in its order. What each field is for is decided once per
//! manifest, by field id; fields without a use are passed over without being decoded, and of the
//! metrics only those of the wanted columns are kept.

use std::sync::Arc;

use crate::avro::{Container, Cursor, Damage, Field, Node};
use crate::{Error, Limits, Result};

/// Whether an entry is live, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Status {
    #[default]
    Existing,
    Added,
    Deleted,
}

/// What the file of an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Content {
    #[default]
    Data,
    PositionDeletes,
    EqualityDeletes,
}

/// The metrics of one wanted column; any may be absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ColumnMetrics<'a> {
    pub(crate) value_count: Option<i64>,
    pub(crate) null_count: Option<i64>,
    pub(crate) nan_count: Option<i64>,
    pub(crate) lower: Option<&'a [u8]>,
    pub(crate) upper: Option<&'a [u8]>,
}

/// One entry, borrowed from its block.
#[derive(Debug, Default)]
pub(crate) struct Entry<'a> {
    pub(crate) status: Status,
    pub(crate) sequence_number: Option<i64>,
    pub(crate) content: Content,
    pub(crate) path: &'a str,
    pub(crate) format: &'a str,
    /// The encoded partition tuple.
    pub(crate) partition: &'a [u8],
    pub(crate) record_count: i64,
    pub(crate) file_size_bytes: i64,
    /// One per wanted column, in their order.
    pub(crate) metrics: Vec<ColumnMetrics<'a>>,
    pub(crate) is_encrypted: bool,
    pub(crate) split_offsets: Vec<i64>,
    pub(crate) equality_ids: Vec<i32>,
    pub(crate) first_row_id: Option<i64>,
    pub(crate) referenced_data_file: Option<&'a str>,
    pub(crate) content_offset: Option<i64>,
    pub(crate) content_size_bytes: Option<i64>,
}

/// What a field of the entry or of its data file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Skip,
    Status,
    SequenceNumber,
    DataFile,
    Content,
    Path,
    Format,
    Partition,
    RecordCount,
    FileSize,
    ValueCounts,
    NullCounts,
    NanCounts,
    LowerBounds,
    UpperBounds,
    KeyMetadata,
    SplitOffsets,
    EqualityIds,
    FirstRowId,
    ReferencedDataFile,
    ContentOffset,
    ContentSize,
}

/// Field ids, the names that writers without ids use, and what the fields are for.
const ENTRY_FIELDS: [(i32, &str, Use); 3] = [
    (0, "status", Use::Status),
    (3, "sequence_number", Use::SequenceNumber),
    (2, "data_file", Use::DataFile),
];

const FILE_FIELDS: [(i32, &str, Use); 18] = [
    (134, "content", Use::Content),
    (100, "file_path", Use::Path),
    (101, "file_format", Use::Format),
    (102, "partition", Use::Partition),
    (103, "record_count", Use::RecordCount),
    (104, "file_size_in_bytes", Use::FileSize),
    (109, "value_counts", Use::ValueCounts),
    (110, "null_value_counts", Use::NullCounts),
    (137, "nan_value_counts", Use::NanCounts),
    (125, "lower_bounds", Use::LowerBounds),
    (128, "upper_bounds", Use::UpperBounds),
    (131, "key_metadata", Use::KeyMetadata),
    (132, "split_offsets", Use::SplitOffsets),
    (135, "equality_ids", Use::EqualityIds),
    (142, "first_row_id", Use::FirstRowId),
    (143, "referenced_data_file", Use::ReferencedDataFile),
    (144, "content_offset", Use::ContentOffset),
    (145, "content_size_in_bytes", Use::ContentSize),
];

/// Reads the entries of one manifest.
#[derive(Debug)]
pub(crate) struct EntryReader<'a> {
    container: Container<'a>,
    entry_steps: Vec<(Arc<Node>, Use)>,
    file_steps: Vec<(Arc<Node>, Use)>,
    partition: Arc<Node>,
    /// Columns whose metrics are kept.
    wanted: Vec<i32>,
}

impl<'a> EntryReader<'a> {
    /// Opens a manifest; of the metrics, those of the columns `wanted` will be kept.
    pub(crate) fn open(bytes: &'a [u8], wanted: &[i32], limits: &Limits) -> Result<Self> {
        let mut container = Container::open(bytes)?;
        container.settle_fixed(limits)?;
        let Node::Record(fields) = container.schema().as_ref() else {
            return Err(Error::corrupt("a manifest's entries are not records"));
        };
        let entry_steps = steps(fields, &ENTRY_FIELDS);
        let file = step_node(&entry_steps, Use::DataFile, "data_file")?;
        if step_node(&entry_steps, Use::Status, "status").is_err() {
            return Err(Error::corrupt("a manifest's entries have no status"));
        }
        let Node::Record(fields) = file.present() else {
            return Err(Error::corrupt("a manifest's data_file is not a record"));
        };
        let mut file_steps = steps(fields, &FILE_FIELDS);
        let partition = Arc::clone(step_node(&file_steps, Use::Partition, "partition")?);
        for (needed, name) in [
            (Use::Path, "file_path"),
            (Use::Format, "file_format"),
            (Use::RecordCount, "record_count"),
            (Use::FileSize, "file_size_in_bytes"),
        ] {
            step_node(&file_steps, needed, name)?;
        }
        if wanted.is_empty() {
            for (_, step) in &mut file_steps {
                if is_metric(*step) {
                    *step = Use::Skip;
                }
            }
        }
        let wanted = wanted.to_vec();
        Ok(Self {
            container,
            entry_steps,
            file_steps,
            partition,
            wanted,
        })
    }

    /// The type of the encoded partition tuples.
    pub(crate) fn partition_node(&self) -> &Node {
        &self.partition
    }

    /// The spec of the entries as the header has it; writers may leave it out.
    pub(crate) fn header_spec_id(&self) -> Option<i32> {
        self.container
            .text("partition-spec-id")?
            .trim()
            .parse()
            .ok()
    }

    /// Calls `visit` with each entry in order.
    pub(crate) fn each(
        &self,
        limits: &Limits,
        mut visit: impl FnMut(&Entry<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut blocks = self.container.blocks(limits);
        let mut index = 0usize;
        while let Some((count, block)) = blocks.next_block()? {
            let mut cursor = Cursor::new(block);
            let mut entry = Entry {
                metrics: vec![ColumnMetrics::default(); self.wanted.len()],
                ..Entry::default()
            };
            for _ in 0..count {
                let place = |error: Error| error.within(format_args!("entry {index}"));
                self.read(&mut cursor, &mut entry)
                    .map_err(|damage| place(damage.into()))?;
                visit(&entry).map_err(place)?;
                index += 1;
            }
            if !cursor.rest().is_empty() {
                return Err(Error::corrupt("a block is longer than its entries"));
            }
        }
        Ok(())
    }

    fn read<'b>(&self, cursor: &mut Cursor<'b>, entry: &mut Entry<'b>) -> Result<(), Damage> {
        reset(entry);
        for (node, step) in &self.entry_steps {
            match step {
                Use::Status => {
                    entry.status = match cursor.optional_long(node)? {
                        Some(0) => Status::Existing,
                        Some(1) => Status::Added,
                        Some(2) => Status::Deleted,
                        Some(_) => return Err(Damage::Type),
                        None => return Err(Damage::Absent),
                    };
                }
                Use::SequenceNumber => entry.sequence_number = cursor.optional_long(node)?,
                Use::DataFile => {
                    if matches!(cursor.enter(node)?, Node::Null) {
                        return Err(Damage::Absent);
                    }
                    for (node, step) in &self.file_steps {
                        self.read_file_field(cursor, entry, node, *step)?;
                    }
                }
                _ => cursor.skip(node)?,
            }
        }
        Ok(())
    }

    fn read_file_field<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        entry: &mut Entry<'b>,
        node: &Node,
        step: Use,
    ) -> Result<(), Damage> {
        match step {
            Use::Content => {
                entry.content = match cursor.optional_long(node)? {
                    None | Some(0) => Content::Data,
                    Some(1) => Content::PositionDeletes,
                    Some(2) => Content::EqualityDeletes,
                    Some(_) => return Err(Damage::Type),
                };
            }
            Use::Path => entry.path = cursor.optional_str(node)?.ok_or(Damage::Absent)?,
            Use::Format => entry.format = cursor.optional_str(node)?.ok_or(Damage::Absent)?,
            Use::Partition => {
                let start = *cursor;
                cursor.skip(node)?;
                entry.partition = cursor.since(start);
            }
            Use::RecordCount => {
                entry.record_count = cursor.optional_long(node)?.ok_or(Damage::Absent)?;
            }
            Use::FileSize => {
                entry.file_size_bytes = cursor.optional_long(node)?.ok_or(Damage::Absent)?;
            }
            Use::ValueCounts => {
                self.read_counts(cursor, node, entry, |metrics| &mut metrics.value_count)?;
            }
            Use::NullCounts => {
                self.read_counts(cursor, node, entry, |metrics| &mut metrics.null_count)?;
            }
            Use::NanCounts => {
                self.read_counts(cursor, node, entry, |metrics| &mut metrics.nan_count)?;
            }
            Use::LowerBounds => {
                self.read_bounds(cursor, node, entry, |metrics| &mut metrics.lower)?;
            }
            Use::UpperBounds => {
                self.read_bounds(cursor, node, entry, |metrics| &mut metrics.upper)?;
            }
            Use::KeyMetadata => entry.is_encrypted = cursor.optional_bytes(node)?.is_some(),
            Use::SplitOffsets => {
                read_longs(cursor, node, |offset| {
                    entry.split_offsets.push(offset);
                    Ok(())
                })?;
            }
            Use::EqualityIds => {
                read_longs(cursor, node, |id| {
                    entry
                        .equality_ids
                        .push(i32::try_from(id).map_err(|_| Damage::Type)?);
                    Ok(())
                })?;
            }
            Use::FirstRowId => entry.first_row_id = cursor.optional_long(node)?,
            Use::ReferencedDataFile => entry.referenced_data_file = cursor.optional_str(node)?,
            Use::ContentOffset => entry.content_offset = cursor.optional_long(node)?,
            Use::ContentSize => entry.content_size_bytes = cursor.optional_long(node)?,
            Use::Skip | Use::Status | Use::SequenceNumber | Use::DataFile => cursor.skip(node)?,
        }
        Ok(())
    }

    /// A map from column id to count, kept as an array of (key, value) records.
    fn read_counts<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        node: &Node,
        entry: &mut Entry<'b>,
        slot: impl for<'e> Fn(&'e mut ColumnMetrics<'b>) -> &'e mut Option<i64>,
    ) -> Result<(), Damage> {
        let Some((key, value)) = map_parts(cursor, node)? else {
            return Ok(());
        };
        each_item(cursor, |cursor| {
            let id = cursor.optional_long(key)?;
            match self
                .wanted_index(id)
                .and_then(|index| entry.metrics.get_mut(index))
            {
                Some(metrics) => *slot(metrics) = cursor.optional_long(value)?,
                None => cursor.skip(value)?,
            }
            Ok(())
        })
    }

    /// A map from column id to bytes.
    fn read_bounds<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        node: &Node,
        entry: &mut Entry<'b>,
        slot: impl for<'e> Fn(&'e mut ColumnMetrics<'b>) -> &'e mut Option<&'b [u8]>,
    ) -> Result<(), Damage> {
        let Some((key, value)) = map_parts(cursor, node)? else {
            return Ok(());
        };
        each_item(cursor, |cursor| {
            let id = cursor.optional_long(key)?;
            match self
                .wanted_index(id)
                .and_then(|index| entry.metrics.get_mut(index))
            {
                Some(metrics) => *slot(metrics) = cursor.optional_bytes(value)?,
                None => cursor.skip(value)?,
            }
            Ok(())
        })
    }

    fn wanted_index(&self, id: Option<i64>) -> Option<usize> {
        let id = id?;
        self.wanted
            .iter()
            .position(|wanted| i64::from(*wanted) == id)
    }
}

fn is_metric(step: Use) -> bool {
    matches!(
        step,
        Use::ValueCounts | Use::NullCounts | Use::NanCounts | Use::LowerBounds | Use::UpperBounds
    )
}

fn reset(entry: &mut Entry<'_>) {
    let mut metrics = std::mem::take(&mut entry.metrics);
    let mut split_offsets = std::mem::take(&mut entry.split_offsets);
    let mut equality_ids = std::mem::take(&mut entry.equality_ids);
    metrics.fill(ColumnMetrics::default());
    split_offsets.clear();
    equality_ids.clear();
    *entry = Entry {
        metrics,
        split_offsets,
        equality_ids,
        ..Entry::default()
    };
}

/// What each field of a record is for: by its id, or by its name where the writer gave no id.
fn steps(fields: &[Field], known: &[(i32, &str, Use)]) -> Vec<(Arc<Node>, Use)> {
    fields
        .iter()
        .map(|field| {
            let step = known.iter().find(|(id, name, _)| match field.id {
                Some(own) => own == *id,
                None => field.name == *name,
            });
            (
                Arc::clone(&field.node),
                step.map_or(Use::Skip, |(_, _, step)| *step),
            )
        })
        .collect()
}

fn step_node<'s>(steps: &'s [(Arc<Node>, Use)], needed: Use, name: &str) -> Result<&'s Arc<Node>> {
    let found = steps
        .iter()
        .find(|(_, step)| *step == needed)
        .map(|(node, _)| node);
    found.ok_or_else(|| Error::corrupt(format!("a manifest's entries have no {name}")))
}

/// The key and value types of a map, with the cursor before its first run; `None` for null.
fn map_parts<'n>(
    cursor: &mut Cursor<'_>,
    node: &'n Node,
) -> Result<Option<(&'n Node, &'n Node)>, Damage> {
    match cursor.enter(node)? {
        Node::Null => Ok(None),
        Node::Array(item) => match item.as_ref() {
            Node::Record(fields) => match fields.as_slice() {
                [key, value] => Ok(Some((&key.node, &value.node))),
                _ => Err(Damage::Type),
            },
            _ => Err(Damage::Type),
        },
        _ => Err(Damage::Type),
    }
}

fn each_item<'b>(
    cursor: &mut Cursor<'b>,
    mut read: impl FnMut(&mut Cursor<'b>) -> Result<(), Damage>,
) -> Result<(), Damage> {
    loop {
        let count = cursor.run()?;
        if count == 0 {
            return Ok(());
        }
        for _ in 0..count {
            read(cursor)?;
        }
    }
}

fn read_longs(
    cursor: &mut Cursor<'_>,
    node: &Node,
    mut keep: impl FnMut(i64) -> Result<(), Damage>,
) -> Result<(), Damage> {
    match cursor.enter(node)? {
        Node::Null => Ok(()),
        Node::Array(item) => each_item(cursor, |cursor| match cursor.optional_long(item)? {
            Some(value) => keep(value),
            None => Err(Damage::Absent),
        }),
        _ => Err(Damage::Type),
    }
}
