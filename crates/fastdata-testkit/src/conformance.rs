//! The contract of [`Store`] as a test: every store passes it, whatever is behind.
//!
//! The functions panic with what went wrong, as tests do.

#![expect(
    clippy::unwrap_used,
    clippy::single_range_in_vec_init,
    reason = "this is a test that several crates run; batches of one range are part of it"
)]

use std::ops::Range;

use bytes::Bytes;
use fastdata_store::{ErrorKind, Location, PutCondition, PutOptions, Store};
use futures::TryStreamExt;

use crate::seeded_bytes;

/// Writes an object for the suite to read.
pub type Put<'a> = &'a dyn Fn(&Location, &[u8]);

/// Checks all that [`Store`] promises and a test can see, on objects below `folder`, which is
/// empty at first.
pub async fn check(store: &dyn Store, folder: &Location, put: Put<'_>) {
    ranges(store, folder, put).await;
    tails_and_wholes(store, folder, put).await;
    missing(store, folder).await;
    odd_keys(store, &folder.join("odd"), put).await;
    listings(store, &folder.join("list"), put).await;
    writes(store, &folder.join("write")).await;
    conditions(store, &folder.join("condition")).await;
}

async fn writes(store: &dyn Store, folder: &Location) {
    let plain = PutOptions::default();
    for (name, len) in [("a/b c+%20", 0), ("a/d", 1), ("e", 300_000)] {
        let object = folder.join(name);
        let content = Bytes::from(seeded_bytes(len, len as usize));
        let made = store.put(&object, content.clone(), &plain).await.unwrap();
        assert_eq!(store.read(&object, len).await.unwrap(), content);
        let stat = store.stat(&object).await.unwrap();
        assert_eq!((&stat.location, stat.size_bytes), (&object, len));
        assert_eq!(
            stat.etag, made.etag,
            "the ETag of the write is the object's"
        );
        assert!(stat.modified.is_some());
        assert!(stat.metadata.is_empty());
    }
    let object = folder.join("e");
    let options = PutOptions {
        metadata: [
            ("run-id".to_owned(), "17 = x, \"y\"".to_owned()),
            (
                "Metaflow-User-Attributes".to_owned(),
                "{\"a\": 1}".to_owned(),
            ),
        ]
        .into(),
        durable: true,
        ..plain.clone()
    };
    store.put(&object, "new".into(), &options).await.unwrap();
    assert_eq!(store.read(&object, 9).await.unwrap(), "new");
    let metadata = store.stat(&object).await.unwrap().metadata;
    assert_eq!(metadata["run-id"], "17 = x, \"y\"");
    assert_eq!(metadata["metaflow-user-attributes"], "{\"a\": 1}");
    for (name, value) in [("a b", "x"), ("", "x"), ("a", "line\nbreak"), ("a", "ü")] {
        let options = PutOptions {
            metadata: [(name.to_owned(), value.to_owned())].into(),
            ..plain.clone()
        };
        let error = store.put(&object, "no".into(), &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    for _ in 0..2 {
        store.delete(&object).await.unwrap();
        let error = store.stat(&object).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    store.delete(&folder.join("no/body")).await.unwrap();
}

async fn conditions(store: &dyn Store, folder: &Location) {
    let object = folder.join("pointer");
    let when = |condition: PutCondition| PutOptions {
        condition,
        ..PutOptions::default()
    };
    let absent = when(PutCondition::IfAbsent);
    let matches = |etag: &str| when(PutCondition::IfMatch(etag.to_owned()));
    let refused = async |content: &'static str, options: &PutOptions| {
        let error = store
            .put(&object, content.into(), options)
            .await
            .unwrap_err();
        error.kind()
    };
    // Nothing to match: S3 says 404 or 412.
    let kind = refused("0", &matches("\"nobody\"")).await;
    assert!(matches!(
        kind,
        ErrorKind::Precondition | ErrorKind::NotFound
    ));
    let first = store.put(&object, "1".into(), &absent).await.unwrap();
    assert_eq!(refused("x", &absent).await, ErrorKind::Precondition);
    let first = first.etag.unwrap();
    let second = store
        .put(&object, "2".into(), &matches(&first))
        .await
        .unwrap();
    let second = second.etag.unwrap();
    assert_ne!(first, second);
    assert_eq!(
        refused("x", &matches(&first)).await,
        ErrorKind::Precondition
    );
    assert_eq!(store.read(&object, 9).await.unwrap(), "2", "as it was");
    store
        .put(&object, "3".into(), &matches(&second))
        .await
        .unwrap();
    store.delete(&object).await.unwrap();
    store.put(&object, "4".into(), &absent).await.unwrap();
    assert_eq!(store.read(&object, 9).await.unwrap(), "4");
}

async fn ranges(store: &dyn Store, folder: &Location, put: Put<'_>) {
    let content = seeded_bytes(7, 300_000);
    let object = folder.join("ranges.bin");
    put(&object, &content);
    let batches: [&[Range<u64>]; 7] = [
        &[],
        &[0..1],
        &[0..300_000],
        &[299_999..300_000, 0..1, 150_000..150_001],
        &[5..10, 7..12, 5..10, 6..7],
        &[10..10, 0..4, 300_000..300_000, 900_000..900_000],
        &[
            0..1000,
            1000..1000,
            1000..2000,
            100_000..200_000,
            200_100..200_101,
        ],
    ];
    for batch in batches {
        let answers = store.read_ranges(&object, batch).await.unwrap();
        assert_eq!(
            answers.len(),
            batch.len(),
            "one answer for each of {batch:?}"
        );
        for (range, answer) in batch.iter().zip(&answers) {
            assert_eq!(
                &answer[..],
                slice(&content, range),
                "{range:?} of {batch:?}"
            );
        }
        if let Some(here) = store.read_ranges_here(&object, batch) {
            assert_eq!(here.unwrap(), answers, "the same bytes on the spot");
        }
    }
    #[expect(clippy::reversed_empty_ranges, reason = "the wrong range is the point")]
    let wrong = [
        0..300_001,
        300_000..300_001,
        400_000..400_010,
        9..3,
        0..u64::MAX,
        7..1 << 60,
    ];
    for range in wrong {
        let batch = [0..10, range.clone()];
        let error = store.read_ranges(&object, &batch).await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidArgument,
            "{range:?}: {error}"
        );
        if let Some(here) = store.read_ranges_here(&object, &batch) {
            assert_eq!(
                here.unwrap_err().kind(),
                ErrorKind::InvalidArgument,
                "{range:?}"
            );
        }
    }
}

fn slice<'a>(content: &'a [u8], range: &Range<u64>) -> &'a [u8] {
    content
        .get(range.start as usize..range.end as usize)
        .unwrap_or(&[])
}

async fn tails_and_wholes(store: &dyn Store, folder: &Location, put: Put<'_>) {
    for len in [0, 1, 1000] {
        let content = seeded_bytes(len, len as usize);
        let object = folder.join(&format!("whole-{len}.bin"));
        put(&object, &content);
        assert_eq!(store.size(&object).await.unwrap(), len);
        assert_eq!(store.read(&object, len).await.unwrap(), content);
        assert_eq!(store.read(&object, 1 << 40).await.unwrap(), content);
        if len > 0 {
            let error = store.read(&object, len - 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        }
        for bytes in [0, 1, 10, len, len + 1, 1 << 40] {
            let (tail, size_bytes) = store.read_tail(&object, bytes).await.unwrap();
            assert_eq!(size_bytes, len);
            assert_eq!(
                tail,
                content[(len - len.min(bytes)) as usize..],
                "{bytes} of {len}"
            );
        }
    }
}

async fn missing(store: &dyn Store, folder: &Location) {
    for name in ["nobody.bin", "no/body.bin"] {
        let object = folder.join(name);
        let errors = [
            store.size(&object).await.unwrap_err(),
            store.read(&object, 10).await.unwrap_err(),
            store.read_tail(&object, 10).await.unwrap_err(),
            store.read_ranges(&object, &[0..1]).await.unwrap_err(),
            store
                .read_ranges(&object, &[0..1, 1..5000, 1 << 30..1 << 40])
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && text.lines().count() == 1, "{text}");
        }
        let nothing = store.read_ranges(&object, &[5..5]).await.unwrap();
        assert!(nothing[0].is_empty(), "an empty range needs no object");
    }
}

/// Keys that somebody's table has, or will have.
const ODD_KEYS: [&str; 15] = [
    "a b",
    "a%20b",
    "a+b",
    "a#b",
    "a?b=c&d",
    "a;b,c",
    "a:b@c",
    "a\\b",
    "a'b\"c",
    "~a^b`{}|<>",
    "ts=2026-01-15T10:00:00+00:00/x.parquet",
    "name=__HIVE_DEFAULT_PARTITION__/x",
    "u\u{308}ber",
    "über/日本語/🦀.parquet",
    ".hidden/_file",
];

async fn odd_keys(store: &dyn Store, folder: &Location, put: Put<'_>) {
    for key in ODD_KEYS {
        put(&folder.join(key), key.as_bytes());
    }
    for key in ODD_KEYS {
        let object = folder.join(key);
        assert_eq!(
            store.read(&object, 1000).await.unwrap(),
            key.as_bytes(),
            "{object}"
        );
        assert_eq!(
            store.size(&object).await.unwrap(),
            key.len() as u64,
            "{object}"
        );
    }
    let mut expected: Vec<_> = ODD_KEYS.iter().map(|key| folder.join(key)).collect();
    expected.sort();
    let listed: Vec<_> = store.list(folder).try_collect().await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|meta| meta.location).collect();
    assert_eq!(
        listed, expected,
        "keys come back from a listing as they were written"
    );
}

async fn listings(store: &dyn Store, folder: &Location, put: Put<'_>) {
    let names = ["a/1", "a/b/2", "a/b/c/3", "a-b/4", "a.b", "ab/5", "z"];
    for name in names {
        put(&folder.join(name), name.as_bytes());
    }
    for (below, expected) in [
        (
            "",
            &["a-b/4", "a.b", "a/1", "a/b/2", "a/b/c/3", "ab/5", "z"][..],
        ),
        ("a", &["a/1", "a/b/2", "a/b/c/3"]),
        ("a/", &["a/1", "a/b/2", "a/b/c/3"]),
        ("a/b", &["a/b/2", "a/b/c/3"]),
        ("z", &[]),
        ("nobody", &[]),
        ("no/body", &[]),
    ] {
        let listed: Vec<_> = store.list(&folder.join(below)).try_collect().await.unwrap();
        let found: Vec<_> = listed
            .iter()
            .map(|meta| (meta.location.clone(), meta.size_bytes))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|name| (folder.join(name), name.len() as u64))
            .collect();
        assert_eq!(found, expected, "below {below:?}");
    }
}
