//! Every spelling of an address, and the ones that are refused.

use super::*;
use crate::ErrorKind;

#[track_caller]
fn check(text: &str, scheme: Scheme, bucket: &str, key: &str, canonical: &str) {
    let location = Location::parse(text).unwrap();
    assert_eq!(location.scheme(), scheme);
    assert_eq!(location.bucket(), bucket);
    assert_eq!(location.key(), key);
    assert_eq!(location.to_string(), canonical);
    assert_eq!(
        Location::parse(canonical).unwrap(),
        location,
        "canonical text means the same"
    );
    assert_eq!(location.local_path().is_some(), scheme == Scheme::Local);
}

#[test]
fn object_stores() {
    check("s3://b-1/k", Scheme::S3, "b-1", "k", "s3://b-1/k");
    check("s3a://b.x/a/b", Scheme::S3, "b.x", "a/b", "s3://b.x/a/b");
    check("S3N://b/a/", Scheme::S3, "b", "a/", "s3://b/a/");
    check("s3://b", Scheme::S3, "b", "", "s3://b/");
    check("s3://b/", Scheme::S3, "b", "", "s3://b/");
    check("s3://b//a", Scheme::S3, "b", "/a", "s3://b//a");
    check("gs://b_u/k", Scheme::Gcs, "b_u", "k", "gs://b_u/k");
    check("gcs://b/k", Scheme::Gcs, "b", "k", "gs://b/k");
    check("az://c/k", Scheme::Azure, "c", "k", "az://c/k");
    check("abfs://c/k", Scheme::Azure, "c", "k", "az://c/k");
    let full = "abfss://c@acct.dfs.core.windows.net/k/x@y";
    check(full, Scheme::Azure, "c", "k/x@y", full);
    assert_eq!(Location::parse(full).unwrap().account(), Some("acct"));
    assert_eq!(Location::parse("az://c/k").unwrap().account(), None);
    assert_eq!(Location::parse("az://c").unwrap().account(), None);
}

#[test]
fn keys_stay_raw() {
    for key in [
        "a b",
        "a%20b",
        "a+b",
        "a#b",
        "a?b=c&d",
        "ü/日本",
        "a\\b",
        "..",
        "a//b",
        "x@y",
        "a:b",
    ] {
        let text = format!("s3://bucket/{key}");
        check(&text, Scheme::S3, "bucket", key, &text);
        let path = format!("/folder/{key}");
        check(&path, Scheme::Local, "", &path, &path);
        check(&format!("file://{path}"), Scheme::Local, "", &path, &path);
    }
}

#[test]
fn local_files() {
    check("/a/b", Scheme::Local, "", "/a/b", "/a/b");
    check("file:/a/b", Scheme::Local, "", "/a/b", "/a/b");
    check("file:///a/b", Scheme::Local, "", "/a/b", "/a/b");
    check("FILE://localhost/a/b", Scheme::Local, "", "/a/b", "/a/b");
    let here = std::env::current_dir().unwrap();
    let here = here.to_str().unwrap();
    for (text, rest) in [
        ("x/y", "/x/y"),
        ("./x", "/x"),
        (".", ""),
        ("./", ""),
        ("../x", "/../x"),
    ] {
        let path = format!("{here}{rest}");
        check(text, Scheme::Local, "", &path, &path);
    }
    let colon = format!("{here}/day:1/x");
    check("day:1/x", Scheme::Local, "", &colon, &colon);
}

#[test]
fn refused() {
    for text in [
        "",
        "s3:///key",
        "s3://",
        "s3://bu cket/k",
        "s3://user@b/k",
        "http://b/k",
        "hdfs://n:1/k",
        "file://host/path",
        "file://relative",
        "abfss://c@/k",
        "abfss://@a/k",
        "a\0b",
        "s3://b?x/k",
    ] {
        let error = Location::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        assert_eq!(error.to_string().lines().count(), 1, "{text}");
    }
}

#[test]
fn walking_up_and_down() {
    let bucket = Location::parse("s3://b").unwrap();
    let file = bucket.join("a/b c.parquet");
    assert_eq!(file.to_string(), "s3://b/a/b c.parquet");
    assert_eq!(file.file_name(), "b c.parquet");
    let folder = file.parent().unwrap();
    assert_eq!(
        (folder.to_string().as_str(), folder.key()),
        ("s3://b/a", "a")
    );
    assert_eq!(folder.parent().unwrap(), bucket);
    assert_eq!(bucket.parent(), None);
    assert_eq!(bucket.file_name(), "");
    let marked = Location::parse("s3://b/a/").unwrap();
    assert_eq!(marked.join("x").to_string(), "s3://b/a/x");
    assert_eq!(marked.join("").to_string(), "s3://b/a/");
    assert_eq!(
        (marked.file_name(), marked.parent().unwrap()),
        ("a", bucket)
    );

    let local = Location::parse("/a/b").unwrap();
    assert_eq!(local.parent().unwrap().to_string(), "/a");
    assert_eq!(local.parent().unwrap().parent().unwrap().to_string(), "/");
    assert_eq!(local.parent().unwrap().parent().unwrap().parent(), None);
    assert_eq!(Location::parse("/").unwrap().join("x").to_string(), "/x");
}

#[test]
fn equal_addresses_are_equal_whatever_their_spelling() {
    let spellings = ["s3://b/k", "s3a://b/k", "s3n://b/k"];
    let set: std::collections::HashSet<_> = spellings
        .iter()
        .map(|text| Location::parse(text).unwrap())
        .collect();
    assert_eq!(set.len(), 1);
    assert!(size_of::<Location>() <= 48);
}
