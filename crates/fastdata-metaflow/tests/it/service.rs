//! Runs that a metadata service knows: a small one that keeps everything in memory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastdata_metaflow::client::Client;
use fastdata_metaflow::layout::PathSpec;
use fastdata_metaflow::{Datastore, ErrorKind, Metadata, RunWriter, ServiceConfig, TaskFacts};
use fastdata_store::{Secret, StoreConfig};
use serde_json::{Value, json};

use crate::sample::{look, options, write};

/// Objects by their paths; artifacts and metadata by the path of their task.
#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    artifacts: BTreeMap<String, Vec<Value>>,
    metadata: BTreeMap<String, Vec<Value>>,
    heartbeats: BTreeMap<String, usize>,
    next_id: i64,
    /// How many requests are answered with 503 first.
    busy: usize,
}

/// Where a service listens. It goes on until the process ends.
fn start(state: Arc<Mutex<State>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || serve(stream.unwrap(), &state));
        }
    });
    url
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let (mut len, mut key) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            match line.trim().split_once(": ") {
                Some(("content-length", value)) => len = value.parse().unwrap(),
                Some(("x-api-key", value)) => key = value.to_owned(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; len];
        reader.read_exact(&mut body).unwrap();
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let path = path.strip_prefix("/api").unwrap();
        let (status, answer) = match key.as_str() {
            "secret" => answer(&mut state.lock().unwrap(), method, path, body),
            _ => (403, json!({"message": "Forbidden"})),
        };
        let answer = answer.to_string();
        write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )
        .unwrap();
    }
}

fn answer(state: &mut State, method: &str, path: &str, body: Value) -> (u16, Value) {
    if state.busy > 0 {
        state.busy -= 1;
        return (503, json!({}));
    }
    let (folder, last) = path.rsplit_once('/').unwrap();
    let (folder, last) = (folder.to_owned(), last.to_owned());
    match (method, last.as_str()) {
        ("POST", "artifact") => {
            let all = state.artifacts.entry(folder).or_default();
            all.extend(body.as_array().unwrap().clone());
            (200, json!({}))
        }
        ("POST", "metadata") => {
            let all = state.metadata.entry(folder).or_default();
            all.extend(body.as_array().unwrap().clone());
            (200, json!({}))
        }
        ("POST", "heartbeat") => {
            *state.heartbeats.entry(folder).or_default() += 1;
            // An object in a string, as Metaflow's service has it.
            (200, r#"{"wait_time_in_seconds": 0.01}"#.into())
        }
        ("POST", "run") => numbered(state, &format!("{folder}/runs"), "run_number", body),
        ("POST", "step") => {
            state.objects.insert(folder, body.clone());
            (200, body)
        }
        ("POST", "task") => numbered(state, &format!("{folder}/tasks"), "task_id", body),
        ("POST", _) => {
            state.objects.insert(path.to_owned(), body.clone());
            (200, body)
        }
        ("PATCH", "mutate") => {
            let run = folder.strip_suffix("/tag").unwrap();
            let object = state.objects.get_mut(run).unwrap();
            let mut tags: Vec<Value> = object["tags"].as_array().unwrap().clone();
            tags.retain(|tag| !body["tags_to_remove"].as_array().unwrap().contains(tag));
            tags.extend(body["tags_to_add"].as_array().unwrap().clone());
            object["tags"] = tags.clone().into();
            (200, json!({"tags": tags}))
        }
        ("GET", "metadata") => (
            200,
            state
                .metadata
                .get(&folder)
                .cloned()
                .unwrap_or_default()
                .into(),
        ),
        ("GET", "artifacts") => {
            let (task, attempt) = folder.rsplit_once("/attempt/").unwrap();
            let all = state.artifacts.get(task).cloned().unwrap_or_default();
            let attempt: i64 = attempt.parse().unwrap();
            (
                200,
                all.into_iter()
                    .filter(|one| one["attempt_id"] == attempt)
                    .collect(),
            )
        }
        ("GET", "flows" | "runs" | "steps" | "tasks") => {
            let below = format!("{path}/");
            let found = state.objects.iter().filter(|(known, _)| {
                known
                    .strip_prefix(&below)
                    .is_some_and(|rest| !rest.contains('/'))
            });
            (200, found.map(|(_, object)| object.clone()).collect())
        }
        ("GET", _) => match state.objects.get(path) {
            Some(object) => (200, object.clone()),
            None => (404, json!({"message": "not found"})),
        },
        _ => (405, Value::Null),
    }
}

/// A service counts runs and tasks itself, over all flows.
fn numbered(state: &mut State, folder: &str, field: &str, mut body: Value) -> (u16, Value) {
    state.next_id += 1;
    body[field] = state.next_id.into();
    state
        .objects
        .insert(format!("{folder}/{}", state.next_id), body.clone());
    (200, body)
}

fn config(url: &str, key: &str) -> ServiceConfig {
    let store = StoreConfig {
        retries: 3,
        ..StoreConfig::default()
    };
    let mut config = ServiceConfig::at(url, store);
    config.headers = vec![("x-api-key".to_owned(), Secret::new(key))];
    config
}

#[test]
fn written_and_read() {
    let state = Arc::new(Mutex::new(State::default()));
    let url = start(Arc::clone(&state));
    let dir = tempfile::tempdir().unwrap();
    let datastore =
        Arc::new(Datastore::open(dir.path().to_str().unwrap(), StoreConfig::default()).unwrap());
    let metadata = Arc::new(Metadata::service(config(&url, "secret")).unwrap());
    let client = Client::new(Arc::clone(&datastore), Arc::clone(&metadata));
    assert!(client.flows().unwrap().is_empty());
    let id = write(&datastore, &metadata, 0.5);
    assert_eq!(id, "1");
    look(&client, &id, 0.5);
    state.lock().unwrap().busy = 2;
    let path: PathSpec = "Sample/1".parse().unwrap();
    let mut run = client.run(&path).unwrap();
    run.change_tags(&["new".to_owned()], &[]).unwrap();
    assert_eq!(client.run(&path).unwrap().tags(), ["small", "new"]);
    // No file beside the artifacts tells of the run.
    assert!(!dir.path().join(".metaflow/Sample/_meta").exists());
    let missing = client.run(&"Sample/7".parse().unwrap()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

/// Waits for three more signs of life of what lies at a path.
fn await_heartbeats(state: &Mutex<State>, path: &str) {
    let count = || {
        state
            .lock()
            .unwrap()
            .heartbeats
            .get(path)
            .copied()
            .unwrap_or(0)
    };
    let enough = count() + 3;
    let until = Instant::now() + Duration::from_secs(30);
    while count() < enough {
        assert!(Instant::now() < until, "no sign of life of {path}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signs_of_life() {
    let state = Arc::new(Mutex::new(State::default()));
    let url = start(Arc::clone(&state));
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap();
    let datastore = Arc::new(Datastore::open(root, StoreConfig::default()).unwrap());
    let metadata = Arc::new(Metadata::service(config(&url, "secret")).unwrap());
    let run = RunWriter::begin(datastore, metadata, "Sample", options()).unwrap();
    await_heartbeats(&state, "/flows/Sample/runs/1");
    let path = run.new_task("start").unwrap();
    let task = run.task(&path, 0, &TaskFacts::default()).unwrap();
    let task_path = format!("/flows/Sample/runs/1/steps/start/tasks/{}", path.task);
    await_heartbeats(&state, &task_path);
    task.done(true).unwrap();
    // The last one may still have been on its way.
    std::thread::sleep(Duration::from_millis(100));
    let last = state.lock().unwrap().heartbeats[&task_path];
    await_heartbeats(&state, "/flows/Sample/runs/1");
    assert_eq!(state.lock().unwrap().heartbeats[&task_path], last);
}

#[test]
fn refused_and_unreachable() {
    let url = start(Arc::default());
    let metadata = Metadata::service(config(&url, "wrong")).unwrap();
    let error = metadata.flows().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(!format!("{error:?}{metadata:?}").contains("wrong"));
    let mut nobody = config("http://127.0.0.1:9", "x");
    nobody.store.retries = 0;
    let error = Metadata::service(nobody).unwrap().flows().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    for wrong in ["", "service", "ftp://x"] {
        Metadata::service(config(wrong, "x")).unwrap_err();
    }
}
