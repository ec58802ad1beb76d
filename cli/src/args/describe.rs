//! `fastdata describe`.

use clap::Args;
use clap::builder::BoolishValueParser;

use super::SourceArgs;

/// Arguments of `fastdata describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Print one JSON object
    #[arg(long, env = "FASTDATA_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}
