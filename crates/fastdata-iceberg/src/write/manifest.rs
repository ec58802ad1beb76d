//! Manifests.

use std::sync::Arc;

use super::avro_schema::{decimal_bytes, manifest_entry, partition_types};
use super::{AvroCodec, AvroFile, put_bytes, put_varint};
use crate::manifest::{FileFormat, ManifestContent};
use crate::partition::PartitionSpec;
use crate::schema::{PrimitiveType, Schema};
use crate::value::Value;
use crate::{Error, Result};

/// The status of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum EntryStatus {
    Existing = 0,
    #[default]
    Added = 1,
    Deleted = 2,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum FileContent {
    #[default]
    Data = 0,
    PositionDeletes = 1,
    EqualityDeletes = 2,
}

/// Metrics of one column; what is `None` is left out.
#[derive(Debug, Clone, Default)]
pub struct ColumnStats {
    /// The column.
    pub field_id: i32,
    /// Its type, which decides how bounds are written; `None` where there are no bounds.
    pub column_type: Option<PrimitiveType>,
    /// Its size on disk.
    pub size_bytes: Option<i64>,
    /// Values, nulls included.
    pub value_count: Option<i64>,
    /// Nulls.
    pub null_count: Option<i64>,
    /// NaNs.
    pub nan_count: Option<i64>,
    /// Nothing is smaller.
    pub lower: Option<Value>,
    /// Nothing is greater.
    pub upper: Option<Value>,
}

/// One entry of a manifest. `Default` is an added, empty Parquet data file without a path.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Whether it is live.
    pub status: EntryStatus,
    /// `None` is inherited.
    pub snapshot_id: Option<i64>,
    /// The data and file sequence number; `None` is inherited.
    pub sequence_number: Option<i64>,
    /// What the file holds.
    pub content: FileContent,
    /// Its path.
    pub path: String,
    /// Its format.
    pub format: FileFormat,
    /// One value per field of the spec; `None` is null.
    pub partition: Vec<Option<Value>>,
    /// Its rows.
    pub record_count: i64,
    /// Its length.
    pub file_size_bytes: i64,
    /// Metrics by column.
    pub stats: Vec<ColumnStats>,
    /// Where row groups begin.
    pub split_offsets: Vec<i64>,
    /// The key of an equality delete.
    pub equality_ids: Vec<i32>,
    /// The first row id, in version 3.
    pub first_row_id: Option<i64>,
    /// The one data file that a delete file is for.
    pub referenced_data_file: Option<String>,
    /// Where a deletion vector begins, and its length in bytes.
    pub content_range: Option<(i64, i64)>,
}

impl Default for FileEntry {
    fn default() -> Self {
        Self {
            status: EntryStatus::Added,
            snapshot_id: None,
            sequence_number: None,
            content: FileContent::Data,
            path: String::new(),
            format: FileFormat::Parquet,
            partition: Vec::new(),
            record_count: 0,
            file_size_bytes: 0,
            stats: Vec::new(),
            split_offsets: Vec::new(),
            equality_ids: Vec::new(),
            first_row_id: None,
            referenced_data_file: None,
            content_range: None,
        }
    }
}

/// Writes the entries of one manifest.
#[derive(Debug)]
pub struct ManifestWriter {
    file: AvroFile,
    partition_types: Vec<Option<PrimitiveType>>,
    format_version: u8,
    block: Vec<u8>,
    block_count: usize,
    /// A block is ended when it has this many bytes: what Java's writer does.
    block_bytes: usize,
}

impl ManifestWriter {
    /// A manifest of files of `spec`, in the given format version.
    pub fn new(
        schema: &Arc<Schema>,
        spec: &PartitionSpec,
        content: ManifestContent,
        format_version: u8,
        codec: AvroCodec,
    ) -> Result<Self> {
        let spec_id = spec.id.to_string();
        let version = format_version.to_string();
        let schema_id = schema.id().to_string();
        let schema_json = super::metadata_json::schema_json(schema)?.to_string();
        let spec_json = super::metadata_json::spec_json(spec)["fields"].to_string();
        let keys = [
            ("schema", schema_json.as_str()),
            ("schema-id", schema_id.as_str()),
            ("partition-spec", spec_json.as_str()),
            ("partition-spec-id", spec_id.as_str()),
            ("format-version", version.as_str()),
            (
                "content",
                match content {
                    ManifestContent::Data => "data",
                    ManifestContent::Deletes => "deletes",
                },
            ),
        ];
        let avro_schema = manifest_entry(spec, schema, format_version)?;
        Ok(Self {
            file: AvroFile::new(&avro_schema, codec, &keys),
            partition_types: partition_types(spec, schema),
            format_version,
            block: Vec::new(),
            block_count: 0,
            block_bytes: 64_000,
        })
    }

    /// Appends an entry.
    pub fn push(&mut self, entry: &FileEntry) -> Result<()> {
        let mut out = std::mem::take(&mut self.block);
        put_varint(&mut out, entry.status as i64);
        put_optional(&mut out, entry.snapshot_id);
        if self.format_version > 1 {
            put_optional(&mut out, entry.sequence_number);
            put_optional(&mut out, entry.sequence_number);
        }
        self.put_file(&mut out, entry)?;
        self.block = out;
        self.block_count += 1;
        if self.block.len() >= self.block_bytes {
            self.end_block()
        } else {
            Ok(())
        }
    }

    /// The manifest's bytes.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if self.block_count > 0 {
            self.end_block()?;
        }
        Ok(self.file.finish())
    }

    fn end_block(&mut self) -> Result<()> {
        self.file.push_block(self.block_count, &self.block)?;
        self.block.clear();
        self.block_count = 0;
        Ok(())
    }

    fn put_file(&self, out: &mut Vec<u8>, entry: &FileEntry) -> Result<()> {
        if self.format_version > 1 {
            put_varint(out, entry.content as i64);
        }
        put_bytes(out, entry.path.as_bytes());
        put_bytes(out, entry.format.to_string().as_bytes());
        for (index, of) in self.partition_types.iter().enumerate() {
            put_partition_value(
                out,
                entry.partition.get(index).unwrap_or(&None),
                of.as_ref(),
            )?;
        }
        put_varint(out, entry.record_count);
        put_varint(out, entry.file_size_bytes);
        if self.format_version == 1 {
            put_varint(out, 64 << 20);
        }
        put_counts(out, &entry.stats, |stats| stats.size_bytes);
        put_counts(out, &entry.stats, |stats| stats.value_count);
        put_counts(out, &entry.stats, |stats| stats.null_count);
        put_counts(out, &entry.stats, |stats| stats.nan_count);
        put_bounds(out, &entry.stats, |stats| stats.lower.as_ref());
        put_bounds(out, &entry.stats, |stats| stats.upper.as_ref());
        put_varint(out, 0);
        put_longs(out, entry.split_offsets.iter().copied());
        if self.format_version > 1 {
            put_longs(out, entry.equality_ids.iter().map(|id| i64::from(*id)));
        }
        put_varint(out, 0);
        if self.format_version > 2 {
            put_optional(out, entry.first_row_id);
        }
        if self.format_version > 1 {
            match &entry.referenced_data_file {
                None => put_varint(out, 0),
                Some(path) => {
                    put_varint(out, 1);
                    put_bytes(out, path.as_bytes());
                }
            }
        }
        if self.format_version > 2 {
            put_optional(out, entry.content_range.map(|(offset, _)| offset));
            put_optional(out, entry.content_range.map(|(_, size)| size));
        }
        Ok(())
    }
}

fn put_optional(out: &mut Vec<u8>, value: Option<i64>) {
    match value {
        None => put_varint(out, 0),
        Some(value) => {
            put_varint(out, 1);
            put_varint(out, value);
        }
    }
}

fn put_partition_value(
    out: &mut Vec<u8>,
    value: &Option<Value>,
    of: Option<&PrimitiveType>,
) -> Result<()> {
    let Some(value) = value else {
        put_varint(out, 0);
        return Ok(());
    };
    put_varint(out, 1);
    match (value, of) {
        (Value::Boolean(value), _) => out.push(u8::from(*value)),
        (Value::Int(value), _) => put_varint(out, *value),
        (Value::Float(value), Some(PrimitiveType::Double)) => {
            out.extend(f64::from(*value).to_le_bytes());
        }
        (Value::Float(value), _) => out.extend(value.to_le_bytes()),
        (Value::Double(value), _) => out.extend(value.to_le_bytes()),
        (Value::String(value), _) => put_bytes(out, value.as_bytes()),
        (Value::Bytes(value), Some(PrimitiveType::Binary)) => put_bytes(out, value),
        (Value::Bytes(value), _) => out.extend(value),
        (Value::Decimal(value), Some(PrimitiveType::Decimal { precision, .. })) => {
            let wide = value.to_be_bytes();
            let start = wide.len().saturating_sub(decimal_bytes(*precision));
            out.extend(wide.get(start..).unwrap_or_default());
        }
        (Value::Decimal(_), _) => {
            return Err(Error::invalid(
                "a decimal for a partition field that is none",
            ));
        }
    }
    Ok(())
}

fn put_counts(
    out: &mut Vec<u8>,
    stats: &[ColumnStats],
    count: impl Fn(&ColumnStats) -> Option<i64>,
) {
    let known: Vec<_> = stats
        .iter()
        .filter_map(|stats| Some((stats.field_id, count(stats)?)))
        .collect();
    put_map(out, &known, |out, value| put_varint(out, *value));
}

fn put_bounds<'a>(
    out: &mut Vec<u8>,
    stats: &'a [ColumnStats],
    bound: impl Fn(&'a ColumnStats) -> Option<&'a Value>,
) {
    let known: Vec<_> = stats
        .iter()
        .filter_map(|stats| {
            let of = stats.column_type.as_ref()?;
            Some((stats.field_id, bound(stats)?.to_binary(of)))
        })
        .collect();
    put_map(out, &known, |out, value| put_bytes(out, value));
}

fn put_map<T>(out: &mut Vec<u8>, known: &[(i32, T)], put: impl Fn(&mut Vec<u8>, &T)) {
    if known.is_empty() {
        put_varint(out, 0);
        return;
    }
    put_varint(out, 1);
    put_varint(out, i64::try_from(known.len()).unwrap_or(i64::MAX));
    for (id, value) in known {
        put_varint(out, i64::from(*id));
        put(out, value);
    }
    put_varint(out, 0);
}

fn put_longs(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = i64>) {
    if values.len() == 0 {
        put_varint(out, 0);
        return;
    }
    put_varint(out, 1);
    put_varint(out, i64::try_from(values.len()).unwrap_or(i64::MAX));
    for value in values {
        put_varint(out, value);
    }
    put_varint(out, 0);
}
