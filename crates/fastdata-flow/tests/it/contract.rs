//! The commands beside `run`: what another scheduler calls, and what looks at past runs.

use fastdata_metaflow::client::State;

use crate::program::Program;

#[test]
fn another_scheduler_runs_it() {
    let program = Program::new("foreach");
    let parameters = program.succeed(&["init", "--run-id", "argo-x", "--count", "2"]);
    assert_eq!(parameters.trim(), "argo-x/_parameters/0");
    let step = |step: &str, task: &str, inputs: &str, more: &[&str]| {
        let args = [
            "step",
            step,
            "--run-id",
            "argo-x",
            "--task-id",
            task,
            "--input-paths",
            inputs,
        ];
        program.succeed(&[&args, more].concat());
    };
    step("start", "t-1", "argo-x/_parameters/0", &[]);
    step(
        "measure",
        "t-a",
        "argo-x/start/t-1",
        &["--split-index", "0"],
    );
    step(
        "measure",
        "t-b",
        "argo-x/start/t-1",
        &["--split-index", "1", "--retry-count", "0"],
    );
    let no_index = [
        "step",
        "measure",
        "--run-id",
        "argo-x",
        "--task-id",
        "c",
        "--input-paths",
        "argo-x/start/t-1",
    ];
    assert!(program.fail(&no_index, 2).contains("--split-index"));
    step("join", "t-j", "argo-x/measure/:t-a,t-b", &[]);
    step("end", "t-e", "argo-x/join/t-j", &[]);
    assert_eq!(program.latest().state().unwrap(), State::Succeeded);
    let lengths = program.latest().result("lengths").unwrap();
    assert_eq!(lengths.load::<Vec<i64>>().unwrap(), [6, 6]);
    assert!(
        program
            .fail(
                &[
                    "step",
                    "nowhere",
                    "--run-id",
                    "1",
                    "--task-id",
                    "1",
                    "--input-paths",
                    "1/a/1"
                ],
                2
            )
            .contains("nowhere")
    );
}

#[test]
fn looked_at() {
    let program = Program::new("nested_foreach");
    assert!(program.succeed(&["check"]).contains("is sound"));
    let drawn = program.succeed(&["show"]);
    assert!(drawn.contains("start → row for each of rows"), "{drawn}");
    assert!(
        program
            .succeed(&["show", "--json"])
            .contains("\"matching_join\"")
    );
    assert!(program.fail(&["logs"], 4).contains("no run yet"));
    let run = program.run(&["--tag", "a"]);
    assert!(
        program
            .succeed(&["dump", &format!("{run}/end/12")])
            .contains("total")
    );
    assert_eq!(
        program
            .succeed(&["dump", &format!("{run}/end/12"), "--name", "total"])
            .trim(),
        "19"
    );
    assert_eq!(
        program
            .succeed(&["tag", "--add", "b", "--remove", "a"])
            .trim(),
        "b"
    );
    assert_eq!(program.latest().tags(), ["b"]);
    assert!(program.fail(&["dump", "1/end/1"], 4).contains("not done"));
    // A run that is over is followed to its end at once.
    assert!(program.succeed(&["logs", "--follow"]).contains("total 19"));
}

#[test]
fn spun() {
    let program = Program::new("nested_foreach");
    program.run(&[]);
    let files = || program.client().datastore().tree("").unwrap().len();
    let before = files();
    let printed = program.succeed(&["spin", "join_row"]);
    assert!(printed.contains("row_sum  <class 'int'>"), "{printed}");
    assert!(program.succeed(&["spin", "cell"]).contains("square"));
    assert_eq!(files(), before);
}

#[test]
fn resumed_from_a_step() {
    let program = Program::new("recursion");
    let first = program.run(&[]);
    program.succeed(&["resume", "--from", "end", "--tag", "again"]);
    let again = program.latest();
    assert_ne!(again.id(), first);
    assert_eq!(
        again.origin_run_id().unwrap().as_deref(),
        Some(first.as_str())
    );
    assert_eq!(again.tasks("improve").unwrap().len(), 4);
    assert!(
        program
            .fail(&["resume", "--from", "nowhere"], 2)
            .contains("nowhere")
    );
    assert!(
        program
            .fail(&["resume", "--origin-run-id", "1"], 4)
            .contains("nothing to go on with")
    );
}
