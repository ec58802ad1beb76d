//! Definition levels of flat columns to a validity bitmap.

use std::ops::Range;

use arrow_buffer::{BooleanBufferBuilder, NullBuffer, bit_chunk_iterator::UnalignedBitChunk};

use super::hybrid::{Hybrid, Run};
use super::levels::each_run;
use crate::page::PageBytes;
use crate::{Error, Result};

/// Validity collected over pages; no bitmap exists until the first null.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    len: usize,
    bits: Option<BooleanBufferBuilder>,
    capacity: usize,
}

/// What the levels of a window of a page say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Present {
    /// Values stored in front of the window.
    pub(crate) before: usize,
    /// Values stored for the window.
    pub(crate) within: usize,
}

impl Validity {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            len: 0,
            bits: None,
            capacity,
        }
    }

    pub(crate) fn append_valid(&mut self, count: usize) {
        if let Some(bits) = &mut self.bits {
            bits.append_n(count, true);
        }
        self.len += count;
    }

    /// Takes the bits `range` of `other`.
    pub(crate) fn append_part(&mut self, other: &Self, range: Range<usize>) {
        let Some(bits) = &other.bits else {
            return self.append_valid(range.len());
        };
        self.len += range.len();
        let from = self.len - range.len();
        let own = self.bits_of(from);
        own.append_packed_range(range, bits.as_slice());
    }

    fn bits(&mut self) -> &mut BooleanBufferBuilder {
        self.bits_of(self.len)
    }

    /// The bitmap, of which `len` bits exist or are valid.
    fn bits_of(&mut self, len: usize) -> &mut BooleanBufferBuilder {
        let capacity = self.capacity;
        self.bits.get_or_insert_with(|| {
            let mut bits = BooleanBufferBuilder::new(capacity);
            bits.append_n(len, true);
            bits
        })
    }

    /// Takes the levels of rows `skip..skip + take` of a page whose column is optional.
    pub(crate) fn append_page(
        &mut self,
        page: &PageBytes<'_>,
        skip: usize,
        take: usize,
    ) -> Result<Present> {
        if page.definition_max > 1 {
            return self.append_levels(page, skip, take, page.definition_max);
        }
        if page.definition_bit_packed {
            return self.append_bit_packed(page.definition, skip, take);
        }
        let mut levels = Hybrid::new(page.definition, 1)?;
        let before = count_ones(&mut levels, skip)?;
        let within = count_ones(&mut levels.clone(), take)?;
        if within == take {
            self.append_valid(take);
            return Ok(Present { before, within });
        }
        let bits = self.bits();
        let mut left = take;
        while left > 0 {
            match levels.next(left)? {
                Run::Repeat(level, count) => {
                    bits.append_n(count, level & 1 == 1);
                    left -= count;
                }
                Run::Packed(packed) => {
                    let range = packed.first_bit..packed.first_bit + packed.count;
                    bits.append_packed_range(range, packed.bytes);
                    left -= packed.count;
                }
            }
        }
        self.len += take;
        Ok(Present { before, within })
    }

    /// Takes, for rows `skip..skip + take` of a page, whether their definition levels reach `level`:
    /// of a leaf inside of structs its maximum, or the level of one of the structs.
    pub(crate) fn append_levels(
        &mut self,
        page: &PageBytes<'_>,
        skip: usize,
        take: usize,
        level: u16,
    ) -> Result<Present> {
        let mut present = Present {
            before: 0,
            within: 0,
        };
        let mut skipped = 0;
        each_run(page, skip + take, |found, rows| {
            let reaches = found >= u32::from(level);
            let in_front = rows.min(skip - skipped);
            skipped += in_front;
            let rows = rows - in_front;
            if reaches {
                present.before += in_front;
                present.within += rows;
                self.append_valid(rows);
            } else if rows > 0 {
                self.bits().append_n(rows, false);
                self.len += rows;
            }
        })?;
        Ok(present)
    }

    /// [`Self::append_page`] for an optional column, all valid for a required one.
    pub(crate) fn append_page_or_all(
        &mut self,
        optional: bool,
        page: &PageBytes<'_>,
        skip: usize,
        take: usize,
    ) -> Result<Present> {
        if optional {
            return self.append_page(page, skip, take);
        }
        self.append_valid(take);
        Ok(Present {
            before: skip,
            within: take,
        })
    }

    /// The deprecated packing: one bit a level, most significant first.
    fn append_bit_packed(&mut self, bytes: &[u8], skip: usize, take: usize) -> Result<Present> {
        if (skip + take).div_ceil(8) > bytes.len() {
            return Err(Error::corrupt("the page ends before its levels do"));
        }
        let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1 == 1;
        let before = (0..skip).filter(|&at| bit(at)).count();
        let within = (skip..skip + take).filter(|&at| bit(at)).count();
        let bits = self.bits();
        (skip..skip + take).for_each(|at| bits.append(bit(at)));
        self.len += take;
        Ok(Present { before, within })
    }

    /// Tells which of the last `count` positions appended are valid.
    pub(crate) fn last(&self, count: usize) -> impl Fn(usize) -> bool {
        let from = self.len - count;
        move |at| {
            self.bits
                .as_ref()
                .is_none_or(|bits| bits.get_bit(from + at))
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn finish(self) -> Option<NullBuffer> {
        let mut bits = self.bits?;
        let nulls = NullBuffer::new(bits.finish());
        (nulls.null_count() > 0).then_some(nulls)
    }
}

fn count_ones(levels: &mut Hybrid<'_>, mut count: usize) -> Result<usize> {
    let mut ones = 0;
    while count > 0 {
        let run = levels.next(count)?;
        count -= run.len();
        ones += match run {
            Run::Repeat(0, _) => 0,
            Run::Repeat(1, count) => count,
            Run::Repeat(..) => return Err(Error::corrupt("a definition level above its maximum")),
            Run::Packed(packed) => {
                UnalignedBitChunk::new(packed.bytes, packed.first_bit, packed.count).count_ones()
            }
        };
    }
    Ok(ones)
}
