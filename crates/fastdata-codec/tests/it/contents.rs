//! Contents of every sort, the same in every run.

use fastdata_codec::{EncodeOptions, Mode, Packing};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Bytes that nothing packs.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(len as u64).fill_bytes(&mut bytes);
    bytes
}

/// Bytes that everything packs.
pub(crate) fn text(len: usize) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(7);
    let words = ["loss", "accuracy", "step", "epoch", "0.25", "\n", ": "];
    let mut text = String::new();
    while text.len() < len {
        text += words[random.random_range(0..words.len())];
    }
    text.truncate(len);
    text.into_bytes()
}

/// Rounded float32 behind a head, as a pickle holds them.
pub(crate) fn numbers(len: usize) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(9);
    let mut bytes = b"a pickle's head".to_vec();
    while bytes.len() < len {
        let number = (random.random::<f32>() * 1000.0).round() / 100.0;
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A bit of each, so that blocks differ.
pub(crate) fn mixed(len: usize) -> Vec<u8> {
    let part = len / 4;
    let parts = [
        noise(part),
        text(part),
        numbers(part),
        vec![0; len - 3 * part],
    ];
    parts.concat()
}

/// Every way to write, with its name.
pub(crate) fn modes() -> [(&'static str, Mode); 7] {
    [
        ("fast", Mode::Fast),
        ("compact", Mode::Compact),
        ("raw", Mode::Always(Packing::Raw)),
        ("lz4", Mode::Always(Packing::Lz4)),
        ("zstd", Mode::Always(Packing::Zstd { level: 3 })),
        ("deflate", Mode::Always(Packing::Deflate { level: 6 })),
        ("numeric", Mode::Always(Packing::Numeric)),
    ]
}

/// These with blocks of `2^block_log2` bytes.
pub(crate) fn options(mode: Mode, block_log2: u8) -> EncodeOptions {
    let mut options = EncodeOptions::of(mode);
    options.block_log2 = Some(block_log2);
    options
}
