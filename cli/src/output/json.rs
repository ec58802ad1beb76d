//! JSON: one array of objects, or one object a line.

use arrow_array::RecordBatch;
use fastdata::text::{Encoding, Encodings, in_utc, json_key};

use super::{Flow, Output, Sink};
use crate::failure::Failure;

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
        let batch = in_utc(batch)?;
        let schema = batch.schema();
        // The encodings borrow their options, and the loop below needs the rest of `self`.
        let encodings = std::mem::take(&mut self.encodings);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let encoding = Encoding::new(field, column, &encodings)?;
            columns.push((json_key(field.name()), encoding));
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
