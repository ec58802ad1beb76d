//! `fastdata blob` on a folder.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::command::{command, run, succeed, text};

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(&[args, &["--json"]].concat())).unwrap()
}

fn files(folder: &Path) -> (String, [String; 2]) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("one"), "a content that repeats, ".repeat(5000)).unwrap();
    std::fs::write(path("two"), [0, 159, 146, 150]).unwrap();
    (path("store"), [path("one"), path("two")])
}

#[test]
fn in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let (store, [one, two]) = files(folder.path());
    let content = std::fs::read(&one).unwrap();
    for form in [
        "fast",
        "compact",
        "vanilla",
        "raw",
        "lz4",
        "metaflow-fast",
        "metaflow-compact",
    ] {
        let keys = succeed(&["blob", "put", &store, &one, &two, "--as", form]);
        let keys: Vec<_> = keys.lines().collect();
        let out = folder.path().join("out");
        succeed(&["blob", "get", &store, keys[0], "-o", out.to_str().unwrap()]);
        assert_eq!(std::fs::read(&out).unwrap(), content);
        let both = run(&["blob", "cat", &store, keys[0], keys[1]]);
        assert_eq!(both.stdout, [&content[..], &[0, 159, 146, 150]].concat());
        assert_eq!(
            succeed(&["blob", "cat", &store, keys[0], "--range", "2..9"]),
            "content"
        );
        let again = json(&["blob", "put", &store, &one, "--as", form]);
        assert_eq!(again["blobs"][0]["is_new"], false);
    }
    let mut put = command(&["blob", "put", &store, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    put.stdin.take().unwrap().write_all(b"from stdin").unwrap();
    let key = text(&put.wait_with_output().unwrap().stdout);
    assert_eq!(succeed(&["blob", "cat", &store, key.trim()]), "from stdin");
    // Two contents under two kinds of keys each, and one more.
    assert_eq!(succeed(&["blob", "ls", &store]).lines().count(), 5);
}

#[test]
fn upkeep() {
    let folder = tempfile::tempdir().unwrap();
    let (_, [one, two]) = files(folder.path());
    let datastore = folder.path().join("datastore");
    let store = datastore.join("Flow/data").to_str().unwrap().to_owned();
    let datastore = datastore.to_str().unwrap().to_owned();
    let keys = succeed(&["blob", "put", &store, &one, &two, "--as", "vanilla"]);
    let keys: Vec<_> = keys.lines().collect();
    let survey = json(&["blob", "stat", &datastore]);
    assert_eq!(survey["schema"], "fastdata.blob.survey/1");
    assert_eq!(survey["blob_count"], 2);
    assert_eq!(survey["forms"]["v1 gzip"]["blob_count"], 1);
    let stat = json(&["blob", "stat", &store, keys[0]]);
    assert_eq!(stat["blobs"][0]["content_bytes"], 120_000);

    let dry = json(&[
        "blob",
        "migrate",
        &store,
        "--to",
        "metaflow-fast",
        "--dry-run",
    ]);
    assert_eq!(
        (&dry["migrated_count"], &dry["dry_run"]),
        (&2.into(), &true.into())
    );
    let real = json(&["blob", "migrate", &store, "--to", "metaflow-fast"]);
    assert_eq!(real["after_bytes"], dry["after_bytes"]);
    assert_eq!(
        json(&["blob", "stat", &store, keys[0]])["blobs"][0]["form"],
        "v3"
    );
    assert_eq!(json(&["blob", "verify", &store])["checked_count"], 2);

    let roots = folder.path().join("roots");
    std::fs::write(&roots, format!("{}\n", keys[0])).unwrap();
    let roots = roots.to_str().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let gc = ["blob", "gc", &store, "--roots", roots, "--grace", "1s"];
    assert_eq!(json(&gc)["removed"][0], keys[1]);
    assert_eq!(json(&[&gc[..], &["--delete"]].concat())["removed_count"], 1);
    let gone = run(&["blob", "cat", &store, keys[1]]);
    assert_eq!(gone.status.code(), Some(4), "{}", text(&gone.stderr));

    let path = format!("{store}/{}/{}", &keys[0][..2], keys[0]);
    let mut body = std::fs::read(&path).unwrap();
    body[100] ^= 1;
    std::fs::write(&path, body).unwrap();
    for args in [
        &["blob", "verify", &store][..],
        &["blob", "cat", &store, keys[0]],
    ] {
        let broken = run(args);
        assert_eq!(broken.status.code(), Some(6), "{}", text(&broken.stderr));
    }
}

#[test]
fn wrong_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (store, [one, _]) = files(folder.path());
    let key = succeed(&["blob", "put", &store, &one]);
    let key = key.trim();
    let nowhere = format!("{store}/nowhere");
    for (args, code) in [
        (&["blob", "cat", &store, "../../etc/passwd"][..], 2),
        (&["blob", "cat", &store, key, "--range", "9..2"], 2),
        (&["blob", "cat", &store, key, "--range", "0..999999999"], 2),
        (&["blob", "ls", &nowhere], 4),
        (&["blob", "stat", &nowhere], 4),
        (&["blob", "put", &store, &nowhere], 4),
        (&["blob", "gc", &store, "--roots", &one], 2),
        (&["blob", "gc", &store, "--roots", &nowhere], 4),
        (
            &["blob", "gc", &store, "--roots", "-", "--grace", "soon"],
            2,
        ),
        (&["blob", "gc", &store, "--roots", "-", "--grace", "5é"], 2),
        (&["blob", "migrate", &store, "--to", "vanilla"], 3),
    ] {
        let output = run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stderr).lines().count(), 1, "{args:?}");
    }
    assert!(!Path::new(&nowhere).exists());
}
