//! Runs in folders.

use std::collections::HashSet;
use std::sync::Arc;

use fastdata_metaflow::client::{Client, State};
use fastdata_metaflow::diff::diff;
use fastdata_metaflow::layout::PathSpec;
use fastdata_metaflow::pickle::Value;
use fastdata_metaflow::report::{PAGE_BYTES_MAX, report};
use fastdata_metaflow::{Datastore, ErrorKind, Metadata, RunWriter, TaskFacts};
use fastdata_store::StoreConfig;

use crate::sample::{look, options, write};

fn open(dir: &tempfile::TempDir) -> (Arc<Datastore>, Arc<Metadata>, Client) {
    let datastore = Datastore::open(dir.path().to_str().unwrap(), StoreConfig::default()).unwrap();
    let datastore = Arc::new(datastore);
    let metadata = Arc::new(Metadata::files(Arc::clone(&datastore)));
    let client = Client::new(Arc::clone(&datastore), Arc::clone(&metadata));
    (datastore, metadata, client)
}

#[test]
fn written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let (datastore, metadata, client) = open(&dir);
    let one = write(&datastore, &metadata, 0.5);
    let two = write(&datastore, &metadata, 0.75);
    look(&client, &one, 0.5);
    look(&client, &two, 0.75);
    let flow = client.flow("Sample").unwrap();
    let runs = flow.runs().unwrap();
    assert_eq!(
        runs.iter().map(|run| run.id()).collect::<Vec<_>>(),
        [two.as_str(), &one]
    );
    assert_eq!(runs[0].previous().unwrap().unwrap().id(), one);
    let diff = diff(&runs[1], &runs[0]).unwrap();
    let changed: Vec<_> = diff
        .parameters
        .iter()
        .chain(&diff.artifacts)
        .map(|change| change.name.as_str())
        .collect();
    assert_eq!(changed, ["rate", "score"]);
    let page = report(&runs[0], Some(&runs[1])).unwrap();
    assert!(
        page.len() < PAGE_BYTES_MAX && page.contains("Compared with") && !page.contains("<script")
    );
    // Equal values are stored once.
    let keys = |run: usize| {
        let end = runs[run].end_task().unwrap().unwrap();
        end.artifacts()
            .unwrap()
            .iter()
            .map(|artifact| artifact.key().to_owned())
            .collect::<HashSet<_>>()
    };
    assert!(keys(0).intersection(&keys(1)).count() >= 3);
}

#[test]
fn cut_off_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let (datastore, metadata, client) = open(&dir);
    let run = RunWriter::begin(
        Arc::clone(&datastore),
        Arc::clone(&metadata),
        "Cut",
        options(),
    )
    .unwrap();
    let path: PathSpec = format!("Cut/{}", run.id()).parse().unwrap();
    assert_eq!(
        client.run(&path).unwrap().state().unwrap(),
        State::Unfinished
    );
    let task = run.new_task("end").unwrap();
    let mut writer = run.task(&task, 0, &TaskFacts::default()).unwrap();
    writer.save_value("x", &Value::Int(1)).unwrap();
    let before = client.task(&task).unwrap();
    assert_eq!(
        (before.state().unwrap(), before.artifacts().unwrap().len()),
        (State::Unfinished, 0)
    );
    writer.done(true).unwrap();
    let done = client.task(&task).unwrap();
    assert_eq!(done.artifact("x").unwrap().load::<i64>().unwrap(), 1);
    // An attempt that was begun later hides it.
    drop(run.task(&task, 1, &TaskFacts::default()).unwrap());
    let hidden = client.task(&task).unwrap();
    assert_eq!(
        (hidden.state().unwrap(), hidden.artifacts().unwrap().len()),
        (State::Unfinished, 0)
    );
    assert_eq!(
        hidden.artifacts_of(0).unwrap().len(),
        done.artifacts().unwrap().len()
    );
    let error = run.task(&task, 6, &TaskFacts::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn tags_change() {
    let dir = tempfile::tempdir().unwrap();
    let (datastore, metadata, client) = open(&dir);
    let id = write(&datastore, &metadata, 0.5);
    let path: PathSpec = format!("Sample/{id}").parse().unwrap();
    let mut run = client.run(&path).unwrap();
    run.change_tags(&["new".to_owned()], &["small".to_owned()])
        .unwrap();
    assert_eq!(client.run(&path).unwrap().tags(), ["new"]);
    for wrong in ["", " x", &"x".repeat(501)] {
        run.change_tags(&[wrong.to_owned()], &[]).unwrap_err();
    }
    run.change_tags(&[], &["user:tester".to_owned()])
        .unwrap_err();
    let many: Vec<_> = (0..51).map(|number| number.to_string()).collect();
    run.change_tags(&many, &[]).unwrap_err();
}

#[test]
fn many_begin_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (datastore, metadata, client) = open(&dir);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    RunWriter::begin(
                        Arc::clone(&datastore),
                        Arc::clone(&metadata),
                        "Crowd",
                        options(),
                    )
                    .unwrap();
                }
            });
        }
    });
    assert_eq!(client.flow("Crowd").unwrap().runs().unwrap().len(), 80);
}
