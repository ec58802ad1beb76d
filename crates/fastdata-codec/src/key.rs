//! Keys: the hash of a content and which hash it is.

use std::fmt;
use std::str::FromStr;

use sha1::Digest as _;

use crate::workers::Workers;
use crate::{Error, Result};

/// The hash that a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-1: the keys of Metaflow. Sequential, and no defence against somebody who makes two
    /// contents of one hash on purpose.
    Sha1,
    /// BLAKE3: ours; computed on all cores when the content is long.
    Blake3,
}

/// The name of a content: its hash, with the algorithm as part of the written form.
///
/// | algorithm | written |
/// |---|---|
/// | SHA-1 | 40 lowercase hexadecimal digits, as Metaflow writes them |
/// | BLAKE3 | `b3_` and 64 lowercase hexadecimal digits |
///
/// ```
/// use fastdata_codec::{HashAlgorithm, Key};
///
/// let key = Key::of(b"", HashAlgorithm::Sha1);
/// assert_eq!(key.to_string(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
/// let key: Key = "b3_af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".parse()?;
/// assert_eq!(key, Key::of(b"", HashAlgorithm::Blake3));
/// assert!("../../etc/passwd".parse::<Key>().is_err());
/// # Ok::<(), fastdata_codec::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Digest);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Digest {
    Sha1([u8; 20]),
    Blake3([u8; 32]),
}

/// From here on several cores hash faster than one, their start included.
const PARALLEL_BYTES: usize = 512 << 10;

impl Key {
    /// The key of `content`.
    pub fn of(content: &[u8], algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Sha1 => Self::sha1(<sha1::Sha1 as sha1::Digest>::digest(content).into()),
            HashAlgorithm::Blake3 if content.len() < PARALLEL_BYTES => {
                Self::blake3(blake3::hash(content).into())
            }
            HashAlgorithm::Blake3 => Workers::with(|workers| {
                workers.install(|| {
                    Self::blake3(
                        blake3::Hasher::new()
                            .update_rayon(content)
                            .finalize()
                            .into(),
                    )
                })
            }),
        }
    }

    /// A BLAKE3 key of these 32 bytes.
    pub fn blake3(hash: [u8; 32]) -> Self {
        Self(Digest::Blake3(hash))
    }

    /// A SHA-1 key of these 20 bytes.
    pub fn sha1(hash: [u8; 20]) -> Self {
        Self(Digest::Sha1(hash))
    }

    /// Which hash it is.
    pub fn algorithm(&self) -> HashAlgorithm {
        match self.0 {
            Digest::Sha1(_) => HashAlgorithm::Sha1,
            Digest::Blake3(_) => HashAlgorithm::Blake3,
        }
    }

    /// The bytes of the hash: 20 or 32.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Digest::Sha1(bytes) => bytes,
            Digest::Blake3(bytes) => bytes,
        }
    }

    /// The first two hexadecimal digits of the hash: the name of the folder that it lies in.
    pub fn fan(&self) -> String {
        format!("{:02x}", self.as_bytes().first().copied().unwrap_or(0))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.algorithm() == HashAlgorithm::Blake3 {
            f.write_str("b3_")?;
        }
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.strip_prefix("b3_") {
            Some(digits) => from_hex(digits).map(Self::blake3),
            None => from_hex(text).map(Self::sha1),
        };
        parsed.ok_or_else(|| {
            Error::invalid(format!(
                "{text:?} is no key: 40 lowercase hexadecimal digits, or b3_ and 64 of them"
            ))
        })
    }
}

/// `N` bytes from exactly `2 × N` lowercase digits: one spelling for one key, as keys are file
/// names.
fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    let nibble = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair.first()?)? << 4 | nibble(pair.last()?)?;
    }
    Some(bytes)
}

/// Hashes a content that arrives in pieces.
#[derive(Debug, Clone)]
pub struct KeyHasher(Inner);

#[derive(Debug, Clone)]
enum Inner {
    Sha1(sha1::Sha1),
    Blake3(Box<blake3::Hasher>),
}

impl KeyHasher {
    /// Nothing hashed yet.
    pub fn new(algorithm: HashAlgorithm) -> Self {
        Self(match algorithm {
            HashAlgorithm::Sha1 => Inner::Sha1(sha1::Sha1::new()),
            HashAlgorithm::Blake3 => Inner::Blake3(Box::default()),
        })
    }

    /// The next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            Inner::Sha1(hasher) => hasher.update(piece),
            Inner::Blake3(hasher) => {
                hasher.update(piece);
            }
        }
    }

    /// The key of all pieces.
    pub fn finish(self) -> Key {
        match self.0 {
            Inner::Sha1(hasher) => Key::sha1(hasher.finalize().into()),
            Inner::Blake3(hasher) => Key::blake3(hasher.finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Blake3] {
            for len in [0, 1, PARALLEL_BYTES + 1] {
                let content = vec![7; len];
                let key = Key::of(&content, algorithm);
                assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
                let mut pieces = KeyHasher::new(algorithm);
                content.chunks(1000).for_each(|piece| pieces.update(piece));
                assert_eq!(pieces.finish(), key);
            }
        }
        let none = "80044e2e";
        let bytes = [0x80, 0x04, 0x4e, 0x2e];
        let key = Key::of(&bytes, HashAlgorithm::Sha1);
        assert_eq!(
            key.to_string(),
            "dbc1aaddc8b7343d6d33b34edcf608b8f8801918",
            "{none}"
        );
        assert_eq!(key.fan(), "db");
    }

    #[test]
    fn one_spelling_only() {
        let good = "dbc1aaddc8b7343d6d33b34edcf608b8f8801918";
        let long = format!("b3_{good}{good}");
        let bad = [
            &good.to_uppercase(),
            &good[1..],
            &long,
            "",
            "b3_",
            "../..",
            "dbc1aaddc8b7343d6d33b34edcf608b8f880191/",
            "dbc1aaddc8b7343d6d33b34edcf608b8f880191é",
        ];
        for text in bad {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
