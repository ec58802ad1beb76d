//! Against the `snap` crate: on what it compresses, and on blocks made of random tags.

use proptest::prelude::*;

use super::*;

/// What `snap` makes of a block, into memory of the length that is wanted.
fn oracle(stored: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut output = vec![0; len];
    let written = snap::raw::Decoder::new().decompress(stored, &mut output);
    (written.ok()? == len).then_some(output)
}

fn ours(stored: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut output = vec![0xee; len];
    decompress(stored, &mut output).ok()?;
    Some(output)
}

/// One after the other and both at once give the same.
#[track_caller]
fn check(blocks: &[(Vec<u8>, usize)]) {
    for (stored, len) in blocks {
        assert_eq!(ours(stored, *len), oracle(stored, *len));
    }
    for pair in blocks.windows(2) {
        let [(first, first_len), (second, second_len)] = pair else {
            continue;
        };
        let mut outputs = (vec![0xee; *first_len], vec![0xee; *second_len]);
        let both = decompress_two((first, &mut outputs.0), (second, &mut outputs.1));
        let expected = (oracle(first, *first_len), oracle(second, *second_len));
        match (expected, both) {
            ((Some(first), Some(second)), both) => {
                both.unwrap();
                assert_eq!(outputs, (first, second));
            }
            (_, both) => assert!(both.is_err()),
        }
    }
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A tag of any kind: what it adds to a block, and how many bytes come out of it.
#[derive(Debug, Clone)]
enum Tag {
    Literal(Vec<u8>),
    Copy {
        kind: u8,
        len: usize,
        back: prop::sample::Index,
    },
}

fn literal() -> impl Strategy<Value = Tag> {
    let bytes = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..=20),
        1 => prop::collection::vec(any::<u8>(), 55..=70),
        1 => prop::collection::vec(any::<u8>(), 250..=300),
    ];
    bytes.prop_map(Tag::Literal)
}

fn copy() -> impl Strategy<Value = Tag> {
    let parts = (1_u8..=3, 1_usize..=64, any::<prop::sample::Index>());
    parts.prop_map(|(kind, len, back)| Tag::Copy { kind, len, back })
}

/// Tags in any order, or mostly literals and copies in turns.
fn tags() -> impl Strategy<Value = Vec<Tag>> {
    let any = prop::collection::vec(prop_oneof![literal(), copy()], 0..300);
    let turn = prop_oneof![
        9 => (literal(), copy()).prop_map(|(literal, copy)| vec![literal, copy]),
        1 => prop_oneof![literal(), copy()].prop_map(|tag| vec![tag]),
    ];
    let turns = prop::collection::vec(turn, 0..150).prop_map(|turns| turns.concat());
    prop_oneof![any, turns]
}

/// The block of `tags`, all of whose copies point to something, and its length.
fn block(tags: &[Tag]) -> (Vec<u8>, usize) {
    let (mut body, mut written) = (Vec::new(), 0);
    for tag in tags {
        match tag {
            Tag::Literal(bytes) => {
                let last = bytes.len() - 1;
                match last {
                    0..60 => body.push((last << 2) as u8),
                    60..256 => body.extend([60 << 2, last as u8]),
                    _ => body.extend([61 << 2, last as u8, (last >> 8) as u8]),
                }
                body.extend(bytes);
                written += bytes.len();
            }
            Tag::Copy { .. } if written == 0 => {}
            Tag::Copy { kind, len, back } => {
                let (kind, len) = match kind {
                    1 => (1, 4 + len % 8),
                    kind => (*kind, *len),
                };
                let reach = [2047, 65_535, usize::MAX][usize::from(kind) - 1];
                // Mostly near, where copies overlap what they write.
                let near = if len % 3 == 0 {
                    written
                } else {
                    24.min(written)
                };
                let offset = 1 + back.index(near.min(reach));
                match kind {
                    1 => body.extend([(1 | (len - 4) << 2 | offset >> 8 << 5) as u8, offset as u8]),
                    2 => {
                        body.push((2 | (len - 1) << 2) as u8);
                        body.extend((offset as u16).to_le_bytes());
                    }
                    _ => {
                        body.push((3 | (len - 1) << 2) as u8);
                        body.extend((offset as u32).to_le_bytes());
                    }
                }
                written += len;
            }
        }
    }
    ([varint(written), body].concat(), written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_tags(blocks in prop::collection::vec(tags(), 2..4)) {
        let blocks: Vec<_> = blocks.iter().map(|tags| block(tags)).collect();
        for (stored, len) in &blocks {
            prop_assert!(oracle(stored, *len).is_some());
        }
        check(&blocks);
    }

    #[test]
    fn broken_blocks(
        tags in tags(),
        breaks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut stored, len) = block(&tags);
        let sound = (stored.clone(), len);
        for (place, byte) in breaks {
            let place = place.index(stored.len());
            stored[place] = byte;
        }
        check(&[sound.clone(), (stored.clone(), len), sound.clone()]);
        stored.truncate(cut.index(stored.len() + 1));
        check(&[sound, (stored, len)]);
    }
}

#[test]
fn compressed_text_numbers_and_noise() {
    let text: Vec<u8> = (0..9000_u32)
        .flat_map(|n| format!("{} carefully final {} deposits;", n % 97, n * n % 1013).into_bytes())
        .collect();
    let numbers: Vec<u8> = (0..20_000_u64)
        .flat_map(|n| (n * 7919 % 1_000_003).to_le_bytes())
        .collect();
    let noise: Vec<u8> = (0..70_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 23) as u8)
        .collect();
    let blocks: Vec<_> = [
        &text,
        &numbers,
        &noise,
        &vec![7; 100_000],
        &vec![1],
        &vec![],
    ]
    .map(|plain| {
        let stored = snap::raw::Encoder::new().compress_vec(plain).unwrap();
        (stored, plain.len())
    })
    .into();
    for (stored, len) in &blocks {
        assert!(oracle(stored, *len).is_some());
    }
    check(&blocks);
}

#[test]
fn a_length_that_is_not_the_pages_is_an_error() {
    let stored = snap::raw::Encoder::new()
        .compress_vec(b"twelve bytes")
        .unwrap();
    assert!(ours(&stored, 12).is_some());
    for wrong in [0, 11, 13, 1 << 20] {
        assert!(ours(&stored, wrong).is_none());
    }
    assert!(ours(&[0xff; 11], 12).is_none());
    assert!(ours(&[], 0).is_none());
}
