//! Block codecs: one block of bytes in, one out.

use std::cell::RefCell;

use fastdata_memory::PooledBuffer;
use lz4_flex::block::CompressTable;

use crate::{Error, Result, numeric};

/// How a block is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Codec {
    /// As it is.
    Raw,
    /// LZ4 block format.
    Lz4,
    /// One zstd frame.
    Zstd,
    /// Deflate without a header.
    Deflate,
    /// Numbers by `pco`, with the bytes before and behind them as they are.
    Numeric,
}

impl Codec {
    /// All that this version reads and writes.
    pub const ALL: [Self; 5] = [
        Self::Raw,
        Self::Lz4,
        Self::Zstd,
        Self::Deflate,
        Self::Numeric,
    ];

    /// Its number in the index of a blob.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Lz4 => 1,
            Self::Zstd => 2,
            Self::Deflate => 3,
            Self::Numeric => 4,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// Its name, as the command prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
            Self::Numeric => "numeric",
        }
    }
}

/// A codec and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Packing {
    /// [`Codec::Raw`].
    Raw,
    /// [`Codec::Lz4`].
    Lz4,
    /// [`Codec::Zstd`].
    Zstd {
        /// 1 to 22; others are taken as the nearest of these.
        level: i32,
    },
    /// [`Codec::Deflate`].
    Deflate {
        /// 1 to 12; others are taken as the nearest of these.
        level: i32,
    },
    /// [`Codec::Numeric`] of the layout found in the bytes, else raw.
    Numeric,
}

/// Shorter contents are packed with a table of their own, of 16-bit positions.
const LZ4_SMALL_BYTES: usize = u16::MAX as usize;

thread_local! {
    // Two, since a table that has seen a long content stays large and packs a short one into other
    // bytes: what a thread did before must not tell what a blob looks like.
    static LZ4_SMALL: RefCell<CompressTable> = RefCell::new(CompressTable::small());
    static LZ4_LARGE: RefCell<CompressTable> = RefCell::new(CompressTable::large());
    static ZSTD: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
    static UNZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    static DEFLATE: RefCell<Option<(i32, libdeflater::Compressor)>> = const { RefCell::new(None) };
    static INFLATE: RefCell<libdeflater::Decompressor> = RefCell::new(libdeflater::Decompressor::new());
}

/// `content` packed, when that saves at least one part in 64; `None` means: store it raw.
pub(crate) fn pack(content: &[u8], packing: Packing) -> Option<(Codec, PooledBuffer)> {
    let packed = match packing {
        Packing::Raw => return None,
        Packing::Lz4 => (Codec::Lz4, lz4(content)?),
        Packing::Zstd { level } => (Codec::Zstd, zstd_at(content, level.clamp(1, 22))?),
        Packing::Deflate { level } => (Codec::Deflate, deflate(content, level.clamp(1, 12))?),
        Packing::Numeric => (Codec::Numeric, numeric::pack(content)?),
    };
    worthwhile(content, Some(packed))
}

/// `packed`, if it saves one part in 64 and no reader would take it for a bomb.
pub(crate) fn worthwhile(
    content: &[u8],
    packed: Option<(Codec, PooledBuffer)>,
) -> Option<(Codec, PooledBuffer)> {
    let (codec, packed) = packed?;
    if packed.len().saturating_mul(crate::RATIO_MAX) < content.len() {
        // LZ4 cannot pack anything that tightly.
        return worthwhile(content, Some((Codec::Lz4, lz4(content)?)));
    }
    let saves = packed.len() + content.len() / 64 < content.len();
    saves.then_some((codec, packed))
}

pub(crate) fn lz4(content: &[u8]) -> Option<PooledBuffer> {
    let bound = lz4_flex::block::get_maximum_output_size(content.len());
    let mut out = PooledBuffer::with_len(bound);
    let table = match content.len() < LZ4_SMALL_BYTES {
        true => &LZ4_SMALL,
        false => &LZ4_LARGE,
    };
    let len = table.with_borrow_mut(|table| {
        lz4_flex::block::compress_into_with_table(content, out.as_mut_slice(), table).ok()
    })?;
    out.truncate(len);
    Some(out)
}

fn zstd_at(content: &[u8], level: i32) -> Option<PooledBuffer> {
    ZSTD.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(at, _)| *at != level) {
            *slot = Some((level, zstd::bulk::Compressor::new(level).ok()?));
        }
        let (_, compressor) = slot.as_mut()?;
        let mut out = PooledBuffer::with_len(zstd::zstd_safe::compress_bound(content.len()));
        let len = compressor
            .compress_to_buffer(content, out.as_mut_slice())
            .ok()?;
        out.truncate(len);
        Some(out)
    })
}

fn deflate(content: &[u8], level: i32) -> Option<PooledBuffer> {
    with_deflate(level, |compressor| {
        let mut out = PooledBuffer::with_len(compressor.deflate_compress_bound(content.len()));
        let len = compressor
            .deflate_compress(content, out.as_mut_slice())
            .ok()?;
        out.truncate(len);
        Some(out)
    })
}

/// Runs `work` with this thread's compressor of `level`, 1 to 12.
pub(crate) fn with_deflate<T>(
    level: i32,
    work: impl FnOnce(&mut libdeflater::Compressor) -> Option<T>,
) -> Option<T> {
    DEFLATE.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(at, _)| *at != level) {
            let level = libdeflater::CompressionLvl::new(level).ok()?;
            *slot = Some((i32::from(level), libdeflater::Compressor::new(level)));
        }
        work(&mut slot.as_mut()?.1)
    })
}

/// Runs `work` with this thread's decompressor of deflate and gzip.
pub(crate) fn with_inflate<T>(work: impl FnOnce(&mut libdeflater::Decompressor) -> T) -> T {
    INFLATE.with_borrow_mut(work)
}

/// Fills `out` from `stored`, or says what is wrong.
pub(crate) fn unpack(codec: Codec, stored: &[u8], out: &mut [u8]) -> Result<()> {
    let broken = |error: Box<dyn std::error::Error + Send + Sync>| {
        Error::corrupt(format!("{} block cannot be unpacked", codec.name())).with_source(error)
    };
    let len = match codec {
        Codec::Raw if stored.len() == out.len() => {
            out.copy_from_slice(stored);
            out.len()
        }
        Codec::Raw => stored.len(),
        Codec::Lz4 => {
            lz4_flex::block::decompress_into(stored, out).map_err(|e| broken(e.into()))?
        }
        Codec::Zstd => unzstd(stored, out).map_err(|e| broken(e.into()))?,
        Codec::Deflate => with_inflate(|inflate| inflate.deflate_decompress(stored, out))
            .map_err(|e| broken(e.into()))?,
        Codec::Numeric => return numeric::unpack(stored, out),
    };
    match len == out.len() {
        true => Ok(()),
        false => Err(Error::corrupt(format!(
            "{} block unpacks to {len} bytes instead of {}",
            codec.name(),
            out.len()
        ))),
    }
}

fn unzstd(stored: &[u8], out: &mut [u8]) -> std::io::Result<usize> {
    UNZSTD.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(stored, out)
    })
}
