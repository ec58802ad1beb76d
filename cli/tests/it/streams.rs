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

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_limit_and_devices_are_not_replaced() {
    use std::os::unix::fs::FileTypeExt;

    let (_folder, path) = sample();
    let path = path.to_str().unwrap();
    for format in ["csv", "json", "arrow", "parquet", "count", "table"] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let to_stdout = command(&["scan", path, "-f", format])
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let to_device = run(&["scan", path, "-f", format, "-o", "/dev/full"]);
        for output in [to_stdout, to_device] {
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(7), "{format}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
    let device = std::fs::metadata("/dev/full").unwrap().file_type();
    assert!(device.is_char_device());
}

#[cfg(unix)]
#[test]
fn links_and_permissions_of_the_output_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let (folder, path) = sample();
    let (file, link) = (
        folder.path().join("file.csv"),
        folder.path().join("link.csv"),
    );
    std::fs::write(&file, "before").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&file, &link).unwrap();
    let path = path.to_str().unwrap();
    succeed(&["scan", path, "-c", "id", "-o", link.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "id\n1\n2\n3\n");
    assert!(link.is_symlink());
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let folder_name = folder.path().to_str().unwrap();
    let refused = run(&["scan", path, "-f", "csv", "-o", folder_name]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
}
