//! Every file below a folder, in the order in which an object store would list the same keys.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::io_error;
use crate::{Error, Location, ObjectMeta, Result};

/// An iterator over the files below a folder; an error is its last item.
///
/// Symbolic links are followed. What is neither file nor folder, and links that lead nowhere, are
/// left out: an object store has nothing like them.
pub(super) struct Walk {
    /// What is still to visit, the next one last.
    stack: Vec<Entry>,
}

enum Entry {
    Folder(Location, Option<Arc<Ancestor>>),
    File(ObjectMeta),
    /// Ends the walk when its turn comes, so that everything before it is listed.
    Failed(Error),
}

/// A folder that we are inside of, by device and inode; a link back to one never ends.
struct Ancestor {
    id: (u64, u64),
    parent: Option<Arc<Ancestor>>,
}

impl Walk {
    pub(super) fn below(folder: &Location) -> Self {
        let key = folder.key();
        let trimmed = key.strip_suffix('/').filter(|key| !key.is_empty());
        let folder = match trimmed {
            Some(_) => folder
                .parent()
                .map_or(folder.clone(), |parent| parent.join(folder.file_name())),
            None => folder.clone(),
        };
        Self {
            stack: vec![Entry::Folder(folder, None)],
        }
    }

    /// What lies directly in a folder; an error is its last item.
    pub(super) fn entries(folder: &Location) -> Vec<Result<crate::Entry>> {
        let mut walk = Self::below(folder);
        if let Some(Entry::Folder(folder, above)) = walk.stack.pop()
            && let Err(error) = walk.enter(&folder, above)
        {
            return vec![Err(error)];
        }
        let mut entries = Vec::with_capacity(walk.stack.len());
        while let Some(entry) = walk.stack.pop() {
            entries.push(match entry {
                Entry::File(meta) => Ok(crate::Entry::Object(meta)),
                Entry::Folder(folder, _) => {
                    let key = format!("{}/", folder.key());
                    Ok(crate::Entry::Folder(folder.with_key(&key)))
                }
                Entry::Failed(error) => {
                    entries.push(Err(error));
                    break;
                }
            });
        }
        entries
    }

    /// Puts the entries of a folder on the stack.
    fn enter(&mut self, folder: &Location, above: Option<Arc<Ancestor>>) -> Result<()> {
        let Some(path) = folder.local_path() else {
            return Err(Error::invalid(format!("{folder} is not a local folder")));
        };
        let failed = |error| io_error("list", folder, error);
        let (meta, names) =
            match fs::metadata(path).and_then(|meta| Ok((meta, fs::read_dir(path)?))) {
                Ok(found) => found,
                // Never was a folder, or went away meanwhile: nothing is below it.
                Err(error) if is_missing(&error) => return Ok(()),
                Err(error) => return Err(failed(error)),
            };
        let here = Arc::new(Ancestor {
            id: id(&meta),
            parent: above,
        });
        let mut entries = Vec::new();
        for found in names {
            let found = found.map_err(failed)?;
            let name = found.file_name();
            let mut sort_key = name.as_bytes().to_vec();
            let entry = match name.to_str() {
                Some(name) => visit(folder.join(name), &found, &here).transpose(),
                None => Some(Err(Error::unsupported(format!(
                    "cannot list {folder}: the name {name:?} in it is not UTF-8"
                )))),
            };
            let Some(entry) = entry else { continue };
            let entry = entry.unwrap_or_else(Entry::Failed);
            if matches!(entry, Entry::Folder(..)) {
                // The keys below `a` sort where `a/` does: behind `a-b` and `a.b`.
                sort_key.push(b'/');
            }
            entries.push((sort_key, entry));
        }
        entries.sort_by(|(left, _), (right, _)| right.cmp(left));
        self.stack
            .extend(entries.into_iter().map(|(_, entry)| entry));
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<ObjectMeta>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let error = match self.stack.pop()? {
                Entry::File(meta) => return Some(Ok(meta)),
                Entry::Failed(error) => error,
                Entry::Folder(folder, above) => match self.enter(&folder, above) {
                    Ok(()) => continue,
                    Err(error) => error,
                },
            };
            self.stack.clear();
            return Some(Err(error));
        }
    }
}

fn visit(location: Location, found: &fs::DirEntry, here: &Arc<Ancestor>) -> Result<Option<Entry>> {
    let meta = match fs::metadata(found.path()) {
        Ok(meta) => meta,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(io_error("list", &location, error)),
    };
    if meta.is_file() {
        return Ok(Some(Entry::File(ObjectMeta {
            location,
            size_bytes: meta.len(),
            modified: meta.modified().ok(),
            etag: Some(super::etag(&meta)),
        })));
    }
    if !meta.is_dir() {
        return Ok(None);
    }
    let id = id(&meta);
    let mut above = Some(here);
    while let Some(ancestor) = above {
        if ancestor.id == id {
            return Err(Error::invalid(format!(
                "cannot list {location}: this link leads back to a folder that it lies in"
            )));
        }
        above = ancestor.parent.as_ref();
    }
    Ok(Some(Entry::Folder(location, Some(Arc::clone(here)))))
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
