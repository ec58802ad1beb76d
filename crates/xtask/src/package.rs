//! The command and the Python package as users get them, for tests and benchmarks.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result};
use crate::{python, wheel, workspace};

/// Builds the command and the wheel, and returns the folder with the wheel's contents, which
/// `PYTHONPATH` has to name.
pub(crate) fn build() -> Result<PathBuf> {
    // Both packages are named, so that their dependencies have the same features and are built once.
    process::run(workspace::cargo().args([
        "build",
        "--release",
        "-p",
        "fastdata-cli",
        "-p",
        "fastdata-python",
        "--bin",
        "fastdata",
    ]))?;
    let built = wheel::build()?;
    let site = workspace::target().join("python-package");
    let _ = std::fs::remove_dir_all(&site);
    let mut unpack = Command::new(python::system_python()?);
    process::run(unpack.args(["-m", "zipfile", "-e"]).arg(built).arg(&site))?;
    Ok(site)
}
