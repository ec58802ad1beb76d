//! Equality deletes: a row is gone when its key stands in a later delete file.
//!
//! One hash set for each set of key columns and scope (a partition, or the whole table), from key
//! to the highest sequence number that deletes it. A row of a data file with sequence number `s` is
//! gone when its key is there with a number greater than `s`; so one set serves all data files of
//! the scope, whichever of its delete files apply to each.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_row::{RowConverter, SortField};
use arrow_schema::{DataType, Schema};
use fastdata_iceberg::{DeleteFile, Split};
use fastdata_store::Location;

use crate::columns::ColumnRequest;
use crate::context::Context;
use crate::evolution::extract_child;
use crate::read::read_whole;
use crate::{Error, Result};

/// The equality deletes of one data file, grouped by key columns.
#[derive(Debug, Default)]
pub(crate) struct EqualityKeys {
    /// Distinct key columns.
    requests: Vec<ColumnRequest>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    /// Field ids of the key.
    ids: Vec<i32>,
    /// Positions of its columns in [`EqualityKeys::requests`].
    columns: Vec<usize>,
    /// Delete files with this key, by scope.
    scopes: HashMap<Vec<u8>, Vec<Arc<DeleteFile>>>,
}

impl EqualityKeys {
    /// Groups `deletes`; `column` finds the column of a field id.
    pub(crate) fn group(
        deletes: &[Arc<DeleteFile>],
        column: &dyn Fn(i32) -> Result<ColumnRequest>,
    ) -> Result<Self> {
        let mut keys = Self::default();
        for delete in deletes {
            // A set of ids: their order in the file says nothing.
            let ids: Vec<i32> = delete
                .equality_ids
                .iter()
                .copied()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            if ids.is_empty() {
                return Err(Error::corrupt(format!(
                    "equality delete {} names no key column",
                    delete.path
                )));
            }
            let group = keys.group_for(ids, column)?;
            group
                .scopes
                .entry(delete.partition_key().to_vec())
                .or_default()
                .push(delete.clone());
        }
        Ok(keys)
    }

    fn group_for(
        &mut self,
        ids: Vec<i32>,
        column: &dyn Fn(i32) -> Result<ColumnRequest>,
    ) -> Result<&mut Group> {
        let found = self.groups.iter().position(|group| group.ids == ids);
        let at = match found {
            Some(at) => at,
            None => {
                let columns = ids
                    .iter()
                    .map(|id| column(*id).map(|request| self.position_of(request)))
                    .collect::<Result<_>>()?;
                self.groups.push(Group {
                    ids,
                    columns,
                    scopes: HashMap::new(),
                });
                self.groups.len() - 1
            }
        };
        self.groups
            .get_mut(at)
            .ok_or_else(|| Error::corrupt("an equality delete without a group"))
    }

    fn position_of(&mut self, request: ColumnRequest) -> usize {
        match self.requests.iter().position(|other| *other == request) {
            Some(position) => position,
            None => {
                self.requests.push(request);
                self.requests.len() - 1
            }
        }
    }

    /// The key columns, each once.
    pub(crate) fn requests(&self) -> &[ColumnRequest] {
        &self.requests
    }

    /// Reads what is not read yet and returns the tests for `split`.
    pub(super) async fn load(
        &self,
        context: &Arc<Context>,
        split: &Split,
        first_key: usize,
    ) -> Result<Vec<KeyTest>> {
        let mut tests = Vec::new();
        for group in &self.groups {
            let requests: Vec<&ColumnRequest> = group
                .columns
                .iter()
                .filter_map(|at| self.requests.get(*at))
                .collect();
            for (scope, deletes) in &group.scopes {
                let cell = context.deletes.keys(&group.ids, scope);
                let mut set = cell.lock().await;
                for delete in deletes {
                    set.add(context, delete, &requests).await?;
                }
                tests.push(KeyTest {
                    columns: group.columns.iter().map(|at| first_key + at).collect(),
                    keys: set.keys.clone(),
                    sequence_number: split.data_sequence_number,
                });
            }
        }
        Ok(tests)
    }
}

/// Keys of one scope.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    /// Encoded key → highest sequence number that deletes it.
    keys: Arc<HashMap<Box<[u8]>, i64, ahash::RandomState>>,
    /// Delete files whose keys are in.
    files: HashSet<String>,
}

impl KeySet {
    async fn add(
        &mut self,
        context: &Arc<Context>,
        delete: &DeleteFile,
        requests: &[&ColumnRequest],
    ) -> Result<()> {
        if self.files.contains(&delete.path) {
            return Ok(());
        }
        let location = Location::parse(&delete.path)?;
        let schema = Schema::new(
            requests
                .iter()
                .map(|key| key.root.clone())
                .collect::<Vec<_>>(),
        );
        let constants = delete.constants.iter().cloned().collect();
        let size_bytes = Some(delete.file_size_bytes);
        let batches = read_whole(context, &location, size_bytes, &schema, &constants).await?;
        // Tests of earlier data files hold the set as it was: they get their own copy then.
        let keys = Arc::make_mut(&mut self.keys);
        for batch in batches {
            let columns = batch
                .into_iter()
                .zip(requests)
                .map(|(column, request)| key_column(column, request))
                .collect::<Result<Vec<_>>>()?;
            for row in &encode(&columns)? {
                let number = keys
                    .entry(row.as_ref().into())
                    .or_insert(delete.data_sequence_number);
                *number = (*number).max(delete.data_sequence_number);
            }
        }
        self.files.insert(delete.path.clone());
        Ok(())
    }
}

/// The key itself out of the pruned top-level column that holds it.
fn key_column(root: ArrayRef, request: &ColumnRequest) -> Result<ArrayRef> {
    extract_child(root, &vec![0; request.path.len().saturating_sub(1)])
}

/// Whether rows of one data file are deleted by key.
#[derive(Debug)]
pub(super) struct KeyTest {
    /// Positions of the key columns among the file's columns.
    pub(super) columns: Vec<usize>,
    keys: Arc<HashMap<Box<[u8]>, i64, ahash::RandomState>>,
    /// The data file's own.
    sequence_number: i64,
}

impl KeyTest {
    /// One bit a row: true when no later delete holds its key.
    pub(super) fn kept(
        &self,
        read: &[Option<ArrayRef>],
        row_count: usize,
    ) -> Result<BooleanBuffer> {
        let lost = || Error::corrupt("a key column of an equality delete was not read");
        let columns = self
            .columns
            .iter()
            .map(|position| read.get(*position).and_then(Clone::clone).ok_or_else(lost))
            .collect::<Result<Vec<_>>>()?;
        let mut kept = BooleanBufferBuilder::new(row_count);
        for row in &encode(&columns)? {
            let number = self.keys.get(row.as_ref());
            kept.append(number.is_none_or(|number| *number <= self.sequence_number));
        }
        Ok(kept.finish())
    }
}

/// Rows as bytes that are equal exactly when the keys are: null equals null, every NaN equals
/// every NaN, and -0.0 differs from 0.0, as in Iceberg's own comparison of keys.
fn encode(columns: &[ArrayRef]) -> Result<arrow_row::Rows> {
    let columns: Vec<ArrayRef> = columns.iter().map(one_nan).collect();
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let converted =
        RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns));
    converted.map_err(|source| {
        Error::unsupported("an equality delete on a column of this type").with_source(source)
    })
}

fn one_nan(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float32 => {
            let floats = column.as_primitive::<Float32Type>();
            Arc::new(floats.unary::<_, Float32Type>(|x| if x.is_nan() { f32::NAN } else { x }))
        }
        DataType::Float64 => {
            let floats = column.as_primitive::<Float64Type>();
            Arc::new(floats.unary::<_, Float64Type>(|x| if x.is_nan() { f64::NAN } else { x }))
        }
        _ => column.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int32Array, StringArray};

    use super::*;

    fn test_of(deletes: &[(Vec<ArrayRef>, i64)], sequence_number: i64) -> KeyTest {
        let mut keys: HashMap<Box<[u8]>, i64, ahash::RandomState> = HashMap::default();
        for (columns, number) in deletes {
            for row in &encode(columns).unwrap() {
                keys.insert(row.as_ref().into(), *number);
            }
        }
        let columns = (0..deletes.first().map_or(0, |(columns, _)| columns.len())).collect();
        KeyTest {
            columns,
            keys: Arc::new(keys),
            sequence_number,
        }
    }

    fn kept(test: &KeyTest, columns: Vec<ArrayRef>) -> Vec<bool> {
        let row_count = columns.first().map_or(0, |column| column.len());
        let read: Vec<_> = columns.into_iter().map(Some).collect();
        test.kept(&read, row_count).unwrap().iter().collect()
    }

    #[test]
    fn null_equals_null_and_all_columns_count() {
        let deleted: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), None])),
            Arc::new(StringArray::from(vec![Some("a"), Some("b")])),
        ];
        let test = test_of(&[(deleted, 5)], 4);
        let rows: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(1), Some(1), None, None])),
            Arc::new(StringArray::from(vec![
                Some("a"),
                Some("b"),
                Some("b"),
                None,
            ])),
        ];
        assert_eq!(kept(&test, rows), [false, true, false, true]);
    }

    #[test]
    fn only_a_strictly_later_delete_counts() {
        let deleted: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![7]))];
        let rows = || vec![Arc::new(Int32Array::from(vec![7])) as ArrayRef];
        assert_eq!(kept(&test_of(&[(deleted.clone(), 5)], 4), rows()), [false]);
        assert_eq!(kept(&test_of(&[(deleted.clone(), 5)], 5), rows()), [true]);
        assert_eq!(kept(&test_of(&[(deleted, 5)], 6), rows()), [true]);
    }

    #[test]
    fn nans_are_one_and_zeros_are_two() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        let deleted: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(vec![other_nan, 0.0]))];
        let rows: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(vec![f64::NAN, 0.0, -0.0]))];
        assert_eq!(
            kept(&test_of(&[(deleted, 2)], 1), rows),
            [false, false, true]
        );
    }
}
