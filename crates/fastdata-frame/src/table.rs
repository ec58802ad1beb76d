//! A table by name or location, and the ways to read it.

use std::path::Path;
use std::sync::Arc;

use arrow_array::TimestampMillisecondArray;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use fastdata_iceberg::SnapshotSelector;
use fastdata_scan::{
    CancelToken, Description, Explain, PlannedFile, Scan, ScanRequest, Settings, describe,
};
use fastdata_store::StoreConfig;

use crate::groups::groups;
use crate::{DataFrame, Error, Group, GroupBy, Result};

/// Where rows come from: an Iceberg table, or Parquet files of one schema. Nothing is read until a
/// method asks for it.
///
/// ```no_run
/// use fastdata_frame::{Table, TableRows};
///
/// let table = Table::new("shop.events");
/// let day = table.get_partition(&[("event_date", "2026-02-14")], None)?;
/// let dear = table.scan(&TableRows {
///     filter: Some("price > 100".into()),
///     ..TableRows::default()
/// })?;
/// for batch in dear.batches()? {
///     println!("{} of {} rows", batch?.num_rows(), day.num_rows());
/// }
/// # Ok::<(), fastdata_frame::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    request: ScanRequest,
    cancel: CancelToken,
}

/// Which rows and columns of a table.
#[derive(Debug, Clone, Default)]
pub struct TableRows {
    /// Columns in this order; `None` means all.
    pub columns: Option<Vec<String>>,
    /// Equality on partition columns.
    pub partition: Vec<(String, String)>,
    /// Any of these partitions; empty means that nothing is asked.
    pub any_partition: Vec<Vec<(String, String)>>,
    /// A condition in SQL's expression syntax.
    pub filter: Option<String>,
    /// This many rows at most.
    pub limit_rows: Option<u64>,
}

impl Table {
    /// The table or the files at `source`: `namespace.table`, a location, a metadata file, a
    /// Parquet file, folder or glob.
    pub fn new(source: impl Into<String>) -> Self {
        Self::of_request(ScanRequest {
            sources: vec![source.into()],
            store: StoreConfig::from_env(),
            ..ScanRequest::default()
        })
    }

    /// The table of `request`; its columns, filter, partitions and limit do not matter.
    pub fn of_request(request: ScanRequest) -> Self {
        Self {
            request,
            cancel: CancelToken::default(),
        }
    }

    /// The table at another of its snapshots.
    #[must_use]
    pub fn at(mut self, snapshot: SnapshotSelector) -> Self {
        self.request.snapshot = snapshot;
        self
    }

    /// The same table with table names looked up in `warehouse`, a folder or URL.
    #[must_use]
    pub fn in_warehouse(mut self, warehouse: impl AsRef<Path>) -> Self {
        self.request.settings = Settings {
            warehouse: Some(warehouse.as_ref().display().to_string()),
            ..self.request.settings
        };
        self
    }

    /// The same table; what it reads from now on is ended by `cancel`.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// What is asked of a scan of everything.
    pub fn request(&self) -> &ScanRequest {
        &self.request
    }

    /// The request for `rows` of this table.
    pub fn request_for(&self, rows: &TableRows) -> ScanRequest {
        ScanRequest {
            columns: rows.columns.clone(),
            partition: rows.partition.clone(),
            any_partition: rows.any_partition.clone(),
            filter: rows.filter.clone(),
            limit_rows: rows.limit_rows,
            ..self.request.clone()
        }
    }

    /// A scan of `rows`, to stream, collect or explain.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`].
    pub fn scan(&self, rows: &TableRows) -> Result<Scan> {
        Scan::open(self.request_for(rows), self.cancel.clone())
    }

    /// All rows; of `columns` or, with `None`, of every column.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`] and [`Scan::collect`].
    pub fn get_all(&self, columns: Option<&[&str]>) -> Result<DataFrame> {
        self.get(TableRows {
            columns: owned(columns),
            ..TableRows::default()
        })
    }

    /// The rows of one partition: equality on partition columns, by name and text.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` for a column that is no partition column; as [`Table::get_all`].
    pub fn get_partition(
        &self,
        partition: &[(&str, &str)],
        columns: Option<&[&str]>,
    ) -> Result<DataFrame> {
        self.get(TableRows {
            columns: owned(columns),
            partition: pairs(partition)?,
            ..TableRows::default()
        })
    }

    /// The rows of several partitions; a row that several of them name comes once.
    ///
    /// # Errors
    ///
    /// As [`Table::get_partition`]; `InvalidArgument` also when none is named.
    pub fn get_partitions(
        &self,
        partitions: &[&[(&str, &str)]],
        columns: Option<&[&str]>,
    ) -> Result<DataFrame> {
        if partitions.is_empty() {
            return Err(Error::invalid("no partition was named; get_all reads all"));
        }
        let each = partitions.iter().map(|partition| pairs(partition));
        self.get(TableRows {
            columns: owned(columns),
            any_partition: each.collect::<Result<_>>()?,
            ..TableRows::default()
        })
    }

    fn get(&self, rows: TableRows) -> Result<DataFrame> {
        DataFrame::collect(&self.scan(&rows)?)
    }

    /// `count` groups of `rows` with about the same number of rows or bytes: each is small, can be
    /// sent to another process, and reads its part of the table as it is now.
    ///
    /// # Errors
    ///
    /// As [`Table::scan`]; `InvalidArgument` for no group, or for rows with a limit.
    pub fn groups(&self, count: usize, by: GroupBy, rows: &TableRows) -> Result<Vec<Group>> {
        let request = self.request_for(rows);
        let scan = Scan::open(request.clone(), self.cancel.clone())?;
        groups(&scan, &request, count, by)
    }

    /// Snapshots, partition spec and sizes, from metadata alone.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`].
    pub fn describe(&self) -> Result<Description> {
        describe(&self.request, &self.cancel)
    }

    /// The plan of a scan of `rows`: what would be read, and why the rest is skipped.
    ///
    /// # Errors
    ///
    /// As [`Scan::open`] and [`Scan::explain`].
    pub fn explain(&self, rows: &TableRows) -> Result<Explain> {
        self.scan(rows)?.explain()
    }

    /// The snapshots, oldest first: `snapshot_id`, `parent_id`, `committed_at`, `operation`. None
    /// for plain files.
    ///
    /// # Errors
    ///
    /// As [`Table::describe`].
    pub fn snapshots(&self) -> Result<DataFrame> {
        let snapshots = self.describe()?.snapshots;
        let ids = Int64Array::from_iter_values(snapshots.iter().map(|one| one.snapshot_id));
        let parents: Int64Array = snapshots.iter().map(|one| one.parent_id).collect();
        let times = snapshots.iter().map(|one| one.timestamp_ms);
        let times = TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC");
        let operations: StringArray = snapshots.iter().map(|one| one.operation.clone()).collect();
        frame([
            ("snapshot_id", Arc::new(ids)),
            ("parent_id", Arc::new(parents)),
            ("committed_at", Arc::new(times)),
            ("operation", Arc::new(operations)),
        ])
    }

    /// The data files: `path`, `partition` (`name=value` joined by `/`), `rows` (deletes not
    /// subtracted), `size_bytes`, `delete_files`.
    ///
    /// # Errors
    ///
    /// As [`Scan::files`].
    pub fn files(&self) -> Result<DataFrame> {
        let files = self.planned_files()?;
        let number = |of: fn(&PlannedFile) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(files.iter().map(of)))
        };
        let text = |of: fn(&PlannedFile) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(files.iter().map(of)))
        };
        frame([
            ("path", text(|file| &file.path)),
            ("partition", text(|file| &file.partition)),
            ("rows", number(|file| file.rows)),
            ("size_bytes", number(|file| file.size_bytes)),
            ("delete_files", number(|file| file.delete_files)),
        ])
    }

    /// The partitions that have files: `partition`, `files`, `rows` (deletes not subtracted),
    /// `size_bytes`. In the order of their first file.
    ///
    /// # Errors
    ///
    /// As [`Scan::files`].
    pub fn partitions(&self) -> Result<DataFrame> {
        let mut names: Vec<String> = Vec::new();
        let mut sums: Vec<[u64; 3]> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for file in self.planned_files()? {
            let place = *places.entry(file.partition.clone()).or_insert_with(|| {
                names.push(file.partition.clone());
                sums.push([0; 3]);
                sums.len() - 1
            });
            let [files, rows, size_bytes] = &mut sums[place];
            *files += 1;
            *rows += file.rows;
            *size_bytes += file.size_bytes;
        }
        let number = |of: usize| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(
                sums.iter().map(|sum| sum[of]),
            ))
        };
        frame([
            ("partition", Arc::new(StringArray::from(names))),
            ("files", number(0)),
            ("rows", number(1)),
            ("size_bytes", number(2)),
        ])
    }

    fn planned_files(&self) -> Result<Vec<PlannedFile>> {
        self.scan(&TableRows::default())?.files(u64::MAX)
    }
}

impl DataFrame {
    /// All rows of `scan`.
    ///
    /// # Errors
    ///
    /// As [`Scan::collect`].
    pub fn collect(scan: &Scan) -> Result<Self> {
        let collected = scan.collect()?;
        Ok(Self::of_chunks(collected.schema, collected.batches))
    }
}

fn frame<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<DataFrame> {
    let batch = RecordBatch::try_from_iter(columns);
    let batch = batch.map_err(|cause| Error::invalid("a description").with_source(cause))?;
    Ok(batch.into())
}

fn owned(columns: Option<&[&str]>) -> Option<Vec<String>> {
    columns.map(|columns| columns.iter().map(|name| (*name).to_owned()).collect())
}

fn pairs(partition: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
    if partition.is_empty() {
        return Err(Error::invalid(
            "a partition without a column; get_all reads all",
        ));
    }
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Ok(partition.iter().map(owned).collect())
}
