//! `fastdata demo` and the table that it writes.

use crate::command::{run, succeed, text};

#[test]
fn writes_a_table_that_scans() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a b").join("demo");
    let args = ["demo", "--output", target.to_str().unwrap()];
    let shown = succeed(&args);
    assert!(shown.contains("Try next:"), "{shown}");
    assert!(shown.contains("event_type"), "{shown}");
    let table = target.join("shop").join("events");
    let table = table.to_str().unwrap();

    let count = |more: &[&str]| {
        let mut args = vec!["scan", table, "-f", "count"];
        args.extend(more);
        succeed(&args).trim().parse::<u64>().unwrap()
    };
    let all = count(&[]);
    assert!(all > 200_000, "{all}");
    // The deletes of the third commit, and nothing else, separate it from the second.
    let deleted = count(&["--snapshot-id", "2"]) - all;
    let of_bot = |day: &str| count(&["-p", day, "-w", "user_id = 666", "--snapshot-id", "2"]);
    assert_eq!(
        deleted,
        of_bot("event_date=2026-02-14") + of_bot("event_date=2026-03-08")
    );
    assert_eq!(
        count(&["-p", "event_date=2026-02-14", "-w", "user_id = 666"]),
        0
    );
    // Files of the first commit know no device, and call event_type by its first name.
    assert_eq!(
        count(&[
            "-w",
            "device is not null and event_date < date '2026-03-01'"
        ]),
        0
    );
    assert_eq!(count(&["-w", "event_type is null"]), 0);
    assert!(succeed(&["scan", table, "-n", "1", "--snapshot-id", "1"]).contains("\"action\":"));
    // Before the second commit.
    assert_eq!(
        count(&["--as-of", "2026-03-01"]),
        count(&["--snapshot-id", "1"])
    );

    // Again, over itself, with the same result.
    succeed(&args);
    assert_eq!(count(&[]), all);
    let described = succeed(&["describe", table]);
    assert!(described.contains("2 position-delete files"), "{described}");
}

#[test]
fn leaves_alone_what_it_did_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("shop").join("events");
    std::fs::create_dir_all(&table).unwrap();
    std::fs::write(table.join("precious"), "x").unwrap();
    let output = run(&["demo", "--output", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(8), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(&table).unwrap().count(), 1);
}
