//! NumPy's arrays and scalars inside pickles.

use std::fmt;

use bytes::Bytes;

use super::bigint::BigInt;
use super::value::{Object, Value};

/// A NumPy array: its bytes are reachable, its numbers only for the preview.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Array {
    /// Byte order and kind as NumPy writes them: `<f8`.
    pub dtype: String,
    /// How long it is in each direction; empty for a scalar.
    pub shape: Vec<u64>,
    /// Whether the first index varies fastest.
    pub is_fortran: bool,
    /// Its items. Empty when they are Python objects.
    pub data: Bytes,
}

/// How many numbers `Display` shows.
const SHOWN_MAX: usize = 6;

impl Array {
    /// The array in a value, if it is one.
    pub fn of(value: &Value) -> Option<Self> {
        let Value::Object(object) = value else {
            return None;
        };
        let module = object.class.module.as_str();
        let module = module
            .strip_prefix("numpy.core.")
            .or_else(|| module.strip_prefix("numpy._core."))?;
        match (module, object.class.name.as_str()) {
            ("multiarray", "_reconstruct") => Self::reconstructed(object),
            ("numeric", "_frombuffer") => Self::from_buffer(object),
            ("multiarray", "scalar") => Self::scalar(object),
            _ => None,
        }
    }

    fn reconstructed(object: &Object) -> Option<Self> {
        let Some(Value::Tuple(state)) = &object.state else {
            return None;
        };
        let [_, shape, dtype, is_fortran, data] = state.as_slice() else {
            return None;
        };
        let data = match data {
            Value::Bytes(data) => data.clone(),
            Value::List(_) => Bytes::new(),
            _ => return None,
        };
        Some(Self {
            dtype: dtype_text(dtype)?,
            shape: lengths(shape)?,
            is_fortran: is_fortran.as_int()? != 0,
            data,
        })
    }

    fn from_buffer(object: &Object) -> Option<Self> {
        let [Value::Bytes(data), dtype, shape, order] = object.args.as_slice() else {
            return None;
        };
        Some(Self {
            dtype: dtype_text(dtype)?,
            shape: lengths(shape)?,
            is_fortran: order.as_str() == Some("F"),
            data: data.clone(),
        })
    }

    fn scalar(object: &Object) -> Option<Self> {
        let [dtype, Value::Bytes(data)] = object.args.as_slice() else {
            return None;
        };
        Some(Self {
            dtype: dtype_text(dtype)?,
            shape: Vec::new(),
            is_fortran: false,
            data: data.clone(),
        })
    }

    /// The name that NumPy prints: `float64`. What has none is shown as it is written.
    pub fn dtype_name(&self) -> String {
        let code = self.dtype.trim_start_matches(['<', '>', '=', '|']);
        // A dtype comes from outside: its first character may be of several bytes.
        let (kind, size) = code.split_at_checked(1).unwrap_or(("", ""));
        let bits = size
            .parse::<u64>()
            .ok()
            .and_then(|size| size.checked_mul(8));
        match (kind, bits) {
            ("b", _) => "bool".to_owned(),
            ("i", Some(bits)) => format!("int{bits}"),
            ("u", Some(bits)) => format!("uint{bits}"),
            ("f", Some(bits)) => format!("float{bits}"),
            ("c", Some(bits)) => format!("complex{bits}"),
            ("O", _) => "object".to_owned(),
            ("M", _) => "datetime64".to_owned(),
            ("m", _) => "timedelta64".to_owned(),
            _ => self.dtype.clone(),
        }
    }

    /// Its items in the order of its bytes, for kinds that are numbers of up to eight bytes.
    pub fn numbers(&self) -> Option<impl Iterator<Item = Value>> {
        let code = self.dtype.trim_start_matches(['<', '>', '=', '|']);
        let is_big = self.dtype.starts_with('>');
        let size: usize = code.get(1..)?.parse().ok().filter(|size| *size > 0)?;
        let number: fn([u8; 8]) -> Value = match code {
            "b1" => |bytes| Value::Bool(bytes[0] != 0),
            "i1" => |[a, ..]| Value::Int(i8::from_le_bytes([a]).into()),
            "i2" => |[a, b, ..]| Value::Int(i16::from_le_bytes([a, b]).into()),
            "i4" => |[a, b, c, d, ..]| Value::Int(i32::from_le_bytes([a, b, c, d]).into()),
            "i8" => |bytes| Value::Int(i64::from_le_bytes(bytes)),
            "u1" | "u2" | "u4" | "u8" => |bytes| match i64::try_from(u64::from_le_bytes(bytes)) {
                Ok(int) => Value::Int(int),
                Err(_) => Value::BigInt(BigInt::from(u128::from(u64::from_le_bytes(bytes)))),
            },
            "f4" => |[a, b, c, d, ..]| Value::Float(f32::from_le_bytes([a, b, c, d]).into()),
            "f8" => |bytes| Value::Float(f64::from_le_bytes(bytes)),
            _ => return None,
        };
        Some(self.data.chunks_exact(size).map(move |item| {
            let mut bytes = [0; 8];
            for (idx, byte) in item.iter().enumerate() {
                let place = if is_big { size - 1 - idx } else { idx };
                if let Some(slot) = bytes.get_mut(place) {
                    *slot = *byte;
                }
            }
            number(bytes)
        }))
    }
}

impl fmt::Display for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shape.is_empty() {
            let mut numbers = self.numbers().into_iter().flatten();
            return match numbers.next() {
                Some(number) => write!(f, "{}({number})", self.dtype_name()),
                None => write!(f, "{} scalar", self.dtype_name()),
            };
        }
        let lengths: Vec<String> = self.shape.iter().map(u64::to_string).collect();
        let comma = if lengths.len() == 1 { "," } else { "" };
        write!(
            f,
            "array {} ({}{comma})",
            self.dtype_name(),
            lengths.join(", ")
        )?;
        let Some(numbers) = self.numbers() else {
            return Ok(());
        };
        let mut numbers = numbers.peekable();
        let shown = numbers.by_ref().take(SHOWN_MAX);
        let shown: Vec<String> = shown.map(|number| number.to_string()).collect();
        let more = if numbers.peek().is_some() {
            ", …"
        } else {
            ""
        };
        write!(f, " [{}{more}]", shown.join(", "))
    }
}

fn lengths(shape: &Value) -> Option<Vec<u64>> {
    let items = shape.as_items()?.iter();
    let length = |item: &Value| u64::try_from(item.as_int()?).ok();
    items.map(length).collect()
}

/// `numpy.dtype('f8', …)` with a state that tells the byte order.
fn dtype_text(value: &Value) -> Option<String> {
    let Value::Object(object) = value else {
        return None;
    };
    if !object.class.is("numpy", "dtype") {
        return None;
    }
    let code = object.args.first()?.as_str()?;
    let state = object.state.as_ref().and_then(Value::as_items);
    let order = state.and_then(|state| state.get(1)?.as_str());
    Some(format!("{}{code}", order.unwrap_or_default()))
}
