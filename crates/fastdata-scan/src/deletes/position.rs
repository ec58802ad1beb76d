//! Position deletes and deletion vectors: row numbers within a data file.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema};
use fastdata_iceberg::{
    DeleteFile, PUFFIN_MAGIC, Split, check_puffin_head, decode_deletion_vector,
};
use fastdata_store::Location;

use crate::context::Context;
use crate::read::read_whole;
use crate::{Error, Result};

/// Field ids that the format reserves for the two columns of a position-delete file.
const FILE_PATH_ID: i32 = 2_147_483_546;
const POS_ID: i32 = 2_147_483_545;
/// Largest deletion vector read: two bits for each of four billion rows.
const VECTOR_BYTES_MAX: u64 = 1 << 30;

/// The rows that one position-delete file deletes, by data file.
#[derive(Debug, Default)]
pub(super) struct PositionDeletes {
    /// Normalised path → row numbers, ascending.
    by_path: HashMap<String, Vec<u64>>,
}

/// The rows deleted from `split`, ascending and distinct.
pub(super) async fn deleted_rows(context: &Arc<Context>, split: &Split) -> Result<Vec<u64>> {
    let rows = match &split.deletion_vector {
        // A deletion vector holds all that older position deletes said: they are ignored.
        Some(vector) => vector_rows(context, vector).await?,
        None => {
            let mut rows = Vec::new();
            for delete in &split.position_deletes {
                rows.extend(file_rows(context, delete, split).await?);
            }
            rows.sort_unstable();
            rows.dedup();
            rows
        }
    };
    match rows.last() {
        // The footer knows better than the manifest how many rows there are, but a delete beyond
        // both cannot be meant for this file.
        Some(last) if split.record_count > 0 && *last >= split.record_count => {
            Err(Error::corrupt(format!(
                "row {last} of {} is deleted, but the file has {} rows",
                split.recorded_path, split.record_count
            )))
        }
        _ => Ok(rows),
    }
}

async fn vector_rows(context: &Arc<Context>, vector: &DeleteFile) -> Result<Vec<u64>> {
    let location = Location::parse(&vector.path)?;
    let blob = async {
        let place = vector.content_offset.zip(vector.content_size_bytes);
        let (offset, size_bytes) =
            place.ok_or_else(|| Error::corrupt("a deletion vector without offset and size"))?;
        let end = offset
            .checked_add(size_bytes)
            .filter(|_| size_bytes <= VECTOR_BYTES_MAX)
            .ok_or_else(|| Error::corrupt(format!("a deletion vector of {size_bytes} bytes")))?;
        let ranges = [0..PUFFIN_MAGIC.len() as u64, offset..end];
        let bytes = context.fetch(&location, &ranges).await?;
        let [head, blob] = bytes.as_slice() else {
            return Err(Error::corrupt("a deletion vector that was not delivered"));
        };
        check_puffin_head(head)?;
        Ok::<_, Error>(decode_deletion_vector(blob, vector.record_count)?)
    };
    let rows = blob.await.map_err(|error| error.at(&location))?;
    Ok(rows.iter().collect())
}

async fn file_rows(
    context: &Arc<Context>,
    delete: &Arc<DeleteFile>,
    split: &Split,
) -> Result<Vec<u64>> {
    let cell = context.deletes.positions(&delete.path);
    let deletes = cell
        .get_or_try_init(|| read_positions(context.clone(), delete.clone()))
        .await?;
    let path = context.normalise(&split.recorded_path)?;
    match deletes.by_path.get(&path) {
        Some(rows) => Ok(rows.clone()),
        None => deletes
            .explain_absence(&path, &delete.path)
            .map(|()| Vec::new()),
    }
}

impl PositionDeletes {
    /// A delete file that names no row of a data file in its scope is normal: it may be about the
    /// other files of the partition, or about files that were rewritten since. But one that names
    /// a file of the same folder and name in another spelling of the path is about this very file,
    /// and to pass over it would bring deleted rows back.
    fn explain_absence(&self, path: &str, delete_path: &str) -> Result<()> {
        let tail = two_last_parts(path);
        match self
            .by_path
            .keys()
            .find(|other| two_last_parts(other) == tail)
        {
            None => Ok(()),
            Some(other) => Err(Error::corrupt(format!(
                "{delete_path} deletes rows of {other}, which looks like the live data file {path} \
                 under another root; it is unclear whether they are the same"
            ))),
        }
    }
}

/// Folder and file name.
fn two_last_parts(path: &str) -> (&str, &str) {
    let (rest, name) = path.rsplit_once('/').unwrap_or(("", path));
    (
        rest.rsplit_once('/').map_or(rest, |(_, folder)| folder),
        name,
    )
}

async fn read_positions(
    context: Arc<Context>,
    delete: Arc<DeleteFile>,
) -> Result<Arc<PositionDeletes>> {
    let location = Location::parse(&delete.path)?;
    let schema = Schema::new(vec![
        reserved("file_path", DataType::Utf8, FILE_PATH_ID),
        reserved("pos", DataType::Int64, POS_ID),
    ]);
    let size_bytes = Some(delete.file_size_bytes);
    let batches = read_whole(&context, &location, size_bytes, &schema, &BTreeMap::new()).await?;
    let mut deletes = PositionDeletes::default();
    for batch in &batches {
        let [paths, positions] = batch.as_slice() else {
            continue;
        };
        collect(&context, paths, positions, &mut deletes).map_err(|error| error.at(&location))?;
    }
    for rows in deletes.by_path.values_mut() {
        rows.sort_unstable();
    }
    Ok(Arc::new(deletes))
}

fn reserved(name: &str, data_type: DataType, id: i32) -> Field {
    let metadata = [("PARQUET:field_id".to_owned(), id.to_string())];
    Field::new(name, data_type, true).with_metadata(metadata.into())
}

fn collect(
    context: &Context,
    paths: &ArrayRef,
    positions: &ArrayRef,
    deletes: &mut PositionDeletes,
) -> Result<()> {
    let paths = paths.as_string::<i32>();
    let positions = positions.as_primitive::<Int64Type>();
    if paths.null_count() > 0 || positions.null_count() > 0 {
        return Err(Error::corrupt("a position delete without path or position"));
    }
    // Rows are sorted by path, so that runs share one look-up.
    let mut run: Option<(&str, String)> = None;
    for (path, position) in paths.iter().flatten().zip(positions.values()) {
        let row = u64::try_from(*position)
            .map_err(|_| Error::corrupt(format!("position {position} is negative")))?;
        let normalised = match &run {
            Some((last, normalised)) if *last == path => normalised,
            _ => &run.insert((path, context.normalise(path)?)).1,
        };
        match deletes.by_path.get_mut(normalised) {
            Some(rows) => rows.push(row),
            None => {
                deletes.by_path.insert(normalised.clone(), vec![row]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_spelling_of_a_live_path_is_an_error() {
        let named = |path: &str| PositionDeletes {
            by_path: HashMap::from([(path.to_owned(), vec![1])]),
        };
        let live = "warehouse/t/data/day=1/a.parquet";
        assert!(
            named("hdfs://other/t/data/day=1/a.parquet")
                .explain_absence(live, "d.parquet")
                .is_err()
        );
        assert!(
            named("warehouse/t/data/day=2/a.parquet")
                .explain_absence(live, "d.parquet")
                .is_ok()
        );
        assert!(
            named("warehouse/t/data/day=1/b.parquet")
                .explain_absence(live, "d.parquet")
                .is_ok()
        );
    }
}
