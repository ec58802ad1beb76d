//! Where copies go: no object takes another's place, no file stands where others need a folder.

use std::process::Output;

use fastdata_testkit::{Action, Fault, Operation, Simulator, seeded_bytes};

use crate::command::{noted, over, text};

fn run(simulator: &Simulator, args: &[&str]) -> Output {
    over(simulator, args).output().unwrap()
}

/// A world with `keys`, each of which has its own name for content, and a folder to copy to.
fn world(keys: &[&str]) -> (Simulator, tempfile::TempDir) {
    let simulator = Simulator::start();
    for key in keys {
        simulator.put("lake", key, key.as_bytes());
    }
    (simulator, tempfile::tempdir().unwrap())
}

#[test]
fn objects_of_one_name_do_not_take_each_others_place() {
    let (simulator, folder) = world(&["x/f", "y/f", "y/g"]);
    let to = format!("{}/", folder.path().display());
    let args = [
        "get",
        "s3://lake/x/f",
        "s3://lake/y/f",
        "s3://lake/y/g",
        &to,
    ];
    let output = run(&simulator, &args);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("s3://lake/x/f would be"));
    assert!(text(&output.stderr).contains("s3://lake/y/f would be"));
    assert!(!folder.path().join("f").exists());
    assert_eq!(std::fs::read(folder.path().join("g")).unwrap(), b"y/g");
}

#[test]
fn an_object_beside_a_folder_of_its_name_is_refused() {
    for command in ["get", "sync"] {
        let (simulator, folder) = world(&["d/a", "d/a/b", "d/c"]);
        let to = folder.path().to_str().unwrap();
        let output = run(&simulator, &[command, "s3://lake/d/", to]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("s3://lake/d/a cannot be a file here"));
        assert_eq!(std::fs::read(folder.path().join("a/b")).unwrap(), b"d/a/b");
        assert_eq!(std::fs::read(folder.path().join("c")).unwrap(), b"d/c");
    }
}

#[test]
fn one_bad_key_does_not_end_a_sync() {
    let (simulator, folder) = world(&["d/../up", "d/good"]);
    std::fs::write(folder.path().join("old"), "kept while something failed").unwrap();
    let to = folder.path().to_str().unwrap();
    let planned = run(&simulator, &["sync", "--dry-run", "s3://lake/d/", to]);
    assert_eq!(planned.status.code(), Some(0), "{}", text(&planned.stderr));
    assert!(
        text(&planned.stdout).contains("refuse "),
        "{}",
        text(&planned.stdout)
    );
    let output = run(&simulator, &["sync", "--delete", "s3://lake/d/", to]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("segment of dots"));
    assert_eq!(
        std::fs::read(folder.path().join("good")).unwrap(),
        b"d/good"
    );
    assert!(folder.path().join("old").exists());
}

#[test]
fn files_on_the_disk_are_whole_files() {
    let (simulator, folder) = world(&[]);
    let content = seeded_bytes(3, 20_000_000);
    simulator.put("lake", "d/sub/big", &content);
    simulator.put("lake", "d/empty", b"");
    let to = folder.path().to_str().unwrap();
    let output = run(&simulator, &["get", "--fsync", "s3://lake/d/", to]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(std::fs::read(folder.path().join("sub/big")).unwrap() == content);
    assert_eq!(std::fs::read(folder.path().join("empty")).unwrap(), b"");
}

#[test]
fn a_wrong_clock_is_warned_of() {
    let (simulator, folder) = world(&["f"]);
    let to = folder.path().join("f");
    let args = ["get", "s3://lake/f", to.to_str().unwrap()];
    let output = run(&simulator, &args);
    assert!(
        !text(&output.stderr).contains("clock"),
        "{}",
        text(&output.stderr)
    );
    simulator.set_clock_ahead(-7200);
    let output = run(&simulator, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let warning = "fastdata: warning: this machine's clock is 7";
    assert!(
        text(&output.stderr).contains(warning),
        "{}",
        text(&output.stderr)
    );
    assert!(text(&output.stderr).contains("s ahead of the service's"));
    assert_eq!(std::fs::read(&to).unwrap(), b"f");
}

#[test]
fn folders_come_with_their_markers() {
    let (simulator, folder) = world(&["d/f"]);
    simulator.put("lake", "d/none/", b"");
    let to = folder.path().to_str().unwrap();
    let output = run(&simulator, &["get", "s3://lake/d/", to]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.path().join("none").is_dir());
    assert_eq!(std::fs::read(folder.path().join("f")).unwrap(), b"d/f");
}

#[test]
fn two_processes_may_bring_the_same_file() {
    let (simulator, folder) = world(&[]);
    let content = seeded_bytes(5, 30_000_000);
    simulator.put("lake", "big", &content);
    let to = folder.path().join("big");
    let to_text = to.to_str().unwrap();
    for (resume, codes) in [(&[][..], &[0][..]), (&["--resume"], &[0, 1])] {
        let args = [&["get", "s3://lake/big", to_text], resume].concat();
        let start = || over(&simulator, &args).spawn().unwrap();
        let (mut one, mut other) = (start(), start());
        let ends = [one.wait().unwrap().code(), other.wait().unwrap().code()];
        assert!(ends.contains(&Some(0)), "{ends:?}");
        assert!(
            ends.iter().all(|code| codes.contains(&code.unwrap())),
            "{ends:?}"
        );
        assert!(std::fs::read(&to).unwrap() == content);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        std::fs::remove_file(&to).unwrap();
    }
}

#[test]
fn what_came_of_an_older_object_is_not_resumed() {
    let (simulator, folder) = world(&[]);
    simulator.put("lake", "big", &seeded_bytes(6, 80_000_000));
    let to = folder.path().join("big");
    let args = [
        "get",
        "--resume",
        "--json",
        "s3://lake/big",
        to.to_str().unwrap(),
    ];
    // Some parts come, the others never do.
    simulator.inject(Fault::always(Operation::Get, Action::Hang).after(24));
    let mut child = over(&simulator, &args).spawn().unwrap();
    while noted(folder.path()) < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    simulator.heal();
    // As long as the old one, so that nothing but its version tells.
    let newer = seeded_bytes(7, 80_000_000);
    simulator.put("lake", "big", &newer);
    let output = run(&simulator, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let copied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(copied["bytes_resumed"].as_u64().unwrap_or(0), 0, "{copied}");
    assert!(std::fs::read(&to).unwrap() == newer);
}

#[test]
fn uploads_keep_the_rate_too() {
    let (simulator, folder) = world(&[]);
    simulator.make_bucket("lake");
    let content = seeded_bytes(8, 5_000_000);
    let from = folder.path().join("f");
    std::fs::write(&from, &content).unwrap();
    let started = std::time::Instant::now();
    let args = [
        "put",
        "--max-rate",
        "6MB",
        from.to_str().unwrap(),
        "s3://lake/f",
    ];
    let output = run(&simulator, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Five megabytes at six a second, less what may run ahead; no machine is too slow for that.
    let took = started.elapsed();
    assert!(took > std::time::Duration::from_millis(500), "{took:?}");
    assert!(simulator.object("lake", "f").unwrap() == content);
}

#[test]
fn five_gib_become_a_file() {
    use std::os::unix::fs::FileExt;
    let (simulator, folder) = world(&[]);
    let len = (5 << 30) + 12_345;
    simulator.put_synthetic_with_checksum("lake", "huge", 9, len);
    let to = folder.path().join("huge");
    let output = run(
        &simulator,
        &["get", "--json", "s3://lake/huge", to.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // What was written is compared with the checksum of the whole.
    let copied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checksum = copied["checksum"].as_str().unwrap();
    assert!(checksum.starts_with("crc64nvme:"), "{copied}");
    let file = std::fs::File::open(&to).unwrap();
    assert_eq!(file.metadata().unwrap().len(), len);
    for middle in [1000, 1 << 31, 1 << 32, len - 1000] {
        let range = middle - 1000..middle + 1000;
        let mut bytes = vec![0; 2000];
        file.read_exact_at(&mut bytes, range.start).unwrap();
        assert!(
            bytes == Simulator::synthetic_bytes(9, len, range.clone()),
            "{range:?}"
        );
    }
}

#[test]
fn thousands_of_small_files_there_and_back() {
    let (simulator, folder) = world(&[]);
    simulator.make_bucket("other");
    let content = |index: u64| seeded_bytes(index, 1 + index as usize % 2000);
    for index in 0..3000 {
        simulator.put(
            "lake",
            &format!("small/{}/{index}", index % 7),
            &content(index),
        );
    }
    let to = format!("{}/", folder.path().display());
    for args in [
        ["get", "s3://lake/small/", &to],
        ["put", &to, "s3://other/again/"],
    ] {
        let output = run(&simulator, &args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(
            text(&output.stderr).starts_with("3000 files, "),
            "{}",
            text(&output.stderr)
        );
    }
    for index in 0..3000 {
        let key = format!("again/{}/{index}", index % 7);
        assert!(
            simulator.object("other", &key).unwrap() == content(index),
            "{key}"
        );
    }
    assert_eq!(simulator.keys("other").len(), 3000);
}
