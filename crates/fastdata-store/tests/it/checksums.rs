//! Objects that take several requests, and what their bytes are compared with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastdata_store::{
    Checksum, ChecksumAlgorithm, Copied, CopyOptions, Error, ErrorKind, Location, Outcome,
    PutOptions, Store, Transfers, Verification,
};
use fastdata_testkit::{Action, Fault, Operation, Simulator, seeded_bytes};

use super::s3::{Fixture, object};

const BYTES: usize = 40_000_000;
/// No two alike, and none where we cut.
const PARTS: [u64; 4] = [5_300_000, 9_100_001, 20_000_000, 5_599_999];

struct World {
    simulator: Simulator,
    content: Vec<u8>,
    store: Arc<dyn Store>,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

fn at(key: &str) -> Location {
    Location::parse(&format!("s3://lake/{key}")).unwrap()
}

impl World {
    fn new() -> Self {
        let simulator = Simulator::start();
        let content = seeded_bytes(11, BYTES);
        simulator.put("lake", "all/crc64nvme", &content);
        for name in ["crc32", "crc32c", "sha256"] {
            let key = format!("parts/{name}");
            simulator.put_in_parts("lake", &key, &content, &PARTS, name);
        }
        let even = [8 << 20, 16 << 20, (BYTES - (24 << 20)) as u64];
        simulator.put_in_parts("lake", "parts/even", &content, &even, "crc32");
        simulator.set_page_parts(3);
        Self {
            store: fastdata_store::open(simulator.config()),
            simulator,
            content,
            runtime: crate::runtime(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Into memory, all of it by two ways.
    fn read(&self, key: &str, as_range: bool) -> Result<(), Error> {
        let (object, whole) = (at(key), 0..BYTES as u64);
        let bytes = self.runtime.block_on(async {
            match as_range {
                true => {
                    let read = self
                        .store
                        .read_ranges(&object, std::slice::from_ref(&whole));
                    Ok(read.await?.swap_remove(0))
                }
                false => self.store.read(&object, 1 << 30).await,
            }
        })?;
        assert!(bytes == self.content, "{key}: other bytes");
        Ok(())
    }

    /// Into a file: what was found, or why it is not there.
    fn get(&self, source: &str, options: &CopyOptions) -> Result<Verification, Error> {
        let transfers = Transfers::new(self.simulator.config(), || false)?;
        let path = self.folder.path().join("file");
        let _ = std::fs::remove_file(&path);
        let source = format!("s3://lake/{source}");
        let into = match source.ends_with('/') {
            true => self.folder.path().join("folder"),
            false => path,
        };
        let Copied { outcome, path, .. } = transfers.get(&[source], &into, options)?.remove(0);
        assert_eq!(path.exists(), outcome.is_ok(), "{outcome:?}");
        let Outcome::Downloaded(downloaded) = outcome? else {
            panic!("nothing was downloaded")
        };
        assert!(std::fs::read(&path).unwrap() == self.content);
        std::fs::remove_file(&path).unwrap();
        Ok(downloaded.verification)
    }

    /// A bit in one of the requests for parts.
    fn flip(&self, times: u64) -> usize {
        let fault = Fault {
            times,
            ..Fault::once(Operation::Get, Action::FlipByte(77_777)).after(2)
        };
        self.simulator.inject(fault)
    }
}

#[track_caller]
fn assert_damaged(result: Result<impl std::fmt::Debug, Error>, algorithm: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains(algorithm), "{error}");
}

#[test]
fn parts_in_memory_are_compared_with_the_whole_and_fetched_once_more() {
    let world = World::new();
    let keys = ["all/crc64nvme", "parts/crc32", "parts/crc32c", "parts/even"];
    for key in keys {
        for as_range in [false, true] {
            world.read(key, as_range).unwrap();
            let fault = world.flip(1);
            world.read(key, as_range).unwrap();
            assert_eq!(world.simulator.hits(fault), 1, "{key}");
            let fault = world.flip(u64::MAX);
            assert_damaged(world.read(key, as_range), "crc");
            assert!(world.simulator.hits(fault) > 1, "{key}");
            world.simulator.heal();
        }
    }
}

#[test]
fn files_are_compared_by_default() {
    let world = World::new();
    let options = CopyOptions::default();
    for (key, prefix) in [
        ("all/crc64nvme", "crc64nvme:"),
        ("parts/crc32", "crc32:"),
        ("parts/crc32c", "crc32c:"),
        ("parts/even", "crc32:"),
        // A listing says no checksums.
        ("all/", "crc64nvme:"),
    ] {
        let found = world.get(key, &options).unwrap();
        let Verification::Verified(checksum) = found else {
            panic!("{key}: {found:?}")
        };
        assert!(
            checksum.to_string().starts_with(prefix),
            "{key}: {checksum}"
        );
        let fault = world.flip(1);
        world.get(key, &options).unwrap();
        assert_eq!(world.simulator.hits(fault), 1, "{key}");
        let fault = world.flip(u64::MAX);
        assert_damaged(world.get(key, &options), "crc");
        assert!(world.simulator.hits(fault) > 1, "{key}");
        world.simulator.heal();
    }
    assert_eq!(files_below(world.folder.path()), Vec::<PathBuf>::new());
}

/// Objects that were written with one request and in parts, by each server there is.
#[test]
fn every_server_says_checksums_that_fit() {
    Fixture::each(|fixture| {
        let transfers = Transfers::new(fixture.config(), || false).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1000, BYTES] {
            let (at, content) = (object(&format!("summed/{len}")), seeded_bytes(11, len));
            let (store, options) = (fixture.store(), PutOptions::default());
            let put = store.put(&at, content.clone().into(), &options);
            fixture.runtime.block_on(put).unwrap();
            let read = fixture.runtime.block_on(store.read(&at, 1 << 30));
            assert!(read.unwrap() == content, "{len} bytes");

            let path = folder.path().join(len.to_string());
            let got = transfers.get(&[at.to_string()], &path, &CopyOptions::default());
            let Outcome::Downloaded(found) = got.unwrap().remove(0).outcome.unwrap() else {
                panic!("nothing was downloaded")
            };
            let expected = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &content);
            assert_eq!(found.verification, Verification::Verified(expected));
            assert!(std::fs::read(&path).unwrap() == content);

            let mut came = Vec::new();
            let cat = transfers.cat(&at, |bytes| {
                came.extend_from_slice(bytes);
                Ok(true)
            });
            cat.unwrap();
            assert!(came == content, "{len} bytes");
        }
    });
}

/// It has to be computed in order: not by default, but when it is asked for.
#[test]
fn sha_256_of_several_requests_takes_another_reading() {
    let world = World::new();
    let asked = CopyOptions {
        verify: true,
        ..CopyOptions::default()
    };
    let key = "parts/sha256";
    world.read(key, false).unwrap();
    let found = world.get(key, &CopyOptions::default()).unwrap();
    assert_eq!(found, Verification::NotAsked);
    let found = world.get(key, &asked).unwrap();
    assert!(matches!(found, Verification::Verified(_)), "{found:?}");
    world.flip(u64::MAX);
    assert_damaged(world.get(key, &asked), "sha256");
}

/// A store that does not say which parts there are has nothing to compare with.
#[test]
fn parts_that_are_not_told_are_not_verifiable() {
    let world = World::new();
    let refused = Action::Status {
        status: 403,
        code: "AccessDenied".to_owned(),
        headers: Vec::new(),
    };
    let fault = world
        .simulator
        .inject(Fault::always(Operation::Attributes, refused));
    let found = world.get("parts/crc32", &CopyOptions::default()).unwrap();
    assert_eq!(found, Verification::NotVerifiable);
    assert!(world.simulator.hits(fault) > 0);
    world.read("parts/crc32", false).unwrap();
}

#[test]
fn whoever_streams_learns_at_the_end_that_it_was_wrong() {
    let world = World::new();
    let transfers = Transfers::new(world.simulator.config(), || false).unwrap();
    for key in ["all/crc64nvme", "parts/crc32", "parts/sha256"] {
        let mut came = Vec::new();
        let mut cat = || {
            came.clear();
            transfers.cat(&at(key), |bytes| {
                came.extend_from_slice(bytes);
                Ok(true)
            })
        };
        cat().unwrap();
        let fault = world.flip(1);
        assert_damaged(cat(), "checksum");
        assert_eq!(world.simulator.hits(fault), 1);
        assert_eq!(came.len(), BYTES);
        world.simulator.heal();
    }
}

/// An object that is replaced between its parts is read from the beginning, and not mixed.
#[test]
fn a_whole_object_that_is_replaced_is_read_again() {
    let world = World::new();
    let replaced = || Fault::once(Operation::Get, Action::WrongEtag).after(2);
    let fault = world.simulator.inject(replaced());
    world.read("all/crc64nvme", false).unwrap();
    assert_eq!(world.simulator.hits(fault), 1);
    let fault = world.simulator.inject(replaced());
    let found = world.get("all/", &CopyOptions::default()).unwrap();
    assert!(matches!(found, Verification::Verified(_)), "{found:?}");
    assert_eq!(world.simulator.hits(fault), 1);
    let always = Fault {
        times: u64::MAX,
        ..replaced()
    };
    world.simulator.inject(always);
    let error = world.read("all/crc64nvme", false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
}

/// Bytes are in the file before the last of their part have come.
#[test]
fn files_are_written_while_bytes_arrive() {
    let world = World::new();
    let slow = Action::StallAfter {
        // The last bytes of a download come in requests for 2 MiB.
        bytes: 3 << 19,
        stall_ms: 3_600_000,
    };
    world.simulator.inject(Fault::always(Operation::Get, slow));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    let mut config = world.simulator.config();
    config.stall_timeout = Duration::from_secs(600);
    let cancelled = move || asked.load(std::sync::atomic::Ordering::Relaxed);
    let transfers = Transfers::new(config, cancelled).unwrap();
    let path = world.folder.path().join("file");
    let sources = ["s3://lake/all/crc64nvme".to_owned()];
    std::thread::scope(|scope| {
        let getting = scope.spawn(|| transfers.get(&sources, &path, &CopyOptions::default()));
        // As long as it takes, within reason: nothing of this is a measurement.
        let deadline = Instant::now() + Duration::from_secs(60);
        let is_there = || {
            let found = files_below(world.folder.path());
            let bytes = found.first().and_then(|path| std::fs::read(path).ok());
            bytes.is_some_and(|bytes| {
                bytes.len() == BYTES && bytes[..1 << 20] == world.content[..1 << 20]
            })
        };
        while !is_there() {
            assert!(Instant::now() < deadline, "nothing is written");
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let error = getting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    });
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}
