//! Several addresses of one host, over sockets.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use fastdata_testkit::{Door, Simulator};

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

    let env: std::collections::HashMap<_, _> = simulator.env().into_iter().collect();
    let config = StoreConfig {
        endpoint_url: Some(format!("http://many.invalid:{port}")),
        region: Some(env["AWS_REGION"].clone()),
        access_key_id: Some(env["AWS_ACCESS_KEY_ID"].clone()),
        secret_access_key: Some(Secret::new(env["AWS_SECRET_ACCESS_KEY"].clone())),
        ..StoreConfig::default()
    };
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
