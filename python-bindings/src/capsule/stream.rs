//! `ArrowArrayStream`: chunks handed to a consumer one by one, from any thread, without Python.
#![expect(unsafe_code, reason = "the C functions of Arrow's stream interface")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_data::ArrayData;
use arrow_schema::Field;
use fastdata::Result;

/// POSIX's number for a failed read; all that the interface has for errors besides the message.
const EIO: c_int = 5;

/// Chunks of one column, or of the struct that a batch is.
pub(super) type Chunks = Box<dyn Iterator<Item = Result<ArrayData>> + Send>;

struct Stream {
    field: Field,
    chunks: Chunks,
    error: CString,
}

/// A stream of `chunks`, all of the type of `field`.
pub(super) fn stream(field: Field, chunks: Chunks) -> FFI_ArrowArrayStream {
    let state = Box::new(Stream {
        field,
        chunks,
        error: CString::default(),
    });
    FFI_ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(state).cast(),
    }
}

impl Stream {
    fn answer<T>(&mut self, made: Result<T, String>, out: *mut T) -> c_int {
        match made {
            Ok(value) => {
                // SAFETY: the consumer gives memory for one structure, which may be uninitialised.
                unsafe { out.write(value) };
                0
            }
            Err(message) => {
                self.error = CString::new(message.replace('\0', " ")).unwrap_or_default();
                EIO
            }
        }
    }

    fn schema(&self) -> Result<FFI_ArrowSchema, String> {
        FFI_ArrowSchema::try_from(&self.field).map_err(|error| error.to_string())
    }

    fn next(&mut self) -> Result<FFI_ArrowArray, String> {
        match self.chunks.next() {
            None => Ok(FFI_ArrowArray::empty()),
            Some(Ok(data)) => Ok(FFI_ArrowArray::new(&data)),
            Some(Err(error)) => {
                let mut message = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    message = format!("{message}: {cause}");
                    source = cause.source();
                }
                Err(message)
            }
        }
    }
}

/// The state of a stream that was not released.
///
/// # Safety
///
/// `stream` is one made by [`stream`] and not released, and nobody else uses it now.
unsafe fn state<'a>(stream: *mut FFI_ArrowArrayStream) -> &'a mut Stream {
    // SAFETY: the caller's promise: a structure of ours, which nobody else uses now.
    let data: *mut c_void = unsafe { (*stream).private_data };
    // SAFETY: `private_data` came from a box of `Stream` and is freed by `release` alone.
    unsafe { &mut *data.cast::<Stream>() }
}

/// A panic must not cross into C.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("internal error: please report it".to_owned()))
}

unsafe extern "C" fn get_schema(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowSchema,
) -> c_int {
    // SAFETY: consumers call this with a stream of ours before they release it.
    let state = unsafe { state(stream) };
    let made = guarded(|| state.schema());
    state.answer(made, out)
}

unsafe extern "C" fn get_next(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowArray,
) -> c_int {
    // SAFETY: consumers call this with a stream of ours before they release it.
    let state = unsafe { state(stream) };
    let made = guarded(|| state.next());
    state.answer(made, out)
}

unsafe extern "C" fn get_last_error(stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    // SAFETY: consumers call this with a stream of ours before they release it.
    let state = unsafe { state(stream) };
    state.error.as_ptr()
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: consumers release a stream of ours once.
    let stream = unsafe { &mut *stream };
    stream.release = None;
    let data = std::mem::replace(&mut stream.private_data, std::ptr::null_mut());
    // SAFETY: `private_data` came from `Box::into_raw` and is given back here only.
    let state = unsafe { Box::from_raw(data.cast::<Stream>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
}
