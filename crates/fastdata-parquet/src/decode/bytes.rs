//! Byte arrays: strings and binaries as views into their pages, and fixed-size binaries.

use std::sync::{Arc, OnceLock};

use arrow_array::types::{
    BinaryType, BinaryViewType, ByteArrayType, ByteViewType, LargeBinaryType, LargeUtf8Type,
    StringViewType, Utf8Type,
};
use arrow_array::{ArrayRef, FixedSizeBinaryArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;
use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use parquet::basic::Encoding;

use super::fixed::join_streams;
use super::gather::{gather, gather_ranges, outside, spread};
use super::hybrid::{Hybrid, Run};
use super::leaf::{LeafDecoder, Window, dictionary_values};
use super::pick::{PickedPage, Stored, picked_pages};
use super::plain::{cut, ended, for_each_value, lengths};
use super::pod::{PooledValues, values_mut};
use super::validity::Validity;
use super::views::{ViewWriter, offsets_array, view_array};
use crate::page::{Chunk, Lifetime, PageBytes};
use crate::{Error, Result, RowRanges};

/// Decodes BYTE_ARRAY into strings or binaries of any layout.
pub(crate) struct Views {
    data_type: DataType,
    utf8: bool,
    dictionary: OnceLock<Dictionary>,
}

/// A dictionary page as views; the long ones point into `page`.
struct Dictionary {
    views: PooledValues<u128>,
    page: Option<Buffer>,
}

impl Views {
    pub(crate) fn new(data_type: DataType) -> Self {
        let utf8 = matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        Self {
            data_type,
            utf8,
            dictionary: OnceLock::new(),
        }
    }

    fn dictionary(&self, chunk: &Chunk) -> Result<&Dictionary> {
        if let Some(dictionary) = self.dictionary.get() {
            return Ok(dictionary);
        }
        let (count, bytes) = dictionary_values(chunk)?;
        // Every entry takes four bytes for its length: a larger count is a lie.
        if count > bytes.len() / 4 {
            return Err(ended());
        }
        let mut views = PooledValues::with_len(count);
        let mut writer = ViewWriter::new(&bytes, 0, self.utf8);
        writer.plain(0, &mut views)?;
        let page = writer.points().then(|| Buffer::from(bytes.clone()));
        Ok(self.dictionary.get_or_init(|| Dictionary { views, page }))
    }

    /// Writes the views of one page, adding the page to `buffers` when one points into it.
    fn page(
        &self,
        chunk: &Chunk,
        page: &PageBytes<'_>,
        skip: usize,
        out: &mut [u128],
        buffers: &mut Buffers,
    ) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let next = buffers.next_index()?;
        match page.encoding {
            Encoding::PLAIN => {
                let mut writer = ViewWriter::new(page.values, next, self.utf8);
                writer.plain(skip, out)?;
                buffers.add_if(writer.points(), page.shared.as_ref())
            }
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let dictionary = self.dictionary(chunk)?;
                buffers.set_dictionary(dictionary.page.as_ref())?;
                let mut indices = Hybrid::with_width_byte(page.values)?;
                indices.skip(skip)?;
                gather(&mut indices, &dictionary.views, out)
            }
            Encoding::DELTA_LENGTH_BYTE_ARRAY => {
                let (lengths, rest) = lengths(page.values, skip + out.len())?;
                let start = page.values.len() - rest.len();
                let mut writer = ViewWriter::new(page.values, next, self.utf8);
                writer.by_lengths(start, &lengths, skip, out)?;
                buffers.add_if(writer.points(), page.shared.as_ref())
            }
            encoding => {
                // Values that exist nowhere in the page: they get a buffer of their own.
                let mut joined = Joined::default();
                for_each_value(encoding, page.values, None, (skip, out.len()), |stored| {
                    joined.push(stored);
                    Ok(())
                })?;
                self.joined(joined, out, buffers)
            }
        }
    }

    /// Writes the views of the wanted rows of one page. Few strings must not keep a whole page
    /// alive: unless they are a dictionary's, they are copied.
    fn pick(
        &self,
        chunk: &Chunk,
        page: &PageBytes<'_>,
        picked: &PickedPage,
        stored: &Stored,
        out: &mut [u128],
        buffers: &mut Buffers,
    ) -> Result<()> {
        let is_dictionary = matches!(
            page.encoding,
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
        );
        if is_dictionary && stored.nulls.is_none() {
            let dictionary = self.dictionary(chunk)?;
            buffers.set_dictionary(dictionary.page.as_ref())?;
            let mut indices = Hybrid::with_width_byte(page.values)?;
            indices.skip(stored.before)?;
            return gather_ranges(&mut indices, &dictionary.views, &picked.ranges, out);
        }
        if is_dictionary {
            let mut views = vec![0; picked.span];
            self.page(
                chunk,
                page,
                stored.before,
                &mut views[..stored.within],
                buffers,
            )?;
            if let Some(nulls) = &stored.nulls {
                spread(&mut views, stored.within, nulls.last(picked.span));
            }
            picked.compact(&views, out);
            return Ok(());
        }
        let is_valid = stored.nulls.as_ref().map(|nulls| nulls.last(picked.span));
        let is_valid = |row: usize| is_valid.as_ref().is_none_or(|is_valid| is_valid(row));
        let mut rows = (0..picked.span).filter(|&row| is_valid(row));
        let mut ranges = picked.ranges.iter().peekable();
        let mut joined = Joined::default();
        let take = (stored.before, stored.within);
        for_each_value(page.encoding, page.values, None, take, |value| {
            let row = rows.next().ok_or_else(ended)?;
            while ranges.next_if(|range| range.end <= row).is_some() {}
            if ranges.peek().is_some_and(|range| range.start <= row) {
                joined.push(value);
            }
            Ok(())
        })?;
        let wanted = picked.ranges.iter().cloned().flatten();
        let filled: Vec<bool> = wanted.map(is_valid).collect();
        let (values, rest) = out.split_at_mut(joined.lengths.len().min(filled.len()));
        rest.fill(0);
        let stored = values.len();
        self.joined(joined, values, buffers)?;
        spread(out, stored, |row| filled[row]);
        Ok(())
    }

    fn joined(&self, joined: Joined, out: &mut [u128], buffers: &mut Buffers) -> Result<()> {
        let mut writer = ViewWriter::new(&joined.bytes, buffers.next_index()?, self.utf8);
        writer.by_lengths(0, &joined.lengths, 0, out)?;
        let points = writer.points();
        buffers.add_if(points, Some(&Bytes::from(joined.bytes)))
    }
}

/// Values copied one behind the other.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl Joined {
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.lengths.push(value.len());
    }
}

/// The buffers that an array's views point into. The dictionary's is always the first, because
/// its views were made once for all windows.
struct Buffers {
    list: Vec<Buffer>,
    has_dictionary: bool,
}

impl Buffers {
    fn new() -> Self {
        Self {
            list: vec![Buffer::from(Vec::<u8>::new())],
            has_dictionary: false,
        }
    }

    fn next_index(&self) -> Result<u32> {
        u32::try_from(self.list.len()).map_err(|_| Error::limit("more than 2^32 pages in an array"))
    }

    fn add_if(&mut self, points: bool, page: Option<&Bytes>) -> Result<()> {
        match (points, page) {
            (false, _) => Ok(()),
            (true, Some(page)) => {
                self.list.push(Buffer::from(page.clone()));
                Ok(())
            }
            (true, None) => Err(Error::corrupt("a page that did not outlive its decoding")),
        }
    }

    fn set_dictionary(&mut self, page: Option<&Buffer>) -> Result<()> {
        if let (Some(page), false) = (page, self.has_dictionary) {
            // Its place was reserved when the window was opened.
            self.list[0] = page.clone();
            self.has_dictionary = true;
        }
        Ok(())
    }
}

impl LeafDecoder for Views {
    fn read(&self, chunk: &Chunk, window: &Window) -> Result<ArrayRef> {
        let rows = window.rows.len();
        let mut buffer = PooledBuffer::with_len(rows * size_of::<u128>());
        let out = values_mut::<u128>(buffer.as_mut_slice());
        let mut validity = Validity::with_capacity(rows);
        let mut buffers = Buffers::new();
        let mut at = 0;
        for part in window.pages(chunk) {
            let (visit, skip) = part?;
            let take = visit.rows;
            // Indices are used up at once; everything else is pointed into.
            let lifetime = match chunk.pages()[visit.page].encoding() {
                Some(Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) => Lifetime::Call,
                _ => Lifetime::Shared,
            };
            chunk.with_page(visit, lifetime, |bytes| {
                let present = validity.append_page_or_all(window.optional, bytes, skip, take)?;
                let out = &mut out[at..at + take];
                let stored = &mut out[..present.within];
                self.page(chunk, bytes, present.before, stored, &mut buffers)?;
                if present.within < take {
                    spread(out, present.within, validity.last(take));
                }
                Ok(())
            })?;
            at += take;
        }
        if at != rows {
            return Err(Error::corrupt(
                "the column chunk has fewer rows than its row group",
            ));
        }
        let views = ScalarBuffer::new(Buffer::from(buffer.into_bytes()), 0, rows);
        finish(&self.data_type, views, buffers.list, validity.finish())
    }

    fn read_rows(&self, chunk: &Chunk, window: &Window, wanted: &RowRanges) -> Result<ArrayRef> {
        let rows = wanted.row_count();
        let mut buffer = PooledBuffer::with_len(rows * size_of::<u128>());
        let out = values_mut::<u128>(buffer.as_mut_slice());
        let mut validity = Validity::with_capacity(rows);
        let mut buffers = Buffers::new();
        let mut at = 0;
        for page in picked_pages(chunk, window, wanted)? {
            let out = &mut out[at..at + page.count];
            at += page.count;
            chunk.with_page(page.visit, Lifetime::Call, |bytes| {
                let stored = page.append_validity(bytes, window.optional, &mut validity)?;
                self.pick(chunk, bytes, &page, &stored, out, &mut buffers)
            })?;
        }
        let views = ScalarBuffer::new(Buffer::from(buffer.into_bytes()), 0, rows);
        finish(&self.data_type, views, buffers.list, validity.finish())
    }
}

fn finish(
    data_type: &DataType,
    views: ScalarBuffer<u128>,
    buffers: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    match data_type {
        DataType::Utf8 => laid_out::<StringViewType, Utf8Type>(views, buffers, nulls),
        DataType::LargeUtf8 => laid_out::<StringViewType, LargeUtf8Type>(views, buffers, nulls),
        DataType::Binary => laid_out::<BinaryViewType, BinaryType>(views, buffers, nulls),
        DataType::LargeBinary => laid_out::<BinaryViewType, LargeBinaryType>(views, buffers, nulls),
        DataType::Utf8View => Ok(Arc::new(view_array::<StringViewType>(
            views, buffers, nulls,
        ))),
        _ => Ok(Arc::new(view_array::<BinaryViewType>(
            views, buffers, nulls,
        ))),
    }
}

fn laid_out<V: ByteViewType, T: ByteArrayType>(
    views: ScalarBuffer<u128>,
    buffers: Vec<Buffer>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    offsets_array::<V, T>(&view_array::<V>(views, buffers, nulls))
}

/// Decodes FIXED_LEN_BYTE_ARRAY as it is.
pub(crate) struct FixedBytes {
    width: usize,
    dictionary: OnceLock<Bytes>,
}

impl FixedBytes {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            dictionary: OnceLock::new(),
        }
    }

    fn dictionary(&self, chunk: &Chunk) -> Result<&Bytes> {
        if let Some(dictionary) = self.dictionary.get() {
            return Ok(dictionary);
        }
        let (count, bytes) = dictionary_values(chunk)?;
        let len = count
            .checked_mul(self.width)
            .filter(|&len| len <= bytes.len());
        let values = bytes.slice(..len.ok_or_else(ended)?);
        Ok(self.dictionary.get_or_init(|| values))
    }

    fn page(&self, chunk: &Chunk, page: &PageBytes<'_>, skip: usize, out: &mut [u8]) -> Result<()> {
        let (width, take) = (self.width, out.len() / self.width);
        if take == 0 {
            return Ok(());
        }
        match page.encoding {
            Encoding::PLAIN => {
                let mut rest = page.values.get(skip * width..).ok_or_else(ended)?;
                out.copy_from_slice(cut(&mut rest, take * width)?);
                Ok(())
            }
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let dictionary = self.dictionary(chunk)?;
                let mut indices = Hybrid::with_width_byte(page.values)?;
                indices.skip(skip)?;
                self.gather(&mut indices, dictionary, out)
            }
            Encoding::BYTE_STREAM_SPLIT => {
                out.copy_from_slice(&join_streams(page.values, width, skip, take)?);
                Ok(())
            }
            encoding => {
                let mut slots = out.chunks_exact_mut(width);
                for_each_value(encoding, page.values, Some(width), (skip, take), |stored| {
                    let slot = slots.next().filter(|slot| slot.len() == stored.len());
                    let slot = slot.ok_or_else(|| Error::corrupt("a value of the wrong length"))?;
                    slot.copy_from_slice(stored);
                    Ok(())
                })
            }
        }
    }

    fn gather(&self, indices: &mut Hybrid<'_>, dictionary: &[u8], out: &mut [u8]) -> Result<()> {
        let entry = |index: u32| {
            let from = index as usize * self.width;
            dictionary.get(from..from + self.width).ok_or_else(outside)
        };
        let mut slots = out.chunks_exact_mut(self.width);
        let mut block = [0_u32; 64];
        while slots.len() > 0 {
            match indices.next(slots.len().min(block.len()))? {
                Run::Repeat(index, count) => {
                    let value = entry(index)?;
                    slots
                        .by_ref()
                        .take(count)
                        .for_each(|slot| slot.copy_from_slice(value));
                }
                Run::Packed(packed) => {
                    let block = &mut block[..packed.count];
                    packed.unpack(0, block);
                    for (&mut index, slot) in block.iter_mut().zip(slots.by_ref()) {
                        slot.copy_from_slice(entry(index)?);
                    }
                }
            }
        }
        Ok(())
    }
}

impl LeafDecoder for FixedBytes {
    fn read(&self, chunk: &Chunk, window: &Window) -> Result<ArrayRef> {
        let (rows, width) = (window.rows.len(), self.width);
        let size = i32::try_from(width).map_err(|_| Error::unsupported("values over 2 GiB"))?;
        let mut buffer = PooledBuffer::with_len(rows * width);
        let out = buffer.as_mut_slice();
        let mut validity = Validity::with_capacity(rows);
        let mut at = 0;
        for part in window.pages(chunk) {
            let (visit, skip) = part?;
            let take = visit.rows;
            chunk.with_page(visit, Lifetime::Call, |bytes| {
                let present = validity.append_page_or_all(window.optional, bytes, skip, take)?;
                let out = &mut out[at * width..(at + take) * width];
                self.page(
                    chunk,
                    bytes,
                    present.before,
                    &mut out[..present.within * width],
                )?;
                if present.within < take {
                    spread_bytes(out, width, present.within, validity.last(take));
                }
                Ok(())
            })?;
            at += take;
        }
        let values = Buffer::from(buffer.into_bytes());
        Ok(Arc::new(FixedSizeBinaryArray::try_new(
            size,
            values,
            validity.finish(),
        )?))
    }
}

/// [`spread`] for values of a width known only at run time.
fn spread_bytes(out: &mut [u8], width: usize, stored: usize, valid: impl Fn(usize) -> bool) {
    let mut from = stored;
    for to in (0..out.len() / width).rev() {
        if from == to + 1 {
            return;
        }
        if valid(to) {
            from -= 1;
            out.copy_within(from * width..(from + 1) * width, to * width);
        } else {
            out[to * width..(to + 1) * width].fill(0);
        }
    }
}
