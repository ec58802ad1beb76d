//! Columns with lists and maps, and whatever else has no decoder of ours: the `parquet` crate's array readers,
//! fed with pages that are read and decompressed here.
//!
//! Those readers go forward only. One of them is kept at the row where the last window ended, so
//! that windows in order cost nothing extra; windows of one column take turns.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{FieldRef, TimeUnit};
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, RowGroups, RowSelection, RowSelector,
};
use parquet::arrow::{FieldLevels, ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::decode::{int96, too_few_rows};
use crate::page::{Chunk, PageKind};
use crate::schema::is_unchecked_int96;
use crate::{Error, FieldProjection, FileMeta, Result, RowRanges};

/// How many readers are kept: with a few threads, windows arrive slightly out of order.
const READERS_KEPT: usize = 4;

/// The readers turn a selection into a mask where its stretches are shorter than this on average, and
/// then read the rows between them too: those of pages that may not have been fetched.
const STRETCH_ROWS: usize = 32;

/// A nested field of one row group.
pub(crate) struct Nested {
    field: FieldRef,
    num_rows: usize,
    levels: FieldLevels,
    group: Group,
    readers: Mutex<VecDeque<Reader>>,
}

/// A reader that is at row `at`.
struct Reader {
    at: usize,
    /// The batch size that it was made for.
    batch: usize,
    inner: ParquetRecordBatchReader,
    failure: Failure,
}

/// What went wrong below a reader, which itself passes on no more than the words.
type Failure = Arc<Mutex<Option<Error>>>;

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nested")
            .field("field", &self.field)
            .finish_non_exhaustive()
    }
}

impl Nested {
    pub(crate) fn new(
        meta: &FileMeta,
        row_group: usize,
        num_rows: usize,
        field: &FieldProjection,
        chunks: Vec<(usize, Chunk)>,
    ) -> Result<Self> {
        let descr = meta.parquet().file_metadata().schema_descr();
        let mask = ProjectionMask::leaves(descr, field.leaves().iter().copied());
        let levels = parquet_to_arrow_field_levels(descr, mask, Some(meta.schema().fields()))?;
        let chunks = chunks
            .into_iter()
            .map(|(leaf, chunk)| (leaf, Arc::new(chunk)))
            .collect();
        let group = Group {
            meta: meta.clone(),
            row_group,
            num_rows,
            chunks,
            failure: Failure::default(),
        };
        let field = Arc::clone(field.field());
        Ok(Self {
            field,
            num_rows,
            levels,
            group,
            readers: Mutex::default(),
        })
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.group.chunks.iter().map(|(_, chunk)| chunk.as_ref())
    }

    pub(crate) fn read(&self, rows: Range<usize>) -> Result<ArrayRef> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |kept: &Reader| {
            let is_last = rows.end == self.num_rows;
            kept.at == rows.start
                && (kept.batch == rows.len() || (is_last && kept.batch > rows.len()))
        };
        let kept = readers
            .iter()
            .position(fits)
            .and_then(|index| readers.remove(index));
        let mut reader = match kept {
            Some(reader) => reader,
            None => self.reader(std::slice::from_ref(&rows), rows.len())?,
        };
        let array = self.next(&mut reader, rows.len())?;
        if rows.end < self.num_rows {
            reader.at = rows.end;
            readers.push_back(reader);
            if readers.len() > READERS_KEPT {
                readers.pop_front();
            }
        } else {
            expect_end(reader)?;
        }
        Ok(array)
    }

    pub(crate) fn read_selected(&self, rows: &RowRanges) -> Result<ArrayRef> {
        let mut reader = self.reader(rows.ranges(), rows.row_count())?;
        let array = self.next(&mut reader, rows.row_count())?;
        if rows.end() == self.num_rows {
            expect_end(reader)?;
        }
        Ok(array)
    }

    /// A reader whose first batches are the rows of `ranges`; behind them it goes on to the end of
    /// the column, wherever that is.
    fn reader(&self, ranges: &[Range<usize>], batch: usize) -> Result<Reader> {
        let mut selectors = Vec::with_capacity(2 * ranges.len() + 1);
        let mut at = 0;
        for range in ranges {
            selectors.push(RowSelector::skip(range.start - at));
            selectors.push(RowSelector::select(range.len()));
            at = range.end;
        }
        let rest = (self.num_rows - at).saturating_add(STRETCH_ROWS * selectors.len() + 1);
        selectors.push(RowSelector::select(rest));
        let group = Group {
            failure: Failure::default(),
            ..self.group.clone()
        };
        let made = ParquetRecordBatchReader::try_new_with_row_groups(
            &self.levels,
            &group,
            batch,
            Some(RowSelection::from(selectors)),
        );
        let failed = |error| taken(&group.failure).unwrap_or_else(|| Error::from(error));
        Ok(Reader {
            at,
            batch,
            inner: made.map_err(failed)?,
            failure: group.failure,
        })
    }

    fn next(&self, reader: &mut Reader, rows: usize) -> Result<ArrayRef> {
        let batch = reader.next()?.ok_or_else(too_few_rows)?;
        if batch.num_rows() > rows {
            return Err(too_many_rows());
        }
        if batch.num_rows() < rows || batch.num_columns() != 1 {
            return Err(too_few_rows());
        }
        let array = Arc::clone(batch.column(0));
        if array.data_type() != self.field.data_type() {
            return Err(Error::unsupported(format!(
                "it would come out as {} instead of {}",
                array.data_type(),
                self.field.data_type()
            )));
        }
        Ok(array)
    }
}

impl Reader {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.inner.next().transpose();
        batch.map_err(|error| taken(&self.failure).unwrap_or_else(|| Error::from(error)))
    }
}

fn taken(failure: &Failure) -> Option<Error> {
    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
    failure.take()
}

/// Rows behind the last one that the footer counts are as wrong as missing ones.
fn expect_end(mut reader: Reader) -> Result<()> {
    match reader.next()? {
        Some(batch) if batch.num_rows() > 0 => Err(too_many_rows()),
        _ => Ok(()),
    }
}

fn too_many_rows() -> Error {
    Error::corrupt("the column chunk has more rows than its row group")
}

/// The row group as the `parquet` crate wants to see it.
#[derive(Clone)]
struct Group {
    meta: FileMeta,
    row_group: usize,
    num_rows: usize,
    chunks: Vec<(usize, Arc<Chunk>)>,
    failure: Failure,
}

impl RowGroups for Group {
    fn num_rows(&self) -> usize {
        self.num_rows
    }

    fn column_chunks(&self, leaf: usize) -> ParquetResult<Box<dyn PageIterator>> {
        let found = self.chunks.iter().find(|(number, _)| *number == leaf);
        let (_, chunk) =
            found.ok_or_else(|| ParquetError::General(format!("leaf {leaf} was not opened")))?;
        let column = self.meta.column(self.row_group, leaf);
        let column = column.map_err(|error| external(error, &self.failure))?;
        let unit = self.meta.options().int96;
        let pages = Pages {
            chunk: Arc::clone(chunk),
            num_rows: self.num_rows,
            next: 0,
            row: 0,
            dictionary_given: false,
            failure: Arc::clone(&self.failure),
            check_int96: is_unchecked_int96(column.column_type(), unit).then_some(unit),
        };
        Ok(Box::new(OneChunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(
            self.meta
                .parquet()
                .row_groups()
                .iter()
                .skip(self.row_group)
                .take(1),
        )
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.meta.parquet()
    }
}

struct OneChunk(Option<Pages>);

impl Iterator for OneChunk {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0
            .take()
            .map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for OneChunk {}

struct Pages {
    chunk: Arc<Chunk>,
    num_rows: usize,
    /// The next page.
    next: usize,
    /// The row that comes next.
    row: usize,
    dictionary_given: bool,
    failure: Failure,
    check_int96: Option<TimeUnit>,
}

impl Pages {
    /// Rows from here to the next page that is there. They can be passed over but not read, which is
    /// what the `parquet` crate is told: a page of so many rows that fails to load.
    fn missing_rows(&self) -> Option<usize> {
        if self.chunk.is_whole() {
            return None;
        }
        let next = self.chunk.pages().get(self.next);
        let to = next.map_or(self.num_rows, |page| page.first_row);
        to.checked_sub(self.row).filter(|&rows| rows > 0)
    }

    /// Goes on behind the next page.
    fn pass(&mut self) {
        if let Some(page) = self.chunk.pages().get(self.next) {
            self.row = page.end_row();
            self.next += 1;
        }
    }

    fn dictionary(&mut self) -> Result<Option<Page>> {
        self.dictionary_given = true;
        let Some((header, buf)) = self.chunk.dictionary()? else {
            return Ok(None);
        };
        let PageKind::Dictionary {
            num_values,
            encoding,
        } = header.kind
        else {
            return Ok(None);
        };
        if let Some(unit) = self.check_int96 {
            check_int96(&buf, unit)?;
        }
        let num_values = u32_count(num_values)?;
        Ok(Some(Page::DictionaryPage {
            buf,
            num_values,
            encoding,
            is_sorted: false,
        }))
    }

    fn data(&mut self) -> Result<Option<Page>> {
        if self.missing_rows().is_some() {
            return Err(Error::invalid("a page of the rows was not fetched"));
        }
        let index = self.next;
        let Some(entry) = self.chunk.pages().get(index) else {
            return Ok(None);
        };
        let kind = entry.header.kind;
        self.pass();
        if let Some(unit) = self.check_int96 {
            self.chunk
                .with_plain_values(index, |values| check_int96(values, unit))?;
        }
        let buf = self.chunk.whole_page(index)?;
        Ok(Some(match kind {
            PageKind::DataV1 {
                num_values,
                encoding,
                definition,
                repetition,
            } => Page::DataPage {
                buf,
                num_values: u32_count(num_values)?,
                encoding,
                def_level_encoding: definition,
                rep_level_encoding: repetition,
                statistics: None,
            },
            PageKind::DataV2 {
                num_values,
                num_nulls,
                num_rows,
                encoding,
                definition_bytes,
                repetition_bytes,
                ..
            } => {
                if definition_bytes + repetition_bytes > buf.len() {
                    return Err(Error::corrupt("levels longer than their page"));
                }
                Page::DataPageV2 {
                    buf,
                    num_values: u32_count(num_values)?,
                    encoding,
                    num_nulls: u32_count(num_nulls)?,
                    num_rows: u32_count(num_rows)?,
                    def_levels_byte_len: u32_count(definition_bytes)?,
                    rep_levels_byte_len: u32_count(repetition_bytes)?,
                    is_compressed: false,
                    statistics: None,
                }
            }
            PageKind::Dictionary { .. } | PageKind::Other => return Ok(None),
        }))
    }
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let page = match self.dictionary_given {
            true => self.data(),
            false => self.dictionary().and_then(|page| match page {
                Some(page) => Ok(Some(page)),
                None => self.data(),
            }),
        };
        page.map_err(|error| external(error, &self.failure))
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        if !self.dictionary_given && self.chunk.has_dictionary() {
            return Ok(Some(PageMetadata {
                num_rows: None,
                num_levels: None,
                is_dict: true,
            }));
        }
        if let Some(rows) = self.missing_rows() {
            return Ok(Some(PageMetadata {
                num_rows: Some(rows),
                num_levels: None,
                is_dict: false,
            }));
        }
        Ok(self.chunk.pages().get(self.next).map(|entry| PageMetadata {
            num_rows: entry.num_rows,
            num_levels: entry.header.data_values(),
            is_dict: false,
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        if !self.dictionary_given && self.chunk.has_dictionary() {
            self.dictionary_given = true;
        } else if let Some(rows) = self.missing_rows() {
            self.row += rows;
        } else {
            self.pass();
        }
        Ok(())
    }
}

fn u32_count(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| Error::corrupt("a count of more than 32 bits"))
}

/// The `parquet` crate turns INT96 into nanoseconds with wrapping arithmetic; here every value that
/// would wrap is found first.
fn check_int96(values: &[u8], unit: TimeUnit) -> Result<()> {
    values
        .as_chunks::<12>()
        .0
        .iter()
        .try_for_each(|value| int96(value, unit).map(drop))
}

/// Leaves the error where the reader's caller finds it, and gives the `parquet` crate its words.
fn external(error: Error, failure: &Failure) -> ParquetError {
    let words = ParquetError::General(error.to_string());
    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    words
}
