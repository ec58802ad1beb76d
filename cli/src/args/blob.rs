//! `fastdata blob`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::StoreArgs;

/// Arguments of `fastdata blob`.
#[derive(Debug, Args)]
pub(crate) struct BlobArgs {
    #[command(subcommand)]
    pub(crate) action: BlobAction,
    /// Print one JSON object
    #[arg(long, global = true, env = "FASTDATA_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,
    /// Do not check contents against their keys while reading
    #[arg(long, global = true, env = "FASTDATA_NO_CHECK", value_parser = BoolishValueParser::new())]
    pub(crate) no_check: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Draw no progress bar
    #[arg(long, global = true, env = "FASTDATA_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub(crate) no_progress: bool,
}

/// What to do with blobs.
#[derive(Debug, Subcommand)]
pub(crate) enum BlobAction {
    /// Store files and print their keys
    Put {
        /// Folder or URL of the store
        root: String,
        /// Files; - reads stdin
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How they are stored
        #[arg(long = "as", env = "FASTDATA_AS", value_enum, default_value_t = FormArg::Fast)]
        write_as: FormArg,
        /// What to wait for, in a folder
        #[arg(long, env = "FASTDATA_DURABILITY", value_enum, default_value_t = DurabilityArg::Full)]
        durability: DurabilityArg,
    },
    /// Write the content of a blob into a file
    Get {
        /// Folder or URL of the store
        root: String,
        /// The blob
        key: String,
        /// The file, which appears when it is whole
        #[arg(short, long, env = "FASTDATA_OUTPUT")]
        output: PathBuf,
    },
    /// Write the content of blobs to stdout
    Cat {
        /// Folder or URL of the store
        root: String,
        /// The blobs
        #[arg(required = true)]
        keys: Vec<String>,
        /// Only these bytes of each, the end not included: FROM..TO
        #[arg(long, env = "FASTDATA_RANGE", value_name = "FROM..TO")]
        range: Option<String>,
    },
    /// List keys, lengths and times
    Ls {
        /// Folder or URL of the store
        root: String,
    },
    /// Show how blobs are stored, duplicates, and what migrating would save
    Stat {
        /// Folder or URL of a store or of a Metaflow datastore
        root: String,
        /// Only these blobs
        keys: Vec<String>,
        /// How many blobs are packed anew to estimate what migrating would save
        #[arg(long, env = "FASTDATA_SAMPLE", default_value_t = 64)]
        sample: usize,
    },
    /// Read blobs and compare them with their keys
    Verify {
        /// Folder or URL of the store
        root: String,
        /// Only this share of the blobs, 0 to 1
        #[arg(long, env = "FASTDATA_SHARE", default_value_t = 1.0)]
        share: f64,
    },
    /// Remove blobs that nobody names; without --delete only tell which
    Gc {
        /// Folder or URL of the store
        root: String,
        /// File with the keys that stay, one a line; - reads stdin
        #[arg(long, env = "FASTDATA_ROOTS", value_name = "FILE")]
        roots: PathBuf,
        /// Blobs younger than this stay: 90s, 15m, 24h, 7d
        #[arg(long, env = "FASTDATA_GRACE", default_value = "24h")]
        grace: String,
        /// Remove them
        #[arg(long, env = "FASTDATA_DELETE", value_parser = BoolishValueParser::new())]
        delete: bool,
    },
    /// Store blobs in another form, in place
    Migrate {
        /// Folder or URL of the store
        root: String,
        /// The form
        #[arg(long, env = "FASTDATA_TO", value_enum)]
        to: FormArg,
        /// Only tell what would change
        #[arg(long, env = "FASTDATA_DRY_RUN", value_parser = BoolishValueParser::new())]
        dry_run: bool,
    },
}

/// A way to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormArg {
    /// Ours: version 3, LZ4 where it pays, BLAKE3 keys
    Fast,
    /// Ours: version 3, small, BLAKE3 keys
    Compact,
    /// For every Metaflow: version 1, raw or gzip, SHA-1 keys
    Vanilla,
    /// For every Metaflow: version 1, raw, SHA-1 keys
    Raw,
    /// For a Metaflow with our extension: version 2, an LZ4 frame, SHA-1 keys
    Lz4,
    /// For a Metaflow with our extension: version 3, fast, SHA-1 keys
    MetaflowFast,
    /// For a Metaflow with our extension: version 3, small, SHA-1 keys
    MetaflowCompact,
}

/// What a saved blob is worth when the machine loses power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// Whatever has reached the disk by then
    None,
    /// All of it, flushed together
    Batch,
    /// All of it, flushed one by one
    Full,
}
