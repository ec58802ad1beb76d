//! The Arrow schema that some writers put into the footer, read without trusting it.
//!
//! The `arrow-ipc` crate makes fields of it, but panics on what it does not know: integers of seven
//! bits, lists without an item, a type that names one thing and describes another. So everything it
//! would stumble over is looked at first. What is not sound is not used: an embedded schema only
//! refines what the file's own types say.

use arrow_ipc::{DateUnit, Endianness, Field, IntervalUnit, KeyValue, Precision, TimeUnit, Type};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::file::metadata::FileMetaData;

/// Children and text of a flatbuffer may be shared, so that few bytes describe much. No writer
/// shares enough of them to come near to this many times the bytes that are there.
const UNFOLDED_MAX: usize = 16;

/// What a field counts towards that, besides its texts: about what it costs in memory.
const FIELD_BYTES: usize = 64;

/// Whether the footer carries an Arrow schema that can be used.
pub(crate) fn is_usable(file: &FileMetaData) -> bool {
    // Of several the last, as the `parquet` crate has it.
    let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
    let encoded = pairs
        .iter()
        .filter(|pair| pair.key == ARROW_SCHEMA_META_KEY)
        .filter_map(|pair| pair.value.as_deref())
        .next_back();
    let decoded = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    decoded.is_some_and(|bytes| check(&bytes).is_some())
}

fn check(bytes: &[u8]) -> Option<()> {
    // Writers differ in whether they put the message's length before it.
    let message = match bytes {
        [0xff, 0xff, 0xff, 0xff, _, _, _, _, message @ ..] if !message.is_empty() => message,
        message => message,
    };
    let message_bytes = message.len();
    let message = arrow_ipc::root_as_message(message).ok()?;
    let schema = message.header_as_schema()?;
    let is_big_endian = schema.endianness() == Endianness::Big;
    let mut unfolded = Unfolded(message_bytes.saturating_mul(UNFOLDED_MAX));
    for field in schema.fields()? {
        if is_big_endian && field.type_type() == Type::Decimal {
            return None;
        }
        unfolded.field(&field)?;
    }
    for pair in schema.custom_metadata().into_iter().flatten() {
        unfolded.pair(&pair)?;
    }
    Some(())
}

/// Bytes that what is still to be looked at may unfold to.
struct Unfolded(usize);

impl Unfolded {
    /// `None` when the conversion would panic on `field` or on a field below it.
    fn field(&mut self, field: &Field<'_>) -> Option<()> {
        self.take(FIELD_BYTES)?;
        self.text(field.name())?;
        for pair in field.custom_metadata().into_iter().flatten() {
            self.pair(&pair)?;
        }
        if let Some(dictionary) = field.dictionary() {
            integer(dictionary.indexType()?)?;
        }
        self.type_of(field)?;
        for child in field.children().into_iter().flatten() {
            self.field(&child)?;
        }
        Some(())
    }

    fn type_of(&mut self, field: &Field<'_>) -> Option<()> {
        let children = field.children().map(|children| children.len());
        let is_sound = match field.type_type() {
            Type::Null
            | Type::Bool
            | Type::Binary
            | Type::LargeBinary
            | Type::BinaryView
            | Type::Utf8
            | Type::LargeUtf8
            | Type::Utf8View
            | Type::Struct_ => true,
            Type::Int => return integer(field.type_as_int()?),
            Type::FixedSizeBinary => field.type_as_fixed_size_binary()?.byteWidth() >= 0,
            Type::FloatingPoint => matches!(
                field.type_as_floating_point()?.precision(),
                Precision::HALF | Precision::SINGLE | Precision::DOUBLE
            ),
            Type::Date => matches!(
                field.type_as_date()?.unit(),
                DateUnit::DAY | DateUnit::MILLISECOND
            ),
            Type::Time => {
                let time = field.type_as_time()?;
                matches!(
                    (time.bitWidth(), time.unit()),
                    (32, TimeUnit::SECOND | TimeUnit::MILLISECOND)
                        | (64, TimeUnit::MICROSECOND | TimeUnit::NANOSECOND)
                )
            }
            Type::Timestamp => {
                let timestamp = field.type_as_timestamp()?;
                self.text(timestamp.timezone())?;
                is_unit(timestamp.unit())
            }
            Type::Duration => is_unit(field.type_as_duration()?.unit()),
            Type::Interval => matches!(
                field.type_as_interval()?.unit(),
                IntervalUnit::YEAR_MONTH | IntervalUnit::DAY_TIME | IntervalUnit::MONTH_DAY_NANO
            ),
            Type::List | Type::LargeList | Type::ListView | Type::LargeListView => {
                children == Some(1)
            }
            Type::FixedSizeList => {
                children == Some(1) && field.type_as_fixed_size_list()?.listSize() >= 0
            }
            Type::Map => children == Some(1) && field.type_as_map().is_some(),
            Type::RunEndEncoded => children == Some(2),
            Type::Decimal => {
                let decimal = field.type_as_decimal()?;
                u8::try_from(decimal.precision()).is_ok()
                    && i8::try_from(decimal.scale()).is_ok()
                    && matches!(decimal.bitWidth(), 32 | 64 | 128 | 256)
            }
            // Unions among them, for which Parquet has no place.
            _ => false,
        };
        is_sound.then_some(())
    }

    fn pair(&mut self, pair: &KeyValue<'_>) -> Option<()> {
        self.text(pair.key())?;
        self.text(pair.value())
    }

    fn text(&mut self, text: Option<&str>) -> Option<()> {
        self.take(text.map_or(0, str::len))
    }

    fn take(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.checked_sub(bytes)?;
        Some(())
    }
}

fn integer(int: arrow_ipc::Int<'_>) -> Option<()> {
    matches!(int.bitWidth(), 8 | 16 | 32 | 64).then_some(())
}

fn is_unit(unit: TimeUnit) -> bool {
    matches!(
        unit,
        TimeUnit::SECOND | TimeUnit::MILLISECOND | TimeUnit::MICROSECOND | TimeUnit::NANOSECOND
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Schema};

    use super::*;

    fn message(schema: &Schema) -> Vec<u8> {
        let encoded = parquet::arrow::encode_arrow_schema(schema);
        BASE64_STANDARD.decode(encoded).unwrap()
    }

    fn of_types(types: impl IntoIterator<Item = DataType>) -> Schema {
        let field = |data_type| arrow_schema::Field::new("field", data_type, true);
        Schema::new(types.into_iter().map(field).collect::<Vec<_>>())
    }

    fn all_types() -> Schema {
        use arrow_schema::{IntervalUnit, TimeUnit};
        let item = Arc::new(arrow_schema::Field::new("item", DataType::Int32, true));
        let entries = DataType::Struct([item.clone(), item.clone()].into());
        let entries = Arc::new(arrow_schema::Field::new("entries", entries, false));
        of_types([
            DataType::Null,
            DataType::Boolean,
            DataType::UInt8,
            DataType::Int64,
            DataType::Float16,
            DataType::Float64,
            DataType::Utf8,
            DataType::LargeBinary,
            DataType::Utf8View,
            DataType::FixedSizeBinary(16),
            DataType::Date32,
            DataType::Date64,
            DataType::Time32(TimeUnit::Second),
            DataType::Time64(TimeUnit::Nanosecond),
            DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())),
            DataType::Duration(TimeUnit::Millisecond),
            DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Decimal32(9, 2),
            DataType::Decimal256(76, -3),
            DataType::List(item.clone()),
            DataType::LargeList(item.clone()),
            DataType::FixedSizeList(item.clone(), 3),
            DataType::Struct([item.clone()].into_iter().collect()),
            DataType::Map(entries, false),
            DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8)),
            DataType::RunEndEncoded(
                Arc::new(arrow_schema::Field::new("run_ends", DataType::Int32, false)),
                item,
            ),
        ])
    }

    #[test]
    fn what_writers_write_is_usable() {
        let schema = all_types().with_metadata([("key".to_owned(), "value".to_owned())].into());
        let with_length = message(&schema);
        assert!(check(&with_length).is_some());
        assert!(check(&with_length[8..]).is_some());
    }

    /// Each byte of a sound schema, and of one without its length, replaced by each of a few values:
    /// the conversion takes all that passed.
    #[test]
    fn what_passes_converts() {
        let sound = message(&all_types());
        let (mut passed, mut refused) = (0, 0);
        for at in 8..sound.len() {
            for value in [0, 1, 3, 7, 16, 21, 33, 0x7f, 0x80, 0xff, sound[at] ^ 4] {
                let mut bytes = sound.clone();
                bytes[at] = value;
                if check(&bytes).is_none() {
                    refused += 1;
                    continue;
                }
                passed += 1;
                let message = arrow_ipc::root_as_message(&bytes[8..]).unwrap();
                arrow_ipc::convert::fb_to_schema(message.header_as_schema().unwrap());
            }
        }
        assert!(
            passed > 100 && refused > 100,
            "{passed} passed, {refused} refused"
        );
    }

    #[test]
    fn texts_that_are_shared_too_often_are_refused() {
        let shared = |fields: usize| {
            let mut builder = flatbuffers::FlatBufferBuilder::new();
            let name = builder.create_string(&"n".repeat(1 << 10));
            let of_type = arrow_ipc::NullBuilder::new(&mut builder).finish();
            let fields: Vec<_> = (0..fields)
                .map(|_| {
                    let mut field = arrow_ipc::FieldBuilder::new(&mut builder);
                    field.add_name(name);
                    field.add_type_type(Type::Null);
                    field.add_type_(of_type.as_union_value());
                    field.finish()
                })
                .collect();
            let fields = builder.create_vector(&fields);
            let mut schema = arrow_ipc::SchemaBuilder::new(&mut builder);
            schema.add_fields(fields);
            let schema = schema.finish();
            let mut message = arrow_ipc::MessageBuilder::new(&mut builder);
            message.add_header_type(arrow_ipc::MessageHeader::Schema);
            message.add_header(schema.as_union_value());
            let message = message.finish();
            builder.finish(message, None);
            builder.finished_data().to_vec()
        };
        assert!(check(&shared(2)).is_some());
        assert!(check(&shared(1000)).is_none());
    }
}
