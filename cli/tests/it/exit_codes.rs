//! Which failure ends with which code, in one line.

use crate::command::{command, run, sample, text};

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

#[test]
fn usage_errors_are_one_line_too() {
    for args in [
        &["scan"][..],
        &["scan", "--bogus"],
        &["scan", "x", "-n", "many"],
        &["bogus"],
    ] {
        let said = text(&run(args).stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with("fastdata: error: "), "{said}");
    }
    let spoken = command(&["scan", "--bogus"])
        .env("FASTDATA_JSON_ERRORS", "yes")
        .output()
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&text(&spoken.stderr)).unwrap();
    assert_eq!(json["kind"], "usage");
}

#[test]
fn a_typed_snapshot_goes_before_the_environment() {
    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    let code = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command(args);
        command.envs(env.iter().copied());
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    // Plain files have no snapshots: whatever is asked for is not looked at, unless it is no sense.
    let typed = code(
        &["scan", path, "--snapshot-id", "1"],
        &[("FASTDATA_AS_OF", "nonsense")],
    );
    assert_ne!(typed.0, Some(2), "{}", typed.1);
    let said = code(&["scan", path], &[("FASTDATA_AS_OF", "nonsense")]);
    assert_eq!(said.0, Some(2), "{}", said.1);
    for (args, env) in [
        (
            &["scan", path, "--ref", "a", "--snapshot-id", "1"][..],
            &[][..],
        ),
        (
            &["scan", path],
            &[("FASTDATA_REF", "a"), ("FASTDATA_SNAPSHOT_ID", "1")],
        ),
    ] {
        let (code, said) = code(args, env);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("--snapshot-id cannot be used with --ref"),
            "{said}"
        );
    }
}

#[test]
fn as_many_threads_as_nobody_has_are_no_obstacle() {
    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    let output = run(&["scan", path, "-f", "count", "--threads", "1000000"]);
    assert_eq!(text(&output.stdout), "3\n", "{}", text(&output.stderr));
}
