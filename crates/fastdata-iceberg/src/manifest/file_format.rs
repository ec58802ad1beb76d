//! The formats that files of a table come in.

use std::fmt;

use crate::{Error, Result};

/// The format of a data or delete file, as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the table format's own")]
pub enum FileFormat {
    Parquet,
    Orc,
    Avro,
    Puffin,
}

impl FileFormat {
    /// The format with this name, in whatever case.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::Parquet, Self::Orc, Self::Avro, Self::Puffin]
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::unsupported(format!("file format {name:?}")))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Parquet => "PARQUET",
            Self::Orc => "ORC",
            Self::Avro => "AVRO",
            Self::Puffin => "PUFFIN",
        }
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
