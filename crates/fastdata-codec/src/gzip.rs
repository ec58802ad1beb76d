//! Version 1 bodies: gzip as Metaflow writes and reads it.
//!
//! Long contents become several gzip members, one after the other, which every gzip reader takes as
//! one: members are packed and unpacked on all cores. Each of ours tells its length in an extra
//! field (`FD`: stored length, content length), which other readers skip, as RFC 1952 says.

use std::io::Read;

use fastdata_memory::PooledBuffer;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::codec::{with_deflate, with_inflate};
use crate::workers::{self, Workers};
use crate::{Error, Limits, Result};

/// Content of a member of ours.
const MEMBER_BYTES: usize = 1 << 20;

/// ID, method, flags, time, extra flags, system: 10; length of the extra fields: 2; ours: 12.
const HEAD_BYTES: usize = 24;
/// CRC and length.
const TAIL_BYTES: usize = 8;

/// Extra fields follow; no time; system unknown, as in what CPython writes.
const HEAD_START: [u8; 16] = [
    0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 12, 0, b'F', b'D', 8, 0,
];

/// What deflate unpacks to at most, for a byte.
const DEFLATE_RATIO_MAX: u64 = 1032;

/// `content` as gzip at `level` (1 to 12), the stored bytes given to `sink` in order.
///
/// # Errors
/// What `sink` returns.
pub fn encode_gzip<E: From<Error>>(
    content: &[u8],
    level: i32,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let count = content.len().div_ceil(MEMBER_BYTES).max(1);
    let member = |idx: usize| {
        let start = idx * MEMBER_BYTES;
        pack(
            &content[start..content.len().min(start + MEMBER_BYTES)],
            level,
        )
    };
    workers::in_order(count, member, |_, member| match member {
        Some(member) => sink(member.as_slice()),
        None => Err(E::from(Error::invalid("the gzip encoder gave up"))),
    })
}

fn pack(content: &[u8], level: i32) -> Option<PooledBuffer> {
    with_deflate(level.clamp(1, 12), |compressor| {
        let bound = compressor.deflate_compress_bound(content.len());
        let mut out = PooledBuffer::with_len(HEAD_BYTES + bound + TAIL_BYTES);
        let (head, body) = out.as_mut_slice().split_at_mut_checked(HEAD_BYTES)?;
        let len = compressor.deflate_compress(content, body).ok()?;
        let stored_bytes = HEAD_BYTES + len + TAIL_BYTES;
        let (content_bytes, stored) = (u32::try_from(content.len()), u32::try_from(stored_bytes));
        let (content_bytes, stored) = (
            content_bytes.ok()?.to_le_bytes(),
            stored.ok()?.to_le_bytes(),
        );
        let (start, lengths) = head.split_first_chunk_mut()?;
        *start = HEAD_START;
        lengths.first_chunk_mut().map(|place| *place = stored)?;
        lengths
            .last_chunk_mut()
            .map(|place| *place = content_bytes)?;
        let tail = body.get_mut(len..len + TAIL_BYTES)?;
        let crc = libdeflater::crc32(content).to_le_bytes();
        tail.first_chunk_mut().map(|place| *place = crc)?;
        tail.last_chunk_mut().map(|place| *place = content_bytes)?;
        out.truncate(stored_bytes);
        Some(out)
    })
}

/// The content of a gzip body: members of anybody, and zeros behind the last, as Python's module
/// reads them.
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt), [`Truncated`](crate::ErrorKind::Truncated) and
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded).
pub fn decode_gzip(stored: &[u8], limits: &Limits) -> Result<PooledBuffer> {
    if let Some(members) = own_members(stored) {
        return unpack_members(&members, limits);
    }
    match one_member(stored, limits)? {
        Some(content) => Ok(content),
        None => any_members(stored, limits),
    }
}

/// What the head of a gzip member of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GzipMember {
    /// Length of the member in bytes.
    pub stored_bytes: u32,
    /// Length of its content in bytes.
    pub content_bytes: u32,
}

/// Reads the first 24 bytes of a gzip member; `None` if it is not one of ours.
pub fn gzip_member(head: &[u8; HEAD_BYTES]) -> Option<GzipMember> {
    let lengths = head.strip_prefix(&HEAD_START)?;
    let member = GzipMember {
        stored_bytes: u32::from_le_bytes(*lengths.first_chunk()?),
        content_bytes: u32::from_le_bytes(*lengths.last_chunk()?),
    };
    (member.stored_bytes as usize >= HEAD_BYTES + TAIL_BYTES).then_some(member)
}

/// A member with the content length that it claims.
type Member<'a> = (&'a [u8], u64);

/// The members, if all of them are ours and end where they say.
fn own_members(mut stored: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut members = Vec::new();
    while !stored.is_empty() {
        let (head, _) = stored.split_first_chunk::<HEAD_BYTES>()?;
        let said = gzip_member(head)?;
        let (member, rest) = stored.split_at_checked(said.stored_bytes as usize)?;
        members.push((member, u64::from(said.content_bytes)));
        stored = rest;
    }
    (!members.is_empty()).then_some(members)
}

fn unpack_members(members: &[Member<'_>], limits: &Limits) -> Result<PooledBuffer> {
    let mut content_bytes = 0;
    for (member, bytes) in members {
        believable(*bytes, member.len())?;
        content_bytes += bytes;
    }
    limits.check(content_bytes)?;
    let mut out = PooledBuffer::with_len(content_bytes as usize);
    let mut places = Vec::with_capacity(members.len());
    let mut rest = out.as_mut_slice();
    for (member, bytes) in members {
        let (place, next) = rest.split_at_mut(*bytes as usize);
        places.push((*member, place));
        rest = next;
    }
    let unpack = |(member, place): (&[u8], &mut [u8])| {
        let len = with_inflate(|inflate| inflate.gzip_decompress(member, place))
            .map_err(|error| Error::corrupt("gzip member cannot be unpacked").with_source(error))?;
        match len == place.len() {
            true => Ok(()),
            false => Err(Error::corrupt("gzip member is shorter than it says")),
        }
    };
    match places.len() {
        1 => places.into_iter().try_for_each(unpack)?,
        _ => Workers::with(|workers| {
            workers.install(|| places.into_par_iter().try_for_each(unpack))
        })?,
    }
    Ok(out)
}

fn believable(content_bytes: u64, stored_bytes: usize) -> Result<()> {
    match content_bytes <= stored_bytes as u64 * DEFLATE_RATIO_MAX {
        true => Ok(()),
        false => Err(Error::corrupt(format!(
            "{content_bytes} bytes out of {stored_bytes} of gzip are more than deflate can hold"
        ))),
    }
}

/// The content of a body that is one member without extra fields or names, as Metaflow writes
/// them. `None` when it is anything else: its last four bytes decide how much memory it gets, and
/// they are a claim only if there is one member.
fn one_member(stored: &[u8], limits: &Limits) -> Result<Option<PooledBuffer>> {
    let plain = stored.starts_with(&[0x1f, 0x8b, 8, 0]);
    let Some(claimed) = stored.last_chunk().filter(|_| plain) else {
        return Ok(None);
    };
    let content_bytes = u64::from(u32::from_le_bytes(*claimed));
    if believable(content_bytes, stored.len()).is_err() || has_another_start(stored) {
        return Ok(None);
    }
    limits.check(content_bytes)?;
    let mut out = PooledBuffer::with_len(content_bytes as usize);
    let len = with_inflate(|inflate| inflate.gzip_decompress(stored, out.as_mut_slice()));
    Ok((len == Ok(out.len())).then_some(out))
}

/// Whether what may be the start of a gzip member lies anywhere behind the first: libdeflate stops
/// at the end of the first member and does not say where that was.
fn has_another_start(stored: &[u8]) -> bool {
    let behind = stored.get(1..).unwrap_or_default();
    memchr::memmem::find_iter(behind, &[0x1f, 0x8b, 8]).any(|at| {
        let head = behind.get(at..).unwrap_or_default();
        matches!(
            head,
            [_, _, _, 0..=0x1f, _, _, _, _, 0 | 2 | 4, 0..=13 | 255, ..]
        )
    })
}

/// What one piece of the slow way brings.
const PIECE_BYTES: u64 = 1 << 20;

/// Any gzip, without knowing how long its content is.
fn any_members(stored: &[u8], limits: &Limits) -> Result<PooledBuffer> {
    let broken = |error: std::io::Error| {
        let context = "gzip body cannot be unpacked";
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::truncated(context),
            _ => Error::corrupt(context),
        }
        .with_source(error)
    };
    if stored.is_empty() {
        return Err(Error::truncated("gzip body is empty"));
    }
    let mut content = Vec::new();
    let mut rest = stored;
    while !rest.is_empty() {
        let mut member = flate2::bufread::GzDecoder::new(rest);
        loop {
            let before = content.len();
            let mut piece = (&mut member).take(PIECE_BYTES);
            piece.read_to_end(&mut content).map_err(broken)?;
            limits.check(content.len() as u64)?;
            if content.len() == before {
                break;
            }
        }
        rest = member.into_inner();
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        rest = rest.get(padding..).unwrap_or_default();
    }
    Ok(PooledBuffer::copy_of(&content))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::ErrorKind;

    fn foreign(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(3));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn own(content: &[u8]) -> Vec<u8> {
        let mut stored = Vec::new();
        encode_gzip(content, 1, |bytes| {
            stored.extend_from_slice(bytes);
            Ok::<_, Error>(())
        })
        .unwrap();
        stored
    }

    fn unpacked(stored: &[u8]) -> Result<Vec<u8>> {
        let limits = Limits {
            content_bytes_max: 64 << 20,
        };
        decode_gzip(stored, &limits).map(|content| content.as_slice().to_vec())
    }

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|idx| (idx * idx / 7 % 251) as u8).collect()
    }

    #[test]
    fn members_of_ours_and_of_others() {
        for len in [
            0,
            1,
            100,
            MEMBER_BYTES,
            MEMBER_BYTES + 1,
            3 * MEMBER_BYTES + 5,
        ] {
            let content = content(len);
            assert_eq!(unpacked(&own(&content)).unwrap(), content, "{len}");
            assert_eq!(unpacked(&foreign(&content)).unwrap(), content, "{len}");
            // flate2 reads ours as one stream.
            let mut read = Vec::new();
            flate2::read::MultiGzDecoder::new(&own(&content)[..])
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, content);
        }
        let content = content(1000);
        for stored in [
            [foreign(&content), foreign(&content)].concat(),
            [own(&content), foreign(&content)].concat(),
            [foreign(&content), own(&content)].concat(),
            [foreign(&content), foreign(&content), vec![0; 7]].concat(),
        ] {
            assert_eq!(unpacked(&stored).unwrap(), content.repeat(2));
        }
        assert_eq!(
            unpacked(&[foreign(&content), vec![0; 3]].concat()).unwrap(),
            content
        );
    }

    #[test]
    fn every_truncation_and_flip_but_those_of_no_meaning() {
        let content = content(3000);
        for stored in [own(&content), foreign(&content)] {
            for len in 0..stored.len() {
                assert!(unpacked(&stored[..len]).is_err(), "{len}");
            }
            for bit in 0..8 * stored.len() {
                let mut stored = stored.clone();
                stored[bit / 8] ^= 1 << (bit % 8);
                // The time, the system and unknown extra fields may be anything.
                if let Ok(unpacked) = unpacked(&stored) {
                    assert_eq!(unpacked, content, "{bit}");
                }
            }
            assert!(unpacked(&[&stored[..], b"more"].concat()).is_err());
        }
    }

    #[test]
    fn bombs_hit_the_limit() {
        for stored in [own(&vec![0; 65 << 20]), foreign(&vec![0; 65 << 20])] {
            assert_eq!(
                unpacked(&stored).unwrap_err().kind(),
                ErrorKind::LimitExceeded
            );
        }
        let mut claims = foreign(b"abc");
        let len = claims.len();
        claims[len - 4..].copy_from_slice(&[255; 4]);
        assert_eq!(unpacked(&claims).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
