//! `count` and `none`: formats without rows.

use arrow_array::RecordBatch;

use super::{Flow, Output, Sink};
use crate::failure::Failure;

/// Prints how many rows came.
pub(super) struct Count {
    sink: Sink,
    rows: u64,
}

impl Count {
    pub(super) fn new(sink: Sink) -> Self {
        Self { sink, rows: 0 }
    }
}

impl Output for Count {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        self.rows += batch.num_rows() as u64;
        Ok(Flow::More)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        match self.sink.put(format!("{}\n", self.rows).as_bytes())? {
            Flow::More => self.sink.commit(),
            Flow::Stop => Ok(()),
        }
    }
}

/// Drops every batch.
pub(super) struct Nothing;

impl Output for Nothing {
    fn write(&mut self, _batch: &RecordBatch) -> Result<Flow, Failure> {
        Ok(Flow::More)
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}
