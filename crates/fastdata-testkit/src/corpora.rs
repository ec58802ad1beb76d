//! Where the files lie that other programs wrote.

use std::path::{Path, PathBuf};

use crate::skipped;

/// The folder `shared/corpora` beside the workspace, if this machine has it.
pub fn corpora() -> Option<PathBuf> {
    let folder = workspace_root().parent()?.join("shared").join("corpora");
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(
        "files of other programs",
        "there is no folder ../shared/corpora",
    );
    None
}

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
