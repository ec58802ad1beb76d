//! Rows in memory.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use fastdata::text::Grid;
use fastdata::write::{Compression, ParquetOptions, SeparatedOptions};
use fastdata::{CancelToken, Rows};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList, PyMapping, PySlice, PyString, PyTuple};

use crate::arguments::{self, Names};
use crate::batch::Batch;
use crate::capsule::{frame_capsule, import, requested_schema, schema_capsule, struct_field};
use crate::column::Column;
use crate::exceptions::{exception, invalid, no_column};
use crate::interrupt::{detached, interruptible};
use crate::schema::Schema;
use crate::values::value;

/// Rows of named columns, immutable and cheap to slice.
#[pyclass(frozen, module = "fastdata", sequence)]
pub(crate) struct DataFrame(fastdata::DataFrame);

impl DataFrame {
    pub(crate) fn new(frame: fastdata::DataFrame) -> Self {
        Self(frame)
    }

    pub(crate) fn inner(&self) -> &fastdata::DataFrame {
        &self.0
    }

    pub(crate) fn of_column(column: &fastdata::Column) -> PyResult<Self> {
        let schema = Arc::new(arrow_schema::Schema::new(vec![Arc::clone(column.field())]));
        let chunks = column.chunks().iter();
        let batches = chunks
            .map(|chunk| RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(chunk)]))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(error.to_string()))?;
        let frame = fastdata::DataFrame::new(schema, batches);
        frame.map(Self).map_err(|error| exception(&error))
    }

    fn check_columns(&self, names: &[String]) -> PyResult<()> {
        for name in names {
            self.0.column(name).map_err(|error| no_column(&error))?;
        }
        Ok(())
    }
}

/// The rows of all `frames`, in order, without a copy.
#[pyfunction]
pub(crate) fn concat(frames: Vec<PyRef<'_, DataFrame>>) -> PyResult<DataFrame> {
    let frames: Vec<fastdata::DataFrame> = frames.iter().map(|frame| frame.0.clone()).collect();
    let whole = fastdata::DataFrame::concat(&frames);
    whole.map(DataFrame).map_err(|error| exception(&error))
}

#[pymethods]
impl DataFrame {
    /// A frame of any Arrow object (of Polars, pyarrow, DuckDB, …), of a pandas frame, or of a
    /// mapping from names to columns.
    #[new]
    #[pyo3(signature = (data, /))]
    fn py_new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(columns) = data.cast::<PyDict>() {
            return arguments::frame_of_mapping(columns).map(Self);
        }
        let py = data.py();
        let data = py
            .import("fastdata._convert")?
            .call_method1("as_arrow", (data,))?;
        if let Ok(columns) = data.cast::<PyDict>() {
            return arguments::frame_of_mapping(columns).map(Self);
        }
        if let Some(imported) = import(&data)? {
            return arguments::frame_of_arrow(&imported).map(Self);
        }
        match data.cast::<PyMapping>() {
            Ok(mapping) => {
                let columns = PyDict::new(py);
                columns.update(mapping)?;
                arguments::frame_of_mapping(&columns).map(Self)
            }
            Err(_) => Err(invalid(format!(
                "a frame is made of an Arrow object or a mapping, not of {}",
                data.get_type().name()?
            ))),
        }
    }

    /// Rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// Columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    /// Bytes of the rows' values in memory.
    #[getter]
    fn nbytes(&self) -> usize {
        self.0.nbytes()
    }

    /// Rows and columns.
    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.0.num_rows(), self.0.num_columns())
    }

    /// Names and types of the columns.
    #[getter]
    fn schema(&self) -> Schema {
        Schema(Arc::clone(self.0.schema()))
    }

    /// The columns' names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        let fields = self.0.schema().fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __contains__(&self, name: &str) -> bool {
        self.0.column(name).is_ok()
    }

    /// `[name]` is a column, `[[names]]` a frame of columns, `[start:stop]` a frame of rows.
    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = key.py();
        if let Ok(name) = key.cast::<PyString>() {
            let column = self
                .0
                .column(&name.to_cow()?)
                .map_err(|error| no_column(&error))?;
            return Ok(Bound::new(py, Column::new(column))?.into_any());
        }
        if let Ok(slice) = key.cast::<PySlice>() {
            let rows = slice.indices(self.0.num_rows().cast_signed())?;
            if rows.step != 1 {
                return Err(invalid("rows are sliced in steps of 1"));
            }
            let (start, count) = (rows.start.unsigned_abs(), rows.slicelength);
            let frame = self
                .0
                .slice(start, count)
                .map_err(|error| exception(&error))?;
            return Ok(Bound::new(py, Self(frame))?.into_any());
        }
        if let Ok(names) = key.extract::<Vec<String>>() {
            return Ok(Bound::new(py, self.select_names(&names)?)?.into_any());
        }
        Err(invalid(
            "a frame is indexed by a name, a list of names or a slice of rows",
        ))
    }

    /// The first `count` rows, without a copy.
    #[pyo3(signature = (count = 10))]
    fn head(&self, count: usize) -> Self {
        Self(self.0.head(count))
    }

    /// `count` rows from row `start` on, without a copy.
    fn slice(&self, start: usize, count: usize) -> PyResult<Self> {
        self.0
            .slice(start, count)
            .map(Self)
            .map_err(|error| exception(&error))
    }

    /// The named columns, in this order.
    #[pyo3(signature = (*names))]
    fn select(&self, names: &Bound<'_, PyTuple>) -> PyResult<Self> {
        self.select_names(&flat_names(names)?)
    }

    /// All columns but the named ones.
    #[pyo3(signature = (*names))]
    fn drop(&self, names: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let names = flat_names(names)?;
        self.check_columns(&names)?;
        self.0
            .drop(&names)
            .map(Self)
            .map_err(|error| exception(&error))
    }

    /// The columns under other names, given from old to new.
    fn rename(&self, names: &Bound<'_, PyDict>) -> PyResult<Self> {
        let names: Vec<(String, String)> = names
            .iter()
            .map(|(old, new)| Ok((old.extract()?, new.extract()?)))
            .collect::<PyResult<_>>()?;
        let old: Vec<String> = names.iter().map(|(old, _)| old.clone()).collect();
        self.check_columns(&old)?;
        self.0
            .rename(&names)
            .map(Self)
            .map_err(|error| exception(&error))
    }

    /// The fields of a struct column as columns in its place.
    fn unnest(&self, name: &str) -> PyResult<Self> {
        self.check_columns(&[name.to_owned()])?;
        self.0
            .unnest(name)
            .map(Self)
            .map_err(|error| exception(&error))
    }

    /// Rows by the name of a boolean column, a mask, or row numbers.
    #[pyo3(signature = (rows, *, null_as = false))]
    fn take(&self, py: Python<'_>, rows: &Bound<'_, PyAny>, null_as: bool) -> PyResult<Self> {
        let nulls = arguments::nulls(null_as);
        let rows = match rows.cast::<PyString>() {
            Ok(name) => {
                let column = self
                    .0
                    .column(&name.to_cow()?)
                    .map_err(|error| no_column(&error))?;
                Rows::Mask(column)
            }
            Err(_) => arguments::rows(rows)?,
        };
        let frame = &self.0;
        detached(py, || frame.take(&rows, nulls)).map(Self)
    }

    /// Rows for which a condition in SQL's syntax is true, or those of a mask.
    #[pyo3(signature = (condition, *, null_as = false))]
    fn filter(
        &self,
        py: Python<'_>,
        condition: &Bound<'_, PyAny>,
        null_as: bool,
    ) -> PyResult<Self> {
        let Ok(text) = condition.cast::<PyString>() else {
            return match arguments::rows(condition)? {
                rows @ Rows::Mask(_) => {
                    let (frame, nulls) = (&self.0, arguments::nulls(null_as));
                    detached(py, || frame.take(&rows, nulls)).map(Self)
                }
                // An empty list has no type.
                Rows::Positions(none) if none.is_empty() && self.0.num_rows() == 0 => {
                    Ok(Self(self.0.clone()))
                }
                Rows::Positions(_) => Err(invalid("row numbers are for take; filter wants a mask")),
            };
        };
        let (frame, text) = (&self.0, text.to_cow()?);
        detached(py, || frame.filter(&text)).map(Self)
    }

    /// Frames of at most `max_rows` rows each, without a copy.
    fn split(&self, max_rows: usize) -> PyResult<Vec<Self>> {
        let parts = self.0.split(max_rows).map_err(|error| exception(&error))?;
        Ok(parts.into_iter().map(Self).collect())
    }

    /// The rows of this frame and then those of `others`, without a copy.
    #[pyo3(signature = (*others))]
    fn concat(&self, others: Vec<PyRef<'_, Self>>) -> PyResult<Self> {
        let others = others.iter().map(|frame| frame.0.clone());
        let frames: Vec<fastdata::DataFrame> =
            std::iter::once(self.0.clone()).chain(others).collect();
        let whole = fastdata::DataFrame::concat(&frames);
        whole.map(Self).map_err(|error| exception(&error))
    }

    /// The chunks as batches; of at most `max_rows` rows when given.
    #[pyo3(signature = (max_rows = None))]
    fn batches(&self, max_rows: Option<usize>) -> PyResult<Vec<Batch>> {
        let Some(max_rows) = max_rows else {
            return Ok(self.0.batches().iter().cloned().map(Batch).collect());
        };
        if max_rows == 0 {
            return Err(invalid("batches of 0 rows"));
        }
        let mut batches = Vec::new();
        for batch in self.0.batches() {
            for start in (0..batch.num_rows()).step_by(max_rows) {
                batches.push(Batch(
                    batch.slice(start, max_rows.min(batch.num_rows() - start)),
                ));
            }
        }
        Ok(batches)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.batches(None)?)?.try_iter()?.into_any())
    }

    /// Whether both frames have the same names, types and values.
    fn equals(&self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<bool> {
        let (one, other) = (&self.0, &other.0);
        detached(py, || Ok(one.equals(other)))
    }

    /// Each row as a dictionary.
    fn to_dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        for batch in self.0.batches() {
            let schema = batch.schema();
            for row in 0..batch.num_rows() {
                let dict = PyDict::new(py);
                for (field, column) in schema.fields().iter().zip(batch.columns()) {
                    dict.set_item(field.name(), value(py, column.as_ref(), row)?)?;
                }
                rows.append(dict)?;
            }
        }
        Ok(rows)
    }

    /// Writes a Parquet file; it appears under its name when it is complete.
    #[pyo3(signature = (path, *, compression = "zstd", row_group_rows = 1_048_576))]
    fn write_parquet(
        &self,
        py: Python<'_>,
        path: PathBuf,
        compression: Option<&str>,
        row_group_rows: usize,
    ) -> PyResult<()> {
        let compression = match compression {
            None | Some("none" | "uncompressed") => Compression::None,
            Some("snappy") => Compression::Snappy,
            Some("lz4") => Compression::Lz4,
            Some("zstd") => Compression::Zstd,
            Some(other) => {
                return Err(invalid(format!(
                    "compression `{other}`; there are zstd, snappy, lz4 and none"
                )));
            }
        };
        let cancel = CancelToken::default();
        let options = ParquetOptions {
            compression,
            row_group_rows,
            cancel: cancel.clone(),
        };
        let frame = self.0.clone();
        interruptible(py, &cancel, move || frame.write_parquet(path, &options))
    }

    /// Writes separated values; the file appears under its name when it is complete.
    #[pyo3(signature = (path, *, separator = ',', header = true))]
    fn write_csv(
        &self,
        py: Python<'_>,
        path: PathBuf,
        separator: char,
        header: bool,
    ) -> PyResult<()> {
        let cancel = CancelToken::default();
        let options = SeparatedOptions {
            separator,
            header,
            cancel: cancel.clone(),
        };
        let frame = self.0.clone();
        interruptible(py, &cancel, move || frame.write_csv(path, &options))
    }

    /// As a Polars frame, without a copy of the values.
    fn to_polars<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "to_polars")
    }

    /// As a lazy Polars frame.
    fn to_lazy<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "frame_to_lazy")
    }

    /// As a pandas frame: through pyarrow where it is installed, through numpy otherwise.
    fn to_pandas<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "to_pandas")
    }

    /// As a pyarrow table, without a copy of the values.
    fn to_pyarrow<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "to_pyarrow")
    }

    /// As a dictionary from names to numpy arrays.
    fn to_numpy<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        convert(slf, "to_numpy")
    }

    /// As a dictionary from names to torch tensors, which share the frame's memory unless `copy`.
    #[pyo3(signature = (*, copy = false))]
    fn to_torch<'py>(slf: Bound<'py, Self>, copy: bool) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._convert")?
            .call_method1("to_torch", (slf, copy))
    }

    /// The frame as an Arrow IPC stream.
    fn to_ipc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let frame = &self.0;
        let bytes = detached(py, || frame.to_ipc())?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The frame that an Arrow IPC stream holds.
    #[staticmethod]
    fn from_ipc(py: Python<'_>, stream: &[u8]) -> PyResult<Self> {
        detached(py, || fastdata::DataFrame::from_ipc(stream)).map(Self)
    }

    fn __reduce__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let restore = slf.getattr("from_ipc")?;
        let stream = slf.get().to_ipc(py)?;
        pyo3::IntoPyObjectExt::into_bound_py_any((restore, (stream,)), py)
    }

    /// A fresh Arrow stream of the chunks.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let requested = self::requested_schema(requested_schema.as_ref())?;
        frame_capsule(py, &self.0, requested.as_ref())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &struct_field(self.0.schema()))
    }

    /// Names, and the first rows as text: what `repr` in notebooks is made of.
    fn _cells(&self, rows: usize) -> PyResult<Vec<Vec<String>>> {
        let mut cells = Vec::new();
        for batch in self.0.head(rows).batches() {
            cells.extend(fastdata::text::cells(batch).map_err(|error| exception(&error))?);
        }
        Ok(cells)
    }

    fn __repr__(&self) -> PyResult<String> {
        const SHOWN: usize = 10;
        let mut grid = Grid::of_schema(self.0.schema());
        for batch in self.0.head(SHOWN).batches() {
            grid.add_rows(batch).map_err(|error| exception(&error))?;
        }
        let (text, hidden) = grid.render(Some(120));
        let rows = self.0.num_rows();
        let more = match rows > SHOWN {
            true => format!(" ({SHOWN} shown)"),
            false => String::new(),
        };
        let columns = self.0.num_columns();
        let fewer = match hidden {
            0 => String::new(),
            hidden => format!(" ({} shown)", columns - hidden),
        };
        Ok(format!(
            "{text}{rows} rows{more} · {columns} columns{fewer}"
        ))
    }

    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._html")?.call_method1("frame", (slf,))
    }
}

impl DataFrame {
    fn select_names(&self, names: &[String]) -> PyResult<Self> {
        self.check_columns(names)?;
        self.0
            .select(names)
            .map(Self)
            .map_err(|error| exception(&error))
    }
}

/// `("a", "b")` or `(["a", "b"],)`.
fn flat_names(names: &Bound<'_, PyTuple>) -> PyResult<Vec<String>> {
    let mut flat = Vec::new();
    for names in names {
        flat.extend(names.extract::<Names>()?.into_vec());
    }
    Ok(flat)
}

fn convert<'py>(slf: Bound<'py, DataFrame>, how: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    py.import("fastdata._convert")?.call_method1(how, (slf,))
}
