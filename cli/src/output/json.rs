//! JSON: one array of objects, or one object a line.
//!
//! Arrow's own encoders do the work. Two things are ours: a date or time that cannot be printed is an
//! error and not a word in the data, and maps may have keys of any type, printed as text. Numbers
//! that JSON does not know (NaN and the infinities) become null.

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, MapArray, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow_schema::{ArrowError, DataType, FieldRef};

use super::text::unprintable;
use super::{Flow, Output, Sink, zone};
use crate::failure::{Failure, FailureKind};

/// Writer of JSON objects.
pub(super) struct Json {
    sink: Sink,
    encodings: Encodings,
    shape: Shape,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    /// An array, and whether it has an element yet.
    Array {
        begun: bool,
    },
}

impl Json {
    pub(super) fn array(sink: Sink) -> Self {
        Self::new(sink, Shape::Array { begun: false })
    }

    pub(super) fn lines(sink: Sink) -> Self {
        Self::new(sink, Shape::Lines)
    }

    fn new(sink: Sink, shape: Shape) -> Self {
        Self {
            sink,
            encodings: Encodings::default(),
            shape,
            bytes: Vec::new(),
        }
    }

    fn begin_object(&mut self) {
        if let Shape::Array { begun } = &mut self.shape {
            self.bytes
                .extend_from_slice(if *begun { b",\n" } else { b"[\n" });
            *begun = true;
        }
        self.bytes.push(b'{');
    }

    fn end_object(&mut self) {
        self.bytes.push(b'}');
        if self.shape == Shape::Lines {
            self.bytes.push(b'\n');
        }
    }
}

impl Output for Json {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        let batch = zone::as_offsets(batch)?;
        let schema = batch.schema();
        // The encodings borrow their options, and the loop below needs the rest of `self`.
        let encodings = std::mem::take(&mut self.encodings);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let encoding = Encoding::new(field, column, &encodings)
                .map_err(|error| unprintable(field, &error))?;
            columns.push((key(field.name()), encoding));
        }
        for row in 0..batch.num_rows() {
            self.begin_object();
            for (idx, (key, encoding)) in columns.iter_mut().enumerate() {
                if idx > 0 {
                    self.bytes.push(b',');
                }
                self.bytes.extend_from_slice(key);
                encoding.encode(row, &mut self.bytes);
            }
            self.end_object();
        }
        drop(columns);
        encodings.check()?;
        self.encodings = encodings;
        let flow = self.sink.put(&self.bytes);
        self.bytes.clear();
        flow
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let end: &[u8] = match self.shape {
            Shape::Lines => b"",
            Shape::Array { begun: true } => b"\n]\n",
            Shape::Array { begun: false } => b"[]\n",
        };
        match self.sink.put(end)? {
            Flow::More => self.sink.commit(),
            Flow::Stop => Ok(()),
        }
    }
}

/// `"name":`
fn key(name: &str) -> Vec<u8> {
    let mut key = serde_json::Value::from(name).to_string().into_bytes();
    key.push(b':');
    key
}

/// How values become JSON, and the first value that could not.
pub(super) struct Encodings {
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
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            Some(what) => Err(Failure::new(FailureKind::Unsupported, what)),
            None => Ok(()),
        }
    }
}

/// The values of one column as JSON.
pub(super) struct Encoding<'a>(NullableEncoder<'a>);

impl<'a> Encoding<'a> {
    pub(super) fn new(
        field: &'a FieldRef,
        column: &'a ArrayRef,
        encodings: &'a Encodings,
    ) -> Result<Self, ArrowError> {
        make_encoder(field, column.as_ref(), &encodings.options).map(Self)
    }

    /// Appends the value of `row`.
    pub(super) fn encode(&mut self, row: usize, bytes: &mut Vec<u8>) {
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
                    format!(
                        "column {}: {error}; try -f arrow or -f parquet",
                        self.column
                    )
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
