//! Which failure ends with which code, in one line.

use crate::command::{run, sample, text};

#[track_caller]
fn check(args: &[&str], code: i32, words: &str) {
    let output = run(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn each_failure_has_its_code() {
    let (folder, path) = sample();
    let path = path.to_str().unwrap();
    let inside = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    check(&["scan"], 2, "SOURCE");
    check(&["scan", path, "-w", "id = "], 2, "fastdata: error: ");
    check(&["scan", path, "-w", "nothing = 1"], 2, "nothing");
    check(&["scan", path, "-c", "nothing"], 2, "nothing");
    check(&["scan", path, "--max-memory", "lots"], 2, "2GiB");
    check(&["scan", path, "--as-of", "yesterday"], 2, "2026-01-15");
    check(&["scan", path, "-o", &inside("rows.xyz")], 2, "--format");
    check(&["scan", &inside("absent.parquet")], 4, "absent.parquet");
    check(
        &["scan", path, "-o", &inside("absent/rows.csv")],
        4,
        "absent",
    );
    let broken = inside("broken.parquet");
    std::fs::write(&broken, b"PAR1 this is no Parquet file at all").unwrap();
    check(&["scan", &broken], 6, "broken.parquet");
}

#[test]
fn an_error_is_one_line() {
    let output = run(&["scan", "no/such\nfile.parquet"]);
    assert_eq!(
        text(&output.stderr).lines().count(),
        1,
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn errors_as_json() {
    for args in [
        &["scan", "--json-errors", "absent.parquet"][..],
        &["scan", "--json-errors"],
    ] {
        let output = run(args);
        let json: serde_json::Value = serde_json::from_str(&text(&output.stderr)).unwrap();
        assert_eq!(json["schema"], "fastdata.error/1");
        assert_eq!(json["exit_code"], output.status.code().unwrap());
    }
}
