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

/// What S3 computes when the writer sent none. Synthetic objects have none, as objects that were
/// written before S3 had checksums.
pub(super) fn default_of(content: &Content) -> Option<(String, String)> {
    match content {
        Content::Bytes(bytes) => Some((format!("{PREFIX}crc64nvme"), of("crc64nvme", bytes)?)),
        Content::Synthetic { .. } => None,
    }
}
