//! The commands that move objects: `get`, `put`, `cat`, `ls`, `stat`, `rm`, `sync`, `doctor`.

use clap::Args;
use clap::builder::BoolishValueParser;

use super::StoreArgs;

/// How to reach the stores.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// Most requests under way at once; how many are used is found out
    #[arg(long, value_name = "N", env = "FASTDATA_CONNECTIONS")]
    pub(crate) connections: Option<usize>,
    /// Most bytes that come and go in a second, such as 10MB
    #[arg(long, value_name = "SIZE", env = "FASTDATA_MAX_RATE")]
    pub(crate) max_rate: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Whether a bar is drawn.
#[derive(Debug, Args)]
pub(crate) struct ProgressArgs {
    /// Draw no progress bar
    #[arg(long, env = "FASTDATA_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub(crate) no_progress: bool,
}

/// How a report is printed.
#[derive(Debug, Args)]
pub(crate) struct JsonArgs {
    /// Print JSON, one object a line
    #[arg(long, env = "FASTDATA_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
}

/// Arguments of `fastdata get`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Objects, folders or globs, then the file or folder that they become
    #[arg(required = true, num_args = 2.., value_names = ["SRC", "DST"])]
    pub(crate) paths: Vec<String>,
    /// Compare also with a SHA-256, which takes another reading; other checksums always are
    #[arg(long, env = "FASTDATA_VERIFY", value_parser = BoolishValueParser::new())]
    pub(crate) verify: bool,
    /// Keep what has come when interrupted, and go on from there next time
    #[arg(long, env = "FASTDATA_RESUME", value_parser = BoolishValueParser::new())]
    pub(crate) resume: bool,
    /// Wait until each file is on the disk, so that it outlives a loss of power
    #[arg(long, env = "FASTDATA_FSYNC", value_parser = BoolishValueParser::new())]
    pub(crate) fsync: bool,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// Arguments of `fastdata put`.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    /// Files or folders, then the object or, with a slash at its end, the folder that they become
    #[arg(required = true, num_args = 2.., value_names = ["SRC", "DST"])]
    pub(crate) paths: Vec<String>,
    /// Write only where nothing is
    #[arg(long, env = "FASTDATA_IF_ABSENT", value_parser = BoolishValueParser::new())]
    pub(crate) if_absent: bool,
    /// Attach NAME=VALUE to each object
    #[arg(long, env = "FASTDATA_METADATA", value_name = "NAME=VALUE")]
    pub(crate) metadata: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// Arguments of `fastdata cat`.
#[derive(Debug, Args)]
pub(crate) struct CatArgs {
    /// Objects
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

/// Arguments of `fastdata ls`.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Folder
    pub(crate) folder: String,
    /// List everything below, at any depth
    #[arg(short, long, env = "FASTDATA_RECURSIVE", value_parser = BoolishValueParser::new())]
    pub(crate) recursive: bool,
    /// List the uploads in parts below that nobody has ended: when they were begun, id, key
    #[arg(long, env = "FASTDATA_UPLOADS", value_parser = BoolishValueParser::new())]
    pub(crate) uploads: bool,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// Arguments of `fastdata stat`.
#[derive(Debug, Args)]
pub(crate) struct StatArgs {
    /// Objects
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// Arguments of `fastdata rm`.
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// Objects or globs; folders with --recursive
    #[arg(required = true, value_name = "OBJECT")]
    pub(crate) objects: Vec<String>,
    /// Remove everything below folders
    #[arg(short, long, env = "FASTDATA_RECURSIVE", value_parser = BoolishValueParser::new())]
    pub(crate) recursive: bool,
    /// Give up the uploads in parts of objects and below folders instead; objects stay
    #[arg(long, env = "FASTDATA_UPLOADS", value_parser = BoolishValueParser::new())]
    pub(crate) uploads: bool,
    /// With --uploads: only those that were begun so long ago; younger ones may be at work
    #[arg(
        long,
        env = "FASTDATA_GRACE",
        value_name = "TIME",
        default_value = "24h"
    )]
    pub(crate) grace: String,
    /// Do not ask
    #[arg(short, long, env = "FASTDATA_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,
    /// Only say what would be removed
    #[arg(long, env = "FASTDATA_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
}

/// Arguments of `fastdata sync`.
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Folder to copy from
    pub(crate) source: String,
    /// Folder to make equal
    pub(crate) destination: String,
    /// Remove what the source does not have
    #[arg(long, env = "FASTDATA_DELETE", value_parser = BoolishValueParser::new())]
    pub(crate) delete: bool,
    /// Only say what would be done
    #[arg(long, env = "FASTDATA_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,
    /// Compare also with a SHA-256, which takes another reading; other checksums always are
    #[arg(long, env = "FASTDATA_VERIFY", value_parser = BoolishValueParser::new())]
    pub(crate) verify: bool,
    /// Wait until each file is on the disk, so that it outlives a loss of power
    #[arg(long, env = "FASTDATA_FSYNC", value_parser = BoolishValueParser::new())]
    pub(crate) fsync: bool,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}

/// Arguments of `fastdata doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Bucket, folder or object; the speed is measured by reading from an object
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) json: JsonArgs,
}
