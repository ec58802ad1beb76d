//! The longest function of each crate: may be 70 lines, or what `tidy.toml` records, which only
//! ever falls.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::Source;
use super::syntax::Function;
use super::{File, Findings};
use crate::process::{Result, print};

const RECORD: &str = "crates/xtask/tidy.toml";
const FUNCTION_LINES_MAX: usize = 70;

type Limits = BTreeMap<String, usize>;

/// The longest function of each crate.
fn longest<'a>(sources: &'a [Source<'a>]) -> BTreeMap<&'a str, (&'a File, &'a Function)> {
    let mut longest: BTreeMap<&str, (&File, &Function)> = BTreeMap::new();
    for source in sources {
        let Some(krate) = source.file.krate() else {
            continue;
        };
        for function in &source.functions {
            let entry = longest.entry(krate).or_insert((source.file, function));
            if function.lines > entry.1.lines {
                *entry = (source.file, function);
            }
        }
    }
    longest
}

/// Adds a finding for each function past its crate's limit; returns what could be tightened.
pub(super) fn check(root: &Path, sources: &[Source<'_>], findings: &mut Findings) -> Vec<String> {
    let limits = match read(root) {
        Ok(limits) => limits,
        Err(message) => {
            findings.push(message);
            return Vec::new();
        }
    };
    let longest = longest(sources);
    for (krate, (file, function)) in &longest {
        let limit = limits.get(*krate).copied().unwrap_or(FUNCTION_LINES_MAX);
        if function.lines > limit {
            findings.push(format!(
                "{}:{}: {} has {} lines; {limit} at most in this crate",
                file.name(),
                function.line,
                function.name,
                function.lines,
            ));
        }
    }
    let can_fall = |(krate, limit): (&String, &usize)| {
        let now = longest
            .get(krate.as_str())
            .map_or(0, |(_, function)| function.lines);
        let now = now.max(FUNCTION_LINES_MAX);
        (now < *limit).then(|| format!("{RECORD}: {krate} can fall from {limit} to {now}"))
    };
    limits.iter().filter_map(can_fall).collect()
}

fn read(root: &Path) -> Result<Limits> {
    let text =
        std::fs::read_to_string(root.join(RECORD)).map_err(|error| format!("{RECORD}: {error}"))?;
    let table: BTreeMap<String, Limits> =
        toml::from_str(&text).map_err(|error| format!("{RECORD}: {}", error.message()))?;
    Ok(table.get("function_lines_max").cloned().unwrap_or_default())
}

/// Writes the limits as they are now.
pub(super) fn record(root: &Path, sources: &[Source<'_>]) -> Result<()> {
    let mut text = format!(
        "# Longest function allowed, by crate, where it is more than {FUNCTION_LINES_MAX} lines.\n\
         # Only ever falls: `cargo xtask tidy` says when it can, `--record` writes it.\n\
         [function_lines_max]\n"
    );
    for (krate, (_, function)) in longest(sources) {
        if function.lines > FUNCTION_LINES_MAX {
            text += &format!("{krate} = {}\n", function.lines);
        }
    }
    std::fs::write(root.join(RECORD), text).map_err(|error| format!("{RECORD}: {error}"))
}

/// Prints the size of each crate.
pub(super) fn report(sources: &[Source<'_>]) {
    let mut sizes: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.lines > 0) {
        let Some(krate) = source.file.krate() else {
            continue;
        };
        let (files, lines, biggest) = sizes.entry(krate).or_default();
        *files += 1;
        *lines += source.lines;
        *biggest = (*biggest).max(source.lines);
    }
    print(&format!(
        "{:<20} {:>5} {:>6} {:>8} {:>8}",
        "crate", "files", "lines", "biggest", "longest"
    ));
    let longest = longest(sources);
    for (krate, (files, lines, biggest)) in sizes {
        let function = longest.get(krate).map_or(0, |(_, function)| function.lines);
        print(&format!(
            "{krate:<20} {files:>5} {lines:>6} {biggest:>8} {function:>8}"
        ));
    }
}
