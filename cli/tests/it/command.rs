//! Running the command, and a small file to run it on.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use fastdata_testkit::Simulator;
use parquet::arrow::ArrowWriter;

/// The command with `args`, in an environment without variables of ours.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fastdata"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FASTDATA_") {
            command.env_remove(name);
        }
    }
    // A person's own configuration must not reach the tests.
    command
        .env("XDG_CONFIG_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("AWS_PROFILE");
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// The command with `args` that reaches the simulator's buckets.
pub(crate) fn over(simulator: &Simulator, args: &[&str]) -> Command {
    let mut command = command(args);
    command.envs(simulator.env());
    command
}

/// Lines in the notes of a download into `folder` that is under way with `--resume`.
pub(crate) fn noted(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let path = paths.find(|path| path.extension().is_some_and(|end| end == "notes"));
    path.map_or(0, |path| {
        std::fs::read_to_string(path).unwrap().lines().count()
    })
}

/// Runs the command, which must succeed, and returns its stdout.
#[track_caller]
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        text(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder and in it `rows.parquet`: three rows with the values that formats get wrong.
pub(crate) fn sample() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write(&path, &rows());
    (folder, path)
}

pub(crate) fn write(path: &Path, batch: &RecordBatch) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn rows() -> RecordBatch {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_value([]);
    lists.append_null();
    let mut maps = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    maps.keys().append_value(7);
    maps.values().append_value("x");
    maps.append(true).unwrap();
    maps.append(true).unwrap();
    maps.append(true).unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        (
            "name",
            Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None])),
        ),
        (
            "score",
            Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), None])),
        ),
        ("day", Arc::new(Date32Array::from(vec![0, 20_454, -1]))),
        ("list", Arc::new(lists.finish())),
        ("map", Arc::new(maps.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .unwrap()
}
