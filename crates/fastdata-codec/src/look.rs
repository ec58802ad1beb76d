//! A look at the bytes before work is spent on them: does packing pay, and are they numbers?

use fastdata_memory::PooledBuffer;

use crate::codec::{self, Codec, Packing};
use crate::numeric::{self, NumberKind, NumberLayout};

/// What is to be done with each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// LZ4 where it pays, raw where it does not: incompressible bytes cost what a copy costs.
    #[default]
    Fast,
    /// Small: numbers by the numeric codec, other bytes by zstd, raw where neither pays.
    Compact,
    /// Always this; raw still where it does not pay.
    Always(Packing),
}

/// How much of a block is packed to see whether packing pays, in two pieces.
const TRIAL_BYTES: usize = 4 << 10;

/// Below this a trial costs as much as the work that it could save.
const TRIAL_FROM_BYTES: usize = 32 << 10;

/// `block` packed as `mode` wants it; `None` means: store it raw.
pub(crate) fn pack(block: &[u8], mode: Mode) -> Option<(Codec, PooledBuffer)> {
    match mode {
        Mode::Always(packing) => codec::pack(block, packing),
        Mode::Fast if block.len() >= TRIAL_FROM_BYTES && !lz4_pays(block) => None,
        Mode::Fast => codec::pack(block, Packing::Lz4),
        Mode::Compact => {
            let layout = numbers(block);
            let packed = layout.and_then(|layout| numeric::pack_as(block, layout));
            codec::worthwhile(block, packed.map(|packed| (Codec::Numeric, packed)))
                .or_else(|| codec::pack(block, Packing::Zstd { level: ZSTD_LEVEL }))
        }
    }
}

/// Whether LZ4 shortens a piece of the start or of the middle by a 32nd.
pub(crate) fn lz4_pays(block: &[u8]) -> bool {
    let middle = block.len() / 2;
    [0, middle].into_iter().any(|start| {
        let piece = block.get(start..start + TRIAL_BYTES).unwrap_or(block);
        codec::lz4(piece).is_some_and(|packed| packed.len() + piece.len() / 32 < piece.len())
    })
}

/// zstd's level for blocks without numbers. On float32 rounded to two places level 1 takes a quarter
/// of the time and packs to 60 % instead of 43 %: this mode is for size.
const ZSTD_LEVEL: i32 = 3;

/// Blocks with fewer bytes are not worth the look.
const NUMBERS_FROM_BYTES: usize = 4 << 10;

/// How many bytes the look at numbers takes.
const SAMPLE_BYTES: usize = 16 << 10;

/// Bits between the planes of a number, below which bytes are no numbers.
const SPREAD_BITS: f64 = 0.7;

/// What numbers `block` consists of, if packing a sample as numbers beats zstd clearly.
///
/// Bytes of an array repeat with the width of its numbers: the byte with the sign and the
/// exponent takes few values, the last byte of a mantissa all. The entropies of the eight byte
/// planes tell the width and where a number may begin; packing the sample decides.
pub(crate) fn numbers(block: &[u8]) -> Option<NumberLayout> {
    if block.len() < NUMBERS_FROM_BYTES {
        return None;
    }
    // Counted from the block's start, so that the phase found is the phase of the block.
    let start = (block.len().saturating_sub(SAMPLE_BYTES) / 2) & !7;
    let sample = block.get(start..block.len().min(start + SAMPLE_BYTES))?;
    let planes = plane_entropies(sample);
    let spread = planes.iter().copied().fold(f64::MIN, f64::max)
        - planes.iter().copied().fold(f64::MAX, f64::min);
    if spread < SPREAD_BITS {
        return None;
    }
    let width_bytes = width(&planes);
    let mut best: Option<(usize, NumberLayout)> = None;
    for before_bytes in starts(&planes, width_bytes) {
        for kind in NumberKind::of_width(width_bytes) {
            let numbers = sample.get(before_bytes..)?;
            let numbers = numbers.get(..numbers.len() / width_bytes * width_bytes)?;
            let packed = numeric::pack_numbers(numbers, kind)?;
            if best.is_none_or(|(len, _)| packed.len() < len) {
                best = Some((packed.len(), NumberLayout { kind, before_bytes }));
            }
        }
    }
    let (packed_bytes, layout) = best?;
    let (_, other) = codec::pack(sample, Packing::Zstd { level: ZSTD_LEVEL }).unzip();
    let other_bytes = other.map_or(sample.len(), |other| other.len());
    (packed_bytes < other_bytes / 20 * 19).then_some(layout)
}

/// Bits per byte of each of the eight planes: the bytes at `plane`, `plane + 8`, ….
fn plane_entropies(sample: &[u8]) -> [f64; 8] {
    let mut counts = [[0_u32; 256]; 8];
    for word in sample.as_chunks::<8>().0 {
        for (count, byte) in counts.iter_mut().zip(word) {
            if let Some(count) = count.get_mut(usize::from(*byte)) {
                *count += 1;
            }
        }
    }
    counts.map(|counts| {
        let total = f64::from(counts.iter().sum::<u32>().max(1));
        let bits = |count: &u32| {
            let share = f64::from(*count) / total;
            if *count == 0 {
                0.0
            } else {
                -share * share.log2()
            }
        };
        counts.iter().map(bits).sum()
    })
}

/// The width of the numbers: the shortest with which the planes repeat.
fn width(planes: &[f64; 8]) -> usize {
    let repeats = |width: usize| {
        let pairs = planes.iter().zip(planes.iter().skip(width));
        pairs
            .into_iter()
            .all(|(one, other)| (one - other).abs() < 0.3)
    };
    [2, 4]
        .into_iter()
        .find(|width| repeats(*width))
        .unwrap_or(8)
}

/// Where numbers may begin: behind a plane of fewer bits, the largest steps first, three at most.
fn starts(planes: &[f64; 8], width: usize) -> impl Iterator<Item = usize> {
    let plane = |idx: usize| planes.get(idx % width).copied().unwrap_or(0.0);
    let mut steps: Vec<(f64, usize)> = (0..width)
        .map(|start| (plane(start) - plane(start + width - 1), start))
        .collect();
    steps.sort_by(|one, other| other.0.total_cmp(&one.0));
    steps.into_iter().take(3).map(|(_, start)| start)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    fn found(bytes: &[u8]) -> Option<NumberLayout> {
        numbers(bytes)
    }

    #[test]
    fn finds_numbers_behind_any_head() {
        let mut random = StdRng::seed_from_u64(1);
        let rounded: Vec<u8> = (0..100_000)
            .flat_map(|_| ((random.random::<f32>() * 1e4).round() / 100.0).to_le_bytes())
            .collect();
        let wide: Vec<u8> = (0..100_000)
            .flat_map(|_| (random.random::<f64>() - 0.5).to_le_bytes())
            .collect();
        let counts: Vec<u8> = (0..100_000)
            .flat_map(|_| random.random_range(0..100_000_i64).to_le_bytes())
            .collect();
        for head in 0..12 {
            for (bytes, kind) in [
                (&rounded, NumberKind::F32),
                (&wide, NumberKind::F64),
                (&counts, NumberKind::I64),
            ] {
                let mut block = vec![1; head];
                block.extend_from_slice(bytes);
                let layout = found(&block).unwrap();
                // Random mantissas pack as well when they are taken for integers.
                assert_eq!(layout.kind.width_bytes(), kind.width_bytes());
                assert_eq!(layout.before_bytes, head % kind.width_bytes(), "{kind:?}");
            }
        }
    }

    #[test]
    fn noise_and_text_are_no_numbers() {
        let mut noise = vec![0; 100_000];
        StdRng::seed_from_u64(2).fill_bytes(&mut noise);
        assert_eq!(found(&noise), None);
        assert!(!lz4_pays(&noise));
        let text = "the quick brown fox jumps over the lazy dog, once more. ".repeat(2000);
        assert_eq!(found(text.as_bytes()), None);
        assert!(lz4_pays(text.as_bytes()));
    }
}
