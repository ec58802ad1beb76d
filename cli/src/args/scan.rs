//! `fastdata scan`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::{ReportFormat, SourceArgs};

/// Arguments of `fastdata scan`.
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Columns to return, separated by commas; names with a comma go in double quotes
    #[arg(short, long, value_name = "COLS", env = "FASTDATA_COLUMNS")]
    pub(crate) columns: Option<String>,
    /// Only this partition; repeat it for further partition columns
    #[arg(short, long, value_name = "KEY=VALUE", env = "FASTDATA_PARTITION")]
    pub(crate) partition: Vec<String>,
    /// Only rows for which this SQL expression is true
    #[arg(
        short = 'w',
        long = "where",
        value_name = "EXPR",
        env = "FASTDATA_WHERE"
    )]
    pub(crate) filter: Option<String>,
    /// Stop after this many rows
    #[arg(short = 'n', long, value_name = "N", env = "FASTDATA_LIMIT")]
    pub(crate) limit: Option<u64>,
    /// Write to this file instead of stdout; it appears when it is complete
    #[arg(short, long, value_name = "FILE", env = "FASTDATA_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
    /// Format of the rows [default: table on a terminal, from the file's name with -o, else ndjson]
    #[arg(short, long, value_name = "FORMAT", env = "FASTDATA_FORMAT")]
    pub(crate) format: Option<FormatArg>,
    /// Show what would be read and why the rest is skipped, and read no rows
    #[arg(long, value_name = "HOW", env = "FASTDATA_EXPLAIN", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) explain: Option<ReportFormat>,
    /// Afterwards, show times, bytes, rows and peak memory on stderr
    #[arg(long, value_name = "HOW", env = "FASTDATA_STATS", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) stats: Option<ReportFormat>,
    /// Bytes that the scan may hold at once: 2GiB, 500MB
    #[arg(long, value_name = "SIZE", env = "FASTDATA_MAX_MEMORY")]
    pub(crate) max_memory: Option<String>,
    /// Threads that decode [default: one per core]
    #[arg(long, value_name = "N", env = "FASTDATA_THREADS")]
    pub(crate) threads: Option<usize>,
    /// Show no progress bar
    #[arg(long, env = "FASTDATA_NO_PROGRESS", value_parser = BoolishValueParser::new())]
    pub(crate) no_progress: bool,
}

/// Format of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Aligned columns for people: the first 40 rows and how many there are
    Table,
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
    /// Arrow IPC stream
    Arrow,
    /// Parquet
    Parquet,
    /// Only the number of rows
    Count,
    /// Nothing: decode everything, for timing
    None,
}
