//! Schedulers and tasks killed at random moments: what was complete stays, and nothing of it runs
//! again.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::program::{Place, Program, artifacts};

/// How many kills there are; `FASTDATA_FLOW_KILLS` asks for more or fewer.
fn kills() -> usize {
    let asked = std::env::var("FASTDATA_FLOW_KILLS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(60)
}

/// The process groups of the tasks that a scheduler has started.
fn tasks_of(scheduler: &Child) -> Vec<Pid> {
    let mut found = Vec::new();
    let id = scheduler.id();
    let threads = std::fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten()
        .flatten();
    for thread in threads {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        found.extend(children.filter_map(Pid::from_raw));
    }
    found
}

/// The tasks that began in a run, by the file in which they note it.
fn began(program: &Program, run: &str) -> Vec<Place> {
    let ledger =
        std::fs::read_to_string(program.folder.path().join("ledger.txt")).unwrap_or_default();
    let lines = ledger
        .lines()
        .filter(|line| line.starts_with(&format!("{run}/")));
    let place = |line: &str| {
        let (path, rest) = line.split_once(" [").unwrap();
        let (index, iteration) = rest.split_once("] ").unwrap();
        let index = index.split(", ").filter(|part| !part.is_empty());
        let index = index.map(|part| part.parse().unwrap()).collect();
        let step = path.split('/').nth(1).unwrap();
        (step.to_owned(), index, iteration.parse().unwrap())
    };
    lines.map(place).collect()
}

/// Starts a run or resumes one, and kills the scheduler or a task of it after a while. Tells
/// whether it came to its end before.
fn cut_off(program: &Program, args: &[&str], random: &mut StdRng, after_ms: u64) -> bool {
    let mut command = program.command(args);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(
        random.random_range(0..after_ms * 1000),
    ));
    let tasks = tasks_of(&child);
    match tasks.is_empty() || random.random_bool(0.5) {
        true => drop(kill_process(Pid::from_child(&child), Signal::KILL)),
        // It may have ended meanwhile.
        false => drop(kill_process_group(
            tasks[random.random_range(0..tasks.len())],
            Signal::KILL,
        )),
    }
    child.wait().unwrap().success()
}

#[test]
fn nothing_complete_is_lost_or_repeated() {
    let whole = Program::new("ledger");
    let id = whole.run(&[]);
    let expected = artifacts(&whole.client(), "Ledger", &id);
    assert_eq!(expected.len(), 18);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let (mut done, mut resumed) = (0, 0);
    let mut program = Program::new("ledger");
    while done < kills() {
        if resumed > 40 {
            // Listing a folder of many runs would take longer and longer.
            (program, resumed) = (Program::new("ledger"), 0);
        }
        let mut is_over = cut_off(&program, &["run"], &mut random, 400);
        done += 1;
        let client = program.client();
        let begun = client.datastore().exists("Ledger/latest_run").unwrap();
        if !begun {
            continue;
        }
        while !is_over {
            let before = latest(&program);
            let known = runs(&program);
            // Killed before it had parameters, it is run anew.
            let parameters = format!("Ledger/{before}/_parameters/0").parse().unwrap();
            if client.datastore().stored_task(&parameters).is_err() {
                break;
            }
            resumed += 1;
            let is_cut = done < kills() && random.random_bool(0.5);
            let complete: BTreeSet<Place> =
                artifacts(&client, "Ledger", &before).into_keys().collect();
            is_over = match is_cut {
                true => cut_off(
                    &program,
                    &["resume", "--origin-run-id", &before],
                    &mut random,
                    300,
                ),
                false => {
                    program.succeed(&["resume", "--origin-run-id", &before]);
                    true
                }
            };
            done += usize::from(is_cut);
            for run in runs(&program).difference(&known) {
                let again = began(&program, run);
                let again: Vec<&Place> = again
                    .iter()
                    .filter(|place| complete.contains(place))
                    .collect();
                assert!(
                    again.is_empty(),
                    "seed {seed}: complete in {before}, run again: {again:?}"
                );
            }
        }
        if is_over {
            let found = artifacts(&client, "Ledger", &latest(&program));
            assert_eq!(found, expected, "seed {seed}");
        }
    }
}

/// The ids of all runs, also of those that have nothing yet.
fn runs(program: &Program) -> BTreeSet<String> {
    let entries = program.client().datastore().list("Ledger").unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}

/// The run that `resume` would go on with.
fn latest(program: &Program) -> String {
    let file = program
        .client()
        .datastore()
        .read("Ledger/latest_run")
        .unwrap();
    String::from_utf8(file.to_vec()).unwrap()
}
