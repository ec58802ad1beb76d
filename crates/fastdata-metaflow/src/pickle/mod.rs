//! Python's pickles as data: read without ever importing or calling anything, and written so that
//! Python reads them.
//!
//! - [`read`], [`Limits`]: bytes into a [`Value`], protocols 0 to 5; [`write()`] the other way
//! - [`to_vec`], [`from_slice`]: any type of serde, through a [`Value`]
//! - [`Array`]: the bytes of a NumPy array inside a value

mod array;
mod bigint;
mod cursor;
mod deserialize;
mod json;
mod known;
mod machine;
mod serialize;
mod spelling;
mod text;
mod tree;
mod value;
mod writer;

#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use array::Array;
pub use bigint::BigInt;
pub use deserialize::{from_slice, from_value};
pub use serialize::{to_value, to_vec};
pub use value::{Construct, Global, Object, Value};
pub use writer::write;

use crate::Result;

/// What a pickle may become. The defaults suit artifacts of any honest size: both budgets grow with
/// the pickle, and bytes are not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How deep values may be nested.
    pub depth_max: usize,
    /// How many values there may be, besides one for each byte of the pickle.
    pub values_max: usize,
    /// How many bytes of text there may be, besides four for each byte of the pickle.
    pub text_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 200,
            values_max: 1 << 20,
            text_bytes_max: 64 << 20,
        }
    }
}

/// The value of a pickle.
///
/// ```
/// use fastdata_metaflow::pickle::{Value, read};
///
/// let value = read(b"\x80\x04]\x94(K\x01K\x02e.")?;
/// assert_eq!(value, Value::List(vec![Value::Int(1), Value::Int(2)]));
/// // What would run a command is only shown.
/// let hostile = read(b"cos\nsystem\n(S'rm -r x'\ntR.")?;
/// assert_eq!(hostile.to_string(), "os.system('rm -r x')");
/// # Ok::<(), fastdata_metaflow::Error>(())
/// ```
///
/// # Errors
/// [`Corrupt`](crate::ErrorKind::Corrupt) for what is no pickle,
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for what is too deep or endless,
/// [`Unsupported`](crate::ErrorKind::Unsupported) for what lies outside the pickle.
pub fn read(input: &[u8]) -> Result<Value> {
    read_bytes(&Bytes::copy_from_slice(input), &Limits::default())
}

/// As [`read`]; the bytes in the value are those of `input`, not a copy.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(input: &Bytes, limits: &Limits) -> Result<Value> {
    let graph = machine::run(input)?;
    tree::build(&graph, input.len(), limits)
}
