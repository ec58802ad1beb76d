//! Ctrl-C.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{command, sample};

fn interrupt(child: &std::process::Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
}

/// Polls until `found`; a generous bound so that a broken command does not hang the tests.
fn wait_until(found: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !found() {
        assert!(Instant::now() < deadline, "nothing happened");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn removes_the_unfinished_file() {
    let (folder, path) = sample();
    let out = folder.path().join("out.csv");
    let mut args = vec!["scan", "-o", out.to_str().unwrap()];
    // Far more than is read before the signal comes.
    args.extend(std::iter::repeat_n(path.to_str().unwrap(), 30_000));
    let mut child = command(&args).stderr(Stdio::null()).spawn().unwrap();
    let parts = || {
        let names = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".part"))
            .count()
    };
    wait_until(|| parts() == 1);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(parts(), 0);
    assert!(!out.exists());
}

#[test]
fn ends_a_write_that_nobody_reads() {
    let (_folder, path) = sample();
    let mut args = vec!["scan", "-f", "ndjson"];
    args.extend(std::iter::repeat_n(path.to_str().unwrap(), 5_000));
    let mut child = command(&args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The pipe takes 64 KiB and then nothing more; the first byte says that writing has begun.
    let mut first = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
