//! Writers that die, and systems that fail them: nothing acknowledged is lost, nothing partial is
//! seen.
//!
//! The writer is this test binary started again: it saves contents one after the other, in every
//! way, and prints each key once its save has returned.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fastdata_cas::{Blobs, Durability, ErrorKind, Key, WriteAs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::contents::{WAYS, noise, options, store, text};

const ROOT: &str = "FASTDATA_TEST_WRITER_ROOT";
const SEED: &str = "FASTDATA_TEST_WRITER_SEED";
const COUNT: &str = "FASTDATA_TEST_WRITER_COUNT";

/// Rounds of killing: all of them on the machine that has the time.
fn rounds() -> usize {
    match std::env::var_os("CI") {
        Some(_) => 2000,
        None => 200,
    }
}

/// Not a test: the writer, when the variables say so.
#[test]
fn writer() {
    let Ok(root) = std::env::var(ROOT) else {
        return;
    };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (seed, count) = (number(SEED), number(COUNT));
    let stdout = std::io::stdout();
    for serial in 0..count {
        let way = WAYS[((seed + serial) % 7) as usize];
        let mut options = options(way);
        options.durability = match serial % 3 {
            0 => Durability::Full,
            1 => Durability::Batch,
            _ => Durability::None,
        };
        let Ok(blobs) = Blobs::open(&root, options) else {
            std::process::exit(3);
        };
        match blobs.save(&content(seed, serial)) {
            // In one write, so that no key is printed by half.
            Ok(saved) => {
                let acknowledged = stdout
                    .lock()
                    .write_all(format!("\n{} .\n", saved.key).as_bytes());
                if acknowledged.is_err() {
                    std::process::exit(3);
                }
            }
            Err(_) => std::process::exit(3),
        }
    }
}

fn content(seed: u64, serial: u64) -> Vec<u8> {
    let seed = seed * 1000 + serial;
    match serial % 4 {
        0 => [&text(300)[..], &seed.to_le_bytes()].concat(),
        1 => noise(seed, 5000),
        2 => [&text(40_000)[..], &seed.to_le_bytes()].concat(),
        _ => noise(seed, 600_000),
    }
}

fn start(root: &Path, seed: usize, count: usize, before: &[&str]) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = match before.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
        None => Command::new(binary),
    };
    command
        .args([
            "--exact",
            "crash::writer",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROOT, root)
        .env(SEED, seed.to_string())
        .env(COUNT, count.to_string())
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn acknowledged(output: impl std::io::Read) -> Vec<Key> {
    let lines = BufReader::new(output).lines().map_while(Result::ok);
    lines
        .filter_map(|line| line.strip_suffix(" .")?.parse().ok())
        .collect()
}

/// Whatever happened to the writers: what was acknowledged is there, and all that is there is
/// whole, for every reader.
#[track_caller]
fn check(root: &Path, acknowledged: &[Key], what: &str) {
    let blobs = store(root, WriteAs::default());
    for key in acknowledged {
        if let Err(error) = blobs.load(key) {
            panic!("{what}: acknowledged {key} is lost: {error:?}");
        }
    }
    let report = blobs.verify(1.0, &|_| {}).unwrap();
    assert!(report.broken.is_empty(), "{what}: {:?}", report.broken);
    // What is there says how it is stored: Metaflow reads it, or refuses it by name.
    for listed in blobs.list().unwrap() {
        let stat = blobs.stat(&listed.key);
        assert!(
            stat.is_ok_and(|stat| stat.content_bytes.is_some()),
            "{what}: {}",
            listed.key
        );
    }
}

#[test]
fn killed_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(11);
    let mut all = Vec::new();
    for round in 0..rounds() {
        let mut writer = start(folder.path(), round, 40, &[]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.random_range(500..25_000)));
        writer.kill().unwrap();
        all.extend(acknowledged(writer.stdout.take().unwrap()));
        writer.wait().unwrap();
        if round % 100 == 99 {
            check(folder.path(), &all, &format!("after {round} kills"));
            all.clear();
            fs::remove_dir_all(folder.path()).unwrap();
            fs::create_dir(folder.path()).unwrap();
        }
    }
    check(folder.path(), &all, "after the last kill");
}

/// System calls that change what is on the disk.
const CALLS: [&str; 10] = [
    "openat",
    "write",
    "pwrite64",
    "rename",
    "mkdir",
    "fsync",
    "fdatasync",
    "syncfs",
    "flock",
    "lseek",
];

#[test]
fn every_system_call_fails_once() {
    if Command::new("strace").arg("-V").output().is_err() {
        fastdata_testkit::skipped("system calls that fail", "strace is not installed");
        return;
    }
    let mut injected_count = 0;
    for call in CALLS {
        for errno in ["EIO", "ENOSPC"] {
            for nth in 1.. {
                let folder = tempfile::tempdir().unwrap();
                let log = folder.path().join("strace.log");
                let root = folder.path().join("root");
                let inject = format!("inject={call}:error={errno}:when={nth}");
                let log_name = log.to_str().unwrap();
                let strace = [
                    "strace",
                    "-f",
                    "-o",
                    log_name,
                    "-e",
                    &format!("trace={call}"),
                    "-e",
                    &inject,
                ];
                let output = start(&root, nth, 6, &strace).output().unwrap();
                let what = format!("{call} {nth} fails with {errno}");
                let trace = fs::read_to_string(&log).unwrap();
                if !trace.contains("(INJECTED)") {
                    break;
                }
                injected_count += 1;
                // A panic would be 101 from the test harness.
                assert!(
                    matches!(output.status.code(), Some(0 | 1 | 3 | 127)) || is_loading(&trace),
                    "{what}: {:?}",
                    output.status
                );
                check(&root, &acknowledged(&output.stdout[..]), &what);
            }
        }
    }
    assert!(injected_count > 50, "{injected_count}");
}

/// Whether the call that failed was the loader's or the harness's, before the writer ran.
fn is_loading(trace: &str) -> bool {
    !trace.contains("/.fastdata") && !trace.contains("(INJECTED)\n+++")
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    // The limit on the length of files is the one that needs no privileges.
    let folder = tempfile::tempdir().unwrap();
    let script = "ulimit -f 100; trap '' XFSZ; exec \"$@\"";
    let shell = ["bash", "-c", script, "writer"];
    let output = start(folder.path(), 3, 4, &shell).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    check(
        folder.path(),
        &acknowledged(&output.stdout[..]),
        "files of 100 KiB at most",
    );
    let partial = folder.path().join(".fastdata/partial");
    assert_eq!(fs::read_dir(partial).unwrap().count(), 0);
    let missing = Key::of(&content(3, 3), fastdata_cas::HashAlgorithm::Sha1);
    let loaded = store(folder.path(), WriteAs::default()).load(&missing);
    assert_eq!(loaded.unwrap_err().kind(), ErrorKind::NotFound);
}
