//! Comma- or tab-separated values with a header.
//!
//! Quoting is RFC 4180's for both. A null is an empty field and an empty string is `""`, so that a
//! reader can tell them apart.

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;

use super::json::Encodings;
use super::text::Printer;
use super::{Flow, Output, Sink, zone};
use crate::failure::Failure;

/// Writer of separated values.
pub(super) struct Separated {
    sink: Sink,
    separator: char,
    encodings: Encodings,
    /// The header until it is written, then the rows of one batch.
    text: String,
}

impl Separated {
    pub(super) fn new(sink: Sink, schema: &SchemaRef, separator: u8) -> Self {
        let mut writer = Self {
            sink,
            separator: char::from(separator),
            encodings: Encodings::default(),
            text: String::new(),
        };
        for (idx, field) in schema.fields().iter().enumerate() {
            if idx > 0 {
                writer.text.push(writer.separator);
            }
            quote(&mut writer.text, field.name(), writer.separator);
        }
        writer.text.push('\n');
        writer
    }
}

impl Output for Separated {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        let batch = zone::as_offsets(batch)?;
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut printers = columns
            .map(|(field, column)| Printer::new(field, column, &self.encodings))
            .collect::<Result<Vec<_>, _>>()?;
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            for (idx, printer) in printers.iter_mut().enumerate() {
                if idx > 0 {
                    self.text.push(self.separator);
                }
                if !batch.column(idx).is_null(row) {
                    value.clear();
                    printer.print(row, &schema.fields()[idx], &mut value)?;
                    quote(&mut self.text, &value, self.separator);
                }
            }
            self.text.push('\n');
        }
        drop(printers);
        self.encodings.check()?;
        let flow = self.sink.put(self.text.as_bytes());
        self.text.clear();
        flow
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        match self.sink.put(self.text.as_bytes())? {
            Flow::More => self.sink.commit(),
            Flow::Stop => Ok(()),
        }
    }
}

fn quote(text: &mut String, value: &str, separator: char) {
    let plain = !value.is_empty() && !value.contains(['"', '\n', '\r', separator]);
    if plain {
        text.push_str(value);
        return;
    }
    text.push('"');
    for (idx, part) in value.split('"').enumerate() {
        if idx > 0 {
            text.push_str("\"\"");
        }
        text.push_str(part);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_would_be_misread() {
        for (value, expected) in [
            ("a", "a"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("a\tb", "a\tb"),
        ] {
            let mut text = String::new();
            quote(&mut text, value, ',');
            assert_eq!(text, expected);
        }
    }
}
