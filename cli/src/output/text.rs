//! Values as text: what `table`, `csv` and `tsv` share.
//!
//! Nested values are JSON, so that they can be read back; everything else is what Arrow prints,
//! except that a value which cannot be printed is an error and not a word in the data.

use std::fmt::Write;

use arrow_array::{Array, ArrayRef};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, FieldRef};

use super::json::{Encoding, Encodings};
use crate::failure::{Failure, FailureKind};

/// Prints the values of one column.
pub(super) enum Printer<'a> {
    Flat(ArrayFormatter<'a>),
    Nested(Encoding<'a>),
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

impl<'a> Printer<'a> {
    pub(super) fn new(
        field: &'a FieldRef,
        column: &'a ArrayRef,
        encodings: &'a Encodings,
    ) -> Result<Self, Failure> {
        let made = match column.data_type().is_nested() && !is_run_or_dictionary(column.data_type())
        {
            true => Encoding::new(field, column, encodings).map(Self::Nested),
            false => ArrayFormatter::try_new(column.as_ref(), &OPTIONS).map(Self::Flat),
        };
        made.map_err(|error| unprintable(field, &error))
    }

    /// Appends the value of `row` to `text`.
    pub(super) fn print(
        &mut self,
        row: usize,
        field: &FieldRef,
        text: &mut String,
    ) -> Result<(), Failure> {
        match self {
            Self::Flat(formatter) => write!(text, "{}", formatter.value(row)).map_err(|_| {
                let what = "a value that cannot be written as text";
                let error = ArrowError::InvalidArgumentError(what.to_owned());
                unprintable(field, &error)
            }),
            Self::Nested(encoding) => {
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

pub(super) fn unprintable(field: &FieldRef, error: &ArrowError) -> Failure {
    let what = format!(
        "column {} of type {}: not writable in this format, try -f arrow or -f parquet",
        field.name(),
        field.data_type()
    );
    Failure::because(FailureKind::Unsupported, &what, error)
}
