//! Where things lie in the working tree, and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Result};

/// Folder that holds the root manifest.
pub(crate) fn root() -> PathBuf {
    // `cargo xtask` runs from anywhere below the root; the manifest's place is known at build time.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .unwrap_or(manifest)
        .to_path_buf()
}

/// Folder for everything that is built or installed.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(path) => root().join(path),
        None => root().join("target"),
    }
}

/// Cargo, the one that runs us, in the root folder.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(root());
    cargo
}

/// Builds with the release profile what `wanted` names, in the words of `cargo build`.
pub(crate) fn build_release(wanted: &[&str]) -> Result<()> {
    let mut cargo = cargo();
    process::run(cargo.args(["build", "--release", "--quiet"]).args(wanted))
}

/// Whether a missing tool is a failure instead of a skip.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// Files of the project relative to its root, sorted: what git tracks or would track, or, where
/// there is no git, everything but build outputs.
pub(crate) fn files() -> Vec<PathBuf> {
    let root = root();
    let mut files = git_files(&root).unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root, Path::new(""), &mut found);
        found
    });
    // Git still lists a file that was deleted but not yet committed.
    files.retain(|file| root.join(file).is_file());
    files.sort();
    files
}

fn git_files(root: &Path) -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let files: Vec<_> = listed
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect();
    (output.status.success() && !files.is_empty()).then_some(files)
}

fn walk(root: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    const SKIPPED: [&str; 5] = ["target", ".git", "fastdata-demo", "__pycache__", ".venv"];
    let Ok(entries) = std::fs::read_dir(root.join(below)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let path = below.join(&name);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) => {
                walk(root, &path, found);
            }
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}
