//! Writing version 3 blobs.

use fastdata_memory::PooledBuffer;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::codec::Codec;
use crate::layout::{BLOCK_COUNT_MAX, BLOCK_LOG2_MAX, BLOCK_LOG2_MIN, Block, Layout, checksum};
use crate::tree::{self, ChainingValue};
use crate::workers::{self, Workers};
use crate::{Error, Mode, Result, look};

/// How a blob is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// What is done with each block.
    pub mode: Mode,
    /// The length of a block's content as a power of two, 10 to 26; by itself 18 (256 KiB), in
    /// [`Mode::Compact`] 20 (1 MiB), and more for contents of more than 2^16 blocks.
    pub block_log2: Option<u8>,
}

impl EncodeOptions {
    /// These of one mode.
    pub fn of(mode: Mode) -> Self {
        Self {
            mode,
            block_log2: None,
        }
    }

    fn block_log2_for(&self, content_bytes: u64) -> Result<u8> {
        let log2 = match (self.block_log2, self.mode) {
            (Some(log2), _) if !(BLOCK_LOG2_MIN..=BLOCK_LOG2_MAX).contains(&log2) => {
                return Err(Error::invalid(format!(
                    "blocks of 2^{log2} bytes: 2^{BLOCK_LOG2_MIN} to 2^{BLOCK_LOG2_MAX} are possible"
                )));
            }
            (Some(log2), _) => {
                let count = content_bytes.div_ceil(1 << log2);
                if count > BLOCK_COUNT_MAX {
                    return Err(Error::invalid(format!(
                        "{count} blocks of 2^{log2} bytes; {BLOCK_COUNT_MAX} are possible"
                    )));
                }
                return Ok(log2);
            }
            (None, Mode::Compact) => 20,
            (None, _) => 18,
        };
        (log2..=BLOCK_LOG2_MAX)
            .find(|log2| content_bytes.div_ceil(1 << log2) <= BLOCK_COUNT_MAX >> 4)
            .ok_or_else(|| Error::limit(format!("a content of {content_bytes} bytes is too long")))
    }
}

/// Writes one blob: takes the content from front to end, gives the stored bytes of its blocks, and
/// in the end the head that belongs in front of them.
///
/// ```
/// use fastdata_codec::{Check, EncodeOptions, Encoder, Limits};
///
/// let content = b"to be or not to be, that is the question; ".repeat(100_000);
/// let mut blocks = Vec::new();
/// let mut encoder = Encoder::new(content.len() as u64, EncodeOptions::default())?;
/// encoder.push(&content, |stored| {
///     blocks.extend_from_slice(stored);
///     Ok::<_, fastdata_codec::Error>(())
/// })?;
/// let (mut blob, key) = encoder.finish()?;
/// blob.extend_from_slice(&blocks);
/// assert!(blob.len() < content.len() / 50);
///
/// let back = fastdata_codec::decode(&blob, &Limits::default(), Check::Hash)?;
/// assert_eq!(back.as_slice(), content);
/// assert_eq!(key, fastdata_codec::Key::of(&content, fastdata_codec::HashAlgorithm::Blake3));
/// # Ok::<(), fastdata_codec::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    mode: Mode,
    layout: Layout,
    pushed_bytes: u64,
    /// Of all blocks, if [`Encoder::hash`] was asked before.
    known: Vec<Hashes>,
}

/// The hash of a block's content.
#[derive(Debug, Clone, Copy)]
struct Hashes {
    chaining_value: ChainingValue,
    /// The hash of the whole content, when this block is all of it.
    whole: Option<[u8; 32]>,
}

/// What becomes of one block.
struct Packed {
    /// `None`: raw.
    bytes: Option<(Codec, PooledBuffer)>,
    checksum: [u8; 8],
    hashes: Hashes,
}

impl Encoder {
    /// For a content of exactly `content_bytes`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for impossible options,
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than 4 TiB.
    pub fn new(content_bytes: u64, options: EncodeOptions) -> Result<Self> {
        Ok(Self {
            mode: options.mode,
            layout: Layout {
                block_log2: options.block_log2_for(content_bytes)?,
                content_bytes,
                stored_bytes: 0,
                hash: blake3::hash(&[]).into(),
                blocks: Vec::new(),
            },
            pushed_bytes: 0,
            known: Vec::new(),
        })
    }

    /// The key of the content, on all cores, for a caller who wants to know it before anything is
    /// packed. [`Encoder::push`] does not hash again: it is to be given the same content.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a content of another length, or
    /// when pieces were pushed before.
    pub fn hash(&mut self, content: &[u8]) -> Result<crate::Key> {
        if content.len() as u64 != self.layout.content_bytes || self.pushed_bytes != 0 {
            return Err(Error::invalid(format!(
                "a content of {} bytes instead of {}",
                content.len(),
                self.layout.content_bytes
            )));
        }
        let alone = self.block_count() == 1;
        let blocks: Vec<_> = content
            .chunks(self.block_bytes() as usize)
            .enumerate()
            .collect();
        let block_bytes = self.block_bytes();
        let one = |(idx, block): (usize, &[u8])| {
            hash(block, (!alone).then_some(idx as u64 * block_bytes))
        };
        self.known = match blocks.len() {
            0 | 1 => blocks.into_iter().map(one).collect(),
            _ => Workers::with(|workers| {
                workers.install(|| blocks.into_par_iter().map(one).collect())
            }),
        };
        let values: Vec<_> = self
            .known
            .iter()
            .map(|hashes| hashes.chaining_value)
            .collect();
        let whole = self.known.first().and_then(|hashes| hashes.whole);
        let root = tree::root(&values).or(whole);
        Ok(crate::Key::blake3(root.unwrap_or(self.layout.hash)))
    }

    /// Length of a block's content: pieces of a content are to be multiples of it.
    pub fn block_bytes(&self) -> u64 {
        self.layout.block_bytes()
    }

    /// Length of the head that [`Encoder::finish`] will give: where the stored bytes of the first
    /// block belong.
    pub fn head_bytes(&self) -> u64 {
        crate::layout::head_bytes(self.block_count()) as u64
    }

    /// At most `BLOCK_COUNT_MAX`.
    fn block_count(&self) -> usize {
        self.layout
            .content_bytes
            .div_ceil(self.layout.block_bytes()) as usize
    }

    /// The next piece of the content: whole blocks, or all that is left. `sink` gets the stored
    /// bytes in order, from this thread, while other threads pack the next blocks.
    ///
    /// # Errors
    /// What `sink` returns, and [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a piece
    /// that is too long or ends inside a block.
    pub fn push<E: From<Error>>(
        &mut self,
        piece: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = self.pushed_bytes + piece.len() as u64;
        let whole = end.is_multiple_of(self.block_bytes());
        if end > self.layout.content_bytes || !(whole || end == self.layout.content_bytes) {
            return Err(E::from(Error::invalid(format!(
                "a piece that ends at byte {end} of a content of {}",
                self.layout.content_bytes
            ))));
        }
        let (start, mode) = (self.pushed_bytes, self.mode);
        let alone = self.block_count() == 1;
        let block_bytes = self.block_bytes() as usize;
        let block = |idx: usize| {
            let start = idx * block_bytes;
            &piece[start..piece.len().min(start + block_bytes)]
        };
        let (layout, known) = (&mut self.layout, &self.known);
        let work = |idx: usize| {
            let offset = start + (idx * block_bytes) as u64;
            let known = known.get((offset / block_bytes as u64) as usize).copied();
            let hashes = known.unwrap_or_else(|| hash(block(idx), (!alone).then_some(offset)));
            pack(block(idx), hashes, mode)
        };
        workers::in_order(piece.len().div_ceil(block_bytes), work, |idx, packed| {
            let (codec, stored) = match &packed.bytes {
                Some((codec, bytes)) => (*codec, bytes.as_slice()),
                None => (Codec::Raw, block(idx)),
            };
            layout.blocks.push(Block {
                codec,
                stored_start: 0,
                // A block is shorter than 2^26, and packed it is not longer.
                stored_bytes: stored.len() as u32,
                checksum: packed.checksum,
                chaining_value: packed.hashes.chaining_value,
            });
            layout.hash = packed.hashes.whole.unwrap_or(layout.hash);
            sink(stored)
        })?;
        self.pushed_bytes = end;
        Ok(())
    }

    /// The head, and the key of the content.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when content is missing.
    pub fn finish(mut self) -> Result<(Vec<u8>, crate::Key)> {
        if self.pushed_bytes != self.layout.content_bytes {
            return Err(Error::invalid(format!(
                "{} bytes of a content of {}",
                self.pushed_bytes, self.layout.content_bytes
            )));
        }
        let stored = self
            .layout
            .blocks
            .iter()
            .map(|block| u64::from(block.stored_bytes));
        self.layout.stored_bytes = self.layout.head_bytes() + stored.sum::<u64>();
        let values: Vec<_> = self
            .layout
            .blocks
            .iter()
            .map(|b| b.chaining_value)
            .collect();
        if let Some(root) = tree::root(&values) {
            self.layout.hash = root;
        }
        Ok((self.layout.to_bytes(), self.layout.key()))
    }
}

/// Of a block at `offset`; of the only block without one.
fn hash(block: &[u8], offset: Option<u64>) -> Hashes {
    match offset {
        Some(offset) => Hashes {
            chaining_value: tree::chaining_value(block, offset),
            whole: None,
        },
        None => Hashes {
            chaining_value: [0; 32],
            whole: Some(blake3::hash(block).into()),
        },
    }
}

fn pack(block: &[u8], hashes: Hashes, mode: Mode) -> Packed {
    let bytes = look::pack(block, mode);
    let checksum = match &bytes {
        Some((_, packed)) => checksum(&[packed.as_slice()]),
        None => [0; 8],
    };
    Packed {
        bytes,
        checksum,
        hashes,
    }
}

/// The whole blob of `content`, and its key.
///
/// # Errors
/// As [`Encoder::new`].
pub fn encode(content: &[u8], options: EncodeOptions) -> Result<(PooledBuffer, crate::Key)> {
    let mut encoder = Encoder::new(content.len() as u64, options)?;
    let head_bytes = encoder.head_bytes() as usize;
    // No block is stored longer than its content.
    let mut out = PooledBuffer::with_len(head_bytes + content.len());
    let mut end = head_bytes;
    encoder.push(content, |stored| {
        out.as_mut_slice()[end..end + stored.len()].copy_from_slice(stored);
        end += stored.len();
        Ok::<_, Error>(())
    })?;
    let (head, key) = encoder.finish()?;
    out.as_mut_slice()[..head_bytes].copy_from_slice(&head);
    out.truncate(end);
    Ok((out, key))
}
