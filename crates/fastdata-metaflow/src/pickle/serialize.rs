//! Any type of serde into a pickle that Python reads as plain values.

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{self, SerializeMap, SerializeSeq};

use super::bigint::BigInt;
use super::value::Value;
use super::writer::write;
use crate::{Error, ErrorKind, Result};

impl ser::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::InvalidArgument, message.to_string())
    }
}

/// The pickle of anything of serde: structs and maps become `dict`, sequences `list`, tuples
/// `tuple`, `None` and `()` `None`, enums what `serde_json` makes of them, bytes `bytes`.
///
/// ```
/// use fastdata_metaflow::pickle::{from_slice, to_vec};
///
/// let pickled = to_vec(&("auc", vec![0.5, 0.75]))?;
/// let (name, values): (String, Vec<f64>) = from_slice(&pickled)?;
/// assert_eq!((name.as_str(), values[1]), ("auc", 0.75));
/// # Ok::<(), fastdata_metaflow::Error>(())
/// ```
///
/// # Errors
/// Those of the type's own implementation.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>> {
    Ok(write(&to_value(value)?))
}

/// As [`to_vec`], as a value.
///
/// # Errors
/// As [`to_vec`].
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    value.serialize(Serializer)
}

struct Serializer;

/// What a sequence becomes when it is whole.
struct Items {
    items: Vec<Value>,
    finish: fn(Vec<Value>) -> Value,
    /// The variant that it is the content of.
    variant: Option<&'static str>,
}

struct Entries {
    entries: Vec<(Value, Value)>,
    key: Option<Value>,
    variant: Option<&'static str>,
}

fn tagged(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(variant) => Value::Dict(vec![(Value::from(variant), content)]),
        None => content,
    }
}

fn unsigned(int: u64) -> Value {
    match i64::try_from(int) {
        Ok(int) => Value::Int(int),
        Err(_) => Value::BigInt(BigInt::from(u128::from(int))),
    }
}

impl ser::Serializer for Serializer {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    fn serialize_bool(self, value: bool) -> Result<Value> {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Result<Value> {
        Ok(Value::Int(value))
    }

    fn serialize_i128(self, value: i128) -> Result<Value> {
        Ok(match i64::try_from(value) {
            Ok(int) => Value::Int(int),
            Err(_) => Value::BigInt(value.into()),
        })
    }

    fn serialize_u8(self, value: u8) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<Value> {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<Value> {
        Ok(unsigned(value))
    }

    fn serialize_u128(self, value: u128) -> Result<Value> {
        Ok(match u64::try_from(value) {
            Ok(int) => unsigned(int),
            Err(_) => Value::BigInt(value.into()),
        })
    }

    fn serialize_f32(self, value: f32) -> Result<Value> {
        Ok(Value::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Result<Value> {
        Ok(Value::Float(value))
    }

    fn serialize_char(self, value: char) -> Result<Value> {
        Ok(Value::Str(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Value> {
        Ok(Value::from(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value> {
        Ok(Value::Bytes(Bytes::copy_from_slice(value)))
    }

    fn serialize_none(self) -> Result<Value> {
        Ok(Value::None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value> {
        Ok(Value::None)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value> {
        Ok(Value::None)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _idx: u32,
        variant: &'static str,
    ) -> Result<Value> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _idx: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value> {
        Ok(tagged(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items> {
        Ok(Items::new(len, Value::List, None))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items> {
        Ok(Items::new(Some(len), Value::Tuple, None))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Items> {
        self.serialize_tuple(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _idx: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items> {
        Ok(Items::new(Some(len), Value::List, Some(variant)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Entries> {
        Ok(Entries::new(len, None))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Entries> {
        Ok(Entries::new(Some(len), None))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _idx: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Entries> {
        Ok(Entries::new(Some(len), Some(variant)))
    }
}

/// What is reserved before anything is there: lengths are only hints.
const RESERVED_MAX: usize = 1 << 16;

impl Items {
    fn new(
        len: Option<usize>,
        finish: fn(Vec<Value>) -> Value,
        variant: Option<&'static str>,
    ) -> Self {
        Self {
            items: Vec::with_capacity(len.unwrap_or(0).min(RESERVED_MAX)),
            finish,
            variant,
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.items.push(to_value(value)?);
        Ok(())
    }

    fn finish(self) -> Result<Value> {
        Ok(tagged(self.variant, (self.finish)(self.items)))
    }
}

impl Entries {
    fn new(len: Option<usize>, variant: Option<&'static str>) -> Self {
        Self {
            entries: Vec::with_capacity(len.unwrap_or(0).min(RESERVED_MAX)),
            key: None,
            variant,
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.entries.push((Value::from(name), to_value(value)?));
        Ok(())
    }

    fn finish(self) -> Result<Value> {
        Ok(tagged(self.variant, Value::Dict(self.entries)))
    }
}

impl SerializeSeq for Items {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.add(value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl ser::SerializeTuple for Items {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.add(value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Items {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.add(value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Items {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.add(value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = Some(to_value(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let key = self.key.take();
        let key = key.ok_or_else(|| Error::invalid("a value of a map came without its key"))?;
        self.entries.push((key, to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl ser::SerializeStruct for Entries {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.add(name, value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Entries {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.add(name, value)
    }

    fn end(self) -> Result<Value> {
        self.finish()
    }
}
