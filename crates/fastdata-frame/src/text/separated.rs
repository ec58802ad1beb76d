//! Comma- or tab-separated values with a header.
//!
//! Quoting is RFC 4180's for both. A null is an empty field and an empty string is `""`, so that a
//! reader can tell them apart.

use arrow_array::{Array, RecordBatch};
use arrow_schema::Schema;

use super::json::Encodings;
use super::printer::Printer;
use super::zone::in_utc;
use crate::Result;

/// Rows as separated values.
#[derive(Debug, Clone, Copy)]
pub struct Separated {
    separator: char,
}

impl Separated {
    /// Values separated by `separator`, a comma or a tab.
    pub fn new(separator: char) -> Self {
        Self { separator }
    }

    /// Appends the header: the names of the columns.
    pub fn header(&self, schema: &Schema, text: &mut String) {
        for (idx, field) in schema.fields().iter().enumerate() {
            if idx > 0 {
                text.push(self.separator);
            }
            quote(text, field.name(), self.separator);
        }
        text.push('\n');
    }

    /// Appends the rows of `batch`, a line each.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types and values that have no text.
    pub fn rows(&self, batch: &RecordBatch, text: &mut String) -> Result<()> {
        let batch = in_utc(batch)?;
        let schema = batch.schema();
        let encodings = Encodings::default();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut printers = columns
            .map(|(field, column)| Printer::new(field, column, &encodings))
            .collect::<Result<Vec<_>>>()?;
        let mut value = String::new();
        for row in 0..batch.num_rows() {
            for (idx, printer) in printers.iter_mut().enumerate() {
                if idx > 0 {
                    text.push(self.separator);
                }
                if !batch.column(idx).is_null(row) {
                    value.clear();
                    printer.print(row, &schema.fields()[idx], &mut value)?;
                    quote(text, &value, self.separator);
                }
            }
            text.push('\n');
        }
        drop(printers);
        encodings.check()
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
