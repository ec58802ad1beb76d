//! Values as plain memory: Python's buffer protocol and DLPack.
#![expect(
    unsafe_code,
    reason = "the C structures of the buffer protocol and of DLPack"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, UInt8Array};
use arrow_buffer::Buffer;
use arrow_schema::{DataType, IntervalUnit};
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3::{IntoPyObjectExt, ffi};

use crate::exceptions::{invalid, unsupported};

/// Numbers in row-major order, without nulls, that other libraries may read where they are.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Memory {
    values: Buffer,
    shape: Vec<isize>,
    item: Item,
}

/// Type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Item {
    /// Letter of Python's `struct` module.
    format: &'static CStr,
    width_bytes: usize,
    /// DLPack's code: 0 signed, 1 unsigned, 2 float, 6 bool.
    code: u8,
}

impl Memory {
    /// The values of `array` as `shape`, whose product is its length.
    pub(crate) fn new(name: &str, array: &ArrayRef, shape: Vec<usize>) -> PyResult<Self> {
        if array.logical_null_count() > 0 {
            return Err(invalid(format!(
                "column `{name}` has nulls, which plain memory cannot hold"
            )));
        }
        let item = item_of(array.data_type()).ok_or_else(|| {
            unsupported(format!(
                "column `{name}` of type {} has no plain memory",
                array.data_type()
            ))
        })?;
        let array = match array.data_type() {
            DataType::Boolean => one_byte_each(array),
            _ => Arc::clone(array),
        };
        let data = array.to_data();
        let start = data.offset() * item.width_bytes;
        let values = match data.buffers().first() {
            Some(values) => values.slice_with_length(start, data.len() * item.width_bytes),
            None => Buffer::from(&[]),
        };
        debug_assert_eq!(shape.iter().product::<usize>(), array.len());
        Ok(Self {
            values,
            shape: shape.into_iter().map(usize::cast_signed).collect(),
            item,
        })
    }
}

impl Memory {
    /// Bytes in a row.
    pub(crate) fn of_bytes(values: Buffer) -> Self {
        Self {
            shape: vec![values.len().cast_signed()],
            values,
            item: Item {
                format: c"B",
                width_bytes: 1,
                code: 1,
            },
        }
    }
}

/// Bits are not addressable: a byte for each.
fn one_byte_each(array: &ArrayRef) -> ArrayRef {
    let bits = array.as_boolean().values();
    Arc::new(UInt8Array::from_iter_values(bits.iter().map(u8::from)))
}

fn item_of(data_type: &DataType) -> Option<Item> {
    use DataType::{
        Boolean, Date32, Date64, Duration, Float16, Float32, Float64, Int8, Int16, Int32, Int64,
        Interval, Time32, Time64, Timestamp, UInt8, UInt16, UInt32, UInt64,
    };
    let item = |format, width_bytes, code| {
        Some(Item {
            format,
            width_bytes,
            code,
        })
    };
    match data_type {
        Boolean => item(c"?", 1, 6),
        Int8 => item(c"b", 1, 0),
        Int16 => item(c"h", 2, 0),
        Int32 | Date32 | Time32(_) | Interval(IntervalUnit::YearMonth) => item(c"i", 4, 0),
        Int64 | Date64 | Time64(_) | Timestamp(..) | Duration(_) => item(c"q", 8, 0),
        UInt8 => item(c"B", 1, 1),
        UInt16 => item(c"H", 2, 1),
        UInt32 => item(c"I", 4, 1),
        UInt64 => item(c"Q", 8, 1),
        Float16 => item(c"e", 2, 2),
        Float32 => item(c"f", 4, 2),
        Float64 => item(c"d", 8, 2),
        _ => None,
    }
}

#[pymethods]
impl Memory {
    /// Length of each dimension.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pyo3::types::PyTuple::new(py, &self.shape)?.into_bound_py_any(py)
    }

    /// Letter of one value's type, as the `struct` module has it.
    #[getter]
    fn format(&self) -> String {
        self.item.format.to_string_lossy().into_owned()
    }

    /// Bytes of all values.
    #[getter]
    fn nbytes(&self) -> usize {
        self.values.len()
    }

    fn __len__(&self) -> usize {
        self.shape.first().map_or(0, |rows| rows.unsigned_abs())
    }

    fn __repr__(&self) -> String {
        let format = self.format();
        format!(
            "<fastdata.Memory of {:?} values of type {format}>",
            self.shape
        )
    }

    /// # Safety
    ///
    /// `view` is a structure to fill, as Python's buffer protocol has it.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill"));
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err(
                "frames do not change: this memory is read-only",
            ));
        }
        let layout = Layout::new(slf.get());
        let filled = ffi::Py_buffer {
            buf: slf.get().values.as_ptr().cast_mut().cast(),
            len: slf.get().values.len().cast_signed(),
            readonly: 1,
            itemsize: slf.get().item.width_bytes.cast_signed(),
            format: match flags & ffi::PyBUF_FORMAT == ffi::PyBUF_FORMAT {
                true => slf.get().item.format.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            },
            ndim: layout.ndim(),
            shape: match flags & ffi::PyBUF_ND == ffi::PyBUF_ND {
                true => layout.shape.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            },
            strides: match flags & ffi::PyBUF_STRIDES == ffi::PyBUF_STRIDES {
                true => layout.strides.as_ptr().cast_mut(),
                false => std::ptr::null_mut(),
            },
            suboffsets: std::ptr::null_mut(),
            internal: Box::into_raw(layout).cast(),
            obj: slf.into_any().into_ptr(),
        };
        // SAFETY: the caller's promise, and checked not to be null above.
        unsafe { view.write(filled) };
        Ok(())
    }

    /// # Safety
    ///
    /// `view` was filled by `__getbuffer__` and is released once.
    unsafe fn __releasebuffer__(&self, view: *mut ffi::Py_buffer) {
        // SAFETY: the caller's promise.
        let internal = unsafe { (*view).internal };
        // SAFETY: `internal` is the box that `__getbuffer__` leaked for this view.
        drop(unsafe { Box::from_raw(internal.cast::<Layout>()) });
    }

    /// The memory for another library, which keeps it alive.
    #[pyo3(signature = (*, stream = None, max_version = None, dl_device = None, copy = None))]
    fn __dlpack__<'py>(
        slf: Bound<'py, Self>,
        stream: Option<Bound<'py, PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        if stream.is_some_and(|stream| !stream.is_none()) {
            return Err(PyBufferError::new_err("memory of the CPU has no stream"));
        }
        if dl_device.is_some_and(|device| device != CPU) {
            return Err(PyBufferError::new_err("this memory is on the CPU"));
        }
        let versioned = max_version.is_some_and(|(major, _)| major >= 1);
        let memory = slf.get();
        match copy {
            // A copy is the consumer's own, which may write to it.
            Some(true) => {
                let values = Buffer::from(memory.values.as_slice());
                dlpack(slf.py(), memory, values, versioned, IS_COPIED)
            }
            _ => dlpack(
                slf.py(),
                memory,
                memory.values.clone(),
                versioned,
                READ_ONLY,
            ),
        }
    }

    /// Where the memory is: on the CPU.
    fn __dlpack_device__(&self) -> (i32, i32) {
        CPU
    }
}

/// What a view points to besides the values.
struct Layout {
    shape: Vec<isize>,
    /// Bytes from one index to the next, for each dimension.
    strides: Vec<isize>,
}

impl Layout {
    fn new(memory: &Memory) -> Box<Self> {
        let mut strides = vec![memory.item.width_bytes.cast_signed(); memory.shape.len()];
        for dimension in (1..memory.shape.len()).rev() {
            strides[dimension - 1] = strides[dimension] * memory.shape[dimension];
        }
        Box::new(Self {
            shape: memory.shape.clone(),
            strides,
        })
    }

    fn ndim(&self) -> c_int {
        // One or two.
        self.shape.len() as c_int
    }
}

/// DLPack's number for the CPU, and the first of its kind.
const CPU: (i32, i32) = (1, 0);
/// The bit of DLPack's flags that forbids writing.
const READ_ONLY: u64 = 1;
/// The bit that says that nobody else has the memory.
const IS_COPIED: u64 = 2;

/// `DLTensor` of `dlpack.h`.
#[repr(C)]
struct DlTensor {
    data: *mut c_void,
    device_type: i32,
    device_id: i32,
    ndim: i32,
    code: u8,
    bits: u8,
    lanes: u16,
    shape: *mut i64,
    strides: *mut i64,
    byte_offset: u64,
}

/// `DLManagedTensor` of `dlpack.h`: what consumers without version know.
#[repr(C)]
struct Managed {
    tensor: DlTensor,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Self)>,
}

/// `DLManagedTensorVersioned` of `dlpack.h`.
#[repr(C)]
struct ManagedVersioned {
    major: u32,
    minor: u32,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Self)>,
    flags: u64,
    tensor: DlTensor,
}

/// What a tensor points to.
struct Context {
    _values: Buffer,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

fn dlpack<'py>(
    py: Python<'py>,
    memory: &Memory,
    values: Buffer,
    versioned: bool,
    flags: u64,
) -> PyResult<Bound<'py, PyCapsule>> {
    let shape: Vec<i64> = memory.shape.iter().map(|length| *length as i64).collect();
    // DLPack counts strides in values.
    let mut strides = vec![1; shape.len()];
    for dimension in (1..shape.len()).rev() {
        strides[dimension - 1] = strides[dimension] * shape[dimension];
    }
    let data = values.as_ptr().cast_mut().cast();
    let mut context = Box::new(Context {
        _values: values,
        shape,
        strides,
    });
    let tensor = DlTensor {
        data,
        device_type: CPU.0,
        device_id: CPU.1,
        ndim: memory.shape.len() as i32,
        code: memory.item.code,
        bits: (memory.item.width_bytes * 8) as u8,
        lanes: 1,
        shape: context.shape.as_mut_ptr(),
        strides: context.strides.as_mut_ptr(),
        byte_offset: 0,
    };
    let context = Box::into_raw(context).cast();
    let (pointer, name): (*mut c_void, &'static CStr) = match versioned {
        true => {
            let managed = ManagedVersioned {
                major: 1,
                minor: 0,
                context,
                deleter: Some(delete_versioned),
                flags,
                tensor,
            };
            (
                Box::into_raw(Box::new(managed)).cast(),
                c"dltensor_versioned",
            )
        }
        false => {
            let managed = Managed {
                tensor,
                context,
                deleter: Some(delete),
            };
            (Box::into_raw(Box::new(managed)).cast(), c"dltensor")
        }
    };
    let pointer = std::ptr::NonNull::new(pointer)
        .ok_or_else(|| PyBufferError::new_err("a box without an address"))?;
    // SAFETY: the pointer is a box's, valid until its deleter runs, which any thread may do.
    unsafe { PyCapsule::new_with_pointer_and_destructor(py, pointer, name, Some(unconsumed)) }
}

unsafe extern "C" fn delete(managed: *mut Managed) {
    // SAFETY: consumers call the deleter once, with the pointer of the capsule, which was a box's.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: `context` was a box of `Context` and is freed here only.
    drop(unsafe { Box::from_raw(managed.context.cast::<Context>()) });
}

unsafe extern "C" fn delete_versioned(managed: *mut ManagedVersioned) {
    // SAFETY: consumers call the deleter once, with the pointer of the capsule, which was a box's.
    let managed = unsafe { Box::from_raw(managed) };
    // SAFETY: `context` was a box of `Context` and is freed here only.
    drop(unsafe { Box::from_raw(managed.context.cast::<Context>()) });
}

/// The end of a capsule: a consumer has renamed it, and frees the tensor itself.
unsafe extern "C" fn unconsumed(capsule: *mut ffi::PyObject) {
    // SAFETY: Python calls this with the capsule that ends.
    let name: *const c_char = unsafe { ffi::PyCapsule_GetName(capsule) };
    if name.is_null() {
        return;
    }
    // SAFETY: not null, and names of capsules are C strings.
    let text = CString::from(unsafe { CStr::from_ptr(name) });
    // SAFETY: the capsule's own name.
    let pointer = unsafe { ffi::PyCapsule_GetPointer(capsule, name) };
    match text.to_bytes() {
        // SAFETY: a capsule of this name was not consumed, so that its tensor is still ours.
        b"dltensor" => unsafe { delete(pointer.cast()) },
        // SAFETY: as above.
        b"dltensor_versioned" => unsafe { delete_versioned(pointer.cast()) },
        _ => {}
    }
}
