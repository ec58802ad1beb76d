//! The log of a task while it runs.

use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::datastore::Datastore;
use crate::layout::{TaskFile, TaskPath};
use crate::log::{LineIds, head};
use crate::{Error, Result};

/// What a stream may leave in the datastore: what comes after is lost, and the log says so.
const LOG_BYTES_MAX: usize = 16 << 20;

/// Longer lines are cut into several.
const LINE_BYTES_MAX: usize = 64 << 10;

/// How old the log of a running task may be in an object store.
const UPLOAD_EVERY: Duration = Duration::from_secs(10);

/// The log of one stream of a task. In a folder it grows line by line; in an object store it is
/// written again when it has grown, and at the end. There is no file while nothing was printed.
#[derive(Debug)]
pub struct LogWriter {
    datastore: Arc<Datastore>,
    path: String,
    ids: LineIds,
    /// What is not written yet; all of it in an object store, which cannot append.
    pending: Vec<u8>,
    kept_bytes: usize,
    file: Option<File>,
    uploaded: Instant,
}

impl LogWriter {
    /// The log `file` of an attempt of a task.
    pub fn new(datastore: Arc<Datastore>, task: &TaskPath, attempt: u32, file: TaskFile) -> Self {
        Self {
            datastore,
            path: task.file(attempt, file),
            ids: LineIds::default(),
            pending: Vec::new(),
            kept_bytes: 0,
            file: None,
            uploaded: Instant::now(),
        }
    }

    /// Copies a stream, which is read to its end whatever happens to the log; `shown` is told each
    /// line that is kept.
    ///
    /// # Errors
    /// As [`Datastore::write`], the first that happens.
    pub fn copy(&mut self, mut from: impl Read, mut shown: impl FnMut(&str)) -> Result<()> {
        let mut written = Ok(());
        let mut buffer = vec![0; LINE_BYTES_MAX];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let fresh = buffer.get(..count).unwrap_or_default();
            for piece in fresh.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(piece);
                if piece.ends_with(b"\n") || line.len() >= LINE_BYTES_MAX {
                    self.add_bytes(&mut line, &mut shown);
                }
            }
            written = written.and(self.flush());
        }
        if !line.is_empty() {
            self.add_bytes(&mut line, &mut shown);
        }
        written.and(self.finish())
    }

    fn add_bytes(&mut self, line: &mut Vec<u8>, shown: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(line);
        if let Some(text) = self.add(text.trim_end_matches(['\n', '\r'])) {
            shown(&text);
        }
        line.clear();
    }

    /// Adds a line, and gives it back as it was kept; nothing once the log is full.
    pub fn add(&mut self, text: &str) -> Option<String> {
        if self.kept_bytes > LOG_BYTES_MAX {
            return None;
        }
        let head = head("task", chrono::Utc::now(), &mut self.ids);
        self.kept_bytes += head.len() + text.len() + 1;
        let text = match self.kept_bytes > LOG_BYTES_MAX {
            true => format!("[more than {LOG_BYTES_MAX} bytes were printed: the rest is left out]"),
            false => text.to_owned(),
        };
        self.pending.extend_from_slice(head.as_bytes());
        self.pending.extend_from_slice(text.as_bytes());
        self.pending.push(b'\n');
        Some(text)
    }

    /// Writes what has come, where that is cheap.
    ///
    /// # Errors
    /// As [`Datastore::write`].
    pub fn flush(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(path) = self.datastore.local_path(&self.path) else {
            return match self.uploaded.elapsed() < UPLOAD_EVERY {
                true => Ok(()),
                false => self.finish(),
            };
        };
        let failed = |error| Error::io(format!("cannot write {}", path.display()), error);
        let mut file = match self.file.take() {
            Some(file) => file,
            None => File::options()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(failed)?,
        };
        // What cannot be written must not be held for ever.
        let pending = std::mem::take(&mut self.pending);
        file.write_all(&pending).map_err(failed)?;
        self.file = Some(file);
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// As [`Datastore::write`].
    pub fn finish(&mut self) -> Result<()> {
        if self.datastore.local_path(&self.path).is_some() {
            return self.flush();
        }
        self.uploaded = Instant::now();
        match self.pending.is_empty() {
            true => Ok(()),
            false => self.datastore.write(&self.path, self.pending.clone()),
        }
    }
}
