//! Many objects at a time: downloads, uploads, and what makes two places equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::task::JoinSet;

use super::download::{self, Desk, Downloaded, How, PART_BYTES, Told, Verification};
use super::errands::{Errand, is_marker, refuse_collisions};
use super::names::path_below;
use super::plan::{self, Item};
use super::unfinished;
use super::upload::{self, Upload};
use crate::{Error, ErrorKind, Location, ObjectMeta, PutOptions, Result, Scheme};

/// Files that are open at one time.
const FILES_MAX: usize = 128;

/// How often a download begins anew because the object was replaced.
const RESTARTS: u32 = 2;

/// How things are copied.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// Compare downloads also with checksums for which they have to be read once more. The others are
    /// always compared.
    pub verify: bool,
    /// Keep what has come when a download is interrupted, and go on from there.
    pub resume: bool,
    /// Wait until a downloaded file and its name are on the disk: what was reported as done then
    /// outlives a loss of power. It costs a write of the disk for each file.
    pub fsync: bool,
    /// How objects are written.
    pub put: PutOptions,
}

/// One object that was to be copied.
#[derive(Debug)]
pub struct Copied {
    /// The remote side.
    pub object: Location,
    /// The local side.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Result<Outcome>,
}

/// What a copy brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// An object came.
    Downloaded(Downloaded),
    /// A file went, of so many bytes.
    Uploaded(u64),
    /// A folder was made for its marker.
    Folder,
}

/// One step that makes a destination equal to its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncStep {
    /// The object comes to the path.
    Download(ObjectMeta, PathBuf),
    /// The file becomes the object.
    Upload(PathBuf, Location, u64),
    /// The object cannot be a file there, for this reason.
    Refuse(Location, String),
    /// The object is not in the source.
    Delete(Location),
}

pub(super) async fn get(
    desk: &Desk,
    sources: &[String],
    destination: &Path,
    options: &CopyOptions,
) -> Result<Vec<Copied>> {
    let mut errands = Vec::new();
    let is_folder = destination.is_dir()
        || destination.as_os_str().as_encoded_bytes().ends_with(b"/")
        || sources.len() > 1;
    for source in sources {
        let found = plan::find(desk.store.as_ref(), source).await?;
        for item in found.items {
            let path = match found.is_single && !is_folder {
                true => Ok(destination.to_path_buf()),
                false => path_below(destination, &item.meta.location, &item.relative),
            };
            errands.push(Errand { item, path });
        }
    }
    Ok(download_all(desk, errands, options).await)
}

async fn download_all(desk: &Desk, mut errands: Vec<Errand>, options: &CopyOptions) -> Vec<Copied> {
    refuse_collisions(&mut errands);
    // The largest first: what begins last should not take longest.
    errands.sort_by_key(|errand| std::cmp::Reverse(errand.item.meta.size_bytes));
    let how = How {
        verify: options.verify,
        resume: options.resume,
        fsync: options.fsync,
    };
    let folders = errands
        .iter()
        .filter_map(|errand| errand.path.as_ref().ok()?.parent());
    let folders: BTreeSet<PathBuf> = folders.map(Path::to_path_buf).collect();
    folders.iter().for_each(|folder| unfinished::sweep(folder));
    let mut copied = Vec::with_capacity(errands.len());
    let bytes = errands.iter().map(|errand| errand.item.meta.size_bytes);
    desk.progress.plan(errands.len(), bytes.sum());
    let mut running = JoinSet::new();
    for Errand { item, path } in errands {
        while running.len() >= FILES_MAX {
            copied.extend(ended(running.join_next().await));
        }
        let desk = desk.clone();
        running.spawn(async move {
            let object = item.meta.location.clone();
            match path {
                Err(error) => Copied {
                    object,
                    path: PathBuf::new(),
                    outcome: Err(error),
                },
                Ok(path) => {
                    let outcome = fetch(&desk, item, &path, how).await;
                    desk.progress.ended();
                    Copied {
                        object,
                        path,
                        outcome,
                    }
                }
            }
        });
    }
    while let Some(done) = running.join_next().await {
        copied.extend(ended(Some(done)));
    }
    copied.sort_by(|left, right| left.object.cmp(&right.object));
    copied
}

fn ended(done: Option<std::result::Result<Copied, tokio::task::JoinError>>) -> Option<Copied> {
    match done? {
        Ok(copied) => Some(copied),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

async fn fetch(desk: &Desk, item: Item, path: &Path, how: How) -> Result<Outcome> {
    if is_marker(&item) {
        std::fs::create_dir_all(path)
            .map_err(|error| download::io_error("make the folder", path, error))?;
        return Ok(Outcome::Folder);
    }
    let (mut stat, mut told) = match item.stat {
        Some(stat) => (stat, Told::Already),
        None => (download::stat_of(&item.meta), Told::Nothing),
    };
    let mut restarts_left = RESTARTS;
    loop {
        let done = download::download(desk, &stat, told, path, how).await;
        let wrong = match done {
            Err(error) if restarts_left > 0 => error,
            done => return done.map(Outcome::Downloaded),
        };
        match wrong.kind() {
            // Which part it is, nobody knows.
            ErrorKind::Damaged => restarts_left = 0,
            ErrorKind::Precondition => restarts_left -= 1,
            _ => return Err(wrong),
        }
        (stat, told) = (desk.store.stat(&stat.location).await?, Told::Already);
    }
}

pub(super) async fn put(
    desk: &Desk,
    sources: &[String],
    destination: &Location,
    options: &CopyOptions,
) -> Result<Vec<Copied>> {
    let mut uploads = Vec::new();
    for source in sources {
        uploads.extend(upload::plan(source, destination)?);
    }
    if uploads.len() > 1
        && uploads
            .windows(2)
            .any(|pair| pair[0].object == pair[1].object)
    {
        return Err(Error::invalid(format!(
            "several files would become {destination}: end it with a slash"
        )));
    }
    Ok(upload_all(desk, uploads, &options.put).await)
}

async fn upload_all(desk: &Desk, mut uploads: Vec<Upload>, options: &PutOptions) -> Vec<Copied> {
    uploads.sort_by_key(|upload| std::cmp::Reverse(upload.bytes));
    let bytes = uploads.iter().map(|upload| upload.bytes);
    desk.progress.plan(uploads.len(), bytes.sum());
    let mut copied = Vec::with_capacity(uploads.len());
    let mut running = JoinSet::new();
    for upload in uploads {
        while running.len() >= FILES_MAX {
            copied.extend(ended(running.join_next().await));
        }
        // Large files take their memory part by part.
        let permit = desk.memory(upload.bytes.min(2 * PART_BYTES)).await;
        let (desk, options) = (desk.clone(), options.clone());
        running.spawn(async move {
            let done = desk
                .store
                .put_file(&upload.object, &upload.path, &options)
                .await;
            drop(permit);
            let bytes = upload.bytes;
            if done.is_ok() {
                desk.progress.moved(bytes);
            }
            desk.progress.ended();
            Copied {
                object: upload.object,
                path: upload.path,
                outcome: done.map(|_| Outcome::Uploaded(bytes)),
            }
        });
    }
    while let Some(done) = running.join_next().await {
        copied.extend(ended(Some(done)));
    }
    copied.sort_by(|left, right| left.object.cmp(&right.object));
    copied
}

/// The steps that make `destination` equal to `source`; one of them is local.
pub(super) async fn sync_plan(
    desk: &Desk,
    source: &Location,
    destination: &Location,
    delete: bool,
) -> Result<Vec<SyncStep>> {
    let is_local = |location: &Location| location.scheme() == Scheme::Local;
    if is_local(source) == is_local(destination) {
        return Err(Error::unsupported(
            "one side of a sync has to be local: copies between stores are not supported",
        ));
    }
    let wanted = by_name(plan::below(desk.store.as_ref(), source).await?);
    let mut there = by_name(plan::below(desk.store.as_ref(), destination).await?);
    let mut steps = Vec::new();
    for (name, meta) in wanted {
        let is_same = there
            .remove(&name)
            .is_some_and(|there| is_same(&meta, &there));
        if is_same || (meta.size_bytes == 0 && name.ends_with('/')) {
            continue;
        }
        let bytes = meta.size_bytes;
        steps.push(match destination.local_path() {
            Some(folder) => match path_below(folder, &meta.location, &name) {
                Ok(path) => SyncStep::Download(meta, path),
                Err(error) => SyncStep::Refuse(meta.location, error.to_string()),
            },
            None => {
                let path = meta
                    .location
                    .local_path()
                    .unwrap_or(Path::new(""))
                    .to_path_buf();
                SyncStep::Upload(path, destination.join(&name), bytes)
            }
        });
    }
    if delete {
        steps.extend(
            there
                .into_values()
                .map(|meta| SyncStep::Delete(meta.location)),
        );
    }
    Ok(steps)
}

fn by_name(items: Vec<Item>) -> BTreeMap<String, ObjectMeta> {
    let named = items.into_iter().map(|item| (item.relative, item.meta));
    named.collect()
}

/// Equal size, and not written after the copy.
fn is_same(source: &ObjectMeta, copy: &ObjectMeta) -> bool {
    let time = |meta: &ObjectMeta| meta.modified.unwrap_or(SystemTime::UNIX_EPOCH);
    source.size_bytes == copy.size_bytes && time(source) <= time(copy)
}

pub(super) async fn sync_run(
    desk: &Desk,
    steps: Vec<SyncStep>,
    options: &CopyOptions,
) -> Result<Vec<Copied>> {
    let (mut errands, mut uploads, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let mut refused = Vec::new();
    for step in steps {
        match step {
            SyncStep::Download(meta, path) => errands.push(Errand {
                item: Item {
                    relative: String::new(),
                    meta,
                    stat: None,
                },
                path: Ok(path),
            }),
            SyncStep::Upload(path, object, bytes) => uploads.push(Upload {
                path,
                object,
                bytes,
            }),
            SyncStep::Delete(object) => gone.push(object),
            SyncStep::Refuse(object, why) => refused.push(Copied {
                object,
                path: PathBuf::new(),
                outcome: Err(Error::invalid(why)),
            }),
        }
    }
    let mut copied = download_all(desk, errands, options).await;
    copied.extend(refused);
    copied.extend(upload_all(desk, uploads, &options.put).await);
    // Only when everything has come: what is deleted may be all that there is.
    if copied.iter().all(|copied| copied.outcome.is_ok()) {
        remove(desk, gone).await?;
    }
    Ok(copied)
}

pub(super) async fn remove(desk: &Desk, objects: Vec<Location>) -> Result<()> {
    let mut running = JoinSet::new();
    for object in objects {
        let store = Arc::clone(&desk.store);
        while running.len() >= FILES_MAX {
            check(running.join_next().await)?;
        }
        running.spawn(async move { store.delete(&object).await });
    }
    while let Some(done) = running.join_next().await {
        check(Some(done))?;
    }
    Ok(())
}

fn check(done: Option<std::result::Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match done {
        Some(Ok(done)) => done,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Some(Err(_)) | None => Ok(()),
    }
}

/// A word for what is known about the bytes of a download.
impl std::fmt::Display for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified(checksum) => write!(f, "verified, {checksum}"),
            Self::NotVerifiable => f.write_str("not verifiable: the store has no checksum"),
            Self::NotAsked => f.write_str("not verified: SHA-256 takes another reading"),
        }
    }
}
