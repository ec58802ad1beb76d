//! Checksums of objects: computed in parts, put together, compared with what a store says.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use ring::digest;

use self::combine::Polynomial;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// CRC-64/NVME, what S3 computes by itself.
    Crc64Nvme,
    /// CRC-32C.
    Crc32c,
    /// CRC-32, as in zip.
    Crc32,
    /// SHA-256. Those of parts cannot be put together.
    Sha256,
}

/// The best first: what all parts can be checked with, at no cost to speak of.
pub(crate) const ALGORITHMS: [ChecksumAlgorithm; 4] = [
    ChecksumAlgorithm::Crc64Nvme,
    ChecksumAlgorithm::Crc32c,
    ChecksumAlgorithm::Crc32,
    ChecksumAlgorithm::Sha256,
];

impl ChecksumAlgorithm {
    /// As S3 writes it in headers, behind `x-amz-checksum-`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "crc64nvme",
            Self::Crc32c => "crc32c",
            Self::Crc32 => "crc32",
            Self::Sha256 => "sha256",
        }
    }

    fn crc(self) -> Option<(CrcAlgorithm, Polynomial)> {
        match self {
            Self::Crc64Nvme => Some((CrcAlgorithm::Crc64Nvme, Polynomial::CRC_64_NVME)),
            Self::Crc32c => Some((CrcAlgorithm::Crc32Iscsi, Polynomial::CRC_32C)),
            Self::Crc32 => Some((CrcAlgorithm::Crc32IsoHdlc, Polynomial::CRC_32)),
            Self::Sha256 => None,
        }
    }

    /// Whether the checksums of two halves make that of the whole.
    pub fn combines(self) -> bool {
        self.crc().is_some()
    }

    fn encode_crc(self, value: u64) -> String {
        match self {
            Self::Crc64Nvme => BASE64_STANDARD.encode(value.to_be_bytes()),
            // The upper half of a 32-bit checksum is empty.
            _ => BASE64_STANDARD.encode((value as u32).to_be_bytes()),
        }
    }
}

/// The checksum of a whole object.
///
/// ```
/// use fastdata_store::{Checksum, ChecksumAlgorithm};
///
/// let checksum = Checksum::of(ChecksumAlgorithm::Crc32c, b"123456789");
/// assert_eq!(checksum.to_string(), "crc32c:4waSgw==");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: ChecksumAlgorithm,
    /// Base64 of the bytes, the most significant first.
    pub value: String,
}

impl Checksum {
    /// Of bytes in memory.
    pub fn of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Self {
        let mut digest = Digest::new(algorithm);
        digest.update(bytes);
        digest.finish()
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.value)
    }
}

/// A checksum on its way.
#[derive(Clone)]
pub struct Digest {
    algorithm: ChecksumAlgorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Crc { crc: crc_fast::Digest, bytes: u64 },
    Sha256(digest::Context),
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digest").field(&self.algorithm).finish()
    }
}

impl Digest {
    /// Of nothing yet.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        let state = match algorithm.crc() {
            Some((crc, _)) => State::Crc {
                crc: crc_fast::Digest::new(crc),
                bytes: 0,
            },
            None => State::Sha256(digest::Context::new(&digest::SHA256)),
        };
        Self { algorithm, state }
    }

    /// Adds bytes behind those so far.
    pub fn update(&mut self, more: &[u8]) {
        match &mut self.state {
            State::Crc { crc, bytes } => {
                crc.update(more);
                *bytes += more.len() as u64;
            }
            State::Sha256(context) => context.update(more),
        }
    }

    /// Adds what `other` has seen behind those so far; `false`, and nothing is done, when the
    /// algorithm cannot.
    #[must_use]
    pub fn append(&mut self, other: &Self) -> bool {
        match (self.algorithm.crc(), &mut self.state, &other.state) {
            (
                Some((algorithm, polynomial)),
                State::Crc { crc, bytes },
                State::Crc {
                    crc: behind,
                    bytes: more,
                },
            ) if self.algorithm == other.algorithm => {
                let both = polynomial.combine(crc.finalize(), behind.finalize(), *more);
                *crc = crc_fast::Digest::new_with_init_state(algorithm, both ^ polynomial.ones());
                *bytes += more;
                true
            }
            _ => false,
        }
    }

    /// The checksum of everything so far.
    pub fn finish(self) -> Checksum {
        let value = match self.state {
            State::Crc { crc, .. } => self.algorithm.encode_crc(crc.finalize()),
            State::Sha256(context) => BASE64_STANDARD.encode(context.finish()),
        };
        Checksum {
            algorithm: self.algorithm,
            value,
        }
    }
}

mod combine;

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of CRCs and of FIPS 180.
    #[test]
    fn known_values() {
        for (algorithm, expected) in [
            (ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
            (ChecksumAlgorithm::Crc32c, "4waSgw=="),
            (ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
        ] {
            let checksum = Checksum::of(algorithm, b"123456789");
            assert_eq!(checksum.value, expected, "{algorithm:?}");
        }
        let empty = Checksum::of(ChecksumAlgorithm::Sha256, b"");
        assert_eq!(empty.value, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn parts_make_the_whole() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in ALGORITHMS
            .into_iter()
            .filter(|algorithm| algorithm.combines())
        {
            let mut digest = Digest::new(algorithm);
            for part in bytes.chunks(12_345) {
                let mut of_part = Digest::new(algorithm);
                of_part.update(part);
                assert!(digest.append(&of_part));
            }
            digest.update(b"and more");
            let whole = Checksum::of(algorithm, &[bytes.as_slice(), b"and more"].concat());
            assert_eq!(digest.finish(), whole, "{algorithm:?}");
        }
        let mut sha = Digest::new(ChecksumAlgorithm::Sha256);
        let other = sha.clone();
        assert!(!sha.append(&other));
    }
}
