//! Refusals that say something: another region, a conflict, an object that is gone, a name that nobody
//! knows, a size that S3 does not take.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastdata_store::{Error, ErrorKind, Location, PutCondition, PutOptions, Store, StoreConfig};
use fastdata_testkit::{Action, Fault, Operation, Simulator, seeded_bytes, skipped};
use futures::TryStreamExt;

const BUCKET: &str = "refusals";
const BYTES: usize = 40_000_000;

struct World {
    simulator: Simulator,
    content: Vec<u8>,
    runtime: tokio::runtime::Runtime,
}

fn object(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

fn status(status: u16, code: &str) -> Action {
    Action::Status {
        status,
        code: code.to_owned(),
        headers: Vec::new(),
    }
}

impl World {
    fn new() -> Self {
        let simulator = Simulator::start();
        let content = seeded_bytes(5, BYTES);
        simulator.put(BUCKET, "x", &content);
        Self {
            simulator,
            content,
            runtime: crate::runtime(),
        }
    }

    /// One that gives up soon.
    fn config(&self) -> StoreConfig {
        StoreConfig {
            retries: 3,
            retry_timeout: Duration::from_secs(10),
            ..self.simulator.config()
        }
    }

    fn elsewhere(&self) -> Arc<dyn Store> {
        fastdata_store::open(StoreConfig {
            region: Some("us-east-1".to_owned()),
            ..self.config()
        })
    }

    fn read(&self, store: &Arc<dyn Store>) -> Result<(), Error> {
        let read = self.runtime.block_on(store.read(&object("x"), 1 << 30))?;
        assert!(read == self.content, "wrong bytes without an error");
        Ok(())
    }

    fn put(&self, len: usize, condition: PutCondition) -> Result<(), Error> {
        let store = fastdata_store::open(self.config());
        let content = Bytes::from(seeded_bytes(6, len));
        let options = PutOptions {
            condition,
            ..PutOptions::default()
        };
        let y = object("y");
        let put = store.put(&y, content.clone(), &options);
        let put = self.runtime.block_on(put);
        let there = self.simulator.object(BUCKET, "y");
        match &put {
            Ok(_) => assert!(there.as_deref() == Some(&content[..]), "not written"),
            Err(_) => assert_eq!(there, None, "written all the same"),
        }
        put.map(drop)
    }
}

const REDIRECTS: [(u16, &str); 2] = [(301, "PermanentRedirect"), (307, "TemporaryRedirect")];

/// Whatever is asked first, the region is set right, and stays so.
#[test]
fn a_redirect_to_another_region_is_followed() {
    let world = World::new();
    for (status, code) in REDIRECTS {
        for first in ["read", "stat", "list", "put"] {
            world.simulator.set_wrong_region(status, code);
            let store = world.elsewhere();
            let (x, z) = (object("x"), object("z"));
            let done = world.runtime.block_on(async {
                match first {
                    "stat" => store.stat(&x).await.map(drop),
                    "list" => {
                        let root = x.parent().unwrap();
                        let listed: Vec<_> = store.list(&root).try_collect().await?;
                        assert!(listed.iter().any(|listed| listed.location == x));
                        Ok(())
                    }
                    "put" => {
                        let (content, options) = (Bytes::from_static(b"z"), PutOptions::default());
                        store.put(&z, content, &options).await.map(drop)
                    }
                    _ => store.read_ranges(&x, &[5..6]).await.map(drop),
                }
            });
            done.unwrap_or_else(|error| panic!("{code}, {first}: {error}"));
            // Nothing is sent to the wrong region any more.
            world.simulator.set_wrong_region(403, "AccessDenied");
            world.read(&store).unwrap();
        }
    }
    assert_eq!(world.simulator.object(BUCKET, "z").unwrap(), b"z");
}

/// Two regions that name each other would go on for ever.
#[test]
fn redirects_are_followed_once() {
    let world = World::new();
    for (status, code) in REDIRECTS {
        let region = ("x-amz-bucket-region".to_owned(), "eu-test-1".to_owned());
        let redirect = |headers| Action::Status {
            status,
            code: code.to_owned(),
            headers,
        };
        for (headers, attempts) in [(vec![region], 2), (Vec::new(), 1)] {
            let fault = Fault::always(Operation::Get, redirect(headers));
            let fault = world.simulator.inject(fault);
            let store = fastdata_store::open(world.config());
            let error = world.read(&store).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.to_string().contains("AWS_REGION"), "{error}");
            assert_eq!(world.simulator.hits(fault), attempts, "{error}");
            world.simulator.heal();
        }
    }
}

/// S3 asks one of two conditional writes that meet to come again.
#[test]
fn conditional_writes_that_meet_come_again() {
    let writes = [
        (Operation::Put, 1000),
        (Operation::CompleteUpload, 20_000_000),
    ];
    for (operation, len) in writes {
        let world = World::new();
        let conflict = || status(409, "ConditionalRequestConflict");
        let fault = Fault::always(operation, conflict());
        let fault = world.simulator.inject(fault);
        let error = world.put(len, PutCondition::IfAbsent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
        let request = error.request().unwrap();
        assert_eq!((request.attempts, request.may_retry), (4, true), "{error}");
        assert_eq!(world.simulator.hits(fault), 4, "three retries");
        assert_eq!(world.simulator.open_uploads(), 0, "parts stay behind");
        world.simulator.heal();

        let fault = Fault::once(operation, conflict());
        let fault = world.simulator.inject(fault);
        world.put(len, PutCondition::IfAbsent).unwrap();
        assert_eq!(world.simulator.hits(fault), 1);
        assert_eq!(world.simulator.open_uploads(), 0, "parts stay behind");
    }
}

/// Another conflict says that the condition does not hold, at once.
#[test]
fn other_conflicts_are_final() {
    let world = World::new();
    let fault = Fault::always(Operation::Put, status(409, "InvalidBucketState"));
    let fault = world.simulator.inject(fault);
    let error = world.put(1000, PutCondition::IfAbsent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
    assert_eq!(world.simulator.hits(fault), 1);
}

#[track_caller]
fn assert_vanished(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(text.contains("x vanished while it was read"), "{text}");
}

/// All requests for its bytes but the first.
fn gone() -> Fault {
    Fault::always(Operation::Get, status(404, "NoSuchKey")).after(1)
}

#[test]
fn an_object_that_vanishes_between_two_parts() {
    let world = World::new();
    let fault = world.simulator.inject(gone());
    let store = fastdata_store::open(world.config());
    assert_vanished(&world.read(&store).unwrap_err());
    assert!(world.simulator.hits(fault) > 0);
}

#[test]
fn an_object_that_vanishes_behind_half_a_part() {
    let world = World::new();
    let broken = Fault::once(Operation::Get, Action::CloseAfter(600_000));
    let broken = world.simulator.inject(broken);
    let fault = world.simulator.inject(gone());
    let store = fastdata_store::open(world.config());
    let (x, range) = (object("x"), 1..2_000_000);
    let read = store.read_ranges(&x, std::slice::from_ref(&range));
    assert_vanished(&world.runtime.block_on(read).unwrap_err());
    assert_eq!(
        (world.simulator.hits(broken), world.simulator.hits(fault)),
        (1, 1)
    );
}

#[test]
fn an_object_that_vanishes_between_two_reads_of_a_pinned_view() {
    let world = World::new();
    let store = fastdata_store::open(world.config());
    let pinned = store.pinned();
    let (x, range) = (object("x"), 7..9);
    world.runtime.block_on(async {
        let ranges = std::slice::from_ref(&range);
        let read = pinned.read_ranges(&x, ranges).await.unwrap();
        assert_eq!(read[0], world.content[7..9]);
        store.delete(&x).await.unwrap();
        assert_vanished(&pinned.read_ranges(&x, ranges).await.unwrap_err());
        // Who never saw it has not seen it vanish.
        let error = store.read_ranges(&x, ranges).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("NoSuchKey"), "{error}");
    });
}

/// Retries only hide a name that is misspelt.
#[test]
fn a_name_that_nobody_knows_is_told_soon() {
    let world = World::new();
    let config = StoreConfig {
        endpoint_url: Some("http://no-such-host.invalid".to_owned()),
        retries: 1000,
        retry_timeout: Duration::from_secs(3600),
        ..world.config()
    };
    let store = fastdata_store::open(config);
    let error = world.read(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let text = error.to_string();
    assert!(
        text.contains("the name no-such-host.invalid is unknown"),
        "{text}"
    );
    assert!(error.request().unwrap().attempts <= 3, "{text}");
}

#[test]
fn what_s3_does_not_take_is_refused_before_anything_is_sent() {
    let world = World::new();
    // Nothing but holes, which not every file system can have so many of.
    let made = [std::env::temp_dir(), "/dev/shm".into()].map(|folder| {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        file.as_file().set_len(10_000 * (5 << 30) + 1)?;
        Ok::<_, std::io::Error>(file)
    });
    let Some(file) = made.into_iter().find_map(Result::ok) else {
        return skipped("an upload of 49 TiB", "no file can be so long here");
    };
    let store = fastdata_store::open(world.config());
    let y = object("y");
    let options = PutOptions::default();
    let put = store.put_file(&y, file.path(), &options);
    let error = world.runtime.block_on(put).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("53687091200001"), "{error}");
    assert_eq!(world.simulator.connections(), 0);
}
