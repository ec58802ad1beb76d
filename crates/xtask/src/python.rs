//! The Python environment that holds the oracles: made under `target/`, pinned, nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{self, Result, say};
use crate::workspace;

/// File that pins every oracle.
pub(crate) const REQUIREMENTS: &str = "testdata/python/requirements.txt";

/// Folder of the environment.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("python")
}

/// Its interpreter.
pub(crate) fn interpreter() -> PathBuf {
    folder().join("bin").join("python")
}

/// Makes the environment hold exactly what the requirements file asks for; quick when it does.
pub(crate) fn prepare() -> Result<PathBuf> {
    prepare_in(&folder(), REQUIREMENTS)
}

/// File that pins Metaflow and what it is compared with.
const METAFLOW_REQUIREMENTS: &str = "testdata/python/metaflow-requirements.txt";

/// An environment with a released Metaflow, apart from the oracles: it pins what they need in other
/// versions.
pub(crate) fn prepare_metaflow() -> Result<PathBuf> {
    prepare_in(&workspace::target().join("metaflow"), METAFLOW_REQUIREMENTS)
}

/// File that pins the oldest versions of the libraries that frames go to and come from.
const OLDEST_REQUIREMENTS: &str = "testdata/python/oldest-requirements.txt";

/// An environment with those.
pub(crate) fn prepare_oldest() -> Result<PathBuf> {
    prepare_in(
        &workspace::target().join("python-oldest"),
        OLDEST_REQUIREMENTS,
    )
}

/// File that pins the libraries of tensors.
const TENSORS_REQUIREMENTS: &str = "testdata/python/tensors-requirements.txt";

/// An environment with those: in continuous integration, since they take 7 GB.
pub(crate) fn prepare_tensors() -> Result<PathBuf> {
    if !workspace::in_ci() {
        return Err("7 GB that are installed where CI=true is set".to_owned());
    }
    prepare_in(&workspace::target().join("tensors"), TENSORS_REQUIREMENTS)
}

/// An environment in `folder` that holds what `requirements`, relative to the root, asks for; its
/// interpreter.
pub(crate) fn prepare_in(folder: &Path, requirements: &str) -> Result<PathBuf> {
    let lock = workspace::root().join(requirements);
    let wanted =
        std::fs::read_to_string(&lock).map_err(|error| format!("{requirements}: {error}"))?;
    let arguments = ["-r".into(), lock.into_os_string()];
    holding(folder, &wanted, &arguments)
}

/// An environment in `folder` made by `pip install` with `arguments`; made on first use, and brought
/// up to date when `wanted`, which stands for what they mean, changes.
pub(crate) fn holding(folder: &Path, wanted: &str, arguments: &[OsString]) -> Result<PathBuf> {
    let stamp = folder.join("installed.txt");
    let python = folder.join("bin").join("python");
    let installed = std::fs::read_to_string(&stamp).ok();
    if installed.as_deref() == Some(wanted) && works(&python) {
        return Ok(python);
    }
    if !works(&python) {
        let _ = std::fs::remove_dir_all(folder);
        process::run(
            Command::new(system_python()?)
                .args(["-m", "venv"])
                .arg(folder),
        )?;
    }
    process::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(arguments),
    )?;
    std::fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

fn works(python: &Path) -> bool {
    python
        .to_str()
        .is_some_and(|python| process::works(python, &["-c", "import pip"]))
}

/// The oldest Python that the pinned oracles still support.
const OLDEST: &str = "import sys; sys.exit(sys.version_info < (3, 11))";

pub(crate) fn system_python() -> Result<&'static str> {
    let names = [
        "python3",
        "python3.13",
        "python3.12",
        "python3.11",
        "python",
    ];
    let found = names
        .into_iter()
        .find(|name| process::works(name, &["-c", OLDEST]));
    if found.is_none() {
        say("python3 of version 3.11 or later was not found");
    }
    found.ok_or_else(|| "the oracles need Python 3.11 or later".to_owned())
}
