//! A datastore in a bucket: as in a folder, also when the store stops taking writes.

use std::process::Output;

use fastdata_metaflow::Client;
use fastdata_testkit::{Action, Fault, Operation, Simulator};

use crate::program::Program;

const ROOT: &str = "s3://bucket/flows";

fn command(program: &Program, server: &Simulator, args: &[&str]) -> Output {
    let mut command = program.command(args);
    command
        .env("FASTDATA_FLOW_DATASTORE", ROOT)
        .envs(server.env());
    command.output().unwrap()
}

#[track_caller]
fn succeed(program: &Program, server: &Simulator, args: &[&str]) -> String {
    let output = command(program, server, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_in_a_bucket() {
    let server = Simulator::start();
    server.make_bucket("bucket");
    let program = Program::new("foreach");
    let path = succeed(&program, &server, &["run"]);
    let run = path.trim().rsplit('/').next().unwrap();
    let logs = succeed(&program, &server, &["logs", &format!("{run}/end")]);
    assert!(logs.contains("4 words, 24 letters"), "{logs}");
    let client = Client::open(ROOT, server.config()).unwrap();
    let run = client
        .flow("Foreach")
        .unwrap()
        .latest_run()
        .unwrap()
        .unwrap();
    assert_eq!(
        run.result("lengths").unwrap().load::<Vec<i64>>().unwrap(),
        [6; 4]
    );
}

#[test]
fn a_bucket_that_takes_no_more() {
    let server = Simulator::start();
    server.make_bucket("bucket");
    let program = Program::new("foreach");
    let denied = Action::Status {
        status: 403,
        code: "AccessDenied".to_owned(),
        headers: Vec::new(),
    };
    // In the middle of the tasks of the foreach.
    server.inject(Fault::always(Operation::Put, denied).after(150));
    let output = command(&program, &server, &["run"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("go on with `resume`"), "{stderr}");
    server.heal();
    succeed(&program, &server, &["resume"]);
    let client = Client::open(ROOT, server.config()).unwrap();
    let run = client
        .flow("Foreach")
        .unwrap()
        .latest_run()
        .unwrap()
        .unwrap();
    assert!(run.origin_run_id().unwrap().is_some());
    assert_eq!(
        run.result("lengths").unwrap().load::<Vec<i64>>().unwrap(),
        [6; 4]
    );
}
