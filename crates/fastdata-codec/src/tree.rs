//! BLAKE3 in pieces: chaining values of blocks, and the hash of the whole from them.
//!
//! BLAKE3 is a tree over chunks of 1 KiB. A block of a power of two of bytes, at a multiple of its
//! own length, is a subtree; its chaining value is what the block contributes to the hash of the
//! whole. So one pass over each block, on any core and in any order, gives a hash of the whole that
//! every BLAKE3 implementation agrees with, and a block can be checked without the others.

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// What a block contributes to the hash of the whole.
pub(crate) type ChainingValue = [u8; 32];

/// The chaining value of the block that starts at `offset` of the content.
///
/// The block must start at a multiple of the block length and not be the whole content, which has
/// no parent.
pub(crate) fn chaining_value(block: &[u8], offset: u64) -> ChainingValue {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(offset).update(block);
    hasher.finalize_non_root()
}

/// The hash of a content from the chaining values of its blocks, of which there are at least two.
///
/// The left side of a node holds the largest power of two of blocks that leaves something for the
/// right side. `None` for fewer than two blocks.
pub(crate) fn root(blocks: &[ChainingValue]) -> Option<[u8; 32]> {
    let (left, right) = split(blocks)?;
    let (left, right) = (node(left)?, node(right)?);
    Some(merge_subtrees_root(&left, &right, Mode::Hash).into())
}

/// As deep as the logarithm of the count of blocks.
fn node(blocks: &[ChainingValue]) -> Option<ChainingValue> {
    match blocks {
        [block] => Some(*block),
        _ => {
            let (left, right) = split(blocks)?;
            let (left, right) = (node(left)?, node(right)?);
            Some(merge_subtrees_non_root(&left, &right, Mode::Hash))
        }
    }
}

fn split(blocks: &[ChainingValue]) -> Option<(&[ChainingValue], &[ChainingValue])> {
    match blocks.len() {
        0 | 1 => None,
        count => blocks.split_at_checked(count.div_ceil(2).next_power_of_two()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_the_whole_is_plain_blake3() {
        let content: Vec<u8> = (0..100_000_u32).map(|idx| (idx % 251) as u8).collect();
        for block_bytes in [1024, 2048, 16384] {
            for len in [
                block_bytes + 1,
                2 * block_bytes,
                3 * block_bytes - 1,
                5 * block_bytes,
                content.len(),
            ] {
                let content = &content[..len];
                let blocks: Vec<_> = content
                    .chunks(block_bytes)
                    .enumerate()
                    .map(|(idx, block)| chaining_value(block, (idx * block_bytes) as u64))
                    .collect();
                let expected: [u8; 32] = blake3::hash(content).into();
                assert_eq!(root(&blocks), Some(expected), "{len} in {block_bytes}");
            }
        }
        assert_eq!(root(&[[0; 32]]), None);
    }
}
