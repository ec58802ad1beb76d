//! The head of a version 3 blob: what it holds, in which blocks, and where they lie.
//!
//! `docs/formats/blob.md` is the specification; field names and limits here are the same.

use std::ops::Range;

use crate::codec::{self, Codec};
use crate::tree::{self, ChainingValue};
use crate::{Error, Key, Limits, RATIO_MAX, Result};

/// The first bytes of every self-describing blob, of any version.
pub const MAGIC: [u8; 8] = *b"\x89FDB\r\n\x1a\n";

/// The version that this release writes.
pub const VERSION: u8 = 3;

pub(crate) const BLOCK_LOG2_MIN: u8 = 10;
pub(crate) const BLOCK_LOG2_MAX: u8 = 26;
pub(crate) const BLOCK_COUNT_MAX: u64 = 1 << 20;

/// Magic, version, block length, codecs, counts, lengths, hash: all that the checksum of the head
/// covers in front of it.
const FIXED_BYTES: usize = 64;
/// The fixed part and the checksum.
pub(crate) const HEADER_BYTES: usize = FIXED_BYTES + 8;
/// An index entry without and with a chaining value.
const ENTRY_BYTES: usize = 16;
const ENTRY_BYTES_IN_TREE: usize = ENTRY_BYTES + 32;

/// The first eight bytes of a BLAKE3 hash.
pub(crate) type Checksum = [u8; 8];

pub(crate) fn checksum(parts: &[&[u8]]) -> Checksum {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let hash: [u8; 32] = hasher.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// One block in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) codec: Codec,
    /// Where its stored bytes start in the blob.
    pub(crate) stored_start: u64,
    pub(crate) stored_bytes: u32,
    /// Of the stored bytes; zero in raw blocks, whose content's hash says it all.
    pub(crate) checksum: Checksum,
    /// Zero in the only block of a blob.
    pub(crate) chaining_value: ChainingValue,
}

/// The head of a blob, checked.
///
/// Knows where everything lies and does no I/O: the caller brings the bytes of
/// [`Layout::stored_range`] and has them unpacked by [`Layout::unpack_block`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub(crate) block_log2: u8,
    pub(crate) content_bytes: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) hash: [u8; 32],
    pub(crate) blocks: Vec<Block>,
}

/// What the first bytes of a blob amount to.
#[derive(Debug)]
pub enum Head {
    /// A head.
    Whole(Layout),
    /// This many bytes, counted from the blob's start, are needed to tell.
    Needs(u64),
}

/// Length of the head of a blob with `block_count` blocks.
pub(crate) fn head_bytes(block_count: usize) -> usize {
    HEADER_BYTES + block_count * entry_bytes(block_count)
}

fn entry_bytes(block_count: usize) -> usize {
    match block_count {
        0 | 1 => ENTRY_BYTES,
        _ => ENTRY_BYTES_IN_TREE,
    }
}

impl Layout {
    /// Reads the head from the first bytes of a blob that is `stored_bytes` long.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) and [`Truncated`](crate::ErrorKind::Truncated) when
    /// the bytes are no sound head of a blob of this length,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for another version or unknown codecs,
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) by `limits`.
    pub fn parse(first: &[u8], stored_bytes: u64, limits: &Limits) -> Result<Head> {
        let mut at = Cursor(first);
        let magic: [u8; 8] = match at.take() {
            Some(magic) => magic,
            None if stored_bytes < HEADER_BYTES as u64 => return Err(too_short(stored_bytes)),
            None => return Ok(Head::Needs(HEADER_BYTES as u64)),
        };
        if magic != MAGIC {
            return Err(Error::corrupt(
                "no blob: it does not start with the magic bytes",
            ));
        }
        if stored_bytes < HEADER_BYTES as u64 {
            return Err(too_short(stored_bytes));
        }
        let Some(header) = Header::take(&mut at) else {
            return Ok(Head::Needs(HEADER_BYTES as u64));
        };
        let block_count = header.check(stored_bytes, limits)?;
        let head_bytes = head_bytes(block_count);
        let Some(index) = first.get(HEADER_BYTES..head_bytes) else {
            return Ok(Head::Needs(head_bytes as u64));
        };
        let fixed = first.get(..FIXED_BYTES).unwrap_or_default();
        if checksum(&[fixed, index]) != header.checksum {
            return Err(Error::corrupt(
                "the checksum of the blob's head does not match",
            ));
        }
        let layout = Self {
            block_log2: header.block_log2,
            content_bytes: header.content_bytes,
            stored_bytes,
            hash: header.hash,
            blocks: blocks(index, block_count)?,
        };
        layout.check(header.codecs)?;
        Ok(Head::Whole(layout))
    }

    /// What a checksum over the index cannot tell: that its numbers fit each other.
    fn check(&self, codecs: u16) -> Result<()> {
        let mut end = self.head_bytes();
        let mut used = 0_u16;
        for (idx, block) in self.blocks.iter().enumerate() {
            used |= 1 << block.codec.number();
            end += u64::from(block.stored_bytes);
            let content = self.content_range(idx);
            let content_bytes = content.end - content.start;
            let bomb = u64::from(block.stored_bytes) * (RATIO_MAX as u64) < content_bytes;
            let raw = block.codec == Codec::Raw;
            if bomb || (raw && u64::from(block.stored_bytes) != content_bytes) {
                return Err(Error::corrupt(format!(
                    "block {idx} claims {content_bytes} bytes out of {} stored as {}",
                    block.stored_bytes,
                    block.codec.name()
                )));
            }
            if raw && block.checksum != [0; 8] {
                return Err(Error::corrupt(format!("raw block {idx} has a checksum")));
            }
        }
        if end != self.stored_bytes {
            return Err(Error::corrupt(format!(
                "the blocks end at byte {end} of a blob of {}",
                self.stored_bytes
            )));
        }
        if used != codecs {
            return Err(Error::corrupt(format!(
                "the header names codecs {codecs:#06x}, the blocks use {used:#06x}"
            )));
        }
        let chaining_values: Vec<_> = self.blocks.iter().map(|b| b.chaining_value).collect();
        let root = match chaining_values.is_empty() {
            true => Some(blake3::hash(&[]).into()),
            false => tree::root(&chaining_values),
        };
        match root {
            Some(root) if root != self.hash => Err(Error::corrupt(
                "the hashes of the blocks do not add up to the blob's",
            )),
            _ => Ok(()),
        }
    }

    /// The head as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(head_bytes(self.blocks.len()));
        head.extend_from_slice(&MAGIC);
        let codecs = self
            .blocks
            .iter()
            .map(|block| 1_u16 << block.codec.number());
        let codecs = codecs.fold(0, std::ops::BitOr::bitor);
        // At most BLOCK_COUNT_MAX, which the encoder keeps.
        let block_count = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
        head.push(VERSION);
        head.push(self.block_log2);
        head.extend_from_slice(&codecs.to_le_bytes());
        head.extend_from_slice(&block_count.to_le_bytes());
        head.extend_from_slice(&self.content_bytes.to_le_bytes());
        head.extend_from_slice(&self.stored_bytes.to_le_bytes());
        head.extend_from_slice(&self.hash);
        let mut index = Vec::with_capacity(head_bytes(self.blocks.len()) - HEADER_BYTES);
        for block in &self.blocks {
            index.extend_from_slice(&block.stored_bytes.to_le_bytes());
            index.extend_from_slice(&[block.codec.number(), 0, 0, 0]);
            index.extend_from_slice(&block.checksum);
            if self.blocks.len() > 1 {
                index.extend_from_slice(&block.chaining_value);
            }
        }
        let checksum = checksum(&[&head, &index]);
        head.extend_from_slice(&checksum);
        head.extend_from_slice(&index);
        head
    }

    /// Length of the content in bytes.
    pub fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Length of the blob in bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    /// Length of the head in bytes: where the first block starts.
    pub fn head_bytes(&self) -> u64 {
        head_bytes(self.blocks.len()) as u64
    }

    /// Length of each block's content in bytes; the last may be shorter.
    pub fn block_bytes(&self) -> u64 {
        1 << self.block_log2
    }

    /// How many blocks there are.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The BLAKE3 key of the content, as the writer computed it.
    pub fn key(&self) -> Key {
        Key::blake3(self.hash)
    }

    /// The codec of each block, in order.
    pub fn codecs(&self) -> impl Iterator<Item = Codec> {
        self.blocks.iter().map(|block| block.codec)
    }

    /// The blocks that hold `range` of the content.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a range past the end.
    pub fn blocks_of(&self, range: &Range<u64>) -> Result<Range<usize>> {
        if range.start > range.end || range.end > self.content_bytes {
            return Err(Error::invalid(format!(
                "bytes {} to {} of a content of {}",
                range.start, range.end, self.content_bytes
            )));
        }
        if range.is_empty() {
            return Ok(0..0);
        }
        let block = |offset: u64| usize::try_from(offset >> self.block_log2).unwrap_or(usize::MAX);
        Ok(block(range.start)..block(range.end - 1) + 1)
    }

    /// Where the content of a block lies in the whole content; empty past the last block.
    pub fn content_range(&self, block: usize) -> Range<u64> {
        let start = (block as u64).checked_shl(u32::from(self.block_log2));
        let start = start.unwrap_or(u64::MAX).min(self.content_bytes);
        start
            ..self
                .content_bytes
                .min(start.saturating_add(self.block_bytes()))
    }

    /// Where the stored bytes of consecutive blocks lie in the blob.
    pub fn stored_range(&self, blocks: Range<usize>) -> Range<u64> {
        let blocks = self.blocks.get(blocks).unwrap_or_default();
        match (blocks.first(), blocks.last()) {
            (Some(first), Some(last)) => {
                first.stored_start..last.stored_start + u64::from(last.stored_bytes)
            }
            _ => 0..0,
        }
    }

    /// Whether a block is stored as it is, so that its bytes can be brought to their place.
    pub fn is_raw(&self, block: usize) -> bool {
        matches!(self.blocks.get(block), Some(block) if block.codec == Codec::Raw)
    }

    /// Unpacks and checks a block; `out` has the length of its [`Layout::content_range`].
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for any difference from what was written, if
    /// `check` is on.
    pub fn unpack_block(
        &self,
        idx: usize,
        stored: &[u8],
        out: &mut [u8],
        check: Check,
    ) -> Result<()> {
        let block = self.block(idx, out.len())?;
        let context = |error: Error| {
            Error::new(error.kind(), format!("block {idx} of the blob")).with_source(error)
        };
        if stored.len() != block.stored_bytes as usize {
            return Err(Error::truncated(format!(
                "block {idx} has {} bytes instead of {}",
                stored.len(),
                block.stored_bytes
            )));
        }
        if check == Check::Hash
            && block.codec != Codec::Raw
            && checksum(&[stored]) != block.checksum
        {
            return Err(Error::corrupt(format!(
                "the checksum of block {idx} does not match"
            )));
        }
        codec::unpack(block.codec, stored, out).map_err(context)?;
        self.check_block(idx, out, check)
    }

    /// Checks the content of a block, which for a raw one is what is stored.
    ///
    /// # Errors
    /// As [`Layout::unpack_block`].
    pub fn check_block(&self, idx: usize, content: &[u8], check: Check) -> Result<()> {
        let block = self.block(idx, content.len())?;
        let sound = match check {
            Check::Skip => true,
            Check::Hash if self.blocks.len() == 1 => {
                <[u8; 32]>::from(blake3::hash(content)) == self.hash
            }
            Check::Hash => {
                let offset = self.content_range(idx).start;
                tree::chaining_value(content, offset) == block.chaining_value
            }
        };
        match sound {
            true => Ok(()),
            false => Err(Error::corrupt(format!(
                "the hash of block {idx} does not match"
            ))),
        }
    }

    fn block(&self, idx: usize, content_bytes: usize) -> Result<&Block> {
        let range = self.content_range(idx);
        match self.blocks.get(idx) {
            Some(block) if range.end - range.start == content_bytes as u64 => Ok(block),
            _ => Err(Error::invalid(format!(
                "{content_bytes} bytes for block {idx} of {}",
                self.blocks.len()
            ))),
        }
    }
}

/// Whether a read is checked against the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Check {
    /// Every byte that is returned was covered by a hash that matched.
    #[default]
    Hash,
    /// Damage that unpacking does not notice is returned as if it were the content.
    Skip,
}

fn too_short(stored_bytes: u64) -> Error {
    Error::truncated(format!(
        "{stored_bytes} bytes are less than a blob's header of {HEADER_BYTES}"
    ))
}

struct Header {
    version: u8,
    block_log2: u8,
    codecs: u16,
    block_count: u32,
    content_bytes: u64,
    stored_bytes: u64,
    hash: [u8; 32],
    checksum: Checksum,
}

impl Header {
    /// Behind the magic bytes.
    fn take(at: &mut Cursor<'_>) -> Option<Self> {
        let [version, block_log2] = at.take()?;
        Some(Self {
            version,
            block_log2,
            codecs: u16::from_le_bytes(at.take()?),
            block_count: u32::from_le_bytes(at.take()?),
            content_bytes: u64::from_le_bytes(at.take()?),
            stored_bytes: u64::from_le_bytes(at.take()?),
            hash: at.take()?,
            checksum: at.take()?,
        })
    }

    /// The count of blocks, once nothing speaks against the header.
    fn check(&self, stored_bytes: u64, limits: &Limits) -> Result<usize> {
        let known = Codec::ALL
            .iter()
            .fold(0_u16, |known, codec| known | 1 << codec.number());
        if self.version != VERSION || self.codecs & !known != 0 {
            return Err(Error::unsupported(format!(
                "blob of version {} with codecs {:#06x}: this release reads version {VERSION} with \
                 codecs {known:#06x}",
                self.version, self.codecs
            )));
        }
        if !(BLOCK_LOG2_MIN..=BLOCK_LOG2_MAX).contains(&self.block_log2) {
            return Err(Error::corrupt(format!(
                "blocks of 2^{} bytes; 2^{BLOCK_LOG2_MIN} to 2^{BLOCK_LOG2_MAX} are possible",
                self.block_log2
            )));
        }
        if self.stored_bytes > stored_bytes {
            return Err(Error::truncated(format!(
                "{stored_bytes} of a blob's {} bytes",
                self.stored_bytes
            )));
        }
        if self.stored_bytes < stored_bytes {
            return Err(Error::corrupt(format!(
                "{} bytes behind the end of a blob of {}",
                stored_bytes - self.stored_bytes,
                self.stored_bytes
            )));
        }
        let block_count = self.content_bytes.div_ceil(1 << self.block_log2);
        if u64::from(self.block_count) != block_count || block_count > BLOCK_COUNT_MAX {
            return Err(Error::corrupt(format!(
                "{} blocks of 2^{} bytes for a content of {}",
                self.block_count, self.block_log2, self.content_bytes
            )));
        }
        let block_count = self.block_count as usize;
        if head_bytes(block_count) as u64 > stored_bytes {
            return Err(Error::corrupt(format!(
                "an index of {block_count} blocks in {stored_bytes} bytes"
            )));
        }
        limits.check(self.content_bytes)?;
        Ok(block_count)
    }
}

fn blocks(index: &[u8], block_count: usize) -> Result<Vec<Block>> {
    let mut stored_start = head_bytes(block_count) as u64;
    let mut blocks = Vec::with_capacity(block_count);
    for (idx, entry) in index.chunks_exact(entry_bytes(block_count)).enumerate() {
        let block = Block::take(&mut Cursor(entry), stored_start, block_count)
            .ok_or_else(|| Error::corrupt(format!("unknown fields in entry {idx} of the index")))?;
        stored_start += u64::from(block.stored_bytes);
        blocks.push(block);
    }
    Ok(blocks)
}

impl Block {
    fn take(at: &mut Cursor<'_>, stored_start: u64, block_count: usize) -> Option<Self> {
        let stored_bytes = u32::from_le_bytes(at.take()?);
        let [number, 0, 0, 0] = at.take()? else {
            return None;
        };
        Some(Self {
            codec: Codec::from_number(number)?,
            stored_start,
            stored_bytes,
            checksum: at.take()?,
            chaining_value: match block_count {
                1 => [0; 32],
                _ => at.take()?,
            },
        })
    }
}

/// Takes fields off the front.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}
