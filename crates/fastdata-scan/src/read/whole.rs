//! A small file read whole: delete files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::{Field, Schema};
use fastdata_parquet::{ColumnReader, FileMeta, chunk_ranges};
use fastdata_store::Location;

use super::read_footer;
use crate::context::Context;
use crate::evolution::{FieldPlan, MatchBy, any_id, field_id, file_fields, plan_field};
use crate::runtime::on_decoders;
use crate::{Error, Result};

/// Reads the columns of `schema` from the file at `location`: for each row group its columns. They
/// are found by field id, or by name in a file that carries no ids; what the file lacks must stand
/// in `constants` (by field id).
pub(crate) async fn read_whole(
    context: &Arc<Context>,
    location: &Location,
    size_bytes: Option<u64>,
    schema: &Schema,
    constants: &BTreeMap<i32, ArrayRef>,
) -> Result<Vec<Vec<ArrayRef>>> {
    let read = async {
        let meta = read_footer(context, location, size_bytes).await?;
        let mut row_groups = Vec::with_capacity(meta.row_groups().len());
        for row_group in 0..meta.row_groups().len() {
            let read = read_row_group(context, location, &meta, row_group, schema, constants);
            row_groups.push(read.await?);
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
    constants: &BTreeMap<i32, ArrayRef>,
) -> Result<Vec<ArrayRef>> {
    let by = if any_id(meta.schema().fields()) {
        MatchBy::Id
    } else {
        MatchBy::Name
    };
    let fields = file_fields(meta.schema());
    let missing = context.missing(constants);
    let row_count = meta
        .row_groups()
        .get(row_group)
        .map_or(0, |group| group.num_rows);
    let row_count = usize::try_from(row_count).unwrap_or(usize::MAX);
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut leaves = Vec::new();
        let (_, plan) = plan_field(field, &fields, by, &missing, &[], &mut leaves)?;
        if leaves.is_empty() {
            columns.push(constant(&plan, field, constants, row_count)?);
            continue;
        }
        let projection = meta.project(&leaves)?.pop().ok_or_else(|| absent(field))?;
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

/// A column that the delete file lacks: its partition must give it. Null or a default would delete
/// other rows than the writer meant.
fn constant(
    plan: &FieldPlan,
    field: &Field,
    constants: &BTreeMap<i32, ArrayRef>,
    row_count: usize,
) -> Result<ArrayRef> {
    match field_id(field).is_some_and(|id| constants.contains_key(&id)) {
        true => plan.adapt(field, None, row_count),
        false => Err(absent(field)),
    }
}

fn absent(field: &Field) -> Error {
    Error::corrupt(format!(
        "a delete file without the column `{}`",
        field.name()
    ))
}
