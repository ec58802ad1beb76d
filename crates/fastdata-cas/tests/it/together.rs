//! Writers, readers and the collector at the same time.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fastdata_cas::{GcOptions, HashAlgorithm, Key, MigrateOptions, WriteAs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::contents::{WAYS, noise, store, text};

/// A minute on the machine that has the time.
fn duration() -> Duration {
    match std::env::var_os("CI") {
        Some(_) => Duration::from_secs(60),
        None => Duration::from_secs(4),
    }
}

fn content(serial: usize) -> Vec<u8> {
    match serial % 3 {
        0 => [&text(500)[..], &serial.to_le_bytes()].concat(),
        1 => noise(serial as u64, 20_000),
        _ => [&text(400_000)[..], &serial.to_le_bytes()].concat(),
    }
}

const CONTENT_COUNT: usize = 60;

/// Writers name a blob once they have saved it, and let go of it later; the collector may take
/// what nobody names. What is named can be read, always.
#[test]
fn nothing_is_torn_or_lost() {
    let folder = tempfile::tempdir().unwrap();
    let named: Mutex<HashMap<Key, usize>> = Mutex::default();
    let (over, loads, removed) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let end = Instant::now() + duration();
    let write = |seed: u64| {
        let mut random = StdRng::seed_from_u64(seed);
        let ways: Vec<_> = WAYS
            .into_iter()
            .map(|way| store(folder.path(), way))
            .collect();
        while Instant::now() < end {
            let serial = random.random_range(0..CONTENT_COUNT);
            let saved = ways[random.random_range(0..ways.len())]
                .save(&content(serial))
                .unwrap();
            named.lock().unwrap().insert(saved.key, serial);
            if random.random_bool(0.5) {
                let victim = random.random_range(0..CONTENT_COUNT);
                named.lock().unwrap().retain(|_, serial| *serial != victim);
            }
        }
    };
    let read = |seed: u64| {
        let mut random = StdRng::seed_from_u64(seed);
        let blobs = store(folder.path(), WriteAs::default());
        while !over.load(Ordering::Relaxed) {
            let one = {
                let named = named.lock().unwrap();
                let nth = random.random_range(0..named.len().max(1));
                named.iter().nth(nth).map(|(key, serial)| (*key, *serial))
            };
            let Some((key, serial)) = one else { continue };
            match blobs.load(&key) {
                Ok(loaded) => assert!(loaded == content(serial)),
                // Let go of and collected since.
                Err(error) => {
                    let still = named.lock().unwrap().contains_key(&key);
                    assert!(!still || blobs.load(&key).is_ok(), "{key}: {error:?}");
                }
            }
            loads.fetch_add(1, Ordering::Relaxed);
        }
    };
    let collect = || {
        let blobs = store(folder.path(), WriteAs::default());
        let mut options = GcOptions::default();
        options.grace = Duration::from_millis(400);
        options.dry_run = false;
        while !over.load(Ordering::Relaxed) {
            let roots: HashSet<_> = named.lock().unwrap().keys().copied().collect();
            let report = blobs.gc(&roots, options).unwrap();
            removed.fetch_add(report.removed.len(), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(30));
        }
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|seed| scope.spawn(move || write(seed)))
            .collect();
        for seed in 10..12 {
            scope.spawn(move || read(seed));
        }
        scope.spawn(collect);
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        over.store(true, Ordering::Relaxed);
    });
    let blobs = store(folder.path(), WriteAs::default());
    assert!(blobs.verify(1.0, &|_| {}).unwrap().broken.is_empty());
    for (key, serial) in named.lock().unwrap().iter() {
        assert!(blobs.load(key).unwrap() == content(*serial));
    }
    assert!(loads.load(Ordering::Relaxed) > 100);
    assert!(removed.load(Ordering::Relaxed) > 0);
}

/// Two writers of one content in different forms: whoever wins, metadata and body fit.
#[test]
fn writers_of_one_key_in_every_form() {
    for round in 0..30 {
        let folder = tempfile::tempdir().unwrap();
        let content = content(round);
        std::thread::scope(|scope| {
            for way in WAYS {
                let (folder, content) = (folder.path(), &content);
                scope.spawn(move || store(folder, way).save(content).unwrap());
            }
        });
        let blobs = store(folder.path(), WriteAs::default());
        let key = Key::of(&content, HashAlgorithm::Sha1);
        assert!(blobs.load(&key).unwrap() == content);
        // Said and stored agree, also for a reader that believes what is said.
        let metadata = folder.path().join(key.fan()).join(format!("{key}_meta"));
        let metadata = std::fs::read_to_string(metadata).unwrap();
        let body = std::fs::read(folder.path().join(key.fan()).join(key.to_string())).unwrap();
        let said = (
            metadata.contains("true"),
            metadata.contains("_version\": 1}"),
        );
        match said {
            (true, _) => assert!(body == content),
            (false, true) => assert!(body.starts_with(&[0x1f, 0x8b])),
            (false, false) if metadata.contains('2') => {
                assert_eq!(body[..4], [4, 0x22, 0x4d, 0x18])
            }
            (false, false) => assert!(body.starts_with(b"\x89FDB")),
        }
    }
}

#[test]
fn readers_do_not_notice_a_migration() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = store(folder.path(), WriteAs::MetaflowVanilla);
    let contents: Vec<_> = (0..12).map(content).collect();
    let saved = blobs.save_many(&contents).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let blobs = store(folder.path(), WriteAs::default());
            while !over.load(Ordering::Relaxed) {
                for (saved, content) in saved.iter().zip(&contents) {
                    assert!(blobs.load(&saved.key).unwrap() == *content);
                }
            }
        });
        let ways = WAYS
            .into_iter()
            .filter(|way| way.algorithm() == HashAlgorithm::Sha1);
        for way in ways.cycle().take(15) {
            let report = blobs.migrate(MigrateOptions::to(way), &|_| {}).unwrap();
            assert!(report.failed.is_empty());
        }
        over.store(true, Ordering::Relaxed);
    });
}
