//! A file that gets its name when it is complete.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, ErrorKind, Result};

/// A file under a temporary name, which is removed unless [`Pending::publish`] renames it.
#[derive(Debug)]
pub(super) struct Pending {
    file: Option<File>,
    temporary: PathBuf,
    path: PathBuf,
}

impl Pending {
    pub(super) fn create(path: &Path) -> Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let shown = path.display();
        let name = path
            .file_name()
            .ok_or_else(|| Error::invalid(format!("{shown} is not the name of a file")))?;
        // In the same folder, because a rename does not cross file systems.
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let temporary_name = format!(".{}.{process}.{number}.part", name.to_string_lossy());
        let temporary = path.with_file_name(temporary_name);
        let file = File::create(&temporary).map_err(|cause| failed(path, cause))?;
        Ok(Self {
            file: Some(file),
            temporary,
            path: path.to_path_buf(),
        })
    }

    pub(super) fn publish(mut self) -> Result<()> {
        drop(self.file.take());
        std::fs::rename(&self.temporary, &self.path).map_err(|cause| failed(&self.path, cause))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

pub(super) fn failed(path: &Path, cause: io::Error) -> Error {
    let kind = match cause.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot write {}", path.display())).with_source(cause)
}
