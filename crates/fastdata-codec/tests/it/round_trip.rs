//! What is written is read, whatever it is.

use std::io::Read;

use fastdata_codec::{
    BlobReader, Check, EncodeOptions, Encoder, Error, HashAlgorithm, Key, Limits, decode,
    decode_gzip, decode_lz4_frame, encode, encode_gzip, encode_lz4_frame,
};
use proptest::prelude::*;

use crate::contents::{mixed, modes, noise, numbers, options, text};

#[track_caller]
fn check(content: &[u8], options: EncodeOptions) -> Vec<u8> {
    let (blob, key) = encode(content, options).unwrap();
    assert_eq!(key, Key::of(content, HashAlgorithm::Blake3));
    let back = decode(blob.as_slice(), &Limits::default(), Check::Hash).unwrap();
    let mut hashed = Encoder::new(content.len() as u64, options).unwrap();
    assert_eq!(hashed.hash(content).unwrap(), key);
    hashed.push(content, |_| Ok::<_, Error>(())).unwrap();
    assert!(blob.as_slice().starts_with(&hashed.finish().unwrap().0));
    assert!(
        back.as_slice() == content,
        "{} bytes, {options:?}",
        content.len()
    );
    let stored_bytes = blob.len() as u64;
    let limits = Limits::default();
    let mut reader = BlobReader::new(blob.as_slice(), stored_bytes, &limits, Check::Hash).unwrap();
    let mut streamed = Vec::new();
    reader.read_to_end(&mut streamed).unwrap();
    assert!(streamed == content);
    blob.as_slice().to_vec()
}

#[test]
fn every_mode_length_and_block_length() {
    for (_, mode) in modes() {
        for len in [0, 1, 7, 1023, 1024, 1025, 5000, 40_000] {
            for content in [noise(len), text(len), numbers(len), mixed(len)] {
                for block_log2 in [10, 12, 16] {
                    check(&content, options(mode, block_log2));
                }
            }
        }
        check(&mixed(3_000_000), EncodeOptions::of(mode));
    }
}

#[test]
fn a_content_in_pieces_is_the_same_blob() {
    let content = mixed(300_000);
    let (whole, _) = encode(&content, options(Default::default(), 14)).unwrap();
    let mut encoder = Encoder::new(300_000, options(Default::default(), 14)).unwrap();
    let mut blocks = Vec::new();
    for piece in content.chunks(3 << 14) {
        let sink = |stored: &[u8]| {
            blocks.extend_from_slice(stored);
            Ok::<_, Error>(())
        };
        encoder.push(piece, sink).unwrap();
    }
    let (mut blob, _) = encoder.finish().unwrap();
    blob.append(&mut blocks);
    assert!(blob == whole.as_slice());

    let mut encoder = Encoder::new(300_000, options(Default::default(), 14)).unwrap();
    let odd = encoder.push(&content[..1000], |_| Ok::<_, Error>(()));
    assert!(odd.is_err());
    assert!(encoder.finish().is_err());
}

#[test]
fn modes_pack_what_they_are_for() {
    let len = 2_000_000;
    let size = |content: &[u8], name: &str| {
        let (_, mode) = modes()
            .into_iter()
            .find(|(other, _)| *other == name)
            .unwrap();
        encode(content, EncodeOptions::of(mode)).unwrap().0.len()
    };
    assert!(size(&noise(len), "fast") < len + 1000);
    assert!(size(&noise(len), "compact") < len + 1000);
    assert!(size(&text(len), "fast") < len * 2 / 3);
    assert!(size(&text(len), "compact") < size(&text(len), "fast") * 2 / 3);
    assert!(size(&numbers(len), "compact") < size(&numbers(len), "zstd") * 8 / 10);
    // Never smaller than a reader believes.
    assert!(size(&vec![0; len], "compact") * fastdata_codec::RATIO_MAX > len);
}

fn in_memory(write: impl Fn(&mut dyn FnMut(&[u8]))) -> Vec<u8> {
    let mut stored = Vec::new();
    write(&mut |bytes| stored.extend_from_slice(bytes));
    stored
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(content in prop::collection::vec(any::<u8>(), 0..20_000), repeat in 1_usize..4, block_log2 in 10_u8..14, mode in 0_usize..7) {
        let content = content.repeat(repeat);
        check(&content, options(modes()[mode].1, block_log2));
        let limits = Limits::default();
        let gzip = in_memory(|sink| encode_gzip(&content, 1, |bytes| { sink(bytes); Ok::<_, Error>(()) }).unwrap());
        let gunzipped = decode_gzip(&gzip, &limits).unwrap();
        prop_assert_eq!(gunzipped.as_slice(), &content[..]);
        let lz4 = in_memory(|sink| encode_lz4_frame(&content, |bytes| { sink(bytes); Ok::<_, Error>(()) }).unwrap());
        let unpacked = decode_lz4_frame(&lz4, &limits).unwrap();
        prop_assert_eq!(unpacked.as_slice(), &content[..]);
    }
}
