//! Bytes that somebody damaged or made up: an error each, soon, and in bounded memory.

use fastdata_codec::{
    Check, Error, ErrorKind, HashAlgorithm, Key, Limits, decode, decode_gzip, decode_lz4_frame,
    encode, encode_lz4_frame,
};

use crate::contents::{mixed, modes, numbers, options, text};

fn limits() -> Limits {
    Limits {
        content_bytes_max: 1 << 20,
    }
}

fn small_blobs() -> Vec<(String, Vec<u8>)> {
    let contents = [
        (Vec::new(), 10),
        (text(300), 10),
        (mixed(1500), 10),
        (numbers(4200), 13),
    ];
    let mut blobs = Vec::new();
    for (name, mode) in modes() {
        for (content, block_log2) in &contents {
            let (blob, _) = encode(content, options(mode, *block_log2)).unwrap();
            let name = format!("{name} {}", content.len());
            blobs.push((name, blob.as_slice().to_vec()));
        }
    }
    blobs
}

#[test]
fn every_truncation_is_an_error() {
    for (name, blob) in small_blobs() {
        for len in 0..blob.len() {
            let error = decode(&blob[..len], &limits(), Check::Hash).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::Truncated,
                "{name} at {len}: {error}"
            );
        }
        let longer = [&blob[..], &[0]].concat();
        let error = decode(&longer, &limits(), Check::Hash).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}");
    }
}

#[test]
fn every_bit_flip_is_an_error() {
    for (name, blob) in small_blobs() {
        for bit in 0..8 * blob.len() {
            let mut flipped = blob.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                decode(&flipped, &limits(), Check::Hash).is_err(),
                "{name} at bit {bit}"
            );
            // Unchecked reads may return wrong bytes, and nothing worse.
            let _ = decode(&flipped, &limits(), Check::Skip);
        }
    }
}

/// With the checksum over the head made right again: what an attacker would do.
fn forged(blob: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut blob = blob.to_vec();
    let block_count = u32::from_le_bytes(blob[12..16].try_into().unwrap()) as usize;
    let entry_bytes = if block_count > 1 { 48 } else { 16 };
    let index_end = 72 + block_count * entry_bytes;
    change(&mut blob);
    let head = [&blob[..64], &blob[72..index_end]].concat();
    let hash = Key::of(&head, HashAlgorithm::Blake3);
    blob[64..72].copy_from_slice(&hash.as_bytes()[..8]);
    blob
}

#[test]
fn claims_are_not_believed() {
    let (blob, _) = encode(&text(4000), options(Default::default(), 10)).unwrap();
    let blob = blob.as_slice();
    // Each claimed number at its maximum: block length, blocks, content, stored, a block's.
    for (from, to) in [
        (9, 10),
        (12, 16),
        (16, 24),
        (24, 32),
        (72, 76),
        (76, 77),
        (120, 124),
    ] {
        let forged = forged(blob, |blob| blob[from..to].fill(0xff));
        assert!(
            decode(&forged, &Limits::default(), Check::Hash).is_err(),
            "{from}"
        );
        assert!(
            decode(&forged, &Limits::default(), Check::Skip).is_err(),
            "{from}"
        );
    }
    // A block that claims to unpack to more than is believed.
    let (zeros, _) = encode(&vec![0; 1 << 20], options(Default::default(), 20)).unwrap();
    let bomb = forged(zeros.as_slice(), |blob| {
        blob[72..76].copy_from_slice(&900_u32.to_le_bytes())
    });
    let error = decode(&bomb, &Limits::default(), Check::Hash).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let error = decode(
        zeros.as_slice(),
        &Limits {
            content_bytes_max: 1000,
        },
        Check::Hash,
    );
    assert_eq!(error.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn unknown_versions_and_codecs_are_named() {
    let (blob, _) = encode(b"content", options(Default::default(), 10)).unwrap();
    let version = forged(blob.as_slice(), |blob| blob[8] = 7);
    let error = decode(&version, &limits(), Check::Hash).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("version 7 with codecs 0x0001"),
        "{error}"
    );
    let codec = forged(blob.as_slice(), |blob| {
        blob[10..12].copy_from_slice(&[0, 2])
    });
    let error = decode(&codec, &limits(), Check::Hash).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("version 3 with codecs 0x0200"),
        "{error}"
    );
}

fn lz4_frame(content: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    encode_lz4_frame(content, |bytes| {
        stored.extend_from_slice(bytes);
        Ok::<_, Error>(())
    })
    .unwrap();
    stored
}

/// Two frames that claim lengths whose sum is past what 64 bits hold.
#[test]
fn lz4_frames_that_claim_too_much_together() {
    let frame = b"\x04\x22\x4d\x18\x7c\x50\0\0\0\0\0\0\0\xff\x82\0\0\0\0\xd9\x5d\xcc\x02";
    let frames = [&frame[..], &frame[..]].concat();
    assert!(decode_lz4_frame(&frames, &limits()).is_err());
}

#[test]
fn lz4_frames_cut_and_flipped() {
    for content in [Vec::new(), text(300), mixed(3000)] {
        let frame = lz4_frame(&content);
        let back = decode_lz4_frame(&frame, &limits()).unwrap();
        assert_eq!(back.as_slice(), content);
        for len in 0..frame.len() {
            assert!(decode_lz4_frame(&frame[..len], &limits()).is_err(), "{len}");
        }
        for bit in 0..8 * frame.len() {
            let mut frame = frame.clone();
            frame[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_lz4_frame(&frame, &limits()).is_err(), "bit {bit}");
        }
    }
    let bomb = lz4_frame(&vec![0; 2 << 20]);
    let error = decode_lz4_frame(&bomb, &limits()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn bombs_without_a_length_stop_at_the_limit() {
    use std::io::Write;
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&vec![0; 40 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let error = decode_lz4_frame(&bomb, &limits()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 40 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let error = decode_gzip(&bomb, &limits()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}
