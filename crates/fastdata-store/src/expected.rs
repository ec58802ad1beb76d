//! What the bytes of an object have to sum up to, as the store has it: of the whole, or of each part that it
//! was written in.

use crate::checksum::Digest;
use crate::{Checksum, ObjectStat};

/// The parts in which an object was written, with checksums of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredParts {
    /// The checksum of their checksums and how many there are, as S3 writes it.
    pub checksum: Checksum,
    /// In the order of the object.
    pub parts: Vec<StoredPart>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its checksum.
    pub checksum: Checksum,
}

/// What there is to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Whole(Checksum),
    Parts(StoredParts),
}

impl Expected {
    pub(crate) fn of(stat: &ObjectStat) -> Option<Self> {
        let parts = || Some(Self::Parts(stat.parts.clone()?));
        stat.checksum.clone().map(Self::Whole).or_else(parts)
    }

    /// The checksum that stands for all.
    pub(crate) fn checksum(&self) -> &Checksum {
        match self {
            Self::Whole(checksum) => checksum,
            Self::Parts(parts) => &parts.checksum,
        }
    }

    /// Lengths and checksums, one behind the other; `None` for a length up to the end.
    fn steps(&self) -> impl Iterator<Item = (Option<u64>, &Checksum)> {
        let (whole, parts) = match self {
            Self::Whole(checksum) => (Some((None, checksum)), [].as_slice()),
            Self::Parts(parts) => (None, parts.parts.as_slice()),
        };
        let parts = parts.iter().map(|part| (Some(part.bytes), &part.checksum));
        whole.into_iter().chain(parts)
    }

    /// Compares digests of stretches of `stretch_bytes` each, the last one perhaps shorter. `None` when they
    /// do not make up what there is to compare with.
    pub(crate) fn compare(&self, stretches: &[Digest], stretch_bytes: u64) -> Option<Compared> {
        let mut rest = stretches.iter();
        for (len, checksum) in self.steps() {
            let mut digest = Digest::new(checksum.algorithm);
            let is_last = |rest: &std::slice::Iter<'_, Digest>| rest.len() == 0;
            let count = match len {
                None => rest.len(),
                Some(len) => usize::try_from(len.div_ceil(stretch_bytes)).ok()?,
            };
            for stretch in rest.by_ref().take(count) {
                if !digest.append(stretch) {
                    return None;
                }
            }
            if len.is_some_and(|len| len % stretch_bytes != 0) && !is_last(&rest) {
                return None;
            }
            let found = digest.finish();
            if found != *checksum {
                return Some(Err(wrong(&found, checksum)));
            }
        }
        Some(Ok(self.checksum().clone()))
    }
}

/// The checksum that bytes have, or what is wrong with them.
pub(crate) type Compared = std::result::Result<Checksum, String>;

fn wrong(found: &Checksum, expected: &Checksum) -> String {
    format!("its checksum is {found}, the store says {expected}")
}

/// Bytes of an object, in order, as they are compared.
pub(crate) struct Check {
    expected: Expected,
    /// The step that is under way, its digest, and what is left of it.
    step: usize,
    digest: Digest,
    left_bytes: u64,
    wrong: Option<String>,
}

impl Check {
    pub(crate) fn new(expected: Expected) -> Self {
        let digest = Digest::new(expected.checksum().algorithm);
        let first = expected.steps().next().and_then(|(len, _)| len);
        Self {
            expected,
            step: 0,
            digest,
            left_bytes: first.unwrap_or(u64::MAX),
            wrong: None,
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = usize::try_from(self.left_bytes).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(len.min(bytes.len()));
            self.digest.update(now);
            self.left_bytes -= now.len() as u64;
            bytes = later;
            if self.left_bytes == 0 && !bytes.is_empty() {
                self.end_step();
            }
        }
    }

    fn end_step(&mut self) {
        let digest = Digest::new(self.expected.checksum().algorithm);
        let found = std::mem::replace(&mut self.digest, digest).finish();
        let mut steps = self.expected.steps().skip(self.step);
        match steps.next() {
            Some((_, expected)) if *expected == found => {}
            Some((_, expected)) => self.wrong = Some(wrong(&found, expected)),
            None => self.wrong = Some("it is longer than its parts".to_owned()),
        }
        self.left_bytes = steps.next().and_then(|(len, _)| len).unwrap_or(u64::MAX);
        self.step += 1;
    }

    pub(crate) fn finish(mut self) -> Compared {
        self.end_step();
        match self.wrong {
            Some(wrong) => Err(wrong),
            None if self.expected.steps().count() != self.step => {
                Err("it is shorter than its parts".to_owned())
            }
            None => Ok(self.expected.checksum().clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChecksumAlgorithm::{Crc32, Crc64Nvme, Sha256};

    fn parts(algorithm: crate::ChecksumAlgorithm, parts: &[&[u8]]) -> Expected {
        let part = |bytes: &&[u8]| StoredPart {
            bytes: bytes.len() as u64,
            checksum: Checksum::of(algorithm, bytes),
        };
        Expected::Parts(StoredParts {
            checksum: Checksum::of(algorithm, b"stands for all"),
            parts: parts.iter().map(part).collect(),
        })
    }

    fn checked(expected: &Expected, bytes: &[u8], step: usize) -> Compared {
        let mut check = Check::new(expected.clone());
        bytes.chunks(step).for_each(|piece| check.update(piece));
        check.finish()
    }

    #[test]
    fn bytes_in_order_are_compared_part_by_part() {
        for algorithm in [Crc32, Crc64Nvme, Sha256] {
            let bytes = b"abcdefghij";
            let whole = Expected::Whole(Checksum::of(algorithm, bytes));
            let three = parts(algorithm, &[b"abc", b"defg", b"hij"]);
            for expected in [whole, three] {
                for step in 1..=10 {
                    let all = expected.checksum().clone();
                    assert_eq!(checked(&expected, bytes, step), Ok(all));
                    assert!(checked(&expected, b"abcdefghiX", step).is_err());
                    assert!(checked(&expected, b"Xbcdefghij", step).is_err());
                    assert!(checked(&expected, &bytes[..9], step).is_err());
                    assert!(checked(&expected, &bytes[..7], step).is_err());
                    assert!(checked(&expected, b"abcdefghijk", step).is_err());
                }
            }
        }
    }

    #[test]
    fn stretches_make_parts_where_their_ends_meet() {
        let digests = |bytes: &[u8]| -> Vec<Digest> {
            let digest = |stretch: &[u8]| {
                let mut digest = Digest::new(Crc32);
                digest.update(stretch);
                digest
            };
            bytes.chunks(2).map(digest).collect()
        };
        let good = digests(b"abcdefghi");
        let whole = Expected::Whole(Checksum::of(Crc32, b"abcdefghi"));
        let even = parts(Crc32, &[b"ab", b"cdef", b"ghi"]);
        let odd = parts(Crc32, &[b"abc", b"def", b"ghi"]);
        assert!(whole.compare(&good, 2).unwrap().is_ok());
        assert!(even.compare(&good, 2).unwrap().is_ok());
        assert!(odd.compare(&good, 2).is_none());
        let bad = digests(b"abcdXfghi");
        assert!(whole.compare(&bad, 2).unwrap().is_err());
        assert!(even.compare(&bad, 2).unwrap().is_err());
        let other = Expected::Whole(Checksum::of(Crc64Nvme, b"abcdefghi"));
        assert!(other.compare(&good, 2).is_none());
    }
}
