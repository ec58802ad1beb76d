//! One Python environment per peer, below `target/`, holding exactly what its lock file names.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{self, Result};
use crate::{python, workspace};

/// The interpreter of the environment called `name`, whose lock file is `requirements` (relative
/// to the root). Made on first use and again when the lock file changes.
pub(crate) fn interpreter(name: &str, requirements: &str) -> Result<PathBuf> {
    let lock = workspace::root().join(requirements);
    let wanted =
        std::fs::read_to_string(&lock).map_err(|error| format!("{requirements}: {error}"))?;
    let folder = workspace::target().join("bench-env").join(name);
    let stamp = folder.join("installed.txt");
    let interpreter = folder.join("bin").join("python");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    let _ = std::fs::remove_dir_all(&folder);
    process::run(
        Command::new(python::system_python()?)
            .args(["-m", "venv"])
            .arg(&folder),
    )?;
    process::run(
        Command::new(&interpreter)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&lock),
    )?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(interpreter)
}
