//! Checksums as S3 names and writes them: base64 of the big-endian value.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use ring::digest::{SHA256, digest};

use super::content::Content;

const PREFIX: &str = "x-amz-checksum-";

/// Whether a header carries a checksum that is understood here.
pub(super) fn is_checksum(header: &str) -> bool {
    header
        .strip_prefix(PREFIX)
        .is_some_and(|name| of(name, &[]).is_some())
}

/// Whether `value` is the checksum of `bytes` that the header of this name says.
pub(super) fn holds(header: &str, value: &str, bytes: &[u8]) -> bool {
    let expected = header.strip_prefix(PREFIX).and_then(|name| of(name, bytes));
    expected.is_none_or(|expected| expected == value)
}

fn of(name: &str, bytes: &[u8]) -> Option<String> {
    let crc32 = |algorithm| (crc_fast::checksum(algorithm, bytes) as u32).to_be_bytes();
    Some(match name {
        "crc64nvme" => {
            let value = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes);
            BASE64_STANDARD.encode(value.to_be_bytes())
        }
        "crc32" => BASE64_STANDARD.encode(crc32(CrcAlgorithm::Crc32IsoHdlc)),
        "crc32c" => BASE64_STANDARD.encode(crc32(CrcAlgorithm::Crc32Iscsi)),
        "sha256" => BASE64_STANDARD.encode(digest(&SHA256, bytes)),
        _ => return None,
    })
}

/// The CRC-64/NVME of made-up content, which is the same stretch again and again, without reading it all.
pub(super) fn of_synthetic(content: &Content) -> Option<(String, String)> {
    let Content::Synthetic { len, .. } = content else {
        return default_of(content);
    };
    let algorithm = CrcAlgorithm::Crc64Nvme;
    let sum = |range: std::ops::Range<u64>| crc_fast::checksum(algorithm, &content.read(range));
    let period = super::content::ARENA_BYTES as u64;
    let (mut whole, mut done) = (sum(0..len % period), len % period);
    // Content is periodic: whatever stretch of a period begins at `done`, it is one turned by that.
    let (mut periods, mut stretch) = (
        len / period,
        (sum(done..done + period.min(len - done)), period),
    );
    while periods > 0 {
        if periods % 2 == 1 {
            whole = crc_fast::checksum_combine(algorithm, whole, stretch.0, stretch.1);
            done += stretch.1;
        }
        let twice = crc_fast::checksum_combine(algorithm, stretch.0, stretch.0, stretch.1);
        stretch = (twice, stretch.1 * 2);
        periods /= 2;
    }
    debug_assert_eq!(done, *len);
    let value = BASE64_STANDARD.encode(whole.to_be_bytes());
    Some((format!("{PREFIX}crc64nvme"), value))
}

/// What S3 says of an object that was written in parts of these lengths with checksums of theirs: that of
/// the checksums, and how many there are. `None` for an algorithm that is not known here.
pub(super) fn of_parts(
    name: &str,
    content: &Content,
    lens: &[u64],
) -> Option<(String, Vec<String>)> {
    let mut start = 0;
    let mut parts = Vec::new();
    let mut raw = Vec::new();
    for len in lens {
        let part = of(name, &content.read(start..start + len))?;
        raw.extend(BASE64_STANDARD.decode(&part).ok()?);
        parts.push(part);
        start += len;
    }
    Some((format!("{}-{}", of(name, &raw)?, lens.len()), parts))
}

/// What S3 computes when the writer sent none. Synthetic objects have none, as objects that were
/// written before S3 had checksums.
pub(super) fn default_of(content: &Content) -> Option<(String, String)> {
    match content {
        Content::Bytes(bytes) => Some((format!("{PREFIX}crc64nvme"), of("crc64nvme", bytes)?)),
        Content::Synthetic { .. } => None,
    }
}
