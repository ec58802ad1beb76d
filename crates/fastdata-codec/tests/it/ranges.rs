//! A range is read from the blocks that hold it and no others.

use fastdata_codec::{Check, Error, Head, Layout, Limits, encode};
use proptest::prelude::*;

use crate::contents::{mixed, modes, options};

fn layout(blob: &[u8]) -> Layout {
    let stored_bytes = blob.len() as u64;
    let limits = Limits::default();
    let mut known = 0;
    loop {
        match Layout::parse(&blob[..known], stored_bytes, &limits).unwrap() {
            Head::Whole(layout) => return layout,
            Head::Needs(bytes) => {
                assert!(bytes as usize > known, "asked for what it has");
                known = bytes as usize;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range(len in 0_usize..60_000, cuts in (0.0..1.0, 0.0..1.0), block_log2 in 10_u8..15, mode in 0_usize..7) {
        let content = mixed(len);
        let (blob, _) = encode(&content, options(modes()[mode].1, block_log2)).unwrap();
        let blob = blob.as_slice();
        let layout = layout(blob);
        let (one, other) = ((cuts.0 * len as f64) as u64, (cuts.1 * len as f64) as u64);
        let range = one.min(other)..one.max(other);
        let blocks = layout.blocks_of(&range).unwrap();
        let allowed = layout.stored_range(blocks.clone());
        let got = layout.unpack(blocks.clone(), Check::Hash, |stored, out| {
            assert!(allowed.start <= stored.start && stored.end <= allowed.end);
            out.copy_from_slice(&blob[stored.start as usize..stored.end as usize]);
            Ok::<_, Error>(())
        }).unwrap();
        let start = layout.content_range(blocks.start).start;
        if !range.is_empty() {
            let got = &got.as_slice()[(range.start - start) as usize..(range.end - start) as usize];
            prop_assert!(got == &content[range.start as usize..range.end as usize]);
        }
        prop_assert!(layout.blocks_of(&(0..len as u64 + 1)).is_err());
    }
}

#[test]
fn a_damaged_block_does_not_spoil_the_others() {
    let content = mixed(8192);
    let (blob, _) = encode(&content, options(Default::default(), 10)).unwrap();
    let layout = layout(blob.as_slice());
    let mut damaged = blob.as_slice().to_vec();
    damaged[layout.stored_range(3..4).start as usize + 5] ^= 4;
    let bring = |stored: std::ops::Range<u64>, out: &mut [u8]| {
        out.copy_from_slice(&damaged[stored.start as usize..stored.end as usize]);
        Ok::<_, Error>(())
    };
    for block in 0..8 {
        let got = layout.unpack(block..block + 1, Check::Hash, bring);
        assert_eq!(got.is_ok(), block != 3);
    }
}
