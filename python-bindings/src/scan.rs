//! A scan: opened, and run as often as somebody asks.

use std::sync::Mutex;

use fastdata::{CancelToken, ErrorKind, PortableRequest, ScanRequest, ScanStats};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::batches::Batches;
use crate::capsule::{requested_schema, scan_capsule, schema_capsule, struct_field};
use crate::exceptions::{exception, no_column};
use crate::explain::Explain;
use crate::frame::DataFrame;
use crate::interrupt::{interruptible, watched};
use crate::schema::Schema;

/// Rows to read: a source, columns and a condition. Nothing of the data is read before it is asked
/// for, and each use reads anew.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Scan {
    request: ScanRequest,
    /// The opened scan and the process that opened it: connections do not survive a fork.
    opened: Mutex<(u32, fastdata::Scan)>,
}

impl Scan {
    /// Opens `request`: reads metadata, and binds columns and condition.
    pub(crate) fn open(py: Python<'_>, request: ScanRequest) -> PyResult<Self> {
        let opened = open(py, request.clone())?;
        Ok(Self {
            request,
            opened: Mutex::new((std::process::id(), opened)),
        })
    }

    /// The opened scan, for this process.
    fn get(&self, py: Python<'_>) -> PyResult<fastdata::Scan> {
        let lock = || {
            self.opened
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let (process, scan) = lock().clone();
        if process == std::process::id() {
            return Ok(scan);
        }
        let opened = open(py, self.request.clone())?;
        *lock() = (std::process::id(), opened.clone());
        Ok(opened)
    }
}

fn open(py: Python<'_>, request: ScanRequest) -> PyResult<fastdata::Scan> {
    let cancel = CancelToken::default();
    let token = cancel.clone();
    let opened = interruptible(py, &cancel, move || {
        let opened = fastdata::Scan::open(request.clone(), token.clone());
        Ok(
            opened.map_err(|error| match lacks_column(&error, request, token) {
                true => Unopened::NoColumn(error),
                false => Unopened::Other(error),
            }),
        )
    })?;
    opened.map_err(|unopened| match unopened {
        Unopened::NoColumn(error) => no_column(&error),
        Unopened::Other(error) => exception(&error),
    })
}

/// Why a scan was not opened.
enum Unopened {
    NoColumn(fastdata::Error),
    Other(fastdata::Error),
}

/// Whether `error` is about a column that the source does not have: it opens with all of its columns,
/// and a wanted one is not among them.
fn lacks_column(error: &fastdata::Error, request: ScanRequest, token: CancelToken) -> bool {
    let (ErrorKind::InvalidArgument, Some(wanted)) = (error.kind(), &request.columns) else {
        return false;
    };
    let wanted = wanted.clone();
    let whole = ScanRequest {
        columns: None,
        filter: None,
        ..request
    };
    fastdata::Scan::open(whole, token).is_ok_and(|scan| {
        // A dot leads to a field of a struct.
        let top = |name: &String| name.split('.').next().unwrap_or(name).to_owned();
        let is_there = |name: &String| {
            let schema = scan.schema();
            schema.field_with_name(name).is_ok() || schema.field_with_name(&top(name)).is_ok()
        };
        !wanted.iter().all(is_there)
    })
}

/// All rows of `scan`; `progress` is `None`, a bool or a callable.
pub(crate) fn collect(
    py: Python<'_>,
    scan: &fastdata::Scan,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<DataFrame> {
    let cancel = CancelToken::default();
    let scan = scan.with_cancel(cancel.clone());
    let report = py
        .import("fastdata._progress")?
        .call_method1("reporter", (progress,))?;
    let mut batches = scan.batches().map_err(|error| exception(&error))?;
    let now = batches.progress_handle();
    let schema = scan.schema().clone();
    let work = move || {
        let collected = batches.by_ref().collect::<fastdata::Result<Vec<_>>>()?;
        let frame = fastdata::DataFrame::new(schema, collected)?;
        Ok((frame, batches.stats()))
    };
    let look = || {
        if report.is_none() {
            return Ok(());
        }
        let now = now();
        let state = (
            now.bytes_fetched,
            now.planned_all.then_some(now.bytes_expected),
            now.files_done,
            now.files_planned,
            now.rows_returned,
        );
        report.call_method1("update", state).map(drop)
    };
    // The last look is at the whole, however short the scan was.
    let outcome =
        watched(py, &cancel, work, |_| look()).and_then(|collected| look().map(|()| collected));
    if !report.is_none() {
        report.call_method0("close")?;
    }
    let (frame, stats) = outcome?;
    tell(py, &stats)?;
    Ok(DataFrame::new(frame))
}

/// Tells the logger what a scan did.
pub(crate) fn tell(py: Python<'_>, stats: &ScanStats) -> PyResult<()> {
    let finished = (
        stats.rows_returned,
        stats.bytes_fetched,
        stats.wall_ns,
        stats.files_planned,
    );
    py.import("fastdata._log")?
        .call_method1("finished", finished)
        .map(drop)
}

#[pymethods]
impl Scan {
    /// Names and types of the columns that come out.
    #[getter]
    fn schema(&self, py: Python<'_>) -> PyResult<Schema> {
        Ok(Schema(self.get(py)?.schema().clone()))
    }

    /// The columns' names.
    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let scan = self.get(py)?;
        let fields = scan.schema().fields().iter();
        Ok(fields.map(|field| field.name().clone()).collect())
    }

    /// All rows.
    #[pyo3(signature = (*, progress = None))]
    pub(crate) fn collect(
        &self,
        py: Python<'_>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<DataFrame> {
        collect(py, &self.get(py)?, progress.as_ref())
    }

    /// All rows, while other tasks of the event loop run.
    fn collect_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let batches = self.batches(py)?;
        py.import("fastdata._async")?
            .call_method1("collect", (batches,))
    }

    /// Starts the scan; the batches come in order and in bounded memory.
    fn batches(&self, py: Python<'_>) -> PyResult<Batches> {
        Batches::start(&self.get(py)?, self.request.batch_rows)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Batches> {
        self.batches(py)
    }

    fn __aiter__(&self, py: Python<'_>) -> PyResult<Batches> {
        self.batches(py)
    }

    /// What would be read, and why the rest is skipped.
    fn explain(&self, py: Python<'_>) -> PyResult<Explain> {
        let cancel = CancelToken::default();
        let scan = self.get(py)?.with_cancel(cancel.clone());
        interruptible(py, &cancel, move || scan.explain()).map(Explain)
    }

    /// As a Polars frame.
    #[pyo3(signature = (*, progress = None))]
    fn to_polars<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.collect(py, progress)?)?.call_method0("to_polars")
    }

    /// As a pandas frame.
    #[pyo3(signature = (*, progress = None))]
    fn to_pandas<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.collect(py, progress)?)?.call_method0("to_pandas")
    }

    /// As a pyarrow table.
    #[pyo3(signature = (*, progress = None))]
    fn to_pyarrow<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Bound::new(py, self.collect(py, progress)?)?.call_method0("to_pyarrow")
    }

    /// As a lazy Polars frame: columns, conditions and limits of its query are pushed into the scan.
    fn to_lazy<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._lazy")?
            .call_method1("scan_to_lazy", (slf,))
    }

    /// The same source with fewer columns, a further condition and a smaller limit.
    #[pyo3(signature = (columns, r#where, limit))]
    fn _narrowed(
        &self,
        py: Python<'_>,
        columns: Option<Vec<String>>,
        r#where: Option<String>,
        limit: Option<u64>,
    ) -> PyResult<Self> {
        let filter = match (&self.request.filter, r#where) {
            (Some(one), Some(other)) => Some(format!("({one}) and ({other})")),
            (one, other) => one.clone().or(other),
        };
        let limits = self.request.limit_rows.into_iter().chain(limit);
        let request = ScanRequest {
            columns: columns.or_else(|| self.request.columns.clone()),
            filter,
            limit_rows: limits.min(),
            ..self.request.clone()
        };
        Self::open(py, request)
    }

    /// Whether a limit makes further conditions another question.
    fn _is_limited(&self) -> bool {
        self.request.limit_rows.is_some()
    }

    /// A fresh Arrow stream of a fresh run.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let requested = self::requested_schema(requested_schema.as_ref())?;
        let scan = self.get(py)?.with_cancel(CancelToken::default());
        scan_capsule(py, &scan, requested.as_ref())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &struct_field(self.get(py)?.schema()))
    }

    fn __repr__(&self) -> String {
        let mut text = format!("<fastdata.Scan of {}", self.request.sources.join(", "));
        if let Some(filter) = &self.request.filter {
            text = format!("{text} where {filter}");
        }
        text + ">"
    }

    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._html")?.call_method1("scan", (slf,))
    }

    #[staticmethod]
    fn _restore(py: Python<'_>, json: &str) -> PyResult<Self> {
        let request = PortableRequest::from_json(json).map_err(|error| exception(&error))?;
        Self::open(py, request.into_request())
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let json = PortableRequest::of(&Bound::get(&slf).request).to_json();
        let json = json.map_err(|error| exception(&error))?;
        let restore = slf.getattr("_restore")?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (json,)), slf.py())
    }
}
