//! Metadata files may be compressed; what they are is told by their first bytes, never by name.

use std::borrow::Cow;
use std::io::Read;

use crate::{Error, Limits, Result};

/// The file's text.
pub(super) fn decompressed<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>> {
    match bytes {
        [0x1f, 0x8b, ..] => read_all(flate2::bufread::MultiGzDecoder::new(bytes), "gzip", limits),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes)
                .map_err(|error| Error::corrupt("metadata: zstd").with_source(error))?;
            read_all(decoder, "zstd", limits)
        }
        _ if bytes.len() > limits.metadata_bytes => Err(too_long(limits)),
        _ => Ok(Cow::Borrowed(bytes)),
    }
}

fn read_all(decoder: impl Read, codec: &str, limits: &Limits) -> Result<Cow<'static, [u8]>> {
    let mut text = Vec::new();
    let limit = u64::try_from(limits.metadata_bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    decoder
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| Error::corrupt(format!("metadata: {codec}")).with_source(error))?;
    if text.len() > limits.metadata_bytes {
        return Err(too_long(limits));
    }
    Ok(Cow::Owned(text))
}

fn too_long(limits: &Limits) -> Error {
    Error::limit(format!(
        "the metadata file exceeds Limits::metadata_bytes = {}",
        limits.metadata_bytes
    ))
}
