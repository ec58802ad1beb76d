//! What all stages of one scan share.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, StringArray, new_null_array};
use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use fastdata_iceberg::{
    FIELD_ID_KEY, Limits, MetadataColumn, NameMapping, PathResolver, TableMetadata, TableView,
};
use fastdata_kernels::predicate::Bound;
use fastdata_memory::IdleLimit;
use fastdata_parquet::ReadOptions;
use fastdata_store::{Location, Store};
use rayon::ThreadPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cancel::CancelToken;
use crate::columns::{ColumnRequest, Columns, request_of_id};
use crate::deletes::{DeleteCache, EqualityKeys};
use crate::evolution::{
    FileField, MatchBy, Missing, any_id, apply_mapping, apply_positions, field_id, file_fields,
};
use crate::metadata_columns::{metadata_column, with_children_of};
use crate::parts::Parts;
use crate::read::{DataFile, Savings, read_footer};
use crate::request::ScanRequest;
use crate::scan::iceberg_layout;
use crate::source::{DataPath, METADATA_BYTES_MAX, TableSource, hive_type, is_local};
use crate::stats::{Counters, add, elapsed_ns};
use crate::{Error, ErrorKind, Result};

/// The memory budget is counted in units, because semaphores count in 32 bits.
const PERMIT_BYTES: u64 = 64 << 10;

/// What all stages of one scan share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) threads: usize,
    pub(crate) cancel: CancelToken,
    pub(crate) counters: Arc<Counters>,
    pub(crate) columns: Arc<Columns>,
    pub(crate) match_by: MatchBy,
    pub(crate) read_options: ReadOptions,
    pub(crate) deletes: DeleteCache,
    /// What fetching in two stages saved so far.
    pub(crate) savings: Savings,
    /// The table, when the source is one.
    pub(crate) table: Option<Arc<TableContext>>,
    /// Bytes that compressed column chunks may hold at once.
    pub(crate) chunk_bytes_max: u64,
    pub(crate) chunk_permits: Arc<Semaphore>,
    /// Bytes that one decoded window may come to.
    pub(crate) window_bytes_max: u64,
    pub(crate) window_rows: usize,
    /// The parts that are wanted; `None` for all.
    pub(crate) parts: Option<Parts>,
    /// Held as long as the scan runs.
    pub(crate) _idle_limit: Option<IdleLimit>,
}

/// What a table adds.
#[derive(Debug)]
pub(crate) struct TableContext {
    pub(crate) metadata: Arc<TableMetadata>,
    pub(crate) view: TableView,
    pub(crate) paths: PathResolver,
    pub(crate) mapping: Option<NameMapping>,
    pub(crate) map_by_position: bool,
    pub(crate) layout: fastdata_iceberg::StringLayout,
}

impl TableContext {
    pub(crate) fn new(table: &TableSource, request: &ScanRequest) -> Result<Self> {
        let metadata = table.metadata.clone();
        let view = metadata.resolve(&request.snapshot)?;
        Ok(Self {
            view,
            paths: PathResolver::new(metadata.location(), &table.root.to_string()),
            mapping: NameMapping::of_table(&metadata, &Limits::default())?,
            map_by_position: request.map_by_position,
            layout: iceberg_layout(request.string_layout),
            metadata,
        })
    }
}

/// The schema of plain Parquet files: the first file's, with the columns that folders name.
pub(crate) async fn first_schema(
    store: &Arc<dyn Store>,
    files: &[DataPath],
    read_options: &ReadOptions,
    cancel: &CancelToken,
) -> Result<SchemaRef> {
    let first = files
        .first()
        .ok_or_else(|| Error::invalid("no source was named"))?;
    let empty = Arc::new(Schema::empty());
    let context = Context {
        store: store.clone(),
        pool: crate::runtime::decoders(1)?,
        threads: 1,
        cancel: cancel.clone(),
        counters: Arc::new(Counters::start()),
        columns: Arc::new(Columns::resolve(empty, 0, None, Bound::Constant(true))?),
        match_by: MatchBy::Name,
        read_options: read_options.clone(),
        deletes: DeleteCache::default(),
        savings: Savings::default(),
        table: None,
        chunk_bytes_max: 0,
        chunk_permits: Context::permits_for(0),
        window_bytes_max: 0,
        window_rows: 0,
        parts: None,
        _idle_limit: None,
    };
    let meta = read_footer(&context, &first.location, first.size_bytes)
        .await
        .map_err(|error| error.at(&first.location))?;
    let mut fields: Vec<FieldRef> = meta.schema().fields().iter().cloned().collect();
    for (index, name) in hive_names(files)?.into_iter().enumerate() {
        if fields.iter().any(|field| *field.name() == name) {
            continue;
        }
        let values = files.iter().flat_map(|file| {
            file.hive
                .iter()
                .filter(|hive| hive.name == name)
                .map(|hive| hive.value.as_deref())
        });
        let id = hive_id(index).to_string();
        let data_type = hive_type(values, read_options.strings);
        let field = Field::new(name, data_type, true);
        fields.push(Arc::new(
            field.with_metadata([(FIELD_ID_KEY.to_owned(), id)].into()),
        ));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Columns that the folders of the first file name; all files must have the same.
fn hive_names(files: &[DataPath]) -> Result<Vec<String>> {
    let names = |file: &DataPath| -> Vec<String> {
        file.hive.iter().map(|hive| hive.name.clone()).collect()
    };
    let first = files.first().map(names).unwrap_or_default();
    match files.iter().find(|file| names(file) != first) {
        None => Ok(first),
        Some(other) => Err(Error::invalid(format!(
            "{}: its folders name the columns ({}), those of the first file ({})",
            other.location,
            names(other).join(", "),
            first.join(", ")
        ))),
    }
}

/// Columns that folders name are found like partition constants, by an id that no file can carry.
fn hive_id(index: usize) -> i32 {
    -1 - i32::try_from(index).unwrap_or(i32::MAX - 1)
}

impl Context {
    /// Values of the columns that the folders of `file` name, by their ids.
    pub(crate) fn hive_constants(&self, file: &DataPath) -> Result<BTreeMap<i32, ArrayRef>> {
        let mut constants = BTreeMap::new();
        for (index, hive) in file.hive.iter().enumerate() {
            let id = hive_id(index);
            let fields = self.columns.source.fields();
            let Some(field) = fields.iter().find(|field| field_id(field) == Some(id)) else {
                continue;
            };
            let text: ArrayRef = Arc::new(StringArray::from(vec![hive.value.as_deref()]));
            constants.insert(id, as_type(&text, field)?);
        }
        Ok(constants)
    }

    /// A metadata object, whole.
    pub(crate) async fn read_metadata(&self, location: &Location) -> Result<Bytes> {
        self.cancel.check()?;
        let bytes = self.store.read(location, METADATA_BYTES_MAX).await?;
        add(&self.counters.bytes_fetched, bytes.len() as u64);
        add(&self.counters.requests, 1);
        Ok(bytes)
    }

    /// A semaphore for a budget of `bytes`.
    pub(crate) fn permits_for(bytes: u64) -> Arc<Semaphore> {
        let units = (bytes / PERMIT_BYTES).clamp(1, u64::from(u32::MAX >> 4));
        Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(1)))
    }

    /// What `bytes` of the object at `location` take of the budget. Over a network they are there
    /// twice while their last part arrives.
    pub(crate) fn charge(&self, bytes: u64, location: &Location) -> u64 {
        match is_local(location) {
            true => bytes,
            false => bytes.saturating_add(bytes / 2),
        }
    }

    /// Frees the share of the budget that `bytes` took; one unit stays.
    pub(crate) fn give_back(
        &self,
        permit: &mut OwnedSemaphorePermit,
        bytes: u64,
        location: &Location,
    ) {
        let units = usize::try_from(self.charge(bytes, location) / PERMIT_BYTES).unwrap_or(0);
        let units = units.min(permit.num_permits().saturating_sub(1));
        drop(permit.split(units));
    }

    /// Waits until the budget has room for `bytes` of the object at `location`. What could never
    /// fit is refused.
    pub(crate) async fn reserve(
        &self,
        bytes: u64,
        location: &Location,
    ) -> Result<OwnedSemaphorePermit> {
        let bytes = self.charge(bytes, location);
        if bytes > self.chunk_bytes_max {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "{location}: a part of a row group that is read at once needs {}, more than \
                     this scan may hold; raise max-memory or name fewer columns",
                    crate::explain::Bytes(bytes)
                ),
            ));
        }
        let units = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX >> 4);
        let all = self.chunk_bytes_max / PERMIT_BYTES;
        let units = units
            .min(u32::try_from(all).unwrap_or(u32::MAX >> 4))
            .max(1);
        let acquired = self.chunk_permits.clone().acquire_many_owned(units).await;
        acquired.map_err(|_| Error::new(ErrorKind::Interrupted, "interrupted"))
    }

    /// Whether decoding threads read objects at `location` themselves.
    pub(crate) fn reads_here(&self, location: &Location) -> bool {
        is_local(location) && self.store.read_ranges_here(location, &[]).is_some()
    }

    /// Fetches ranges of one object, without blocking this thread when a network is in between.
    pub(crate) async fn fetch(
        &self,
        location: &Location,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        self.cancel.check()?;
        let started = Instant::now();
        let bytes = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            bytes = self.store.read_ranges(location, ranges) => bytes?,
        };
        self.count(ranges, &bytes);
        add(&self.counters.io_ns, elapsed_ns(started));
        Ok(bytes)
    }

    /// Fetches one range.
    pub(crate) async fn fetch_one(&self, location: &Location, range: Range<u64>) -> Result<Bytes> {
        let mut bytes = self.fetch(location, &[range]).await?;
        bytes
            .pop()
            .ok_or_else(|| Error::new(ErrorKind::Io, format!("{location}: no answer")))
    }

    /// Counts bytes that a decoding thread read itself.
    pub(crate) fn count_fetched(&self, ranges: &[Range<u64>], bytes: &[Bytes], took_ns: u64) {
        self.count(ranges, bytes);
        add(&self.counters.io_ns, took_ns);
        add(&self.counters.read_ns, took_ns);
    }

    fn count(&self, ranges: &[Range<u64>], bytes: &[Bytes]) {
        add(&self.counters.requests, ranges.len() as u64);
        add(
            &self.counters.bytes_wanted,
            ranges.iter().map(|range| range.end - range.start).sum(),
        );
        add(
            &self.counters.bytes_fetched,
            bytes.iter().map(|part| part.len() as u64).sum(),
        );
    }

    /// The fields of a data file with the ids that they stand for.
    pub(crate) fn file_fields(&self, schema: &Schema) -> Result<Vec<FileField>> {
        let mut fields = file_fields(schema);
        let Some(table) = &self.table else {
            return Ok(fields);
        };
        if any_id(schema.fields()) {
            return Ok(fields);
        }
        match &table.mapping {
            Some(mapping) => apply_mapping(&mut fields, mapping),
            None if table.map_by_position => {
                let columns = self.columns.source.fields();
                apply_positions(&mut fields, columns.iter().take(self.columns.own));
            }
            None => {
                return Err(Error::unsupported(
                    "the file carries no field ids and the table no name mapping; columns can only \
                     be guessed by position (ask for that with map-by-position)",
                ));
            }
        }
        Ok(fields)
    }

    /// Where values come from that a file lacks.
    pub(crate) fn missing<'a>(
        &'a self,
        constants: &'a BTreeMap<i32, ArrayRef>,
    ) -> MissingValues<'a> {
        MissingValues {
            context: self,
            constants,
        }
    }

    /// The key columns of the equality deletes of `file`.
    pub(crate) fn equality_keys(&self, file: &DataFile) -> Result<EqualityKeys> {
        match (&file.split, &self.table) {
            (Some(split), Some(table)) => {
                let column = |id| self.key_column(table, id);
                EqualityKeys::group(&split.equality_deletes, &column)
            }
            _ => Ok(EqualityKeys::default()),
        }
    }

    /// The column with field id `id`: of the scan's schema, or of an older one when it was dropped
    /// since.
    fn key_column(&self, table: &TableContext, id: i32) -> Result<ColumnRequest> {
        if let Some(request) = request_of_id(&self.columns.source, id) {
            return Ok(request);
        }
        for schema in table.metadata.schemas().iter().rev() {
            if schema.field(id).is_some() {
                let arrow = Arc::new(schema.to_arrow(table.layout)?);
                if let Some(request) = request_of_id(&arrow, id) {
                    return Ok(request);
                }
            }
        }
        Err(Error::unsupported(format!(
            "an equality delete on field id {id}, which no schema of the table has outside lists \
             and maps"
        )))
    }

    /// The comparable form of a recorded path.
    pub(crate) fn normalise(&self, path: &str) -> Result<String> {
        let lost = || Error::corrupt("a delete file outside a table");
        Ok(self.table.as_ref().ok_or_else(lost)?.paths.normalise(path))
    }
}

/// [`Missing`] for one data file.
pub(crate) struct MissingValues<'a> {
    context: &'a Context,
    constants: &'a BTreeMap<i32, ArrayRef>,
}

impl Missing for MissingValues<'_> {
    fn value(&self, field: &Field) -> Result<ArrayRef> {
        let id = field_id(field);
        let constant = id.and_then(|id| self.constants.get(&id));
        let default = || {
            let table = self.context.table.as_ref()?;
            let id = id?;
            let of = |schema: &fastdata_iceberg::Schema| schema.field(id)?.initial_default.clone();
            of(&table.view.schema).or_else(|| {
                table
                    .metadata
                    .schemas()
                    .iter()
                    .rev()
                    .find_map(|schema| of(schema))
            })
        };
        if let Some(value) = constant.cloned().or_else(default) {
            if metadata_column(field) == Some(MetadataColumn::Partition) {
                return with_children_of(field, &value);
            }
            return as_type(&value, field);
        }
        match field.is_nullable() {
            true => Ok(new_null_array(field.data_type(), 1)),
            false => Err(Error::corrupt(format!(
                "the file lacks the required column `{}`, which has no default",
                field.name()
            ))),
        }
    }
}

/// `value` in the type of `field`: string layouts differ, and a column may have been widened since.
pub(crate) fn as_type(value: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    if value.data_type() == field.data_type() {
        return Ok(value.clone());
    }
    let strict = arrow_cast::CastOptions {
        safe: false,
        ..Default::default()
    };
    arrow_cast::cast_with_options(value, field.data_type(), &strict).map_err(|source| {
        Error::corrupt(format!(
            "the value of column `{}` is {}, not {}",
            field.name(),
            value.data_type(),
            field.data_type()
        ))
        .with_source(source)
    })
}
