//! Bytes that look random and are the same each time.

use rand::{RngCore, SeedableRng, rngs::StdRng};

/// `len` bytes that depend on nothing but `seed` and `len`.
pub fn seeded_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
