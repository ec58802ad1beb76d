//! Behaviour over `object_store`'s in-memory store, where every request can be seen and changed.

use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};

use super::*;
use crate::ErrorKind;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A store whose bucket `bucket` is in memory.
fn in_memory() -> (RemoteStore, Arc<InMemory>) {
    let store = RemoteStore::new(StoreConfig {
        connections: 3,
        ..StoreConfig::default()
    });
    let memory = Arc::new(InMemory::new());
    let key = ClientKey {
        scheme: Scheme::S3,
        bucket: "bucket".into(),
        account: None,
    };
    store
        .clients
        .lock()
        .unwrap()
        .insert(key, Arc::clone(&memory) as Arc<dyn ObjectStore>);
    (store, memory)
}

fn put(memory: &InMemory, key: &str, content: Vec<u8>) {
    let path = Path::parse(key).unwrap();
    futures::executor::block_on(memory.put(&path, PutPayload::from(content))).unwrap();
}

fn object(key: &str) -> Location {
    Location::parse(&format!("s3://bucket/{key}")).unwrap()
}

#[test]
fn split_joined_and_odd_ranges_bring_the_right_bytes() {
    let (store, memory) = in_memory();
    let content: Vec<u8> = (0..20_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    put(&memory, "big", content.clone());
    let size = content.len() as u64;
    let ranges = [
        0..70_000_000,
        5..5,
        79_999_999..size,
        30_000_001..30_000_002,
        71_000_000..72_000_000,
        72_500_000..73_000_000,
        0..1,
    ];
    let answers = runtime()
        .block_on(store.read_ranges(&object("big"), &ranges, None))
        .unwrap();
    for (range, answer) in ranges.iter().zip(&answers) {
        assert_eq!(
            answer,
            &content[range.start as usize..range.end as usize],
            "{range:?}"
        );
    }
    assert_eq!(
        store.permits.available_permits(),
        3,
        "every permit came back"
    );
}

#[test]
fn ranges_past_the_end_are_refused_before_memory_is_taken() {
    let (store, memory) = in_memory();
    put(&memory, "small", vec![1; 10]);
    for range in [0..11, 10..11, 500..600, 0..1 << 60, 5..u64::MAX] {
        let error =
            runtime().block_on(store.read_ranges(&object("small"), &[0..2, range.clone()], None));
        assert_eq!(
            error.unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{range:?}"
        );
    }
}

#[test]
fn keys_that_object_store_would_change_are_refused() {
    let (store, _) = in_memory();
    for key in ["a//b", "/a", "a/", "a/./b", "../a", "a\tb"] {
        let error = runtime().block_on(store.size(&object(key))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{key}");
    }
}

#[test]
fn one_client_a_bucket_and_none_before_it_is_needed() {
    let store = RemoteStore::new(StoreConfig {
        anonymous: true,
        ..StoreConfig::default()
    });
    assert!(store.clients.lock().unwrap().is_empty());
    for text in ["s3://aaa/x", "s3://aaa/y", "s3://bbb/x", "gs://aaa/x"] {
        store.client(&Location::parse(text).unwrap()).unwrap();
    }
    for text in [
        "abfs://c@one.dfs.core.windows.net/x",
        "abfs://c@two.dfs.core.windows.net/x",
    ] {
        store.client(&Location::parse(text).unwrap()).unwrap();
    }
    assert_eq!(store.clients.lock().unwrap().len(), 5);
}

#[test]
fn wrong_settings_are_told_at_first_use() {
    let wrong = [
        StoreConfig {
            access_key_id: Some("x".into()),
            ..StoreConfig::default()
        },
        StoreConfig {
            endpoint_url: Some("nonsense".into()),
            ..StoreConfig::default()
        },
        StoreConfig {
            profile: Some("nobody".into()),
            ..StoreConfig::default()
        },
    ];
    for config in wrong {
        let store = RemoteStore::new(config);
        let error = runtime().block_on(store.size(&object("x"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}
