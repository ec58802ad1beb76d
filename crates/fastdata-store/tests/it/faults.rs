//! Every fault against every operation: right bytes or the typed error, in bounded time and
//! attempts. The grid of `docs/reliability.md` is what [`the_grid`] prints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_store::{Error, ErrorKind, Location, PutCondition, PutOptions, Store, StoreConfig};
use fastdata_testkit::{Action, Fault, Operation, Simulator, seeded_bytes};
use futures::TryStreamExt;

const BUCKET: &str = "faults";

fn object(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

/// A configuration that gives up soon, so that a test of giving up ends soon.
fn hasty(simulator: &Simulator) -> StoreConfig {
    StoreConfig {
        request_timeout: Duration::from_millis(400),
        stall_timeout: Duration::from_millis(300),
        retries: 3,
        retry_timeout: Duration::from_secs(10),
        ..simulator.config()
    }
}

struct World {
    simulator: Simulator,
    store: Arc<dyn Store>,
    runtime: tokio::runtime::Runtime,
    content: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let simulator = Simulator::start();
        let content = seeded_bytes(3, 5_000_000);
        simulator.put(BUCKET, "x", &content);
        Self {
            store: fastdata_store::open(hasty(&simulator)),
            simulator,
            runtime: crate::runtime(),
            content,
        }
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Does an operation and checks what it brings.
    fn run(&self, operation: &str) -> Result<(), Error> {
        let (store, x) = (&self.store, object("x"));
        match operation {
            "read" => {
                let read = self.block_on(store.read(&x, 1 << 30))?;
                assert!(read == self.content, "wrong bytes without an error");
            }
            "ranges" => {
                let ranges = [5..2_000_000, 4_999_999..5_000_000];
                let read = self.block_on(store.read_ranges(&x, &ranges))?;
                assert!(
                    read[0] == self.content[5..2_000_000],
                    "wrong bytes without an error"
                );
                assert!(
                    read[1] == self.content[4_999_999..],
                    "wrong bytes without an error"
                );
            }
            "tail" => {
                let (tail, size) = self.block_on(store.read_tail(&x, 1_000_000))?;
                assert_eq!(size, 5_000_000, "wrong size without an error");
                assert!(
                    tail == self.content[4_000_000..],
                    "wrong bytes without an error"
                );
            }
            "stat" => {
                let stat = self.block_on(store.stat(&x))?;
                assert_eq!(stat.size_bytes, 5_000_000);
            }
            "list" => {
                let root = Location::parse(&format!("s3://{BUCKET}")).unwrap();
                let listed: Vec<_> = self.block_on(store.list(&root).try_collect())?;
                assert!(
                    listed.iter().any(|meta| meta.location == x),
                    "a listing with a hole"
                );
            }
            "put" | "put if absent" | "put in parts" => {
                let len = if operation == "put in parts" {
                    20_000_000
                } else {
                    1000
                };
                let content = Bytes::from(seeded_bytes(8, len));
                let y = object("y");
                let condition = match operation {
                    "put if absent" => PutCondition::IfAbsent,
                    _ => PutCondition::Always,
                };
                let options = PutOptions {
                    condition,
                    ..PutOptions::default()
                };
                let put = self.block_on(store.put(&y, content.clone(), &options));
                let there = self.simulator.object(BUCKET, "y");
                match &put {
                    Ok(_) => assert!(there.as_deref() == Some(&content[..]), "not written"),
                    Err(_) => assert!(there.is_none_or(|there| there == content), "half written"),
                }
                put?;
            }
            "delete" => {
                let z = object("z");
                self.simulator.put(BUCKET, "z", b"z");
                self.block_on(store.delete(&z))?;
                assert!(self.simulator.object(BUCKET, "z").is_none());
            }
            other => panic!("no operation {other}"),
        }
        Ok(())
    }
}

/// The requests that an operation makes, the one that is hit first.
const OPERATIONS: [(&str, Operation); 10] = [
    ("read", Operation::Get),
    ("ranges", Operation::Get),
    ("tail", Operation::Get),
    ("stat", Operation::Head),
    ("list", Operation::List),
    ("put", Operation::Put),
    ("put if absent", Operation::Put),
    ("put in parts", Operation::PutPart),
    ("put in parts", Operation::CompleteUpload),
    ("delete", Operation::Delete),
];

fn status(status: u16, code: &str) -> Action {
    Action::Status {
        status,
        code: code.to_owned(),
        headers: Vec::new(),
    }
}

/// Faults, what one of them does to an operation, and what all of them do. `None`: success.
fn faults() -> Vec<(&'static str, Action, Option<ErrorKind>, Option<ErrorKind>)> {
    use ErrorKind as K;
    vec![
        (
            "503 SlowDown",
            status(503, "SlowDown"),
            None,
            Some(K::Throttled),
        ),
        (
            "429",
            status(429, "TooManyRequests"),
            None,
            Some(K::Throttled),
        ),
        (
            "500 InternalError",
            status(500, "InternalError"),
            None,
            Some(K::Network),
        ),
        ("502", status(502, "BadGateway"), None, Some(K::Network)),
        (
            "200 with an error",
            Action::OkThenError("InternalError".into()),
            None,
            Some(K::Network),
        ),
        (
            "400",
            status(400, "InvalidRequest"),
            Some(K::Protocol),
            Some(K::Protocol),
        ),
        (
            "403 AccessDenied",
            status(403, "AccessDenied"),
            Some(K::Denied),
            Some(K::Denied),
        ),
        (
            "404 NoSuchBucket",
            status(404, "NoSuchBucket"),
            Some(K::NotFound),
            Some(K::NotFound),
        ),
        (
            "501",
            status(501, "NotImplemented"),
            Some(K::Unsupported),
            Some(K::Unsupported),
        ),
        (
            "no answer",
            Action::NoAnswer { done: false },
            None,
            Some(K::Network),
        ),
        (
            "answer lost",
            Action::NoAnswer { done: true },
            None,
            Some(K::Network),
        ),
        ("hangs", Action::Hang, None, Some(K::Network)),
        ("no HTTP", Action::Garbage, None, Some(K::Protocol)),
    ]
}

/// Faults of bodies, for reads alone.
fn body_faults() -> Vec<(&'static str, Action, Option<ErrorKind>, Option<ErrorKind>)> {
    use ErrorKind as K;
    let stall = Action::StallAfter {
        bytes: 100_000,
        stall_ms: 60_000,
    };
    vec![
        (
            "reset in the body",
            Action::ResetAfter(100_000),
            None,
            Some(K::Network),
        ),
        (
            "body ends early",
            Action::CloseAfter(100_000),
            None,
            Some(K::Network),
        ),
        ("body stalls", stall, None, Some(K::Network)),
        (
            "length too short",
            Action::WrongContentLength(-7),
            None,
            Some(K::Protocol),
        ),
        (
            "length too long",
            Action::WrongContentLength(7),
            None,
            Some(K::Protocol),
        ),
        (
            "wrong range",
            Action::WrongContentRange,
            None,
            Some(K::Protocol),
        ),
    ]
}

/// What came of it, in a word, and whether that is right.
fn judge(
    world: &World,
    operation: &str,
    fault: Fault,
    expected: Option<ErrorKind>,
) -> Result<String, String> {
    let is_always = fault.times > 1;
    let was_done = fault.action == Action::NoAnswer { done: true };
    let number = world.simulator.inject(fault);
    let started = Instant::now();
    let done = world.run(operation);
    let elapsed = started.elapsed();
    let hits = world.simulator.hits(number);
    world.simulator.heal();
    let word = match &done {
        Ok(()) => "right".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    let found = done.as_ref().err().map(Error::kind);
    // A write that may have happened is told as such, and one that has, where that can be seen.
    let is_right = found == expected
        || (found.is_none() && was_done)
        // What HEAD cannot say is asked of GET; when that works, so does another HEAD.
        || (found.is_none() && operation == "stat" && !is_always)
        || (found == Some(ErrorKind::OutcomeUnknown)
            && matches!(expected, Some(ErrorKind::Network | ErrorKind::Protocol)));
    if hits == 0 {
        return Err(format!("{word}: the fault was never hit"));
    }
    if !is_right {
        let error = done.err().map_or(String::new(), |error| error.to_string());
        return Err(format!("{word} instead of {expected:?}: {error}"));
    }
    if elapsed > Duration::from_secs(20) || (is_always && hits > 40) {
        return Err(format!("{word} after {elapsed:?} and {hits} attempts"));
    }
    Ok(word)
}

/// One line of the grid, and what is wrong in it.
fn line(
    is_body: bool,
    (name, action, once, always): &(&str, Action, Option<ErrorKind>, Option<ErrorKind>),
) -> (String, Vec<String>) {
    let (mut cells, mut wrong) = (Vec::new(), Vec::new());
    for (operation, request) in OPERATIONS {
        // Bodies of answers to writes are hardly looked at, and error documents are for documents.
        let is_silent = matches!(action, Action::OkThenError(_))
            && matches!(request, Operation::Head | Operation::Get);
        if is_silent || (is_body && request != Operation::Get) {
            cells.push("–".to_owned());
            continue;
        }
        let world = World::new();
        let mut cell = Vec::new();
        for (fault, expected) in [
            (Fault::once(request, action.clone()), *once),
            (Fault::always(request, action.clone()), *always),
        ] {
            match judge(&world, operation, fault, expected) {
                Ok(word) => cell.push(word),
                Err(what) => {
                    wrong.push(format!("{name} × {operation} ({request:?}): {what}"));
                    cell.push("WRONG".to_owned());
                }
            }
        }
        // An upload whose giving up cannot be sent either stays: the bucket's rule ends it.
        let is_cut = matches!(action, Action::Hang | Action::NoAnswer { .. });
        if world.simulator.open_uploads() > 0 && !is_cut {
            wrong.push(format!("{name} × {operation}: parts stay behind"));
        }
        cells.push(cell.join(" · "));
    }
    (format!("| {name} | {} |", cells.join(" | ")), wrong)
}

#[test]
fn the_grid() {
    let all = faults().into_iter().map(|fault| (false, fault));
    let all: Vec<_> = all
        .chain(body_faults().into_iter().map(|fault| (true, fault)))
        .collect();
    // Most of the time is waiting for what does not come.
    let lines: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = all
            .iter()
            .map(|(is_body, fault)| scope.spawn(|| line(*is_body, fault)))
            .collect();
        running
            .into_iter()
            .map(|line| line.join().unwrap())
            .collect()
    });
    let (lines, wrong): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    println!("{}", lines.join("\n"));
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_damaged_object_is_fetched_again_and_then_refused() {
    let world = World::new();
    let fault = world
        .simulator
        .inject(Fault::once(Operation::Get, Action::FlipByte(70_000)));
    world.run("read").unwrap();
    assert_eq!(world.simulator.hits(fault), 1);
    world
        .simulator
        .inject(Fault::always(Operation::Get, Action::FlipByte(70_000)));
    let error = world.run("read").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains("crc64nvme"), "{error}");
}

#[test]
fn a_broken_body_goes_on_where_it_broke() {
    let world = World::new();
    let before = world.simulator.body_bytes_sent();
    for times in 1..=3 {
        let fault = Fault {
            times,
            ..Fault::once(Operation::Get, Action::CloseAfter(600_000))
        };
        let fault = world.simulator.inject(fault);
        world.run("ranges").unwrap();
        assert_eq!(world.simulator.hits(fault), times);
    }
    // The simulator counts what it was asked for: rests, and not everything again.
    let asked = world.simulator.body_bytes_sent() - before;
    assert!(
        asked < 3 * 2_000_000 + 2_500_000 + 3_000_000 + 1_500_000,
        "{asked} bytes"
    );
}

#[test]
fn a_version_that_changes_between_requests_is_refused() {
    let world = World::new();
    let fault = world
        .simulator
        .inject(Fault::once(Operation::Get, Action::WrongEtag));
    let error = world.run("ranges").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
    assert_eq!(world.simulator.hits(fault), 1);
}

#[test]
fn a_server_that_ignores_ranges_is_refused_unless_it_does_no_harm() {
    let world = World::new();
    world
        .simulator
        .inject(Fault::always(Operation::Get, Action::IgnoreRange));
    world.run("read").unwrap();
    let error = world.run("ranges").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("ignores ranges"), "{error}");
}

#[test]
fn a_lost_answer_to_a_conditional_write_is_read_back() {
    let world = World::new();
    let put = |content: &'static str, condition: PutCondition| {
        let options = PutOptions {
            condition,
            ..PutOptions::default()
        };
        let (store, object) = (world.store.clone(), object("pointer"));
        world.block_on(async move { store.put(&object, content.into(), &options).await })
    };
    let lost = || Fault::once(Operation::Put, Action::NoAnswer { done: true });
    // Our own write, found by the second attempt: success and not "exists".
    world.simulator.inject(lost());
    let first = put("1", PutCondition::IfAbsent).unwrap();
    // Somebody else was faster.
    world.simulator.inject(Fault::once(
        Operation::Put,
        Action::NoAnswer { done: false },
    ));
    let error = put("2", PutCondition::IfAbsent).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Precondition, "{error}");
    world.simulator.inject(lost());
    let second = put("3", PutCondition::IfMatch(first.etag.unwrap())).unwrap();
    assert_eq!(world.simulator.object(BUCKET, "pointer").unwrap(), b"3");
    assert!(second.etag.is_some());
    // Written, answer lost, and then everything fails: nobody can tell.
    world
        .simulator
        .inject(Fault::once(Operation::Put, Action::NoAnswer { done: true }));
    world
        .simulator
        .inject(Fault::always(Operation::Put, status(403, "AccessDenied")));
    world
        .simulator
        .inject(Fault::always(Operation::Head, status(403, "AccessDenied")));
    let error = put("4", PutCondition::IfMatch(second.etag.unwrap())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
}

#[test]
fn a_wrong_region_and_a_wrong_clock_correct_themselves() {
    let world = World::new();
    let config = StoreConfig {
        region: Some("us-east-1".to_owned()),
        ..hasty(&world.simulator)
    };
    let store = fastdata_store::open(config.clone());
    let read = world.block_on(store.read(&object("x"), 1 << 30)).unwrap();
    assert!(read == world.content);
    let store = fastdata_store::open(config);
    let stat = world.block_on(store.stat(&object("x"))).unwrap();
    assert_eq!(stat.size_bytes, 5_000_000);
    for ahead in [3600, -7200] {
        world.simulator.set_clock_ahead(ahead);
        let store = fastdata_store::open(hasty(&world.simulator));
        let stat = world.block_on(store.stat(&object("x"))).unwrap();
        assert_eq!(stat.size_bytes, 5_000_000);
        for _ in 0..2 {
            let read = world.block_on(store.read(&object("x"), 1 << 30)).unwrap();
            assert!(read == world.content);
        }
    }
}

#[test]
fn expired_credentials_are_fetched_again_once() {
    let world = World::new();
    let expired = world
        .simulator
        .inject(Fault::once(Operation::Get, status(400, "ExpiredToken")));
    world.run("read").unwrap();
    assert_eq!(world.simulator.hits(expired), 1);
    let expired = world
        .simulator
        .inject(Fault::always(Operation::Get, status(400, "ExpiredToken")));
    let error = world.run("read").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(world.simulator.hits(expired), 2);
}

#[test]
fn errors_say_what_support_asks_for_and_no_secret() {
    let world = World::new();
    world
        .simulator
        .inject(Fault::always(Operation::Get, status(503, "SlowDown")));
    let error = world.run("read").unwrap_err();
    let details = error.request().unwrap();
    assert_eq!(details.status, Some(503));
    assert_eq!(details.code.as_deref(), Some("SlowDown"));
    assert!(details.request_id.is_some() && details.may_retry);
    assert_eq!(details.attempts, 4, "three retries");
    let text = error.to_string();
    assert!(
        text.contains("SlowDown") && text.contains("4 attempts"),
        "{text}"
    );
    world.simulator.heal();
    let store = fastdata_store::open(StoreConfig {
        secret_access_key: Some("canary-of-the-user".into()),
        session_token: Some("canary-token-of-the-user".into()),
        ..hasty(&world.simulator)
    });
    let error = world.block_on(store.read(&object("x"), 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let shown = format!(
        "{error} {error:?} {error:#?} {store:?} {:?}",
        error.request()
    );
    assert!(!shown.contains("canary"), "{shown}");
}

/// Keys that file systems and careless clients cannot have.
#[test]
fn keys_are_opaque() {
    let world = World::new();
    let long = "k".repeat(1024);
    let keys = [
        "odd/a//b",
        "odd/a",
        "odd/a/",
        "odd//",
        "odd/../up",
        "odd/./x",
        "odd/ a ",
        "odd/a%2Fb",
        "odd/a+b c",
        "odd/tab\tx",
        "odd/#?&=;",
        "odd/e\u{301}",
        "odd/é",
        "odd/~*'()!",
        "/first",
        &long,
    ];
    for key in keys {
        let location = object(key);
        let content = Bytes::from(key.to_owned());
        let done = async {
            world
                .store
                .put(&location, content.clone(), &PutOptions::default())
                .await?;
            world.store.read(&location, 10_000).await
        };
        assert_eq!(world.block_on(done).unwrap(), content, "{key:?}");
        assert_eq!(world.simulator.object(BUCKET, key).unwrap(), key.as_bytes());
    }
    let odd = object("odd");
    let listed: Vec<_> = world
        .block_on(world.store.list(&odd).try_collect())
        .unwrap();
    let mut expected: Vec<&str> = keys
        .into_iter()
        .filter(|key| key.starts_with("odd/"))
        .collect();
    expected.sort_unstable();
    let listed: Vec<&str> = listed.iter().map(|meta| meta.location.key()).collect();
    assert_eq!(listed, expected);
    for key in keys {
        world.block_on(world.store.delete(&object(key))).unwrap();
    }
    assert_eq!(world.simulator.keys(BUCKET), ["x"]);
}

#[test]
fn offsets_beyond_two_and_four_gib() {
    let world = World::new();
    let len = (5 << 30) + 12_345;
    world.simulator.put_synthetic(BUCKET, "huge", 9, len);
    let huge = object("huge");
    for middle in [1 << 31, 1 << 32, len - 1000] {
        let ranges = [
            middle - 1..middle,
            middle..middle + 1,
            middle - 1000..middle + 1000,
        ];
        let read = world
            .block_on(world.store.read_ranges(&huge, &ranges))
            .unwrap();
        for (range, bytes) in ranges.into_iter().zip(read) {
            assert!(
                bytes == Simulator::synthetic_bytes(9, len, range.clone()),
                "{range:?}"
            );
        }
    }
    assert_eq!(world.block_on(world.store.size(&huge)).unwrap(), len);
    let (tail, size) = world.block_on(world.store.read_tail(&huge, 10)).unwrap();
    assert!(size == len && tail == Simulator::synthetic_bytes(9, len, len - 10..len));
    let error = world
        .block_on(world.store.read_ranges(&huge, &[0..len + 1]))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

#[test]
fn thousands_of_small_objects_over_few_connections() {
    let world = World::new();
    for index in 0..3000 {
        world
            .simulator
            .put(BUCKET, &format!("small/{index}"), &seeded_bytes(index, 700));
    }
    let before = world.simulator.connections();
    let reads = async {
        let mut running = tokio::task::JoinSet::new();
        for index in 0..3000_u64 {
            let store = world.store.clone();
            running.spawn(async move {
                let read = store
                    .read(&object(&format!("small/{index}")), 1000)
                    .await
                    .unwrap();
                assert_eq!(read, seeded_bytes(index, 700));
            });
        }
        while let Some(ended) = running.join_next().await {
            ended.unwrap();
        }
    };
    world.block_on(reads);
    let made = world.simulator.connections() - before;
    assert!(made <= 256, "{made} connections for 3,000 objects");
    assert_eq!(
        world.simulator.requests("head"),
        0,
        "nobody asks before reading"
    );
    assert!(
        world.simulator.requests("get") <= 3000 + 150,
        "hedges stay within 5 %"
    );
}

/// Nobody knows yet what late is when it is sent; still it is not waited for.
#[test]
fn a_first_request_that_is_never_answered_is_sent_twice() {
    let mut world = World::new();
    let mut config = world.simulator.config();
    config.request_timeout = Duration::from_secs(600);
    world.store = fastdata_store::open(config);
    for index in 0..64 {
        let key = format!("small/{index}");
        world.simulator.put(BUCKET, &key, &seeded_bytes(index, 700));
    }
    let hang = world
        .simulator
        .inject(Fault::once(Operation::Get, Action::Hang));
    let reads = (0..64_u64).map(|index| {
        let store = world.store.clone();
        async move {
            let read = store.read(&object(&format!("small/{index}")), 1000).await;
            assert_eq!(read.unwrap(), seeded_bytes(index, 700));
        }
    });
    world.block_on(futures::future::join_all(reads));
    assert_eq!(world.simulator.hits(hang), 1);
    assert!((65..=67).contains(&world.simulator.requests("get")));
}

#[test]
fn a_hundred_thousand_keys_are_listed() {
    let world = World::new();
    for index in 0..100_000 {
        world
            .simulator
            .put(BUCKET, &format!("many/{index:06}"), b"");
    }
    let many = object("many");
    let listed: Vec<_> = world
        .block_on(world.store.list(&many).try_collect())
        .unwrap();
    assert_eq!(listed.len(), 100_000);
    assert!(listed.is_sorted_by(|a, b| a.location < b.location));
    // The pages, and once a look for folders.
    assert_eq!(world.simulator.requests("list"), 101);
}

/// Dropped in the middle of an upload in parts, at many moments: no parts stay behind.
#[test]
fn uploads_that_are_given_up_leave_no_parts() {
    let world = World::new();
    let content = Bytes::from(seeded_bytes(8, 40_000_000));
    for delay_ms in [0, 1, 5, 10, 20, 30, 50] {
        let put = async {
            let (y, options) = (object("y"), PutOptions::default());
            let put = world.store.put(&y, content.clone(), &options);
            let _ = tokio::time::timeout(Duration::from_millis(delay_ms), put).await;
            let mut waits = 0;
            while world.simulator.open_uploads() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
                waits += 1;
                assert!(waits < 1000, "parts stay behind after {delay_ms} ms");
            }
        };
        world.block_on(put);
    }
}

#[test]
fn a_rate_limit_is_kept() {
    let world = World::new();
    let config = StoreConfig {
        max_bytes_per_second: Some(6_000_000),
        ..world.simulator.config()
    };
    let store = fastdata_store::open(config);
    let started = Instant::now();
    let read = world.block_on(store.read(&object("x"), 1 << 30)).unwrap();
    assert!(read == world.content);
    // Five megabytes at six a second, less what may run ahead.
    assert!(
        started.elapsed() > Duration::from_millis(300),
        "{:?}",
        started.elapsed()
    );
}
