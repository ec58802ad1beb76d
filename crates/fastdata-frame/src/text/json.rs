//! Values as JSON.
//!
//! Arrow's own encoders do the work. Two things are ours: a date or time that cannot be printed is an
//! error and not a word in the data, and maps may have keys of any type, printed as text. Numbers
//! that JSON does not know (NaN and the infinities) become null.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, MapArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{ArrowError, DataType, FieldRef};

use super::printer::unprintable;
use crate::{Error, Result};

/// `"name":`, escaped as JSON wants it.
pub fn key(name: &str) -> Vec<u8> {
    let mut key = serde_json::Value::from(name).to_string().into_bytes();
    key.push(b':');
    key
}

/// How values become JSON, and the first value that could not.
pub struct Encodings {
    options: EncoderOptions,
    trouble: Trouble,
}

/// Encoders have no way to fail, so they leave word here.
type Trouble = Arc<Mutex<Option<String>>>;

impl Default for Encodings {
    fn default() -> Self {
        let trouble = Trouble::default();
        let factory = Factory {
            trouble: Arc::clone(&trouble),
        };
        let options = EncoderOptions::default()
            .with_explicit_nulls(true)
            .with_encoder_factory(Arc::new(factory));
        Self { options, trouble }
    }
}

impl Encodings {
    /// An error if any value so far could not be written.
    pub fn check(&self) -> Result<()> {
        match self
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(what) => Err(Error::unsupported(what)),
            None => Ok(()),
        }
    }
}

/// The values of one column as JSON.
pub struct Encoding<'a>(NullableEncoder<'a>);

impl<'a> Encoding<'a> {
    /// The encoding of `column`, whose field is `field`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types that have no JSON.
    pub fn new(
        field: &'a FieldRef,
        column: &'a ArrayRef,
        encodings: &'a Encodings,
    ) -> Result<Self> {
        make_encoder(field, column.as_ref(), &encodings.options)
            .map(Self)
            .map_err(|error| unprintable(field, error))
    }

    /// Appends the value of `row`.
    pub fn encode(&mut self, row: usize, bytes: &mut Vec<u8>) {
        match self.0.is_null(row) {
            true => bytes.extend_from_slice(b"null"),
            false => self.0.encode(row, bytes),
        }
    }
}

#[derive(Debug)]
struct Factory {
    trouble: Trouble,
}

impl EncoderFactory for Factory {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            data_type if data_type.is_temporal() => Box::new(Temporal {
                formatter: ArrayFormatter::try_new(array, &PLAIN)?,
                column: field.name(),
                trouble: Arc::clone(&self.trouble),
            }),
            DataType::Map(..) => Box::new(Map::new(array.as_map(), options)?),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

const PLAIN: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

/// Dates, times, timestamps, durations and intervals, as strings.
struct Temporal<'a> {
    formatter: ArrayFormatter<'a>,
    column: &'a str,
    trouble: Trouble,
}

impl Encoder for Temporal<'_> {
    fn encode(&mut self, row: usize, bytes: &mut Vec<u8>) {
        match self.formatter.value(row).try_to_string() {
            // Nothing in these texts needs an escape.
            Ok(text) => {
                bytes.push(b'"');
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b'"');
            }
            Err(error) => {
                bytes.extend_from_slice(b"null");
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                trouble.get_or_insert_with(|| {
                    format!("column {}: {error}; try Arrow or Parquet", self.column)
                });
            }
        }
    }
}

/// A map as an object, its keys as text.
struct Map<'a> {
    array: &'a MapArray,
    keys: ArrayFormatter<'a>,
    values: NullableEncoder<'a>,
}

impl<'a> Map<'a> {
    fn new(array: &'a MapArray, options: &'a EncoderOptions) -> Result<Self, ArrowError> {
        let DataType::Map(entries, _) = array.data_type() else {
            return Err(ArrowError::JsonError(
                "a map array without a map type".to_owned(),
            ));
        };
        let (DataType::Struct(fields), false) =
            (entries.data_type(), array.keys().data_type().is_nested())
        else {
            return Err(ArrowError::JsonError(
                "a map whose keys are nested".to_owned(),
            ));
        };
        let value_field = fields
            .get(1)
            .ok_or_else(|| ArrowError::JsonError("a map without values".to_owned()))?;
        Ok(Self {
            array,
            keys: ArrayFormatter::try_new(array.keys().as_ref(), &PLAIN)?,
            values: make_encoder(value_field, array.values().as_ref(), options)?,
        })
    }
}

impl Encoder for Map<'_> {
    fn encode(&mut self, row: usize, bytes: &mut Vec<u8>) {
        bytes.push(b'{');
        let offsets = self.array.value_offsets();
        for (nth, entry) in (offsets[row] as usize..offsets[row + 1] as usize).enumerate() {
            if nth > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(&key(&self.keys.value(entry).to_string()));
            match self.values.is_null(entry) {
                true => bytes.extend_from_slice(b"null"),
                false => self.values.encode(entry, bytes),
            }
        }
        bytes.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder};
    use arrow_array::{Date32Array, Float64Array, StringArray, TimestampSecondArray};
    use arrow_schema::Field;

    use super::*;

    /// The values of `column` as JSON, and whether all could be written.
    fn encoded(column: ArrayRef) -> (Vec<String>, bool) {
        let field = Arc::new(Field::new("c", column.data_type().clone(), true));
        let encodings = Encodings::default();
        let mut encoding = Encoding::new(&field, &column, &encodings).unwrap();
        let texts = (0..column.len()).map(|row| {
            let mut bytes = Vec::new();
            encoding.encode(row, &mut bytes);
            String::from_utf8(bytes).unwrap()
        });
        (texts.collect(), encodings.check().is_ok())
    }

    #[track_caller]
    fn check(column: impl Array + 'static, expected: &[&str]) {
        let (texts, sound) = encoded(Arc::new(column));
        assert_eq!(texts, expected);
        assert!(sound);
    }

    #[test]
    fn writes_values() {
        check(
            Date32Array::from(vec![Some(0), None]),
            &["\"1970-01-01\"", "null"],
        );
        check(
            Float64Array::from(vec![1.5, f64::NAN, f64::INFINITY]),
            &["1.5", "null", "null"],
        );
        check(StringArray::from(vec!["a\"b\n"]), &["\"a\\\"b\\n\""]);
    }

    #[test]
    fn maps_have_keys_of_any_type() {
        let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
        map.keys().append_value(7);
        map.values().append_value("x");
        map.keys().append_value(-1);
        map.values().append_null();
        map.append(true).unwrap();
        map.append(false).unwrap();
        check(map.finish(), &[r#"{"7":"x","-1":null}"#, "null"]);
    }

    /// Arrow's own writer puts `ERROR: …` into the data here.
    #[test]
    fn a_time_that_no_calendar_holds_is_an_error() {
        let (_, sound) = encoded(Arc::new(TimestampSecondArray::from(vec![i64::MAX])));
        assert!(!sound);
    }
}
