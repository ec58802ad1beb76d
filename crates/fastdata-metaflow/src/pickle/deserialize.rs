//! Pickles into any type of serde.

use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::array::Array;
use super::value::Value;
use crate::{Error, ErrorKind, Result};

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::InvalidArgument, message.to_string())
    }
}

/// A pickle as a type: what [`to_vec`](super::to_vec) wrote and what Python wrote of the same
/// shape. NumPy's scalars are numbers, its arrays of one dimension sequences.
///
/// # Errors
/// Those of [`read`](super::read), and [`InvalidArgument`](ErrorKind::InvalidArgument) for a value
/// of another shape.
pub fn from_slice<T: DeserializeOwned>(pickle: &[u8]) -> Result<T> {
    from_value(super::read(pickle)?)
}

/// As [`from_slice`], from a value.
///
/// # Errors
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a value of another shape.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    T::deserialize(value)
}

struct Items(std::vec::IntoIter<Value>);

struct Entries {
    entries: std::vec::IntoIter<(Value, Value)>,
    value: Option<Value>,
}

struct Variant {
    name: Value,
    content: Option<Value>,
}

fn unexpected(value: &Value, wanted: &str) -> Error {
    Error::invalid(format!("{} where {wanted} is wanted", value.type_name()))
}

/// What a value is to serde: simpler than what it is to Python.
fn plain(value: Value) -> Value {
    let Value::Object(object) = &value else {
        return value;
    };
    if let Some(array) = Array::of(&value) {
        let numbers = array.numbers().map(|numbers| numbers.collect::<Vec<_>>());
        return match (numbers, array.shape.len()) {
            (Some(mut numbers), 0) if numbers.len() == 1 => numbers.pop().unwrap_or(value),
            (Some(numbers), 1) => Value::List(numbers),
            _ => value,
        };
    }
    if let Some(entries) = value.as_entries() {
        return Value::Dict(entries.to_vec());
    }
    match (object.class.module.as_str(), object.class.name.as_str()) {
        ("decimal", "Decimal") => object.args.first().cloned().unwrap_or(value),
        _ => value,
    }
}

impl<'de> IntoDeserializer<'de, Error> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Value {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match plain(self) {
            Self::None => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Int(value) if value >= 0 => visitor.visit_u64(value.unsigned_abs()),
            Self::Int(value) => visitor.visit_i64(value),
            Self::BigInt(value) => match (value.to_u128(), value.to_i128()) {
                (Some(int), _) => match u64::try_from(int) {
                    Ok(int) => visitor.visit_u64(int),
                    Err(_) => visitor.visit_u128(int),
                },
                (None, Some(int)) => visitor.visit_i128(int),
                (None, None) => Err(Error::invalid("an int of more than 128 bits")),
            },
            Self::Float(value) => visitor.visit_f64(value),
            Self::Str(value) => visitor.visit_string(value),
            Self::Bytes(value) => visitor.visit_byte_buf(value.to_vec()),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                visitor.visit_seq(Items(items.into_iter()))
            }
            Self::Dict(entries) => visitor.visit_map(Entries {
                entries: entries.into_iter(),
                value: None,
            }),
            other @ (Self::Global(_) | Self::Object(_)) => Err(unexpected(&other, "a plain value")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::None => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let (name, content) = match self {
            Self::Str(_) => (self, None),
            Self::Dict(mut entries) if entries.len() == 1 => match entries.pop() {
                Some((name, content)) => (name, Some(content)),
                None => return Err(Error::invalid("an empty dict is no variant")),
            },
            other => return Err(unexpected(&other, "the name of a variant")),
        };
        visitor.visit_enum(Variant { name, content })
    }

    /// Bytes where a sequence of numbers is wanted are that too.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::Bytes(bytes) => {
                let items = bytes.iter().map(|byte| Self::Int(i64::from(*byte)));
                visitor.visit_seq(Items(items.collect::<Vec<_>>().into_iter()))
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Error::invalid(
                "a value of a map was asked for before its key",
            )),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self)> {
        let name = std::mem::replace(&mut self.name, Value::None);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        match self.content {
            None | Some(Value::None) => Ok(()),
            Some(other) => Err(unexpected(&other, "a variant without content")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.content.unwrap_or(Value::None))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        use de::Deserializer as _;
        self.content.unwrap_or(Value::None).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        use de::Deserializer as _;
        self.content.unwrap_or(Value::None).deserialize_any(visitor)
    }
}
