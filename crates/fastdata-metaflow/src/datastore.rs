//! Where runs lie: a local folder or a prefix in a bucket, with small files by path and blobs by
//! key.

mod folder;
mod remote;

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fastdata_cas::{Blobs, BlobsOptions, Durability, WriteAs};
use fastdata_store::{Location, Scheme, StoreConfig};
use futures::{StreamExt, TryStreamExt};

use folder::{list_folder, walk, write_file};
use remote::Remote;

use crate::{Error, ErrorKind, Result};

/// The folder that Metaflow looks for.
const FOLDER: &str = ".metaflow";

/// Records are small; a longer one is not a record.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// How many files of an object store are on their way at one time.
const CONCURRENCY: usize = 64;

/// How a datastore is used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatastoreOptions {
    /// How artifacts are stored. The default is what every version of Metaflow reads.
    pub write_as: WriteAs,
    /// What saving an artifact in a folder waits for.
    pub durability: Durability,
    /// How object stores are reached.
    pub store: StoreConfig,
}

impl Default for DatastoreOptions {
    fn default() -> Self {
        Self {
            write_as: WriteAs::MetaflowVanilla,
            durability: Durability::default(),
            store: StoreConfig::default(),
        }
    }
}

/// A datastore of Metaflow's layout. Nothing is looked up or created before the first use.
pub struct Datastore {
    place: Place,
    root: String,
    options: DatastoreOptions,
    blobs: Mutex<HashMap<String, Arc<Blobs>>>,
}

enum Place {
    Folder(PathBuf),
    Remote(Remote),
}

/// A file or folder in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// Whether others may lie below it.
    pub is_folder: bool,
}

/// A file anywhere below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// The path from the folder that was asked for.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// Milliseconds since 1970 at which it was written, where the place knows.
    pub modified_ms: Option<i64>,
}

impl fmt::Debug for Datastore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datastore")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Datastore {
    /// The datastore at `root`: a folder `.metaflow`, a folder that has or will have one, or the URL
    /// of a prefix in a bucket.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an address that is none.
    pub fn open(root: &str, store: StoreConfig) -> Result<Self> {
        let options = DatastoreOptions {
            store,
            ..DatastoreOptions::default()
        };
        Self::open_with(root, options)
    }

    /// As [`Datastore::open`], with all options.
    ///
    /// # Errors
    /// As [`Datastore::open`].
    pub fn open_with(root: &str, options: DatastoreOptions) -> Result<Self> {
        let location = Location::parse(root)?;
        let (place, root) = match location.local_path() {
            Some(path) => {
                let path = metaflow_folder(path);
                let root = path.to_str();
                let root =
                    root.ok_or_else(|| Error::invalid("the datastore's path is not UTF-8"))?;
                let root = root.to_owned();
                (Place::Folder(path), root)
            }
            None => {
                let root = location.to_string().trim_end_matches('/').to_owned();
                let location = Location::parse(&root)?;
                (Place::Remote(Remote::new(location, &options.store)?), root)
            }
        };
        Ok(Self {
            place,
            root,
            options,
            blobs: Mutex::default(),
        })
    }

    /// The datastore that Metaflow would use here: by its environment variables, else the nearest
    /// `.metaflow` upwards of the current directory, else one in it.
    ///
    /// # Errors
    /// [`Storage`](ErrorKind::Storage) when the current directory is not there.
    pub fn default_root() -> Result<String> {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if var("METAFLOW_DEFAULT_DATASTORE").as_deref() == Some("s3")
            && let Some(root) = var("METAFLOW_DATASTORE_SYSROOT_S3")
        {
            return Ok(root);
        }
        if let Some(root) = var("METAFLOW_DATASTORE_SYSROOT_LOCAL") {
            let root = PathBuf::from(root).join(FOLDER);
            return Ok(root.to_string_lossy().into_owned());
        }
        let here = std::env::current_dir();
        let here = here.map_err(|error| Error::io("cannot find the current directory", error))?;
        let found = here
            .ancestors()
            .map(|folder| folder.join(FOLDER))
            .find(|folder| folder.is_dir());
        let found = found.unwrap_or_else(|| here.join(FOLDER));
        Ok(found.to_string_lossy().into_owned())
    }

    /// What Metaflow calls this kind of datastore.
    pub fn kind(&self) -> &'static str {
        match &self.place {
            Place::Folder(_) => "local",
            Place::Remote(remote) => match remote.root.scheme() {
                Scheme::Gcs => "gs",
                Scheme::Azure => "azure",
                _ => "s3",
            },
        }
    }

    /// The root as Metaflow writes it down: an absolute path or a URL, no slash at its end.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// How it is used.
    pub fn options(&self) -> &DatastoreOptions {
        &self.options
    }

    /// The path of a file on this machine, if it is one: for logs, which grow.
    pub fn local_path(&self, path: &str) -> Option<PathBuf> {
        match &self.place {
            Place::Folder(root) => Some(root.join(path)),
            Place::Remote(_) => None,
        }
    }

    /// The store of the artifacts of a flow.
    ///
    /// # Errors
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a name that is none.
    pub fn blobs(&self, flow: &str) -> Result<Arc<Blobs>> {
        crate::layout::check_name(flow)?;
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = blobs.get(flow) {
            return Ok(Arc::clone(found));
        }
        let mut options = BlobsOptions::default();
        options.write_as = self.options.write_as;
        options.durability = self.options.durability;
        options.store = self.options.store.clone();
        let opened = Arc::new(Blobs::open(&format!("{}/{flow}/data", self.root), options)?);
        blobs.insert(flow.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    /// A file.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound), [`Denied`](ErrorKind::Denied),
    /// [`Storage`](ErrorKind::Storage).
    pub fn read(&self, path: &str) -> Result<Bytes> {
        match &self.place {
            Place::Folder(root) => {
                let path = root.join(path);
                let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
                fs::read(&path).map(Bytes::from).map_err(failed)
            }
            Place::Remote(remote) => {
                let location = remote.root.join(path);
                let read = remote.store.read(&location, FILE_BYTES_MAX);
                let failed = |error: Error| error.at(format!("cannot read {path}"));
                remote.block_on(read).map_err(failed)
            }
        }
    }

    /// A file, or nothing when there is none.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn try_read(&self, path: &str) -> Result<Option<Bytes>> {
        none_if_missing(self.read(path))
    }

    /// Several files, in order; from an object store many at one time.
    ///
    /// # Errors
    /// As [`Datastore::try_read`], the first that happens.
    pub fn try_read_many(&self, paths: &[String]) -> Result<Vec<Option<Bytes>>> {
        match &self.place {
            Place::Folder(_) => paths.iter().map(|path| self.try_read(path)).collect(),
            Place::Remote(remote) => remote.read_many(paths),
        }
    }

    /// Whether a file is there.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn exists(&self, path: &str) -> Result<bool> {
        match &self.place {
            Place::Folder(root) => Ok(root.join(path).exists()),
            Place::Remote(remote) => {
                let location = remote.root.join(path);
                let stat = remote.block_on(remote.store.stat(&location));
                Ok(none_if_missing(stat)?.is_some())
            }
        }
    }

    /// Writes a file, whole or not at all; what was there is replaced.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn write(&self, path: &str, content: impl Into<Bytes>) -> Result<()> {
        self.put(path, content.into(), false).map(drop)
    }

    /// Writes a file unless it is there, and tells whether it did. Of several who try, one does.
    ///
    /// # Errors
    /// As [`Datastore::write`].
    pub fn create(&self, path: &str, content: impl Into<Bytes>) -> Result<bool> {
        self.put(path, content.into(), true)
    }

    fn put(&self, path: &str, content: Bytes, is_new: bool) -> Result<bool> {
        match &self.place {
            Place::Folder(root) => {
                let path = root.join(path);
                let failed = |error| Error::io(format!("cannot write {}", path.display()), error);
                write_file(&path, &content, is_new).map_err(failed)
            }
            Place::Remote(remote) => remote.block_on(remote.put(path, content, is_new)),
        }
    }

    /// Writes several files, each whole or not at all; into an object store many at one time. They
    /// become visible in no order.
    ///
    /// # Errors
    /// As [`Datastore::write`], the first that happens; others may have been written.
    pub fn write_many(&self, files: Vec<(String, Bytes)>) -> Result<()> {
        match &self.place {
            Place::Folder(_) => files
                .into_iter()
                .try_for_each(|(path, content)| self.write(&path, content)),
            Place::Remote(remote) => {
                let puts = files
                    .iter()
                    .map(|(path, content)| remote.put(path, content.clone(), false));
                let puts = futures::stream::iter(puts).buffer_unordered(CONCURRENCY);
                remote.block_on(puts.try_for_each(|_| async { Ok(()) }))
            }
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn remove(&self, path: &str) -> Result<()> {
        match &self.place {
            Place::Folder(root) => match fs::remove_file(root.join(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::io(format!("cannot remove {path}"), error))
                }
                _ => Ok(()),
            },
            Place::Remote(remote) => {
                let location = remote.root.join(path);
                remote.block_on(remote.store.delete(&location))
            }
        }
    }

    /// What lies in a folder, by name; nothing when there is no such folder.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>> {
        match &self.place {
            Place::Folder(root) => {
                let path = if folder.is_empty() {
                    root.clone()
                } else {
                    root.join(folder)
                };
                let failed = |error| Error::io(format!("cannot list {}", path.display()), error);
                Ok(none_if_missing(list_folder(&path).map_err(failed))?.unwrap_or_default())
            }
            Place::Remote(remote) => remote.list(folder),
        }
    }

    /// Every file below a folder, by path; nothing when there is no such folder.
    ///
    /// # Errors
    /// [`Denied`](ErrorKind::Denied), [`Storage`](ErrorKind::Storage).
    pub fn tree(&self, folder: &str) -> Result<Vec<FileStat>> {
        match &self.place {
            Place::Folder(root) => {
                let mut files = Vec::new();
                let path = root.join(folder);
                let failed = |error| Error::io(format!("cannot list {}", path.display()), error);
                none_if_missing(walk(&path, "", &mut files).map_err(failed))?;
                files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
                Ok(files)
            }
            Place::Remote(remote) => remote.tree(folder),
        }
    }
}

/// `.metaflow` itself, the one in a folder, or a folder that is one under another name.
fn metaflow_folder(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    let inside = path.join(FOLDER);
    let is_one = name.is_some_and(|name| name == FOLDER || name == ".metaflow_spin")
        || (!inside.is_dir() && has_flows(path));
    let folder = if is_one { path.to_owned() } else { inside };
    // As Metaflow does, so that one datastore has one name.
    fs::canonicalize(&folder).unwrap_or(folder)
}

fn has_flows(path: &Path) -> bool {
    let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.any(|entry| {
        entry
            .path()
            .join(crate::layout::META)
            .join("_self.json")
            .is_file()
    })
}

/// Milliseconds since 1970.
fn ms_of(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

fn none_if_missing<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let dir_path = dir.path().canonicalize().unwrap();
        let root = |path: &Path| {
            let store = Datastore::open(path.to_str().unwrap(), StoreConfig::default()).unwrap();
            PathBuf::from(store.root())
        };
        assert_eq!(root(&dir_path), dir_path.join(".metaflow"));
        assert_eq!(
            root(&dir_path.join(".metaflow")),
            dir_path.join(".metaflow")
        );
        // A copy of a datastore under another name.
        fs::create_dir_all(dir_path.join("copy/Flow/_meta")).unwrap();
        fs::write(dir_path.join("copy/Flow/_meta/_self.json"), "{}").unwrap();
        assert_eq!(root(&dir_path.join("copy")), dir_path.join("copy"));
    }

    #[test]
    fn small_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = Datastore::open(dir.path().to_str().unwrap(), StoreConfig::default()).unwrap();
        assert_eq!(
            (store.list("F").unwrap(), store.tree("F").unwrap()),
            (vec![], vec![])
        );
        store.write("F/1/a", "one").unwrap();
        store.write("F/1/a", "two").unwrap();
        assert!(store.create("F/1/b", "three").unwrap());
        assert!(!store.create("F/1/b", "four").unwrap());
        assert_eq!(store.read("F/1/b").unwrap(), "three");
        assert_eq!(store.try_read("F/1/c").unwrap(), None);
        let names: Vec<_> = store
            .tree("F")
            .unwrap()
            .into_iter()
            .map(|file| file.path)
            .collect();
        assert_eq!(names, ["1/a", "1/b"]);
        let entry = Entry {
            name: "1".to_owned(),
            is_folder: true,
        };
        assert_eq!(store.list("F").unwrap(), [entry]);
        assert_eq!(
            fs::read_dir(dir.path().join(".metaflow/F/1"))
                .unwrap()
                .count(),
            2
        );
        store.remove("F/1/b").unwrap();
        store.remove("F/1/b").unwrap();
    }
}
