//! Version 2 bodies: one LZ4 frame, as `lz4.frame` of Python writes and reads it.
//!
//! Ours have independent blocks of 256 KiB, packed on all cores, each with its checksum, and the
//! length and the checksum of the content.

use std::io::Read;

use fastdata_memory::PooledBuffer;
use lz4_flex::frame::FrameDecoder;
use twox_hash::XxHash32;

use crate::{Error, Limits, Result, codec, look, workers};

const MAGIC: u32 = 0x184d_2204;
/// Version 1, independent blocks, block checksums, content length, content checksum.
const FLAGS: u8 = 0b0111_1100;
/// 256 KiB.
const BLOCK_BYTES: usize = 256 << 10;
const BLOCK_SIZE_CODE: u8 = 5 << 4;
/// In a block's length: stored as it is.
const AS_IT_IS: u32 = 1 << 31;

/// LZ4 unpacks a byte to 255 at most.
const LZ4_RATIO_MAX: u64 = 255;

/// `content` as an LZ4 frame, the stored bytes given to `sink` in order.
///
/// # Errors
/// What `sink` returns.
pub fn encode_lz4_frame<E: From<Error>>(
    content: &[u8],
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut head = MAGIC.to_le_bytes().to_vec();
    head.extend_from_slice(&[FLAGS, BLOCK_SIZE_CODE]);
    head.extend_from_slice(&(content.len() as u64).to_le_bytes());
    let [_, check, ..] = XxHash32::oneshot(0, head.get(4..).unwrap_or_default()).to_le_bytes();
    head.push(check);
    sink(&head)?;
    let block = |idx: usize| {
        let start = idx * BLOCK_BYTES;
        &content[start..content.len().min(start + BLOCK_BYTES)]
    };
    let pack = |idx: usize| {
        let packed = look::pack(block(idx), crate::Mode::Fast);
        let stored = packed
            .as_ref()
            .map_or(block(idx), |(_, packed)| packed.as_slice());
        let check = XxHash32::oneshot(0, stored);
        (packed, check)
    };
    let mut hasher = XxHash32::with_seed(0);
    let count = content.len().div_ceil(BLOCK_BYTES);
    workers::in_order(count, pack, |idx, (packed, check)| {
        std::hash::Hasher::write(&mut hasher, block(idx));
        // At most BLOCK_BYTES.
        let (len, stored) = match &packed {
            Some((_, packed)) => (packed.len() as u32, packed.as_slice()),
            None => (block(idx).len() as u32 | AS_IT_IS, block(idx)),
        };
        sink(&len.to_le_bytes())?;
        sink(stored)?;
        sink(&check.to_le_bytes())
    })?;
    sink(&0_u32.to_le_bytes())?;
    sink(&hasher.finish_32().to_le_bytes())
}

/// What one piece of unpacking brings.
const PIECE_BYTES: u64 = 1 << 20;

/// The content of a body of LZ4 frames; of anybody's.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt), [`Truncated`](crate::ErrorKind::Truncated) and
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
pub fn decode_lz4_frame(stored: &[u8], limits: &Limits) -> Result<PooledBuffer> {
    let frames = frames(stored)?;
    // A length in a frame's head is a claim: no memory for more than LZ4 can unpack from what is
    // there.
    let claimed = frames.iter().try_fold(0_u64, |sum, frame| {
        // Claims that are too large for a sum are none.
        sum.checked_add(frame.content_bytes?)
    });
    let believed = claimed.filter(|claimed| *claimed <= stored.len() as u64 * LZ4_RATIO_MAX);
    match believed {
        Some(content_bytes) => {
            limits.check(content_bytes)?;
            let mut out = PooledBuffer::with_len(content_bytes as usize);
            let mut rest = out.as_mut_slice();
            for frame in frames {
                // No sum of parts is less than one of them.
                let (place, next) = rest.split_at_mut(frame.content_bytes.unwrap_or(0) as usize);
                frame.unpack_into(place)?;
                rest = next;
            }
            Ok(out)
        }
        None => {
            let mut content = Vec::new();
            for frame in frames {
                frame.unpack_behind(&mut content, limits)?;
            }
            Ok(PooledBuffer::copy_of(&content))
        }
    }
}

struct Frame<'a> {
    stored: &'a [u8],
    /// As its head says.
    content_bytes: Option<u64>,
}

/// The frames, whole: the decoder takes some ends of a body for ends of a frame.
fn frames(stored: &[u8]) -> Result<Vec<Frame<'_>>> {
    let mut frames = Vec::new();
    let mut rest = stored;
    while !rest.is_empty() || frames.is_empty() {
        let frame = frame(rest)?.ok_or_else(|| Error::truncated("the LZ4 frame ends too early"))?;
        rest = rest.get(frame.stored.len()..).unwrap_or_default();
        frames.push(frame);
    }
    Ok(frames)
}

/// The first frame; `None` when its end is missing.
fn frame(stored: &[u8]) -> Result<Option<Frame<'_>>> {
    let Some((magic, rest)) = stored.split_first_chunk() else {
        return Ok(None);
    };
    if u32::from_le_bytes(*magic) != MAGIC {
        return Err(Error::corrupt("no LZ4 frame: the magic bytes are missing"));
    }
    let Some((&[flags, _], rest)) = rest.split_first_chunk() else {
        return Ok(None);
    };
    let flag = |bit: u8| flags & 1 << bit != 0;
    let (block_checks, has_length, content_check, dictionary) =
        (flag(4), flag(3), flag(2), flag(0));
    if dictionary {
        return Err(Error::unsupported("LZ4 frame with a dictionary"));
    }
    let content_bytes = rest.first_chunk().filter(|_| has_length);
    let content_bytes = content_bytes.map(|length| u64::from_le_bytes(*length));
    let mut rest = rest.get(usize::from(has_length) * 8 + 1..);
    loop {
        let Some((length, behind)) = rest.and_then(|rest| rest.split_first_chunk()) else {
            return Ok(None);
        };
        let block_bytes = (u32::from_le_bytes(*length) & !AS_IT_IS) as usize;
        if *length == [0; 4] {
            let check_bytes = usize::from(content_check) * 4;
            let end = (stored.len() - behind.len()).saturating_add(check_bytes);
            let stored = stored.get(..end);
            return Ok(stored.map(|stored| Frame {
                stored,
                content_bytes,
            }));
        }
        rest = behind.get(block_bytes.saturating_add(usize::from(block_checks) * 4)..);
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::corrupt("LZ4 frame cannot be unpacked").with_source(error)
}

impl Frame<'_> {
    fn unpack_into(&self, out: &mut [u8]) -> Result<()> {
        let mut decoder = FrameDecoder::new(self.stored);
        decoder.read_exact(out).map_err(broken)?;
        // Reads the end mark and the checksum behind it.
        match decoder.read(&mut [0]).map_err(broken)? {
            0 => Ok(()),
            _ => Err(Error::corrupt("LZ4 frame is longer than it says")),
        }
    }

    fn unpack_behind(&self, content: &mut Vec<u8>, limits: &Limits) -> Result<()> {
        let mut decoder = FrameDecoder::new(self.stored);
        loop {
            let before = content.len();
            let mut piece = (&mut decoder).take(PIECE_BYTES);
            piece.read_to_end(content).map_err(broken)?;
            limits.check(content.len() as u64)?;
            if content.len() == before {
                return Ok(());
            }
        }
    }
}

/// Whether packing `content` with LZ4 is likely to pay; for contents that are stored whole.
pub fn is_compressible(content: &[u8]) -> bool {
    /// Pieces of the content that are looked at.
    const PIECES: usize = 8;
    let piece_bytes = content.len() / PIECES;
    if piece_bytes < 4096 {
        return codec::lz4(content).is_some_and(|packed| packed.len() < content.len());
    }
    content.chunks(piece_bytes).any(look::lz4_pays)
}
