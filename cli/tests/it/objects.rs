//! Commands that move objects, over a server that fails as planned.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use fastdata_testkit::{Action, Door, Fault, Operation, Simulator, seeded_bytes};

use crate::command::{noted, over, text};

fn run(simulator: &Simulator, args: &[&str]) -> Output {
    over(simulator, args).output().unwrap()
}

#[track_caller]
fn succeed(simulator: &Simulator, args: &[&str]) -> String {
    let output = run(simulator, args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn there_and_back() {
    let simulator = Simulator::start();
    simulator.make_bucket("lake");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let big = seeded_bytes(1, 40_000_000);
    std::fs::create_dir_all(folder.path().join("in/sub")).unwrap();
    std::fs::write(path("in/big"), &big).unwrap();
    std::fs::write(path("in/sub/a b+c"), "small").unwrap();
    std::fs::write(path("in/empty"), "").unwrap();

    succeed(
        &simulator,
        &["put", "--metadata", "k=v", &path("in"), "s3://lake/data/"],
    );
    assert_eq!(
        simulator.keys("lake"),
        ["data/big", "data/empty", "data/sub/a b+c"]
    );
    assert!(simulator.object("lake", "data/big").unwrap() == big);
    let again = run(
        &simulator,
        &[
            "put",
            "--if-absent",
            &path("in/empty"),
            "s3://lake/data/empty",
        ],
    );
    assert_eq!(again.status.code(), Some(8), "{}", text(&again.stderr));

    let copied = succeed(
        &simulator,
        &["get", "--verify", "--json", "s3://lake/data", &path("out")],
    );
    assert_eq!(copied.lines().count(), 3);
    assert!(
        copied.lines().all(|line| line.contains("crc64nvme:")),
        "{copied}"
    );
    assert!(std::fs::read(path("out/big")).unwrap() == big);
    assert_eq!(std::fs::read(path("out/sub/a b+c")).unwrap(), b"small");
    assert_eq!(std::fs::read(path("out/empty")).unwrap(), b"");
    succeed(&simulator, &["get", "s3://lake/data/b*", &path("glob/")]);
    assert_eq!(names(&folder.path().join("glob")), ["big"]);
    succeed(&simulator, &["get", "s3://lake/data/empty", &path("one")]);
    assert_eq!(std::fs::read(path("one")).unwrap(), b"");

    let output = run(
        &simulator,
        &["cat", "s3://lake/data/big", "s3://lake/data/sub/a b+c"],
    );
    assert!(output.stdout.len() == 40_000_005 && output.stdout.starts_with(&big));
    let listed = succeed(&simulator, &["ls", "s3://lake/data"]);
    assert!(
        listed.contains("sub/") && !listed.contains("a b+c"),
        "{listed}"
    );
    let listed = succeed(&simulator, &["ls", "-r", "--json", "s3://lake/data/"]);
    assert_eq!(listed.lines().count(), 3);
    let stat = succeed(&simulator, &["stat", "--json", "s3://lake/data/big"]);
    let stat: serde_json::Value = serde_json::from_str(&stat).unwrap();
    assert_eq!(stat["bytes"], 40_000_000);
    assert_eq!(stat["metadata"]["k"], "v");
    let doctor = succeed(
        &simulator,
        &["doctor", "s3://lake/data/big", "--region", "mars-1"],
    );
    assert!(
        doctor.contains("AWS_REGION=eu-test-1") && doctor.contains("MB/s"),
        "{doctor}"
    );
}

#[test]
fn syncs_and_removes() {
    let simulator = Simulator::start();
    simulator.put("lake", "d/same", b"1");
    simulator.put("lake", "d/new", b"22");
    simulator.put("lake", "other", b"x");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    succeed(&simulator, &["sync", "s3://lake/d", to]);
    assert_eq!(names(folder.path()), ["new", "same"]);
    assert_eq!(
        succeed(&simulator, &["sync", "--dry-run", "s3://lake/d", to]),
        ""
    );
    std::fs::write(folder.path().join("mine"), "333").unwrap();
    std::fs::remove_file(folder.path().join("new")).unwrap();
    let plan = succeed(
        &simulator,
        &["sync", "--dry-run", "--delete", to, "s3://lake/d"],
    );
    assert_eq!(plan.lines().count(), 2, "{plan}");
    succeed(&simulator, &["sync", "--delete", to, "s3://lake/d"]);
    assert_eq!(simulator.keys("lake"), ["d/mine", "d/same", "other"]);

    let refused = run(&simulator, &["rm", "s3://lake/other"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    let refused = run(&simulator, &["rm", "--yes", "s3://lake/d"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    succeed(&simulator, &["rm", "--yes", "-r", "s3://lake/d"]);
    assert_eq!(simulator.keys("lake"), ["other"]);
    let missing = run(&simulator, &["rm", "--yes", "s3://lake/nobody"]);
    assert_eq!(missing.status.code(), Some(4), "{}", text(&missing.stderr));
}

#[test]
fn failures_have_their_codes_and_leave_nothing_behind() {
    let simulator = Simulator::start();
    simulator.put("lake", "d/good", &seeded_bytes(1, 100_000));
    simulator.put("lake", "d/../../evil", b"x");
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("in");
    let partly = run(&simulator, &["get", "s3://lake/d", to.to_str().unwrap()]);
    assert_eq!(partly.status.code(), Some(3), "{}", text(&partly.stderr));
    assert_eq!(names(&to), ["good"]);
    assert_eq!(
        names(folder.path()),
        ["in"],
        "no key leads out of the folder"
    );

    let file = folder.path().join("file");
    let file_name = file.to_str().unwrap();
    simulator.inject(Fault::always(Operation::Get, Action::FlipByte(5)));
    let damaged = run(
        &simulator,
        &["get", "--verify", "s3://lake/d/good", file_name],
    );
    assert_eq!(damaged.status.code(), Some(6), "{}", text(&damaged.stderr));
    simulator.heal();
    let missing = run(&simulator, &["get", "s3://lake/nobody", file_name]);
    assert_eq!(missing.status.code(), Some(4), "{}", text(&missing.stderr));
    // More than any disk has.
    simulator.put_synthetic("lake", "huge", 1, 1 << 60);
    let before = simulator.requests("get");
    let full = run(&simulator, &["get", "s3://lake/huge", file_name]);
    assert_eq!(full.status.code(), Some(7), "{}", text(&full.stderr));
    assert_eq!(
        simulator.requests("get"),
        before,
        "told before a byte was fetched"
    );
    assert_eq!(names(folder.path()), ["in"]);
}

#[test]
fn an_interrupted_download_goes_on_where_it_was() {
    let simulator = Simulator::start();
    let content = seeded_bytes(4, 80_000_000);
    simulator.put("lake", "big", &content);
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("big");
    let args = [
        "get",
        "--resume",
        "--verify",
        "--json",
        "s3://lake/big",
        to.to_str().unwrap(),
    ];
    // The last requests are never answered, so the command is certain to be interrupted in the middle.
    // A part of a file this small is asked for by four of them.
    simulator.inject(Fault::always(Operation::Get, Action::Hang).after(24));
    let mut child = over(&simulator, &args)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while noted(folder.path()) < 4 {
        assert!(
            Instant::now() < deadline,
            "only {} lines are noted",
            noted(folder.path())
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!to.exists());
    simulator.heal();
    let copied = succeed(&simulator, &args);
    let copied: serde_json::Value = serde_json::from_str(&copied).unwrap();
    // Three parts, one of which may be the short one at the end.
    let resumed = copied["bytes_resumed"].as_u64().unwrap();
    assert!(resumed > 2 * (8 << 20), "{resumed}");
    assert!(std::fs::read(&to).unwrap() == content);
    assert_eq!(names(folder.path()), ["big"], "the notes are gone");
}

fn interrupt(child: &std::process::Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
}

/// At any moment: nothing is left behind, neither here nor in the bucket.
#[test]
fn ctrl_c_leaves_nothing_behind() {
    const INTERRUPTED: usize = 200;
    let simulator = Simulator::start();
    simulator.put_synthetic("lake", "big", 4, 1 << 30);
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("from");
    let file = std::fs::File::create(&from).unwrap();
    file.set_len(300_000_000).unwrap();
    let to = folder.path().join("to");
    let mut dice = 1_u64;
    let (mut times, mut rounds) = (Vec::new(), 0);
    while times.len() < INTERRUPTED {
        assert!(
            rounds < 3 * INTERRUPTED,
            "only {} were interrupted",
            times.len()
        );
        let args = match rounds % 3 {
            0 => vec!["get", "s3://lake/big", to.to_str().unwrap()],
            1 => vec!["put", from.to_str().unwrap(), "s3://lake/new"],
            _ => vec!["cat", "s3://lake/big"],
        };
        rounds += 1;
        // Of cat nobody reads more than fits into the pipe.
        let mut child = over(&simulator, &args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(10 + (dice >> 40) % 290));
        // It may have ended by itself.
        let _ = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        let asked = Instant::now();
        let code = child.wait().unwrap().code();
        match code {
            Some(130) => times.push(asked.elapsed()),
            // Before it listened for signals, or behind its end.
            None | Some(0) => {}
            other => panic!("{other:?} from {args:?}"),
        }
        let _ = std::fs::remove_file(&to);
        assert_eq!(names(folder.path()), ["from"], "{args:?}");
        assert_eq!(simulator.open_uploads(), 0, "{args:?}");
    }
    let quick = times.iter().filter(|time| time.as_millis() <= 250).count();
    let slowest = times.iter().max().unwrap();
    println!(
        "{quick} of {} ended within 250 ms, the slowest in {slowest:?}",
        times.len()
    );
    // Not a measurement: who waits for something does so much longer.
    assert!(*slowest <= Duration::from_secs(5), "{slowest:?}");
}

/// Nobody reads what `cat` writes: it holds what it has fetched ahead, and no more.
#[test]
fn cat_into_a_pipe_that_nobody_reads_stays_small() {
    let simulator = Simulator::start();
    simulator.put_synthetic("lake", "big", 4, 6 << 30);
    let mut child = over(&simulator, &["cat", "s3://lake/big"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = [0];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    // Until no more is asked for.
    let (mut sent, mut still) = (0, 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while still < 20 {
        assert!(Instant::now() < deadline, "it never stops reading ahead");
        std::thread::sleep(Duration::from_millis(50));
        let now = simulator.body_bytes_sent();
        still = if now == sent { still + 1 } else { 0 };
        sent = now;
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let peak_kb: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    // 16 parts of 8 MiB ahead, one in hand, and the process itself.
    assert!(peak_kb < 320 << 10, "{peak}");
    assert!(sent < 400 << 20, "{sent} bytes were asked for");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn ls_asks_for_folders_and_not_for_what_is_in_them() {
    let simulator = Simulator::start();
    for number in 0..3000 {
        simulator.put("lake", &format!("a/deep/{number}"), b"");
    }
    simulator.put("lake", "a/", b"");
    simulator.put("lake", "a//odd", b"");
    simulator.put("lake", "a/deep.txt", b"12345");
    let listed = succeed(&simulator, &["ls", "s3://lake/a"]);
    let names: Vec<_> = listed
        .lines()
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(names, ["/", "deep.txt", "deep/"], "{listed}");
    assert_eq!(simulator.requests("list"), 1);
    let listed = succeed(&simulator, &["ls", "--json", "s3://lake"]);
    assert_eq!(
        listed,
        "{\"schema\":\"fastdata.folder/1\",\"name\":\"a/\"}\n"
    );
    let listed = succeed(&simulator, &["ls", "-r", "s3://lake/"]);
    assert_eq!(listed.lines().count(), 3003);

    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("sub/deep")).unwrap();
    std::fs::write(folder.path().join("sub.txt"), "x").unwrap();
    let listed = succeed(&simulator, &["ls", folder.path().to_str().unwrap()]);
    let names: Vec<_> = listed
        .lines()
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(names, ["sub.txt", "sub/"], "{listed}");
}

/// What killed programs have left is told, and given up when it is old enough.
#[test]
fn uploads_that_nobody_ends_are_listed_and_given_up() {
    let simulator = Simulator::start();
    simulator.put("lake", "a/kept", b"12345");
    simulator.begin_upload("lake", "a/big one");
    simulator.begin_upload("lake", "b/other");
    let listed = succeed(&simulator, &["ls", "--uploads", "s3://lake/a"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.ends_with("  a/big one\n"), "{listed}");
    let listed = succeed(&simulator, &["ls", "--uploads", "--json", "s3://lake"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(
        listed.starts_with("{\"schema\":\"fastdata.upload/1\","),
        "{listed}"
    );

    let young = over(&simulator, &["rm", "--uploads", "--yes", "s3://lake"]).output();
    let young = young.unwrap();
    assert_eq!(young.status.code(), Some(4), "{}", text(&young.stderr));
    assert!(
        text(&young.stderr).contains("24h"),
        "{}",
        text(&young.stderr)
    );
    let asks = over(
        &simulator,
        &["rm", "--uploads", "--grace", "0s", "s3://lake/a"],
    )
    .output();
    assert_eq!(asks.unwrap().status.code(), Some(2));
    let told = succeed(
        &simulator,
        &[
            "rm",
            "--uploads",
            "--grace",
            "0s",
            "--dry-run",
            "s3://lake/a",
        ],
    );
    assert!(told.ends_with("s3://lake/a/big one\n"), "{told}");
    assert_eq!(simulator.open_uploads(), 2);
    succeed(
        &simulator,
        &["rm", "--uploads", "--grace", "0s", "--yes", "s3://lake/a"],
    );
    assert_eq!(simulator.open_uploads(), 1);
    assert_eq!(succeed(&simulator, &["cat", "s3://lake/a/kept"]), "12345");
}

/// `SSL_CERT_FILE` and `AWS_CA_BUNDLE` name whom to trust; a wrong name and a certificate that has
/// ended are told.
#[test]
fn certificates_are_trusted_by_file() {
    let simulator = Simulator::start();
    simulator.put("lake", "x", b"content");
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let run = |door: &Door, args: &[&str], variable: &str| {
        std::fs::write(&trusted, door.certificate()).unwrap();
        let url = format!("https://{}", door.address());
        let mut command = over(&simulator, args);
        command.env_remove("AWS_CA_BUNDLE");
        command.env("AWS_ENDPOINT_URL", url).env(variable, &trusted);
        command.output().unwrap()
    };
    let cat = |door: &Door| run(door, &["cat", "s3://lake/x"], "SSL_CERT_FILE");
    let url = simulator.endpoint_url();
    let good = cat(&Door::tls(&url, "127.0.0.1", false));
    assert_eq!(text(&good.stdout), "content", "{}", text(&good.stderr));
    let door = Door::tls(&url, "127.0.0.1", false);
    for args in [&["cat", "s3://lake/x"][..], &["ls", "-r", "s3://lake"]] {
        let good = run(&door, args, "AWS_CA_BUNDLE");
        assert!(good.status.success(), "{}", text(&good.stderr));
        let unknown = run(&door, args, "NOT_A_BUNDLE");
        assert_eq!(unknown.status.code(), Some(1), "{args:?}");
    }
    let mut without = over(&simulator, &["cat", "s3://lake/x"]);
    let without = without.env("AWS_CA_BUNDLE", folder.path().join("no.pem"));
    let output = without.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no.pem"));
    for (door, word) in [
        (Door::tls(&url, "elsewhere.example", false), "name"),
        (Door::tls(&url, "127.0.0.1", true), "expired"),
    ] {
        let started = Instant::now();
        let output = cat(&door);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let said = text(&output.stderr).to_lowercase();
        assert!(
            said.contains("certificate") && said.contains(word),
            "{said}"
        );
        assert_eq!(door.connections(), 1, "it was tried again");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

/// A bundle is all that is trusted, by our own client and where `object_store` does the work.
#[test]
fn a_bundle_of_certificates_replaces_what_the_system_trusts() {
    let simulator = Simulator::start();
    simulator.put("lake", "x", b"content");
    let folder = tempfile::tempdir().unwrap();
    let door = Door::tls(&simulator.endpoint_url(), "127.0.0.1", false);
    let elsewhere = Door::tls(&simulator.endpoint_url(), "127.0.0.1", false);
    let [of_door, of_elsewhere] =
        [("door.pem", &door), ("elsewhere.pem", &elsewhere)].map(|(name, door)| {
            let path = folder.path().join(name);
            std::fs::write(&path, door.certificate()).unwrap();
            path
        });
    for client in ["ours", "object_store"] {
        let cat = |system: &std::path::Path, bundle: Option<&std::path::Path>| {
            let mut command = over(&simulator, &["cat", "s3://lake/x"]);
            command
                .env("AWS_ENDPOINT_URL", format!("https://{}", door.address()))
                .env("SSL_CERT_FILE", system)
                .env_remove("AWS_CA_BUNDLE");
            if let Some(bundle) = bundle {
                command.env("AWS_CA_BUNDLE", bundle);
            }
            if client == "object_store" {
                command.env("AWS_REQUEST_PAYER", "true");
            }
            let output = command.output().unwrap();
            output.status.success() && output.stdout == b"content"
        };
        assert!(cat(&of_door, None), "{client}");
        assert!(cat(&of_elsewhere, Some(&of_door)), "{client}");
        assert!(!cat(&of_elsewhere, None), "{client}");
        assert!(!cat(&of_door, Some(&of_elsewhere)), "{client}");
    }
}
