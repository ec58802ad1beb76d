//! Definition levels of leaves inside of structs. They have several steps: a level says which of the
//! structs around the leaf is the first that is null.

use super::hybrid::{Hybrid, Packed, Run};
use crate::page::PageBytes;
use crate::{Error, Result};

/// Levels unpacked at once.
const BLOCK: usize = 256;

/// Calls `each` with the levels of the first `count` rows of a page, as runs of equal ones.
pub(super) fn each_run(
    page: &PageBytes<'_>,
    count: usize,
    mut each: impl FnMut(u32, usize),
) -> Result<()> {
    let max = u32::from(page.definition_max);
    let width = u32::BITS - max.leading_zeros();
    let mut checked = |level: u32, rows: usize| {
        if level > max {
            return Err(Error::corrupt("a definition level above its maximum"));
        }
        each(level, rows);
        Ok(())
    };
    if page.definition_bit_packed {
        return each_bit_packed(page.definition, width, count, checked);
    }
    let mut levels = Hybrid::new(page.definition, width)?;
    let mut left = count;
    while left > 0 {
        let run = levels.next(left)?;
        left -= run.len();
        match run {
            Run::Repeat(level, rows) => checked(level, rows)?,
            Run::Packed(packed) => each_packed(&packed, &mut checked)?,
        }
    }
    Ok(())
}

fn each_packed(packed: &Packed<'_>, each: &mut impl FnMut(u32, usize) -> Result<()>) -> Result<()> {
    let mut block = [0; BLOCK];
    for from in (0..packed.count).step_by(BLOCK) {
        let levels = &mut block[..BLOCK.min(packed.count - from)];
        packed.unpack(from, levels);
        for run in levels.chunk_by(|one, other| one == other) {
            each(run[0], run.len())?;
        }
    }
    Ok(())
}

/// The deprecated packing: most significant bit first.
fn each_bit_packed(
    bytes: &[u8],
    width: u32,
    count: usize,
    mut each: impl FnMut(u32, usize) -> Result<()>,
) -> Result<()> {
    let width = width as usize;
    if (count * width).div_ceil(8) > bytes.len() {
        return Err(Error::corrupt("the page ends before its levels do"));
    }
    let bit = |at: usize| u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
    (0..count).try_for_each(|row| {
        let bits = row * width..(row + 1) * width;
        each(bits.fold(0, |high, at| high << 1 | bit(at)), 1)
    })
}

#[cfg(test)]
mod tests {
    use parquet::basic::Encoding;

    use super::*;

    #[track_caller]
    fn levels(definition: &[u8], bit_packed: bool, max: u16, count: usize) -> Result<Vec<u32>> {
        let page = PageBytes {
            definition,
            definition_bit_packed: bit_packed,
            definition_max: max,
            values: &[],
            encoding: Encoding::PLAIN,
            shared: None,
        };
        let mut found = Vec::new();
        each_run(&page, count, |level, rows| {
            found.extend(std::iter::repeat_n(level, rows));
        })?;
        Ok(found)
    }

    #[test]
    fn runs_and_packed_levels_are_one_stream() {
        // Four of level 3, then eight of two bits each: 0 1 2 3 3 2 1 0.
        let stream = [4 << 1, 3, 0x03, 0b1110_0100, 0b0001_1011];
        let expected = [3, 3, 3, 3, 0, 1, 2, 3, 3, 2, 1, 0];
        for count in 0..=expected.len() {
            assert_eq!(levels(&stream, false, 3, count).unwrap(), expected[..count]);
        }
        assert!(levels(&stream, false, 2, 1).is_err(), "above the maximum");
        assert!(levels(&stream, false, 3, 13).is_err(), "past the end");
    }

    #[test]
    fn the_deprecated_packing_has_its_high_bits_first() {
        let bytes = [0b0001_1011, 0b1100_0000];
        assert_eq!(levels(&bytes, true, 3, 5).unwrap(), [0, 1, 2, 3, 3]);
        assert!(levels(&bytes, true, 3, 9).is_err());
    }
}
