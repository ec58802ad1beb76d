//! Blobs in a folder of this machine.
//!
//! ```text
//! <root>/<kk>/<key>              a blob: appears by a rename, whole
//! <root>/<kk>/<key>_meta         how it is stored, under SHA-1 keys: written before the blob
//! <root>/.fastdata/partial/      files that are being written; leftovers of processes that died
//! <root>/.fastdata/locks/<kk>    held while names below <kk> change
//! ```
//!
//! The lock makes a blob and its metadata one thing for writers of different forms, and keeps the
//! collector from removing what somebody has just found to be there already.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use fastdata_codec::{Key, Limits};

use super::{Durability, Found};
use crate::form::{Form, has_metadata};
use crate::{Error, ErrorKind, Result};

const OWN_FOLDER: &str = ".fastdata";
const METADATA_SUFFIX: &str = "_meta";
/// Metadata that is longer is none.
const METADATA_BYTES_MAX: u64 = 64 << 10;

/// A store in a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    pub(crate) durability: Durability,
    /// Whether `.fastdata` has been made.
    prepared: AtomicBool,
    /// Folders that this process knows to be on the disk, by their two digits.
    flushed: Mutex<Vec<String>>,
}

/// A blob's file, open for reading.
pub(crate) struct OpenFile {
    file: File,
    key: Key,
    pub(crate) stored_bytes: u64,
}

/// A blob that is being written; gone when it is dropped before it was published.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    published: bool,
}

/// Distinguishes the files of one process.
static SERIAL: AtomicU64 = AtomicU64::new(0);

impl Folder {
    pub(crate) fn new(root: PathBuf, durability: Durability) -> Self {
        Self {
            root,
            durability,
            prepared: AtomicBool::new(false),
            flushed: Mutex::default(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn folder_of(&self, key: &Key) -> PathBuf {
        self.root.join(key.fan())
    }

    fn path_of(&self, key: &Key) -> PathBuf {
        self.folder_of(key).join(key.to_string())
    }

    fn metadata_path_of(&self, key: &Key) -> PathBuf {
        self.folder_of(key).join(format!("{key}{METADATA_SUFFIX}"))
    }

    /// Whether the blob is there; if so it is as young as if it were written now, so that the
    /// collector's grace begins anew.
    pub(crate) fn refresh(&self, key: &Key) -> Result<bool> {
        let path = self.path_of(key);
        if !path.exists() {
            return Ok(false);
        }
        self.prepare()?;
        let _lock = self.lock(key)?;
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("open", &path, error)),
        };
        match file.set_modified(SystemTime::now()) {
            Ok(()) => Ok(true),
            // Somebody else's file: written again it becomes ours, and young.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
            Err(error) => Err(failed("refresh", &path, error)),
        }
    }

    pub(crate) fn contains(&self, key: &Key) -> Result<bool> {
        let path = self.path_of(key);
        path.try_exists()
            .map_err(|error| failed("look for", &path, error))
    }

    pub(crate) fn open(&self, key: &Key) -> Result<(OpenFile, Form)> {
        let path = self.path_of(key);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.missing(key),
            _ => failed("open", &path, error),
        })?;
        let meta = file
            .metadata()
            .map_err(|error| failed("look at", &path, error))?;
        if !meta.is_file() {
            return Err(Error::corrupt(format!("{} is no file", path.display())));
        }
        let file = OpenFile {
            file,
            key: *key,
            stored_bytes: meta.len(),
        };
        Ok((file, self.form(key)?))
    }

    fn missing(&self, key: &Key) -> Error {
        let context = format!("no blob {key} in {}", self.root.display());
        Error::new(ErrorKind::NotFound, context)
    }

    /// How the blob is stored, as its key or its metadata says.
    fn form(&self, key: &Key) -> Result<Form> {
        if !has_metadata(key) {
            return Ok(Form::Blob);
        }
        let path = self.metadata_path_of(key);
        let metadata = match fs::metadata(&path) {
            Ok(meta) if meta.len() > METADATA_BYTES_MAX => {
                return Err(Error::corrupt(format!("{} is too long", path.display())));
            }
            Ok(_) => fs::read_to_string(&path),
            Err(error) => Err(error),
        };
        match metadata {
            Ok(text) => {
                Form::of_metadata(Some(&text)).map_err(|e| e.at(path.display().to_string()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Form::of_metadata(None),
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    /// A new file to write a blob to.
    pub(crate) fn begin(&self) -> Result<Partial> {
        self.prepare()?;
        let folder = self.root.join(OWN_FOLDER).join("partial");
        loop {
            let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
            let age = SystemTime::UNIX_EPOCH
                .elapsed()
                .unwrap_or_default()
                .as_nanos();
            let path = folder.join(format!("{}-{serial}-{age:x}", std::process::id()));
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path);
            match file {
                Ok(file) => {
                    return Ok(Partial {
                        path,
                        file,
                        published: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("create", &path, error)),
            }
        }
    }

    fn prepare(&self) -> Result<()> {
        if self.prepared.load(Ordering::Relaxed) {
            return Ok(());
        }
        for name in ["partial", "locks"] {
            let path = self.root.join(OWN_FOLDER).join(name);
            fs::create_dir_all(&path).map_err(|error| failed("create", &path, error))?;
        }
        self.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps everybody else from changing names in the folder of `key` until it is dropped.
    fn lock(&self, key: &Key) -> Result<File> {
        let path = self.root.join(OWN_FOLDER).join("locks").join(key.fan());
        let open = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let file = open.map_err(|error| failed("open", &path, error))?;
        file.lock().map_err(|error| failed("lock", &path, error))?;
        Ok(file)
    }

    /// Gives a written file its name. `false` when the blob was there already.
    pub(crate) fn publish(&self, mut partial: Partial, key: &Key, form: Form) -> Result<bool> {
        let full = self.durability == Durability::Full;
        if full {
            partial.flush()?;
        }
        let folder = self.ensure_folder(key)?;
        let _lock = self.lock(key)?;
        let path = self.path_of(key);
        if path.exists()
            && File::open(&path)
                .and_then(|f| f.set_modified(SystemTime::now()))
                .is_ok()
        {
            return Ok(false);
        }
        if has_metadata(key) {
            self.write_metadata(key, form)?;
            // A body that is not gzip cannot be read without its metadata: that comes first.
            if full && form != Form::Gzip {
                flush_folder(&folder)?;
            }
        }
        fs::rename(&partial.path, &path).map_err(|error| failed("create", &path, error))?;
        partial.published = true;
        if full {
            flush_folder(&folder)?;
        }
        Ok(true)
    }

    /// Exchanges the body of a blob for one of another form with the same content.
    pub(crate) fn replace(
        &self,
        mut partial: Partial,
        key: &Key,
        from: Form,
        to: Form,
    ) -> Result<()> {
        partial.flush()?;
        let _lock = self.lock(key)?;
        let (folder, path) = (self.folder_of(key), self.path_of(key));
        // Between the two renames the metadata must name the newer of both versions: then who
        // reads without us gets Metaflow's error about the version and no wrong bytes.
        let metadata_first = to.version() > from.version();
        if has_metadata(key) && metadata_first {
            self.write_metadata(key, to)?;
            flush_folder(&folder)?;
        }
        fs::rename(&partial.path, &path).map_err(|error| failed("replace", &path, error))?;
        partial.published = true;
        flush_folder(&folder)?;
        if has_metadata(key) && !metadata_first {
            self.write_metadata(key, to)?;
            flush_folder(&folder)?;
        }
        Ok(())
    }

    fn write_metadata(&self, key: &Key, form: Form) -> Result<()> {
        let mut partial = self.begin()?;
        partial.write(form.to_metadata().as_bytes())?;
        if self.durability == Durability::Full {
            partial.flush()?;
        }
        let path = self.metadata_path_of(key);
        fs::rename(&partial.path, &path).map_err(|error| failed("create", &path, error))?;
        partial.published = true;
        Ok(())
    }

    /// The folder of `key`, which it makes.
    fn ensure_folder(&self, key: &Key) -> Result<PathBuf> {
        let folder = self.folder_of(key);
        if let Err(error) = fs::create_dir(&folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(failed("create", &folder, error));
        }
        if self.durability == Durability::Full {
            let mut flushed = self
                .flushed
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            // Whoever made it may not have come to this.
            if !flushed.contains(&key.fan()) {
                flush_folder(&self.root)?;
                flushed.push(key.fan());
            }
        }
        Ok(folder)
    }

    /// Everything that was written to this file system reaches the disk.
    pub(crate) fn flush_all(&self) -> Result<()> {
        let flushed = File::open(&self.root).and_then(|root| Ok(rustix::fs::syncfs(&root)?));
        flushed.map_err(|error| failed("flush", &self.root, error))
    }

    /// Every blob, in the order of its path.
    pub(crate) fn list(&self) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for folder in names(&self.root)? {
            if folder.len() != 2 {
                continue;
            }
            for name in names(&self.root.join(&folder))? {
                let Some(key) = name.parse::<Key>().ok().filter(|key| key.fan() == folder) else {
                    continue;
                };
                let path = self.path_of(&key);
                match fs::metadata(&path) {
                    Ok(meta) => found.push(Found {
                        key,
                        stored_bytes: meta.len(),
                        modified: meta.modified().ok(),
                    }),
                    // Removed since it was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed("look at", &path, error)),
                }
            }
        }
        Ok(found)
    }

    /// Removes a blob that has not been written or found again since `before`; whether it did.
    pub(crate) fn remove_older(&self, key: &Key, before: SystemTime) -> Result<bool> {
        self.prepare()?;
        let _lock = self.lock(key)?;
        let path = self.path_of(key);
        let modified = match fs::metadata(&path).and_then(|meta| meta.modified()) {
            Ok(modified) => modified,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed("look at", &path, error)),
        };
        if modified >= before {
            return Ok(false);
        }
        // The blob first: metadata without a blob means nothing.
        fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        let metadata = self.metadata_path_of(key);
        match fs::remove_file(&metadata) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &metadata, error))
            }
            _ => Ok(true),
        }
    }

    /// Removes what writers that died left behind before `before`; how many files. Only looks when
    /// `dry_run`.
    pub(crate) fn remove_leftovers(&self, before: SystemTime, dry_run: bool) -> Result<usize> {
        let folder = self.root.join(OWN_FOLDER).join("partial");
        let mut count = 0;
        for name in names(&folder)? {
            let path = folder.join(name);
            let modified = fs::metadata(&path).and_then(|meta| meta.modified());
            if modified.is_ok_and(|modified| modified < before) {
                count += 1;
                if !dry_run {
                    // Somebody may have been faster.
                    let _ = fs::remove_file(&path);
                }
            }
        }
        Ok(count)
    }
}

/// The names in a folder, in order; none if there is no folder.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed("list", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("list", folder, error))?;
        // What is not UTF-8 is none of ours.
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn flush_folder(folder: &Path) -> Result<()> {
    let flushed = File::open(folder).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| failed("flush", folder, error))
}

fn failed(operation: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {operation} {}", path.display()), error)
}

impl OpenFile {
    /// Its length, if it may be brought into memory.
    pub(crate) fn len(&self, limits: &Limits) -> Result<usize> {
        let allowed = self.stored_bytes <= limits.content_bytes_max.saturating_add(1 << 20);
        usize::try_from(self.stored_bytes)
            .ok()
            .filter(|_| allowed)
            .ok_or_else(|| {
                let context = format!("blob {} is {} bytes long", self.key, self.stored_bytes);
                Error::new(ErrorKind::LimitExceeded, context)
            })
    }

    pub(crate) fn read_at(&self, start: u64, out: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(out, start)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    Error::corrupt(format!("blob {} is cut off", self.key))
                }
                _ => Error::io(format!("cannot read blob {}", self.key), error),
            })
    }
}

impl Partial {
    /// Appends.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| failed("write", &self.path, error))
    }

    /// Leaves room for `bytes` that come later, by [`Partial::write_at_start`].
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<()> {
        let moved = self.file.seek(SeekFrom::Start(bytes));
        moved
            .map(drop)
            .map_err(|error| failed("write", &self.path, error))
    }

    pub(crate) fn write_at_start(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all_at(bytes, 0);
        written.map_err(|error| failed("write", &self.path, error))
    }

    /// The bytes reach the disk, or the file is given up: what a failed flush left in memory
    /// cannot be trusted to be written by a second one.
    fn flush(&self) -> Result<()> {
        let flushed = self.file.sync_data();
        flushed.map_err(|error| failed("flush", &self.path, error))
    }

    /// The bytes as they are now, to be checked before they take anybody's place.
    pub(crate) fn read_back(&self) -> Result<fastdata_memory::PooledBuffer> {
        let read = || -> io::Result<_> {
            let len = self.file.metadata()?.len() as usize;
            let mut bytes = fastdata_memory::PooledBuffer::with_len(len);
            self.file.read_exact_at(bytes.as_mut_slice(), 0)?;
            Ok(bytes)
        };
        read().map_err(|error| failed("read", &self.path, error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.published {
            // The collector removes what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
