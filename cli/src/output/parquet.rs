//! Parquet.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::sink::State;
use super::{Flow, Output, Sink};
use crate::failure::{Failure, FailureKind};

/// Bytes of encoded pages after which a row group ends: the writer holds them all until then.
const ROW_GROUP_BYTES_MAX: usize = 128 << 20;

/// Writer of a Parquet file.
pub(super) struct Parquet {
    writer: ArrowWriter<Sink>,
    state: State,
}

impl Parquet {
    pub(super) fn new(sink: Sink, schema: &SchemaRef) -> Result<Self, Failure> {
        let state = sink.state();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("fastdata ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        match ArrowWriter::try_new(sink, schema.clone(), Some(properties)) {
            Ok(writer) => Ok(Self { writer, state }),
            Err(error @ (ParquetError::NYI(_) | ParquetError::ArrowError(_))) => {
                let what = "this schema cannot be written as Parquet";
                Err(Failure::because(FailureKind::Unsupported, what, &error))
            }
            Err(error) => Err(Failure::because(
                FailureKind::Other,
                "cannot start a Parquet file",
                &error,
            )),
        }
    }
}

impl Output for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<Flow, Failure> {
        let mut written = self.writer.write(batch);
        if written.is_ok() && self.writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            written = self.writer.flush();
        }
        self.state.flow(written.map_err(Into::into))
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        match self.writer.into_inner() {
            Ok(sink) => sink.commit(),
            Err(error) => self.state.flow(Err(error.into())).map(|_| ()),
        }
    }
}
