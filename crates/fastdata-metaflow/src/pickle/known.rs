//! Objects that everybody knows, as Python prints them.

use std::fmt::{self, Write};

use super::array::Array;
use super::text::{show, show_entries, show_list, show_str};
use super::value::{Object, Value};

/// Writes an object that is known; `false` when it is not and nothing was written.
pub(super) fn write_known(
    out: &mut dyn Write,
    value: &Value,
    object: &Object,
) -> Result<bool, fmt::Error> {
    if let Some(array) = Array::of(value) {
        write!(out, "{array}")?;
        return Ok(true);
    }
    let (class, args) = (&object.class, object.args.as_slice());
    match (class.module.as_str(), class.name.as_str(), args) {
        ("datetime", _, _) => match moment(object) {
            Some(text) => out.write_str(&text)?,
            None => return Ok(false),
        },
        ("decimal", "Decimal", [Value::Str(text)]) => write!(out, "Decimal('{text}')")?,
        ("fractions", "Fraction", [Value::Str(text)]) => write!(out, "Fraction('{text}')")?,
        ("uuid", "UUID", _) => match object
            .state
            .as_ref()
            .and_then(|state| uuid(state.get("int")?))
        {
            Some(text) => write!(out, "UUID('{text}')")?,
            None => return Ok(false),
        },
        ("builtins" | "__builtin__", "complex", [Value::Float(real), Value::Float(imaginary)]) => {
            write!(out, "complex({real:?}, {imaginary:?})")?;
        }
        ("collections", "OrderedDict" | "defaultdict" | "Counter", _) => {
            write!(out, "{}(", class.name)?;
            if let (true, Some(factory)) = (class.name == "defaultdict", args.first()) {
                show(out, factory)?;
                out.write_str(", ")?;
            }
            show_entries(out, value.as_entries().unwrap_or_default())?;
            out.write_str(")")?;
        }
        ("collections", "deque", _) => {
            out.write_str("deque(")?;
            show_list(out, "[", &object.items, "]")?;
            out.write_str(")")?;
        }
        ("pathlib" | "pathlib._local", name, parts) if name.ends_with("Path") => {
            let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
            let path = parts.unwrap_or_default().join("/").replacen("//", "/", 1);
            write!(out, "{name}(")?;
            show_str(out, &path)?;
            out.write_str(")")?;
        }
        ("metaflow.includefile", "IncludedFile", _) => {
            let state = object
                .state
                .as_ref()
                .and_then(|state| state.get("_descriptor"));
            let url = state.and_then(|state| state.get("url")?.as_str());
            let size = state.and_then(|state| state.get("size")?.as_int());
            write!(out, "IncludedFile(")?;
            show_str(out, url.unwrap_or("?"))?;
            match size {
                Some(size) => write!(out, ", {size} bytes)")?,
                None => out.write_str(")")?,
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The date, time or duration that an object of `datetime` is, in ISO's spelling.
fn moment(object: &Object) -> Option<String> {
    let packed = match object.args.first() {
        Some(Value::Bytes(bytes)) => bytes.as_ref(),
        _ => &[],
    };
    let name = object.class.name.as_str();
    match (name, packed) {
        ("date", [high, low, month, day]) => {
            let year = u16::from(*high) << 8 | u16::from(*low);
            Some(format!("date({year:04}-{month:02}-{day:02})"))
        }
        ("datetime", [high, low, month, day, time @ ..]) => {
            let year = u16::from(*high) << 8 | u16::from(*low);
            // The highest bit of the month says which of two repeated hours it is.
            let month = month & 0x7f;
            let time = time_text(time)?;
            let zone = zone_text(object.args.get(1));
            Some(format!(
                "datetime({year:04}-{month:02}-{day:02}T{time}{zone})"
            ))
        }
        ("time", [hour, rest @ ..]) => {
            let time = time_text(&[&[hour & 0x7f], rest].concat())?;
            Some(format!("time({time}{})", zone_text(object.args.get(1))))
        }
        ("timedelta", _) => {
            let [days, seconds, micros] = parts(object)?;
            Some(format!("timedelta({days} d {seconds}.{micros:06} s)"))
        }
        ("timezone", _) => Some(format!("timezone({})", zone_of(object)?)),
        _ => None,
    }
}

fn time_text(packed: &[u8]) -> Option<String> {
    let [hour, minute, second, high, middle, low] = packed else {
        return None;
    };
    let micros = u32::from(*high) << 16 | u32::from(*middle) << 8 | u32::from(*low);
    let fraction = match micros {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn parts(object: &Object) -> Option<[i64; 3]> {
    match object.args.as_slice() {
        [Value::Int(days), Value::Int(seconds), Value::Int(micros)] => {
            Some([*days, *seconds, *micros])
        }
        _ => None,
    }
}

fn zone_text(zone: Option<&Value>) -> String {
    match zone {
        Some(Value::Object(zone)) => {
            zone_of(zone).unwrap_or_else(|| format!("[{}]", zone.class.name))
        }
        _ => String::new(),
    }
}

fn zone_of(zone: &Object) -> Option<String> {
    let Some(Value::Object(offset)) = zone.args.first() else {
        return None;
    };
    let [days, seconds, _] = parts(offset)?;
    let seconds = days.checked_mul(86_400)?.checked_add(seconds)?;
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
}

fn uuid(int: &Value) -> Option<String> {
    let int = match int {
        Value::Int(int) => u128::try_from(*int).ok()?,
        Value::BigInt(int) => int.to_u128()?,
        _ => return None,
    };
    let digits = format!("{int:032x}");
    let parts =
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| digits.get(range).unwrap_or_default());
    Some(parts.join("-"))
}
