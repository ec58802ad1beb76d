//! Listings that are cut into pieces: every key once and in order, whatever the keys are, with few
//! more requests than pages.

use std::collections::BTreeSet;
use std::time::Duration;

use fastdata_store::{Entry, ErrorKind, Location, StoreConfig};
use fastdata_testkit::{Action, Fault, Model, Operation, Simulator};
use futures::{StreamExt, TryStreamExt};

use super::s3::{self, Fixture};

const BUCKET: &str = "listing";

struct World {
    simulator: Simulator,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new(simulator: Simulator) -> Self {
        simulator.make_bucket(BUCKET);
        Self {
            simulator,
            runtime: crate::runtime(),
        }
    }

    fn write(&self, keys: &BTreeSet<String>) {
        for key in keys {
            self.simulator.put(BUCKET, key, b"");
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, fastdata_store::Error> {
        let store = fastdata_store::open(self.simulator.config());
        let listed: Vec<_> = self
            .runtime
            .block_on(store.list(&at(folder)).try_collect())?;
        Ok(listed
            .iter()
            .map(|object| object.location.key().to_owned())
            .collect())
    }

    fn entries(&self, folder: &str) -> Vec<String> {
        let store = fastdata_store::open(self.simulator.config());
        let entries: Vec<Entry> = self
            .runtime
            .block_on(store.entries(&at(folder)).try_collect())
            .unwrap();
        entries.iter().map(|entry| entry.key().to_owned()).collect()
    }

    /// What a folder's listing has to be.
    #[track_caller]
    fn check(&self, keys: &BTreeSet<String>, folder: &str) {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let below = || {
            keys.iter()
                .filter(|key| key.starts_with(&prefix) && **key != prefix)
        };
        let expected: Vec<String> = below().cloned().collect();
        let listed = self.list(folder).unwrap();
        assert!(
            listed == expected,
            "{folder:?}: {} of {}",
            listed.len(),
            expected.len()
        );
        let entry = |key: &String| match key[prefix.len()..].find('/') {
            Some(slash) => key[..=prefix.len() + slash].to_owned(),
            None => key.clone(),
        };
        let expected: BTreeSet<String> = below().map(entry).collect();
        assert_eq!(self.entries(folder), Vec::from_iter(expected), "{folder:?}");
    }
}

fn at(key: &str) -> Location {
    Location::parse(&format!("s3://{BUCKET}/{key}")).unwrap()
}

/// Small numbers, always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) as usize % below
    }
}

/// Names that sort around the slash, and such that are odd.
const NAMES: [&str; 16] = [
    "a",
    "a-b",
    "a.b",
    "a0",
    "a b",
    "b",
    "",
    "ü",
    "\u{10ffff}",
    "%2F",
    "+",
    "#?&",
    "..",
    "A",
    "日本",
    "0",
];

#[test]
fn every_key_once_and_in_order() {
    for seed in 1..=40 {
        let world = World::new(Simulator::start());
        let mut dice = Dice(seed);
        let (names, depth) = (1 + dice.roll(NAMES.len()), 1 + dice.roll(4));
        let mut keys = BTreeSet::new();
        for number in 0..1500 {
            let mut key = String::new();
            for _ in 0..dice.roll(depth + 1) {
                key += NAMES[dice.roll(names)];
                key.push('/');
            }
            // Some are markers, some are called as a folder is, most are files.
            match dice.roll(12) {
                0 => {}
                1 => key += NAMES[dice.roll(names)],
                _ => key += &format!("{}{}", NAMES[dice.roll(names)], number),
            }
            if !key.is_empty() && !key.starts_with('/') {
                keys.insert(key);
            }
        }
        world.write(&keys);
        world.simulator.set_page_keys(20 + dice.roll(100));
        world.check(&keys, "");
        for folder in ["a", "b", "a/a", "a/", "ü"] {
            world.check(&keys, folder.trim_end_matches('/'));
        }
    }
}

/// Where folders share pieces: objects that are called as the text behind a folder.
#[test]
fn many_folders_and_what_lies_between_them() {
    let world = World::new(Simulator::start());
    let mut keys = BTreeSet::new();
    for folder in 0..150 {
        for file in 0..30 {
            keys.insert(format!("in/f{folder:03}/{file:02}"));
        }
        // `0` follows the slash; markers are keys of their own.
        keys.insert(format!("in/f{folder:03}0"));
        keys.insert(format!("in/f{folder:03}/"));
    }
    world.write(&keys);
    for page in [60, 97, 250, 1000] {
        world.simulator.set_page_keys(page);
        world.check(&keys, "in");
        world.check(&keys, "");
    }
}

#[test]
fn a_hundred_thousand_keys_in_few_round_trips() {
    let world = World::new(Simulator::with_model(Model::s3like(1, 0.0)));
    let keys: BTreeSet<String> = (0..100_000)
        .map(|number| format!("data/day={:02}/part-{number:06}", number % 40))
        .collect();
    world.write(&keys);
    assert!(world.list("data").unwrap().iter().eq(&keys));
    let requests = world.simulator.requests("list");
    // 100 pages, a short one in each folder, two that look for folders.
    assert!(requests <= 100 + 40 + 5, "{requests} requests");

    let flat: BTreeSet<String> = (0..5000)
        .map(|number| format!("flat/{number:06}"))
        .collect();
    world.write(&flat);
    let before = world.simulator.requests("list");
    assert!(world.list("flat").unwrap().iter().eq(&flat));
    let requests = world.simulator.requests("list") - before;
    assert!(
        requests <= 6,
        "{requests} requests for 5 pages without a folder"
    );

    let lone: BTreeSet<String> = (0..5000)
        .map(|number| format!("lone/{number:06}/x"))
        .collect();
    world.write(&lone);
    let before = world.simulator.requests("list");
    assert!(world.list("lone").unwrap().iter().eq(&lone));
    let requests = world.simulator.requests("list") - before;
    assert!(
        requests <= 6,
        "{requests} requests for 5 pages with a key a folder"
    );

    let before = world.simulator.requests("list");
    assert_eq!(world.entries("data").len(), 40);
    assert_eq!(
        world.simulator.requests("list") - before,
        1,
        "nothing below is listed"
    );
}

#[test]
fn one_that_breaks_in_a_piece_breaks_where_it_is() {
    let world = World::new(Simulator::start());
    let keys: BTreeSet<String> = (0..12_000)
        .map(|number| format!("f{:02}/{number:06}", number % 6))
        .collect();
    world.write(&keys);
    let broken = Action::Status {
        status: 403,
        code: "AccessDenied".into(),
        headers: Vec::new(),
    };
    for after in [1, 2, 3, 7, 11] {
        world.simulator.heal();
        let fault = Fault::always(Operation::List, broken.clone()).after(after);
        world.simulator.inject(fault);
        let store = fastdata_store::open(world.simulator.config());
        let listed: Vec<_> = world.runtime.block_on(store.list(&at("")).collect());
        let (last, before) = listed.split_last().unwrap();
        assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Denied);
        let mut expected = keys.iter();
        for object in before {
            let key = object.as_ref().unwrap().location.key();
            assert_eq!(
                Some(key),
                expected.next().map(String::as_str),
                "a hole before the error"
            );
        }
    }
}

/// A service may answer with nothing but where the listing goes on.
#[test]
fn pages_without_a_key_are_not_the_end() {
    let world = World::new(Simulator::start());
    let mut keys: BTreeSet<String> = (0..2000)
        .map(|number| format!("in/f{:02}/{number:06}", number % 7))
        .collect();
    keys.extend((0..100).map(|number| format!("in/f03-{number}")));
    world.write(&keys);
    world.simulator.set_page_keys(150);
    for (after, times) in [(0, 1), (0, 3), (1, 1), (2, 2), (5, 1), (13, 1), (3, 8)] {
        let fault = Fault {
            times,
            ..Fault::once(Operation::List, Action::EmptyPage).after(after)
        };
        let fault = world.simulator.inject(fault);
        assert!(
            world.list("in").unwrap().iter().eq(&keys),
            "{times} behind {after}"
        );
        assert_eq!(world.simulator.hits(fault), times);
        world.simulator.heal();
    }
    // The objects and folders of one level have one page.
    for times in [1, 4] {
        let fault = Fault {
            times,
            ..Fault::once(Operation::List, Action::EmptyPage)
        };
        let fault = world.simulator.inject(fault);
        assert_eq!(world.entries("in").len(), 107, "{times} behind 0");
        assert_eq!(world.simulator.hits(fault), times);
    }
}

/// What one page leaves off with, the next one begins behind, whatever the size of pages.
#[test]
fn pages_follow_each_other_in_order() {
    let world = World::new(Simulator::start());
    let keys: BTreeSet<String> = (0..90)
        .map(|number| {
            format!(
                "{}{}",
                NAMES[number % 5],
                "/".repeat(number % 2) + &number.to_string()
            )
        })
        .collect();
    world.write(&keys);
    for page in [1, 2, 3, 89, 90, 91] {
        world.simulator.set_page_keys(page);
        world.check(&keys, "");
        world.check(&keys, "a");
    }
}

/// A way down to many folders with few files, between objects that are called as the folders begin.
#[test]
fn every_server_lists_what_lies_deep() {
    Fixture::each(|fixture| {
        let mut keys: BTreeSet<String> = (0..4500)
            .map(|number| format!("deep/one/way/f{:03}/{number:06}", number % 150))
            .collect();
        for folder in (0..150).step_by(10) {
            keys.extend(["-", ".", "0", "!x"].map(|end| format!("deep/one/way/f{folder:03}{end}")));
        }
        for key in &keys {
            fixture.write_quickly(key, b"");
        }
        for folder in ["deep", "deep/one/way"] {
            let listing = fixture.store().list(&s3::object(folder)).try_collect();
            let listed: Vec<_> = fixture.runtime.block_on(listing).unwrap();
            let listed = listed.iter().map(|object| object.location.key());
            assert!(listed.eq(keys.iter().map(String::as_str)), "{folder}");
        }
        let way = s3::object("deep/one/way");
        let entries = fixture.store().entries(&way).try_collect();
        let entries: Vec<Entry> = fixture.runtime.block_on(entries).unwrap();
        let found: Vec<_> = entries.iter().map(Entry::key).collect();
        let folders = (0..150).map(|folder| format!("deep/one/way/f{folder:03}/"));
        let mut expected = BTreeSet::from_iter(folders);
        expected.extend(keys.into_iter().filter(|key| key.matches('/').count() == 3));
        assert!(found.iter().eq(&expected), "{} entries", found.len());
    });
}

/// Who may not ask for folders lists one page after the other.
#[test]
fn folders_that_may_not_be_asked_for() {
    let world = World::new(Simulator::start());
    let keys: BTreeSet<String> = (0..4000)
        .map(|number| format!("f{:02}/{number:06}", number % 6))
        .collect();
    world.write(&keys);
    let denied = Action::Status {
        status: 403,
        code: "AccessDenied".into(),
        headers: Vec::new(),
    };
    // The second request is the one for folders.
    let fault = Fault::once(Operation::List, denied).after(1);
    let fault = world.simulator.inject(fault);
    assert!(world.list("").unwrap().iter().eq(&keys));
    assert_eq!(world.simulator.hits(fault), 1);
    assert_eq!(world.simulator.requests("list"), 5);
}

/// Whoever stops listening ends the requests too.
#[test]
fn a_listing_that_is_dropped_ends() {
    let world = World::new(Simulator::start());
    let keys: BTreeSet<String> = (0..30_000)
        .map(|number| format!("f{:02}/{number:06}", number % 20))
        .collect();
    world.write(&keys);
    let config = StoreConfig {
        retries: 0,
        ..world.simulator.config()
    };
    let store = fastdata_store::open(config);
    world.runtime.block_on(async {
        let mut listed = store.list(&at(""));
        for _ in 0..1500 {
            listed.next().await.unwrap().unwrap();
        }
        drop(listed);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let then = world.simulator.requests("list");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.simulator.requests("list"), then);
    });
    assert!(
        world.simulator.requests("list") < 45,
        "a slow reader holds the pieces up"
    );
}

/// A folder that is alone in its folder is only the way to where the pieces are.
#[test]
fn long_pieces_are_cut_again() {
    let world = World::new(Simulator::start());
    let mut keys: BTreeSet<String> = (0..9000)
        .map(|number| format!("one/way/down/f{:02}/{number:06}", number % 12))
        .collect();
    keys.insert("one/way/down/f000".to_owned());
    keys.insert("tail".to_owned());
    world.write(&keys);
    for page in [37, 100, 1000] {
        world.simulator.set_page_keys(page);
        world.check(&keys, "");
        world.check(&keys, "one");
        world.check(&keys, "one/way/down");
    }
}
