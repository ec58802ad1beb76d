//! Writing local files: whole under a temporary name, then renamed.
//!
//! Conditions are decided under a lock on the folder, which every writer of this crate takes:
//! shared for writes that replace whatever is there, exclusive for `IfMatch`, whose look and rename
//! have to be one step. `IfAbsent` needs no lock against its like, because `link` fails when the
//! name is taken. Locks are advisory: programs that do not know them are not held up.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

use super::{OpenFile, etag, io_error};
use crate::{Error, ErrorKind, Location, ObjectStat, PutCondition, PutOptions, PutResult, Result};

/// Metadata is kept in extended attributes with this in front of the name.
const ATTRIBUTE: &str = "user.fastdata.";

/// The longest value of an attribute that is read, and the longest list of names.
const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;

/// A temporary file that goes away unless it was given its name.
struct Temporary {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            // It may have been removed by somebody who cleans up.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name under which a file is written: in the same folder, hidden, not used by anybody else.
pub(crate) fn temporary_path(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Names have 255 bytes at most, and this one is longer than the file's.
    let short: String = name.chars().take(40).collect();
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let (process, count) = (std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(
        ".{short}.fastdata-{process:x}-{count:x}-{nanos:x}.part"
    ))
}

fn path_of(object: &Location) -> Result<&Path> {
    match object.local_path() {
        Some(path) if path.file_name().is_some() && !object.key().ends_with('/') => Ok(path),
        _ => Err(Error::invalid(format!("{object} is no name for a file"))),
    }
}

pub(super) fn put(object: &Location, bytes: &[u8], options: &PutOptions) -> Result<PutResult> {
    fill_and_publish(object, options, |file| file.write_all(bytes))
}

/// As [`put`], with the bytes of another file.
pub(super) fn put_file(object: &Location, from: &Path, options: &PutOptions) -> Result<PutResult> {
    let mut from = File::open(from).map_err(|error| io_error("read", object, error))?;
    fill_and_publish(object, options, |file| io::copy(&mut from, file).map(drop))
}

fn fill_and_publish(
    object: &Location,
    options: &PutOptions,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<PutResult> {
    let failed = |error| io_error("write", object, error);
    options.check(object)?;
    let path = path_of(object)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = temporary_path(path);
    let file = File::options()
        .write(true)
        .create_new(true)
        .open(&temporary);
    let mut temporary = Temporary {
        path: temporary,
        file: file.map_err(failed)?,
        kept: false,
    };
    fill(&mut temporary.file).map_err(failed)?;
    for (name, value) in &options.metadata {
        set_attribute(object, &temporary.file, name, value)?;
    }
    temporary
        .file
        .set_modified(SystemTime::now())
        .map_err(failed)?;
    if options.durable {
        temporary.file.sync_all().map_err(failed)?;
    }
    let etag = etag(&temporary.file.metadata().map_err(failed)?);
    let folder = File::open(folder).map_err(failed)?;
    publish(object, path, &folder, &mut temporary, &options.condition)?;
    if options.durable {
        folder.sync_all().map_err(failed)?;
    }
    Ok(PutResult { etag: Some(etag) })
}

/// Gives the temporary file its name, if the condition holds.
fn publish(
    object: &Location,
    path: &Path,
    folder: &File,
    temporary: &mut Temporary,
    condition: &PutCondition,
) -> Result<()> {
    let failed = |error| io_error("write", object, error);
    match condition {
        PutCondition::Always => {
            folder.lock_shared().map_err(failed)?;
            fs::rename(&temporary.path, path).map_err(failed)?;
            temporary.kept = true;
        }
        PutCondition::IfAbsent => {
            folder.lock_shared().map_err(failed)?;
            // The temporary name goes with `Temporary`.
            fs::hard_link(&temporary.path, path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => refused(object, "it exists"),
                _ => failed(error),
            })?;
        }
        PutCondition::IfMatch(expected) => {
            folder.lock().map_err(failed)?;
            match fs::metadata(path) {
                Ok(meta) if etag(&meta) == *expected => {}
                Ok(_) => return Err(refused(object, "it is another version")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(refused(object, "it does not exist"));
                }
                Err(error) => return Err(failed(error)),
            }
            fs::rename(&temporary.path, path).map_err(failed)?;
            temporary.kept = true;
        }
    }
    Ok(())
}

fn refused(object: &Location, why: &str) -> Error {
    let context = format!("{object} was not written: {why}");
    Error::new(ErrorKind::Precondition, context)
}

pub(super) fn delete(object: &Location) -> Result<()> {
    let failed = |error| io_error("delete", object, error);
    let path = path_of(object)?;
    let folder = match File::open(path.parent().unwrap_or(Path::new("/"))) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    folder.lock_shared().map_err(failed)?;
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

pub(super) fn stat(object: &Location) -> Result<ObjectStat> {
    let open = OpenFile::open(object)?;
    let meta = open
        .file
        .metadata()
        .map_err(|error| io_error("stat", object, error))?;
    Ok(ObjectStat {
        location: object.clone(),
        size_bytes: meta.len(),
        modified: meta.modified().ok(),
        etag: Some(etag(&meta)),
        content_type: None,
        checksum: None,
        parts: None,
        metadata: attributes(object, &open.file)?,
    })
}

fn set_attribute(object: &Location, file: &File, name: &str, value: &str) -> Result<()> {
    let full = format!("{ATTRIBUTE}{}", name.to_ascii_lowercase());
    rustix::fs::fsetxattr(file, full, value.as_bytes(), XattrFlags::empty()).map_err(|error| {
        let kind = match error {
            Errno::OPNOTSUPP | Errno::NOSPC | Errno::TOOBIG | Errno::RANGE => {
                ErrorKind::Unsupported
            }
            _ => ErrorKind::Io,
        };
        let context =
            format!("cannot attach metadata {name:?} to {object}: its file system refuses");
        Error::new(kind, context).with_source(io::Error::from(error))
    })
}

fn attributes(object: &Location, file: &File) -> Result<BTreeMap<String, String>> {
    let mut metadata = BTreeMap::new();
    let mut names = vec![0; ATTRIBUTE_BYTES_MAX];
    let failed = |error: Errno| io_error("read the metadata of", object, error.into());
    let len = match rustix::fs::flistxattr(file, &mut names[..]) {
        Ok(len) => len,
        Err(Errno::OPNOTSUPP) => return Ok(metadata),
        Err(error) => return Err(failed(error)),
    };
    names.truncate(len);
    let mut value = vec![0; ATTRIBUTE_BYTES_MAX];
    for full in names.split(|&byte| byte == 0) {
        let Some(name) = str::from_utf8(full)
            .ok()
            .and_then(|full| full.strip_prefix(ATTRIBUTE))
        else {
            continue;
        };
        let len = rustix::fs::fgetxattr(file, full, &mut value[..]).map_err(failed)?;
        let text = String::from_utf8_lossy(value.get(..len).unwrap_or_default());
        metadata.insert(name.to_owned(), text.into_owned());
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn folder() -> (tempfile::TempDir, Location) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
        (folder, location)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn if_match(etag: &str) -> PutOptions {
        PutOptions {
            condition: PutCondition::IfMatch(etag.to_owned()),
            ..PutOptions::default()
        }
    }

    /// Each of eight writers adds one a hundred times; no addition gets lost.
    #[test]
    fn compare_and_swap_loses_no_update() {
        let (dir, folder) = folder();
        let object = folder.join("counter");
        put(&object, b"0", &PutOptions::default()).unwrap();
        let refused = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut added = 0;
                    while added < 100 {
                        let etag = stat(&object).unwrap().etag.unwrap();
                        let text = fs::read_to_string(object.local_path().unwrap()).unwrap();
                        let next = text.parse::<u32>().unwrap() + 1;
                        match put(&object, next.to_string().as_bytes(), &if_match(&etag)) {
                            Ok(_) => added += 1,
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
        });
        let text = fs::read_to_string(object.local_path().unwrap()).unwrap();
        assert_eq!(text, "800", "{} were refused", refused.into_inner());
        assert_eq!(names(dir.path()), ["counter"], "no temporary file is left");
    }

    #[test]
    fn one_of_many_creators_wins() {
        let (dir, folder) = folder();
        let object = folder.join("once");
        let options = PutOptions {
            condition: PutCondition::IfAbsent,
            durable: true,
            ..PutOptions::default()
        };
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| match put(&object, b"x", &options) {
                    Ok(_) => drop(won.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Precondition, "{error}"),
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
        assert_eq!(names(dir.path()), ["once"]);
    }

    #[test]
    fn names_that_no_file_can_have() {
        let (dir, folder) = folder();
        fs::create_dir(dir.path().join("folder")).unwrap();
        for name in ["a/", "..", ""] {
            put(&folder.join(name), b"x", &PutOptions::default()).unwrap_err();
        }
        let error = put(&folder.join("folder"), b"x", &PutOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        let long = folder.join(&"x".repeat(255));
        put(&long, b"x", &PutOptions::default()).unwrap();
        put(&folder.join(&"x".repeat(256)), b"x", &PutOptions::default()).unwrap_err();
        assert_eq!(names(dir.path()).len(), 2, "nothing half-made stays");
    }
}
