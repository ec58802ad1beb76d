//! The Avro object container around the values.

use std::io::Write as _;

use crate::{Error, Result};

/// How blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are Avro's own")]
pub enum AvroCodec {
    Null,
    #[default]
    Deflate,
    Snappy,
    Zstandard,
}

impl AvroCodec {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
        }
    }
}

/// Fixed, so that the same input gives the same bytes. It only has to be unlikely in the data.
const SYNC: [u8; 16] = *b"\xf5\x1c\x92\x0e\x7a\xd4\x33\x88fastdata";

/// An Avro object container in the making.
#[derive(Debug)]
pub struct AvroFile {
    bytes: Vec<u8>,
    codec: AvroCodec,
}

impl AvroFile {
    /// A file of values of `schema` (JSON), with these further header keys.
    pub fn new(schema: &str, codec: AvroCodec, keys: &[(&str, &str)]) -> Self {
        let mut bytes = b"Obj\x01".to_vec();
        put_varint(&mut bytes, i64::try_from(keys.len() + 2).unwrap_or(2));
        let own = [("avro.schema", schema), ("avro.codec", codec.name())];
        for (key, value) in own.iter().chain(keys) {
            put_bytes(&mut bytes, key.as_bytes());
            put_bytes(&mut bytes, value.as_bytes());
        }
        put_varint(&mut bytes, 0);
        bytes.extend(SYNC);
        Self { bytes, codec }
    }

    /// Appends a block of `count` encoded values.
    pub fn push_block(&mut self, count: usize, values: &[u8]) -> Result<()> {
        let stored = compress(self.codec, values)?;
        put_varint(&mut self.bytes, i64::try_from(count).unwrap_or(i64::MAX));
        put_bytes(&mut self.bytes, &stored);
        self.bytes.extend(SYNC);
        Ok(())
    }

    /// The file's bytes.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

fn compress(codec: AvroCodec, values: &[u8]) -> Result<Vec<u8>> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::limit(format!(
            "compressing {} bytes with {}",
            values.len(),
            codec.name()
        ))
        .with_source(source)
    };
    match codec {
        AvroCodec::Null => Ok(values.to_vec()),
        AvroCodec::Deflate => {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder
                .write_all(values)
                .map_err(|error| failed(error.into()))?;
            encoder.finish().map_err(|error| failed(error.into()))
        }
        AvroCodec::Snappy => {
            let mut stored = snap::raw::Encoder::new()
                .compress_vec(values)
                .map_err(|e| failed(e.into()))?;
            stored.extend(libdeflater::crc32(values).to_be_bytes());
            Ok(stored)
        }
        AvroCodec::Zstandard => {
            zstd::stream::encode_all(values, 0).map_err(|error| failed(error.into()))
        }
    }
}

/// Appends an Avro int or long.
pub fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut raw = (value << 1 ^ value >> 63).cast_unsigned();
    while raw >= 0x80 {
        bytes.push((raw & 0x7f) as u8 | 0x80);
        raw >>= 7;
    }
    bytes.push(raw as u8);
}

/// Appends Avro bytes or a string.
pub fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put_varint(bytes, i64::try_from(value.len()).unwrap_or(i64::MAX));
    bytes.extend(value);
}
