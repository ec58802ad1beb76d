//! Contents and stores for the tests.

use std::path::Path;

use fastdata_cas::{Blobs, BlobsOptions, Mode, WriteAs};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Bytes that nothing packs.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Bytes that everything packs.
pub(crate) fn text(len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for idx in 0.. {
        if text.len() >= len {
            break;
        }
        text.extend_from_slice(format!("step {idx}: loss 0.{}\n", idx * 7919 % 1000).as_bytes());
    }
    text.truncate(len);
    text
}

/// Small and large, packable and not.
pub(crate) fn several() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"x".to_vec(),
        text(233),
        text(52_000),
        noise(1, 52_000),
        text(3_000_000),
        noise(2, 3_000_000),
        [noise(3, 700_000), text(700_000)].concat(),
    ]
}

/// Every way to write.
pub(crate) const WAYS: [WriteAs; 7] = [
    WriteAs::Blobs(Mode::Fast),
    WriteAs::Blobs(Mode::Compact),
    WriteAs::MetaflowVanilla,
    WriteAs::MetaflowLz4,
    WriteAs::MetaflowBlobs(Mode::Fast),
    WriteAs::MetaflowBlobs(Mode::Compact),
    WriteAs::MetaflowRaw,
];

pub(crate) fn options(write_as: WriteAs) -> BlobsOptions {
    let mut options = BlobsOptions::default();
    options.write_as = write_as;
    options
}

pub(crate) fn store(root: &Path, write_as: WriteAs) -> Blobs {
    Blobs::open(root.to_str().unwrap(), options(write_as)).unwrap()
}
