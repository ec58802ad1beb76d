//! Upkeep: are all blobs whole, which are nobody's, and how are they stored.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use fastdata_codec::{Check, Key, Limits, Mode};
use fastdata_store::{Location, StoreConfig};

use crate::backend::{Backend, Found, Remote};
use crate::body::{self, Draft};
use crate::crowd;
use crate::form::{Form, WriteAs, has_metadata};
use crate::{Blobs, Error, ErrorKind, Result};

/// What a check of all or some blobs found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Blobs in the store.
    pub blob_count: usize,
    /// Blobs that were read.
    pub checked_count: usize,
    /// Bytes of their contents.
    pub content_bytes: u64,
    /// Blobs that are not what their keys say, with what is wrong.
    pub broken: Vec<(Key, Error)>,
}

/// What the collector is asked to do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct GcOptions {
    /// Blobs that were written or found again within this time stay, whoever names them: their
    /// writers may not have come to that yet. 24 hours by default.
    pub grace: Duration,
    /// Only tell what would be removed.
    pub dry_run: bool,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(24 * 3600),
            dry_run: true,
        }
    }
}

/// What the collector did, or would have done.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// Blobs that roots name.
    pub kept_count: usize,
    /// Blobs that no root names and that are too young to go.
    pub young_count: usize,
    /// Blobs removed.
    pub removed: Vec<Key>,
    /// Bytes of their bodies.
    pub removed_bytes: u64,
    /// Files of writers that died, removed.
    pub leftover_count: usize,
    /// Roots that name no blob: somebody misses them.
    pub missing: Vec<Key>,
}

/// What a migration is asked to do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct MigrateOptions {
    /// The form that blobs are to have; keys stay as they are.
    pub to: WriteAs,
    /// Only tell what would change.
    pub dry_run: bool,
}

impl MigrateOptions {
    /// To `to`, for real.
    pub fn to(to: WriteAs) -> Self {
        Self { to, dry_run: false }
    }
}

/// What a migration did, or would have done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MigrateReport {
    /// Blobs that had the form already.
    pub unchanged_count: usize,
    /// Blobs rewritten.
    pub migrated_count: usize,
    /// Bytes of the bodies of these before.
    pub before_bytes: u64,
    /// And after.
    pub after_bytes: u64,
    /// Blobs that stay as they were, with the reason.
    pub failed: Vec<(Key, Error)>,
}

impl Blobs {
    /// Reads blobs and compares them with their keys; of `share` from 0 to 1 of them, chosen by
    /// their hashes, so that the same ones are chosen each time. `seen` is told of each.
    ///
    /// # Errors
    /// Those of the listing; what is wrong with a blob goes into the report.
    pub fn verify(&self, share: f64, seen: &(dyn Fn(u64) + Sync)) -> Result<VerifyReport> {
        let found = self.backend.list()?;
        let blob_count = found.len();
        let chosen: Vec<Found> = found
            .into_iter()
            .filter(|found| is_chosen(&found.key, share))
            .collect();
        let results = crowd::each(chosen.len(), self.width(), |idx| {
            let Some(found) = chosen.get(idx) else {
                return Ok(Ok(0));
            };
            let result = self.checked(&found.key);
            seen(found.stored_bytes);
            Ok(result)
        })?;
        let mut report = VerifyReport {
            blob_count,
            checked_count: chosen.len(),
            ..VerifyReport::default()
        };
        for (found, result) in chosen.iter().zip(results) {
            match result {
                Ok(content_bytes) => report.content_bytes += content_bytes,
                // Removed since it was listed.
                Err(error) if error.kind() == ErrorKind::NotFound => report.checked_count -= 1,
                Err(error) => report.broken.push((found.key, error)),
            }
        }
        Ok(report)
    }

    fn checked(&self, key: &Key) -> Result<u64> {
        let limits = &self.options.limits;
        let (body, form) = self.backend.read(key, limits)?;
        Ok(body::decode(&body, form, key, Check::Hash, limits)?.len() as u64)
    }

    /// Removes blobs that none of `roots` names and that nobody wrote or found again within the
    /// grace.
    ///
    /// First everything is listed and marked; then each candidate is looked at once more, where
    /// writers are kept out for that moment (in folders), and removed if it is still old.
    ///
    /// # Errors
    /// [`Storage`](ErrorKind::Storage), [`Denied`](ErrorKind::Denied); what was removed before
    /// stays removed.
    pub fn gc(&self, roots: &HashSet<Key>, options: GcOptions) -> Result<GcReport> {
        let before = SystemTime::now().checked_sub(options.grace);
        let before = before.unwrap_or(SystemTime::UNIX_EPOCH);
        let mut report = GcReport::default();
        let mut candidates = Vec::new();
        let mut there = HashSet::new();
        for found in self.backend.list()? {
            there.insert(found.key);
            if roots.contains(&found.key) {
                report.kept_count += 1;
            } else if found.modified.is_none_or(|modified| modified >= before) {
                report.young_count += 1;
            } else {
                candidates.push(found);
            }
        }
        report.missing = roots
            .iter()
            .filter(|root| !there.contains(root))
            .copied()
            .collect();
        report.missing.sort_unstable();
        let removed = crowd::each(candidates.len(), self.width(), |idx| {
            match candidates.get(idx) {
                Some(_) if options.dry_run => Ok(true),
                Some(found) => self.remove_older(&found.key, before),
                None => Ok(false),
            }
        })?;
        for (found, removed) in candidates.iter().zip(removed) {
            match removed {
                true => {
                    report.removed.push(found.key);
                    report.removed_bytes += found.stored_bytes;
                }
                false => report.young_count += 1,
            }
        }
        if let Backend::Folder(folder) = &self.backend {
            report.leftover_count = folder.remove_leftovers(before, options.dry_run)?;
        }
        Ok(report)
    }

    fn remove_older(&self, key: &Key, before: SystemTime) -> Result<bool> {
        match &self.backend {
            Backend::Folder(folder) => folder.remove_older(key, before),
            Backend::Remote(remote) => remote.remove_older(key, before),
        }
    }

    /// Gives blobs another form in place. Can be stopped at any moment and begun again: what has
    /// the form is left alone, and what replaces a blob was read back and has its key.
    ///
    /// # Errors
    /// Those of the listing; what goes wrong with a blob goes into the report.
    pub fn migrate(
        &self,
        options: MigrateOptions,
        seen: &(dyn Fn(u64) + Sync),
    ) -> Result<MigrateReport> {
        let found = self.backend.list()?;
        let results = crowd::each(found.len(), self.width(), |idx| {
            let Some(found) = found.get(idx) else {
                return Ok(Ok(None));
            };
            let result = self.migrate_one(found, options);
            seen(found.stored_bytes);
            Ok(result)
        })?;
        let mut report = MigrateReport::default();
        for (found, result) in found.iter().zip(results) {
            match result {
                Ok(None) => report.unchanged_count += 1,
                Ok(Some(after_bytes)) => {
                    report.migrated_count += 1;
                    report.before_bytes += found.stored_bytes;
                    report.after_bytes += after_bytes;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => report.failed.push((found.key, error)),
            }
        }
        Ok(report)
    }

    /// The new length of the body; `None` when it has the form.
    fn migrate_one(&self, found: &Found, options: MigrateOptions) -> Result<Option<u64>> {
        let (key, limits) = (&found.key, &self.options.limits);
        let (body, from) = self.backend.read(key, limits)?;
        let to = match (options.to, has_metadata(key)) {
            (WriteAs::Blobs(mode), true) => WriteAs::MetaflowBlobs(mode),
            (WriteAs::Blobs(_) | WriteAs::MetaflowBlobs(_), _) => options.to,
            (_, true) => options.to,
            (_, false) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("blob {key} has a BLAKE3 key, under which only version 3 is stored"),
                ));
            }
        };
        // What its metadata says, and what it is: a migration may have been stopped between.
        let is_form = match from {
            Form::Blob => Form::of_bytes(&body) == Some(Form::Blob),
            Form::Lz4 => Form::of_bytes(&body) == Some(Form::Lz4),
            _ => true,
        };
        if to.writes(from) && is_form {
            return Ok(None);
        }
        let content = body::decode(&body, from, key, Check::Hash, limits)?;
        let draft = Draft::new(&content, to)?;
        if options.dry_run {
            return Ok(Some(draft.into_body()?.0.len() as u64));
        }
        match &self.backend {
            Backend::Folder(folder) => {
                let mut partial = folder.begin()?;
                let form = draft.write_to(&mut partial)?;
                let written = partial.read_back()?.into_bytes();
                same(&written, form, key, limits)?;
                folder.replace(partial, key, from, form)?;
                Ok(Some(written.len() as u64))
            }
            Backend::Remote(remote) => {
                let (body, form) = draft.into_body()?;
                same(&body, form, key, limits)?;
                let after_bytes = body.len() as u64;
                remote.replace(key, form, body)?;
                Ok(Some(after_bytes))
            }
        }
    }

    /// How many bytes the content of a blob would take as version 3 of `mode`.
    ///
    /// # Errors
    /// As [`Blobs::load`].
    pub fn would_take(&self, key: &Key, mode: Mode) -> Result<u64> {
        body::packed_bytes(&self.load(key)?, mode)
    }
}

/// That a body that is to replace another one holds what its key says.
fn same(body: &bytes::Bytes, form: Form, key: &Key, limits: &Limits) -> Result<()> {
    body::decode(body, form, key, Check::Hash, limits).map(drop)
}

fn is_chosen(key: &Key, share: f64) -> bool {
    // The last bytes: the first decide about folders, which may be looked at one by one.
    let last = key
        .as_bytes()
        .last_chunk::<4>()
        .copied()
        .unwrap_or_default();
    f64::from(u32::from_le_bytes(last)) < share * (f64::from(u32::MAX) + 1.0)
}

/// The roots of stores at or below an address: itself, `data` in it, and `<flow>/data` for each
/// flow, as a Metaflow datastore has them.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) for a folder that does not exist, and those of the listing.
pub fn roots_below(address: &str, store: &StoreConfig) -> Result<Vec<String>> {
    let location = Location::parse(address)?;
    if let Some(path) = location.local_path() {
        return roots_in_folder(path);
    }
    let store = fastdata_store::open(store.clone());
    let remote = Remote::new(store, location, Duration::ZERO)?;
    let names = remote.names()?;
    let roots: BTreeSet<String> = names
        .iter()
        .filter_map(|name| {
            let (folder, key) = name.rsplit_once('/')?;
            let (root, fan) = folder.rsplit_once('/')?;
            let key: Key = key.parse().ok()?;
            (key.fan() == fan).then(|| root.to_owned())
        })
        .collect();
    Ok(roots.into_iter().collect())
}

fn roots_in_folder(path: &Path) -> Result<Vec<String>> {
    let what = || format!("cannot list {}", path.display());
    let entries = std::fs::read_dir(path).map_err(|error| Error::io(what(), error))?;
    let mut folders = vec![path.to_owned(), path.join("data")];
    for entry in entries {
        folders.push(
            entry
                .map_err(|error| Error::io(what(), error))?
                .path()
                .join("data"),
        );
    }
    folders.sort_unstable();
    folders.dedup();
    let is_fan = |name: &str| name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let has_blobs = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|entry| entry.file_name().to_str().is_some_and(is_fan))
    };
    let roots = folders.into_iter().filter(|folder| has_blobs(folder));
    Ok(roots
        .filter_map(|root| root.to_str().map(str::to_owned))
        .collect())
}
