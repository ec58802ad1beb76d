//! The example programs, each with a datastore of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fastdata_metaflow::Client;
use fastdata_metaflow::client::Run;
use fastdata_store::StoreConfig;
use tempfile::TempDir;

/// One example in a folder of its own.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) folder: TempDir,
}

/// Cargo builds the examples beside the tests.
fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    let path = target.join("examples").join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo test -p fastdata-flow`",
        path.display()
    );
    path
}

impl Program {
    pub(crate) fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { name, folder }
    }

    pub(crate) fn root(&self) -> String {
        let root = self.folder.path().join(".metaflow");
        root.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(path(self.name));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("FASTDATA_FLOW_DATASTORE", self.root())
            .env("METAFLOW_USER", "tester")
            .env("RUST_BACKTRACE", "0")
            .env_remove("METAFLOW_SERVICE_URL");
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Stdout of a command that has to succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, args: &[&str]) -> String {
        let output = self.output(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {args:?}: {stderr}", self.name);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stderr of a command that has to fail with `code`.
    #[track_caller]
    pub(crate) fn fail(&self, args: &[&str], code: i32) -> String {
        let output = self.output(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{} {args:?}: {stderr}",
            self.name
        );
        stderr
    }

    /// Runs the flow and gives the id of the run.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let label = self.succeed(&[&["run"], args].concat());
        label.trim().rsplit('/').next().unwrap().to_owned()
    }

    pub(crate) fn client(&self) -> Client {
        Client::open(&self.root(), StoreConfig::default()).unwrap()
    }

    /// The newest run.
    pub(crate) fn latest(&self) -> Run {
        let flows = self.client().flows().unwrap();
        flows[0].latest_run().unwrap().unwrap()
    }
}

/// What a task is called whatever its id: step, places in foreachs, repetition.
pub(crate) type Place = (String, Vec<usize>, usize);

/// The artifacts of every complete task of a run, each by its hash.
pub(crate) fn artifacts(
    client: &Client,
    flow: &str,
    run: &str,
) -> BTreeMap<Place, BTreeMap<String, String>> {
    let datastore = client.datastore();
    let mut found = BTreeMap::new();
    for path in client.metadata().task_paths(flow, run, None).unwrap() {
        let Ok(task) = datastore.stored_task(&path) else {
            continue;
        };
        if !task.is_ok(datastore).unwrap() {
            continue;
        }
        let index = task
            .frames(datastore)
            .unwrap()
            .iter()
            .map(|frame| frame.index)
            .collect();
        let place = (path.step, index, task.iteration(datastore).unwrap());
        let own = task
            .artifacts
            .into_iter()
            .filter(|(name, _)| !name.starts_with('_'));
        let keys = own.map(|(name, artifact)| (name, artifact.key)).collect();
        assert!(
            found.insert(place, keys).is_none(),
            "two tasks in one place"
        );
    }
    found
}
