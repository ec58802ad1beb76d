//! Flags that say what is read, shared by every command that reads.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::StoreArgs;

/// What to read and how to reach it.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Table name, table folder or URL, *.metadata.json, Parquet file, folder or glob; `-` reads
    /// names from stdin
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// Read this snapshot of the table
    #[arg(
        long,
        value_name = "ID",
        env = "FASTDATA_SNAPSHOT_ID",
        allow_hyphen_values = true
    )]
    pub(crate) snapshot_id: Option<i64>,
    /// Read the table as it was then: 2026-01-15, 2026-01-15T08:30:00Z, or milliseconds
    #[arg(long, value_name = "TIME", env = "FASTDATA_AS_OF")]
    pub(crate) as_of: Option<String>,
    /// Read this branch or tag
    #[arg(long, value_name = "NAME", env = "FASTDATA_REF")]
    pub(crate) r#ref: Option<String>,
    /// Map columns by position in files that carry no field ids
    #[arg(long, env = "FASTDATA_MAP_BY_POSITION", value_parser = BoolishValueParser::new())]
    pub(crate) map_by_position: bool,
    /// Folder or URL in which `namespace.table` is looked up
    #[arg(long, value_name = "FOLDER", env = "FASTDATA_WAREHOUSE")]
    pub(crate) warehouse: Option<String>,
    /// Configuration file [default: ~/.config/fastdata/config.toml]
    #[arg(long, value_name = "FILE", env = "FASTDATA_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, value_name = "N", env = "FASTDATA_CONNECTIONS")]
    pub(crate) connections: Option<usize>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

impl SourceArgs {
    /// Which snapshot is read can be said in one of three ways. A typed one goes before those of the
    /// environment; the names of two that exclude each other are the error.
    pub(crate) fn settle_snapshot(
        &mut self,
        matches: &ArgMatches,
    ) -> Result<(), [&'static str; 2]> {
        static WAYS: [(&str, &str); 3] = [
            ("snapshot_id", "--snapshot-id"),
            ("as_of", "--as-of"),
            ("ref", "--ref"),
        ];
        let from = |source: ValueSource| {
            let is_from = move |(id, _): &&(&str, &str)| matches.value_source(id) == Some(source);
            WAYS.iter().filter(is_from).collect::<Vec<_>>()
        };
        let typed = from(ValueSource::CommandLine);
        let said = match typed.is_empty() {
            true => from(ValueSource::EnvVariable),
            false => typed,
        };
        if let [(_, first), (_, second), ..] = said[..] {
            return Err([*first, *second]);
        }
        let is_said = |id: &str| said.iter().any(|(other, _)| *other == id);
        self.snapshot_id = self.snapshot_id.filter(|_| is_said("snapshot_id"));
        self.as_of = self.as_of.take().filter(|_| is_said("as_of"));
        self.r#ref = self.r#ref.take().filter(|_| is_said("ref"));
        Ok(())
    }
}
