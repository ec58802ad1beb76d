//! The file around the values: header, codec and blocks.

use std::io::Read as _;
use std::sync::Arc;

use super::cursor::Cursor;
use super::schema::{FixedForm, Node};
use crate::{Error, Limits, Result};

const MAGIC: [u8; 4] = *b"Obj\x01";
const SYNC_BYTES: usize = 16;
/// Every record of a manifest holds a path and counts. A block that claims to hold more and
/// smaller values is after our memory: a decoded record is larger than an encoded one.
const VALUE_BYTES_MIN: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

/// An opened file: its header, and where its blocks begin.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    schema: Arc<Node>,
    /// The schema's JSON if it does not tell how values are laid out.
    ambiguous: Option<&'a [u8]>,
    /// Iceberg's own keys of the header, where the writer put them.
    metadata: Vec<(&'a [u8], &'a [u8])>,
    codec: Codec,
    sync: [u8; SYNC_BYTES],
    blocks: Cursor<'a>,
}

impl<'a> Container<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self> {
        let Some(body) = bytes.strip_prefix(&MAGIC) else {
            return Err(Error::corrupt(
                "not an Avro file: it does not begin with Obj 1",
            ));
        };
        let mut cursor = Cursor::new(body);
        let mut metadata = Vec::new();
        loop {
            let count = cursor.run()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                metadata.push((cursor.bytes()?, cursor.bytes()?));
            }
        }
        let sync = cursor.array()?;
        let value = |key: &str| {
            let found = metadata.iter().find(|(name, _)| *name == key.as_bytes());
            found.map(|(_, value)| *value)
        };
        let codec = match value("avro.codec") {
            None | Some(b"" | b"null") => Codec::Null,
            Some(b"deflate") => Codec::Deflate,
            Some(b"snappy") => Codec::Snappy,
            Some(b"zstandard") => Codec::Zstandard,
            Some(other) => {
                let name = String::from_utf8_lossy(other);
                return Err(Error::unsupported(format!("Avro codec {name:?}")));
            }
        };
        let schema = value("avro.schema").ok_or_else(|| Error::corrupt("no avro.schema"))?;
        let (node, is_ambiguous) = Node::parse(schema, FixedForm::Bare)?;
        Ok(Self {
            schema: node,
            ambiguous: is_ambiguous.then_some(schema),
            metadata,
            codec,
            sync,
            blocks: cursor,
        })
    }

    /// Finds out how values of type `fixed` are laid out, where there are any: as the schema says,
    /// unless the blocks then do not end where their values do, and as Java has it they would.
    pub(crate) fn settle_fixed(&mut self, limits: &Limits) -> Result<()> {
        let Some(json) = self.ambiguous.take() else {
            return Ok(());
        };
        if self.fits(&self.schema, limits) {
            return Ok(());
        }
        let (with_length, _) = Node::parse(json, FixedForm::WithLength)?;
        if self.fits(&with_length, limits) {
            self.schema = with_length;
        }
        Ok(())
    }

    /// Whether all blocks consist of values of this type.
    fn fits(&self, schema: &Node, limits: &Limits) -> bool {
        let mut blocks = self.blocks(limits);
        loop {
            let (count, block) = match blocks.next_block() {
                Ok(Some(next)) => next,
                Ok(None) => return true,
                Err(_) => return false,
            };
            let mut cursor = Cursor::new(block);
            let all_fit = (0..count).all(|_| cursor.skip(schema).is_ok());
            if !all_fit || !cursor.rest().is_empty() {
                return false;
            }
        }
    }

    /// The type of the values.
    pub(crate) fn schema(&self) -> &Arc<Node> {
        &self.schema
    }

    /// A value of the header, as text.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        let found = self
            .metadata
            .iter()
            .find(|(name, _)| *name == key.as_bytes());
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The blocks, in order.
    pub(crate) fn blocks(&self, limits: &Limits) -> Blocks<'a> {
        Blocks {
            codec: self.codec,
            sync: self.sync,
            rest: self.blocks,
            budget_bytes: limits.manifest_bytes,
            buffer: Vec::new(),
            length: 0,
            limit_bytes: limits.manifest_bytes,
            inflater: libdeflater::Decompressor::new(),
        }
    }
}

/// The blocks of a file, decompressed one at a time into the same buffer.
pub(crate) struct Blocks<'a> {
    codec: Codec,
    sync: [u8; SYNC_BYTES],
    rest: Cursor<'a>,
    /// What decompressed blocks may still add up to.
    budget_bytes: usize,
    limit_bytes: usize,
    /// Grows to the largest block and is reused; only `length` bytes are the block's.
    buffer: Vec<u8>,
    length: usize,
    inflater: libdeflater::Decompressor,
}

impl Blocks<'_> {
    /// The next block: how many values it holds, and their bytes.
    pub(crate) fn next_block(&mut self) -> Result<Option<(usize, &[u8])>> {
        if self.rest.rest().is_empty() {
            return Ok(None);
        }
        let count = self.rest.varint()?;
        let stored = self.rest.bytes()?;
        if self.rest.array::<SYNC_BYTES>()? != self.sync {
            return Err(Error::corrupt(
                "a block does not end with the file's sync marker",
            ));
        }
        let block = match self.codec {
            Codec::Null => stored,
            codec => {
                self.decompress(codec, stored)?;
                self.buffer.get(..self.length).unwrap_or_default()
            }
        };
        let count = usize::try_from(count)
            .ok()
            .filter(|count| *count <= block.len() / VALUE_BYTES_MIN);
        let Some(count) = count else {
            return Err(Error::corrupt(
                "a block claims more values than it has bytes",
            ));
        };
        let over_budget = block.len() > self.budget_bytes;
        self.budget_bytes = self.budget_bytes.saturating_sub(block.len());
        if over_budget {
            return Err(too_long(self.limit_bytes));
        }
        Ok(Some((count, block)))
    }

    fn decompress(&mut self, codec: Codec, stored: &[u8]) -> Result<()> {
        match codec {
            Codec::Null => Ok(()),
            Codec::Deflate => self.inflate(stored),
            Codec::Snappy => self.unsnap(stored),
            Codec::Zstandard => {
                let limit = u64::try_from(self.budget_bytes)
                    .unwrap_or(u64::MAX)
                    .saturating_add(1);
                let damaged = |error| Error::corrupt("a block's zstandard").with_source(error);
                let decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(damaged)?;
                self.buffer.clear();
                self.length = decoder
                    .take(limit)
                    .read_to_end(&mut self.buffer)
                    .map_err(damaged)?;
                Ok(())
            }
        }
    }

    /// The size is not written down, so the buffer grows until the block fits. It is kept, so
    /// that this happens a few times per file.
    fn inflate(&mut self, stored: &[u8]) -> Result<()> {
        const FIRST_BYTES: usize = 256 << 10;
        if self.buffer.is_empty() {
            self.buffer
                .resize(FIRST_BYTES.min(self.limit_bytes.max(1)), 0);
        }
        loop {
            match self.inflater.deflate_decompress(stored, &mut self.buffer) {
                Ok(length) => {
                    self.length = length;
                    return Ok(());
                }
                Err(libdeflater::DecompressionError::InsufficientSpace) => {
                    // Deflate cannot expand by more than 1032 to 1.
                    let most = stored.len().saturating_mul(1032).min(self.limit_bytes);
                    if self.buffer.len() >= most {
                        return Err(too_long(self.limit_bytes));
                    }
                    let longer = self.buffer.len().saturating_mul(4).min(most);
                    self.buffer.resize(longer, 0);
                }
                Err(error) => return Err(Error::corrupt("a block's deflate").with_source(error)),
            }
        }
    }

    /// Raw snappy, followed by the checksum of what it holds.
    fn unsnap(&mut self, stored: &[u8]) -> Result<()> {
        let Some((stored, checksum)) = stored.split_last_chunk::<4>() else {
            return Err(Error::truncated("a block of snappy without its checksum"));
        };
        let damaged = |error| Error::corrupt("a block's snappy").with_source(error);
        let length = snap::raw::decompress_len(stored).map_err(damaged)?;
        // Snappy's longest copy is 64 bytes for 3, so a length beyond that is a lie.
        if length > self.budget_bytes || length / 32 > stored.len() {
            return Err(too_long(self.limit_bytes));
        }
        self.buffer.resize(length.max(self.buffer.len()), 0);
        self.length = snap::raw::Decoder::new()
            .decompress(stored, &mut self.buffer)
            .map_err(damaged)?;
        let block = self.buffer.get(..self.length).unwrap_or_default();
        if libdeflater::crc32(block) != u32::from_be_bytes(*checksum) {
            return Err(Error::corrupt("a block's snappy checksum does not match"));
        }
        Ok(())
    }
}

fn too_long(limit_bytes: usize) -> Error {
    Error::limit(format!(
        "decompressed, it exceeds Limits::manifest_bytes = {limit_bytes}"
    ))
}
