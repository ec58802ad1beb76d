//! What goes wrong ends in a clear state, and the next command goes on from there.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use fastdata_metaflow::client::State;
use rustix::process::{Pid, Signal, kill_process};

use crate::program::Program;

/// The end of the flow `trouble`, and what is known of its failed task.
#[track_caller]
fn fails(how: &str, expected: &str) -> Program {
    let program = Program::new("trouble");
    let stderr = program.fail(&["run", "--how", how], 1);
    assert!(stderr.contains(expected), "{stderr}");
    assert!(
        stderr.trim_end().ends_with("go on with `resume`"),
        "{stderr}"
    );
    assert_eq!(program.latest().state().unwrap(), State::Failed, "{how}");
    program
}

#[test]
fn a_panic() {
    let program = fails("panic", "panicked: on purpose");
    let task = program.latest().tasks("middle").unwrap().remove(0);
    let exception: String = task.artifact("_exception").unwrap().load().unwrap();
    assert_eq!(exception, "panicked: on purpose");
    // What it had set is there to be looked at.
    assert_eq!(task.artifact("during").unwrap().load::<i64>().unwrap(), 2);
    assert!(program.succeed(&["logs"]).contains("on purpose"));
}

#[test]
fn a_process_that_ends_itself() {
    fails("exit", "ended before its results were stored");
}

#[test]
fn children_left_behind_hold_nobody_up() {
    Program::new("trouble").run(&["--how", "leave"]);
}

#[test]
fn output_that_is_no_text() {
    let program = Program::new("trouble");
    program.run(&["--how", "not_utf8"]);
    let logs = program.succeed(&["logs"]);
    assert!(
        logs.contains("\u{fffd}\u{fffd} no text") && logs.contains("last line without an end"),
        "{logs}"
    );
}

#[test]
fn a_gigabyte_of_output() {
    let program = Program::new("trouble");
    let mut command = program.command(&["run", "--how", "print", "--kilobytes", "1000000"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = 0;
    let mut stderr = child.stderr.take().unwrap();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        printed += count;
    }
    assert!(child.wait().unwrap().success());
    let task = program.latest().tasks("middle").unwrap().remove(0);
    let log = program
        .client()
        .datastore()
        .read(&format!("{}/0.task_stdout.log", task.path()))
        .unwrap();
    assert!(
        log.len() < 17 << 20 && printed < 40 << 20,
        "{} {printed}",
        log.len()
    );
    assert!(log.ends_with(b"the rest is left out]\n"));
}

/// Waits until a file of the run's task is there.
fn wait_for(program: &Program, what: &str) {
    for _ in 0..3000 {
        let files = program.client().datastore().tree("Trouble").unwrap();
        if files.iter().any(|file| file.path.contains(what)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("no {what} after 30 s");
}

#[test]
fn interrupted() {
    let program = Program::new("trouble");
    let mut command = program.command(&["run", "--how", "hang"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&program, "middle/2/0.attempt.json");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("stopping the tasks"), "{stderr}");
    let task = program.latest().tasks("middle").unwrap().remove(0);
    assert_eq!(task.fact("attempt_ok").unwrap().as_deref(), Some("False"));
    let runtime = program
        .client()
        .datastore()
        .read(&format!("{}/0.runtime", task.path()))
        .unwrap();
    let runtime = String::from_utf8_lossy(&runtime).into_owned();
    assert!(
        runtime.contains("\"killed\":true") && runtime.contains("\"success\":false"),
        "{runtime}"
    );
}

#[test]
fn a_full_disk() {
    // A limit on the length of files ends a write as a full disk does.
    let program = Program::new("trouble");
    let inner = program.command(&["run", "--how", "large"]);
    let mut command = std::process::Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]);
    command
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(program.folder.path());
    command.envs(
        inner
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
    // With room again the run goes on.
    let resumed = program.succeed(&["resume"]);
    assert_eq!(resumed.trim(), program.latest().path());
    assert_eq!(program.latest().state().unwrap(), State::Succeeded);
}

#[test]
fn no_object_store() {
    let program = Program::new("linear");
    let mut command = program.command(&["run", "--datastore", "s3://bucket/flows"]);
    command
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .env("AWS_REGION", "us-east-1");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("127.0.0.1:9"), "{stderr}");
}
