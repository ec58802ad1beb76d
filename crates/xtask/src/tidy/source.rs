//! Rules on Rust files: heads, lengths, `unsafe`, leftovers, names.

use super::syntax::{self, Function};
use super::{File, Findings};

/// A Rust file, taken apart once.
pub(super) struct Source<'a> {
    pub(super) file: &'a File,
    /// Without comments and literals.
    masked: String,
    /// Functions that ship, tests left out.
    pub(super) functions: Vec<Function>,
    /// Lines up to the last one that ships.
    pub(super) lines: usize,
}

/// Takes every Rust file apart.
pub(super) fn parse(files: &[File]) -> Vec<Source<'_>> {
    files
        .iter()
        .filter(|file| file.extension() == "rs")
        .map(parse_one)
        .collect()
}

fn parse_one(file: &File) -> Source<'_> {
    let masked = syntax::mask(&file.text);
    let shipped = match is_test(file) {
        true => String::new(),
        false => syntax::without_tests(&masked),
    };
    let functions = syntax::functions(&shipped);
    let lines = shipped.trim_end().lines().count();
    Source {
        file,
        masked,
        functions,
        lines,
    }
}

/// Tests live in `tests/`, in `tests.rs` and in files named for what they test.
fn is_test(file: &File) -> bool {
    let in_folder = file
        .path
        .iter()
        .any(|part| part == "tests" || part == "benches");
    let stem = file
        .path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("");
    in_folder || stem == "tests" || stem.ends_with("_tests")
}

const FILE_LINES_MAX: usize = 800;

/// Crates where speed or the system leaves no other way, each behind checks of its own.
const UNSAFE_ALLOWED: [&str; 5] = [
    "fastdata-memory",
    "fastdata-store",
    "fastdata-kernels",
    "fastdata-parquet",
    "python-bindings",
];

/// Names that say nothing about what a module holds.
const EMPTY_NAMES: [&str; 10] = [
    "util", "utils", "common", "helper", "helpers", "misc", "manager", "managers", "types", "stuff",
];

/// Macros and attributes that leave work undone, and how they are spelled in code.
const LEFTOVERS: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];

pub(super) fn check(sources: &[Source<'_>], findings: &mut Findings) {
    for source in sources {
        head(source, findings);
        name(source, findings);
        leftovers(source, findings);
        unsafe_blocks(source, findings);
        if source.lines > FILE_LINES_MAX {
            let name = source.file.name();
            findings.push(format!(
                "{name}: {} lines; {FILE_LINES_MAX} at most",
                source.lines
            ));
        }
    }
}

fn head(source: &Source<'_>, findings: &mut Findings) {
    if !source.file.text.trim_start().starts_with("//!") {
        findings.push(format!(
            "{}:1: opens without a //! head",
            source.file.name()
        ));
    }
}

fn name(source: &Source<'_>, findings: &mut Findings) {
    let path = &source.file.path;
    let stems = path
        .iter()
        .filter_map(|part| part.to_str()?.split('.').next());
    for stem in stems.filter(|stem| EMPTY_NAMES.contains(stem)) {
        findings.push(format!(
            "{}: a module named `{stem}` says nothing",
            source.file.name()
        ));
    }
}

fn leftovers(source: &Source<'_>, findings: &mut Findings) {
    for (idx, line) in source.masked.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(*leftover)) {
            findings.push(format!("{}:{}: `{leftover}`", source.file.name(), idx + 1));
        }
    }
}

fn unsafe_blocks(source: &Source<'_>, findings: &mut Findings) {
    let allowed = source
        .file
        .krate()
        .is_some_and(|krate| UNSAFE_ALLOWED.contains(&krate));
    let original: Vec<_> = source.file.text.lines().collect();
    let masked: Vec<_> = source.masked.lines().collect();
    for at in syntax::words(&source.masked, "unsafe") {
        let line = syntax::line_of(&source.masked, at);
        let place = format!("{}:{line}", source.file.name());
        if !allowed {
            findings.push(format!(
                "{place}: `unsafe` outside the crates that may have it"
            ));
        }
        let rest = source.masked[at + "unsafe".len()..].trim_start();
        let argued = rest.starts_with('{') || rest.starts_with("impl");
        if argued && !has_safety_comment(&original, &masked, line - 1) {
            findings.push(format!(
                "{place}: `unsafe` without a SAFETY comment before it"
            ));
        }
    }
}

/// Looks from line `at` (from 0) up to the end of the statement before it.
fn has_safety_comment(original: &[&str], masked: &[&str], at: usize) -> bool {
    let is_safety = |line: usize| original[line].contains("SAFETY:");
    if is_safety(at) {
        return true;
    }
    for line in (0..at).rev() {
        if is_safety(line) {
            return true;
        }
        let code = masked[line].trim_end();
        let comment = code.is_empty() && !original[line].trim().is_empty();
        let statement_ended = code.ends_with([';', '{', '}']);
        if !comment && (statement_ended || code.is_empty()) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn findings(path: &str, text: &str) -> Findings {
        let files = [File {
            path: PathBuf::from(path),
            text: text.to_owned(),
        }];
        let mut findings = Findings::new();
        check(&parse(&files), &mut findings);
        findings
    }

    #[track_caller]
    fn one(path: &str, text: &str, expected: &str) {
        let findings = findings(path, text);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(expected), "{findings:?}");
    }

    #[test]
    fn finds_each_breach() {
        let fine = "//! Fine.\nfn a() {}\n";
        assert!(findings("crates/fastdata-scan/src/a.rs", fine).is_empty());
        one("cli/src/a.rs", "fn a() {}\n", "head");
        one("cli/src/utils/a.rs", fine, "utils");
        one("cli/src/a.rs", "//! A.\nfn a() { todo!() }\n", "todo!");
        one("cli/src/a.rs", "//! A.\n#[ignore]\nfn a() {}\n", "#[ignore");
        // SAFETY: a comment, so that only the place is at fault.
        one(
            "cli/src/a.rs",
            "//! A.\n// SAFETY: x\nunsafe { f() }\n",
            "outside",
        );
        one(
            "crates/fastdata-store/src/a.rs",
            "//! A.\nfn a() {\n    unsafe { f() }\n}\n",
            "SAFETY",
        );
        let argued = "//! A.\nfn a() {\n    // SAFETY: checked above\n    let x =\n        unsafe { f() };\n}\n";
        assert!(findings("crates/fastdata-store/src/a.rs", argued).is_empty());
        let long = format!("//! A.\n{}", "const A: u8 = 1;\n".repeat(FILE_LINES_MAX));
        one("cli/src/a.rs", &long, "801 lines");
    }

    #[test]
    fn tests_may_be_long() {
        let long = format!(
            "//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn a() {}\n".repeat(900)
        );
        assert!(findings("cli/src/a.rs", &long).is_empty());
        assert!(
            findings(
                "cli/tests/it/a.rs",
                &format!("//! A.\n{}", "fn a() {}\n".repeat(900))
            )
            .is_empty()
        );
    }
}
