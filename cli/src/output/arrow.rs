//! Arrow IPC stream.

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;

use super::sink::State;
use super::{Flow, Output, Sink};
use crate::failure::Failure;

/// Writer of an Arrow IPC stream.
pub(super) struct Arrow {
    writer: Option<StreamWriter<Sink>>,
    state: State,
}

impl Arrow {
    /// Writes the schema at once: a stream without batches is still one.
    pub(super) fn new(sink: Sink, schema: &SchemaRef) -> Result<Self, Failure> {
        let state = sink.state();
        let writer = match StreamWriter::try_new(sink, schema) {
            Ok(writer) => Some(writer),
            Err(error) => {
                state.flow(Err(error.into()))?;
                None
            }
        };
        Ok(Self { writer, state })
    }
}

impl Output for Arrow {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        let Some(writer) = &mut self.writer else {
            return Ok(Flow::Stop);
        };
        self.state.flow(writer.write(batch).map_err(Into::into))
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        let Some(mut writer) = self.writer else {
            return Ok(());
        };
        let ended = writer.finish().map_err(Into::into);
        if self.state.flow(ended)? == Flow::Stop {
            return Ok(());
        }
        match writer.into_inner() {
            Ok(sink) => sink.commit(),
            Err(error) => self.state.flow(Err(error.into())).map(|_| ()),
        }
    }
}
