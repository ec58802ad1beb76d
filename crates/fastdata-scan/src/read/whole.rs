//! A small file read whole: delete files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::Schema;
use fastdata_parquet::{ColumnReader, FileMeta, chunk_ranges};
use fastdata_store::Location;

use super::read_footer;
use crate::context::Context;
use crate::evolution::{MatchBy, any_id, file_fields, plan_field};
use crate::runtime::on_decoders;
use crate::{Error, Result};

/// Reads the columns of `schema` from the file at `location`: for each row group its columns. They
/// are found by field id, or by name in a file that carries no ids; all must be there.
pub(crate) async fn read_whole(
    context: &Arc<Context>,
    location: &Location,
    size_bytes: Option<u64>,
    schema: &Schema,
) -> Result<Vec<Vec<ArrayRef>>> {
    let read = async {
        let meta = read_footer(context, location, size_bytes).await?;
        let mut row_groups = Vec::with_capacity(meta.row_groups().len());
        for row_group in 0..meta.row_groups().len() {
            row_groups.push(read_row_group(context, location, &meta, row_group, schema).await?);
        }
        Ok::<_, Error>(row_groups)
    };
    read.await.map_err(|error| error.at(location))
}

async fn read_row_group(
    context: &Arc<Context>,
    location: &Location,
    meta: &FileMeta,
    row_group: usize,
    schema: &Schema,
) -> Result<Vec<ArrayRef>> {
    let by = if any_id(meta.schema().fields()) {
        MatchBy::Id
    } else {
        MatchBy::Name
    };
    let fields = file_fields(meta.schema());
    let constants = BTreeMap::new();
    let missing = context.missing(&constants);
    let row_count = meta
        .row_groups()
        .get(row_group)
        .map_or(0, |group| group.num_rows);
    let row_count = usize::try_from(row_count).unwrap_or(usize::MAX);
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut leaves = Vec::new();
        let (_, plan) = plan_field(field, &fields, by, &missing, &[], &mut leaves)?;
        let projection = meta.project(&leaves)?.pop().ok_or_else(|| {
            Error::corrupt(format!(
                "a delete file without the column `{}`",
                field.name()
            ))
        })?;
        let ranges = chunk_ranges(meta, row_group, &projection, None)?;
        let bytes = context.fetch(location, &ranges).await?;
        let chunks = ranges.into_iter().zip(bytes).collect();
        let (meta, field) = (meta.clone(), field.clone());
        let column = on_decoders(&context.pool, move || {
            let reader = ColumnReader::open(&meta, row_group, &projection, chunks)?;
            plan.adapt(&field, Some(reader.read(0..row_count)?), row_count)
        });
        columns.push(column.await?);
    }
    Ok(columns)
}
