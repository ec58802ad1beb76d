//! Files that downloads have begun and not finished, for a process that has to end at once: its
//! tasks remove them by themselves, but may be in the middle of something that takes long.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Unfinished {
    paths: BTreeSet<PathBuf>,
    /// No more are made: the process ends.
    is_closed: bool,
}

static UNFINISHED: Mutex<Unfinished> = Mutex::new(Unfinished {
    paths: BTreeSet::new(),
    is_closed: false,
});

fn unfinished() -> MutexGuard<'static, Unfinished> {
    // A set of paths is sound whatever its last holder did.
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new file that is removed when the process ends before it is [`forget`]ten.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut unfinished = unfinished();
    if unfinished.is_closed {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)?;
    unfinished.paths.insert(path.to_path_buf());
    Ok(file)
}

/// The file is finished or gone.
pub(super) fn forget(path: &Path) {
    unfinished().paths.remove(path);
}

/// Removes what downloads of this process have not finished. For a process that is about to end:
/// from then on no download begins.
pub fn remove_unfinished() {
    let mut unfinished = unfinished();
    unfinished.is_closed = true;
    for path in std::mem::take(&mut unfinished.paths) {
        // Its task may have been quicker.
        let _ = std::fs::remove_file(path);
    }
}
