//! S3 over a real server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastdata_store::{
    Checksum, ChecksumAlgorithm, Entry, ErrorKind, Location, PutCondition, PutOptions, Store,
    StoreConfig, Transfers,
};
use fastdata_testkit::{S3Server, Simulator, conformance, foreign_client, seeded_bytes};
use futures::TryStreamExt;

const BUCKET: &str = "store-test";

/// A server with an empty bucket.
pub(super) struct Fixture {
    server: Server,
    pub(super) runtime: tokio::runtime::Runtime,
}

enum Server {
    Gateway(S3Server, tempfile::TempDir),
    Simulator(Simulator),
}

impl Fixture {
    /// Runs a test against each server that can run here: what only one of them does is fiction.
    pub(super) fn each(test: impl Fn(&Self)) {
        let simulator = Simulator::start();
        simulator.make_bucket(BUCKET);
        test(&Self::over(Server::Simulator(simulator)));
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        if let Some(server) = S3Server::start(root.path()) {
            test(&Self::over(Server::Gateway(server, root)));
        }
    }

    fn over(server: Server) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        Self {
            server,
            runtime: runtime.unwrap(),
        }
    }

    pub(super) fn config(&self) -> StoreConfig {
        match &self.server {
            Server::Gateway(server, _) => server.config(),
            Server::Simulator(simulator) => simulator.config(),
        }
    }

    fn env(&self) -> [(&'static str, String); 4] {
        match &self.server {
            Server::Gateway(server, _) => server.env(),
            Server::Simulator(simulator) => simulator.env(),
        }
    }

    pub(super) fn store(&self) -> Arc<dyn Store> {
        fastdata_store::open(self.config())
    }

    fn write(&self, bucket: &str, key: &str, content: &[u8]) {
        match &self.server {
            Server::Gateway(server, _) => server.put(bucket, key, content),
            Server::Simulator(simulator) => simulator.put(bucket, key, content),
        }
    }

    /// Many objects, past the protocol: that many uploads take long.
    pub(super) fn write_quickly(&self, key: &str, content: &[u8]) {
        match &self.server {
            Server::Gateway(_, root) => {
                let path = root.path().join(BUCKET).join(key);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            Server::Simulator(simulator) => simulator.put(BUCKET, key, content),
        }
    }

    fn put(&self, key: &str, content: &[u8]) -> Location {
        self.write(BUCKET, key, content);
        object(key)
    }
}

pub(super) fn object(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

#[test]
fn conforms() {
    Fixture::each(|fixture| {
        let put = |object: &Location, content: &[u8]| {
            fixture.write(object.bucket(), object.key(), content);
        };
        fixture.runtime.block_on(conformance::check(
            &*fixture.store(),
            &object("suite"),
            &put,
        ));
    });
}

#[test]
fn large_ranges_come_in_parts_and_in_order() {
    Fixture::each(|fixture| {
        let content = seeded_bytes(1, 90_000_003);
        let big = fixture.put("big", &content);
        let store = fixture.store();
        let ranges = [
            0..90_000_003,
            89_000_000..90_000_003,
            5..6,
            40_000_000..66_000_000,
        ];
        let answers = fixture
            .runtime
            .block_on(store.read_ranges(&big, &ranges))
            .unwrap();
        for (range, answer) in ranges.iter().zip(&answers) {
            assert!(
                answer == &content[range.start as usize..range.end as usize],
                "{range:?}"
            );
        }
        let (tail, size_bytes) = fixture
            .runtime
            .block_on(store.read_tail(&big, 30_000_000))
            .unwrap();
        assert_eq!(size_bytes, 90_000_003);
        assert!(tail == content[60_000_003..]);
    });
}

#[test]
fn listings_go_on_behind_a_thousand_keys() {
    Fixture::each(|fixture| {
        for index in 0..2345 {
            fixture.write_quickly(&format!("many/{index:05}"), b"xy");
        }
        let listed: Vec<_> = fixture
            .runtime
            .block_on(fixture.store().list(&object("many")).try_collect())
            .unwrap();
        assert_eq!(listed.len(), 2345);
        assert!(listed.is_sorted_by(|a, b| a.location < b.location));
        assert!(listed.iter().all(|meta| meta.size_bytes == 2));
        assert_eq!(listed[2344].location, object("many/02344"));
        let whole_bucket = Location::parse(&format!("s3a://{BUCKET}")).unwrap();
        let listed: Vec<_> = fixture
            .runtime
            .block_on(fixture.store().list(&whole_bucket).try_collect())
            .unwrap();
        assert_eq!(listed.len(), 2345);
    });
}

/// Cut where folders begin; names on both sides of the slash, and beyond ASCII.
#[test]
fn long_listings_with_folders_are_whole_and_in_order() {
    Fixture::each(|fixture| {
        let folders = ["a", "a b", "a-b", "a.b", "a0", "b", "ü", "日本", "deep/er"];
        let mut keys = std::collections::BTreeSet::new();
        for (number, folder) in folders.iter().enumerate() {
            for index in 0..300 * (number + 1) {
                keys.insert(format!("tree/{folder}/{index:05}"));
            }
        }
        keys.insert("tree/a-".to_owned());
        keys.insert("tree/a0b".to_owned());
        for key in &keys {
            fixture.write_quickly(key, b"");
        }
        let listed: Vec<_> = fixture
            .runtime
            .block_on(fixture.store().list(&object("tree")).try_collect())
            .unwrap();
        assert!(
            listed
                .iter()
                .map(|object| object.location.key())
                .eq(keys.iter().map(String::as_str))
        );
        let entries: Vec<_> = fixture
            .runtime
            .block_on(fixture.store().entries(&object("tree")).try_collect())
            .unwrap();
        let entries: Vec<_> = entries.iter().map(Entry::key).collect();
        let mut expected = vec!["tree/a-".to_owned(), "tree/a0b".to_owned()];
        let tops = folders.map(|folder| folder.split('/').next().unwrap_or(folder));
        expected.extend(tops.map(|top| format!("tree/{top}/")));
        expected.sort();
        assert_eq!(entries, expected);
    });
}

#[test]
fn missing_buckets_and_wrong_credentials_say_so() {
    Fixture::each(|fixture| {
        let here = fixture.put("here", b"x");
        let error_of = |config: StoreConfig, object: &Location| {
            let store = fastdata_store::open(config);
            let error = fixture
                .runtime
                .block_on(store.read(object, 10))
                .unwrap_err();
            let listing = store
                .list(&object.parent().unwrap())
                .try_collect::<Vec<_>>();
            (error, fixture.runtime.block_on(listing).unwrap_err())
        };
        let nobody = Location::parse("s3://no-such-bucket/x").unwrap();
        let (read, list) = error_of(fixture.config(), &nobody);
        assert_eq!(
            (read.kind(), list.kind()),
            (ErrorKind::NotFound, ErrorKind::NotFound)
        );
        assert!(read.to_string().contains("NoSuchBucket"), "{read}");

        let store = fixture.store();
        let error = fixture
            .runtime
            .block_on(store.read(&object("gone"), 10))
            .unwrap_err();
        assert!(error.to_string().contains("NoSuchKey"), "{error}");

        let wrong = StoreConfig {
            secret_access_key: Some("canary-secret-key".into()),
            ..fixture.config()
        };
        let (read, list) = error_of(wrong, &here);
        assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
        assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
        assert!(read.to_string().contains("SignatureDoesNotMatch"), "{read}");
        assert!(!format!("{read} {read:?} {list} {list:?}").contains("canary"));

        let stranger = StoreConfig {
            access_key_id: Some("stranger".into()),
            ..fixture.config()
        };
        let (read, list) = error_of(stranger, &here);
        assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
        assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
        let nobody = StoreConfig {
            anonymous: true,
            access_key_id: None,
            secret_access_key: None,
            ..fixture.config()
        };
        let (read, list) = error_of(nobody, &here);
        assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
        assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
    });
}

#[test]
fn keys_from_a_profile_file_open_the_door() {
    Fixture::each(|fixture| {
        let here = fixture.put("here", b"x");
        let folder = tempfile::tempdir().unwrap();
        let env: std::collections::HashMap<_, _> = fixture.env().into_iter().collect();
        let config = format!(
            "[profile gate]\nregion = {}\nendpoint_url = {}\n",
            env["AWS_REGION"], env["AWS_ENDPOINT_URL"]
        );
        let credentials = format!(
            "[gate]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        std::fs::write(folder.path().join("credentials"), credentials).unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let vars = [
            ("AWS_PROFILE".to_owned(), "gate".to_owned()),
            ("AWS_CONFIG_FILE".to_owned(), path("config")),
            (
                "AWS_SHARED_CREDENTIALS_FILE".to_owned(),
                path("credentials"),
            ),
        ];
        let store = fastdata_store::open(StoreConfig::from_vars(vars));
        assert_eq!(
            fixture.runtime.block_on(store.read(&here, 10)).unwrap(),
            "x"
        );
    });
}

#[test]
fn a_server_that_is_not_there_fails_in_seconds() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = StoreConfig {
        endpoint_url: Some(format!("http://127.0.0.1:{port}")),
        access_key_id: Some("x".into()),
        secret_access_key: Some("canary-secret-key".into()),
        ..StoreConfig::default()
    };
    let store = fastdata_store::open(config);
    let started = Instant::now();
    let error = runtime
        .block_on(store.read_tail(&object("x"), 10))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.to_string().contains("no connection"), "{error}");
    assert!(!format!("{error:?} {store:?}").contains("canary"));
    // Not a measurement: the retries of the default settings end long before.
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// The object is replaced again and again by another version of the same length. Every batch that
/// succeeds is of one version; the bytes say which.
#[test]
fn versions_never_mix_while_the_object_changes() {
    Fixture::each(|fixture| {
        let len = 30 << 20;
        let versions: Vec<Vec<u8>> = (0..2).map(|fill| vec![fill + 1; len]).collect();
        let big = fixture.put("changing", &versions[0]);
        let store = fixture.store();
        let (mut whole, mut refused) = (0, 0);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut round = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    round += 1;
                    fixture.write(BUCKET, "changing", &versions[round % 2]);
                }
            });
            for _ in 0..12 {
                // Two requests for the first range, one for the last byte of another.
                let ranges = [0..len as u64 - 9, len as u64 - 1..len as u64];
                match fixture.runtime.block_on(store.read_ranges(&big, &ranges)) {
                    Ok(answers) => {
                        whole += 1;
                        let first = answers[0][0];
                        assert!(answers.iter().flatten().all(|&byte| byte == first), "mixed");
                    }
                    Err(error) => {
                        refused += 1;
                        assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
                    }
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            writer.join().unwrap();
        });
        assert_eq!(whole + refused, 12);
        let answers = fixture
            .runtime
            .block_on(store.read_ranges(&big, &[0..len as u64]))
            .unwrap();
        assert_eq!(answers[0].len(), len, "in peace it is read whole");
    });
}

#[test]
fn uploads_in_parts_arrive_whole_and_conditionally() {
    Fixture::each(|fixture| {
        let store = fixture.store();
        let content = bytes::Bytes::from(seeded_bytes(11, 41_000_001));
        let big = object("parts");
        let when = |condition| PutOptions {
            condition,
            metadata: [("a".to_owned(), "b".to_owned())].into(),
            ..PutOptions::default()
        };
        fixture.write(BUCKET, "bucket-exists", b"x");
        let put = |options: PutOptions| {
            let (store, big, content) = (store.clone(), big.clone(), content.clone());
            let put = async move { store.put(&big, content, &options).await };
            fixture.runtime.block_on(put)
        };
        put(when(PutCondition::IfAbsent)).unwrap();
        let stat = fixture.runtime.block_on(store.stat(&big)).unwrap();
        assert_eq!(stat.size_bytes, 41_000_001);
        let metadata: Vec<_> = stat.metadata.into_iter().collect();
        assert_eq!(metadata, [("a".to_owned(), "b".to_owned())]);
        let expected = Checksum::of(ChecksumAlgorithm::Crc64Nvme, &content);
        assert_eq!(
            stat.checksum,
            Some(expected),
            "the checksum is of the whole object"
        );
        let read = fixture.runtime.block_on(store.read(&big, 1 << 30)).unwrap();
        assert!(read == content);
        let error = put(when(PutCondition::IfAbsent)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
        put(when(PutCondition::IfMatch(stat.etag.unwrap()))).unwrap();
        if let Server::Simulator(simulator) = &fixture.server {
            assert_eq!(simulator.open_uploads(), 0, "the refused one left no parts");
        }
    });
}

/// A footer and then what it points to: of one version, or an error.
#[test]
fn pinned_views_read_one_version_in_many_calls() {
    Fixture::each(|fixture| {
        let store = fixture.store();
        let object = fixture.put("pinned", &[1; 1000]);
        let view = store.pinned();
        let block_on = |future| fixture.runtime.block_on(future);
        let (tail, _) = fixture
            .runtime
            .block_on(view.read_tail(&object, 8))
            .unwrap();
        assert_eq!(&tail[..], [1; 8]);
        block_on(view.read_ranges(&object, &[0..10])).unwrap();
        fixture.write(BUCKET, "pinned", &[2; 1000]);
        let error = block_on(view.read_ranges(&object, &[0..10])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
        let answers = block_on(store.read_ranges(&object, &[0..10])).unwrap();
        assert_eq!(
            &answers[0][..],
            [2; 10],
            "the store itself reads what is there"
        );
        let fresh = store.pinned();
        let answers = block_on(fresh.read_ranges(&object, &[0..10])).unwrap();
        assert_eq!(&answers[0][..], [2; 10]);
    });
}

/// Those that a killed program has left: begun by another client, which then forgets them.
#[test]
fn uploads_that_nobody_ends_are_found_and_given_up() {
    Fixture::each(|fixture| {
        if let Server::Simulator(simulator) = &fixture.server {
            simulator.set_page_keys(2);
        }
        let forgetful = foreign_client(fixture.env(), BUCKET);
        let keys = [
            "left/a",
            "left/b",
            "left/b",
            "left/c d+é",
            "left-over",
            "other",
        ];
        fixture.runtime.block_on(async {
            use object_store::ObjectStoreExt;
            for key in keys {
                let path = object_store::path::Path::parse(key).unwrap();
                let mut upload = forgetful.put_multipart(&path).await.unwrap();
                upload.put_part(vec![7; 1000].into()).await.unwrap();
                std::mem::forget(upload);
            }
        });
        let transfers = Transfers::new(fixture.config(), || false).unwrap();
        let found = |at: &str| {
            let uploads = transfers.open_uploads(&object(at)).unwrap();
            assert!(uploads.iter().all(|upload| upload.begun.is_some()));
            uploads
        };
        let keys_of = |at: &str| -> Vec<String> {
            let uploads = found(at).into_iter();
            uploads
                .map(|upload| upload.location.key().to_owned())
                .collect()
        };
        let below = ["left/a", "left/b", "left/b", "left/c d+é"];
        assert_eq!(keys_of("left/"), below);
        assert_eq!(keys_of("left"), below, "not what only begins like it");
        assert_eq!(keys_of("left/b"), ["left/b", "left/b"], "of one object");
        transfers.give_up(&found("left")).unwrap();
        assert!(keys_of("left").is_empty());
        let rest = found("");
        assert_eq!(rest.len(), 2);
        transfers.give_up(&rest).unwrap();
        transfers
            .give_up(&rest)
            .expect("they are gone, which is what was wanted");
        assert!(keys_of("").is_empty());
    });
}
