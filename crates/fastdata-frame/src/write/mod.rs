//! Files of a frame's rows. A file appears under its name when it is complete.

mod file;
mod parquet;
mod separated;

pub use parquet::{Compression, ParquetOptions};
pub use separated::SeparatedOptions;
