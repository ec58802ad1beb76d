//! `cargo xtask tidy`: the rules about the shape of the tree that no compiler checks.
//!
//! Also a test of this crate, so that `cargo test` alone finds a breach.

mod crates;
mod ratchet;
mod source;
mod syntax;
mod text;

use std::path::{Path, PathBuf};

use crate::process::{Result, print, say};
use crate::workspace;

/// Arguments of `cargo xtask tidy`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Print sizes by crate
    #[arg(long)]
    report: bool,
    /// Write today's longest functions as the new limits
    #[arg(long)]
    record: bool,
}

/// What is wrong, one line each, as `path:line: what`.
type Findings = Vec<String>;

/// A text file of the project.
struct File {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

impl File {
    fn extension(&self) -> &str {
        self.path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or("")
    }

    /// The path with `/` between its parts, for messages and comparisons.
    fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Folder name of the crate that the file belongs to.
    fn krate(&self) -> Option<&str> {
        let mut parts = self.path.iter().filter_map(|part| part.to_str());
        match parts.next()? {
            "crates" => parts.next(),
            folder @ ("cli" | "python-bindings" | "fuzz") => Some(folder),
            _ => None,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let files = read(&root);
    let sources = source::parse(&files);
    if args.record {
        ratchet::record(&root, &sources)?;
    }
    if args.report {
        ratchet::report(&sources);
    }
    let (findings, hints) = check(&root, &files, &sources);
    for hint in hints {
        say(&format!("tidy: {hint}"));
    }
    for finding in &findings {
        print(finding);
    }
    match findings.len() {
        0 => {
            print(&format!("tidy: {} files in order", files.len()));
            Ok(())
        }
        count => Err(format!("tidy: {count} findings")),
    }
}

/// Everything wrong, and what could be tightened.
fn check(root: &Path, files: &[File], sources: &[source::Source<'_>]) -> (Findings, Vec<String>) {
    let mut findings = Findings::new();
    crates::check(root, files, &mut findings);
    source::check(sources, &mut findings);
    text::check(files, &mut findings);
    let hints = ratchet::check(root, sources, &mut findings);
    findings.sort();
    (findings, hints)
}

/// Every text file; what is not UTF-8 is data.
fn read(root: &Path) -> Vec<File> {
    let read_one = |path: PathBuf| {
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(File { path, text })
    };
    workspace::files()
        .into_iter()
        .filter_map(read_one)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let root = workspace::root();
        let files = read(&root);
        let (findings, _) = check(&root, &files, &source::parse(&files));
        assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    }
}
