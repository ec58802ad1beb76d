//! What the conformance suite cannot know: file systems and their oddities.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use futures::TryStreamExt;
use futures::executor::block_on;

use super::*;

fn folder() -> (tempfile::TempDir, Location) {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::parse(folder.path().to_str().unwrap()).unwrap();
    (folder, location)
}

fn listed(folder: &Location) -> Result<Vec<String>> {
    let metas: Vec<ObjectMeta> = block_on(LocalStore::default().list(folder).try_collect())?;
    let below = folder.key().trim_end_matches('/').len() + 1;
    Ok(metas
        .iter()
        .map(|meta| meta.location.key()[below..].to_owned())
        .collect())
}

#[test]
fn listing_is_in_key_order_and_follows_links() {
    let (dir, location) = folder();
    for name in ["a/z", "a-b", "a.b", "a0", "c/d/e"] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    symlink(dir.path().join("c"), dir.path().join("b")).unwrap();
    symlink("a0", dir.path().join("d")).unwrap();
    symlink("nowhere", dir.path().join("e")).unwrap();
    let expected = ["a-b", "a.b", "a/z", "a0", "b/d/e", "c/d/e", "d"];
    assert_eq!(listed(&location).unwrap(), expected);
    assert_eq!(listed(&location.join("")).unwrap(), expected);
    let slashed = Location::parse(&format!("{location}/")).unwrap();
    assert_eq!(listed(&slashed).unwrap(), expected);
    assert_eq!(
        listed(&location.join("a0")).unwrap(),
        [""; 0],
        "a file has nothing below it"
    );
}

#[test]
fn links_in_a_circle_are_an_error() {
    let (dir, location) = folder();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::create_dir_all(dir.path().join("c")).unwrap();
    fs::write(dir.path().join("a/a"), "").unwrap();
    symlink("../../c", dir.path().join("a/b/to_c")).unwrap();
    symlink("../a", dir.path().join("c/to_a")).unwrap();
    assert_eq!(
        listed(&location).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn long_listings_go_on_after_the_first_batch() {
    let (dir, location) = folder();
    for index in 0..2 * LIST_BATCH + 5 {
        fs::write(dir.path().join(format!("{index:06}")), "x").unwrap();
    }
    let names = listed(&location).unwrap();
    assert_eq!(names.len(), 2 * LIST_BATCH + 5);
    assert!(names.is_sorted());
}

#[test]
fn what_is_no_file_has_a_fitting_error() {
    let (dir, location) = folder();
    fs::write(dir.path().join("file"), "x").unwrap();
    let kind = |name: &str| {
        block_on(LocalStore::default().size(&location.join(name)))
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind("missing"), ErrorKind::NotFound);
    assert_eq!(kind("file/below"), ErrorKind::NotFound);
    assert_eq!(
        block_on(LocalStore::default().size(&location))
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    let status = std::process::Command::new("mkfifo")
        .arg(dir.path().join("pipe"))
        .status();
    if status.is_ok_and(|status| status.success()) {
        assert_eq!(kind("pipe"), ErrorKind::Unsupported);
    }
    let device = Location::parse("/dev/null").unwrap();
    let error = block_on(LocalStore::default().read(&device, 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    fs::set_permissions(dir.path().join("file"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    if fs::read(dir.path().join("file")).is_err() {
        assert_eq!(kind("file"), ErrorKind::Denied);
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let (dir, location) = folder();
    let path = dir.path().join("file");
    fs::write(&path, [1; 1000]).unwrap();
    let object = location.join("file");

    let file = OpenFile::open(&object).unwrap();
    fs::write(&path, [2; 10]).unwrap();
    assert_eq!(
        file.read(&object, &(0..1000)).unwrap_err().kind(),
        ErrorKind::Precondition
    );
    assert_eq!(
        file.check_unchanged(&object).unwrap_err().kind(),
        ErrorKind::Precondition
    );

    let file = OpenFile::open(&object).unwrap();
    fs::write(dir.path().join("new"), [3; 10]).unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    assert_eq!(
        file.read(&object, &(0..10)).unwrap(),
        vec![2; 10],
        "the old file is still whole"
    );
    file.check_unchanged(&object).unwrap();
}

#[test]
fn claimed_lengths_allocate_nothing() {
    let (dir, location) = folder();
    fs::write(dir.path().join("file"), "tiny").unwrap();
    let object = location.join("file");
    for range in [0..5, 4..5, 0..1 << 50, u64::MAX - 1..u64::MAX, 5..u64::MAX] {
        let answer = LocalStore::default()
            .read_ranges_here(&object, &[0..1, range])
            .unwrap();
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn bytes_are_the_same_with_and_without_a_runtime() {
    let (dir, location) = folder();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(dir.path().join("file"), &content).unwrap();
    let object = location.join("file");
    let ranges = [
        0..12_000_000,
        7..8,
        5_000_000..5_000_100,
        100..100,
        11_999_999..12_000_000,
    ];
    let here = LocalStore::default()
        .read_ranges_here(&object, &ranges)
        .unwrap()
        .unwrap();
    let without = block_on(LocalStore::default().read_ranges(&object, &ranges)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let with = runtime
        .block_on(LocalStore::default().read_ranges(&object, &ranges))
        .unwrap();
    for ((range, here), (without, with)) in ranges.iter().zip(here).zip(without.iter().zip(with)) {
        assert_eq!(here, content[range.start as usize..range.end as usize]);
        assert_eq!(here, without);
        assert_eq!(here, with);
    }
}
