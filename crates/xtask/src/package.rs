//! The Python package as the wheel has it, laid out below `target/` where an interpreter finds it.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result};
use crate::workspace;

/// Builds the command and the Python extension in one go, so that they share what they are made of,
/// and returns the folder that `PYTHONPATH` has to name.
pub(crate) fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    process::run(cargo.current_dir(workspace::root()).args([
        "build",
        "--release",
        "-p",
        "fastdata-cli",
        "-p",
        "fastdata-python",
        "--bin",
        "fastdata",
        "--lib",
    ]))?;
    let site = workspace::target().join("python-package");
    lay_out(&site.join("fastdata"))?;
    Ok(site)
}

fn lay_out(package: &std::path::Path) -> Result<()> {
    let failed = |error: std::io::Error| format!("{}: {error}", package.display());
    let _ = std::fs::remove_dir_all(package);
    std::fs::create_dir_all(package).map_err(failed)?;
    let sources = workspace::root().join("python-bindings/python/fastdata");
    for entry in std::fs::read_dir(sources).map_err(failed)? {
        let source = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (source.is_file(), source.file_name()) {
            std::fs::copy(&source, package.join(name)).map_err(failed)?;
        }
    }
    let library = workspace::target().join("release").join("lib_fastdata.so");
    std::fs::copy(&library, package.join("_fastdata.abi3.so"))
        .map_err(|error| format!("{}: {error}", library.display()))?;
    Ok(())
}
