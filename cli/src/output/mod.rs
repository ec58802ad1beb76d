//! Writers of rows, one per format.

mod arrow;
mod json;
mod parquet;
mod separated;
mod sink;
mod table;
mod tally;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::config::{Destination, Format};
use crate::failure::Failure;

pub(crate) use fastdata::text::Grid;
pub(crate) use sink::Sink;
pub(crate) use table::{grouped, terminal_columns};

/// Takes the batches of a scan, in order.
///
/// # Contract
/// Each format implements it; `fastdata scan` calls it: `write` per batch, then `finish` once. A
/// writer whose reader went away (a closed pipe) returns [`Flow::Stop`]; that is no failure.
pub(crate) trait Output {
    /// Writes one batch.
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure>;

    /// Writes what comes last and makes the result appear.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// Whether more rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on.
    More,
    /// The reader has gone.
    Stop,
}

/// The writer for `format`.
pub(crate) fn open(
    format: Format,
    destination: &Destination,
    schema: &SchemaRef,
) -> Result<Box<dyn Output>, Failure> {
    let sink = Sink::open(destination)?;
    Ok(match format {
        Format::Table { rows_shown } => Box::new(table::Table::new(sink, schema, rows_shown)),
        Format::Separated { separator } => {
            Box::new(separated::Separated::new(sink, schema, separator))
        }
        Format::Json => Box::new(json::Json::array(sink)),
        Format::Ndjson => Box::new(json::Json::lines(sink)),
        Format::Arrow => Box::new(arrow::Arrow::new(sink, schema)?),
        Format::Parquet => Box::new(parquet::Parquet::new(sink, schema)?),
        Format::Count => Box::new(tally::Count::new(sink)),
        Format::None => Box::new(tally::Nothing),
    })
}
