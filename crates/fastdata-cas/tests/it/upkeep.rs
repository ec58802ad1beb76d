//! Verify, collect, migrate.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use fastdata_cas::{
    BlobsOptions, Form, GcOptions, HashAlgorithm, MigrateOptions, Mode, WriteAs, roots_below,
};

use crate::contents::{WAYS, several, store, text};

fn grace(seconds: f64) -> GcOptions {
    let mut options = GcOptions::default();
    options.grace = Duration::from_secs_f64(seconds);
    options.dry_run = false;
    options
}

#[test]
fn verify_finds_what_is_broken() {
    for write_as in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let blobs = store(folder.path(), write_as);
        let saved = blobs.save_many(&several()).unwrap();
        let report = blobs.verify(1.0, &|_| {}).unwrap();
        assert_eq!((report.blob_count, report.checked_count), (8, 8));
        assert!(report.broken.is_empty());
        assert_eq!(
            report.content_bytes,
            several().iter().map(|c| c.len() as u64).sum::<u64>()
        );
        let key = saved[3].key;
        let path = folder.path().join(key.fan()).join(key.to_string());
        let body = fs::read(&path).unwrap();
        fs::write(&path, &body[..body.len() - 1]).unwrap();
        let report = blobs.verify(1.0, &|_| {}).unwrap();
        assert_eq!(
            report
                .broken
                .iter()
                .map(|(key, _)| *key)
                .collect::<Vec<_>>(),
            [key]
        );
        assert_eq!(blobs.verify(0.0, &|_| {}).unwrap().checked_count, 0);
    }
}

#[test]
fn the_collector_takes_what_is_old_and_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = store(folder.path(), WriteAs::MetaflowRaw);
    let saved = blobs.save_many(&several()).unwrap();
    let roots: HashSet<_> = saved[..3].iter().map(|saved| saved.key).collect();
    let young = blobs.gc(&roots, grace(3600.0)).unwrap();
    assert_eq!(
        (young.kept_count, young.young_count, young.removed.len()),
        (3, 5, 0)
    );
    std::thread::sleep(Duration::from_millis(300));
    // Found again: young again.
    assert!(!blobs.save(&several()[4]).unwrap().is_new);
    let mut dry = grace(0.2);
    dry.dry_run = true;
    assert_eq!(blobs.gc(&roots, dry).unwrap().removed.len(), 4);
    assert_eq!(blobs.list().unwrap().len(), 8);
    let report = blobs.gc(&roots, grace(0.2)).unwrap();
    assert_eq!(
        (report.kept_count, report.young_count, report.removed.len()),
        (3, 1, 4)
    );
    let left: HashSet<_> = blobs
        .list()
        .unwrap()
        .iter()
        .map(|listed| listed.key)
        .collect();
    assert_eq!(left.len(), 4);
    assert!(left.is_superset(&roots) && left.contains(&saved[4].key));
    let missing = [saved[5].key].into();
    assert_eq!(
        blobs.gc(&missing, grace(3600.0)).unwrap().missing,
        [saved[5].key]
    );
    // No metadata stays behind.
    let names: usize = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != ".fastdata")
        .map(|entry| fs::read_dir(entry.path()).unwrap().count())
        .sum();
    assert_eq!(names, 8);
}

#[test]
fn leftovers_of_dead_writers_go() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = store(folder.path(), WriteAs::default());
    blobs.save(b"something").unwrap();
    fs::write(folder.path().join(".fastdata/partial/dead"), "half a blo").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(
        blobs
            .gc(&HashSet::new(), grace(3600.0))
            .unwrap()
            .leftover_count,
        0
    );
    assert_eq!(
        blobs
            .gc(&HashSet::new(), grace(0.01))
            .unwrap()
            .leftover_count,
        1
    );
    assert_eq!(blobs.list().unwrap().len(), 0);
}

#[test]
fn every_form_to_every_other() {
    let ways = || {
        WAYS.into_iter()
            .filter(|way| way.algorithm() == HashAlgorithm::Sha1)
    };
    for from in ways() {
        for to in ways() {
            let folder = tempfile::tempdir().unwrap();
            let blobs = store(folder.path(), from);
            let contents = several();
            let saved = blobs.save_many(&contents).unwrap();
            let mut dry = MigrateOptions::to(to);
            dry.dry_run = true;
            let planned = blobs.migrate(dry, &|_| {}).unwrap();
            let report = blobs.migrate(MigrateOptions::to(to), &|_| {}).unwrap();
            assert_eq!(planned.migrated_count, report.migrated_count);
            assert_eq!(planned.after_bytes, report.after_bytes);
            assert!(report.failed.is_empty());
            let again = blobs.migrate(MigrateOptions::to(to), &|_| {}).unwrap();
            assert_eq!(again.migrated_count, 0, "{from:?} to {to:?}");
            for (saved, content) in saved.iter().zip(&contents) {
                assert!(blobs.load(&saved.key).unwrap() == *content);
                let form = blobs.stat(&saved.key).unwrap().form;
                match to {
                    WriteAs::MetaflowLz4 => assert_eq!(form, Form::Lz4),
                    WriteAs::MetaflowBlobs(_) => assert_eq!(form, Form::Blob),
                    WriteAs::MetaflowRaw => assert_eq!(form, Form::Raw),
                    _ => assert_eq!(form.version(), 1),
                }
            }
        }
    }
}

#[test]
fn blake3_keys_stay_version_3() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = store(folder.path(), WriteAs::Blobs(Mode::Fast));
    blobs.save(&text(5000)).unwrap();
    let report = blobs
        .migrate(MigrateOptions::to(WriteAs::MetaflowVanilla), &|_| {})
        .unwrap();
    assert_eq!((report.migrated_count, report.failed.len()), (0, 1));
}

#[test]
fn a_datastore_has_a_store_per_flow() {
    let folder = tempfile::tempdir().unwrap();
    for flow in ["One", "Two"] {
        let root = folder.path().join(flow).join("data");
        store(&root, WriteAs::MetaflowVanilla)
            .save(&text(100))
            .unwrap();
        fs::create_dir_all(folder.path().join(flow).join("17/start/1")).unwrap();
    }
    let roots = roots_below(
        folder.path().to_str().unwrap(),
        &BlobsOptions::default().store,
    );
    let name = |flow: &str| {
        folder
            .path()
            .join(flow)
            .join("data")
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(roots.unwrap(), [name("One"), name("Two")]);
}
