//! Blobs that are kept: what a release wrote, every later one reads.
//!
//! A file is written once, by the version whose name it bears: `FASTDATA_WRITE_GOLDEN=1` writes
//! those that are missing and never one that exists. The contents are made by `contents.rs`.

use std::path::PathBuf;

use fastdata_codec::{
    Check, Error, HashAlgorithm, Key, Limits, decode, decode_gzip, decode_lz4_frame, encode,
    encode_gzip, encode_lz4_frame,
};

use crate::contents::{mixed, modes, numbers, options};

const CONTENT_BYTES: usize = 6000;
const CONTENT_KEY: &str = "b3_d9e0f56e29dadb02d44219bc2ece4fffc311a27a6d449b2c5c0b4603fb79dc6f";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/blobs")
}

fn golden(name: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = folder().join(name);
    match std::fs::read(&path) {
        Ok(stored) => stored,
        Err(_) if std::env::var_os("FASTDATA_WRITE_GOLDEN").is_some() => {
            let stored = write();
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &stored).unwrap();
            stored
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn collect(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut stored = Vec::new();
    write(&mut stored);
    stored
}

#[test]
fn every_version_and_codec() {
    let content = [mixed(CONTENT_BYTES), numbers(9000)].concat();
    let key = Key::of(&content, HashAlgorithm::Blake3).to_string();
    // The files are of one content for ever.
    assert_eq!(key, CONTENT_KEY);
    let limits = Limits::default();
    for (name, mode) in modes() {
        let write = || {
            encode(&content, options(mode, 12))
                .unwrap()
                .0
                .as_slice()
                .to_vec()
        };
        let stored = golden(&format!("v3-{name}.blob"), write);
        let back = decode(&stored, &limits, Check::Hash).unwrap();
        assert_eq!(back.as_slice(), content, "{name}");
    }
    let gzip = golden("v1-gzip.blob", || {
        collect(|stored| {
            let sink = |bytes: &[u8]| {
                stored.extend_from_slice(bytes);
                Ok::<_, Error>(())
            };
            encode_gzip(&content, 1, sink).unwrap();
        })
    });
    assert_eq!(decode_gzip(&gzip, &limits).unwrap().as_slice(), content);
    let lz4 = golden("v2-lz4.blob", || {
        collect(|stored| {
            let sink = |bytes: &[u8]| {
                stored.extend_from_slice(bytes);
                Ok::<_, Error>(())
            };
            encode_lz4_frame(&content, sink).unwrap();
        })
    });
    assert_eq!(decode_lz4_frame(&lz4, &limits).unwrap().as_slice(), content);
}
