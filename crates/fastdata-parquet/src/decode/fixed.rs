//! Columns whose Arrow values have a fixed width: numbers, times, decimals.

use std::sync::OnceLock;

use arrow_array::{ArrayRef, make_array};
use arrow_buffer::{Buffer, NullBuffer};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use fastdata_memory::PooledBuffer;
use parquet::basic::Encoding;

use super::convert::Convert;
use super::delta::Delta;
use super::gather::{gather, gather_ranges, spread};
use super::hybrid::Hybrid;
use super::leaf::{LeafDecoder, Window, dictionary_values, too_few_rows};
use super::pick::{PickedPage, Stored, picked_pages};
use super::plain::{ended, for_each_value};
use super::pod::{PooledValues, values_mut};
use super::validity::Validity;
use crate::page::{Chunk, Lifetime, PageBytes};
use crate::{Error, Result, RowRanges};

/// Decodes into `data_type`, whose values are `C::Out`.
pub(crate) struct Fixed<C: Convert> {
    convert: C,
    data_type: DataType,
    dictionary: OnceLock<PooledValues<C::Out>>,
}

impl<C: Convert> Fixed<C> {
    pub(crate) fn new(convert: C, data_type: DataType) -> Self {
        Self {
            convert,
            data_type,
            dictionary: OnceLock::new(),
        }
    }

    fn dictionary(&self, chunk: &Chunk) -> Result<&[C::Out]> {
        if let Some(values) = self.dictionary.get() {
            return Ok(values);
        }
        let (count, bytes) = dictionary_values(chunk)?;
        let values = match self.convert.stored_bytes() {
            Some(width) => {
                let stored = count.checked_mul(width).and_then(|len| bytes.get(..len));
                let stored = stored.ok_or_else(ended)?;
                // The bytes are there, so the count is no mere claim.
                let mut values = PooledValues::with_len(count);
                self.convert.all(stored, &mut values)?;
                values
            }
            None => {
                let mut values = Vec::new();
                for_each_value(Encoding::PLAIN, &bytes, None, (0, count), |stored| {
                    values.push(self.convert.one(stored)?);
                    Ok(())
                })?;
                let mut pooled = PooledValues::with_len(values.len());
                pooled.copy_from_slice(&values);
                pooled
            }
        };
        Ok(self.dictionary.get_or_init(|| values))
    }

    fn values(
        &self,
        chunk: &Chunk,
        (encoding, bytes): (Encoding, &[u8]),
        skip: usize,
        out: &mut [C::Out],
    ) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        match (encoding, self.convert.stored_bytes()) {
            (Encoding::PLAIN, Some(width)) => {
                let stored = bytes.get(skip * width..(skip + out.len()) * width);
                self.convert.all(stored.ok_or_else(ended)?, out)
            }
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _) => {
                let mut indices = Hybrid::with_width_byte(bytes)?;
                indices.skip(skip)?;
                gather(&mut indices, self.dictionary(chunk)?, out)
            }
            (Encoding::BYTE_STREAM_SPLIT, Some(width)) => {
                let joined = join_streams(bytes, width, skip, out.len())?;
                self.convert.all(&joined, out)
            }
            (Encoding::DELTA_BINARY_PACKED, _) => self.deltas(bytes, skip, out),
            (encoding, width) => {
                let mut slots = out.iter_mut();
                for_each_value(encoding, bytes, width, (skip, slots.len()), |stored| {
                    if let Some(slot) = slots.next() {
                        *slot = self.convert.one(stored)?;
                    }
                    Ok(())
                })
            }
        }
    }

    /// The wanted values of one page.
    fn pick(
        &self,
        chunk: &Chunk,
        page: &PageBytes<'_>,
        picked: &PickedPage,
        stored: &Stored,
        scratch: &mut Vec<C::Out>,
        out: &mut [C::Out],
    ) -> Result<()> {
        let (encoding, bytes) = (page.encoding, page.values);
        match (encoding, self.convert.stored_bytes(), &stored.nulls) {
            (Encoding::PLAIN, Some(width), None) => {
                let bytes = bytes.get(stored.before * width..).ok_or_else(ended)?;
                let mut slots = out;
                for range in &picked.ranges {
                    let values = bytes.get(range.start * width..range.end * width);
                    let (head, rest) = slots.split_at_mut(range.len());
                    self.convert.all(values.ok_or_else(ended)?, head)?;
                    slots = rest;
                }
                Ok(())
            }
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _, None) => {
                let mut indices = Hybrid::with_width_byte(bytes)?;
                indices.skip(stored.before)?;
                gather_ranges(&mut indices, self.dictionary(chunk)?, &picked.ranges, out)
            }
            _ => {
                scratch.resize(picked.span, C::Out::default());
                let values = &mut scratch[..stored.within];
                self.values(chunk, (encoding, bytes), stored.before, values)?;
                if let Some(nulls) = &stored.nulls {
                    spread(scratch, stored.within, nulls.last(picked.span));
                }
                picked.compact(scratch, out);
                Ok(())
            }
        }
    }

    fn array(
        &self,
        rows: usize,
        buffer: PooledBuffer,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        let data = ArrayData::builder(self.data_type.clone())
            .len(rows)
            .add_buffer(Buffer::from(buffer.into_bytes()))
            .nulls(nulls);
        Ok(make_array(data.build()?))
    }

    fn deltas(&self, bytes: &[u8], skip: usize, out: &mut [C::Out]) -> Result<()> {
        let mut delta = Delta::new(bytes)?;
        delta.skip(skip)?;
        let mut block = [0; 512];
        for slots in out.chunks_mut(block.len()) {
            let block = &mut block[..slots.len()];
            delta.read(block)?;
            let converted = self.convert.integers(block, slots);
            converted
                .unwrap_or_else(|| Err(Error::corrupt("deltas of values that are no integers")))?;
        }
        Ok(())
    }
}

impl<C: Convert> LeafDecoder for Fixed<C> {
    fn read(&self, chunk: &Chunk, window: &Window) -> Result<ArrayRef> {
        let rows = window.rows.len();
        let mut buffer = PooledBuffer::with_len(rows * size_of::<C::Out>());
        let nulls = self.read_into(chunk, window, buffer.as_mut_slice())?;
        self.array(rows, buffer, nulls)
    }

    fn value_bytes(&self) -> Option<usize> {
        Some(size_of::<C::Out>())
    }

    fn read_into(
        &self,
        chunk: &Chunk,
        window: &Window,
        out: &mut [u8],
    ) -> Result<Option<NullBuffer>> {
        let out = values_mut::<C::Out>(out);
        let mut validity = Validity::with_capacity(window.rows.len());
        let mut at = 0;
        for part in window.pages(chunk) {
            let (visit, skip) = part?;
            let take = visit.rows;
            chunk.with_page(visit, Lifetime::Call, |bytes| {
                let present = validity.append_page_or_all(window.optional, bytes, skip, take)?;
                let out = &mut out[at..at + take];
                let values = (bytes.encoding, bytes.values);
                self.values(chunk, values, present.before, &mut out[..present.within])?;
                if present.within < take {
                    spread(out, present.within, validity.last(take));
                }
                Ok(())
            })?;
            at += take;
        }
        // Window::pages ends early where pages are missing at the end of the chunk.
        if at != window.rows.len() {
            return Err(too_few_rows());
        }
        Ok(validity.finish())
    }

    fn read_rows(&self, chunk: &Chunk, window: &Window, wanted: &RowRanges) -> Result<ArrayRef> {
        let rows = wanted.row_count();
        let mut buffer = PooledBuffer::with_len(rows * size_of::<C::Out>());
        let out = values_mut::<C::Out>(buffer.as_mut_slice());
        let mut validity = Validity::with_capacity(rows);
        let mut scratch = Vec::new();
        let mut at = 0;
        for page in picked_pages(chunk, window, wanted)? {
            let out = &mut out[at..at + page.count];
            at += page.count;
            chunk.with_page(page.visit, Lifetime::Call, |bytes| {
                let stored = page.append_validity(bytes, window.optional, &mut validity)?;
                self.pick(chunk, bytes, &page, &stored, &mut scratch, out)
            })?;
        }
        self.array(rows, buffer, validity.finish())
    }
}

/// BYTE_STREAM_SPLIT: all first bytes, then all second bytes, …; `take` values as they would be
/// in PLAIN.
pub(crate) fn join_streams(
    bytes: &[u8],
    width: usize,
    skip: usize,
    take: usize,
) -> Result<Vec<u8>> {
    let count = bytes.len() / width.max(1);
    if skip + take > count {
        return Err(ended());
    }
    let mut joined = vec![0; take * width];
    for (number, stream) in bytes.chunks_exact(count.max(1)).take(width).enumerate() {
        let values = joined.chunks_exact_mut(width.max(1));
        for (value, &byte) in values.zip(&stream[skip..skip + take]) {
            value[number] = byte;
        }
    }
    Ok(joined)
}
