//! `fastdata demo`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `fastdata demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for the table
    #[arg(
        short,
        long,
        value_name = "FOLDER",
        env = "FASTDATA_OUTPUT",
        default_value = "fastdata-demo"
    )]
    pub(crate) output: PathBuf,
}
