//! Verify, collect, migrate.

use std::collections::HashSet;
use std::path::Path;

use fastdata::blobs::{Blobs, GcOptions, Key, MigrateOptions};

use super::content;
use super::meter::Meter;
use crate::args::FormArg;
use crate::cmd::{print, to_json};
use crate::config::blob;
use crate::failure::{Failure, FailureKind};

#[derive(serde::Serialize)]
struct Fault {
    key: String,
    error: String,
}

fn faults(found: &[(Key, fastdata::blobs::Error)]) -> Vec<Fault> {
    let fault = |(key, error): &(Key, fastdata::blobs::Error)| Fault {
        key: key.to_string(),
        error: Failure::of(FailureKind::Other, error).line(),
    };
    found.iter().map(fault).collect()
}

fn total_bytes(blobs: &Blobs) -> Result<u64, Failure> {
    Ok(blobs.list()?.iter().map(|listed| listed.stored_bytes).sum())
}

#[derive(serde::Serialize)]
struct Verified {
    schema: &'static str,
    blob_count: usize,
    checked_count: usize,
    content_bytes: u64,
    broken: Vec<Fault>,
}

pub(super) fn verify(blobs: &Blobs, share: f64, json: bool, progress: bool) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Failure::usage(format!("--share {share}: 0 to 1")));
    }
    let total_bytes = if progress { total_bytes(blobs)? } else { 0 };
    let meter = Meter::new(progress, (total_bytes as f64 * share) as u64);
    let report = blobs.verify(share, &|bytes| meter.add(bytes))?;
    drop(meter);
    let record = Verified {
        schema: "fastdata.blob.verify/1",
        blob_count: report.blob_count,
        checked_count: report.checked_count,
        content_bytes: report.content_bytes,
        broken: faults(&report.broken),
    };
    if json {
        print(&to_json(&record)?)?;
    } else {
        let mut text: String = record
            .broken
            .iter()
            .map(|fault| format!("{} {}\n", fault.key, fault.error))
            .collect();
        text += &format!(
            "{} of {} blobs checked, {} bytes, {} broken\n",
            record.checked_count,
            record.blob_count,
            record.content_bytes,
            record.broken.len()
        );
        print(&text)?;
    }
    match record.broken.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            FailureKind::CorruptData,
            format!("{count} blobs are broken"),
        )),
    }
}

#[derive(serde::Serialize)]
struct Collected {
    schema: &'static str,
    dry_run: bool,
    kept_count: usize,
    young_count: usize,
    removed_count: usize,
    removed_bytes: u64,
    leftover_count: usize,
    removed: Vec<String>,
    missing: Vec<String>,
}

pub(super) fn gc(
    blobs: &Blobs,
    roots: &Path,
    grace: &str,
    delete: bool,
    json: bool,
) -> Result<(), Failure> {
    let mut options = GcOptions::default();
    options.grace = blob::grace(grace)?;
    options.dry_run = !delete;
    let text = content::read(roots)?;
    let text = str::from_utf8(&text)
        .map_err(|_| Failure::usage(format!("{} is no text", roots.display())))?;
    // A line that is no key must not cost a blob its life.
    let keys = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(blob::key);
    let keys: HashSet<Key> = keys.collect::<Result<_, _>>()?;
    let report = blobs.gc(&keys, options)?;
    let names = |keys: &[Key]| keys.iter().map(Key::to_string).collect::<Vec<_>>();
    let record = Collected {
        schema: "fastdata.blob.gc/1",
        dry_run: options.dry_run,
        kept_count: report.kept_count,
        young_count: report.young_count,
        removed_count: report.removed.len(),
        removed_bytes: report.removed_bytes,
        leftover_count: report.leftover_count,
        removed: names(&report.removed),
        missing: names(&report.missing),
    };
    if json {
        return print(&to_json(&record)?);
    }
    let mut text: String = record
        .removed
        .iter()
        .map(|key| format!("{key}\n"))
        .collect();
    text += &format!(
        "{} {} blobs of {} bytes; {} are named and {} too young; {} leftovers; {} named blobs are \
         missing\n",
        if options.dry_run {
            "would remove"
        } else {
            "removed"
        },
        record.removed_count,
        record.removed_bytes,
        record.kept_count,
        record.young_count,
        record.leftover_count,
        record.missing.len()
    );
    print(&text)
}

#[derive(serde::Serialize)]
struct Migrated {
    schema: &'static str,
    dry_run: bool,
    unchanged_count: usize,
    migrated_count: usize,
    before_bytes: u64,
    after_bytes: u64,
    failed: Vec<Fault>,
}

pub(super) fn migrate(
    blobs: &Blobs,
    to: FormArg,
    dry_run: bool,
    json: bool,
    progress: bool,
) -> Result<(), Failure> {
    let mut options = MigrateOptions::to(blob::way(to));
    options.dry_run = dry_run;
    let meter = Meter::new(progress, if progress { total_bytes(blobs)? } else { 0 });
    let report = blobs.migrate(options, &|bytes| meter.add(bytes))?;
    drop(meter);
    let record = Migrated {
        schema: "fastdata.blob.migrate/1",
        dry_run,
        unchanged_count: report.unchanged_count,
        migrated_count: report.migrated_count,
        before_bytes: report.before_bytes,
        after_bytes: report.after_bytes,
        failed: faults(&report.failed),
    };
    if json {
        print(&to_json(&record)?)?;
    } else {
        let mut text: String = record
            .failed
            .iter()
            .map(|fault| format!("{} {}\n", fault.key, fault.error))
            .collect();
        text += &format!(
            "{} {} blobs, {} bytes to {}; {} had the form already; {} stay as they are\n",
            if dry_run { "would migrate" } else { "migrated" },
            record.migrated_count,
            record.before_bytes,
            record.after_bytes,
            record.unchanged_count,
            record.failed.len()
        );
        print(&text)?;
    }
    match record.failed.len() {
        0 => Ok(()),
        count => Err(Failure::new(
            FailureKind::Partial,
            format!("{count} blobs were not migrated"),
        )),
    }
}
