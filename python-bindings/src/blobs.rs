//! A content-addressed store of blobs.
#![expect(unsafe_code, reason = "the memory of buffers that Python lends")]

use arrow_buffer::Buffer;
use fastdata::blobs::{Blobs as Inner, BlobsOptions, Check, Durability, Key, Mode, WriteAs};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::{invalid, of_blobs};
use crate::interrupt::detached_blobs;
use crate::memory::Memory;
use crate::request;

/// Blobs below one root: a folder or a prefix in a bucket.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Blobs(Inner);

/// Contiguous memory that Python lends, for as long as this lives.
struct Lent(PyUntypedBuffer);

impl Lent {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let buffer = PyUntypedBuffer::get(object)?;
        match buffer.is_c_contiguous() {
            true => Ok(Self(buffer)),
            false => Err(invalid("the buffer is not contiguous")),
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        let (start, len) = (self.0.buf_ptr().cast::<u8>(), self.0.len_bytes());
        if len == 0 {
            return &[];
        }
        // SAFETY: `Lent::of` has checked that the buffer is contiguous, and its owner keeps it
        // where it is until it is released, which is when `self` is dropped. That nobody writes to
        // it meanwhile is the caller's part, as with Python's own hashlib.
        unsafe { std::slice::from_raw_parts(start, len) }
    }
}

impl Blobs {
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Inner) -> fastdata::blobs::Result<T> + Send,
    ) -> PyResult<T> {
        detached_blobs(py, || work(&self.0))
    }
}

#[pymethods]
impl Blobs {
    #[new]
    #[pyo3(signature = (root, /, *, write_as = "fast", durability = "none", check = true, **store))]
    fn py_new(
        root: &Bound<'_, PyAny>,
        write_as: &str,
        durability: &str,
        check: bool,
        store: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let root: std::path::PathBuf = root.extract()?;
        let root = root
            .to_str()
            .ok_or_else(|| invalid("the root is not UTF-8"))?;
        let mut options = BlobsOptions::default();
        options.write_as = match write_as {
            "fast" => WriteAs::Blobs(Mode::Fast),
            "compact" => WriteAs::Blobs(Mode::Compact),
            "vanilla" => WriteAs::MetaflowVanilla,
            "raw" => WriteAs::MetaflowRaw,
            "lz4" => WriteAs::MetaflowLz4,
            "metaflow-fast" => WriteAs::MetaflowBlobs(Mode::Fast),
            "metaflow-compact" => WriteAs::MetaflowBlobs(Mode::Compact),
            other => {
                return Err(invalid(format!(
                    "write_as={other:?}: fast, compact, vanilla, raw, lz4, metaflow-fast or \
                     metaflow-compact"
                )));
            }
        };
        options.durability = match durability {
            "none" => Durability::None,
            "batch" => Durability::Batch,
            "full" => Durability::Full,
            other => {
                let message = format!("durability={other:?}: none, batch or full");
                return Err(invalid(message));
            }
        };
        if !check {
            options.check = Check::Skip;
        }
        options.store = request::store(store)?;
        Inner::open(root, options)
            .map(Self)
            .map_err(|error| of_blobs(&error))
    }

    /// Keeps the bytes of `buffer` and gives their key.
    fn save(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<String> {
        let lent = Lent::of(buffer)?;
        let saved = self.run(py, |blobs| blobs.save(lent.as_ref()))?;
        Ok(saved.key.to_string())
    }

    /// Keeps the bytes of all `buffers` and gives their keys, in order.
    fn save_many(&self, py: Python<'_>, buffers: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
        let lent: Vec<Lent> = buffers.iter().map(Lent::of).collect::<PyResult<_>>()?;
        let saved = self.run(py, |blobs| blobs.save_many(&lent))?;
        Ok(saved.iter().map(|saved| saved.key.to_string()).collect())
    }

    /// The bytes that were saved under `key`.
    fn load(&self, py: Python<'_>, key: &str) -> PyResult<Memory> {
        let key = parse(key)?;
        let content = self.run(py, |blobs| blobs.load(&key))?;
        Ok(Memory::of_bytes(Buffer::from(content)))
    }

    /// The bytes that were saved under `keys`, in order.
    fn load_many(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<Vec<Memory>> {
        let keys: Vec<Key> = keys.iter().map(|key| parse(key)).collect::<PyResult<_>>()?;
        let contents = self.run(py, |blobs| blobs.load_many(&keys))?;
        let memory = contents.into_iter().map(Buffer::from).map(Memory::of_bytes);
        Ok(memory.collect())
    }

    /// The bytes from `start` up to `stop` of what was saved under `key`.
    fn open_range(&self, py: Python<'_>, key: &str, start: u64, stop: u64) -> PyResult<Memory> {
        let key = parse(key)?;
        let content = self.run(py, |blobs| blobs.open_range(&key, start..stop))?;
        Ok(Memory::of_bytes(Buffer::from(content)))
    }

    /// Whether something was saved under `key`.
    fn exists(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        let key = parse(key)?;
        self.run(py, |blobs| blobs.exists(&key))
    }

    /// Every key.
    fn keys(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let listed = self.run(py, Inner::list)?;
        Ok(listed.iter().map(|listed| listed.key.to_string()).collect())
    }
}

fn parse(key: &str) -> PyResult<Key> {
    let parsed: Result<Key, _> = key.parse();
    parsed.map_err(|error| invalid(error.to_string()))
}
