//! Fetched bytes by their place in the file.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Fetched ranges, sorted; ranges that touch are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces(Vec<(Range<u64>, Bytes)>);

impl Pieces {
    /// From pairs in any order; what is shorter than its range claims is taken at its length.
    pub(crate) fn new(mut pairs: Vec<(Range<u64>, Bytes)>) -> Self {
        pairs.sort_by_key(|(range, _)| range.start);
        let mut pieces: Vec<(Range<u64>, Bytes)> = Vec::with_capacity(pairs.len());
        for (range, bytes) in pairs {
            let range = range.start..range.start + bytes.len() as u64;
            match pieces.last_mut() {
                // Adjacent parts are joined, so that no page can straddle two. A copy, but readers
                // that ask for what `chunk_ranges` names never get here.
                Some((last, joined)) if last.end == range.start => {
                    let mut both = BytesMut::with_capacity(joined.len() + bytes.len());
                    both.extend_from_slice(joined);
                    both.extend_from_slice(&bytes);
                    last.end = range.end;
                    *joined = both.freeze();
                }
                _ => pieces.push((range, bytes)),
            }
        }
        Self(pieces)
    }

    /// The bytes of `range`, if they are all there.
    pub(crate) fn slice(&self, range: Range<u64>) -> Option<Bytes> {
        let index = self
            .0
            .partition_point(|(piece, _)| piece.start <= range.start);
        let (piece, bytes) = self.0.get(index.checked_sub(1)?)?;
        if range.end > piece.end || range.start > range.end {
            return None;
        }
        let from = usize::try_from(range.start - piece.start).ok()?;
        let to = usize::try_from(range.end - piece.start).ok()?;
        Some(bytes.slice(from..to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_pieces_are_one() {
        let part = |from: u64, text: &'static str| {
            (
                from..from + text.len() as u64,
                Bytes::from_static(text.as_bytes()),
            )
        };
        let pieces = Pieces::new(vec![part(20, "xyz"), part(5, "abc"), part(8, "def")]);
        assert_eq!(pieces.slice(6..10).as_deref(), Some(&b"bcde"[..]));
        assert_eq!(pieces.slice(21..23).as_deref(), Some(&b"yz"[..]));
        assert_eq!(pieces.slice(10..12), None);
        assert_eq!(pieces.slice(0..1), None);
    }
}
