//! Timestamps in UTC, made printable.
//!
//! Arrow prints zones by name only with a time zone database in the binary. Tables know one named
//! zone, UTC, which is the offset `+00:00`.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_cast::cast;
use arrow_schema::{DataType, Field, FieldRef, Schema};

use crate::{Error, Result};

/// The batch with `UTC` as an offset wherever a timestamp bears it; a cheap copy otherwise.
///
/// # Errors
///
/// `Unsupported` when a timestamp cannot be told in another zone.
pub fn in_utc(batch: &RecordBatch) -> Result<RecordBatch> {
    let schema = batch.schema();
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    if fields.as_slice() == &schema.fields()[..] {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().zip(&fields).map(|(column, field)| {
        match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        }
    });
    let rows = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    columns
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| {
            RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)
        })
        .map_err(|error| Error::unsupported("cannot print timestamps").with_source(error))
}

fn field(original: &FieldRef) -> FieldRef {
    let data_type = data_type(original.data_type());
    match &data_type == original.data_type() {
        true => Arc::clone(original),
        false => Arc::new(Field::clone(original).with_data_type(data_type)),
    }
}

fn data_type(original: &DataType) -> DataType {
    match original {
        DataType::Timestamp(unit, Some(zone)) if zone.as_ref() == "UTC" => {
            DataType::Timestamp(*unit, Some("+00:00".into()))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(field(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, ArrayRef, StructArray, TimestampMicrosecondArray};
    use arrow_cast::display::array_value_to_string;

    use super::*;

    #[test]
    fn prints_utc_at_every_depth() {
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]).with_timezone("UTC"));
        let inner = Arc::new(Field::new("t", times.data_type().clone(), false));
        let nested: ArrayRef = Arc::new(StructArray::from(vec![(inner, Arc::clone(&times))]));
        let batch = RecordBatch::try_from_iter([("time", times), ("nested", nested)]).unwrap();
        let batch = in_utc(&batch).unwrap();
        let printed = |column: usize| array_value_to_string(batch.column(column), 0).unwrap();
        assert_eq!(printed(0), "1970-01-01T00:00:01.500Z");
        assert_eq!(printed(1), "{t: 1970-01-01T00:00:01.500Z}");
    }
}
