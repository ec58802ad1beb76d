//! A running scan, batch by batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fastdata::{CancelToken, Error, Scan, ScanStats};
use pyo3::prelude::*;

use crate::batch::Batch;
use crate::exceptions::{exception, invalid};
use crate::frame::DataFrame;
use crate::interrupt::{LOOK, Outcome, finish, receive};
use crate::scan::tell;
use crate::schema::Schema;
use crate::warnings;

/// What comes next.
enum Step {
    Batch(RecordBatch),
    /// Nothing more; what was done.
    End(Box<ScanStats>),
}

/// The batches of a scan, in order and in bounded memory. Use it once, or start another scan.
#[pyclass(frozen, module = "fastdata")]
pub(crate) struct Batches {
    schema: SchemaRef,
    cancel: CancelToken,
    receiver: Mutex<Receiver<Outcome<Step>>>,
    ended: Mutex<bool>,
    process: u32,
}

impl Batches {
    /// Starts `scan` on a thread that waits for its consumer, batch by batch of at most `rows_max` rows.
    pub(crate) fn start(scan: &Scan, rows_max: usize) -> PyResult<Self> {
        warnings::listen();
        let cancel = CancelToken::default();
        let scan = scan.with_cancel(cancel.clone());
        let schema = scan.schema().clone();
        let (sender, receiver) = sync_channel(0);
        let run = move || {
            let mut batches = match catch_unwind(AssertUnwindSafe(|| scan.batches())) {
                Ok(Ok(batches)) => batches,
                Ok(Err(error)) => return drop(sender.send(Ok(Err(error)))),
                Err(panic) => return drop(sender.send(Err(panic))),
            };
            loop {
                let next = catch_unwind(AssertUnwindSafe(|| match batches.next() {
                    Some(batch) => batch.map(Step::Batch),
                    None => Ok(Step::End(Box::new(batches.stats()))),
                }));
                // The other end is gone when nobody wants more.
                let sent = match next {
                    Ok(Ok(Step::Batch(batch))) => send_pieces(&sender, &batch, rows_max),
                    last => {
                        let _ = sender.send(last);
                        return;
                    }
                };
                if !sent {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("fastdata-stream".to_owned())
            .spawn(run)?;
        Ok(Self {
            schema,
            cancel,
            receiver: Mutex::new(receiver),
            ended: Mutex::new(false),
            process: std::process::id(),
        })
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        if self.process != std::process::id() {
            return Err(invalid(
                "this stream belongs to the process that was forked; scan again in this one",
            ));
        }
        if self.is_ended() {
            return Ok(None);
        }
        let outcome = loop {
            if let Some(outcome) = receive(py, &self.receiver, LOOK) {
                warnings::hand_on(py)?;
                break finish(outcome);
            }
            if let Err(raised) = py.check_signals() {
                self.close();
                return Err(raised);
            }
        };
        // An iterator that failed is over; a generator is so too.
        match outcome {
            Ok(Step::Batch(batch)) => Ok(Some(batch)),
            Ok(Step::End(stats)) => {
                self.close();
                tell(py, &stats)?;
                Ok(None)
            }
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    fn is_ended(&self) -> bool {
        *self
            .ended
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Sends `batch` in pieces of at most `rows_max` rows; `false` when nobody wants them.
fn send_pieces(sender: &SyncSender<Outcome<Step>>, batch: &RecordBatch, rows_max: usize) -> bool {
    let rows = batch.num_rows();
    let mut starts = (0..rows.max(1)).step_by(rows_max);
    starts.all(|start| {
        let piece = batch.slice(start, rows_max.min(rows - start));
        sender.send(Ok(Ok(Step::Batch(piece)))).is_ok()
    })
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[pymethods]
impl Batches {
    /// Names and types of the columns.
    #[getter]
    fn schema(&self) -> Schema {
        Schema(self.schema.clone())
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        Ok(self.next(py)?.map(Batch))
    }

    fn __aiter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("fastdata._async")?
            .call_method1("next_batch", (slf,))
    }

    /// The rows that are still to come, as a frame.
    fn collect(&self, py: Python<'_>) -> PyResult<DataFrame> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next(py)? {
            batches.push(batch);
        }
        let frame = fastdata::DataFrame::new(self.schema.clone(), batches);
        frame
            .map(DataFrame::new)
            .map_err(|error: Error| exception(&error))
    }

    /// Ends the scan; nothing comes any more.
    fn close(&self) {
        self.cancel.cancel();
        *self
            .ended
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = true;
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_raised))]
    fn __exit__(&self, _raised: &Bound<'_, pyo3::types::PyTuple>) {
        self.close();
    }

    fn __repr__(&self) -> String {
        let state = if self.is_ended() { "ended" } else { "running" };
        format!(
            "<fastdata.Batches, {state}, of {} columns>",
            self.schema.fields().len()
        )
    }
}
