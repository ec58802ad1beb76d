//! Answers that come slowly: in single bytes, or at a fraction of the usual rate.

use std::collections::BTreeSet;
use std::sync::Arc;

use fastdata_store::{Location, Store};
use fastdata_testkit::{Action, Fault, Model, Operation, Simulator, seeded_bytes};
use futures::TryStreamExt;

const BUCKET: &str = "slow";

fn object(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

/// All kinds of answers, side by side: each takes its time.
async fn ask_all(store: &Arc<dyn Store>, content: &[u8]) {
    let x = object("x");
    let ranges = [0..1, 3..97, 199..200, 0..200];
    let read = async { assert_eq!(store.read(&x, 1000).await.unwrap(), content) };
    let read_ranges = async {
        let read = store.read_ranges(&x, &ranges).await.unwrap();
        for (range, read) in ranges.iter().zip(read) {
            let range = range.start as usize..range.end as usize;
            assert_eq!(read, content[range.clone()], "{range:?}");
        }
    };
    let tail = async {
        let (tail, size_bytes) = store.read_tail(&x, 33).await.unwrap();
        assert_eq!((&tail[..], size_bytes), (&content[167..], 200));
    };
    let stat = async {
        let stat = store.stat(&x).await.unwrap();
        assert_eq!(stat.size_bytes, 200);
        assert!(stat.etag.is_some() && stat.checksum.is_some());
    };
    let list = async {
        let root = x.parent().unwrap();
        let listed: Vec<_> = store.list(&root).try_collect().await.unwrap();
        let keys: BTreeSet<_> = listed.iter().map(|listed| listed.location.key()).collect();
        assert_eq!(keys, BTreeSet::from(["w", "x"]));
    };
    let gone = async {
        let error = store.read(&object("gone"), 1000).await.unwrap_err();
        assert!(error.to_string().contains("NoSuchKey"), "{error}");
    };
    futures::join!(read, read_ranges, tail, stat, list, gone);
}

/// Wherever an answer is cut, it means the same.
#[test]
fn answers_that_come_in_single_bytes_or_odd_pieces() {
    let content = seeded_bytes(4, 200);
    for piece_bytes in [1, 2, 3, 7, 61] {
        let simulator = Simulator::start();
        simulator.put(BUCKET, "w", b"");
        simulator.put(BUCKET, "x", &content);
        let fault = simulator.inject(Fault {
            operation: None,
            key: None,
            after: 0,
            times: u64::MAX,
            action: Action::Pieces(piece_bytes),
        });
        let store = fastdata_store::open(simulator.config());
        crate::runtime().block_on(ask_all(&store, &content));
        let hits = simulator.hits(fault);
        assert!((6..=9).contains(&hits), "{hits} requests");
    }
}

/// One part comes at a tenth of the rate of the others, which is no stall.
#[test]
fn a_part_that_straggles_is_asked_for_elsewhere() {
    const LEN: u64 = 64 << 20;
    /// What each of the first requests asks for.
    const PART_BYTES: u64 = 4 << 20;
    let simulator = Simulator::with_model(Model {
        first_byte_ms: 1.0,
        first_byte_sigma: 0.0,
        stuck: 0.0,
        connection_bytes_per_second: 2e6,
        ..Model::s3like(1, 0.0)
    });
    simulator.put_synthetic(BUCKET, "big", 3, LEN);
    let store = fastdata_store::open(simulator.config());
    let read = || async {
        let ranges = std::slice::from_ref(&(0..LEN));
        let read = store.read_ranges(&object("big"), ranges).await.unwrap();
        assert!(read[0] == Simulator::synthetic_bytes(3, LEN, 0..LEN));
    };
    let runtime = crate::runtime();
    // Shows what is usual.
    for _ in 0..2 {
        runtime.block_on(read());
    }
    let bytes = simulator.body_bytes_sent();
    let straggler = Fault::once(Operation::Get, Action::Drip(200_000)).after(3);
    let straggler = simulator.inject(straggler);
    runtime.block_on(read());
    assert_eq!(simulator.hits(straggler), 1);
    // The rest of it is asked for once more. What answers late is asked for as a whole.
    let twice = simulator.body_bytes_sent() - bytes - LEN;
    assert_ne!(twice % PART_BYTES, 0, "{twice} bytes were asked for twice");
}
