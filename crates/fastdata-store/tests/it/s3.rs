//! S3 over a real server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastdata_store::{ErrorKind, Location, Store, StoreConfig};
use fastdata_testkit::{S3Server, conformance, seeded_bytes};
use futures::TryStreamExt;

const BUCKET: &str = "store-test";

/// A server with an empty bucket; `None` where it cannot run.
struct Fixture {
    server: S3Server,
    runtime: tokio::runtime::Runtime,
    root: tempfile::TempDir,
}

impl Fixture {
    fn start() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let server = S3Server::start(root.path())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        Some(Self {
            server,
            runtime: runtime.unwrap(),
            root,
        })
    }

    fn store(&self) -> Arc<dyn Store> {
        fastdata_store::open(self.server.config())
    }

    fn put(&self, key: &str, content: &[u8]) -> Location {
        self.server.put(BUCKET, key, content);
        object(key)
    }
}

fn object(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

#[test]
fn conforms() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let put = |object: &Location, content: &[u8]| {
        fixture.server.put(object.bucket(), object.key(), content);
    };
    fixture.runtime.block_on(conformance::check(
        &*fixture.store(),
        &object("suite"),
        &put,
    ));
}

#[test]
fn large_ranges_come_in_parts_and_in_order() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
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
}

#[test]
fn listings_go_on_behind_a_thousand_keys() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    // Straight into the server's folder: a thousand uploads take long.
    let folder = fixture.root.path().join(BUCKET).join("many");
    std::fs::create_dir(&folder).unwrap();
    for index in 0..2345 {
        std::fs::write(folder.join(format!("{index:05}")), "xy").unwrap();
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
}

#[test]
fn missing_buckets_and_wrong_credentials_say_so() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
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
    let (read, list) = error_of(fixture.server.config(), &nobody);
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
        ..fixture.server.config()
    };
    let (read, list) = error_of(wrong, &here);
    assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
    assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
    assert!(read.to_string().contains("SignatureDoesNotMatch"), "{read}");
    assert!(!format!("{read} {read:?} {list} {list:?}").contains("canary"));

    let stranger = StoreConfig {
        access_key_id: Some("stranger".into()),
        ..fixture.server.config()
    };
    let (read, list) = error_of(stranger, &here);
    assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
    assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
    let nobody = StoreConfig {
        anonymous: true,
        access_key_id: None,
        secret_access_key: None,
        ..fixture.server.config()
    };
    let (read, list) = error_of(nobody, &here);
    assert_eq!(read.kind(), ErrorKind::Denied, "{read}");
    assert_eq!(list.kind(), ErrorKind::Denied, "{list}");
}

#[test]
fn keys_from_a_profile_file_open_the_door() {
    let Some(fixture) = Fixture::start() else {
        return;
    };
    let here = fixture.put("here", b"x");
    let folder = tempfile::tempdir().unwrap();
    let env: std::collections::HashMap<_, _> = fixture.server.env().into_iter().collect();
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
    let Some(fixture) = Fixture::start() else {
        return;
    };
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
                fixture.server.put(BUCKET, "changing", &versions[round % 2]);
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
}
