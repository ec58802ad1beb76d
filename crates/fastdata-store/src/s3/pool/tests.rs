//! Several addresses of one host, over sockets.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use fastdata_testkit::{Action, Door, Fault, Operation, Simulator};

use super::super::bucket::Buckets;
use super::super::endpoint;
use super::super::engine::{Engine, locked};
use crate::config::Secret;
use crate::{Location, StoreConfig};

/// What a lookup would have found.
fn know(engine: &Engine, config: &StoreConfig, addresses: &[SocketAddr]) {
    let url = config.endpoint_url.as_deref();
    let endpoint = endpoint::of(url, "lake", "eu-test-1", true).unwrap();
    let pool = engine.pool(&endpoint);
    locked(&pool.addresses).resolved(addresses, pool.now());
    *locked(&pool.looked_up) = Some(Instant::now());
}

/// For a host whose name nobody knows, at `port`.
fn of_many(simulator: &Simulator, port: u16) -> StoreConfig {
    let env: std::collections::HashMap<_, _> = simulator.env().into_iter().collect();
    StoreConfig {
        endpoint_url: Some(format!("http://many.invalid:{port}")),
        region: Some(env["AWS_REGION"].clone()),
        access_key_id: Some(env["AWS_ACCESS_KEY_ID"].clone()),
        secret_access_key: Some(Secret::new(env["AWS_SECRET_ACCESS_KEY"].clone())),
        ..StoreConfig::default()
    }
}

#[test]
fn all_addresses_are_used_and_a_dead_one_is_left_alone() {
    let simulator = Simulator::start();
    // Large enough for many requests at a time.
    simulator.put_synthetic("lake", "big", 1, 400_000_000);
    let first = Door::plain("127.0.1.1:0", &simulator.endpoint_url());
    let port = first.address().port();
    let at = |last: u8| SocketAddr::from(([127, 0, 1, last], port));
    let doors: Vec<Door> = (2..=3)
        .map(|last| Door::plain(&at(last).to_string(), &simulator.endpoint_url()))
        .collect();
    // Nobody listens there, and nobody else can.
    let dead = TcpListener::bind(at(4)).unwrap();
    drop(dead);

    let config = of_many(&simulator, port);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let buckets = Buckets::new(&config);
    let big = Location::parse("s3://lake/big").unwrap();
    let all: Vec<SocketAddr> = (1..=4).map(at).collect();
    runtime.block_on(async {
        know(&buckets.engine, &config, &all);
        for start in 0..4 {
            let range = start * 100_000_000..(start + 1) * 100_000_000;
            let read = buckets.read_ranges(&config, &big, std::slice::from_ref(&range), None);
            let read = read.await.unwrap();
            assert_eq!(read[0].len(), 100_000_000);
        }
        let url = config.endpoint_url.as_deref();
        let endpoint = endpoint::of(url, "lake", "eu-test-1", true).unwrap();
        let pool: Arc<_> = buckets.engine.pool(&endpoint);
        let now = pool.now();
        let mut addresses = locked(&pool.addresses);
        let chosen: Vec<_> = (0..40).filter_map(|_| addresses.choose(now)).collect();
        assert!(!chosen.contains(&at(4)), "the dead one is still chosen");
    });
    for door in std::iter::once(&first).chain(&doors) {
        assert!(door.connections() > 0, "{:?} was not used", door.address());
    }
}

/// Neither new connections nor old ones go on bringing from an address that is much slower than the other.
#[test]
fn a_slow_address_is_left_by_its_connections() {
    let [fast, slow] = [Simulator::start(), Simulator::start()];
    for simulator in [&fast, &slow] {
        simulator.put_synthetic("lake", "big", 1, 400_000_000);
    }
    slow.inject(Fault::always(Operation::Get, Action::Drip(5_000_000)));
    let door = Door::plain("127.0.2.1:0", &fast.endpoint_url());
    let port = door.address().port();
    let slow_at = SocketAddr::from(([127, 0, 2, 2], port));
    let _slow_door = Door::plain(&slow_at.to_string(), &slow.endpoint_url());
    let config = of_many(&fast, port);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let buckets = Buckets::new(&config);
    let big = Location::parse("s3://lake/big").unwrap();
    runtime.block_on(async {
        know(&buckets.engine, &config, &[door.address(), slow_at]);
        for start in 0..4 {
            let range = start * 100_000_000..(start + 1) * 100_000_000;
            let read = buckets.read_ranges(&config, &big, std::slice::from_ref(&range), None);
            assert_eq!(read.await.unwrap()[0].len(), 100_000_000);
        }
        let url = config.endpoint_url.as_deref();
        let endpoint = endpoint::of(url, "lake", "eu-test-1", true).unwrap();
        let pool = buckets.engine.pool(&endpoint);
        let now = pool.now();
        let idle = locked(&pool.idle);
        assert!(!idle.is_empty());
        assert!(idle.iter().all(|idle| idle.address == door.address()));
        let mut addresses = locked(&pool.addresses);
        let chosen: Vec<_> = (0..32).filter_map(|_| addresses.choose(now)).collect();
        let to_slow = chosen.iter().filter(|at| **at == slow_at).count();
        assert!(to_slow <= 2, "{to_slow} of 32 go to the slow one");
    });
    assert!(slow.requests("get") > 0, "it was never tried");
    assert!(slow.requests("get") * 3 < fast.requests("get"));
}

/// Of a server that takes no more connections: who waits for one gets the first that is free.
#[test]
fn a_free_connection_is_better_than_one_that_does_not_come() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = endpoint::of(Some(&format!("http://{address}")), "lake", "x", true).unwrap();
        let pool = Arc::new(super::Pool::new(&endpoint, None));
        let minutes = std::time::Duration::from_secs(300);

        let first = pool.lease(minutes).await.unwrap();
        let (_accepted, _) = listener.accept().await.unwrap();
        // Nobody accepts these: then there is no room for another.
        let mut waiting = Vec::new();
        while let Ok(connected) = tokio::time::timeout(
            std::time::Duration::from_millis(300),
            tokio::net::TcpStream::connect(address),
        )
        .await
        {
            waiting.push(connected.unwrap());
        }
        let second = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.lease(minutes).await }
        });
        tokio::task::yield_now().await;
        let mut first = first;
        pool.keep(first.connection.take().unwrap());
        assert!(second.await.unwrap().unwrap().is_reused);
    });
}

/// What happens one after the other, and what comes of it.
#[test]
fn a_late_lookup_is_asked_again() {
    use std::cell::RefCell;
    use tokio::sync::oneshot;

    #[derive(Clone, Copy)]
    enum Event {
        Late,
        Answer(usize, Result<u32, &'static str>),
    }
    use Event::{Answer, Late};

    let cases: [(&[Event], Result<u32, &str>, usize); 7] = [
        (&[Answer(0, Ok(1))], Ok(1), 1),
        (&[Answer(0, Err("none"))], Err("none"), 1),
        (&[Late, Answer(1, Ok(2))], Ok(2), 2),
        (&[Late, Answer(0, Ok(1))], Ok(1), 2),
        (&[Late, Answer(0, Err("none")), Answer(1, Ok(2))], Ok(2), 2),
        (&[Late, Answer(1, Err("none")), Answer(0, Ok(1))], Ok(1), 2),
        (
            &[Late, Answer(1, Err("none")), Answer(0, Err("gone"))],
            Err("gone"),
            2,
        ),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    for (number, (events, expected, questions)) in cases.into_iter().enumerate() {
        let asked = RefCell::new(Vec::new());
        let (late, is_late) = oneshot::channel();
        let ask = || {
            let (answer, answered) = oneshot::channel();
            asked.borrow_mut().push(Some(answer));
            async move { answered.await.unwrap() }
        };
        let script = async {
            let mut late = Some(late);
            for event in events {
                // Twice, since who is asked first alternates.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                match event {
                    Late => late.take().unwrap().send(()).unwrap(),
                    Answer(which, answer) => {
                        let waiting = asked.borrow_mut()[*which].take().unwrap();
                        waiting.send(*answer).unwrap();
                    }
                }
            }
        };
        let (answer, ()) =
            runtime.block_on(async { tokio::join!(super::hedged(is_late, ask), script) });
        assert_eq!(
            (answer, asked.borrow().len()),
            (expected, questions),
            "case {number}"
        );
    }
}
