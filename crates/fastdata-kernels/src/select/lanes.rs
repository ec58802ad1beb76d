//! Values of fixed width, moved as plain bytes.
//!
//! A value is a lane of `W` bytes without alignment, so one set of kernels serves every type. Bits
//! are applied word by word: a full word is copied as a run, all others by AVX-512's compress or AVX2's
//! permutations where the processor has them. That reads all of a word's rows for the few that live,
//! one after the other as the processor expects it: going for those few alone took twice as long, from
//! one row in twenty on. Compress goes to a register and from there to memory by a full store:
//! compressing to memory directly is microcoded on Zen.
#![expect(
    unsafe_code,
    reason = "vector stores past the written end, within the output"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;

use std::mem::MaybeUninit;

use super::picks::{Part, Picks, Run};
use crate::bits::{BitSlice, WORD};

/// Runs of at most this length, as those of a list's child, are copied as one of exactly this many.
const SHORT_RUN: usize = 8;

/// Writes the picked lanes of `source` to all of `out`.
///
/// # Panics
///
/// When the picks do not fill `out` exactly, or lie outside of `source`.
pub(super) fn select_lanes<const W: usize>(
    source: &[[u8; W]],
    part: &Part<'_>,
    out: &mut [MaybeUninit<[u8; W]>],
) {
    let written = match &part.picks {
        Picks::Range(rows) => {
            out.write_copy_of_slice(&source[rows.clone()]);
            rows.len()
        }
        Picks::Runs(runs) => runs.iter().fold(0, |at, run| {
            copy_run(source, *run, out, at);
            at + run.len
        }),
        Picks::Rows32(rows) => gather(source, rows.iter().map(|row| *row as usize), out),
        Picks::Rows64(rows) => gather(source, rows.iter().map(|row| *row as usize), out),
        Picks::Bits { bits, first_row } => {
            compress(&source[*first_row..first_row + bits.len()], *bits, out)
        }
    };
    assert_eq!(written, out.len(), "the picks fill the output");
}

/// Copies the lanes of `run` to `out` from `at` on; what follows them there may be overwritten.
#[inline(always)]
fn copy_run<const W: usize>(
    source: &[[u8; W]],
    run: Run,
    out: &mut [MaybeUninit<[u8; W]>],
    at: usize,
) {
    if run.len <= SHORT_RUN
        && let Some(source) = source[run.start..].first_chunk::<SHORT_RUN>()
        && let Some(out) = out[at..].first_chunk_mut::<SHORT_RUN>()
    {
        // A call of memcpy with a length that is not known costs more than the lanes.
        *out = source.map(MaybeUninit::new);
        return;
    }
    out[at..at + run.len].write_copy_of_slice(&source[run.start..run.start + run.len]);
}

fn gather<const W: usize>(
    source: &[[u8; W]],
    rows: impl ExactSizeIterator<Item = usize>,
    out: &mut [MaybeUninit<[u8; W]>],
) -> usize {
    let count = rows.len();
    for (row, out) in rows.zip(out) {
        // One predictable comparison; the load that waits for memory costs all of the time.
        out.write(source[row]);
    }
    count
}

/// Writes the lanes whose bits are set and returns how many there were.
///
/// # Panics
///
/// When they do not fit into `out`.
fn compress<const W: usize>(
    source: &[[u8; W]],
    bits: BitSlice<'_>,
    out: &mut [MaybeUninit<[u8; W]>],
) -> usize {
    assert_eq!(source.len(), bits.len(), "one bit for every lane");
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && matches!(W, 1 | 2 | 4 | 8 | 16) && avx512::is_available() {
        // SAFETY: the features were detected just now, and the length was asserted above.
        return unsafe { avx512::compress(source, bits, out) };
    }
    #[cfg(target_arch = "x86_64")]
    if !cfg!(miri) && matches!(W, 1 | 2 | 4 | 8) && avx2::is_available() {
        // SAFETY: the features were detected just now, and the length was asserted above.
        return unsafe { avx2::compress(source, bits, out) };
    }
    compress_scalar(source, bits, out)
}

/// The scalar twin, complete for every width.
#[inline(always)]
fn compress_scalar<const W: usize>(
    source: &[[u8; W]],
    bits: BitSlice<'_>,
    out: &mut [MaybeUninit<[u8; W]>],
) -> usize {
    let mut written = 0;
    bits.for_each_word(|at, word| {
        written += compress_word(&source[at * WORD..], word, &mut out[written..]);
    });
    written
}

/// The part that the vector twins share: full words and the ends of arrays are not worth a vector;
/// `dense` writes the lanes of all others to the front of the room it is given.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn compress_by<const W: usize>(
    source: &[[u8; W]],
    bits: BitSlice<'_>,
    out: &mut [MaybeUninit<[u8; W]>],
    dense: impl Fn(&[[u8; W]; WORD], u64, &mut [MaybeUninit<[u8; W]>; WORD]),
) -> usize {
    debug_assert_eq!(source.len(), bits.len());
    let mut written = 0;
    bits.for_each_word(|at, word| {
        if word == 0 {
            return;
        }
        let rows = &source[at * WORD..];
        let room = &mut out[written..];
        match (rows.first_chunk::<WORD>(), room.first_chunk_mut::<WORD>()) {
            (Some(rows), Some(room)) if word != u64::MAX => {
                dense(rows, word, room);
            }
            _ => {
                compress_word(rows, word, room);
            }
        }
        written += word.count_ones() as usize;
    });
    written
}

/// One word's lanes, row by row, or all at once.
#[inline(always)]
fn compress_word<const W: usize>(
    source: &[[u8; W]],
    mut word: u64,
    out: &mut [MaybeUninit<[u8; W]>],
) -> usize {
    if word == u64::MAX {
        out[..WORD].write_copy_of_slice(&source[..WORD]);
        return WORD;
    }
    let mut written = 0;
    while word != 0 {
        out[written].write(source[word.trailing_zeros() as usize]);
        written += 1;
        word &= word - 1;
    }
    written
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    //! The AVX-512 twin.

    use std::arch::x86_64::*;

    use super::{BitSlice, MaybeUninit, WORD, compress_by};

    pub(super) fn is_available() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("popcnt")
    }

    /// See [`super::compress`]; `W` is 1, 2, 4, 8 or 16.
    ///
    /// # Safety
    ///
    /// - The processor has AVX-512 F, BW and VBMI2, BMI1 and POPCNT.
    /// - `source` has one lane for every bit.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,popcnt")]
    pub(super) fn compress<const W: usize>(
        source: &[[u8; W]],
        bits: BitSlice<'_>,
        out: &mut [MaybeUninit<[u8; W]>],
    ) -> usize {
        debug_assert!(is_available());
        compress_by(source, bits, out, |rows, word, room| {
            compress_vectors(rows, word, room);
        })
    }

    /// Writes the lanes of `rows` whose bits are set in `word` to the front of `room`; what lies
    /// behind them there is overwritten with anything.
    ///
    /// # Safety
    ///
    /// - The processor has AVX-512 F, BW and VBMI2, and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,popcnt")]
    #[inline]
    fn compress_vectors<const W: usize>(
        rows: &[[u8; W]; WORD],
        word: u64,
        room: &mut [MaybeUninit<[u8; W]>; WORD],
    ) {
        assert!(matches!(W, 1 | 2 | 4 | 8 | 16), "lanes that fill a vector");
        debug_assert!(is_available());
        let lanes = 64 / W;
        let source: *const [u8; W] = rows.as_ptr();
        let target: *mut MaybeUninit<[u8; W]> = room.as_mut_ptr();
        let mut written = 0;
        // `W` vectors of 64 bytes, that is 64 lanes.
        for vector in 0..W {
            let group = word >> (vector * lanes);
            let group = if lanes == WORD {
                group
            } else {
                group & ((1 << lanes) - 1)
            };
            let first = vector * lanes;
            debug_assert!(first + lanes <= WORD && written + lanes <= WORD);
            // SAFETY: `first` is at most 64 - `lanes`.
            let from = unsafe { source.add(first) };
            // SAFETY: 64 bytes from `from` on are `lanes` lanes of `rows`.
            let values = unsafe { _mm512_loadu_si512(from.cast()) };
            let packed = match W {
                1 => _mm512_maskz_compress_epi8(group, values),
                2 => _mm512_maskz_compress_epi16(group as __mmask32, values),
                4 => _mm512_maskz_compress_epi32(group as __mmask16, values),
                8 => _mm512_maskz_compress_epi64(group as __mmask8, values),
                _ => _mm512_maskz_compress_epi64(PAIRS[group as usize & 15], values),
            };
            // SAFETY: at most `first` lanes were written, and `first` + `lanes` is at most 64.
            let to = unsafe { target.add(written) };
            // SAFETY: `lanes` lanes from `to` on are within `room`, which has 64.
            unsafe { _mm512_storeu_si512(to.cast(), packed) };
            written += group.count_ones() as usize;
        }
    }

    /// Four bits, each doubled: 16-byte lanes are compressed as pairs of 8-byte ones.
    const PAIRS: [__mmask8; 16] = {
        let mut pairs = [0; 16];
        let mut bits = 0;
        while bits < 16 {
            let mut lane = 0;
            while lane < 4 {
                if bits >> lane & 1 == 1 {
                    pairs[bits] |= 3 << (2 * lane);
                }
                lane += 1;
            }
            bits += 1;
        }
        pairs
    };
}

#[cfg(test)]
mod tests {
    use arrow_buffer::BooleanBuffer;

    use super::*;

    fn lanes<const W: usize>(count: usize) -> Vec<[u8; W]> {
        (0..count)
            .map(|row| std::array::from_fn(|byte| (row * 31 + byte * 7 + row / 256) as u8))
            .collect()
    }

    type Kernel<const W: usize> =
        fn(&[[u8; W]], BitSlice<'_>, &mut [MaybeUninit<[u8; W]>]) -> usize;

    /// The twin that this machine would not choose by itself.
    #[cfg(target_arch = "x86_64")]
    fn older<const W: usize>(
        source: &[[u8; W]],
        bits: BitSlice<'_>,
        out: &mut [MaybeUninit<[u8; W]>],
    ) -> usize {
        if cfg!(miri) || !matches!(W, 1 | 2 | 4 | 8) || !avx2::is_available() {
            return compress_scalar(source, bits, out);
        }
        // SAFETY: the features were detected in the line above; the test has a lane for each bit.
        unsafe { avx2::compress(source, bits, out) }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn older<const W: usize>(
        source: &[[u8; W]],
        bits: BitSlice<'_>,
        out: &mut [MaybeUninit<[u8; W]>],
    ) -> usize {
        compress_scalar(source, bits, out)
    }

    /// All twins against an index loop, at all bit offsets and lengths 0..=4×64.
    fn check<const W: usize>(pattern: impl Fn(usize) -> bool) {
        let mask: BooleanBuffer = (0..64 + 256).map(pattern).collect();
        let source = lanes::<W>(64 + 256);
        let step = if cfg!(miri) { 37 } else { 1 };
        for offset in (0..=64).step_by(step) {
            for len in (0..=256).step_by(step) {
                let bits = mask.slice(offset, len);
                let rows = &source[offset..offset + len];
                let expected: Vec<[u8; W]> = bits.set_indices().map(|row| rows[row]).collect();
                let mut out = vec![MaybeUninit::new([0xEE; W]); expected.len() + 3];
                let kernels: [Kernel<W>; 3] = [compress, older, compress_scalar];
                for kernel in kernels {
                    let fit = &mut out[..expected.len()];
                    assert_eq!(kernel(rows, BitSlice::new(&bits), fit), expected.len());
                    for (out, expected) in out.iter().zip(&expected) {
                        // SAFETY: all of `out` was initialised above.
                        assert_eq!(unsafe { out.assume_init() }, *expected);
                    }
                    for guard in &out[expected.len()..] {
                        // SAFETY: all of `out` was initialised above.
                        assert_eq!(unsafe { guard.assume_init() }, [0xEE; W]);
                    }
                }
            }
        }
    }

    fn check_patterns<const W: usize>() {
        let random = |row: usize| (row as u32).wrapping_mul(2_654_435_761) >> 30;
        check::<W>(|row| random(row) == 0);
        check::<W>(|row| random(row) != 0);
        check::<W>(|row| row % 97 == 5);
        check::<W>(|row| row / 70 % 2 == 0);
        check::<W>(|_| true);
    }

    #[test]
    fn twins_agree_on_every_width() {
        check_patterns::<1>();
        check_patterns::<2>();
        check_patterns::<4>();
        check_patterns::<8>();
        check_patterns::<16>();
        check_patterns::<5>();
        check_patterns::<32>();
    }
}
