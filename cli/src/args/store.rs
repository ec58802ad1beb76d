//! How an S3-compatible store is reached, for every command that reaches one.

use clap::Args;
use clap::builder::BoolishValueParser;

/// Address, region and identity. Global, so that they may stand behind a subcommand's name too.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreArgs {
    /// Address of the S3-compatible server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FASTDATA_ENDPOINT_URL",
        help_heading = "S3"
    )]
    pub(crate) endpoint_url: Option<String>,
    /// Region of the buckets
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "FASTDATA_REGION",
        help_heading = "S3"
    )]
    pub(crate) region: Option<String>,
    /// Profile in the AWS credentials file
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "FASTDATA_PROFILE",
        help_heading = "S3"
    )]
    pub(crate) profile: Option<String>,
    /// Send requests unsigned, for public buckets
    #[arg(long, global = true, env = "FASTDATA_ANONYMOUS", value_parser = BoolishValueParser::new(), help_heading = "S3")]
    pub(crate) anonymous: bool,
}
