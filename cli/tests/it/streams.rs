//! stdin, stdout, stderr and files.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::command::{command, run, sample, succeed, text};

#[test]
fn names_come_from_stdin() {
    let (_folder, path) = sample();
    let mut child = command(&["scan", "-", "-f", "count"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let name = path.to_str().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{name}\n{name}\n").as_bytes())
        .unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap().stdout), "6\n");
}

#[test]
fn a_closed_pipe_is_success() {
    let (_folder, path) = sample();
    // Enough rows that they do not fit into the pipe.
    let mut args = vec!["scan"];
    args.extend(std::iter::repeat_n(path.to_str().unwrap(), 3_000));
    for format in ["csv", "ndjson", "arrow"] {
        let mut args = args.clone();
        args.extend(["-f", format]);
        let mut child = command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = BufReader::with_capacity(16, child.stdout.take().unwrap());
        let _ = reader.fill_buf().unwrap();
        drop(reader);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{format}: {}",
            text(&output.stderr)
        );
        assert!(
            output.stderr.is_empty(),
            "{format}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let (folder, path) = sample();
    let out = folder.path().join("out.csv");
    std::fs::write(&out, "before").unwrap();
    let (path, out_name) = (path.to_str().unwrap(), out.to_str().unwrap());
    let broken = folder.path().join("zbroken.parquet");
    // Sound at its end and not in its pages: the scan fails after the first rows were written.
    let mut bytes = std::fs::read(path).unwrap();
    bytes[4..200].fill(0xff);
    std::fs::write(&broken, bytes).unwrap();

    let failed = run(&["scan", path, broken.to_str().unwrap(), "-o", out_name]);
    assert_eq!(failed.status.code(), Some(6), "{}", text(&failed.stderr));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "before");

    succeed(&["scan", path, "-c", "id", "-o", out_name]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "id\n1\n2\n3\n");
    let names = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names
        .filter(|name| name.to_string_lossy().ends_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn statistics_are_talk_and_the_plan_is_data() {
    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    let output = run(&["scan", path, "-f", "count", "--stats=json"]);
    assert_eq!(text(&output.stdout), "3\n");
    let stats: serde_json::Value = serde_json::from_str(&text(&output.stderr)).unwrap();
    assert_eq!(stats["schema"], "fastdata.stats/1");
    assert_eq!(stats["rows_returned"], 3);
    let explain: serde_json::Value =
        serde_json::from_str(&succeed(&["scan", path, "--explain=json"])).unwrap();
    assert_eq!(explain["schema"], "fastdata.explain/1");
    assert!(succeed(&["scan", path, "--explain"]).starts_with("scan "));
}
