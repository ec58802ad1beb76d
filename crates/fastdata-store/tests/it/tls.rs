//! Servers whose certificates are not to be trusted.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastdata_store::{ErrorKind, Location, PutOptions, StoreConfig};
use fastdata_testkit::{Door, Simulator};
use futures::TryStreamExt;

/// Told at once and clearly, whatever is asked, and nothing is sent.
#[test]
fn a_certificate_that_nobody_has_signed_is_told_at_once() {
    let simulator = Simulator::start();
    simulator.put("lake", "x", b"content");
    let door = Door::tls(&simulator.endpoint_url(), "127.0.0.1", false);
    let config = StoreConfig {
        endpoint_url: Some(format!("https://{}", door.address())),
        ..simulator.config()
    };
    let store = fastdata_store::open(config);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let x = Location::parse("s3://lake/x").unwrap();
    let folder = Location::parse("s3://lake").unwrap();
    let started = Instant::now();
    let options = PutOptions::default();
    for round in 1..=4 {
        let error = runtime.block_on(async {
            match round {
                1 => store.read(&x, 100).await.map(drop),
                2 => store.stat(&x).await.map(drop),
                3 => store.list(&folder).try_collect::<Vec<_>>().await.map(drop),
                _ => {
                    let content = Bytes::from_static(b"y");
                    store.put(&x, content, &options).await.map(drop)
                }
            }
        });
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        let request = error.request().unwrap();
        assert_eq!((request.attempts, request.may_retry), (1, false), "{error}");
        assert_eq!(door.connections(), round, "it was tried again");
    }
    // Not a measurement: a time-out or a retry would take longer.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(simulator.requests("get") + simulator.requests("list"), 0);
    assert_eq!(simulator.object("lake", "x").unwrap(), b"content");
}
