//! What other libraries hand over through Arrow's PyCapsule interface.
#![expect(unsafe_code, reason = "the C structures of Arrow's data interface")]

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi_and_data_type};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType, Field};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use super::export::{ARRAY, SCHEMA, STREAM};
use crate::exceptions::{internal, invalid, unsupported};

/// Arrays of one type.
pub(crate) struct Imported {
    /// Their type; a struct when they are batches.
    pub(crate) field: Field,
    /// The arrays, in order.
    pub(crate) chunks: Vec<ArrayRef>,
}

/// The arrays of an object that has `__arrow_c_stream__` or `__arrow_c_array__`; `None` for others.
pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<Option<Imported>> {
    if object.hasattr("__arrow_c_stream__")? {
        return match object.call_method0("__arrow_c_stream__") {
            Ok(capsule) => import_stream(&capsule).map(Some),
            // pandas has the method and needs pyarrow for it: there are other ways.
            Err(error) if error.is_instance_of::<PyImportError>(object.py()) => Ok(None),
            Err(error) => Err(error),
        };
    }
    if object.hasattr("__arrow_c_array__")? {
        let capsules = object.call_method0("__arrow_c_array__")?;
        return import_array(&capsules).map(Some);
    }
    // A capsule by itself is a stream that was handed over already.
    match object.cast::<PyCapsule>() {
        Ok(capsule) => import_stream(capsule).map(Some),
        Err(_) => Ok(None),
    }
}

/// The schema that a consumer asks for, from the capsule that it passes.
pub(crate) fn requested_schema(capsule: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Field>> {
    let Some(capsule) = capsule else {
        return Ok(None);
    };
    let schema = pointer::<FFI_ArrowSchema>(capsule, SCHEMA)?;
    // SAFETY: the capsule's name says what it points to, and it lives as long as `capsule`.
    let schema = unsafe { schema.as_ref() };
    Field::try_from(schema)
        .map(Some)
        .map_err(|error| wrong(&error))
}

fn pointer<T>(capsule: &Bound<'_, PyAny>, name: &'static CStr) -> PyResult<NonNull<T>> {
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| {
        invalid(format!(
            "expected a capsule called {}",
            name.to_string_lossy()
        ))
    })?;
    Ok(capsule.pointer_checked(Some(name))?.cast())
}

fn wrong(error: &ArrowError) -> PyErr {
    unsupported(format!("what the other library hands over: {error}"))
}

fn import_array(capsules: &Bound<'_, PyAny>) -> PyResult<Imported> {
    let capsules = capsules.cast::<PyTuple>()?;
    let schema = pointer::<FFI_ArrowSchema>(&capsules.get_item(0)?, SCHEMA)?;
    // SAFETY: the capsule's name says what it points to, and `capsules` keeps it alive.
    let field = Field::try_from(unsafe { schema.as_ref() }).map_err(|error| wrong(&error))?;
    let array = pointer::<FFI_ArrowArray>(&capsules.get_item(1)?, ARRAY)?;
    // SAFETY: the capsule's name says what it points to; moving the structure out leaves a released
    // one, as the interface has it.
    let array = unsafe { FFI_ArrowArray::from_raw(array.as_ptr()) };
    if array.is_released() {
        return Err(invalid("an Arrow array that was taken already"));
    }
    let chunk = import_chunk(array, &field)?;
    Ok(Imported {
        field,
        chunks: vec![chunk],
    })
}

/// The beginning of `ArrowArray`, as Arrow's C data interface lays it out.
#[repr(C)]
struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const std::ffi::c_void,
    children: *mut *mut RawArray,
}

/// Takes away the buffers that some libraries give to arrays of the null type, which has none.
///
/// # Safety
///
/// `array` is one of type `data_type` that was not released, and nobody else uses it now.
unsafe fn without_null_buffers(array: *mut RawArray, data_type: &DataType) {
    // SAFETY: the caller's promise.
    let raw = unsafe { &mut *array };
    if *data_type == DataType::Null {
        raw.n_buffers = 0;
    }
    let children: Vec<&DataType> = match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            vec![item.data_type()]
        }
        _ => Vec::new(),
    };
    if children.len() as i64 != raw.n_children || raw.children.is_null() {
        return;
    }
    for (index, data_type) in children.into_iter().enumerate() {
        // SAFETY: there are `n_children` pointers, and `index` is below that.
        let child = unsafe { raw.children.add(index) };
        // SAFETY: as above; the interface has a valid array behind each.
        unsafe { without_null_buffers(*child, data_type) };
    }
}

fn import_chunk(mut array: FFI_ArrowArray, field: &Field) -> PyResult<ArrayRef> {
    // SAFETY: the array is ours, and `FFI_ArrowArray` has the layout of the C interface.
    unsafe { without_null_buffers((&raw mut array).cast(), field.data_type()) };
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the other library promises an array of the type that its schema tells.
        let mut data = unsafe { from_ffi_and_data_type(array, field.data_type().clone()) }?;
        // Others may lay buffers at any address, ours have the alignment of their type.
        data.align_buffers();
        Ok(make_array(data))
    }));
    match made {
        Ok(made) => made.map_err(|error| wrong(&error)),
        Err(panic) => Err(internal(panic.as_ref())),
    }
}

fn import_stream(capsule: &Bound<'_, PyAny>) -> PyResult<Imported> {
    let py = capsule.py();
    let stream = pointer::<FFI_ArrowArrayStream>(capsule, STREAM)?;
    // SAFETY: the capsule's name says what it points to; moving the structure out leaves a released
    // one, as the interface has it.
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) };
    if stream.release.is_none() {
        return Err(invalid("an Arrow stream that was taken already"));
    }
    let mut reader = Reader(stream);
    // Streams may run a query or wait for a network: nobody else waits for that.
    let field = py
        .detach(|| reader.schema())
        .map_err(|error| wrong(&error))?;
    let mut chunks = Vec::new();
    while let Some(array) = py.detach(|| reader.next()).map_err(|error| wrong(&error))? {
        chunks.push(import_chunk(array, &field)?);
        py.check_signals()?;
    }
    Ok(Imported { field, chunks })
}

struct Reader(FFI_ArrowArrayStream);

impl Reader {
    fn schema(&mut self) -> Result<Field, ArrowError> {
        let mut schema = FFI_ArrowSchema::empty();
        let Some(get_schema) = self.0.get_schema else {
            return Err(ArrowError::CDataInterface(
                "a stream without a schema".to_owned(),
            ));
        };
        // SAFETY: the stream is not released, and `schema` is memory for one structure.
        let code = unsafe { get_schema(&raw mut self.0, &raw mut schema) };
        match code {
            0 => Field::try_from(&schema),
            code => Err(self.failed(code)),
        }
    }

    fn next(&mut self) -> Result<Option<FFI_ArrowArray>, ArrowError> {
        let mut array = FFI_ArrowArray::empty();
        let Some(get_next) = self.0.get_next else {
            return Err(ArrowError::CDataInterface(
                "a stream without arrays".to_owned(),
            ));
        };
        // SAFETY: the stream is not released, and `array` is memory for one structure.
        let code = unsafe { get_next(&raw mut self.0, &raw mut array) };
        match code {
            0 if array.is_released() => Ok(None),
            0 => Ok(Some(array)),
            code => Err(self.failed(code)),
        }
    }

    fn failed(&mut self, code: i32) -> ArrowError {
        let text = self.0.get_last_error.map(|get_last_error| {
            // SAFETY: the stream is not released.
            unsafe { get_last_error(&raw mut self.0) }
        });
        let text = text.filter(|text| !text.is_null()).map(|text| {
            // SAFETY: not null, and a C string that lives until the next call, says the interface.
            let text = unsafe { CStr::from_ptr(text) };
            text.to_string_lossy().into_owned()
        });
        let text = text.unwrap_or_else(|| format!("error {code} without a message"));
        ArrowError::CDataInterface(text)
    }
}

impl Imported {
    /// The one field as a shared one, under `name` when it has none.
    pub(crate) fn named(&self, name: &str) -> Arc<Field> {
        let field = self.field.clone();
        Arc::new(match field.name().is_empty() {
            true => field.with_name(name),
            false => field,
        })
    }
}
