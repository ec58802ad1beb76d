//! The same scan over a store that gives one byte at a time, one that fails, and a real S3 server.

use std::sync::Arc;

use fastdata_scan::{CancelToken, ErrorKind, Scan, ScanRequest};
use fastdata_store::{Store, StoreConfig};
use fastdata_testkit::{FlakyStore, OneByteStore, S3Server, skipped};

use crate::files::{batch, ids, request, write};

fn collect(request: ScanRequest, store: Arc<dyn Store>) -> Result<Vec<i64>, fastdata_scan::Error> {
    let collected = Scan::open_in(request, CancelToken::default(), store)?.collect()?;
    Ok(collected.batches.iter().flat_map(ids).collect())
}

#[test]
fn one_byte_reads_and_late_failures_change_nothing_but_the_outcome() {
    let folder = tempfile::tempdir().unwrap();
    for part in 0..3_i64 {
        let path = folder.path().join(format!("p{part}.parquet"));
        write(&path, &batch(part * 1000, part * 1000 + 1000), 300);
    }
    let filtered = || ScanRequest {
        filter: Some("id >= 500".into()),
        ..request(folder.path())
    };
    let local = || fastdata_store::open(StoreConfig::default());
    let expected: Vec<i64> = (500..3000).collect();
    assert_eq!(collect(filtered(), local()).unwrap(), expected);
    assert_eq!(
        collect(filtered(), Arc::new(OneByteStore::new(local()))).unwrap(),
        expected
    );

    let mut failed = 0;
    for seed in 0..50 {
        let flaky = Arc::new(FlakyStore::new(local(), seed, 0.05));
        match collect(filtered(), flaky.clone()) {
            Ok(rows) => assert_eq!(rows, expected, "seed {seed}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Io, "seed {seed}: {error}");
                assert!(flaky.failed() > 0, "seed {seed}");
                failed += 1;
            }
        }
    }
    assert!(failed > 5, "only {failed} scans met a failure");
}

#[test]
fn a_folder_on_s3_is_scanned_as_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    for (part, day) in ["2026-01-01", "2026-01-02"].iter().enumerate() {
        let from = part as i64 * 5000;
        let path = folder.path().join(format!("day={day}/a b+c%2F.parquet"));
        write(&path, &batch(from, from + 5000), 700);
    }
    let Some(server) = S3Server::start(root.path()) else {
        return skipped("scan over S3", "no Versity S3 Gateway");
    };
    server.put_folder("lake", "events", folder.path());
    let request = |filter: Option<&str>| ScanRequest {
        sources: vec!["s3://lake/events".into()],
        filter: filter.map(str::to_owned),
        store: server.config(),
        ..ScanRequest::default()
    };
    let rows = |filter| {
        let request = request(filter);
        let store = fastdata_store::open(request.store.clone());
        collect(request, store).unwrap()
    };
    assert_eq!(rows(None), (0..10_000).collect::<Vec<_>>());
    assert_eq!(
        rows(Some("day = '2026-01-02' and id < 5010")),
        (5000..5010).collect::<Vec<_>>()
    );

    let absent = ScanRequest {
        sources: vec!["s3://lake/nothing.parquet".into()],
        ..request(None)
    };
    let error = Scan::open(absent, CancelToken::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
