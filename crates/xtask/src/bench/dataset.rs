//! The data of the benchmarks: made once below `target/bench-data`, the same bytes every time.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::environment;
use crate::process::{self, Result, say};
use crate::workspace;

/// Which form of the same rows, TPC-H lineitem, a workload reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dataset {
    /// Ten Parquet files.
    Files,
    /// One Parquet file with one row group.
    OneRowGroup,
    /// An Iceberg table in 60 partitions.
    Table,
    /// Metadata of a table of 10,000 files that do not exist.
    Planned,
}

impl Dataset {
    /// `parquet` or `iceberg`, as a job names it.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Files | Self::OneRowGroup => "parquet",
            Self::Table | Self::Planned => "iceberg",
        }
    }

    /// What an engine is pointed at: Parquet files, or a table's metadata file.
    pub(crate) fn paths(self, scale: &str) -> Result<Vec<String>> {
        let data = folder();
        match self {
            Self::Files => files(&data.join(format!("sf{scale}/lineitem"))),
            Self::OneRowGroup => files(&data.join(format!("sf{scale}-one"))),
            Self::Table => Ok(vec![metadata(scale, "lineitem")?]),
            Self::Planned => Ok(vec![metadata(scale, "planned")?]),
        }
    }
}

fn folder() -> PathBuf {
    workspace::target().join("bench-data")
}

/// Parquet files of a folder in the order of their numbers.
fn files(folder: &Path) -> Result<Vec<String>> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    paths.sort_by_key(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        (name.len(), name)
    });
    Ok(paths
        .iter()
        .map(|path| path.display().to_string())
        .collect())
}

fn metadata(scale: &str, table: &str) -> Result<String> {
    let listed = folder().join(format!("sf{scale}-iceberg/tables.json"));
    let text = std::fs::read_to_string(&listed)
        .map_err(|error| format!("{}: {error}", listed.display()))?;
    let tables: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", listed.display()))?;
    let location = tables.get(table).and_then(serde_json::Value::as_str);
    let location = location.ok_or_else(|| format!("{}: no {table}", listed.display()))?;
    Ok(location.trim_start_matches("file://").to_owned())
}

/// Makes what is missing at `scale`. The last thing written tells that a dataset is whole.
pub(crate) fn prepare(scale: &str) -> Result<()> {
    let done = folder().join(format!("sf{scale}-iceberg/tables.json"));
    if done.is_file() {
        return Ok(());
    }
    say(&format!("making TPC-H lineitem at scale factor {scale}"));
    let python = environment::interpreter("data", "benches/data/requirements.txt")?;
    for name in [
        format!("sf{scale}"),
        format!("sf{scale}-one"),
        format!("sf{scale}-iceberg"),
    ] {
        let _ = std::fs::remove_dir_all(folder().join(name));
    }
    let generator = python.with_file_name("tpchgen-cli");
    let many = folder().join(format!("sf{scale}"));
    let one = folder().join(format!("sf{scale}-one"));
    // Row groups of 128 MB hold 1.5 million rows: the size that writers are told to aim for, and 20
    // of them at scale factor 5, so that every peer has enough to spread over its threads.
    generate(
        &generator,
        scale,
        &many,
        &["--parts", "10", "--row-group-bytes", "128MB"],
    )?;
    generate(&generator, scale, &one, &["--row-group-bytes", "64GB"])?;
    let scripts = workspace::root().join("benches").join("data");
    let mut written = files(&many.join("lineitem"))?;
    written.extend(files(&one)?);
    process::run(
        Command::new(&python)
            .arg(scripts.join("drop_arrow_hint.py"))
            .args(written),
    )?;
    process::run(
        Command::new(&python)
            .arg(scripts.join("iceberg_tables.py"))
            .arg(many.join("lineitem"))
            .arg(folder().join(format!("sf{scale}-iceberg"))),
    )
}

fn generate(generator: &Path, scale: &str, output: &Path, options: &[&str]) -> Result<()> {
    process::run(
        Command::new(generator)
            .args(["parquet", "--quiet", "--tables", "lineitem", "-s", scale])
            .args(["--compression", "SNAPPY"])
            .args(options)
            .arg("--output-dir")
            .arg(output),
    )
}
