//! The RLE / bit-packed hybrid: runs of one value, and groups of eight values of `width` bits.

use super::unpack::unpack;
use crate::{Error, Result};

/// A part of the stream, at most as long as was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Run<'a> {
    /// One value, this many times.
    Repeat(u32, usize),
    /// Packed values.
    Packed(Packed<'a>),
}

/// Values of some bits each, little-endian, that start at any bit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Packed<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) first_bit: usize,
    pub(crate) width: u32,
    pub(crate) count: usize,
}

impl Packed<'_> {
    /// The value at `index`, below `count`.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> u32 {
        debug_assert!(index < self.count);
        let bit = self.first_bit + index * self.width as usize;
        let bytes = self.bytes.get(bit / 8..).unwrap_or_default();
        // 32 bits that start within a byte end within the fifth.
        let word = match bytes.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(word)
            }
        };
        let mask = (1_u64 << self.width) - 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "widths are at most 32 bits"
        )]
        let value = (word >> (bit % 8) & mask) as u32;
        value
    }

    /// Unpacks values `from..from + out.len()`.
    pub(crate) fn unpack(&self, from: usize, out: &mut [u32]) {
        debug_assert!(from + out.len() <= self.count);
        unpack(
            self.bytes,
            self.first_bit + from * self.width as usize,
            self.width,
            out,
        );
    }
}

/// A cursor over a hybrid stream.
#[derive(Debug, Clone)]
pub(crate) struct Hybrid<'a> {
    bytes: &'a [u8],
    width: u32,
    current: Option<Run<'a>>,
}

impl<'a> Hybrid<'a> {
    /// A stream of values of `width` bits.
    pub(crate) fn new(bytes: &'a [u8], width: u32) -> Result<Self> {
        if width > 32 {
            return Err(Error::corrupt(format!(
                "values of {width} bits, more than 32"
            )));
        }
        Ok(Self {
            bytes,
            width,
            current: None,
        })
    }

    /// A stream whose first byte is its width: dictionary indices.
    pub(crate) fn with_width_byte(bytes: &'a [u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((&width, rest)) => Self::new(rest, u32::from(width)),
            // A page of nulls only may have no indices at all.
            None => Ok(Self {
                bytes,
                width: 32,
                current: None,
            }),
        }
    }

    /// The next run, cut to `count` values; `count` is not zero.
    #[inline]
    pub(crate) fn next(&mut self, count: usize) -> Result<Run<'a>> {
        let run = match self.current.take() {
            Some(run) => run,
            None => self.read_run()?,
        };
        Ok(match run {
            Run::Repeat(value, left) if left > count => {
                self.current = Some(Run::Repeat(value, left - count));
                Run::Repeat(value, count)
            }
            Run::Packed(packed) if packed.count > count => {
                let first_bit = packed.first_bit + count * packed.width as usize;
                let rest = Packed {
                    first_bit,
                    count: packed.count - count,
                    ..packed
                };
                self.current = Some(Run::Packed(rest));
                Run::Packed(Packed { count, ..packed })
            }
            run => run,
        })
    }

    /// Passes over `count` values.
    pub(crate) fn skip(&mut self, mut count: usize) -> Result<()> {
        while count > 0 {
            count -= self.next(count)?.len();
        }
        Ok(())
    }

    fn read_run(&mut self) -> Result<Run<'a>> {
        loop {
            let header = match self.varint() {
                Ok(header) => header,
                // Nothing needs to be stored for values of no bits.
                Err(_) if self.width == 0 => return Ok(Run::Repeat(0, usize::MAX)),
                Err(error) => return Err(error),
            };
            let run = if header & 1 == 0 {
                Run::Repeat(self.run_value()?, (header >> 1) as usize)
            } else {
                self.packed((header >> 1) as usize)
            };
            // An empty run is legal; it used up a byte, so this ends.
            if run.len() > 0 {
                return Ok(run);
            }
        }
    }

    fn run_value(&mut self) -> Result<u32> {
        let width_bytes = self.width.div_ceil(8) as usize;
        let (value, rest) = self.bytes.split_at_checked(width_bytes).ok_or_else(ended)?;
        self.bytes = rest;
        Ok(value
            .iter()
            .rev()
            .fold(0, |low, &byte| low << 8 | u32::from(byte)))
    }

    /// Groups of eight; writers may cut the padding of the last one off.
    ///
    /// The run's bytes are followed by the rest of the stream, so that a few values can be
    /// unpacked with whole vectors; `count` keeps values of the next run out.
    fn packed(&mut self, groups: usize) -> Run<'a> {
        let all = self.bytes;
        let want = groups.saturating_mul(self.width as usize);
        let (own, rest) = all.split_at(want.min(all.len()));
        self.bytes = rest;
        let count = match self.width as usize {
            0 => groups.saturating_mul(8),
            width => (own.len() * 8 / width).min(groups.saturating_mul(8)),
        };
        Run::Packed(Packed {
            bytes: all,
            first_bit: 0,
            width: self.width,
            count,
        })
    }

    fn varint(&mut self) -> Result<u32> {
        let mut value = 0_u32;
        for shift in (0..35).step_by(7) {
            let (&byte, rest) = self.bytes.split_first().ok_or_else(ended)?;
            self.bytes = rest;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("a run whose length has more than 32 bits"))
    }
}

impl Run<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Run::Repeat(_, count) => *count,
            Run::Packed(packed) => packed.count,
        }
    }
}

#[cold]
fn ended() -> Error {
    Error::corrupt("the page ends before its values do")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], width: u32, expected: &[u32]) {
        for chunk in [1, 3, 8, 100] {
            let mut stream = Hybrid::new(bytes, width).unwrap();
            let mut values = Vec::new();
            while values.len() < expected.len() {
                match stream
                    .next(chunk.min(expected.len() - values.len()))
                    .unwrap()
                {
                    Run::Repeat(value, count) => values.extend(std::iter::repeat_n(value, count)),
                    Run::Packed(packed) => {
                        let mut out = vec![0; packed.count];
                        packed.unpack(0, &mut out);
                        let single: Vec<u32> = (0..packed.count).map(|at| packed.get(at)).collect();
                        assert_eq!(single, out);
                        values.extend(out);
                    }
                }
            }
            assert_eq!(values, expected, "in steps of {chunk}");
        }
    }

    #[test]
    fn runs_and_groups() {
        check(
            &[0x03, 0x88, 0xc6, 0xfa, 5 << 1, 6],
            3,
            &[0, 1, 2, 3, 4, 5, 6, 7, 6, 6, 6, 6, 6],
        );
        check(&[0, 9, 2 << 1, 7], 3, &[7, 7]);
        check(&[0x80, 0x08, 0xff, 0x03], 10, &[1023; 512]);
        check(&[], 0, &[0; 9]);
        check(&[0x03, 0xff], 1, &[1; 8]);
        check(&[0x05, 0xff], 1, &[1; 8]);
    }

    #[test]
    fn ends_and_lies_are_errors() {
        assert!(Hybrid::new(&[], 33).is_err());
        assert!(Hybrid::new(&[], 3).unwrap().next(1).is_err());
        assert!(Hybrid::new(&[0xff; 9], 3).unwrap().next(1).is_err());
        assert!(Hybrid::new(&[0x02], 9).unwrap().next(1).is_err());
        assert!(Hybrid::new(&[0x05, 0xff], 1).unwrap().skip(9).is_err());
    }
}
