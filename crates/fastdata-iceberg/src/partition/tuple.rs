//! Partition tuples as manifests hold them.

use super::{PartitionSpec, SourceTypes, Transform};
use crate::avro::{Cursor, Damage, Node};
use crate::schema::PrimitiveType;
use crate::value::{MICROS_PER_DAY, Value, decimal_from_be, minimal_be};

/// One value of a tuple, before anything is known about its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RawValue {
    /// The manifest's tuple has no such field.
    Missing,
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    /// Bytes, strings and fixed.
    Bytes(Vec<u8>),
}

/// The values of a spec's fields, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tuple(pub(crate) Vec<RawValue>);

impl Tuple {
    /// Reads a tuple. Its fields are found by id; by position where the writer gave none an id.
    pub(crate) fn read(bytes: &[u8], node: &Node, spec: &PartitionSpec) -> Result<Self, Damage> {
        let mut values = vec![RawValue::Missing; spec.fields.len()];
        let mut cursor = Cursor::new(bytes);
        let Node::Record(fields) = cursor.enter(node)? else {
            return Ok(Self(values));
        };
        let has_ids = fields.iter().any(|field| field.id.is_some());
        for (position, field) in fields.iter().enumerate() {
            let index = match field.id {
                Some(id) => spec.fields.iter().position(|known| known.field_id == id),
                None if !has_ids => Some(position),
                None => None,
            };
            match index.and_then(|index| values.get_mut(index)) {
                Some(slot) => *slot = read_value(&mut cursor, &field.node)?,
                None => cursor.skip(&field.node)?,
            }
        }
        Ok(Self(values))
    }

    /// The value of the field at `index`, typed as the transform's result on a column of type
    /// `source`. `None` when it is null, missing, or not such a value.
    pub(crate) fn typed(
        &self,
        index: usize,
        transform: &Transform,
        source: &PrimitiveType,
    ) -> Option<Value> {
        self.0.get(index)?.typed(&transform.result(source)?)
    }
}

fn read_value(cursor: &mut Cursor<'_>, node: &Node) -> Result<RawValue, Damage> {
    let node = cursor.enter(node)?;
    Ok(match node {
        Node::Null => RawValue::Null,
        Node::Boolean => RawValue::Boolean(cursor.boolean()?),
        Node::Int => RawValue::Int(i32::try_from(cursor.varint()?).map_err(|_| Damage::Varint)?),
        Node::Long => RawValue::Long(cursor.varint()?),
        Node::Float => RawValue::Float(f32::from_le_bytes(cursor.array()?)),
        Node::Double => RawValue::Double(f64::from_le_bytes(cursor.array()?)),
        Node::Bytes | Node::String => RawValue::Bytes(cursor.bytes()?.to_vec()),
        Node::Fixed(length) => RawValue::Bytes(cursor.take(*length)?.to_vec()),
        Node::FixedWithLength(length) => RawValue::Bytes(cursor.bytes_of(*length)?.to_vec()),
        Node::Enum | Node::Record(_) | Node::Array(_) | Node::Map(_) | Node::Union(_) => {
            cursor.skip(node)?;
            RawValue::Missing
        }
    })
}

impl RawValue {
    /// The value as one of type `of`, which may be wider than what the writer knew.
    pub(crate) fn typed(&self, of: &PrimitiveType) -> Option<Value> {
        use PrimitiveType as P;
        Some(match (self, of) {
            (RawValue::Boolean(value), P::Boolean) => Value::Boolean(*value),
            (RawValue::Int(days), P::Timestamp | P::TimestampTz) => {
                Value::Int(i64::from(*days).checked_mul(MICROS_PER_DAY)?)
            }
            (RawValue::Int(days), P::TimestampNs | P::TimestampTzNs) => {
                Value::Int(i64::from(*days).checked_mul(MICROS_PER_DAY * 1000)?)
            }
            (RawValue::Int(value), P::Int | P::Long | P::Date | P::Time) => {
                Value::Int(i64::from(*value))
            }
            (RawValue::Long(value), P::Int | P::Date) => {
                Value::Int(i64::from(i32::try_from(*value).ok()?))
            }
            (
                RawValue::Long(value),
                P::Long
                | P::Time
                | P::Timestamp
                | P::TimestampTz
                | P::TimestampNs
                | P::TimestampTzNs,
            ) => Value::Int(*value),
            (RawValue::Float(value), P::Float) => Value::Float(*value),
            (RawValue::Float(value), P::Double) => Value::Double(f64::from(*value)),
            (RawValue::Double(value), P::Double) => Value::Double(*value),
            // Some writers widen every float of a tuple. The value is the column's all the same.
            #[expect(
                clippy::cast_possible_truncation,
                reason = "checked to be without loss"
            )]
            (RawValue::Double(value), P::Float) => {
                let narrow = *value as f32;
                let exact = f64::from(narrow).to_bits() == value.to_bits() || value.is_nan();
                exact.then_some(Value::Float(narrow))?
            }
            (RawValue::Bytes(bytes), P::Decimal { .. }) => Value::Decimal(decimal_from_be(bytes)?),
            (RawValue::Bytes(bytes), P::String) => {
                Value::String(std::str::from_utf8(bytes).ok()?.to_owned())
            }
            (RawValue::Bytes(bytes), P::Uuid) => match bytes.len() {
                16 => Value::Bytes(bytes.clone()),
                _ => Value::Bytes(uuid::Uuid::try_parse_ascii(bytes).ok()?.as_bytes().to_vec()),
            },
            (RawValue::Bytes(bytes), P::Fixed(_) | P::Binary) => Value::Bytes(bytes.clone()),
            _ => return None,
        })
    }
}

/// The spec's id and the tuple in a form that is equal exactly when the partitions are: whatever
/// width the writer chose, NaN equal to NaN, `-0.0` unequal to `0.0`.
pub(crate) fn tuple_key(spec: &PartitionSpec, tuple: &Tuple, types: &SourceTypes) -> Vec<u8> {
    let mut key = spec.id.to_le_bytes().to_vec();
    for (field, raw) in spec.fields.iter().zip(&tuple.0) {
        let result = types
            .get(field.source_id)
            .and_then(|source| field.transform.result(source));
        let typed = result.and_then(|result| raw.typed(&result));
        match typed {
            Some(value) => push_value(&mut key, &value),
            None => push_raw(&mut key, raw),
        }
    }
    key
}

fn push_value(key: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Boolean(value) => push(key, b'b', &[u8::from(*value)]),
        Value::Int(value) => push(key, b'i', &value.to_le_bytes()),
        Value::Float(value) => push_float(key, f64::from(*value)),
        Value::Double(value) => push_float(key, *value),
        Value::Decimal(value) => push(key, b'd', &minimal_be(*value)),
        Value::String(value) => push(key, b's', value.as_bytes()),
        Value::Bytes(value) => push(key, b's', value),
    }
}

fn push_raw(key: &mut Vec<u8>, raw: &RawValue) {
    match raw {
        RawValue::Missing => push(key, b'm', &[]),
        RawValue::Null => push(key, b'n', &[]),
        RawValue::Boolean(value) => push(key, b'b', &[u8::from(*value)]),
        RawValue::Int(value) => push(key, b'i', &i64::from(*value).to_le_bytes()),
        RawValue::Long(value) => push(key, b'i', &value.to_le_bytes()),
        RawValue::Float(value) => push_float(key, f64::from(*value)),
        RawValue::Double(value) => push_float(key, *value),
        RawValue::Bytes(value) => push(key, b's', value),
    }
}

fn push_float(key: &mut Vec<u8>, value: f64) {
    let value = if value.is_nan() { f64::NAN } else { value };
    push(key, b'f', &value.to_bits().to_le_bytes());
}

/// Each value says how long it is, so that no two tuples run into the same bytes.
fn push(key: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    key.push(tag);
    key.extend((bytes.len() as u64).to_le_bytes());
    key.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::PartitionField;

    fn key(of: PrimitiveType, raw: RawValue) -> Vec<u8> {
        let types = SourceTypes::from_iter([(1, of)]);
        let field = PartitionField {
            source_id: 1,
            field_id: 1000,
            name: "x".into(),
            transform: Transform::Identity,
        };
        tuple_key(
            &PartitionSpec {
                id: 3,
                fields: vec![field],
            },
            &Tuple(vec![raw]),
            &types,
        )
    }

    #[test]
    fn equal_partitions_have_equal_keys() {
        use PrimitiveType as P;
        let decimal = P::Decimal {
            precision: 9,
            scale: 2,
        };
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        assert_eq!(
            key(P::Long, RawValue::Int(5)),
            key(P::Long, RawValue::Long(5))
        );
        assert_eq!(
            key(P::Timestamp, RawValue::Int(1)),
            key(P::Timestamp, RawValue::Long(MICROS_PER_DAY))
        );
        assert_eq!(
            key(P::Double, RawValue::Float(0.5)),
            key(P::Double, RawValue::Double(0.5))
        );
        assert_eq!(
            key(P::Double, RawValue::Double(f64::NAN)),
            key(P::Double, RawValue::Double(other_nan))
        );
        assert_ne!(
            key(P::Double, RawValue::Double(0.0)),
            key(P::Double, RawValue::Double(-0.0))
        );
        assert_eq!(
            key(decimal.clone(), RawValue::Bytes(vec![0, 0, 7])),
            key(decimal, RawValue::Bytes(vec![7]))
        );
        assert_ne!(
            key(P::String, RawValue::Null),
            key(P::String, RawValue::Bytes(vec![]))
        );
        assert_ne!(
            key(P::String, RawValue::Null),
            key(P::String, RawValue::Missing)
        );
    }
}
