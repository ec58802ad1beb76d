//! The header in front of every page.

use parquet::basic::Encoding;

use crate::thrift::{Compact, TRUE};
use crate::{Error, Limits, Result};

/// A page header whose lengths are within limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PageHeader {
    /// Bytes of the header itself.
    pub(crate) header_bytes: usize,
    /// Bytes of the page as stored.
    pub(crate) compressed_bytes: usize,
    /// Bytes of the page after decompression.
    pub(crate) uncompressed_bytes: usize,
    /// CRC-32 of the page as stored.
    pub(crate) crc: Option<u32>,
    /// What the page holds.
    pub(crate) kind: PageKind,
}

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum PageKind {
    /// Levels and values in one compressed block.
    DataV1 {
        /// Levels in it; rows of a flat column.
        num_values: usize,
        /// Of the values.
        encoding: Encoding,
        /// Of the definition levels.
        definition: Encoding,
        /// Of the repetition levels.
        repetition: Encoding,
    },
    /// Levels uncompressed in front of values that may be compressed.
    DataV2 {
        /// Levels in it.
        num_values: usize,
        /// Levels that are null.
        num_nulls: usize,
        /// Rows in it.
        num_rows: usize,
        /// Of the values.
        encoding: Encoding,
        /// Bytes of definition levels.
        definition_bytes: usize,
        /// Bytes of repetition levels, which come first.
        repetition_bytes: usize,
        /// Whether the values went through the chunk's codec.
        is_compressed: bool,
    },
    /// The chunk's dictionary, values in PLAIN encoding.
    Dictionary {
        /// Entries.
        num_values: usize,
        /// PLAIN, or PLAIN_DICTIONARY for the same thing in old files.
        encoding: Encoding,
    },
    /// An index page, or something newer: passed over.
    Other,
}

#[derive(Default)]
struct Fields {
    page_type: Option<i32>,
    uncompressed: Option<i32>,
    compressed: Option<i32>,
    crc: Option<i32>,
    data: Option<[i32; 4]>,
    dictionary: Option<[i32; 2]>,
    data_v2: Option<([i32; 6], bool)>,
}

impl PageHeader {
    /// Reads the header at the start of `bytes`.
    pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let mut thrift = Compact::new(bytes);
        let fields = read_fields(&mut thrift)?;
        let size = |value: Option<i32>| -> Result<usize> {
            let value = value.ok_or_else(|| Error::corrupt("page header without a size"))?;
            let size = count(value)?;
            if size as u64 > limits.page_bytes {
                return Err(Error::limit(format!(
                    "a page of {size} bytes is over the limit page_bytes = {}",
                    limits.page_bytes
                )));
            }
            Ok(size)
        };
        let header = Self {
            header_bytes: thrift.position(),
            compressed_bytes: size(fields.compressed)?,
            uncompressed_bytes: size(fields.uncompressed)?,
            crc: fields.crc.map(i32::cast_unsigned),
            kind: kind(&fields)?,
        };
        let stored = header.compressed_bytes.max(1) as u64;
        let grown = header.uncompressed_bytes as u64;
        if grown > limits.ratio_from_bytes && grown / stored > limits.ratio {
            return Err(Error::limit(format!(
                "a page of {grown} bytes stored in {stored} is over the limit ratio = {}",
                limits.ratio
            )));
        }
        Ok(header)
    }

    /// Levels in a data page, `None` for other pages.
    pub(crate) fn data_values(&self) -> Option<usize> {
        match self.kind {
            PageKind::DataV1 { num_values, .. } | PageKind::DataV2 { num_values, .. } => {
                Some(num_values)
            }
            PageKind::Dictionary { .. } | PageKind::Other => None,
        }
    }
}

fn read_fields(thrift: &mut Compact<'_>) -> Result<Fields> {
    let mut fields = Fields::default();
    thrift.structure(|thrift, id, _| {
        match id {
            1 => fields.page_type = Some(thrift.int32()?),
            2 => fields.uncompressed = Some(thrift.int32()?),
            3 => fields.compressed = Some(thrift.int32()?),
            4 => fields.crc = Some(thrift.int32()?),
            5 => fields.data = Some(ints(thrift)?),
            7 => fields.dictionary = Some(ints(thrift)?),
            8 => fields.data_v2 = Some(data_v2(thrift)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(fields)
}

/// A struct whose fields `1..=N` are all required integers.
fn ints<const N: usize>(thrift: &mut Compact<'_>) -> Result<[i32; N]> {
    let mut values = [None; N];
    thrift.structure(|thrift, id, wire| {
        let slot = usize::try_from(id - 1)
            .ok()
            .and_then(|index| values.get_mut(index));
        match slot {
            Some(slot) if (4..=6).contains(&wire) => *slot = Some(thrift.int32()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    required(values)
}

fn data_v2(thrift: &mut Compact<'_>) -> Result<([i32; 6], bool)> {
    let (mut values, mut is_compressed) = ([None; 6], true);
    thrift.structure(|thrift, id, wire| {
        match id {
            1..=6 if (4..=6).contains(&wire) => {
                values[usize::from(id.cast_unsigned()) - 1] = Some(thrift.int32()?);
            }
            7 => {
                is_compressed = wire == TRUE;
                return Ok(wire <= 2);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((required(values)?, is_compressed))
}

fn required<const N: usize>(values: [Option<i32>; N]) -> Result<[i32; N]> {
    let mut all = [0; N];
    for (slot, value) in all.iter_mut().zip(values) {
        *slot = value.ok_or_else(|| Error::corrupt("page header lacks a required field"))?;
    }
    Ok(all)
}

fn kind(fields: &Fields) -> Result<PageKind> {
    let missing = || Error::corrupt("page header without the part that its type names");
    Ok(match fields.page_type {
        Some(0) => {
            let [num_values, values, definition, repetition] = fields.data.ok_or_else(missing)?;
            PageKind::DataV1 {
                num_values: count(num_values)?,
                encoding: encoding(values)?,
                definition: encoding(definition)?,
                repetition: encoding(repetition)?,
            }
        }
        Some(2) => {
            let [num_values, values] = fields.dictionary.ok_or_else(missing)?;
            PageKind::Dictionary {
                num_values: count(num_values)?,
                encoding: encoding(values)?,
            }
        }
        Some(3) => {
            let (
                [
                    num_values,
                    num_nulls,
                    num_rows,
                    values,
                    definition,
                    repetition,
                ],
                is_compressed,
            ) = fields.data_v2.ok_or_else(missing)?;
            PageKind::DataV2 {
                num_values: count(num_values)?,
                num_nulls: count(num_nulls)?,
                num_rows: count(num_rows)?,
                encoding: encoding(values)?,
                definition_bytes: count(definition)?,
                repetition_bytes: count(repetition)?,
                is_compressed,
            }
        }
        Some(_) => PageKind::Other,
        None => return Err(missing()),
    })
}

fn count(value: i32) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::corrupt("page header with a negative count"))
}

fn encoding(value: i32) -> Result<Encoding> {
    Ok(match value {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        #[expect(deprecated, reason = "old files hold levels in it")]
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        other => return Err(Error::unsupported(format!("encoding {other} of a page"))),
    })
}
