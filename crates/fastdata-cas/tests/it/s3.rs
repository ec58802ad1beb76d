//! The same over a real S3 server.

use std::collections::HashSet;
use std::time::Duration;

use fastdata_cas::{
    Blobs, BlobsOptions, ErrorKind, Form, GcOptions, Key, MigrateOptions, WriteAs, roots_below,
};
use fastdata_testkit::S3Server;

use crate::contents::{WAYS, options, several, text};

const BUCKET: &str = "blobs";

struct Fixture {
    server: S3Server,
    _root: tempfile::TempDir,
}

impl Fixture {
    fn start() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let server = S3Server::start(root.path())?;
        Some(Self {
            server,
            _root: root,
        })
    }

    fn options(&self, write_as: WriteAs) -> BlobsOptions {
        let mut options = options(write_as);
        options.store = self.server.config();
        options
    }

    fn blobs(&self, prefix: &str, write_as: WriteAs) -> Blobs {
        Blobs::open(&format!("s3://{BUCKET}/{prefix}"), self.options(write_as)).unwrap()
    }
}

#[test]
fn every_way() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    for (idx, write_as) in WAYS.into_iter().enumerate() {
        let blobs = fixture.blobs(&format!("way/{idx}"), write_as);
        let contents = several();
        let saved = blobs.save_many(&contents).unwrap();
        assert!(saved.iter().all(|saved| saved.is_new), "{write_as:?}");
        let keys: Vec<_> = saved.iter().map(|saved| saved.key).collect();
        let loaded = blobs.load_many(&keys).unwrap();
        for ((content, key), loaded) in contents.iter().zip(&keys).zip(loaded) {
            assert!(loaded == *content, "{write_as:?}");
            assert!(!blobs.save(content).unwrap().is_new);
            assert!(blobs.exists(key).unwrap());
            let len = content.len() as u64;
            for range in [0..len, 0..0, len / 3..len / 2] {
                let got = blobs.open_range(key, range.clone()).unwrap();
                assert!(got == content[range.start as usize..range.end as usize]);
            }
        }
        assert_eq!(blobs.list().unwrap().len(), contents.len());
        let missing = Key::of(b"never", write_as.algorithm());
        assert_eq!(
            blobs.load(&missing).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert!(!blobs.exists(&missing).unwrap());
        assert!(blobs.verify(1.0, &|_| {}).unwrap().broken.is_empty());
    }
}

#[test]
fn migrate_and_collect() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let blobs = fixture.blobs("Flow/data", WriteAs::MetaflowVanilla);
    let saved = blobs.save_many(&several()).unwrap();
    let report = blobs
        .migrate(MigrateOptions::to(WriteAs::MetaflowLz4), &|_| {})
        .unwrap();
    assert_eq!((report.migrated_count, report.failed.len()), (8, 0));
    assert_eq!(blobs.stat(&saved[3].key).unwrap().form, Form::Lz4);
    let roots = roots_below(&format!("s3://{BUCKET}/"), &fixture.server.config()).unwrap();
    assert_eq!(roots, [format!("s3://{BUCKET}/Flow/data")]);
    // The times of objects have whole seconds.
    std::thread::sleep(Duration::from_millis(2100));
    let young = blobs.save(&text(777)).unwrap().key;
    let roots: HashSet<_> = saved[..2].iter().map(|saved| saved.key).collect();
    let mut gc = GcOptions::default();
    gc.grace = Duration::from_secs(1);
    gc.dry_run = false;
    let report = blobs.gc(&roots, gc).unwrap();
    assert_eq!((report.kept_count, report.removed.len()), (2, 6));
    assert!(blobs.exists(&young).unwrap());
    assert_eq!(blobs.list().unwrap().len(), 3);
}
