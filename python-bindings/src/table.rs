//! A table by name or location.

use std::path::PathBuf;

use fastdata::{CancelToken, GroupBy, PortableRequest, ScanRequest, Table as Inner};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{Names, partition};
use crate::exceptions::{exception, invalid};
use crate::explain::Explain;
use crate::frame::DataFrame;
use crate::group::Group;
use crate::interrupt::interruptible;
use crate::request;
use crate::scan::Scan;
use crate::schema::Schema;

/// Where rows come from: an Iceberg table, or Parquet files of one schema.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Table(Inner);

impl Table {
    /// Runs `work` on this table; Ctrl-C ends it.
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Inner) -> fastdata::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let cancel = CancelToken::default();
        let table = self.0.clone().with_cancel(cancel.clone());
        interruptible(py, &cancel, move || work(&table))
    }

    fn open(&self, py: Python<'_>, rows: &fastdata::TableRows) -> PyResult<Scan> {
        Scan::open(py, self.0.request_for(rows))
    }
}

#[pymethods]
impl Table {
    #[new]
    #[pyo3(signature = (
        source, /, *, snapshot_id = None, as_of = None, r#ref = None, warehouse = None,
        config = None, max_memory = None, threads = 0, batch_rows = None, map_by_position = false,
        **store
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn py_new(
        source: &Bound<'_, PyAny>,
        snapshot_id: Option<i64>,
        as_of: Option<Bound<'_, PyAny>>,
        r#ref: Option<String>,
        warehouse: Option<PathBuf>,
        config: Option<PathBuf>,
        max_memory: Option<Bound<'_, PyAny>>,
        threads: usize,
        batch_rows: Option<usize>,
        map_by_position: bool,
        store: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let defaults = request::of_sources(request::sources(source)?);
        let max_memory_bytes = match max_memory {
            Some(value) => request::bytes("max_memory", &value)?,
            None => defaults.max_memory_bytes,
        };
        if batch_rows == Some(0) {
            return Err(invalid("batches of 0 rows"));
        }
        Ok(Self(Inner::of_request(ScanRequest {
            snapshot: request::snapshot(snapshot_id, as_of.as_ref(), r#ref)?,
            settings: request::settings(warehouse, config)?,
            store: request::store(store)?,
            batch_rows: batch_rows.unwrap_or(defaults.batch_rows),
            max_memory_bytes,
            threads,
            map_by_position,
            ..defaults
        })))
    }

    /// What the table was opened as.
    #[getter]
    fn sources(&self) -> Vec<String> {
        self.0.request().sources.clone()
    }

    /// Names and types of the columns. Reads metadata.
    #[getter]
    fn schema(&self, py: Python<'_>) -> PyResult<Schema> {
        let scan = self.run(py, |table| table.scan(&fastdata::TableRows::default()))?;
        Ok(Schema(scan.schema().clone()))
    }

    /// The columns that partitions are named by. Reads metadata.
    #[getter]
    fn partition_columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let scan = self.run(py, |table| table.scan(&fastdata::TableRows::default()))?;
        Ok(scan.partition_columns())
    }

    /// The rows of one partition: `get_partition(day=3)` or `get_partition({"day": 3})`.
    #[pyo3(signature = (partition = None, /, *, columns = None, progress = None, **values))]
    fn get_partition(
        &self,
        py: Python<'_>,
        partition: Option<Bound<'_, PyAny>>,
        columns: Option<Names>,
        progress: Option<Bound<'_, PyAny>>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<DataFrame> {
        let mut pairs = match partition {
            Some(partition) => request::mapping(&partition)?,
            None => Vec::new(),
        };
        if let Some(values) = values {
            pairs.extend(self::partition(values)?);
        }
        if pairs.is_empty() {
            return Err(invalid("a partition without a column; get_all reads all"));
        }
        let rows = fastdata::TableRows {
            partition: pairs,
            columns: columns.map(Names::into_vec),
            ..Default::default()
        };
        self.open(py, &rows)?.collect(py, progress)
    }

    /// The rows of any of several partitions, each a mapping.
    #[pyo3(signature = (partitions, /, *, columns = None, progress = None))]
    fn get_partitions(
        &self,
        py: Python<'_>,
        partitions: &Bound<'_, PyAny>,
        columns: Option<Names>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<DataFrame> {
        let rows = fastdata::TableRows {
            any_partition: request::partitions(partitions)?,
            columns: columns.map(Names::into_vec),
            ..Default::default()
        };
        self.open(py, &rows)?.collect(py, progress)
    }

    /// All rows.
    #[pyo3(signature = (columns = None, *, progress = None))]
    fn get_all(
        &self,
        py: Python<'_>,
        columns: Option<Names>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<DataFrame> {
        let rows = request::rows(columns, None, None, None)?;
        self.open(py, &rows)?.collect(py, progress)
    }

    /// A scan, to collect, to stream or to hand to another library.
    #[pyo3(signature = (columns = None, *, r#where = None, partition = None, limit = None))]
    fn scan(
        &self,
        py: Python<'_>,
        columns: Option<Names>,
        r#where: Option<String>,
        partition: Option<Bound<'_, PyAny>>,
        limit: Option<u64>,
    ) -> PyResult<Scan> {
        let rows = request::rows(columns, r#where, partition.as_ref(), limit)?;
        self.open(py, &rows)
    }

    /// `count` parts of about the same number of rows or bytes, for as many tasks.
    #[pyo3(signature = (count, *, by = "rows", columns = None, r#where = None, partition = None))]
    fn groups(
        &self,
        py: Python<'_>,
        count: usize,
        by: &str,
        columns: Option<Names>,
        r#where: Option<String>,
        partition: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Group>> {
        let by = match by {
            "rows" => GroupBy::Rows,
            "bytes" => GroupBy::Bytes,
            other => return Err(invalid(format!("by=`{other}`; there are rows and bytes"))),
        };
        let rows = request::rows(columns, r#where, partition.as_ref(), None)?;
        let groups = self.run(py, move |table| table.groups(count, by, &rows))?;
        Ok(groups.into_iter().map(Group).collect())
    }

    /// What a scan would read, and why it skips the rest.
    #[pyo3(signature = (columns = None, *, r#where = None, partition = None, limit = None))]
    fn explain(
        &self,
        py: Python<'_>,
        columns: Option<Names>,
        r#where: Option<String>,
        partition: Option<Bound<'_, PyAny>>,
        limit: Option<u64>,
    ) -> PyResult<Explain> {
        let rows = request::rows(columns, r#where, partition.as_ref(), limit)?;
        self.run(py, move |table| table.explain(&rows)).map(Explain)
    }

    /// The snapshots, oldest first.
    fn snapshots(&self, py: Python<'_>) -> PyResult<DataFrame> {
        self.run(py, Inner::snapshots).map(DataFrame::new)
    }

    /// The partitions that have files.
    fn partitions(&self, py: Python<'_>) -> PyResult<DataFrame> {
        self.run(py, Inner::partitions).map(DataFrame::new)
    }

    /// The data files.
    fn files(&self, py: Python<'_>) -> PyResult<DataFrame> {
        self.run(py, Inner::files).map(DataFrame::new)
    }

    /// Location, snapshots, partition spec and sizes, of the layout of `fastdata describe --json`.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let description = self.run(py, Inner::describe)?;
        let json =
            serde_json::to_string(&description).map_err(|error| invalid(error.to_string()))?;
        py.import("json")?.call_method1("loads", (json,))
    }

    /// A lazy Polars frame: columns, conditions and limits of its query are pushed into the scan.
    fn to_lazy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let scan = self.open(py, &fastdata::TableRows::default())?;
        Bound::new(py, scan)?.call_method0("to_lazy")
    }

    fn __repr__(&self) -> String {
        format!("<fastdata.Table {}>", self.0.request().sources.join(", "))
    }

    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._html")?.call_method1("table", (slf,))
    }

    #[staticmethod]
    fn _restore(json: &str) -> PyResult<Self> {
        let request = PortableRequest::from_json(json).map_err(|error| exception(&error))?;
        Ok(Self(Inner::of_request(request.into_request())))
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let json = PortableRequest::of(slf.get().0.request()).to_json();
        let json = json.map_err(|error| exception(&error))?;
        let restore = slf.getattr("_restore")?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (json,)), slf.py())
    }
}
