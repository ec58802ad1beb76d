//! The `fastdata` command, as a library: the binary and the Python wheel are two ways to start it.
//!
//! One direction: what was typed (`args`) → what it means (`config`) → one module per command
//! (`cmd`) → a writer per format (`output`). Everything that another front end would need as
//! well lives in the `fastdata` crate.
//!
//! ```
//! let code = fastdata_cli::run(["fastdata", "scan", "no/such/file.parquet"]);
//! assert_eq!(code, 4);
//! ```
//!
//! - [`run()`]: the whole command

mod args;
mod cmd;
mod config;
mod failure;
mod interrupt;
mod output;
mod progress;
mod run;
mod statistics;
mod warnings;

pub use run::run;
