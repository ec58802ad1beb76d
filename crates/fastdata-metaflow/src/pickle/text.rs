//! Values as Python prints them, all of them or only their beginning.

use std::fmt::{self, Display, Write};

use super::known::write_known;
use super::value::{Object, Value};

/// What `Display` shows of bytes.
const BYTES_SHOWN_MAX: usize = 32;

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self)
    }
}

impl Value {
    /// The first `chars_max` characters of what `Display` shows, without making the rest.
    pub fn preview(&self, chars_max: usize) -> String {
        let mut out = Bounded {
            text: String::new(),
            chars_left: chars_max,
        };
        if show(&mut out, self).is_err() {
            out.text.push('…');
        }
        out.text
    }
}

/// Takes so many characters and refuses the next.
struct Bounded {
    text: String,
    chars_left: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match text.char_indices().nth(self.chars_left) {
            None => {
                self.chars_left -= text.chars().count();
                self.text.push_str(text);
                Ok(())
            }
            Some((end, _)) => {
                self.text.push_str(text.get(..end).unwrap_or_default());
                self.chars_left = 0;
                Err(fmt::Error)
            }
        }
    }
}

pub(super) fn show(out: &mut dyn Write, value: &Value) -> fmt::Result {
    match value {
        Value::None => out.write_str("None"),
        Value::Bool(true) => out.write_str("True"),
        Value::Bool(false) => out.write_str("False"),
        Value::Int(int) => write!(out, "{int}"),
        Value::BigInt(int) => write!(out, "{int}"),
        Value::Float(float) => show_float(out, *float),
        Value::Str(text) => show_str(out, text),
        Value::Bytes(bytes) => show_bytes(out, bytes),
        Value::List(items) => show_list(out, "[", items, "]"),
        Value::Tuple(items) if items.len() == 1 => show_list(out, "(", items, ",)"),
        Value::Tuple(items) => show_list(out, "(", items, ")"),
        Value::Set(items) if items.is_empty() => out.write_str("set()"),
        Value::Set(items) => show_list(out, "{", items, "}"),
        Value::FrozenSet(items) if items.is_empty() => out.write_str("frozenset()"),
        Value::FrozenSet(items) => show_list(out, "frozenset({", items, "})"),
        Value::Dict(entries) => show_entries(out, entries),
        Value::Global(global) if global.module.is_empty() => out.write_str(&global.name),
        Value::Global(global) => write!(out, "<{}>", global.full_name()),
        Value::Object(object) => match write_known(out, value, object)? {
            true => Ok(()),
            false => show_object(out, object),
        },
    }
}

fn show_float(out: &mut dyn Write, float: f64) -> fmt::Result {
    match float {
        _ if float.is_nan() => out.write_str("nan"),
        _ if float.is_infinite() => out.write_str(if float > 0.0 { "inf" } else { "-inf" }),
        _ => write!(out, "{float:?}"),
    }
}

/// Written piece by piece, so that of a long text only the beginning is looked at.
pub(super) fn show_str(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_char('\'')?;
    for char in text.chars() {
        match char {
            '\'' => out.write_str("\\'")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\r' => out.write_str("\\r")?,
            control if control.is_control() => write!(out, "\\x{:02x}", u32::from(control))?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('\'')
}

fn show_bytes(out: &mut dyn Write, bytes: &[u8]) -> fmt::Result {
    out.write_str("b'")?;
    for byte in bytes.iter().take(BYTES_SHOWN_MAX) {
        match byte {
            b'\'' | b'\\' => write!(out, "\\{}", char::from(*byte))?,
            b' '..=b'~' => out.write_char(char::from(*byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    match bytes.len() > BYTES_SHOWN_MAX {
        true => write!(out, "'… ({} bytes)", bytes.len()),
        false => out.write_char('\''),
    }
}

pub(super) fn show_list(
    out: &mut dyn Write,
    open: &str,
    items: &[Value],
    close: &str,
) -> fmt::Result {
    out.write_str(open)?;
    for (idx, item) in items.iter().enumerate() {
        if idx > 0 {
            out.write_str(", ")?;
        }
        show(out, item)?;
    }
    out.write_str(close)
}

pub(super) fn show_entries(out: &mut dyn Write, entries: &[(Value, Value)]) -> fmt::Result {
    out.write_char('{')?;
    for (idx, (key, value)) in entries.iter().enumerate() {
        if idx > 0 {
            out.write_str(", ")?;
        }
        show(out, key)?;
        out.write_str(": ")?;
        show(out, value)?;
    }
    out.write_char('}')
}

/// A call with what would be done to its result behind it.
fn show_object(out: &mut dyn Write, object: &Object) -> fmt::Result {
    out.write_str(&object.class.full_name())?;
    out.write_char('(')?;
    let mut is_first = true;
    let mut comma = |out: &mut dyn Write| match std::mem::take(&mut is_first) {
        true => Ok(()),
        false => out.write_str(", "),
    };
    for arg in &object.args {
        comma(out)?;
        show(out, arg)?;
    }
    for (name, value) in &object.kwargs {
        comma(out)?;
        match name.as_str() {
            Some(name) => out.write_str(name)?,
            None => show(out, name)?,
        }
        out.write_char('=')?;
        show(out, value)?;
    }
    out.write_char(')')?;
    if let Some(state) = &object.state {
        out.write_char(' ')?;
        show(out, state)?;
    }
    if !object.items.is_empty() {
        out.write_char(' ')?;
        show_list(out, "[", &object.items, "]")?;
    }
    if !object.entries.is_empty() {
        out.write_char(' ')?;
        show_entries(out, &object.entries)?;
    }
    Ok(())
}
