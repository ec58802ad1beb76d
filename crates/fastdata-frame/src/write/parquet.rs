//! Parquet.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use fastdata_scan::CancelToken;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::file::{Pending, failed};
use crate::{DataFrame, Error, ErrorKind, Result};

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// LZ4, raw.
    Lz4,
    /// Zstandard at its level 1.
    #[default]
    Zstd,
}

/// How a Parquet file is written.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    /// How pages are compressed.
    pub compression: Compression,
    /// Rows of a row group at most.
    pub row_group_rows: usize,
    /// Stops the writing from outside; nothing is left of the file then.
    pub cancel: CancelToken,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            row_group_rows: 1 << 20,
            cancel: CancelToken::default(),
        }
    }
}

/// Rows between two looks at the cancel token.
const PIECE_ROWS: usize = 32 << 10;

impl DataFrame {
    /// Writes a Parquet file at `path`, a local path; an older file of the name is replaced once
    /// the new one is complete.
    ///
    /// # Errors
    ///
    /// `Unsupported` for types that Parquet does not have; `NotFound`, `Denied` or `Io` when the
    /// file cannot be written; `Interrupted` when cancelled.
    pub fn write_parquet(&self, path: impl AsRef<Path>, options: &ParquetOptions) -> Result<()> {
        let path = path.as_ref();
        if options.row_group_rows == 0 {
            return Err(Error::invalid("row groups of 0 rows"));
        }
        let codec = match options.compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Snappy => Codec::SNAPPY,
            Compression::Lz4 => Codec::LZ4_RAW,
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_max_row_group_row_count(Some(options.row_group_rows))
            .set_created_by(concat!("fastdata ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let mut writer = ArrowWriter::try_new(
            Pending::create(path)?,
            Arc::clone(self.schema()),
            Some(properties),
        )
        .map_err(|cause| wrong(path, cause))?;
        for batch in self.batches() {
            for start in (0..batch.num_rows()).step_by(PIECE_ROWS) {
                options.cancel.check()?;
                let piece: RecordBatch =
                    batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start));
                writer.write(&piece).map_err(|cause| wrong(path, cause))?;
            }
        }
        let pending = writer.into_inner().map_err(|cause| wrong(path, cause))?;
        pending.publish()
    }
}

fn wrong(path: &Path, cause: ParquetError) -> Error {
    match cause {
        ParquetError::NYI(_) | ParquetError::ArrowError(_) => {
            Error::unsupported("this schema cannot be written as Parquet").with_source(cause)
        }
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(cause) => failed(path, *cause),
            Err(cause) => Error::new(ErrorKind::Io, format!("cannot write {}", path.display()))
                .with_source(cause),
        },
        cause => {
            Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).with_source(cause)
        }
    }
}
