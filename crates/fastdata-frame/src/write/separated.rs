//! Separated values.

use std::io::Write;
use std::path::Path;

use fastdata_scan::CancelToken;

use super::file::{Pending, failed};
use crate::text::Separated;
use crate::{DataFrame, Result};

/// How separated values are written.
#[derive(Debug, Clone)]
pub struct SeparatedOptions {
    /// What stands between values: a comma or a tab.
    pub separator: char,
    /// Whether the first line has the names of the columns.
    pub header: bool,
    /// Stops the writing from outside; nothing is left of the file then.
    pub cancel: CancelToken,
}

impl Default for SeparatedOptions {
    fn default() -> Self {
        Self {
            separator: ',',
            header: true,
            cancel: CancelToken::default(),
        }
    }
}

/// Rows that are made into text at once.
const PIECE_ROWS: usize = 16 << 10;

impl DataFrame {
    /// Writes separated values at `path`, a local path: quoted as RFC 4180 has it, null as an empty
    /// field, an empty string as `""`, nested values as JSON.
    ///
    /// # Errors
    ///
    /// As [`DataFrame::write_parquet`]; `Unsupported` also for values that have no text.
    pub fn write_csv(&self, path: impl AsRef<Path>, options: &SeparatedOptions) -> Result<()> {
        let path = path.as_ref();
        let format = Separated::new(options.separator);
        let mut pending = Pending::create(path)?;
        let mut text = String::new();
        if options.header {
            format.header(self.schema(), &mut text);
        }
        for batch in self.batches() {
            for start in (0..batch.num_rows()).step_by(PIECE_ROWS) {
                options.cancel.check()?;
                let piece = batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start));
                format.rows(&piece, &mut text)?;
                let written = pending.write_all(text.as_bytes());
                written.map_err(|cause| failed(path, cause))?;
                text.clear();
            }
        }
        let written = pending.write_all(text.as_bytes());
        written.map_err(|cause| failed(path, cause))?;
        pending.publish()
    }
}
