//! `cargo xtask test`: the one command that tests everything.
//!
//! Its last line is `N passed, N failed`, because programs read it.

use std::path::Path;
use std::process::Command;

use crate::process::{self, Result, print, say};
use crate::{gateway, package, python, workspace};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {}

/// The tests that run with the oldest libraries too.
const HAND_OVER: &[&str] = &["test_arrow.py", "test_frame.py"];

/// The tests that need PyTorch and TensorFlow, in an environment of their own.
const TENSORS: &str = "test_tensors.py";

/// What ran so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    /// Parts that could not run, each with its reason.
    skipped: Vec<String>,
}

pub(crate) fn run(_args: &Args) -> Result<()> {
    let mut tally = Tally::default();
    let python = part(&mut tally, "the Python oracles", python::prepare());
    let metaflow = part(&mut tally, "Metaflow", python::prepare_metaflow());
    let oldest = part(&mut tally, "the oldest libraries", python::prepare_oldest());
    let tensors = python::prepare_tensors();
    let tensors = part(&mut tally, "PyTorch and TensorFlow", tensors);
    part(&mut tally, "the Versity S3 Gateway", gateway::prepare());
    cargo_tests(&mut tally)?;
    match python {
        Some(python) => {
            let site = package::build()?;
            oracle_tests(&mut tally, &python, metaflow.as_deref())?;
            package_tests(&mut tally, &python, metaflow.as_deref(), &site)?;
            if let Some(oldest) = oldest {
                file_tests(&mut tally, &oldest, &site, HAND_OVER)?;
            }
            if let Some(tensors) = tensors {
                file_tests(&mut tally, &tensors, &site, &[TENSORS])?;
            }
        }
        None => say("SKIPPED: the Python oracle tests"),
    }
    report(&tally)
}

/// A part that cannot be had is skipped loudly; in continuous integration it is a failure.
fn part<T>(tally: &mut Tally, what: &str, prepared: Result<T>) -> Option<T> {
    match prepared {
        Ok(part) => Some(part),
        Err(reason) => {
            say(&format!("SKIPPED: {what}: {reason}"));
            tally.skipped.push(format!("{what}: {reason}"));
            if workspace::in_ci() {
                tally.failed += 1;
            }
            None
        }
    }
}

fn cargo_tests(tally: &mut Tally) -> Result<()> {
    let failed_before = tally.failed;
    let mut command = workspace::cargo();
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("FASTDATA_PYTHON", python::interpreter());
    let succeeded = process::watch(&mut command, |line| {
        if let Some((passed, failed)) = libtest_result(line) {
            tally.passed += passed;
            tally.failed += failed;
        } else if line.trim_start().starts_with("SKIPPED") {
            tally.skipped.push(line.trim().to_owned());
        }
    })?;
    // A crate that does not compile, or a binary that dies, has no result line of its own.
    if !succeeded && tally.failed == failed_before {
        tally.failed += 1;
    }
    Ok(())
}

fn pytest(python: &Path, folder: &str) -> Command {
    let root = workspace::root();
    let mut command = Command::new(python);
    command
        .current_dir(&root)
        .args([
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            folder,
        ])
        .env("FASTDATA_ROOT", &root)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn oracle_tests(tally: &mut Tally, python: &Path, metaflow: Option<&Path>) -> Result<()> {
    let binary = workspace::target().join("release").join("fastdata");
    let mut command = pytest(python, "testdata/python/tests");
    if let Some(metaflow) = metaflow {
        command.env("FASTDATA_METAFLOW_PYTHON", metaflow);
    }
    // `cargo test` has built them.
    let examples = workspace::target().join("debug").join("examples");
    command.env("FASTDATA_FLOW_EXAMPLES", examples);
    watch_pytest(tally, command.env("FASTDATA_BIN", binary))
}

fn package_tests(
    tally: &mut Tally,
    python: &Path,
    metaflow: Option<&Path>,
    site: &Path,
) -> Result<()> {
    let mut command = pytest(python, "python-bindings/tests");
    command.args(["--ignore", &format!("python-bindings/tests/{TENSORS}")]);
    if let Some(metaflow) = metaflow {
        command.env("FASTDATA_METAFLOW_PYTHON", metaflow);
    }
    watch_pytest(tally, command.env("FASTDATA_PACKAGE", site))
}

/// The package's tests in `files`, with the libraries that `python` has.
fn file_tests(tally: &mut Tally, python: &Path, site: &Path, files: &[&str]) -> Result<()> {
    for file in files {
        let mut command = pytest(python, &format!("python-bindings/tests/{file}"));
        watch_pytest(tally, command.env("FASTDATA_PACKAGE", site))?;
    }
    Ok(())
}

fn watch_pytest(tally: &mut Tally, command: &mut Command) -> Result<()> {
    let mut seen = None;
    let succeeded = process::watch(command, |line| {
        if let Some(result) = pytest_result(line) {
            seen = Some(result);
        } else if line.starts_with("SKIPPED") {
            tally.skipped.push(line.to_owned());
        }
    })?;
    let (passed, failed) = seen.unwrap_or((0, 0));
    tally.passed += passed;
    tally.failed += failed;
    if !succeeded && failed == 0 {
        tally.failed += 1;
    }
    Ok(())
}

fn report(tally: &Tally) -> Result<()> {
    say("");
    for reason in &tally.skipped {
        say(&format!(
            "SKIPPED: {}",
            reason
                .trim_start_matches("SKIPPED")
                .trim_start_matches(':')
                .trim()
        ));
    }
    print(&format!("{} passed, {} failed", tally.passed, tally.failed));
    match tally.failed {
        // The summary must stay the last line, so nothing is added to it on failure either.
        0 => Ok(()),
        _ => std::process::exit(1),
    }
}

/// `test result: ok. 5 passed; 0 failed; …` → (5, 0).
fn libtest_result(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim().strip_prefix("test result: ")?;
    Some((count_before(rest, "passed")?, count_before(rest, "failed")?))
}

/// `3 failed, 5 passed, 1 skipped in 1.2s` (or with `=` around it) → (5, 3). Errors count as failed.
fn pytest_result(line: &str) -> Option<(u64, u64)> {
    let line = line.trim_matches(['=', ' ']);
    let (counts, _) = line.rsplit_once(" in ")?;
    let known = [
        "passed", "failed", "error", "errors", "skipped", "xfailed", "warning", "warnings",
    ];
    let named = counts.split(", ").all(|part| {
        part.split(' ')
            .nth(1)
            .is_some_and(|word| known.contains(&word))
    });
    if !named {
        return None;
    }
    let count = |word| count_before(counts, word).unwrap_or(0);
    Some((
        count("passed"),
        count("failed") + count("error") + count("errors"),
    ))
}

/// The number in front of `word`.
fn count_before(text: &str, word: &str) -> Option<u64> {
    let mut words = text
        .split([' ', ';', ',', '.'])
        .filter(|word| !word.is_empty());
    let mut previous = words.next()?;
    for current in words {
        if current == word {
            return previous.parse().ok();
        }
        previous = current;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_result_lines() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(libtest_result(line), Some((12, 3)));
        assert_eq!(libtest_result("running 3 tests"), None);
        assert_eq!(pytest_result("7 passed in 0.12s"), Some((7, 0)));
        let line = "===== 2 failed, 7 passed, 1 skipped, 1 error in 0.12s =====";
        assert_eq!(pytest_result(line), Some((7, 3)));
        assert_eq!(pytest_result("3 files in use"), None);
    }

    #[test]
    fn a_missing_part_is_remembered() {
        let mut tally = Tally::default();
        assert_eq!(
            part::<()>(&mut tally, "thing", Err("gone".to_owned())),
            None
        );
        assert_eq!(tally.skipped, ["thing: gone"]);
    }
}
