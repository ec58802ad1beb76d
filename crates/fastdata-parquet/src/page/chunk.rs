//! A column chunk: where its pages are, and their bytes decompressed once.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use fastdata_memory::PooledBuffer;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ColumnChunkMetaData;

use super::codec::decompress;
use super::header::{PageHeader, PageKind};
use super::snappy::decompress_two;
use super::{crc, pieces::Pieces};
use crate::index::OffsetIndex;
use crate::{Error, Limits, Result};

/// Scratch above this is given back: one giant page must not pin its size to every thread.
const SCRATCH_KEPT_BYTES: usize = 16 << 20;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The pages of one column chunk.
#[derive(Debug)]
pub(crate) struct Chunk {
    codec: Compression,
    levels: Levels,
    pages: Vec<PageEntry>,
    dictionary: Option<PageEntry>,
    /// Whether all pages are there, not only those that an offset index points to.
    is_whole: bool,
    counters: Counters,
}

/// Maximum levels of the column: which levels its pages hold at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Levels {
    definition: i16,
    repetition: i16,
}

/// What opening a chunk needs to know.
#[derive(Debug)]
pub(crate) struct ChunkSource<'a> {
    pub(crate) column: &'a ColumnChunkMetaData,
    /// Where it lies, perhaps with bytes behind it that belong to the next one.
    pub(crate) range: Range<u64>,
    pub(crate) num_rows: usize,
    /// Whether v2 pages are compressed even where their headers say that they are not.
    pub(crate) v2_compressed: bool,
    pub(crate) pieces: &'a Pieces,
    pub(crate) index: Option<&'a OffsetIndex>,
    pub(crate) limits: &'a Limits,
}

/// One page: its header, its stored bytes and the rows that it holds.
#[derive(Debug)]
pub(crate) struct PageEntry {
    pub(crate) header: PageHeader,
    stored: Bytes,
    /// First row within the row group; for nested columns without an index, unknown and 0.
    pub(crate) first_row: usize,
    /// Rows; `None` for nested columns whose header and index do not say.
    pub(crate) num_rows: Option<usize>,
    slot: Mutex<Slot>,
}

/// The decompressed bytes of a page that more than one window reads.
#[derive(Debug, Default)]
struct Slot {
    kept: Option<Bytes>,
    rows_read: usize,
}

/// The decompressed bytes of a page, split into its parts.
pub(crate) struct PageBytes<'a> {
    /// Definition levels, without their length prefix.
    pub(crate) definition: &'a [u8],
    /// Whether the definition levels are in the deprecated big-endian packing.
    pub(crate) definition_bit_packed: bool,
    /// The highest of them; above 1 for leaves inside of structs.
    pub(crate) definition_max: u16,
    /// The values.
    pub(crate) values: &'a [u8],
    /// Encoding of the values.
    pub(crate) encoding: Encoding,
    /// The values as a buffer that can be pointed into, when it was asked for.
    pub(crate) shared: Option<Bytes>,
}

/// A page that is about to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    /// Its number.
    pub(crate) page: usize,
    /// Rows of it that this visit reads; a page is forgotten when all have been.
    pub(crate) rows: usize,
    /// Whether the page behind it is read next.
    pub(crate) then_next: bool,
}

/// Whether decoded values will point into the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// The page may be thrown away after the call.
    Call,
    /// The page lives on inside arrays: [`PageBytes::shared`] is set.
    Shared,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) decompress_ns: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) compressed_bytes: AtomicU64,
    pub(crate) uncompressed_bytes: AtomicU64,
}

/// The bytes of a column chunk within its file.
pub(crate) fn chunk_range(column: &ColumnChunkMetaData) -> Result<Range<u64>> {
    let bad = || {
        Error::corrupt(format!(
            "column {}: its chunk has no place",
            column.column_path()
        ))
    };
    if column.file_path().is_some_and(|path| !path.is_empty()) {
        return Err(Error::unsupported(format!(
            "column {}: its chunk lies in another file",
            column.column_path()
        )));
    }
    let data = u64::try_from(column.data_page_offset()).map_err(|_| bad())?;
    let len = u64::try_from(column.compressed_size()).map_err(|_| bad())?;
    // Some writers leave a zero for "no dictionary"; no page starts before the magic bytes.
    let dictionary = column.dictionary_page_offset().filter(|&offset| offset > 0);
    let start = dictionary.map_or(data, |offset| data.min(offset.cast_unsigned()));
    Ok(start..start.checked_add(len).ok_or_else(bad)?)
}

/// The dictionary page at the start of `bytes`: how many values it has, and their PLAIN bytes.
pub(crate) fn dictionary_page(
    bytes: &Bytes,
    codec: Compression,
    limits: &Limits,
) -> Result<(usize, Vec<u8>)> {
    let header = PageHeader::read(bytes, limits)?;
    let PageKind::Dictionary { num_values, .. } = header.kind else {
        return Err(Error::corrupt("not a dictionary page"));
    };
    let body = header.header_bytes..header.header_bytes + header.compressed_bytes;
    let stored = bytes
        .get(body)
        .ok_or_else(|| Error::truncated("a dictionary page cut short"))?;
    crc::check(stored, header.crc)?;
    let mut page = vec![0; header.uncompressed_bytes];
    decompress(codec, stored, &mut page)?;
    Ok((num_values, page))
}

impl ChunkSource<'_> {
    fn header(&self, bytes: &[u8]) -> Result<PageHeader> {
        let mut header = PageHeader::read(bytes, self.limits)?;
        if let PageKind::DataV2 { is_compressed, .. } = &mut header.kind {
            *is_compressed |= self.v2_compressed;
        }
        Ok(header)
    }
}

impl Chunk {
    /// Reads the page headers: all of them when the whole chunk is there, else those that the
    /// offset index points to.
    pub(crate) fn open(source: &ChunkSource<'_>) -> Result<Self> {
        let descr = source.column.column_descr();
        let mut chunk = Self {
            codec: source.column.compression(),
            levels: Levels {
                definition: descr.max_def_level(),
                repetition: descr.max_rep_level(),
            },
            pages: Vec::new(),
            dictionary: None,
            is_whole: true,
            counters: Counters::default(),
        };
        let range = source.range.clone();
        let whole = match range.is_empty() {
            true => Some(Bytes::new()),
            false => source.pieces.slice(range.clone()),
        };
        match whole {
            Some(bytes) => chunk.walk(&bytes, source)?,
            None => chunk.walk_indexed(range, source)?,
        }
        Ok(chunk)
    }

    fn walk(&mut self, bytes: &Bytes, source: &ChunkSource<'_>) -> Result<()> {
        let flat = self.levels.repetition == 0;
        let claimed = usize::try_from(source.column.num_values()).unwrap_or(0);
        let wanted = if flat { source.num_rows } else { claimed };
        let counted = usize::try_from(source.column.compressed_size()).unwrap_or(0);
        let (mut at, mut values, mut rows) = (0, 0_usize, 0_usize);
        // Nested columns are followed to the end, because their count of values is only a claim.
        while at < bytes.len() && (values < wanted || (!flat && at < counted)) {
            let header = source.header(&bytes[at..]);
            let header =
                header.map_err(|error| error.at(format!("page at byte {at} of the chunk")))?;
            let start = at + header.header_bytes;
            let end = start + header.compressed_bytes;
            if end > bytes.len() {
                return Err(Error::truncated(format!(
                    "page at byte {at} of the chunk ends {} bytes behind it",
                    end - bytes.len()
                )));
            }
            let mut entry = PageEntry::new(header, bytes.slice(start..end));
            at = end;
            let Some(num_values) = entry.header.data_values() else {
                self.add_other(entry)?;
                continue;
            };
            entry.first_row = rows;
            entry.num_rows = entry.rows_in(flat);
            values += num_values;
            rows += entry.num_rows.unwrap_or(0);
            self.pages.push(entry);
        }
        if flat && rows != source.num_rows {
            return Err(Error::corrupt(format!(
                "its pages hold {rows} rows but the row group has {}",
                source.num_rows
            )));
        }
        self.borrow_rows(source);
        Ok(())
    }

    /// For nested v1 pages only the offset index knows the rows; it is believed when it describes
    /// exactly the pages that are there.
    fn borrow_rows(&mut self, source: &ChunkSource<'_>) {
        let Some(index) = source.index else { return };
        if self.pages.iter().all(|page| page.num_rows.is_some())
            || index.pages.len() != self.pages.len()
        {
            return;
        }
        for (page, (place, rows)) in self.pages.iter_mut().zip(index.rows(source.num_rows)) {
            page.first_row = place.first_row;
            page.num_rows = Some(rows.len());
        }
    }

    fn walk_indexed(&mut self, range: Range<u64>, source: &ChunkSource<'_>) -> Result<()> {
        self.is_whole = false;
        let index = source.index.ok_or_else(|| {
            Error::invalid("neither the whole column chunk nor an offset index for a part of it")
        })?;
        let flat = self.levels.repetition == 0;
        let first = index.pages.first().map_or(range.end, |page| page.offset);
        if range.start < first {
            let head = source.pieces.slice(range.start..first);
            let head = head.ok_or_else(|| Error::invalid("the dictionary page was not fetched"))?;
            let header = source.header(&head)?;
            let body = header.header_bytes..header.header_bytes + header.compressed_bytes;
            if body.end > head.len() {
                return Err(Error::corrupt(
                    "the dictionary page overlaps the first data page",
                ));
            }
            self.add_other(PageEntry::new(header, head.slice(body)))?;
        }
        for (place, rows) in index.rows(source.num_rows) {
            let Some(bytes) = source
                .pieces
                .slice(place.offset..place.offset + place.bytes)
            else {
                continue;
            };
            let header = source.header(&bytes)?;
            let body = header.header_bytes..header.header_bytes + header.compressed_bytes;
            if body.end > bytes.len() {
                return Err(Error::corrupt(
                    "a page is longer than the offset index says",
                ));
            }
            let mut entry = PageEntry::new(header, bytes.slice(body));
            entry.first_row = rows.start;
            entry.num_rows = Some(rows.len());
            if entry.rows_in(flat).is_some_and(|count| count != rows.len()) {
                return Err(Error::corrupt(
                    "a page has other rows than the offset index says",
                ));
            }
            self.pages.push(entry);
        }
        Ok(())
    }

    fn add_other(&mut self, entry: PageEntry) -> Result<()> {
        if !matches!(entry.header.kind, PageKind::Dictionary { .. }) {
            return Ok(());
        }
        if self.dictionary.is_some() {
            return Err(Error::corrupt("the chunk has two dictionary pages"));
        }
        self.dictionary = Some(entry);
        Ok(())
    }

    /// Whether [`Self::pages`] are all that the chunk has.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The data pages that are there.
    pub(crate) fn pages(&self) -> &[PageEntry] {
        &self.pages
    }

    /// The dictionary page's header and bytes.
    pub(crate) fn dictionary(&self) -> Result<Option<(PageHeader, Bytes)>> {
        let Some(entry) = &self.dictionary else {
            return Ok(None);
        };
        Ok(Some((entry.header.clone(), self.whole(entry)?)))
    }

    pub(crate) fn has_dictionary(&self) -> bool {
        self.dictionary.is_some()
    }

    /// Calls `work` with the values of page `index` if they are PLAIN.
    pub(crate) fn with_plain_values(
        &self,
        index: usize,
        work: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let entry = &self.pages[index];
        if entry.encoding() != Some(Encoding::PLAIN) {
            return Ok(());
        }
        let bytes = self.whole(entry)?;
        work(self.split(entry, &bytes, None)?.values)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Calls `work` with the bytes of the page of `visit`.
    pub(crate) fn with_page<R>(
        &self,
        visit: Visit,
        lifetime: Lifetime,
        work: impl FnOnce(&PageBytes<'_>) -> Result<R>,
    ) -> Result<R> {
        if visit.then_next {
            self.unpack_two(visit.page);
        }
        let entry = &self.pages[visit.page];
        let straddles = entry.num_rows != Some(visit.rows);
        if lifetime == Lifetime::Shared || straddles || !self.is_packed(entry) {
            let bytes = self.kept(entry, visit.rows)?;
            return work(&self.split(entry, &bytes, Some(&bytes))?);
        }
        if let Some(bytes) = entry.slot().kept.take() {
            return work(&self.split(entry, &bytes, None)?);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let len = entry.header.uncompressed_bytes;
            if scratch.len() < len {
                scratch.resize(len, 0);
            }
            self.unpack(entry, scratch)?;
            let result = work(&self.split(entry, &scratch[..len], None)?);
            if scratch.len() > SCRATCH_KEPT_BYTES {
                *scratch = Vec::new();
            }
            result
        })
    }

    /// Decompresses page `index` and the one behind it together where the codec is faster that way
    /// and nobody has begun with either. An error is left to who reads the page.
    fn unpack_two(&self, index: usize) {
        let Some([first, second]) = self.pages.get(index..index + 2) else {
            return;
        };
        let both_packed = self.is_packed(first) && self.is_packed(second);
        if self.codec != Compression::SNAPPY || !both_packed {
            return;
        }
        // Who holds a slot is decompressing that page.
        let (Ok(mut slot), Ok(mut next_slot)) = (first.slot.try_lock(), second.slot.try_lock())
        else {
            return;
        };
        if slot.kept.is_some() || next_slot.kept.is_some() {
            return;
        }
        let from = Instant::now();
        let mut page = PooledBuffer::with_len(first.header.uncompressed_bytes);
        let mut next_page = PooledBuffer::with_len(second.header.uncompressed_bytes);
        let unpacked = first.packed_part(page.as_mut_slice()).and_then(|first| {
            let second = second.packed_part(next_page.as_mut_slice())?;
            decompress_two(first, second)
        });
        if unpacked.is_ok() {
            self.account(first, elapsed_ns(from));
            self.account(second, 0);
            slot.kept = Some(page.into_bytes());
            next_slot.kept = Some(next_page.into_bytes());
        }
    }

    /// Decompresses every page into scratch memory.
    pub(crate) fn decompress_only(&self) -> Result<()> {
        let packed = self.dictionary.iter().chain(&self.pages);
        packed
            .filter(|entry| self.is_packed(entry))
            .try_for_each(|entry| {
                SCRATCH.with_borrow_mut(|scratch| {
                    let len = entry.header.uncompressed_bytes;
                    if scratch.len() < len {
                        scratch.resize(len, 0);
                    }
                    self.unpack(entry, scratch)
                })
            })
    }

    /// The bytes of page `index`, levels and values, as one buffer.
    pub(crate) fn whole_page(&self, index: usize) -> Result<Bytes> {
        self.whole(&self.pages[index])
    }

    /// As [`Self::whole`], remembered while rows of the page are still to be read.
    fn kept(&self, entry: &PageEntry, rows: usize) -> Result<Bytes> {
        if !self.is_packed(entry) {
            return self.whole(entry);
        }
        // Held while decompressing: who else wants this page waits for it instead of doing it again.
        let mut slot = entry.slot();
        let bytes = match &slot.kept {
            Some(bytes) => bytes.clone(),
            None => self.whole(entry)?,
        };
        slot.rows_read += rows;
        let done = entry.num_rows.is_none_or(|all| slot.rows_read >= all);
        slot.kept = if done { None } else { Some(bytes.clone()) };
        if done {
            slot.rows_read = 0;
        }
        Ok(bytes)
    }

    fn whole(&self, entry: &PageEntry) -> Result<Bytes> {
        if !self.is_packed(entry) {
            self.account(entry, 0);
            crc::check(&entry.stored, entry.header.crc)?;
            if entry.stored.len() != entry.header.uncompressed_bytes {
                return Err(Error::corrupt(
                    "an uncompressed page of two different sizes",
                ));
            }
            return Ok(entry.stored.clone());
        }
        let mut buffer = PooledBuffer::with_len(entry.header.uncompressed_bytes);
        self.unpack(entry, buffer.as_mut_slice())?;
        Ok(buffer.into_bytes())
    }

    /// Whether the page has to be decompressed at all.
    fn is_packed(&self, entry: &PageEntry) -> bool {
        let packed = !matches!(
            entry.header.kind,
            PageKind::DataV2 {
                is_compressed: false,
                ..
            }
        );
        packed && self.codec != Compression::UNCOMPRESSED
    }

    fn unpack(&self, entry: &PageEntry, output: &mut [u8]) -> Result<()> {
        let from = Instant::now();
        let len = entry.header.uncompressed_bytes;
        let output = output.get_mut(..len);
        let output = output.ok_or_else(|| Error::corrupt("no room for the page"))?;
        let (stored, output) = entry.packed_part(output)?;
        decompress(self.codec, stored, output)?;
        self.account(entry, elapsed_ns(from));
        Ok(())
    }

    fn account(&self, entry: &PageEntry, ns: u64) {
        self.counters.decompress_ns.fetch_add(ns, Relaxed);
        self.counters.pages.fetch_add(1, Relaxed);
        self.counters
            .compressed_bytes
            .fetch_add(entry.stored.len() as u64, Relaxed);
        let uncompressed = entry.header.uncompressed_bytes as u64;
        self.counters
            .uncompressed_bytes
            .fetch_add(uncompressed, Relaxed);
    }

    fn split<'a>(
        &self,
        entry: &PageEntry,
        bytes: &'a [u8],
        shared: Option<&Bytes>,
    ) -> Result<PageBytes<'a>> {
        let short = || Error::corrupt("levels longer than their page");
        let mut at = 0;
        let (definition, encoding, bit_packed) = match entry.header.kind {
            PageKind::DataV1 {
                num_values,
                encoding,
                definition,
                repetition,
            } => {
                let mut level = |max: i16, encoding: Encoding| -> Result<Range<usize>> {
                    let range = v1_levels(
                        bytes.get(at..).ok_or_else(short)?,
                        max,
                        encoding,
                        num_values,
                    )?;
                    let range = at + range.start..at + range.end;
                    at = range.end;
                    Ok(range)
                };
                level(self.levels.repetition, repetition)?;
                let range = level(self.levels.definition, definition)?;
                (range, encoding, is_bit_packed(definition))
            }
            PageKind::DataV2 {
                definition_bytes,
                repetition_bytes,
                encoding,
                ..
            } => {
                at = repetition_bytes + definition_bytes;
                (repetition_bytes..at, encoding, false)
            }
            PageKind::Dictionary { encoding, .. } => (0..0, encoding, false),
            PageKind::Other => return Err(Error::corrupt("not a data page")),
        };
        Ok(PageBytes {
            definition: bytes.get(definition).ok_or_else(short)?,
            definition_bit_packed: bit_packed,
            definition_max: self.levels.definition.unsigned_abs(),
            values: bytes.get(at..).ok_or_else(short)?,
            encoding,
            shared: shared.map(|bytes| bytes.slice(at..)),
        })
    }
}

impl PageEntry {
    fn new(header: PageHeader, stored: Bytes) -> Self {
        Self {
            header,
            stored,
            first_row: 0,
            num_rows: None,
            slot: Mutex::default(),
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The compressed part of a page whose checksum is right, and where it goes in `output`, into
    /// which the levels that lie in front of it uncompressed are copied.
    fn packed_part<'a>(&self, output: &'a mut [u8]) -> Result<(&[u8], &'a mut [u8])> {
        crc::check(&self.stored, self.header.crc)?;
        let plain = match self.header.kind {
            PageKind::DataV2 {
                definition_bytes,
                repetition_bytes,
                ..
            } => definition_bytes + repetition_bytes,
            _ => 0,
        };
        if plain > output.len() || plain > self.stored.len() {
            return Err(Error::corrupt("levels longer than their page"));
        }
        let (levels, packed) = output.split_at_mut(plain);
        levels.copy_from_slice(&self.stored[..plain]);
        Ok((&self.stored[plain..], packed))
    }

    /// The row after the page's last one.
    pub(crate) fn end_row(&self) -> usize {
        self.first_row + self.num_rows.unwrap_or(0)
    }

    /// Encoding of a data page's values.
    pub(crate) fn encoding(&self) -> Option<Encoding> {
        match self.header.kind {
            PageKind::DataV1 { encoding, .. } | PageKind::DataV2 { encoding, .. } => Some(encoding),
            PageKind::Dictionary { .. } | PageKind::Other => None,
        }
    }

    /// Rows as far as the header alone tells.
    fn rows_in(&self, flat: bool) -> Option<usize> {
        match self.header.kind {
            PageKind::DataV1 { num_values, .. } => flat.then_some(num_values),
            PageKind::DataV2 { num_values, .. } if flat => Some(num_values),
            PageKind::DataV2 { num_rows, .. } => Some(num_rows),
            PageKind::Dictionary { .. } | PageKind::Other => None,
        }
    }
}

fn elapsed_ns(from: Instant) -> u64 {
    u64::try_from(from.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[expect(deprecated, reason = "old files hold levels in it")]
fn is_bit_packed(encoding: Encoding) -> bool {
    encoding == Encoding::BIT_PACKED
}

/// Where the levels at the start of `bytes` lie; empty when the column has none.
fn v1_levels(bytes: &[u8], max: i16, encoding: Encoding, count: usize) -> Result<Range<usize>> {
    if max == 0 {
        return Ok(0..0);
    }
    if is_bit_packed(encoding) {
        let width = 16 - max.leading_zeros() as usize;
        return Ok(0..(count * width).div_ceil(8));
    }
    if encoding != Encoding::RLE {
        return Err(Error::unsupported(format!("levels in encoding {encoding}")));
    }
    let head = bytes
        .first_chunk::<4>()
        .ok_or_else(|| Error::corrupt("a page without levels"))?;
    let len = u32::from_le_bytes(*head) as usize;
    Ok(4..4 + len)
}
