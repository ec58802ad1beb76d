//! One Python environment per peer, below `target/`, holding exactly what its lock file names.

use std::path::PathBuf;

use crate::process::Result;
use crate::{python, workspace};

/// The interpreter of the environment called `name`, whose lock file is `requirements` (relative
/// to the root).
pub(crate) fn interpreter(name: &str, requirements: &str) -> Result<PathBuf> {
    python::prepare_in(
        &workspace::target().join("bench-env").join(name),
        requirements,
    )
}
