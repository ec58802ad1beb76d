//! The wrappers keep the promises of what they wrap.

#![expect(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "tests panic on what they did not expect; a batch of one range is one range"
)]

use std::sync::Arc;

use fastdata_store::{ErrorKind, Location, Store, StoreConfig};
use fastdata_testkit::{FlakyStore, OneByteStore, conformance, seeded_bytes};
use futures::TryStreamExt;
use futures::executor::block_on;

fn folder() -> (tempfile::TempDir, Location) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
    (folder, location)
}

fn put(object: &Location, content: &[u8]) {
    let path = object.local_path().unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn local() -> Arc<dyn Store> {
    fastdata_store::open(StoreConfig::default())
}

#[test]
fn one_byte_store_conforms() {
    let (_guard, folder) = folder();
    block_on(conformance::check(
        &OneByteStore::new(local()),
        &folder,
        &put,
    ));
}

#[test]
fn one_byte_answers_are_unaligned() {
    let (_guard, folder) = folder();
    let object = folder.join("x");
    put(&object, &seeded_bytes(3, 5000));
    let store = OneByteStore::new(local());
    let answers = block_on(store.read_ranges(&object, &[0..5000, 8..16])).unwrap();
    assert!(answers.iter().all(|answer| answer.as_ptr().addr() % 2 == 1));
    assert!(store.read_ranges_here(&object, &[0..1]).is_none());
}

#[test]
fn a_flaky_store_that_never_fails_conforms() {
    let (_guard, folder) = folder();
    let store = FlakyStore::new(local(), 1, 0.0);
    block_on(conformance::check(&store, &folder, &put));
    assert_eq!(store.failed(), 0);
}

#[test]
fn a_flaky_store_fails_the_same_way_each_time_and_never_lies() {
    let (_guard, folder) = folder();
    let content = seeded_bytes(5, 1000);
    let object = folder.join("x");
    put(&object, &content);
    let run = || {
        let store = FlakyStore::new(local(), 42, 0.3);
        let outcomes: Vec<bool> = (0..200_u64)
            .map(|at| {
                let answer = match at % 3 {
                    0 => block_on(store.read_ranges(&object, &[at..at + 9]))
                        .map(|mut all| all.remove(0)),
                    1 => store
                        .read_ranges_here(&object, &[at..at + 9])
                        .unwrap()
                        .map(|mut all| all.remove(0)),
                    _ => block_on(store.read(&object, 1000))
                        .map(|all| all.slice(at as usize..at as usize + 9)),
                };
                match answer {
                    Ok(bytes) => assert_eq!(bytes, content[at as usize..at as usize + 9]),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Network);
                        return false;
                    }
                }
                true
            })
            .collect();
        assert_eq!(
            store.failed(),
            outcomes.iter().filter(|ok| !**ok).count() as u64
        );
        outcomes
    };
    let first = run();
    assert!(first.contains(&false) && first.contains(&true));
    assert_eq!(first, run());
}

#[test]
fn a_flaky_listing_ends_with_its_error() {
    let (_guard, folder) = folder();
    for name in ["a", "b", "c", "d"] {
        put(&folder.join(name), b"x");
    }
    let store = FlakyStore::new(local(), 1, 1.0);
    let listed: Result<Vec<_>, _> = block_on(store.list(&folder).try_collect());
    assert_eq!(listed.unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(store.failed(), 1);
}

#[test]
fn seeded_bytes_depend_on_the_seed_alone() {
    assert_eq!(seeded_bytes(1, 50), seeded_bytes(1, 50));
    assert_ne!(seeded_bytes(1, 50), seeded_bytes(2, 50));
    assert_eq!(seeded_bytes(1, 0), [0; 0]);
}

/// By a client of other people's: all versions stay readable, and the last one is the object.
#[test]
fn the_simulator_keeps_versions() {
    use object_store::{GetOptions, ObjectStoreExt};

    let simulator = fastdata_testkit::Simulator::start();
    simulator.make_versioned_bucket("lake");
    let store = fastdata_testkit::foreign_client(simulator.env(), "lake");
    let key = object_store::path::Path::from("a/b");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let first = store.put(&key, "first".into()).await.unwrap();
        let second = store.put(&key, "second".into()).await.unwrap();
        assert_ne!(first.version, second.version);
        let read = async |version: Option<String>| {
            let options = GetOptions::default().with_version(version);
            let got = object_store::ObjectStore::get_opts(&store, &key, options).await;
            got.map(|got| got.meta.version.clone().zip(Some(got.bytes())))
        };
        for (version, content) in [(None, "second"), (first.version.clone(), "first")] {
            let (_, bytes) = read(version).await.unwrap().unwrap();
            assert_eq!(bytes.await.unwrap(), content);
        }
        assert!(read(Some("version-99".to_owned())).await.is_err());
        // That client deletes many at a time, which the simulator does not have.
        let ours = fastdata_store::open(simulator.config());
        let object = Location::parse("s3://lake/a/b").unwrap();
        ours.delete(&object).await.unwrap();
        assert!(read(None).await.is_err());
        let (version, bytes) = read(first.version.clone()).await.unwrap().unwrap();
        assert_eq!(
            (Some(version), bytes.await.unwrap()),
            (first.version, "first".into())
        );
    });
}
