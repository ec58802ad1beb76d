//! Which crates there are, and which may depend on which.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, Findings};

/// Each crate's folder and the crates of ours that it may use: the way of the data, downwards.
const ARROWS: [(&str, &[&str]); 16] = [
    ("fastdata-memory", &[]),
    ("fastdata-kernels", &["fastdata-memory"]),
    ("fastdata-store", &["fastdata-memory"]),
    ("fastdata-codec", &["fastdata-memory"]),
    ("fastdata-parquet", &["fastdata-kernels", "fastdata-memory"]),
    ("fastdata-iceberg", &["fastdata-kernels"]),
    (
        "fastdata-scan",
        &[
            "fastdata-store",
            "fastdata-kernels",
            "fastdata-parquet",
            "fastdata-iceberg",
            "fastdata-memory",
        ],
    ),
    (
        "fastdata-frame",
        &[
            "fastdata-scan",
            "fastdata-store",
            "fastdata-kernels",
            "fastdata-iceberg",
            "fastdata-parquet",
        ],
    ),
    (
        "fastdata-cas",
        &["fastdata-store", "fastdata-codec", "fastdata-memory"],
    ),
    ("fastdata-metaflow", &["fastdata-cas", "fastdata-store"]),
    (
        "fastdata-flow",
        &[
            "fastdata-metaflow",
            "fastdata-cas",
            "fastdata-frame",
            "fastdata-store",
            "fastdata-kernels",
        ],
    ),
    (
        "fastdata",
        &[
            "fastdata-metaflow",
            "fastdata-cas",
            "fastdata-frame",
            "fastdata-scan",
            "fastdata-store",
            "fastdata-kernels",
            "fastdata-iceberg",
            "fastdata-parquet",
        ],
    ),
    ("fastdata-cli", &["fastdata"]),
    ("fastdata-python", &["fastdata", "fastdata-cli"]),
    (TESTKIT, &["fastdata-store"]),
    ("xtask", &[]),
];

/// For tests alone, and so allowed to all in `[dev-dependencies]` and to none elsewhere.
const TESTKIT: &str = "fastdata-testkit";

const MAP: &str = "docs/architecture.md";

pub(super) fn check(root: &Path, files: &[File], findings: &mut Findings) {
    let mut folders = BTreeSet::new();
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let Some(folder) = file.krate().filter(|folder| *folder != "fuzz") else {
            continue;
        };
        folders.insert(folder.to_owned());
        manifest(folder, file, findings);
    }
    match std::fs::read_to_string(root.join(MAP)) {
        Ok(map) => named_in_map(&folders, &map, findings),
        Err(error) => findings.push(format!("{MAP}: {error}")),
    }
}

fn manifest(folder: &str, file: &File, findings: &mut Findings) {
    let name = file.name();
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return findings.push(format!("{name}: {error}")),
    };
    let package = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let Some(package) = package.and_then(toml::Value::as_str) else {
        return findings.push(format!("{name}: no package name"));
    };
    // The two front ends lie at the top, under the name of what they are.
    let expected = match folder {
        "cli" => "fastdata-cli",
        "python-bindings" => "fastdata-python",
        folder => folder,
    };
    if package != expected {
        findings.push(format!("{name}: package {package} in folder {folder}"));
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == package) else {
        return findings.push(format!("{name}: {package} is not in the table of arrows"));
    };
    for (table, dependency) in own_dependencies(&manifest) {
        let for_tests = table == "dev-dependencies" && dependency == TESTKIT;
        if !for_tests && !allowed.contains(&dependency.as_str()) {
            findings.push(format!("{name}: [{table}] must not name {dependency}"));
        }
    }
}

/// Dependencies on crates of this workspace, with the table that names them.
fn own_dependencies(manifest: &toml::Table) -> Vec<(&'static str, String)> {
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut found = Vec::new();
    for table in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = table.get(kind).and_then(toml::Value::as_table);
            let named = named.into_iter().flat_map(toml::Table::keys);
            let own = named.filter(|name| ARROWS.iter().any(|(krate, _)| krate == name));
            found.extend(own.map(|name| (kind, name.clone())));
        }
    }
    found
}

/// The code map names each folder as `` `crates/name` `` and none that is not there.
fn named_in_map(folders: &BTreeSet<String>, map: &str, findings: &mut Findings) {
    let is_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let named: BTreeSet<String> = map
        .split("`crates/")
        .skip(1)
        .filter_map(|rest| rest.split(|char| !is_name(char)).next())
        .map(str::to_owned)
        .chain(
            ["cli", "python-bindings"]
                .into_iter()
                .filter(|top| map.contains(&format!("`{top}`")))
                .map(str::to_owned),
        )
        .collect();
    for missing in folders.difference(&named) {
        findings.push(format!("{MAP}: does not name the crate {missing}"));
    }
    for gone in named.difference(folders) {
        findings.push(format!("{MAP}: names {gone}, which is no crate here"));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[track_caller]
    fn one(folder: &str, text: &str, expected: &str) {
        let file = File {
            path: PathBuf::from("Cargo.toml"),
            text: text.to_owned(),
        };
        let mut findings = Findings::new();
        manifest(folder, &file, &mut findings);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(expected), "{findings:?}");
    }

    #[test]
    fn finds_a_wrong_arrow() {
        let upwards =
            "package.name = \"fastdata-store\"\n[dependencies]\nfastdata-scan.workspace = true\n";
        one("fastdata-store", upwards, "must not name fastdata-scan");
        let testkit = "package.name = \"fastdata-store\"\n[dependencies]\nfastdata-testkit.workspace = true\n";
        one("fastdata-store", testkit, "must not name fastdata-testkit");
        one(
            "other",
            "package.name = \"fastdata-store\"\n",
            "in folder other",
        );
        one("new", "package.name = \"new\"\n", "table of arrows");
    }

    #[test]
    fn the_table_points_downwards() {
        for (idx, (krate, uses)) in ARROWS.iter().enumerate() {
            for used in *uses {
                let position = ARROWS.iter().position(|(name, _)| name == used);
                assert!(
                    position.is_some_and(|position| position < idx),
                    "{krate} uses {used}"
                );
            }
        }
    }

    #[test]
    fn finds_a_stale_map() {
        let folders = BTreeSet::from(["a-b".to_owned(), "cli".to_owned()]);
        let mut findings = Findings::new();
        named_in_map(&folders, "`crates/a-b` and `crates/c`", &mut findings);
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
