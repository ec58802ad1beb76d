//! Frames as Arrow IPC streams: how they are pickled and sent.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType};

use crate::columns::batch_of;
use crate::{DataFrame, Error, Result};

impl DataFrame {
    /// The frame as an Arrow IPC stream, which any Arrow library reads.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types that IPC does not have.
    pub fn to_ipc(&self) -> Result<Vec<u8>> {
        let failed = |cause: ArrowError| {
            Error::unsupported("this frame cannot be written as an Arrow stream").with_source(cause)
        };
        let mut writer = StreamWriter::try_new(Vec::new(), self.schema()).map_err(failed)?;
        for batch in self.batches() {
            writer.write(&compact(batch)?).map_err(failed)?;
        }
        writer.into_inner().map_err(failed)
    }

    /// The frame that `bytes`, an Arrow IPC stream, hold.
    ///
    /// # Errors
    ///
    /// `Corrupt` when they are no such stream.
    pub fn from_ipc(bytes: &[u8]) -> Result<Self> {
        let failed = |cause: ArrowError| Error::corrupt("no Arrow stream").with_source(cause);
        let reader = StreamReader::try_new(bytes, None).map_err(failed)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Self::new(schema, batches)
    }
}

/// Views keep all bytes that they ever pointed into; only those in use are written.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let compacted = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => Arc::clone(column),
        }
    };
    let columns = batch.columns().iter().map(compacted).collect();
    batch_of(batch.schema(), columns, batch.num_rows())
}

#[cfg(test)]
mod tests {
    use arrow_array::StringViewArray;

    use super::*;

    #[test]
    fn a_slice_writes_only_its_own_bytes() {
        let long = "x".repeat(1000);
        let values = StringViewArray::from_iter_values((0..1000).map(|row| format!("{long}{row}")));
        let batch = RecordBatch::try_from_iter([("s", Arc::new(values) as ArrayRef)]).unwrap();
        let one = DataFrame::from(batch).slice(500, 1).unwrap();
        let bytes = one.to_ipc().unwrap();
        assert!(bytes.len() < 4000, "{} bytes", bytes.len());
        assert!(one.equals(&DataFrame::from_ipc(&bytes).unwrap()));
        assert!(DataFrame::from_ipc(&bytes[..bytes.len() / 2]).is_err());
    }
}
