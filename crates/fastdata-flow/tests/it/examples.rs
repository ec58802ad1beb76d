//! Every example does what it says.

use fastdata_frame::Table;
use fastdata_metaflow::client::State;

use crate::program::Program;

/// Runs an example, and compares what its last step printed.
#[track_caller]
fn check(name: &'static str, args: &[&str], expected: &str) -> Program {
    let program = Program::new(name);
    let run = program.run(args);
    assert_eq!(program.latest().id(), run);
    assert_eq!(
        program.latest().state().unwrap(),
        State::Succeeded,
        "{name}"
    );
    let logs = program.succeed(&["logs", &format!("{run}/end")]);
    let texts: Vec<&str> = logs
        .lines()
        .filter_map(|line| line.split_once("] "))
        .map(|(_, text)| text)
        .collect();
    assert_eq!(texts.join("\n"), expected, "{name}");
    program
}

/// How many tasks the newest run has of a step.
#[track_caller]
fn count(program: &Program, step: &str) -> usize {
    program.latest().tasks(step).unwrap().len()
}

#[test]
fn in_a_row() {
    let program = check("linear", &["--tag", "mine"], "hello, the sum is 7");
    assert_eq!(program.latest().tags(), ["mine"]);
    assert!(
        program
            .latest()
            .system_tags()
            .contains(&"user:tester".to_owned())
    );
    assert_eq!(
        program
            .latest()
            .result("sum")
            .unwrap()
            .load::<f64>()
            .unwrap(),
        7.0
    );
    // What was not set again is the same blob all along.
    let keys = ["start", "middle", "end"].map(|step| {
        let task = program.latest().tasks(step).unwrap().remove(0);
        task.artifact("greeting").unwrap().key().to_owned()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn side_by_side() {
    check("branch", &[], "sum 55, product 3628800");
}

#[test]
fn for_each() {
    let program = check(
        "foreach",
        &["--count", "25", "--max-workers", "8"],
        "25 words, 165 letters",
    );
    assert_eq!(count(&program, "measure"), 25);
    let few = program.fail(&["run", "--count", "25", "--max-num-splits", "24"], 1);
    assert!(
        few.contains("25 tasks; allow that with --max-num-splits"),
        "{few}"
    );
    let none = program.fail(&["run", "--count", "0"], 1);
    assert!(none.contains("the list words is empty"), "{none}");
    assert!(
        program
            .fail(&["run", "--count", "many"], 2)
            .contains("--count")
    );
}

#[test]
fn for_each_in_each() {
    let program = check("nested_foreach", &[], "total 19");
    assert_eq!(
        (count(&program, "cell"), count(&program, "join_row")),
        (5, 2)
    );
}

#[test]
fn one_of_two_ways() {
    let program = check("switch", &[], "done by hand");
    program.run(&["--amount", "100"]);
    assert_eq!(
        (count(&program, "by_hand"), count(&program, "by_machine")),
        (0, 1)
    );
}

#[test]
fn again_and_again() {
    let program = check("recursion", &["--number", "2"], "1.414214");
    assert_eq!(count(&program, "improve"), 4);
}

#[test]
fn tried_again() {
    let program = check("retry", &[], "attempt 2");
    let task = program.latest().tasks("start").unwrap().remove(0);
    assert_eq!(task.attempts().unwrap().len(), 3);
}

#[test]
fn caught() {
    check(
        "catch",
        &[],
        "fine\ndivision by zero\nthe process died in each attempt",
    );
}

#[test]
fn ended_in_time() {
    check("timeout", &[], "attempt 1");
}

#[test]
fn parameters_of_all_kinds() {
    let program = Program::new("parameters");
    let write =
        |name: &str, text: &str| std::fs::write(program.folder.path().join(name), text).unwrap();
    write("settings.toml", "offset = 4");
    write("other.json", "{\"offset\": 10}");
    write("text.txt", "one two three");
    let score = |args: &[&str]| {
        let run = program.run(&[&["--text", "text.txt"], args].concat());
        let logs = program.succeed(&["logs", &format!("{run}/end")]);
        logs.trim().split_once("] ").unwrap().1.to_owned()
    };
    assert_eq!(score(&[]), "plain: 13");
    assert_eq!(
        score(&[
            "--rounds",
            "2",
            "--scale=-0.5",
            "--loud",
            "--style",
            "fancy"
        ]),
        "fancy: -5 !"
    );
    assert_eq!(score(&["--settings", "other.json"]), "plain: 19");
    // The file is part of the run.
    write("text.txt", "");
    assert_eq!(
        program
            .latest()
            .result("text")
            .unwrap()
            .load::<String>()
            .unwrap(),
        "one two three"
    );
    assert!(program.fail(&["run"], 2).contains("--text"));
    assert!(
        program
            .fail(&["run", "--text", "gone.txt"], 4)
            .contains("gone.txt")
    );
    assert!(
        program
            .fail(&["run", "--text", "text.txt", "--style", "odd"], 2)
            .contains("fancy")
    );
    write("settings.toml", "offset = ");
    assert!(
        program
            .fail(&["run", "--text", "text.txt"], 2)
            .contains("settings")
    );
    let help = program.succeed(&["run", "--help"]);
    assert!(
        help.contains("How often") && help.contains("[default: 3]"),
        "{help}"
    );
}

#[test]
fn remembered() {
    let program = check("memo", &[], "sum 14");
    let worked = |program: &Program| program.succeed(&["logs"]).matches("worked on").count();
    assert_eq!(worked(&program), 3);
    program.run(&[]);
    assert_eq!(worked(&program), 0);
    assert_eq!(
        program
            .latest()
            .result("sum")
            .unwrap()
            .load::<i64>()
            .unwrap(),
        14
    );
    program.run(&["--upto", "4"]);
    assert_eq!(worked(&program), 4);
}

#[test]
fn tables_matched_in_shards() {
    let program = check(
        "tables",
        &["--rows", "3000", "--shards", "3"],
        "1000 orders matched",
    );
    let result = program.folder.path().join("tables/result.parquet");
    let rows = Table::new(result.display().to_string())
        .get_all(None)
        .unwrap();
    assert_eq!((rows.num_rows(), rows.num_columns()), (1000, 3));
    assert_eq!(count(&program, "match_shard"), 3);
}
