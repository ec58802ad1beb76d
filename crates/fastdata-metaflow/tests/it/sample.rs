//! A small run, written and looked at.

use std::sync::Arc;

use fastdata_metaflow::client::{Client, State, Stream};
use fastdata_metaflow::layout::{PathSpec, TaskPath};
use fastdata_metaflow::pickle::{Value, to_value, to_vec};
use fastdata_metaflow::{Datastore, Metadata, RunOptions, RunWriter, TaskFacts};

/// What tells runs of tests from others.
pub(crate) fn options() -> RunOptions {
    let mut options = RunOptions::default();
    options.user = "tester".to_owned();
    options.tags = vec!["small".to_owned()];
    options
}

fn graph() -> Value {
    let steps = serde_json::json!({
        "start": {"name": "start", "type": "start", "next": ["end"]},
        "end": {"name": "end", "type": "end", "next": []},
    });
    to_value(&serde_json::json!({"start_step": "start", "end_step": "end", "steps": steps}))
        .unwrap()
}

/// A run of two steps: `start` fails once, `end` passes one artifact on and makes one. Returns its
/// id.
pub(crate) fn write(datastore: &Arc<Datastore>, metadata: &Arc<Metadata>, rate: f64) -> String {
    let run = RunWriter::begin(
        Arc::clone(datastore),
        Arc::clone(metadata),
        "Sample",
        options(),
    )
    .unwrap();
    let parameters = [("rate", Value::Float(rate))];
    run.parameters(&parameters, &graph(), ("start", "end"))
        .unwrap();
    let start = run.new_task("start").unwrap();
    run.task(&start, 0, &TaskFacts::default())
        .unwrap()
        .done(false)
        .unwrap();
    let mut again = run.task(&start, 1, &TaskFacts::default()).unwrap();
    let words = Value::List(vec!["a".into(), "b".into()]);
    let kept = again.save_value("words", &words).unwrap().clone();
    again.done(true).unwrap();
    let end = run.new_task("end").unwrap();
    let mut last = run.task(&end, 0, &TaskFacts::default()).unwrap();
    last.reference("words", kept).unwrap();
    last.save("score", &to_vec(&(rate * 2.0)).unwrap(), "<class 'float'>")
        .unwrap();
    let log = "[MFLOG|0|2026-01-01T00:00:00.000000Z|task|x]done\n";
    datastore
        .write(
            &last
                .path()
                .file(0, fastdata_metaflow::layout::TaskFile::TaskStdout),
            log,
        )
        .unwrap();
    last.done(true).unwrap();
    run.id().to_owned()
}

/// That a client sees the run as it was written.
pub(crate) fn look(client: &Client, id: &str, rate: f64) {
    let run = client
        .run(&format!("Sample/{id}").parse::<PathSpec>().unwrap())
        .unwrap();
    assert_eq!(run.state().unwrap(), State::Succeeded);
    assert_eq!(
        (run.user(), run.tags()),
        (Some("tester"), &["small".to_owned()][..])
    );
    let names: Vec<_> = run
        .steps()
        .unwrap()
        .iter()
        .map(|step| step.name())
        .collect();
    assert_eq!(names, ["start", "end"]);
    let parameters = run.parameters().unwrap();
    let parameter = parameters
        .iter()
        .find(|artifact| artifact.name() == "rate")
        .unwrap();
    assert_eq!(parameter.load::<f64>().unwrap(), rate);
    assert_eq!(
        run.result("score").unwrap().load::<f64>().unwrap(),
        rate * 2.0
    );
    assert_eq!(
        run.result("words").unwrap().load::<Vec<String>>().unwrap(),
        ["a", "b"]
    );
    assert!(run.graph_info().unwrap().unwrap().get("steps").is_some());
    let start = &run.tasks("start").unwrap()[0];
    let attempts: Vec<_> = start
        .attempts()
        .unwrap()
        .iter()
        .map(|attempt| (attempt.is_done, attempt.is_ok))
        .collect();
    assert_eq!(attempts, [(true, Some(false)), (true, Some(true))]);
    assert_eq!(
        start.artifact("words").unwrap().key(),
        run.result("words").unwrap().key()
    );
    let end: TaskPath = format!("Sample/{id}/end/{}", run.tasks("end").unwrap()[0].id())
        .parse()
        .unwrap();
    let log = client
        .task(&end)
        .unwrap()
        .log(&[Stream::Stdout], None)
        .unwrap();
    assert_eq!(&log[0].text[..], b"done");
}
