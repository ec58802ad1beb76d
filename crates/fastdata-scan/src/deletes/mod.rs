//! Rows that delete files remove from a data file: by position, by deletion vector, by equality.
//! Which delete files apply to which data file is the planner's decision; this is how they do.

mod equality;
mod position;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ArrayRef;
use arrow_buffer::BooleanBuffer;
use fastdata_parquet::RowRanges;
use tokio::sync::OnceCell;

pub(crate) use equality::EqualityKeys;
use equality::{KeySet, KeyTest};
use position::PositionDeletes;

use crate::Result;
use crate::context::Context;
use crate::read::{DataFile, mask_without};

/// Field ids of the key columns, and the partition (or all of them) that a key set speaks for.
type KeyScope = (Vec<i32>, Vec<u8>);

/// Delete files that were read already, shared by all data files of a scan.
#[derive(Debug, Default)]
pub(crate) struct DeleteCache {
    positions: Mutex<HashMap<String, Arc<OnceCell<Arc<PositionDeletes>>>>>,
    keys: Mutex<HashMap<KeyScope, Arc<tokio::sync::Mutex<KeySet>>>>,
}

impl DeleteCache {
    /// The cell of the position-delete file at `path`: whoever comes first fills it.
    fn positions(&self, path: &str) -> Arc<OnceCell<Arc<PositionDeletes>>> {
        let mut cells = self
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cells.entry(path.to_owned()).or_default().clone()
    }

    /// The key set of one set of key columns (field ids) in one partition, or in all.
    fn keys(&self, ids: &[i32], scope: &[u8]) -> Arc<tokio::sync::Mutex<KeySet>> {
        let mut sets = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        sets.entry((ids.to_vec(), scope.to_vec()))
            .or_default()
            .clone()
    }
}

/// What is deleted from one data file.
#[derive(Debug, Default)]
pub(crate) struct FileDeletes {
    /// Row numbers within the file, ascending, distinct.
    rows: Arc<Vec<u64>>,
    /// One test for each set of key columns.
    tests: Vec<KeyTest>,
}

impl FileDeletes {
    /// Whether nothing is deleted.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.tests.is_empty()
    }

    /// Rows of the set that no position deletes, one bit each; `None` when all stay.
    /// `first_row` is the number of the row group's first row within the file.
    pub(crate) fn rows_kept(&self, first_row: u64, rows: &RowRanges) -> Option<BooleanBuffer> {
        mask_without(&self.rows, first_row, rows)
    }

    /// Whether a test needs the file's column at `position`.
    pub(crate) fn needs(&self, position: usize) -> bool {
        self.tests
            .iter()
            .any(|test| test.columns.contains(&position))
    }

    /// Positions of the columns that the tests need.
    pub(crate) fn key_columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self
            .tests
            .iter()
            .flat_map(|test| test.columns.iter().copied())
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Rows whose keys no equality delete holds, one bit each; `read` holds the key columns.
    pub(crate) fn keys_kept(
        &self,
        read: &[Option<ArrayRef>],
        row_count: usize,
    ) -> Result<BooleanBuffer> {
        let mut kept = BooleanBuffer::new_set(row_count);
        for test in &self.tests {
            kept = &kept & &test.kept(read, row_count)?;
        }
        Ok(kept)
    }
}

/// Reads the delete files that apply to `file`. `first_key` is the position of the first column of
/// `keys` among the file's columns.
pub(crate) async fn load_deletes(
    context: &Arc<Context>,
    file: &DataFile,
    keys: &EqualityKeys,
    first_key: usize,
) -> Result<FileDeletes> {
    let Some(split) = &file.split else {
        return Ok(FileDeletes::default());
    };
    let rows = position::deleted_rows(context, split).await?;
    let tests = keys.load(context, split, first_key).await?;
    Ok(FileDeletes {
        rows: Arc::new(rows),
        tests,
    })
}
