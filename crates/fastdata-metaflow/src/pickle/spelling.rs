//! How old protocols spell numbers and texts, as lines of ASCII.

use bytes::Bytes;

use super::bigint::BigInt;
use super::value::Value;
use crate::{Error, Result};

pub(super) fn memo_name(line: &str) -> Result<u64> {
    let name = line.trim().parse();
    name.map_err(|_| Error::corrupt(format!("{line:?} is no place in a memo")))
}

/// Two's complement, the least byte first, of any length.
pub(super) fn integer(bytes: &[u8]) -> Value {
    let big = BigInt::from_le_bytes(bytes);
    match big.to_i128().and_then(|int| i64::try_from(int).ok()) {
        Some(int) => Value::Int(int),
        None => Value::BigInt(big),
    }
}

pub(super) fn decimal(line: &str) -> Result<Value> {
    let digits = line.trim().trim_end_matches('L');
    if let Ok(int) = digits.parse() {
        return Ok(Value::Int(int));
    }
    let shown: String = line.chars().take(40).collect();
    let big = BigInt::parse(digits);
    Ok(Value::BigInt(big.ok_or_else(|| {
        Error::corrupt(format!("{shown:?} is no integer"))
    })?))
}

pub(super) fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What Python 2 called a string: text if it is, else bytes.
pub(super) fn old_string(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => Value::Str(text.to_owned()),
        Err(_) => Value::Bytes(Bytes::copy_from_slice(bytes)),
    }
}

/// A string as Python's `repr` writes it.
pub(super) fn quoted(line: &str) -> Result<Value> {
    let line = line.trim_end();
    let inner = ['\'', '"']
        .into_iter()
        .find_map(|quote| line.strip_prefix(quote)?.strip_suffix(quote));
    let inner = inner.ok_or_else(|| Error::corrupt("a string without its quotes"))?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let mut nibble = || (rest.next()? as char).to_digit(16);
                let value = nibble().zip(nibble()).map(|(high, low)| high << 4 | low);
                let value = value.and_then(|value| u8::try_from(value).ok());
                value.ok_or_else(|| Error::corrupt("a broken escape in a string"))?
            }
            Some(other @ (b'\\' | b'\'' | b'"')) => other,
            _ => return Err(Error::corrupt("a broken escape in a string")),
        });
    }
    Ok(old_string(&bytes))
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX`, as protocol 0 writes texts.
pub(super) fn raw_unicode(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        let digits = match rest {
            [b'\\', b'u', ..] => 4,
            [b'\\', b'U', ..] => 8,
            _ => 0,
        };
        let escaped = rest.get(2..2 + digits).filter(|_| digits > 0);
        let code = escaped
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = rest.get(2 + digits..).unwrap_or_default();
            }
            None => {
                text.push(char::from(first));
                rest = after;
            }
        }
    }
    text
}
