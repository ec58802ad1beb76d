//! A datastore in a local folder: files that appear whole, and what is there.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Entry, FileStat, ms_of};

/// Under another name first; `false` when it should be new and is there.
pub(super) fn write_file(path: &Path, content: &[u8], is_new: bool) -> io::Result<bool> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // Process ids are not enough: containers that share a folder all begin at 1.
    static WRITER: OnceLock<uuid::Uuid> = OnceLock::new();
    let writer = WRITER.get_or_init(uuid::Uuid::new_v4).simple();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!(".fastdata-{writer}-{count:x}.part");
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(name);
    let open = || {
        fs::File::options()
            .write(true)
            .create_new(true)
            .open(&temporary)
    };
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            open()?
        }
        other => other?,
    };
    let written = file.write_all(content).and_then(|()| match is_new {
        true => match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            other => other.map(|()| true),
        },
        false => fs::rename(&temporary, path).map(|()| true),
    });
    if is_new || written.is_err() {
        // What fails here leaves a file that nobody reads.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Names of files that are being written are not shown.
fn is_shown(name: &str) -> bool {
    !name.ends_with(".part")
}

pub(super) fn list_folder(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && is_shown(&name)
        {
            let is_folder = entry.file_type()?.is_dir();
            entries.push(Entry { name, is_folder });
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

pub(super) fn walk(folder: &Path, prefix: &str, files: &mut Vec<FileStat>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let added = match entry.file_type()?.is_dir() {
            true => walk(&entry.path(), &format!("{path}/"), files),
            false if !is_shown(&name) => Ok(()),
            false => entry.metadata().map(|meta| {
                files.push(FileStat {
                    path,
                    size_bytes: meta.len(),
                    modified_ms: meta.modified().ok().and_then(ms_of),
                });
            }),
        };
        match added {
            // Removed since it was listed: the others are still there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}
