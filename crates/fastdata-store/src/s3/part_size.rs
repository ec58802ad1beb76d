//! How large the parts of an upload are, within S3's limits.

/// S3's limits of an upload in parts: 10,000 of at most 5 GiB.
const PARTS_MAX: u64 = 10_000;
const OBJECT_BYTES_MAX: u64 = PARTS_MAX * (5 << 30);

const PART_BYTES: u64 = 8 << 20;

/// The size of all parts but the last; `None` for an object that is longer than S3 takes.
pub(super) fn part_bytes(object_bytes: u64) -> Option<u64> {
    let is_taken = object_bytes <= OBJECT_BYTES_MAX;
    is_taken.then(|| object_bytes.div_ceil(PARTS_MAX).max(PART_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size of the parts and how many there are.
    fn parts(object_bytes: u64) -> Option<(u64, u64)> {
        let part_bytes = part_bytes(object_bytes)?;
        Some((part_bytes, object_bytes.div_ceil(part_bytes)))
    }

    #[test]
    fn parts_grow_when_there_would_be_too_many() {
        let usual = 10_000 * PART_BYTES;
        assert_eq!(parts(20 << 20), Some((PART_BYTES, 3)));
        assert_eq!(parts(usual - 1), Some((PART_BYTES, 10_000)));
        assert_eq!(parts(usual), Some((PART_BYTES, 10_000)));
        assert_eq!(parts(usual + 1), Some((PART_BYTES + 1, 10_000)));
        let large = 2 * usual + 12_345;
        assert_eq!(parts(large), Some((2 * PART_BYTES + 2, 10_000)));
    }

    #[test]
    fn what_s3_does_not_take_has_no_parts() {
        let most = 10_000 * (5 << 30);
        assert_eq!(parts(most - 1), Some((5 << 30, 10_000)));
        assert_eq!(parts(most), Some((5 << 30, 10_000)));
        assert_eq!(parts(most + 1), None);
        assert_eq!(parts(u64::MAX), None);
    }
}
