//! Values as text: what tables for people and separated values share.
//!
//! Nested values are JSON, so that they can be read back; everything else is what Arrow prints,
//! except that a value which cannot be printed is an error and not a word in the data.

use std::fmt::Write;

use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, FieldRef};

use super::json::{Encoding, Encodings};
use crate::{Error, Result};

/// Prints the values of one column.
pub struct Printer<'a>(Kind<'a>);

enum Kind<'a> {
    Flat(ArrayFormatter<'a>),
    Nested(Encoding<'a>),
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

impl<'a> Printer<'a> {
    /// The printer of `column`, whose field is `field`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types that have no text.
    pub fn new(
        field: &'a FieldRef,
        column: &'a ArrayRef,
        encodings: &'a Encodings,
    ) -> Result<Self> {
        let nested = column.data_type().is_nested() && !is_run_or_dictionary(column.data_type());
        let kind = match nested {
            true => Kind::Nested(Encoding::new(field, column, encodings)?),
            false => Kind::Flat(
                ArrayFormatter::try_new(column.as_ref(), &OPTIONS)
                    .map_err(|error| unprintable(field, error))?,
            ),
        };
        Ok(Self(kind))
    }

    /// Appends the value of `row` to `text`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a value that has no text, such as a date beyond the calendar.
    pub fn print(&mut self, row: usize, field: &FieldRef, text: &mut String) -> Result<()> {
        match &mut self.0 {
            Kind::Flat(formatter) => write!(text, "{}", formatter.value(row)).map_err(|_| {
                let what = "a value that cannot be written as text";
                unprintable(field, ArrowError::InvalidArgumentError(what.to_owned()))
            }),
            Kind::Nested(encoding) => {
                let mut bytes = Vec::new();
                encoding.encode(row, &mut bytes);
                text.push_str(&String::from_utf8_lossy(&bytes));
                Ok(())
            }
        }
    }
}

fn is_run_or_dictionary(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Dictionary(..) | DataType::RunEndEncoded(..)
    )
}

pub(super) fn unprintable(field: &FieldRef, error: ArrowError) -> Error {
    Error::unsupported(format!(
        "column {} of type {}: not writable in this format, try Arrow or Parquet",
        field.name(),
        field.data_type()
    ))
    .with_source(error)
}
