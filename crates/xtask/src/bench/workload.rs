//! Workloads as data: `benches/workloads/*.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use crate::process::Result;
use crate::workspace;

/// One question that every engine is asked, and what the right answer is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// For people.
    pub(crate) title: String,
    pub(crate) dataset: Dataset,
    /// `stream`, `collect` or `plan`.
    pub(crate) modes: Vec<String>,
    /// In this order; all when absent.
    pub(crate) columns: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) filter: Vec<Term>,
    /// Engines that are asked, by the names of their folders in `benches/peers`.
    pub(crate) engines: Vec<String>,
    /// How many times faster than the fastest of the others we want to be.
    pub(crate) bar: f64,
    /// Whether decompressing the pages alone is measured beside it.
    #[serde(default)]
    pub(crate) floor: bool,
    /// The right answer by scale factor.
    pub(crate) expected: BTreeMap<String, Expected>,
}

/// One comparison; all must hold.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Term {
    column: String,
    op: String,
    value: toml::Value,
    /// `date` or `int`.
    kind: String,
}

impl Term {
    /// The comparison as SQL.
    pub(crate) fn sql(&self) -> String {
        match (self.kind.as_str(), &self.value) {
            ("date", toml::Value::String(date)) => {
                format!("{} {} date '{date}'", self.column, self.op)
            }
            (_, value) => format!("{} {} {value}", self.column, self.op),
        }
    }
}

/// Row count and digest of an answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) rows: u64,
    pub(crate) digest: String,
}

/// All workloads in order of their file names; `only` keeps those that are named.
pub(crate) fn load(only: &[String]) -> Result<Vec<Workload>> {
    let folder = workspace::root().join("benches").join("workloads");
    let entries =
        std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    let mut workloads = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<_>>>()?;
    for name in only {
        if !workloads.iter().any(|workload| workload.name == *name) {
            return Err(format!("no workload is called {name}"));
        }
    }
    workloads.retain(|workload| only.is_empty() || only.contains(&workload.name));
    Ok(workloads)
}

fn read(path: &Path) -> Result<Workload> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut workload: Workload =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let stem = path.file_stem().unwrap_or_default();
    workload.name = stem.to_string_lossy().into_owned();
    Ok(workload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_is_readable_and_names_engines_that_exist() {
        let workloads = load(&[]).expect("readable workloads");
        assert!(!workloads.is_empty());
        for workload in workloads {
            for engine in &workload.engines {
                let peer = workspace::root()
                    .join("benches/peers")
                    .join(engine)
                    .join("run.py");
                let known = engine.starts_with("fastdata") || peer.is_file();
                assert!(known, "{}: no engine {engine}", workload.name);
            }
            for scale in ["0.1", "5"] {
                let expected = workload.expected.get(scale);
                assert!(
                    expected.is_some(),
                    "{}: no answer at {scale}",
                    workload.name
                );
            }
        }
    }
}
