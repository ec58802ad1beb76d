//! Comma- or tab-separated values with a header.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fastdata::text;

use super::{Flow, Output, Sink};
use crate::failure::Failure;

/// Writer of separated values.
pub(super) struct Separated {
    sink: Sink,
    format: text::Separated,
    /// The header until it is written, then the rows of one batch.
    text: String,
}

impl Separated {
    pub(super) fn new(sink: Sink, schema: &SchemaRef, separator: u8) -> Self {
        let format = text::Separated::new(char::from(separator));
        let mut text = String::new();
        format.header(schema, &mut text);
        Self { sink, format, text }
    }
}

impl Output for Separated {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        self.format.rows(batch, &mut self.text)?;
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
