//! Files that downloads have begun and not finished, for a process that has to end at once: its
//! tasks remove them by themselves, but may be in the middle of something that takes long.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    // Whoever sweeps knows by it that somebody is at work; where files cannot be locked, their age tells.
    let _ = file.try_lock();
    unfinished.paths.insert(path.to_path_buf());
    Ok(file)
}

/// A file that nobody has locked and nobody has written for so long was left by a process that is gone.
const LEFT_AFTER: Duration = Duration::from_secs(3600);

/// Removes what processes that were killed have left in a folder. Downloads that can be gone on with stay.
pub(super) fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with('.') && name.ends_with(".part");
        if !is_ours || !name.contains(".fastdata-") || name.contains(".fastdata-resume.") {
            continue;
        }
        let age = entry.metadata().and_then(|meta| meta.modified());
        let is_old = age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT_AFTER));
        // Without write access it cannot be removed either.
        let file = File::options().write(true).open(entry.path());
        if is_old && file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_was_left_long_ago_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, is_old: bool| {
            let file = File::create(folder.path().join(name)).unwrap();
            if is_old {
                let at = SystemTime::now() - 2 * LEFT_AFTER;
                file.set_modified(at).unwrap();
            }
            file
        };
        make(".left.fastdata-1f-0-2.part", true);
        make(".new.fastdata-1f-1-2.part", false);
        make(".resumed.x.fastdata-resume.part", true);
        make("mine.fastdata-1.part", true);
        make(".mine.part", true);
        let used = make(".used.fastdata-1f-2-2.part", true);
        used.lock().unwrap();
        sweep(folder.path());
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                ".mine.part",
                ".new.fastdata-1f-1-2.part",
                ".resumed.x.fastdata-resume.part",
                ".used.fastdata-1f-2-2.part",
                "mine.fastdata-1.part",
            ]
        );
    }
}
