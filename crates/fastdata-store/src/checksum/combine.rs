//! The CRC of two stretches of bytes from theirs, without the bytes.
//!
//! A CRC is the rest of dividing the bytes, read as a polynomial of ones and zeros, by another one.
//! Bytes behind the first stretch multiply it with x as often as they have bits, so that is what its
//! CRC is multiplied with. `crc_fast` squares matrices of 64 × 64 bits for that, which takes a fifth of
//! a millisecond a part; here it is some thirty products of two numbers.

/// One of the CRCs whose bits are reflected and that begin and end with all ones: the lowest power of
/// x is the highest bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polynomial {
    width_bits: u32,
    /// Without its highest power, reflected.
    reflected: u64,
}

impl Polynomial {
    pub(super) const CRC_64_NVME: Self = Self {
        width_bits: 64,
        reflected: 0x9a6c_9329_ac4b_c9b5,
    };
    pub(super) const CRC_32C: Self = Self {
        width_bits: 32,
        reflected: 0x82f6_3b78,
    };
    pub(super) const CRC_32: Self = Self {
        width_bits: 32,
        reflected: 0xedb8_8320,
    };

    /// All ones: what a CRC begins with and what is subtracted at its end.
    pub(super) fn ones(self) -> u64 {
        u64::MAX >> (64 - self.width_bits)
    }

    /// The CRC of bytes whose first stretch has `first`, and whose second, of `second_bytes`, has
    /// `second`.
    pub(super) fn combine(self, first: u64, second: u64, second_bytes: u64) -> u64 {
        self.times(first, self.shift(second_bytes)) ^ second
    }

    /// The power of x that `bytes` bytes are, divided by the polynomial.
    fn shift(self, bytes: u64) -> u64 {
        let one = 1 << (self.width_bits - 1);
        let mut power = one;
        // x⁸, then its square, and so on.
        let mut square = one >> 8;
        let mut rest = bytes;
        while rest != 0 {
            if rest & 1 == 1 {
                power = self.times(power, square);
            }
            square = self.times(square, square);
            rest >>= 1;
        }
        power
    }

    /// The product, divided by the polynomial.
    fn times(self, left: u64, right: u64) -> u64 {
        let (mut product, mut right) = (0, right);
        for bit in (0..self.width_bits).rev() {
            // Without branches, since nobody foresees the bits of a CRC.
            product ^= right & (left >> bit & 1).wrapping_neg();
            right = right >> 1 ^ self.reflected & (right & 1).wrapping_neg();
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use crc_fast::{CrcAlgorithm, Digest};

    use super::*;

    /// Against `crc_fast`, both over the bytes and by its own way to combine.
    #[test]
    fn two_stretches() {
        let all = [
            (Polynomial::CRC_64_NVME, CrcAlgorithm::Crc64Nvme),
            (Polynomial::CRC_32C, CrcAlgorithm::Crc32Iscsi),
            (Polynomial::CRC_32, CrcAlgorithm::Crc32IsoHdlc),
        ];
        let bytes: Vec<u8> = (0..70_000_u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        for (polynomial, algorithm) in all {
            let of = |bytes: &[u8]| {
                let mut digest = Digest::new(algorithm);
                digest.update(bytes);
                digest
            };
            let whole = of(&bytes).finalize();
            for cut in [0, 1, 2, 255, 4096, 65_535, bytes.len() - 1, bytes.len()] {
                let (first, second) = bytes.split_at(cut);
                let (first, second_crc) = (of(first), of(second));
                let combined = polynomial.combine(
                    first.finalize(),
                    second_crc.finalize(),
                    second.len() as u64,
                );
                assert_eq!(combined, whole, "{algorithm:?} cut at {cut}");
            }
            for len in [1 << 32, (1 << 40) + 12_345, u64::MAX >> 8] {
                let theirs = crc_fast::checksum_combine(algorithm, 0x1234_5678, 0x9abc_def0, len);
                let ours = polynomial.combine(0x1234_5678, 0x9abc_def0, len);
                assert_eq!(ours, theirs, "{algorithm:?}, {len} bytes");
            }
        }
    }
}
