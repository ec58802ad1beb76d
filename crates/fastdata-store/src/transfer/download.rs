//! One object into one file: under a temporary name, then renamed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::FallocateFlags;
use tokio::sync::Semaphore;

use super::fetching::Fetching;
use super::unfinished;
use crate::{Checksum, ChecksumAlgorithm, Error, ErrorKind, ObjectMeta, ObjectStat, Result, Store};

/// What one read asks for.
pub(super) const PART_BYTES: u64 = 8 << 20;

/// Memory is counted in units of this.
pub(super) const UNIT_BYTES: u64 = 64 << 10;

/// What is known about the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// They have the checksum that the store says.
    Verified(Checksum),
    /// The store has no checksum of the whole object.
    NotVerifiable,
    /// The store has a SHA-256, for which all has to be read once more, and nobody asked for that.
    NotAsked,
}

/// A file that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Its size in bytes.
    pub bytes: u64,
    /// How much of it an earlier run had brought already.
    pub bytes_resumed: u64,
    /// Whether its checksum was compared.
    pub verification: Verification,
}

/// What the store has said of an object's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That is in the object's stat, also when it is none.
    Already,
    /// Nothing yet: a listing says none.
    Nothing,
}

/// How a download is done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How {
    /// Compare checksums that take another reading too.
    pub(super) verify: bool,
    pub(super) resume: bool,
    /// Wait for the disk before and behind the renaming.
    pub(super) fsync: bool,
}

/// What all downloads of a run share.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) store: Arc<dyn Store>,
    /// In units of [`UNIT_BYTES`].
    pub(super) memory: Arc<Semaphore>,
    pub(super) memory_units: u32,
    pub(super) progress: Arc<Counters>,
    /// The algorithm by which the last object had its checksum.
    pub(super) usual_checksum: Arc<Mutex<ChecksumAlgorithm>>,
}

/// How far everything is.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) files_done: AtomicU64,
    pub(super) files_planned: AtomicU64,
    pub(super) bytes_done: AtomicU64,
    pub(super) bytes_planned: AtomicU64,
    /// What has been asked for.
    pub(super) bytes_begun: AtomicU64,
}

impl Counters {
    /// So much is to be moved beside what was known before.
    pub(super) fn plan(&self, files: usize, bytes: u64) {
        self.files_planned
            .fetch_add(files as u64, Ordering::Relaxed);
        self.bytes_planned.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much has been moved.
    pub(super) fn moved(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much is asked for; returns what there is to ask for behind it.
    pub(super) fn begun(&self, bytes: u64) -> u64 {
        let begun = self.bytes_begun.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let planned = self.bytes_planned.load(Ordering::Relaxed);
        planned.saturating_sub(begun)
    }

    /// A file has come to its end, whatever that is.
    pub(super) fn ended(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Desk {
    /// Waits for memory for `bytes`; more than there is becomes all there is.
    pub(super) async fn memory(&self, bytes: u64) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let units = units.clamp(1, self.memory_units);
        // An error means that the semaphore was closed, which nobody does.
        Arc::clone(&self.memory)
            .acquire_many_owned(units)
            .await
            .ok()
    }
}

/// The file in the making, and the notes by which a later run goes on.
pub(super) struct Pending {
    pub(super) path: PathBuf,
    pub(super) notes: Option<PathBuf>,
    pub(super) file: Arc<File>,
    kept: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.kept {
            // It may be gone with its folder.
            let _ = fs::remove_file(&self.path);
        }
        unfinished::forget(&self.path);
    }
}

pub(super) fn io_error(what: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Denied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::LimitExceeded
        }
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot {what} {}", path.display())).with_source(error)
}

/// Brings an object of known size into `path`; `told` is what the store has said of it by itself.
pub(super) async fn download(
    desk: &Desk,
    stat: &ObjectStat,
    told: Told,
    path: &Path,
    how: How,
) -> Result<Downloaded> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if path.is_dir() {
        let context = format!("cannot write {}: it is a folder", path.display());
        return Err(Error::new(ErrorKind::Io, context));
    }
    fs::create_dir_all(folder).map_err(|error| io_error("make the folder", folder, error))?;
    let (mut pending, done) = begin(path, stat, how.resume)?;
    let bytes_resumed = done
        .iter()
        .map(|index| part(stat.size_bytes, *index).1)
        .sum();
    desk.progress.moved(bytes_resumed);
    let fetching = Fetching::new(desk, stat, &pending, told, how);
    let verification = fetching.run(&done).await?;
    if let Some(modified) = stat.modified {
        // By it a later sync sees that nothing has changed.
        let set = pending.file.set_modified(modified);
        set.map_err(|error| io_error("date", &pending.path, error))?;
    }
    if how.fsync {
        let synced = pending.file.sync_all();
        synced.map_err(|error| io_error("sync", &pending.path, error))?;
    }
    let renamed = fs::rename(&pending.path, path);
    renamed.map_err(|error| io_error("write", path, error))?;
    pending.kept = true;
    if how.fsync {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| io_error("sync", folder, error))?;
    }
    if let Some(notes) = &pending.notes {
        // Notes without their file are no use to anybody.
        let _ = fs::remove_file(notes);
    }
    Ok(Downloaded {
        bytes: stat.size_bytes,
        bytes_resumed,
        verification,
    })
}

/// Offset and length of a part.
pub(super) fn part(size_bytes: u64, index: u64) -> (u64, u64) {
    let start = index * PART_BYTES;
    (start, size_bytes.saturating_sub(start).min(PART_BYTES))
}

/// Opens the temporary file with room for everything, and finds which parts it has already.
fn begin(path: &Path, stat: &ObjectStat, resume: bool) -> Result<(Pending, BTreeSet<u64>)> {
    let etag = stat.etag.as_deref().filter(|_| resume);
    let Some(etag) = etag else {
        let temporary = crate::local::temporary_path(path);
        let file = unfinished::create(&temporary);
        let file = file.map_err(|error| io_error("write", &temporary, error))?;
        let pending = Pending {
            path: temporary,
            notes: None,
            file: Arc::new(file),
            kept: false,
        };
        reserve(&pending, stat.size_bytes)?;
        return Ok((pending, BTreeSet::new()));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let short: String = name.chars().take(60).collect();
    let key = Checksum::of(crate::ChecksumAlgorithm::Crc64Nvme, name.as_bytes()).value;
    let key = key.replace('/', "_");
    let temporary = path.with_file_name(format!(".{short}.{key}.fastdata-resume.part"));
    let notes = temporary.with_extension("notes");
    let title = format!("{} {} {PART_BYTES}", stat.size_bytes, etag);
    let mut done = BTreeSet::new();
    let known = fs::read_to_string(&notes).unwrap_or_default();
    let mut lines = known.lines();
    if lines.next() == Some(title.as_str()) && temporary.is_file() {
        // The last line may have been cut by whatever ended the earlier run.
        let is_whole = known.ends_with('\n');
        let mut numbers: Vec<&str> = lines.collect();
        if !is_whole {
            numbers.pop();
        }
        let last = stat.size_bytes.div_ceil(PART_BYTES);
        let numbers = numbers.into_iter().filter_map(|line| line.parse().ok());
        done.extend(numbers.filter(|index: &u64| *index < last));
    } else {
        fs::write(&notes, format!("{title}\n"))
            .map_err(|error| io_error("write", &notes, error))?;
    }
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&temporary);
    let file = file.map_err(|error| io_error("write", &temporary, error))?;
    // Two runs on one file would write each other's notes.
    if file.try_lock().is_err() {
        let context = format!("{} is being downloaded by another process", path.display());
        return Err(Error::new(ErrorKind::Io, context));
    }
    let pending = Pending {
        path: temporary,
        notes: Some(notes),
        file: Arc::new(file),
        kept: true,
    };
    reserve(&pending, stat.size_bytes)?;
    Ok((pending, done))
}

/// A disk that is too small is told before the first byte is fetched.
fn reserve(pending: &Pending, size_bytes: u64) -> Result<()> {
    if size_bytes == 0 {
        return Ok(());
    }
    let done = rustix::fs::fallocate(&pending.file, FallocateFlags::empty(), 0, size_bytes);
    let done = match done {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            pending.file.set_len(size_bytes)
        }
        done => done.map_err(io::Error::from),
    };
    done.map_err(|error| io_error("reserve room for", &pending.path, error))
}

/// Notes that part `index` has come. What is noted has to be in the file, whatever happens to the
/// machine.
pub(super) fn note(notes: &Path, file: &File, index: u64) -> io::Result<()> {
    file.sync_data()?;
    let mut notes = File::options().append(true).open(notes)?;
    notes.write_all(format!("{index}\n").as_bytes())
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Network, "the transfer was stopped")
}

/// What a listing says, as far as a download needs it.
pub(super) fn stat_of(meta: &ObjectMeta) -> ObjectStat {
    ObjectStat {
        location: meta.location.clone(),
        size_bytes: meta.size_bytes,
        modified: meta.modified,
        etag: meta.etag.clone(),
        content_type: None,
        checksum: None,
        parts: None,
        metadata: std::collections::BTreeMap::new(),
    }
}
